"""The pages of who uses a tool, of a vendor and of a country, as each reader finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Agency
from catalog.models import Product, Vendor
from policies.vocabulary import Operator
from sources.models import Source, Statement
from subscriptions.models import PriceLine, Status
from tests.pages import Element, read
from tests.subscriptions.factories import (
    PolicyFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    VendorFactory,
    agency_at,
    kept,
    make_policy,
    person,
)

SignIn = Callable[..., Client]
pytestmark = pytest.mark.usefixtures("noon")
YEARLY = {"seats": 1, "amount": 1000, "cycle": "annual"}
HIDDEN = "Not visible to you"


def subscribed(place: str, tool: Product, *lines: dict[str, Any], **fields: Any) -> None:
    made = SubscriptionFactory(agency=agency_at(place), product=tool, **fields)
    for line in lines:
        PriceLineFactory(subscription=made, **line)
    kept(made)


@pytest.fixture
def world(db: None) -> None:
    """Two vendors of the United States and one whose country is not known; every kind of cost of the tool t."""
    acme, other = VendorFactory(code="acme"), VendorFactory(code="other")
    unknown = VendorFactory(code="nobody-knows", country=None)
    tool, second = ProductFactory(code="t", vendor=acme), ProductFactory(code="u", vendor=acme)
    third = ProductFactory(code="v", vendor=other)
    ProductFactory(code="w", vendor=unknown)
    make_policy_of("data", ("data_class", Operator.IS, ["classified"]))
    subscribed("KR/P1", tool, {"seats": 15, "amount": 10_000})  # 1,800,000 a year: 120,000 a seat
    subscribed("KR/P1/C1", tool, {"seats": 10, "amount": 20_000}, data_class="open")  # 2,400,000: 240,000
    subscribed("KR/P2", tool, {**YEARLY, "vat": PriceLine.Vat.NOT_GIVEN}, data_class="open")
    subscribed("KR/P2/C2", tool, data_class="open")  # nothing is known
    subscribed("KR/P3", tool, YEARLY, status=Status.REQUESTED, data_class="open")
    subscribed("KR/P1", second, YEARLY, data_class="open")
    subscribed("KR/P2", third, {**YEARLY, "amount": 5000}, data_class="open")


def make_policy_of(code: str, *conditions: Any) -> None:
    make_policy(*conditions, policy=PolicyFactory(code=code))


@pytest.fixture
def committee(world: None, signed_in: SignIn) -> Client:
    return signed_in("committee_member", "KR", language="en")


def opened(client: Client, address: str) -> Element:
    response = client.get(address)
    assert response.status_code == 200
    return read(response)


def rows(page: Element, caption: str) -> list[list[str]]:
    table = next((t for t in page.all("table") if t.all("caption")[0].text == caption), None)
    if table is None:
        return []
    return [[cell.text for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


def cards(page: Element) -> list[list[str]]:
    return [[part.text for part in card.all("p", "progress")] for card in page.by_class("gt-figure-card")]


def definitions(page: Element, section: str) -> list[str]:
    heading = page.by_id(section)
    assert heading is not None
    assert heading.parent is not None
    return [part.text for part in heading.parent.all("dt", "dd", "p") if part.text]


USERS = "Agencies that use it"
P1 = ["Agency P1", "1", "15", "₩1.8M", "₩120,000", "1 1 undetermined"]
C1 = ["Agency C1", "1", "10", "₩2.4M", "₩240,000", "0"]
P2 = ["Agency P2", "1", "1", "at least ₩1,000", "at least ₩1,000", "0"]
C2 = ["Agency C2", "1", "Unknown 1 not given", "Unknown 1 not given", "Not given", "0"]
P3 = ["Agency P3", "1 1 of them requested", "None", "None", "Not applicable", "0"]


class TestTool:
    def test_agencies_by_their_cost_and_what_is_not_known_last(self, committee: Client) -> None:
        page = opened(committee, "/catalog/t/use/")
        assert rows(page, USERS) == [C1, P1, P2, C2, P3]
        assert rows(opened(committee, "/catalog/t/use/?sort=seat_cost"), USERS)[:3] == [P2, P1, C1]
        assert rows(opened(committee, "/catalog/t/use/?sort=-seats"), USERS)[:3] == [P1, C1, P2]

    def test_key_figures_and_the_spread(self, committee: Client) -> None:
        page = opened(committee, "/catalog/t/use/")
        assert cards(page) == [
            ["Recorded subscriptions", "5", "1 of them requested", "See the subscriptions"],
            ["Seats", "at least 26", "3/4", "Of the 4 in force; 1 not given"],
            ["Annual cost", "at least ₩4.2M", "3/4", "Of the 4 in force; 1 not given"],
            [
                "Findings needing attention",
                "1",
                "1 of them undetermined, since a fact is missing",
            ],
        ]
        assert definitions(page, "spread") == [
            *["Lowest", "at least ₩1,000", "Median", "₩120,000", "Highest", "₩240,000"],
            "Agencies where it is known",
            "3 1 agency is left out, since its cost per seat is not known",
        ]

    def test_a_committee_of_one_province_sees_its_agencies_alone(
        self, world: None, signed_in: SignIn
    ) -> None:
        page = opened(signed_in("committee_member", "P1", language="en"), "/catalog/t/use/")
        assert rows(page, USERS) == [C1, P1]
        assert [card[1] for card in cards(page)] == ["2", "25", "₩4.2M", "1"]
        assert definitions(page, "spread")[:6] == [
            *["Lowest", "₩120,000", "Median", "₩180,000", "Highest", "₩240,000"]
        ]
        main = page.by_id("main")
        assert main is not None
        assert [code for code in ("P2", "C2", "P3") if code in main.raw] == []

    def test_who_sees_no_agency(self, world: None, signed_in: SignIn) -> None:
        page = opened(signed_in(language="en"), "/catalog/t/use/")
        assert [card[1] for card in cards(page)] == [HIDDEN] * 4
        assert rows(page, USERS) == []

    def test_policies_and_published_statements(self, committee: Client) -> None:
        make_policy_of("by-vendor", ("vendor", Operator.IS, ["acme"]))
        make_policy_of("elsewhere", ("vendor", Operator.IS, ["other"]))
        tool, government = Product.objects.get(code="t"), Agency.objects.get(code="P1")
        for code, published in (("s", timezone.now()), ("draft", None)):
            source = Source.objects.create(code=code, label_en=f"Source {code}", published_at=published)
            statement = Statement.objects.create(
                source=source,
                code="S1",
                measure="governments_subscribing",
                value=1,
                product=tool,
                text_en="It does.",
            )
            statement.subject.add(government)
        page = opened(committee, "/catalog/t/use/")
        assert rows(page, "Policies in force that concern it") == [
            ["Policy by-vendor", "Block", "KR and all below", "vendor is Vendor acme"]
        ]
        told = [
            "Source s",
            "S1",
            "P1",
            "Governments subscribing",
            "Tool t",
            "Not given",
            "1",
            "–",
            "It does.",
        ]
        assert rows(page, "What published sources state") == [told]
        assert rows(opened(committee, "/vendors/acme/"), "What published sources state") == [told]

    def test_pages_of_fifty(self, committee: Client) -> None:
        tool = ProductFactory(code="many")
        for number in range(51):
            subscribed(f"KR/Q{number:02}", tool, {**YEARLY, "amount": 1000 + number})
        first, second = (rows(opened(committee, f"/catalog/many/use/?page={page}"), USERS) for page in (1, 2))
        assert [row[0] for row in first[:2]] == ["Agency Q50", "Agency Q49"]
        assert (len(first), second) == (
            50,
            [["Agency Q00", "1", "1", "₩1,000", "₩1,000", "1 1 undetermined"]],
        )
        assert committee.get("/catalog/many/use/?page=3").status_code == 404


def test_the_catalogue_leads_there(committee: Client) -> None:
    listed = [link.attributes["href"] for link in opened(committee, "/catalog/").all("a")]
    assert [listed.count(one) for one in ("/vendors/acme/", "/countries/US/", "/countries/unknown/")] == [
        2,
        3,
        1,
    ]
    tool = [link.attributes["href"] for link in opened(committee, "/catalog/t/").all("a")]
    assert [tool.count(one) for one in ("/catalog/t/use/", "/vendors/acme/")] == [1, 1]


def test_a_vendor(committee: Client) -> None:
    page = opened(committee, "/vendors/acme/")
    assert rows(page, "Its AI tools") == [
        [
            *["Tool t", "5", "5 1 of them requested", "at least 26 1 not given"],
            *["at least ₩4.2M 1 not given", "Not given", "1 1 undetermined"],
        ],
        ["Tool u", "1", "1", "1", "₩1,000", "₩1,000", "0"],
    ]
    assert [card[1] for card in cards(page)] == ["6", "at least 27", "at least ₩4.2M", "1"]
    main = page.by_id("main")
    assert main is not None
    links = [link.attributes["href"] for link in main.all("a")]
    assert [
        one for one in links if one in ("/countries/US/", "/catalog/t/use/", "/subscriptions/?vendor=acme")
    ] == [
        "/countries/US/",
        "/subscriptions/?vendor=acme",
        "/countries/US/",
        "/catalog/t/use/",
    ]


def test_a_country(committee: Client) -> None:
    page = opened(committee, "/countries/US/")
    assert rows(page, "Vendors") == [
        [
            *["Vendor acme", "2", "6 1 of them requested", "at least 27 1 not given"],
            *["at least ₩4.2M 1 not given", "Not given", "1 1 undetermined"],
        ],
        ["Vendor other", "1", "1", "1", "₩5,000", "₩5,000", "0"],
    ]
    assert [card[1] for card in cards(page)] == ["7", "at least 28", "at least ₩4.2M", "1"]


def test_the_vendors_whose_country_is_not_known(committee: Client) -> None:
    make_policy_of("by-country", ("vendor_country", Operator.IS, ["CN"]))
    page = opened(committee, "/countries/unknown/")
    assert rows(page, "Vendors") == [["Vendor nobody-knows", "1", "0", "None", "None", "Not applicable", "0"]]
    assert rows(page, "Policies in force that concern it") == [
        [
            *["Policy by-country", "Block", "KR and all below"],
            "vendor country is China Cannot be decided: what it asks is not known",
        ]
    ]
    links = [link.attributes["href"] for link in opened(committee, "/vendors/nobody-knows/").all("a")]
    assert links.count("/countries/unknown/") == 2


@pytest.mark.parametrize(
    ("address", "caption"), [("/vendors/acme/", "Its AI tools"), ("/countries/US/", "Vendors")]
)
def test_only_what_is_seen(world: None, signed_in: SignIn, address: str, caption: str) -> None:
    page = opened(signed_in("committee_member", "P2", language="en"), address)
    assert [card[1] for card in cards(page)] == {
        "/vendors/acme/": ["2", "at least 1", "at least ₩1,000", "0"],
        "/countries/US/": ["3", "at least 2", "at least ₩6,000", "0"],
    }[address]
    nobody = opened(signed_in(user=person(), language="en"), address)
    assert {tuple(row[-5:]) for row in rows(nobody, caption)} == {(HIDDEN,) * 5}
    assert [card[1] for card in cards(nobody)] == [HIDDEN] * 4


@pytest.mark.parametrize("code", ["KR", "CN", "unknown"])
def test_a_country_without_vendors(db: None, signed_in: SignIn, code: str) -> None:
    page = opened(signed_in(language="en"), f"/countries/{code}/")
    assert page.by_class("gt-empty")[0].text == "No vendor of this country is in the catalogue."


@pytest.mark.parametrize(
    ("address", "expected"), [("/catalog/t/use/", 19), ("/vendors/acme/", 16), ("/countries/US/", 13)]
)
def test_the_number_of_queries(committee: Client, address: str, expected: int) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            committee.get(address)
        return len(captured)

    source = Source.objects.create(code="s", published_at=timezone.now())
    acme, tools = Vendor.objects.get(code="acme"), [Product.objects.get(code="t")]

    def tell() -> None:
        number = Statement.objects.count()
        statement = Statement.objects.create(
            source=source, code=f"S{number}", measure="governments_subscribing", value=1, product=tools[0]
        )
        statement.subject.add(Agency.objects.get(code="P1"))
        make_policy_of(f"rule{number}", ("vendor", Operator.IS, ["acme"]), ("product", Operator.IS, ["t"]))

    tell()
    few = asked()
    for number in range(30):
        tools.append(ProductFactory(code=f"x{number}", vendor=acme))
        subscribed(f"KR/P1/X{number}", tools[0], YEARLY)
        subscribed(f"KR/P1/X{number}", tools[-1], YEARLY)
        VendorFactory(code=f"vendor-x{number}")
        tell()
    assert (few, asked()) == (expected, expected)
