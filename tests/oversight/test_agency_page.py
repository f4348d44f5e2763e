"""The page of an agency: what is recorded there and below for those who see it, its past, and who may open it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Agency, FormerName
from policies.vocabulary import Operator
from sources.models import Source, Statement
from subscriptions.models import Payment, Status, Subscription, UserCount
from tests.pages import Element, read
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

SignIn = Callable[..., Client]
YEARLY = {"seats": 1, "amount": 1000, "cycle": "annual"}
HIDDEN = "Not visible to you"


def subscribed(place: str, *lines: dict[str, Any], **fields: Any) -> Subscription:
    made = SubscriptionFactory(agency=agency_at(place), **fields)
    for line in lines:
        PriceLineFactory(subscription=made, **line)
    return kept(made)


def opened(client: Client, code: str, query: str = "") -> Element:
    response = client.get(f"/agencies/{code}/{query}")
    assert response.status_code == 200
    return read(response)


def rows(page: Element, caption: str) -> list[list[str]]:
    table = next((t for t in page.all("table") if t.all("caption")[0].text == caption), None)
    if table is None:
        return []
    return [[cell.text for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


def cards(page: Element) -> list[list[str]]:
    return [[part.text for part in card.all("p", "progress")] for card in page.by_class("gt-figure-card")]


def main_of(page: Element) -> Element:
    main = page.by_id("main")
    assert main is not None
    return main


def definitions(page: Element) -> list[tuple[str, str]]:
    parts = main_of(page).all("dt", "dd")
    return [(term.text, value.text) for term, value in zip(parts[::2], parts[1::2], strict=True)]


BELOW = "Agencies below it, each with all below"
NEWEST = "The newest subscriptions"
FINDINGS = "The newest findings that need attention"


@pytest.mark.usefixtures("noon")
class TestRecorded:
    @pytest.fixture(autouse=True)
    def world(self, db: None) -> None:
        make_policy(("data_class", Operator.IS, ["classified"]))
        tool = ProductFactory(code="t")
        self.own = subscribed("KR/P1", {"seats": 10, "amount": 10_000}, product=tool)  # 1,200,000
        self.below = subscribed("KR/P1/C1", YEARLY, product=tool, data_class="open")
        self.unknown = subscribed("KR/P1/C2", product=tool, data_class="open")
        subscribed("KR/P1/C2", YEARLY, product=tool, status=Status.REQUESTED, data_class="open")
        self.elsewhere = subscribed("KR/P2", YEARLY, product=tool)

    def test_with_all_below(self, signed_in: SignIn) -> None:
        page = opened(signed_in("committee_member", "KR", language="en"), "P1")
        assert cards(page) == [
            [
                *["Recorded subscriptions", "4"],
                "Annual cost: at least ₩1.2M; 1 not given",
                "See the subscriptions",
            ],
            [
                *["Findings needing attention", "1", "1 of them undetermined, since a fact is missing"],
                "See the findings",
            ],
        ]
        assert rows(page, BELOW) == [
            ["Agency C1", "Province", "1", "₩1,000", "0"],
            ["Agency C2", "Province", "2 1 of them requested", "Unknown 1 not given", "0"],
        ]
        assert [row[0] for row in rows(page, NEWEST)] == [
            one.reference for one in Subscription.objects.exclude(pk=self.elsewhere.pk).order_by("-pk")
        ]
        assert [row[1:4] for row in rows(page, FINDINGS)] == [[self.own.reference, "Tool t", "Undetermined"]]
        links = {link.attributes["href"] for link in main_of(page).all("a")}
        assert {
            *["/compliance/P1/", "/subscriptions/?agency=P1", "/findings/?state=open&agency=P1"],
            *["/agencies/KR/", "/agencies/C1/", "/agencies/C2/"],
        } < links

    def test_another_nation_is_no_part_of_it(self, signed_in: SignIn) -> None:
        subscribed("XX", YEARLY, data_class="open")
        for code, count in (("KR", "5"), ("XX", "1")):
            page = opened(signed_in("sysadmin", language="en"), code)
            assert cards(page)[0][1] == count
            assert len(rows(page, NEWEST)) == int(count)

    def test_the_compliance_page_leads_back(self, signed_in: SignIn) -> None:
        page = read(signed_in("committee_member", "KR").get("/compliance/P1/"))
        assert "/agencies/P1/" in [link.attributes["href"] for link in main_of(page).all("a")]

    @pytest.mark.parametrize(
        ("seat", "code", "status"),
        [
            ("P1", "P1", 200),
            ("P1", "C1", 200),
            ("P1", "P2", 404),
            ("P1", "KR", 404),
            ("C1", "P1", 404),
            (None, "P1", 404),
        ],
    )
    def test_who_may_open_it(self, signed_in: SignIn, seat: str | None, code: str, status: int) -> None:
        """No published statement names these, so a page is for who sees the agency."""
        unpublished = Statement.objects.create(
            source=Source.objects.create(code="x"), code="X", measure="users", value=3
        )
        unpublished.subject.set(Agency.objects.all())
        client = signed_in("committee_member", seat) if seat else signed_in()
        assert client.get(f"/agencies/{code}/").status_code == status

    def test_one_that_sees_a_part_of_an_agency_that_is_named(self, signed_in: SignIn) -> None:
        source = Source.objects.create(code="s", published_at=timezone.now())
        Statement.objects.create(source=source, code="S", measure="users", value=3).subject.add(
            Agency.objects.get(code="P1")
        )
        page = opened(signed_in("administrator", "C1", language="en"), "P1")
        assert [card[1] for card in cards(page)] == [HIDDEN, HIDDEN]
        # Of the agencies below it, the one in sight.
        assert rows(page, BELOW) == [["Agency C1", "Province", "1", "₩1,000", "0"]]
        assert rows(page, NEWEST) == []
        Statement.objects.get(code="S").subject.add(Agency.objects.get(code="C2"))
        page = opened(signed_in("administrator", "C1", language="en"), "P1")
        assert rows(page, BELOW)[1] == ["Agency C2", "Province", HIDDEN, HIDDEN, HIDDEN]

    def test_what_was_paid_by_year(self, signed_in: SignIn) -> None:
        def paid(subscription: Subscription, on: str, won: int | None, currency: str = "KRW") -> None:
            amount = 500 if won is None else won
            Payment.objects.create(
                subscription=subscription, paid_on=on, amount=amount, won=won, currency=currency
            )

        paid(self.own, "2026-12-31", 1_000)
        paid(self.below, "2026-01-01", 2_500)
        paid(self.below, "2026-02-01", None, "USD")
        paid(self.own, "2025-12-31", None, "USD")
        paid(self.own, "2024-05-05", 300)
        paid(self.own, "2024-05-06", -300)
        paid(self.own, "2023-05-05", 300)
        paid(self.own, "2023-05-06", -500)
        paid(self.elsewhere, "2026-01-01", 7_777)
        Subscription.objects.filter(pk=self.unknown.pk).update(status=Status.VOID)
        paid(self.unknown, "2026-01-01", 9_999)
        page = opened(signed_in("committee_member", "P1", language="en"), "P1")
        assert rows(page, "Paid in each year") == [
            ["2026", "at least ₩3,500 1 rate missing", "3", "1"],
            ["2025", "Unknown 1 rate missing", "1", "1"],
            ["2024", "₩0", "2", "0"],
            ["2023", "₩-200", "2", "0"],
        ]

    def test_users(self, signed_in: SignIn) -> None:
        agency, client = Agency.objects.get(code="P1"), signed_in("committee_member", "P1", language="en")
        term = "People who use an AI tool, as recorded"
        assert dict(definitions(opened(client, "P1")))[term] == "Nothing recorded"
        UserCount.objects.create(agency=agency, subscription=self.own, day=DAY, value=99)
        UserCount.objects.create(agency=Agency.objects.get(code="C1"), day=DAY, value=98)
        UserCount.objects.create(agency=agency, day=days(1), value=97)
        UserCount.objects.create(agency=agency, day=days(-2), value=1234)
        told = "1,234 counted on June 13, 2026, over all tools of the agency itself"
        assert dict(definitions(opened(client, "P1")))[term] == told
        UserCount.objects.create(agency=agency, day=days(-1), standing="undetermined")
        assert dict(definitions(opened(client, "P1")))[term] == "Undetermined June 14, 2026"

    def test_its_past(self, signed_in: SignIn) -> None:
        agency, merged = Agency.objects.get(code="P1"), agency_at("KR/OLD")
        Agency.objects.filter(pk=merged.pk).update(successor=agency, active_until=datetime.date(2025, 6, 30))
        FormerName.objects.create(agency=agency, name_en="First", name_ko="첫", used_until="2020-01-01")
        page = opened(signed_in("committee_member", "P1", language="en"), "P1")
        assert definitions(page)[:5] == [
            ("Code", "P1"),
            ("Short name", "P1"),
            ("Part of", "Agency KR"),
            ("Former name", "First used until Jan. 1, 2020"),
            ("Successor of", "Agency OLD"),
        ]
        # The successor's people see the records of what merged into it.
        old = opened(signed_in("committee_member", "P1", language="en"), "OLD")
        assert definitions(old)[3:5] == [("Active until", "June 30, 2025"), ("Merged into", "Agency P1")]
        links = {link.attributes["href"] for link in main_of(page).all("a")}
        assert "/agencies/OLD/" in links

    def test_agencies_below_in_pages_of_fifty(self, signed_in: SignIn) -> None:
        for number in range(51):
            agency_at(f"KR/P2/Q{number:02}")
        client = signed_in("committee_member", "P2", language="en")
        first, second = (rows(opened(client, "P2", f"?page={page}"), BELOW) for page in (1, 2))
        assert (len(first), [row[0] for row in second]) == (50, ["Agency Q50"])
        assert client.get("/agencies/P2/?page=3").status_code == 404

    def test_the_number_of_queries(self, signed_in: SignIn) -> None:
        client = signed_in(user=person("committee_member", agency_at("KR/P1")))
        source = Source.objects.create(code="s", published_at=timezone.now())
        own = Agency.objects.get(code="P1")

        def tell(number: int) -> None:
            statement = Statement.objects.create(
                source=source, code=f"S{number}", measure="users", value=number
            )
            statement.subject.add(own, agency_at(f"KR/P1/N{number}"))
            Payment.objects.create(subscription=self.own, paid_on=f"{2000 + number}-01-01", amount=1, won=1)
            subscribed(f"KR/P1/N{number}", YEARLY)

        def asked() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert client.get("/agencies/P1/").status_code == 200
            return len(captured)

        tell(0)
        few = asked()
        for number in range(1, 31):
            tell(number)
        assert (few, asked()) == (25, 25)
