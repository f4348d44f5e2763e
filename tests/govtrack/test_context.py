"""What the frame of every page asks can be told before anybody knows who asks: a page that refuses a request early has it too."""

from django.test import RequestFactory

from govtrack.context_processors import deployment


def test_the_frame_of_a_page_is_told_of_a_request_without_anybody() -> None:
    request = RequestFactory().get("/")
    request.resolver_match = None
    told = deployment(request)
    assert (told["menu_section"], callable(told["audits"]), callable(told["administers_people"])) == (
        "",
        True,
        True,
    )
