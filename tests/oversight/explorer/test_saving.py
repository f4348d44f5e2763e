"""Saved views: whose they are, whom they are shared with, and that none shows more than its reader may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agencies.models import Agency, Membership, SavedView, User
from tests.pages import errors_on, read
from tests.subscriptions.factories import agency_at

pytestmark = pytest.mark.usefixtures("register")

SignIn = Callable[..., Client]
MakeUser = Callable[..., User]
PAGE = "/spending/explore/"
SAVE = f"{PAGE}save/"


@pytest.fixture
def jeju_committee(make_user: MakeUser) -> User:
    return make_user("committee_member", "KR-49")


def save(client: Client, query: str = "", **typed: str) -> Any:
    return client.post(f"{SAVE}?{query}", {"title": "Ours", **typed})


def titles(client: Client) -> list[str]:
    """The saved views that the explorer lists."""
    page = read(client.get(PAGE))
    return [link.text for links in page.by_class("gt-links") for link in links.all("a")]


def opened(client: Client, view: SavedView) -> str | int:
    """Where a view's own address leads, or the status."""
    response = client.get(reverse("oversight:explore-saved", args=[view.pk]))
    return str(response["Location"]) if response.status_code == 302 else int(response.status_code)


def share(make_user: MakeUser, code: str, query: str = "") -> SavedView:
    """A view that a committee member of the nation shares with the committee of an agency."""
    return SavedView.objects.create(
        owner=make_user("committee_member", "KR"),
        title="Theirs",
        page="oversight:explore",
        query=query,
        shared_with=Agency.objects.get(code=code),
    )


def test_saving_for_oneself(signed_in: SignIn, committee: User) -> None:
    client = signed_in(user=committee, language="en")
    query = "measure=stated&kind=province&compare=on&columns=share&sort=-figure"
    response = save(client, query)
    view = SavedView.objects.get()
    assert response["Location"] == reverse("oversight:explore-saved", args=[view.pk])
    assert (view.owner, view.page, view.shared_with) == (committee, "oversight:explore", None)
    assert opened(client, view) == f"{PAGE}?{query}"
    page = client.get(PAGE)
    assert titles(client) == ["Ours"]
    assert "Only for you" in read(page).text


def test_what_the_address_should_not_hold_is_not_saved(signed_in: SignIn, committee: User) -> None:
    save(signed_in(user=committee), "measure=stated&page=7&nonsense=1&sort=nonsense&_export=csv")
    assert SavedView.objects.get().query == "measure=stated"


def test_the_same_name_replaces(signed_in: SignIn, committee: User) -> None:
    client = signed_in(user=committee)
    save(client, "measure=stated", shared_with="KR")
    save(client, "by=product")
    view = SavedView.objects.get()
    assert (view.query, view.shared_with) == ("by=product", None)


def test_a_name_of_another_page_stays_that_pages(signed_in: SignIn, committee: User) -> None:
    SavedView.objects.create(owner=committee, title="Ours", page="subscriptions:findings", query="state=open")
    response = save(signed_in(user=committee, language="en"))
    assert errors_on(response) == {"title": ["You have saved something else under this name."]}
    assert SavedView.objects.get().query == "state=open"


def test_saved_elsewhere_it_is_no_longer_shared(signed_in: SignIn, committee: User) -> None:
    client = signed_in(user=committee)
    save(client, "agency=KR-49", shared_with="KR-49")
    client.post("/views/save/", {"title": "Ours", "page": "oversight:explore", "query": ""})
    view = SavedView.objects.get()
    assert (view.query, view.shared_with) == ("", None)


def test_deleting_ones_own(signed_in: SignIn, committee: User, make_user: MakeUser) -> None:
    client = signed_in(user=committee)
    save(client)
    theirs = share(make_user, "KR")
    client.post(reverse("agencies:forget-view", args=[SavedView.objects.get(title="Ours").pk]))
    assert list(SavedView.objects.all()) == [theirs]
    assert client.post(reverse("agencies:forget-view", args=[theirs.pk])).status_code == 404
    assert SavedView.objects.count() == 1


class TestScope:
    """What a view is about when its saver sees only a part of the tree."""

    def test_who_sees_everything_saves_everything(self, signed_in: SignIn, committee: User) -> None:
        save(signed_in(user=committee), "by=product")
        assert SavedView.objects.get().query == "by=product"

    def test_the_only_subtree_is_put_in(self, signed_in: SignIn, jeju_committee: User) -> None:
        client = signed_in(user=jeju_committee)
        assert "agency" not in form_on_page(client.get(SAVE))
        save(client, "by=product")
        assert SavedView.objects.get().query == "by=product&agency=KR-49"

    def test_the_agency_asked_for_stays(self, signed_in: SignIn, jeju_committee: User) -> None:
        agency_at("KR/KR-49/C1")
        save(signed_in(user=jeju_committee), "agency=C1")
        assert SavedView.objects.get().query == "agency=C1"

    def test_of_several_one_is_chosen(self, signed_in: SignIn, jeju_committee: User) -> None:
        seoul = Agency.objects.get(code="KR-11")
        Membership.objects.create(user=jeju_committee, agency=seoul, role="committee_member")
        client = signed_in(user=User.objects.get(pk=jeju_committee.pk), language="en")
        response = save(client, "by=product", agency="")
        assert errors_on(response) == {"agency": ["Choose an agency: you see several parts of the tree."]}
        response = save(client, "by=product", agency="KR-26")
        assert list(errors_on(response)) == ["agency"]
        assert not SavedView.objects.exists()
        save(client, "by=product", agency="KR-11")
        assert SavedView.objects.get().query == "by=product&agency=KR-11"

    def test_who_sees_nothing_keeps_what_is_stated(self, signed_in: SignIn) -> None:
        client = signed_in()
        save(client, "measure=stated")
        view = SavedView.objects.get()
        assert (view.query, opened(client, view)) == ("measure=stated", f"{PAGE}?measure=stated")


def form_on_page(response: Any) -> set[str]:
    page = read(response)
    return {control.attributes.get("name", "") for control in page.all("input", "select")}


class TestSharing:
    @pytest.mark.parametrize(
        ("role", "code", "with_code", "shared"),
        [
            ("committee_member", "KR", "KR", True),
            ("committee_member", "KR", "KR-49", True),
            ("committee_member", "KR-49", "KR-49", True),
            ("committee_member", "KR-49", "KR", False),
            ("committee_member", "KR-49", "KR-11", False),
        ],
    )
    def test_with_whom(
        self, signed_in: SignIn, make_user: MakeUser, role: str, code: str, with_code: str, shared: bool
    ) -> None:
        response = save(signed_in(user=make_user(role, code)), shared_with=with_code)
        if shared:
            view = SavedView.objects.get()
            assert view.shared_with is not None
            assert view.shared_with.code == with_code
        else:
            assert list(errors_on(response)) == ["shared_with"]
            assert not SavedView.objects.exists()

    @pytest.mark.parametrize("role", ["administrator", "approver", "policy_officer", None])
    def test_only_committees_share(self, signed_in: SignIn, make_user: MakeUser, role: str | None) -> None:
        client = signed_in(user=make_user(role, "KR-49" if role else None))
        assert "shared_with" not in form_on_page(client.get(SAVE))
        save(client, shared_with="KR-49")
        assert SavedView.objects.get().shared_with is None

    @pytest.mark.parametrize(
        ("role", "code", "with_code", "query", "found"),
        [
            # Held at the agency it is shared with, or above it; the whole scope in sight.
            ("committee_member", "KR-49", "KR-49", "agency=KR-49", True),
            ("committee_member", "KR", "KR-49", "agency=KR-49", True),
            ("sysadmin", None, "KR-49", "agency=KR-49", True),
            # The role, but at another agency or below.
            ("committee_member", "KR-11", "KR-49", "agency=KR-49", False),
            ("committee_member", "KR-49", "KR", "agency=KR-49", False),
            # In sight, but not a committee member.
            ("administrator", "KR-49", "KR-49", "agency=KR-49", False),
            ("policy_officer", "KR", "KR-49", "agency=KR-49", False),
            (None, None, "KR-49", "agency=KR-49", False),
            # A scope that reaches beyond what is seen.
            ("committee_member", "KR-49", "KR-49", "", False),
            ("committee_member", "KR-49", "KR-49", "agency=KR", False),
            ("committee_member", "KR-49", "KR-49", "agency=KR-11", False),
            ("committee_member", "KR-49", "KR-49", "agency=NO-SUCH", False),
            ("committee_member", "KR", "KR-49", "", True),
        ],
    )
    def test_who_finds_and_opens_it(
        self,
        signed_in: SignIn,
        make_user: MakeUser,
        role: str | None,
        code: str | None,
        with_code: str,
        query: str,
        found: bool,
    ) -> None:
        view = share(make_user, with_code, query)
        client = signed_in(user=make_user(role, code), language="en")
        address = f"{PAGE}?{query}"
        assert (titles(client), opened(client, view)) == ((["Theirs"], address) if found else ([], 404))

    def test_by_an_agency_below_the_scope_is_smaller(self, signed_in: SignIn, make_user: MakeUser) -> None:
        agency_at("KR/KR-49/C1")
        view = share(make_user, "KR-49", "agency=C1")
        assert opened(signed_in(user=make_user("committee_member", "KR-49")), view) == f"{PAGE}?agency=C1"
        assert opened(signed_in(user=make_user("committee_member", "C1")), view) == 404

    def test_a_private_one_opens_for_its_owner_alone(
        self, signed_in: SignIn, committee: User, make_user: MakeUser
    ) -> None:
        save(signed_in(user=committee), "agency=KR-49")
        view = SavedView.objects.get()
        for person in (make_user("committee_member", "KR"), make_user("sysadmin")):
            client = signed_in(user=person)
            assert (titles(client), opened(client, view)) == ([], 404)

    def test_what_its_reader_sees_is_theirs(
        self, signed_in: SignIn, jeju_committee: User, make_user: MakeUser
    ) -> None:
        """Who may not see the scope may type the query, and still sees no more than before."""
        share(make_user, "KR-49", "measure=subscriptions&agency=KR-11")
        response = signed_in(user=jeju_committee, language="en").get(
            f"{PAGE}?measure=subscriptions&agency=KR-11"
        )
        assert list(errors_on(response)) == ["agency"]
        assert read(response).all("table") == []

    def test_a_view_of_another_page_is_not_opened_here(self, signed_in: SignIn, committee: User) -> None:
        view = SavedView.objects.create(owner=committee, title="F", page="subscriptions:findings", query="")
        assert opened(signed_in(user=committee), view) == 404


def test_the_form_asks_before_it_saves(signed_in: SignIn, committee: User) -> None:
    client = signed_in(user=committee, language="en")
    response = client.get(f"{SAVE}?measure=stated&kind=province")
    assert "Kind of government: Province" in read(response).text
    assert not SavedView.objects.exists()
    response = client.post(f"{SAVE}?measure=stated", {"title": ""})
    assert list(errors_on(response)) == ["title"]
    assert not SavedView.objects.exists()
