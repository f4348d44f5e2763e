"""Before everything is taken away, it is asked who it is: on every page that gives a file, of who sees more than one agency."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from agencies.models import User
from govtrack.file_extent import EXTENTS
from govtrack.limits import kind_of
from govtrack.whole_exports import ALWAYS_A_FILE, FILE_PARAMETER, NEVER_WHOLE, narrowing
from oversight.models import ExportJob
from tests.access.addresses import names_of
from tests.admin import rows

PASSWORD = "a long enough word"
GIVES_A_FILE = re.compile(
    r"_export|file_of|FileResponse|StreamingHttpResponse|as_attachment|Content-Disposition"
)
ASKS = "/accounts/reauthenticate/?next="


def giving_files(resolver: Any, space: str = "") -> dict[str, str]:
    """The names of all views whose own code speaks of a file, with that code."""
    found: dict[str, str] = {}
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            inner = ":".join(filter(None, (space, pattern.namespace)))
            found |= giving_files(pattern, inner) if inner != "admin" else {}
            continue
        view = getattr(pattern.callback, "view_class", None) or inspect.unwrap(pattern.callback)
        if GIVES_A_FILE.search(code := inspect.getsource(view)):
            found[":".join(filter(None, (space, pattern.name)))] = code
    return found


def test_every_page_that_gives_a_file_is_named() -> None:
    # What begins a file, or names the parameter only to hand it on, is not one that gives it.
    begins = {"oversight:exports", "oversight:export-again"}
    giving = giving_files(get_resolver())
    assert giving.keys() | begins == {*narrowing(), *NEVER_WHOLE}
    assert not narrowing().keys() & NEVER_WHOLE.keys()
    assert {*narrowing(), *NEVER_WHOLE} <= set(names_of(get_resolver().url_patterns))
    # Each counts against the limit of files: by the parameter that its code looks for, or whatever is asked.
    assert {name for name, code in giving.items() if FILE_PARAMETER not in code} == ALWAYS_A_FILE
    for name in giving.keys() | begins:
        sent = {FILE_PARAMETER: "csv"} if name in giving and name not in ALWAYS_A_FILE else {}
        asking = SimpleNamespace(
            GET=sent,
            method="POST" if name in begins else "GET",
            resolver_match=SimpleNamespace(view_name=name),
        )
        assert kind_of(asking) == "files", name  # type: ignore[arg-type]


@pytest.fixture
def asked(settings: Any) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


GIVES_CSV = (
    "subscriptions:list", "subscriptions:payments", "subscriptions:decisions", "subscriptions:renewals",
    "oversight:explore", "oversight:records", "oversight:plan", "audit:events", "audit:changes",
)  # fmt: skip


def test_everything_is_asked_for_first_and_then_given(
    asked: None, report_data: None, make_user: Any, signed_in: Any
) -> None:
    client = signed_in(user=with_password(make_user("sysadmin", username="root")))
    for name in GIVES_CSV:
        address = f"{reverse(name)}?_export=csv"
        for whole in (address, f"{address}&sort=agency&unknown=1&agency="):
            answer = client.get(whole)
            assert (answer.status_code, answer["Location"].startswith(ASKS)) == (302, True), whole
    address = f"{reverse('subscriptions:list')}?_export=csv&sort=agency"
    asks = client.get(address)["Location"]
    assert client.post(asks, {"password": "wrong"}).status_code == 200
    confirmed = client.post(asks, {"password": PASSWORD})
    assert confirmed["Location"] == address
    assert client.get(address)["Content-Disposition"].startswith("attachment")
    for name in GIVES_CSV:  # asked just now
        assert client.get(f"{reverse(name)}?_export=csv").status_code == 200, name


def test_what_is_narrowed_is_not_asked_for(
    asked: None, report_data: None, make_user: Any, signed_in: Any
) -> None:
    client = signed_in(user=with_password(make_user("committee_member", "KR")))
    for name in (
        "subscriptions:list",
        "subscriptions:payments",
        "oversight:records",
        "oversight:explore",
        "oversight:plan",
    ):
        assert client.get(f"{reverse(name)}?_export=csv&agency=KR-49").status_code == 200, name
        assert client.get(reverse(name)).status_code == 200, name  # a page is no file


def test_what_narrows_nothing_is_asked_for(
    asked: None, report_data: None, make_user: Any, signed_in: Any
) -> None:
    client = signed_in(user=with_password(make_user("committee_member", "KR")))
    for name, given in (
        ("subscriptions:list", "agency=KR"),
        ("subscriptions:list", "agency=no-such"),
        ("subscriptions:payments", "first=0001-01-01"),
        ("subscriptions:decisions", "since=1900-01-01"),
        ("oversight:records", "alone=on"),
        ("oversight:records", "agency=KR&country=KR&last=9999-12-31"),
        ("oversight:plan", "agency=KR"),
    ):
        assert client.get(f"{reverse(name)}?_export=csv&{given}").status_code == 302, given


WORDS = ("delta", "alpha", "beta", "gamma")


def test_a_filter_that_leaves_nothing_out_is_asked_for(
    asked: None, make_user: Any, make_agency: Any, signed_in: Any, monkeypatch: Any
) -> None:
    """It is looked at what the file would hold: more than half of all, or many records, of more than one agency."""
    for n, code in enumerate(("KR-11", "KR-11", "KR-49", "KR-49", "KR-50"), start=1):
        row = rows.subscription(n, of=make_agency(code), plan=f"Plan {WORDS[n % 4]}")
        rows.Payment.objects.create(
            subscription=row, paid_on=rows.DAY, amount=n, won=n, document_number=f"D-{n % 4}"
        )
        decided = {"result": "refused" if n == 1 else "done", "outcome": "clear"}
        rows.Decision.objects.create(subscription=row, act="record", **decided)
    client = signed_in(user=with_password(make_user("committee_member", "KR")))

    def asks(name: str, given: str) -> bool:
        answer = client.get(f"{reverse(name)}?_export=csv&{given}")
        assert answer.status_code == (302 if answer.get("Location", "").startswith(ASKS) else 200), given
        return answer.status_code == 302

    everything = (
        ("subscriptions:list", "q=Plan"),
        ("subscriptions:list", "status=active"),
        ("subscriptions:payments", "q=D-"),
        ("subscriptions:decisions", "result=done"),
        ("oversight:records", "measure=paid&text=Plan"),
        ("oversight:explore", "measure=subscriptions&by=place&status=active"),
    )
    assert [one for one in everything if not asks(*one)] == []
    a_part = (
        ("subscriptions:list", "q=alpha"),  # two of five, of two agencies
        ("subscriptions:list", "agency=KR-11&q=Plan"),  # of one agency
        ("subscriptions:decisions", "result=refused"),
        ("oversight:records", "measure=paid&text=alpha"),
        ("oversight:explore", "measure=subscriptions&by=place&status=draft"),
    )
    assert [one for one in a_part if asks(*one)] == []
    monkeypatch.setattr("govtrack.file_extent.MANY", 1)
    assert [asks(*one) for one in a_part] == [True, False, False, True, False]
    # In the background too, and for auditors.
    assert client.post(reverse("oversight:exports"), {"query": "text=Plan&measure=paid"})[
        "Location"
    ].startswith(ASKS)
    client = signed_in(user=with_password(make_user("sysadmin", username="root")))
    for name, given in (
        ("audit:events", "about=-"),
        ("audit:changes", "record=subscriptions.subscription&kind=%2B"),
    ):
        assert asks(name, given) is True
    # Nobody else is told by it whether there is much that they may not see.
    client = signed_in(user=with_password(make_user("committee_member", "KR-50")))
    make_agency("KR-50-1", parent="KR-50")
    for name, given in (
        ("audit:events", "about=-"),
        ("audit:events", "about=no-such"),
        ("audit:changes", "record=subscriptions.subscription&kind=%2B"),
        ("audit:changes", "record=subscriptions.subscription&kind=-"),
    ):
        assert client.get(f"{reverse(name)}?_export=csv&{given}").status_code == 403, given


def test_a_file_that_was_made_before_is_measured_by_what_is_in_it(
    asked: None, make_user: Any, make_agency: Any, signed_in: Any
) -> None:
    for n, code in enumerate(("KR-11", "KR-49", "KR-50"), start=1):
        rows.subscription(n, of=make_agency(code), plan=f"Plan {WORDS[n]}")
    user = with_password(make_user("committee_member", "KR"))
    client = signed_in(user=user)

    def asks(query: str, count: int) -> bool:
        job = ExportJob.objects.create(
            owner=user, query=query, state="done", file=f"{'a' * 32}.xlsx", rows_done=count, sight=["KR/"]
        )
        answer = client.get(reverse("oversight:export-file", args=[job.pk]))
        assert answer.status_code in (302, 404)  # the file itself is not there
        return answer.status_code == 302

    alpha, invalid, none = (
        f"measure=subscriptions&{given}" for given in ("text=alpha", "status=no-such", "text=no-such")
    )
    assert [asks(query, 1) for query in (alpha, invalid, none)] == [False, True, False]
    assert [asks(query, 2) for query in (alpha, invalid, none)] == [True, True, True]
    assert [asks(query, 0) for query in (alpha, invalid, none)] == [False, False, False]


def test_every_page_that_a_filter_narrows_is_measured() -> None:
    never, by_agency_alone = {"subscriptions:import-records"}, {"oversight:plan"}
    assert EXTENTS.keys() == narrowing().keys() - never - by_agency_alone
    assert {name for name, parameters in narrowing().items() if parameters == {"agency"}} == by_agency_alone


def test_who_sees_one_agency_is_not_asked(
    asked: None, make_user: Any, make_agency: Any, signed_in: Any
) -> None:
    user = with_password(make_user("administrator", "KR-49"))
    client, address = signed_in(user=user), f"{reverse('subscriptions:list')}?_export=csv"
    records = reverse("subscriptions:import-records", args=["subscriptions", "csv"])
    assert (client.get(address).status_code, client.get(records).status_code) == (200, 200)
    make_agency("KR-49-1", parent="KR-49")
    assert (client.get(address).status_code, client.get(records).status_code) == (302, 302)


def test_what_is_begun_in_the_background_too(
    asked: None, report_data: None, make_user: Any, signed_in: Any
) -> None:
    client = signed_in(user=with_password(make_user("committee_member", "KR")))
    address = reverse("oversight:exports")
    assert client.post(address, {"query": "agency=KR-49"}).status_code == 302
    assert ExportJob.objects.count() == 1
    asks = client.post(address, {"query": "measure=subscriptions"})["Location"]
    assert (asks.startswith(ASKS), ExportJob.objects.count()) == (True, 1)
    client.post(asks, {"password": PASSWORD, "next": address})
    assert list(ExportJob.objects.order_by("pk").values_list("query", flat=True)) == [
        "agency=KR-49",
        "measure=subscriptions",
    ]
    narrowed, whole = ExportJob.objects.order_by("pk")
    again = signed_in(user=narrowed.owner)  # another session, which has not been asked
    for name, act in (("export-file", again.get), ("export-again", again.post)):
        for job, asks_first in ((narrowed, False), (whole, True)):
            answer = act(reverse(f"oversight:{name}", args=[job.pk]))
            assert answer.get("Location", "").startswith(ASKS) == asks_first, (name, job.query)


def test_without_an_account_it_leads_to_the_login_page(db: None) -> None:
    answer = Client().get(f"{reverse('subscriptions:list')}?_export=csv")
    assert answer["Location"].startswith("/accounts/login/")
