"""The home page: key figures with coverage, what needs attention, recent decisions, and the way to the tables."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from policies.verdicts import Outcome
from subscriptions.models import Decision, Status, Subscription
from tests.pages import read
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, agency_at, kept

SignIn = Callable[..., Client]


def register_cards(response: Any) -> list[list[str]]:
    cards = read(response).by_class("gt-figure-card")
    return [[part.text for part in card.all("p", "progress")] for card in cards]


def headings(response: Any) -> list[str]:
    main = read(response).by_id("main")
    assert main is not None
    return [heading.text for heading in main.all("h1", "h2", "h3")]


@pytest.fixture
def register(report_data: None) -> None:
    call_command("check_policies", verbosity=0)


@pytest.mark.usefixtures("register")
class TestTheReport:
    def test_a_committee_member_reads_the_key_figures(self, signed_in: SignIn) -> None:
        response = signed_in("committee_member", "KR", language="en").get("/")
        assert register_cards(response) == [
            [
                "Stated spending",
                "₩391.7M",
                "5/17",
                "₩259.3M is given by agency, ₩132.4M is not",
                "See it by agency",
            ],
            [
                "Stated users",
                "at least 3,687",
                "4/17",
                "2,847 is given by agency, 840 is not",
                "See it by agency",
            ],
            ["Recorded subscriptions", "17", "Annual cost: Unknown (17 not given)", "See the subscriptions"],
            [
                "Findings needing attention",
                "51",
                "51 of them undetermined, since a fact is missing",
                "See the findings",
            ],
        ]
        assert headings(response) == ["Where things stand", "Key figures", "Recent decisions", "The register"]

    def test_jeju_s_administrator_sees_the_findings_of_jeju(self, signed_in: SignIn) -> None:
        response = signed_in("administrator", "KR-49", language="en").get("/")
        assert [card[:2] for card in register_cards(response)] == [
            ["Stated spending", "₩391.7M"],
            ["Stated users", "at least 3,687"],
            ["Recorded subscriptions", "1"],
            ["Findings needing attention", "3"],
        ]
        assert headings(response) == [
            "Where things stand",
            "Key figures",
            "What needs your attention",
            "Findings at your agencies",
            "Recent decisions",
            "The register",
        ]
        links = [link.attributes["href"] for link in read(response).by_class("gt-links")[0].all("a")]
        assert links == ["/subscriptions/KR-49-2024-0001/"] * 3

    def test_where_nothing_waits_the_page_says_so(self, signed_in: SignIn) -> None:
        page = read(signed_in("approver", "KR-49", language="en").get("/"))
        assert [empty.text for empty in page.by_class("gt-empty")] == [
            "Nothing needs your attention. Requests, findings and tools that wait for you appear here.",
            "No decision is recorded at the agencies that you see.",
        ]

    def test_without_a_role_nothing_recorded_is_shown(self, signed_in: SignIn) -> None:
        response = signed_in(language="en").get("/")
        assert register_cards(response)[2:] == [
            ["Recorded subscriptions", "Not visible to you"],
            ["Findings needing attention", "Not visible to you"],
        ]

    def test_decisions_of_the_agencies_that_are_seen(self, signed_in: SignIn) -> None:
        for code in ("KR-49-2024-0001", "KR-11-2024-0001"):
            Decision.objects.create(
                subscription=Subscription.objects.get(reference=code),
                act=Decision.Act.CHANGE,
                result=Decision.Result.REFUSED,
                outcome=Outcome.REFUSED,
                decided_at=datetime.datetime(2026, 6, 15, 3, tzinfo=datetime.UTC),
            )
        page = read(signed_in("committee_member", "KR-49", language="en").get("/"))
        items = [item.text for item in page.by_class("gt-links")[0].all("li")]
        assert items == [
            "Refused ChatGPT – Jeju Special Self-Governing Province · Change June 15, 2026, noon"
        ]

    def test_in_korean(self, signed_in: SignIn) -> None:
        response = signed_in("committee_member", "KR").get("/")
        assert register_cards(response)[0][:2] == ["제시된 지출액", "391,700,000원"]
        assert headings(response)[0] == "현황"

    def test_a_new_subscription_is_counted_at_once(self, signed_in: SignIn) -> None:
        client = signed_in("administrator", "KR-49", language="en")
        kept(SubscriptionFactory(agency=agency_at("KR/KR-49")), timezone.localdate())
        assert register_cards(client.get("/"))[2][:2] == ["Recorded subscriptions", "2"]


def test_an_empty_register(signed_in: SignIn) -> None:
    response = signed_in("committee_member", "KR", language="en").get("/")
    assert [card[:3] for card in register_cards(response)] == [
        ["Stated spending", "None", "See it by agency"],
        ["Stated users", "None", "See it by agency"],
        ["Recorded subscriptions", "0", "Annual cost: None"],
        ["Findings needing attention", "0", "Open, and not excused by a waiver or an approval"],
    ]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("administrator", 23),
        ("approver", 19),
        ("policy_officer", 27),
        ("committee_member", 17),
        ("sysadmin", 33),
    ],
)
def test_the_number_of_queries(signed_in: SignIn, make_agency: Any, role: str, expected: int) -> None:
    make_agency("KR-49")
    client = signed_in(role, "KR-49", language="en")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/")
        return len(captured)

    def fill(count: int) -> None:
        for _number in range(count):
            for status in (Status.REQUESTED, Status.DRAFT, Status.ACTIVE):
                made = SubscriptionFactory(
                    agency=agency_at("KR/KR-49"), status=status, product=ProductFactory(reviewed=False)
                )
                kept(made, timezone.localdate())
                Decision.objects.create(subscription=made, act="record", result="done", outcome=Outcome.CLEAR)

    fill(1)
    few = queries()
    fill(29)
    assert (few, queries()) == (expected, expected)
