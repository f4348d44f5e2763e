"""The explorer's page: figures with their records, drill-down, columns, orders, empty and wrong questions, and its cost."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, User
from catalog.models import Product
from subscriptions.models import Payment, Status, Subscription
from tests.pages import Element, errors_on, read
from tests.subscriptions.factories import SubscriptionFactory, agency_at

pytestmark = pytest.mark.usefixtures("register")

SignIn = Callable[..., Client]
PAGE = "/spending/explore/"


def table_of(response: Any) -> tuple[list[str], list[list[str]], list[str]]:
    """The texts of the head, of the rows and of the footer."""
    table = read(response).all("table")[0]
    head, body, foot = (table.all(part)[0] for part in ("thead", "tbody", "tfoot"))
    rows = [[cell.text for cell in row.all("th", "td")] for row in body.all("tr")]
    return [th.text for th in head.all("th")], rows, [cell.text for cell in foot.all("th", "td")]


def links(element: Element) -> dict[str, str]:
    return {link.text: link.attributes["href"] for link in element.all("a")}


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def pay(code: str, won: int | None, day: str = "2026-03-10", product: str = "chatgpt") -> Payment:
    subscription = Subscription.objects.filter(agency__code=code, product__code=product).first()
    if subscription is None:
        subscription = SubscriptionFactory(
            agency=Agency.objects.get(code=code),
            product=Product.objects.get(code=product),
            status=Status.ACTIVE,
            started_on=datetime.date(2024, 1, 1),
        )
    currency = "KRW" if won is not None else "USD"
    payment: Payment = Payment.objects.create(
        subscription=subscription, paid_on=day, amount=won or 1, currency=currency, won=won
    )
    return payment


@pytest.fixture
def client_en(signed_in: SignIn, committee: User) -> Client:
    return signed_in(user=committee, language="en")


class TestTable:
    def test_stated(self, client_en: Client) -> None:
        head, rows, foot = table_of(client_en.get(PAGE, {"measure": "stated", "sort": "-figure"}))
        left = "Unknown 1 not given, at most ₩43,149,999"
        assert head == ["Agency", "Spending stated", "Share of total"]
        assert rows[:6] == [
            ["Jeju", "about ₩68.7M", "17.5%"],
            ["Seoul", "₩56.3M", "14.4%"],
            ["Gyeonggi", "₩46.7M", "11.9%"],
            ["South Jeolla", "₩44.5M", "11.4%"],
            ["South Chungcheong", "₩43.1M", "11.0%"],
            ["Busan", left, ""],
        ]
        assert foot == ["Total", "₩391.7M", ""]

    def test_only_unknowns_are_unknown(self, client_en: Client) -> None:
        _head, rows, foot = table_of(client_en.get(PAGE))
        assert {tuple(row[1:]) for row in rows} == {("Unknown 1 not given", "")}
        assert foot == ["Total", "Unknown 17 not given", ""]

    def test_paid_by_two(self, client_en: Client) -> None:
        pay("KR-49", 7_000_000)
        pay("KR-49", None)
        pay("KR-49", 3_000_000, product="claude")
        _head, rows, foot = table_of(client_en.get(PAGE, {"then": "product", "agency": "KR-49"}))
        assert rows == [
            ["Jeju itself", "All together", "at least ₩10.0M 1 rate missing", ""],
            ["Jeju itself", "ChatGPT", "at least ₩7.0M 1 rate missing", ""],
            ["Jeju itself", "Claude", "₩3.0M", ""],
        ]
        assert foot == ["Total", "", "at least ₩10.0M 1 rate missing", ""]

    def test_a_year_earlier(self, client_en: Client) -> None:
        pay("KR-49", 7_000_000, "2026-03-10")
        pay("KR-49", 4_000_000, "2025-03-10")
        pay("KR-11", 1_000_000, "2026-03-10")
        pay("KR-11", None, "2025-03-10")
        query = {"first": "2026-01-01", "last": "2026-12-31", "compare": "on", "product": "chatgpt"}
        head, rows, _foot = table_of(client_en.get(PAGE, query))
        assert head[3:] == ["A year earlier", "Difference"]
        found = {row[0]: row[1:] for row in rows}
        assert found["Jeju"] == ["₩7.0M", "", "₩4.0M", "+₩3.0M"]
        assert found["Seoul"] == ["₩1.0M", "", "Unknown 1 rate missing", "Unknown"]

    def test_without_a_year_earlier(self, client_en: Client) -> None:
        page = read(client_en.get(PAGE, {"compare": "on"}))
        assert "There is no year earlier to compare with." in page.text
        assert "A year earlier" not in page.all("table")[0].text

    def test_each_number_leads_to_its_records(self, client_en: Client) -> None:
        pay("KR-49", 7_000_000)
        page = client_en.get(PAGE, {"then": "month", "product": "chatgpt", "sort": "-figure"})
        table = read(page).all("table")[0]
        of_jeju = [row for row in table.all("tbody")[0].all("tr") if row.all("th")[0].text == "Jeju"]
        addresses = [row.all("td")[1].all("a")[0].attributes["href"] for row in of_jeju]
        kept = {"product": "chatgpt"}
        assert {urlsplit(address).path for address in addresses} == {f"{PAGE}records/"}
        assert [query_of(address) for address in addresses] == [
            {**kept, "agency": "KR-49"},
            {**kept, "agency": "KR-49", "first": "2026-03-01", "last": "2026-03-31"},
        ]
        total = table.all("tfoot")[0].all("a")[0].attributes["href"]
        assert query_of(total) == kept
        for address in [*addresses, total]:
            assert client_en.get(address).status_code == 200

    def test_one_level_down_and_up(self, client_en: Client) -> None:
        agency_at("KR/KR-49/C1")
        pay("KR-49", 7_000_000)
        response = client_en.get(PAGE, {"sort": "-figure", "columns": "figure"})
        down = links(read(response).all("table")[0])["Jeju"]
        assert urlsplit(down).path == PAGE
        assert parse_qsl(urlsplit(down).query) == [
            ("agency", "KR-49"),
            ("columns", "figure"),
            ("sort", "-figure"),
        ]
        assert "Seoul" not in links(read(response).all("table")[0])
        below = client_en.get(down)
        assert [row[0] for row in table_of(below)[1]] == ["Jeju itself", "C1"]
        trail = read(below).by_class("breadcrumb")[0]
        assert [item.text for item in trail.all("li")] == [
            "Home",
            "Spending explorer",
            "Republic of Korea",
            "Jeju Special Self-Governing Province",
        ]
        assert query_of(links(trail)["Republic of Korea"])["agency"] == "KR"

    def test_nobody_is_led_above_what_they_see(self, signed_in: SignIn, jeju: User) -> None:
        page = read(signed_in(user=jeju, language="en").get(PAGE, {"agency": "KR-49"}))
        trail = page.by_class("breadcrumb")[0]
        assert [item.text for item in trail.all("li")][:2] == ["Home", "Spending explorer"]
        assert len(trail.all("li")) == 3


class TestLayout:
    def test_columns_are_chosen_in_the_address(self, client_en: Client) -> None:
        query = [("measure", "stated"), ("columns", "at_most"), ("columns", "known"), ("columns", "nonsense")]
        response = client_en.get(PAGE, dict_of(query))
        head, rows, foot = table_of(response)
        assert head == ["Agency", "Spending stated", "At most", "Figures known"]
        assert rows[0] == ["Seoul", "₩56.3M", "₩56,349,999", "1"]
        assert foot[2:] == ["₩391,749,999", "1"]
        page = read(response)
        boxes = {
            box.attributes["value"]: "checked" in box.attributes
            for box in page.all("input")
            if box.attributes.get("type") == "checkbox" and box.attributes.get("name") == "columns"
        }
        assert boxes == {
            "share": False,
            "at_least": False,
            "at_most": True,
            "known": True,
            "missing": False,
        }

    def test_the_figure_alone(self, client_en: Client) -> None:
        head, _rows, _foot = table_of(client_en.get(PAGE, {"columns": "figure"}))
        assert head == ["Agency", "Spending paid"]

    def test_orders_keep_the_rest_of_the_address(self, client_en: Client) -> None:
        page = read(client_en.get(PAGE, {"measure": "stated", "columns": "share", "sort": "first"}))
        sorts = [link for link in page.all("a") if link.attributes.get("class") == "sort"]
        assert [query_of(link.attributes["href"]) for link in sorts] == [
            {"measure": "stated", "columns": "share", "sort": sort} for sort in ("-first", "figure", "share")
        ]

    def test_what_the_form_does_not_ask_is_kept_by_it(self, client_en: Client) -> None:
        page = read(client_en.get(PAGE, {"columns": "share", "sort": "-figure"}))
        ask = page.by_class("gt-ask")[0]
        hidden = [
            (i.attributes["name"], i.attributes["value"])
            for i in ask.all("input")
            if i.attributes.get("type") == "hidden"
        ]
        assert hidden == [("columns", "share"), ("sort", "-figure")]

    def test_fifty_rows_a_page_with_the_group_they_belong_to(self, client_en: Client) -> None:
        for number in range(60):
            pay("KR-49", 1_000_000 + number, f"{2020 + number // 12}-{number % 12 + 1:02}-05")
        query = {"then": "month", "agency": "KR-49", "product": "chatgpt"}
        first, second = (table_of(client_en.get(PAGE, {**query, "page": str(page)}))[1] for page in (1, 2))
        assert (len(first), len(second)) == (50, 12)
        assert first[0][:2] == ["Jeju itself", "All together"]
        assert second[0][:3] == ["Jeju itself (continued)", "All together", first[0][2]]
        assert client_en.get(PAGE, {**query, "page": "3"}).status_code == 404

    def test_the_citation(self, client_en: Client) -> None:
        response = client_en.get(PAGE, {"measure": "stated", "kind": "province", "sort": "-figure"})
        cited = read(response).by_class("gt-citation")
        link = "http://testserver/spending/explore/?measure=stated&kind=province&sort=-figure"
        assert len(cited) == 3  # under the table, the chart and the map
        for line in cited:
            assert line.text.startswith(
                "Spending stated by agency · Preferred source: News article on the report · "
                "Period: As the source states it · Filters: Kind of government: Province · As of: "
            )
            assert line.all("a")[-1].attributes["href"] == link
            assert "Coverage: a figure for 3 of 6 groups" in line.text
        assert client_en.get(link.removeprefix("http://testserver")).status_code == 200


def dict_of(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


class TestQuestions:
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"measure": "nonsense"}, "measure"),
            ({"measure": "stated", "by": "month"}, "by"),
            ({"by": "product", "then": "product"}, "then"),
            ({"agency": "KR-99"}, "agency"),
            ({"first": "2026-02-01", "last": "2026-01-01"}, "last"),
        ],
    )
    def test_a_wrong_one_shows_nothing(self, client_en: Client, query: dict[str, str], field: str) -> None:
        response = client_en.get(PAGE, query)
        assert response.status_code == 200
        assert list(errors_on(response)) == [field]
        assert read(response).all("table") == []
        for kind in ("csv", "xlsx", "json"):
            assert client_en.get(PAGE, {**query, "_export": kind}).status_code == 400
        assert client_en.get(f"{PAGE}print/", query).status_code == 400
        assert client_en.get(f"{PAGE}save/", query).status_code == 400

    @pytest.mark.parametrize("kind", ["pdf", "", "CSV"])
    def test_a_kind_of_file_that_is_not_offered(self, client_en: Client, kind: str) -> None:
        response = client_en.get(PAGE, {"_export": kind})
        assert response.status_code == 400
        assert "Choose CSV, Excel or JSON" in read(response).text

    def test_nothing_fits(self, client_en: Client) -> None:
        page = read(client_en.get(PAGE, {"text": "no such words"}))
        assert page.by_class("gt-empty")[0].text.startswith("Nothing that is recorded fits these filters.")
        assert page.all("table") == []

    def test_nothing_to_be_seen(self, signed_in: SignIn) -> None:
        page = read(signed_in(language="en").get(PAGE))
        assert page.by_class("gt-empty")[0].text == "Nothing is recorded that you may see."

    def test_too_much_for_paper(self, client_en: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("oversight.explorer.views.PRINTED", 16)
        response = client_en.get(f"{PAGE}print/")
        assert response.status_code == 400
        assert "more than 16 rows" in read(response).text

    def test_files_have_their_name(self, client_en: Client) -> None:
        for kind, content in (
            ("csv", "text/csv; charset=utf-8"),
            ("json", "application/json; charset=utf-8"),
        ):
            response = client_en.get(PAGE, {"measure": "stated", "_export": kind})
            assert response.streaming
            assert response["Content-Type"] == content
            assert response["Content-Disposition"].startswith('attachment; filename="govtrack-stated-2')


class TestMap:
    def tiles(self, client: Client, **query: str) -> dict[str, tuple[str, str]]:
        page = read(client.get(PAGE, query))
        return {
            tile.attributes["data-code"]: (tile.attributes["class"], tile.attributes["aria-label"])
            for tile in page.by_class("gt-tile")
            if "data-code" in tile.attributes
        }

    def test_stated(self, client_en: Client) -> None:
        tiles = self.tiles(client_en, measure="stated")
        assert len(tiles) == 17
        assert tiles["KR-49"] == ("gt-tile level-5", "Jeju: about ₩68.7M")
        assert tiles["KR-44"] == ("gt-tile level-1", "South Chungcheong: ₩43.1M")
        assert tiles["KR-50"] == (
            "gt-tile unknown",
            "Sejong: Unknown; 1 not given, at most ₩43,149,999",
        )

    def test_what_a_reader_may_not_see(self, signed_in: SignIn, jeju: User) -> None:
        pay("KR-49", 7_000_000)
        pay("KR-49", None)
        pay("KR-11", 9_000_000)
        tiles = self.tiles(signed_in(user=jeju, language="en"))
        assert tiles.pop("KR-49") == ("gt-tile level-1", "Jeju: ₩7.0M, at least; 1 rate missing")
        names = dict(Agency.objects.values_list("code", "short_en"))
        assert tiles == {code: ("gt-tile unseen", f"{names[code]}: Not visible to you") for code in tiles}
        assert len(tiles) == 16

    def test_of_the_kinds_left_out_nothing_is_said_but_that(self, client_en: Client) -> None:
        tiles = self.tiles(client_en, measure="stated", kind="province")
        assert tiles["KR-49"] == ("gt-tile nothing", "Jeju: None")

    @pytest.mark.parametrize("query", [{"by": "product"}, {"agency": "KR-49"}, {"by": "kind"}])
    def test_only_of_the_governments(self, client_en: Client, query: dict[str, str]) -> None:
        assert self.tiles(client_en, **query) == {}

    def test_by_two_it_shows_each_government(self, client_en: Client) -> None:
        pay("KR-49", 7_000_000)
        pay("KR-49", 2_000_000, product="claude")
        tiles = self.tiles(client_en, then="product", agency="KR")
        assert tiles["KR-49"] == ("gt-tile level-1", "Jeju: ₩9.0M")


@pytest.mark.parametrize(
    ("query", "expected"),
    [({}, 26), ({"_export": "csv"}, 18), ({"then": "product"}, 21), ({"by": "product"}, 20)],
)
def test_the_number_of_queries(client_en: Client, query: dict[str, str], expected: int) -> None:
    """As many with one tool of one agency as with 30 of 30 agencies."""
    SubscriptionFactory(agency=agency_at("KR/KR-49/FEW"), status=Status.ACTIVE)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            response = client_en.get(PAGE, query)
            b"".join(response) if response.streaming else response.content
        return len(captured)

    few = queries()
    for number in range(30):
        SubscriptionFactory(agency=agency_at(f"KR/MANY{number}"), status=Status.ACTIVE)
    assert (few, queries()) == (expected, expected)
