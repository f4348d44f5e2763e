"""The page of spending: its cells in both languages, order, filters, files, and what it costs."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from agencies.models import Agency, User
from catalog.models import Product
from sources.models import Statement
from subscriptions.models import Status
from tests.pages import Element, read
from tests.subscriptions.factories import PriceLineFactory, SubscriptionFactory, agency_at, kept

pytestmark = pytest.mark.usefixtures("register")

SignIn = Callable[..., Client]
PAGE = "/spending/"
CODES = ["KR-49", "KR-11", "KR-41", "KR-46", "KR-44"]
UNKNOWN = [
    *["KR-26", "KR-27", "KR-28", "KR-29", "KR-30", "KR-31", "KR-42"],
    *["KR-43", "KR-45", "KR-47", "KR-48", "KR-50"],
]


def table_of(response: Any) -> tuple[list[list[str]], list[str]]:
    """The texts of the table's rows, and of its footer."""
    table = read(response).all("table")[0]
    body, foot = table.all("tbody")[0], table.all("tfoot")[0]
    rows = [[cell.text for cell in row.all("th", "td")] for row in body.all("tr")]
    return rows, [cell.text for cell in foot.all("th", "td")]


def names(response: Any) -> list[str]:
    return [row[0] for row in table_of(response)[0]]


def citation(response: Any) -> str:
    return str(read(response).by_class("gt-citation")[0].text)


def cards(response: Any) -> list[list[str]]:
    figure_cards = read(response).by_class("gt-figure-card")
    return [[part.text for part in card.all("p", "progress")] for card in figure_cards]


class TestCells:
    def test_in_english(self, signed_in: SignIn, committee: User) -> None:
        rows, foot = table_of(signed_in(user=committee, language="en").get(PAGE))
        recorded = ["1", "Unknown 1 not given", "3 3 undetermined"]
        left = "Not given at most ₩43,149,999"
        some = "Not given at most 275"
        unknown = [left, some, "Not given", *recorded]
        assert rows == [
            [
                "Jeju Special Self-Governing Province",
                "about ₩68.7M",
                some,
                "Not given at least ₩249,636",
                *recorded,
            ],
            ["Seoul Special City", "₩56.3M", "440", "₩128,000", *recorded],
            ["Gyeonggi Province", "₩46.7M", "Undetermined", "Undetermined", *recorded],
            ["South Jeolla Province", "₩44.5M", some, "Not given at least ₩161,636", *recorded],
            ["South Chungcheong Province", "₩43.1M", "1,274", "₩33,830", *recorded],
            ["Busan Metropolitan City", *unknown],
            ["Daegu Metropolitan City", *unknown],
            ["Incheon Metropolitan City", *unknown],
            ["Gwangju Metropolitan City", *unknown],
            ["Daejeon Metropolitan City", left, "275", "Not given at most ₩156,909", *recorded],
            ["Ulsan Metropolitan City", *unknown],
            [
                "Gangwon Special Self-Governing Province",
                left,
                "858",
                "Not given at most ₩50,291",
                *recorded,
            ],
            ["North Chungcheong Province", *unknown],
            ["Jeonbuk Special Self-Governing Province", *unknown],
            ["North Gyeongsang Province", *unknown],
            ["South Gyeongsang Province", *unknown],
            ["Sejong Special Self-Governing City", *unknown],
        ]
        assert foot == [
            "Total",
            "₩391.7M ₩259.3M given by agency ₩132.4M not given by agency",
            "at least 3,687 1 undetermined",
            "₩93,570 of 16 governments",
            "17",
            "Unknown 17 not given",
            "51 51 undetermined",
        ]

    def test_in_korean(self, signed_in: SignIn, committee: User) -> None:
        rows, foot = table_of(signed_in(user=committee).get(PAGE))
        recorded = ["1", "알 수 없음 미제공 1건", "3 판정 불가 3건"]
        assert rows[:3] == [
            ["제주특별자치도", "약 68,700,000원", "미제공 최대 275", "미제공 최소 249,636원", *recorded],
            ["서울특별시", "56,300,000원", "440", "128,000원", *recorded],
            ["경기도", "46,700,000원", "확인 불가", "확인 불가", *recorded],
        ]
        assert foot == [
            "합계",
            "391,700,000원 기관별로 제시 259,300,000원 기관별로 미제시 132,400,000원",
            "최소 3,687 확인 불가 1건",
            "93,570원 16개 시·도 기준",
            "17",
            "알 수 없음 미제공 17건",
            "51 판정 불가 51건",
        ]

    def test_the_exact_value_or_its_interval_is_at_hand(self, signed_in: SignIn, committee: User) -> None:
        page = read(signed_in(user=committee, language="en").get(PAGE))
        figures = [(f.text, f.attributes["title"], f.attributes["value"]) for f in page.all("data")]
        assert figures[:3] == [
            ("about ₩68.7M", "between ₩68,650,000 and ₩68,749,999", "68700000"),
            ("₩56.3M", "between ₩56,250,000 and ₩56,349,999", "56300000"),
            ("440", "440", "440"),
        ]

    def test_recorded_columns(self, signed_in: SignIn, committee: User) -> None:
        line = {"seats": 10, "amount": 20_000, "cycle": "monthly"}
        for place, status in (("KR/KR-49/C1", Status.ACTIVE), ("KR/KR-49", Status.REQUESTED)):
            made = SubscriptionFactory(agency=agency_at(place), status=status, owner_department="정보과")
            Agency.objects.filter(code="C1").update(kind=Agency.Kind.CITY)
            PriceLineFactory(subscription=made, **line)
            kept(made, timezone.localdate())
        rows, foot = table_of(signed_in(user=committee, language="en").get(PAGE))
        assert rows[0][4:6] == ["3 1 of them requested", "at least ₩2.4M 1 not given"]
        assert foot[4:6] == ["19 1 of them requested", "at least ₩2.4M 17 not given"]

    def test_an_agency_leads_to_its_subscriptions_and_findings(
        self, signed_in: SignIn, committee: User
    ) -> None:
        row = read(signed_in(user=committee).get(PAGE)).all("tbody")[0].all("tr")[0]
        assert [link.attributes["href"] for link in row.all("a")] == [
            "/subscriptions/?agency=KR-49",
            "/findings/?state=open&agency=KR-49",
        ]


class TestAroundTheTable:
    def test_key_figures_with_their_coverage(self, signed_in: SignIn, committee: User) -> None:
        assert cards(signed_in(user=committee, language="en").get(PAGE)) == [
            ["Stated spending", "₩391.7M", "5/17", "₩259.3M is given by agency, ₩132.4M is not"],
            ["Stated users", "at least 3,687", "4/17", "2,847 is given by agency, 840 is not"],
            [
                "Recorded subscriptions",
                "17",
                "17/17",
                "Annual cost: Unknown (17 not given)",
                "See the subscriptions",
            ],
            [
                "Findings needing attention",
                "51",
                "51 of them undetermined, since a fact is missing",
                "See the findings",
            ],
        ]

    def test_the_chart_shows_the_same_and_draws_no_unknown_as_zero(
        self, signed_in: SignIn, committee: User
    ) -> None:
        page = read(signed_in(user=committee, language="en").get(PAGE))
        canvas = page.all("canvas")[0]
        script = page.by_id(canvas.attributes["data-chart"])
        assert script is not None
        data = json.loads(script.raw)
        shorts = dict(Agency.objects.values_list("code", "short_en"))
        assert data == {
            "labels": [shorts[code] for code in CODES + UNKNOWN],
            "unit": "won",
            "horizontal": True,
            "datasets": [
                {
                    "label": "Stated spending",
                    "data": [68_700_000, 56_300_000, 46_700_000, 44_500_000, 43_100_000, *[None] * 12],
                    "unknown": [*[False] * 5, *["Not given"] * 12],
                }
            ],
        }

    def test_the_citation(self, signed_in: SignIn, committee: User, monkeypatch: pytest.MonkeyPatch) -> None:
        noon = timezone.now().replace(year=2026, month=6, day=15, hour=3, minute=0)
        monkeypatch.setattr(timezone, "now", lambda: noon)
        response = signed_in(user=committee, language="en").get(PAGE, {"kind": "province", "q": "south"})
        assert citation(response) == (
            "Spending on AI subscriptions in won, as stated, with what the register has recorded"
            " · Source: News article on the report"
            " · Period: Jan. 1, 2023 to Jan. 31, 2024"
            " · Filters: Kind of government: Province; Name or code: south"
            " · As of: June 15, 2026, noon"
            " · Coverage: stated spending for 2, stated users for 1, recorded data visible for 3 of 3 governments"
            " · Recorded columns count an agency with all below it, on today's tree."
        )
        links = read(response).by_class("gt-citation")[0].all("a")
        assert [link.attributes["href"] for link in links] == ["/sources/a/"]


class TestFiltersAndOrder:
    def test_a_total_of_which_only_a_part_is_shown_is_not_told_anywhere(
        self, signed_in: SignIn, committee: User
    ) -> None:
        response = signed_in(user=committee, language="en").get(PAGE, {"standing": "stated"})
        rows, foot = table_of(response)
        assert len(rows) == 5
        assert foot[:4] == [
            "Total",
            "₩259.3M",
            "at least 1,714 2 not given, 1 undetermined",
            "Not given at most ₩151,429",
        ]
        text = read(response).text
        assert [word for word in ("391", "132.4", "3,687", "840") if word in text] == []
        assert "The filter keeps 5 in view, so that total is left out" in text

    def test_what_is_not_known_comes_last_in_either_direction(
        self, signed_in: SignIn, committee: User
    ) -> None:
        client = signed_in(user=committee, language="en")
        shorts = dict(Agency.objects.values_list("code", "name_en"))

        def order(sort: str) -> list[str]:
            by_name = {name: code for code, name in shorts.items()}
            return [by_name[name] for name in names(client.get(PAGE, {"sort": sort}))]

        assert order("-spending") == CODES + UNKNOWN
        assert order("spending") == CODES[::-1] + UNKNOWN
        assert order("-users")[:4] == ["KR-44", "KR-42", "KR-11", "KR-30"]
        assert order("users")[:4] == ["KR-30", "KR-11", "KR-42", "KR-44"]
        assert order("per_user")[:2] == ["KR-44", "KR-11"]
        assert order("agency")[:3] == ["KR-26", "KR-27", "KR-30"]
        assert order("subscriptions,-agency")[:2] == ["KR-31", "KR-46"]
        assert order("nonsense") == order("-spending")

    def test_an_empty_result_says_so_and_how_to_go_on(self, signed_in: SignIn, committee: User) -> None:
        page = read(
            signed_in(user=committee, language="en").get(PAGE, {"product": "claude", "standing": "stated"})
        )
        empty = page.by_class("gt-empty")[0].text
        assert empty == (
            "No government fits these filters. Claude: the source tells of 5 subscribing governments and does not say "
            "which, so they are not among these unless a subscription is recorded. Show all governments"
        )
        assert page.all("table") == []

    @pytest.mark.parametrize(
        ("query", "errors"),
        [
            ({"kind": "village"}, ["Select a valid choice. village is not one of the available choices."]),
            ({"standing": "0"}, ["Select a valid choice. 0 is not one of the available choices."]),
            ({"product": "abacus"}, ["There is no “abacus” among those you can choose."]),
            ({"q": "\0"}, ["Null characters are not allowed."]),
            (
                {"q": "x" * 101},
                ["Ensure this value has at most 100 characters (it has 101)."],
            ),
        ],
    )
    def test_a_filter_that_is_not_valid(
        self, signed_in: SignIn, committee: User, query: dict[str, str], errors: list[str]
    ) -> None:
        client = signed_in(user=committee, language="en")
        page = client.get(PAGE, query)
        assert page.status_code == 200
        assert [error.text for error in read(page).by_class("form-hint-invalid")] == errors
        assert read(page).all("table") == []
        for kind in ("csv", "xlsx"):
            refused = client.get(PAGE, {**query, "_export": kind})
            assert (refused.status_code, refused["Content-Type"]) == (400, "text/html; charset=utf-8")
            told = [item.text for item in read(refused).by_id("main").all("li")]  # type: ignore[union-attr]
            assert [item for item in told if errors[0] in item]


def rows_of_csv(response: Any) -> list[list[str]]:
    text = response.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))


class TestFiles:
    HEADER = [
        *["Row", "Code", "Agency", "Kind of government"],
        *["Stated spending (won)", "Stated spending (won): standing"],
        *["Stated spending (won): at least", "Stated spending (won): at most"],
        *["Stated users", "Stated users: standing", "Stated users: at least", "Stated users: at most"],
        *["Spending per user (won)", "Spending per user (won): standing"],
        *["Spending per user (won): at least", "Spending per user (won): at most"],
        *["Recorded data", "Recorded subscriptions", "Of these requested", "Recorded annual cost (won)"],
        *["Recorded annual cost: coverage", "Findings needing attention", "Of these undetermined"],
    ]
    CITATION = ["Measure", "Source", "Period", "Filters", "As of", "Coverage"]
    JEJU = [
        *["Agency", "KR-49", "Jeju Special Self-Governing Province", "Special self-governing province"],
        *[68_700_000, "Stated (About)", 68_650_000, 68_749_999],
        *[None, "Not given", 0, 275],
        *[None, "Not given", 249_636, None],
    ]
    SEOUL = [
        *["Agency", "KR-11", "Seoul Special City", "Special city"],
        *[56_300_000, "Stated", 56_250_000, 56_349_999],
        *[440, "Stated", 440, 440],
        *[128_000, "Computed", 127_841, 128_068],
    ]
    BUSAN = [
        *["Agency", "KR-26", "Busan Metropolitan City", "Metropolitan city"],
        *[None, "Not given", 0, 43_149_999],
        *[None, "Not given", 0, 275],
        *[None, "Not given", 0, None],
    ]
    RECORDED = ["Recorded", 1, 0, None, "Unknown (1 not given)", 3, 3]
    TOTALS = [
        [
            *["Total", None, None, None],
            *[391_700_000, "Stated", 391_650_000, 391_749_999],
            *[3687, "At least; 1 undetermined", 3687, None],
            *[93_570, "Computed", 93_545, 93_599],
            *["Recorded", 17, 0, None, "Unknown (17 not given)", 51, 51],
        ],
        [
            *["Of the total: given by agency", None, None, None],
            *[259_300_000, "At least; 12 not given", 259_050_000, None],
            *[2847, "At least; 12 not given, 1 undetermined", 2847, None],
            *[None] * 11,
        ],
        [
            *["Of the total: not given by agency", None, None, None],
            *[132_400_000, "Computed", 132_100_005, 132_699_999],
            *[840, "Computed", 840, 840],
            *[None] * 11,
        ],
    ]

    def sheet(self, response: Any) -> tuple[list[list[Any]], list[list[Any]]]:
        book = load_workbook(io.BytesIO(response.content))
        first, second = ([list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book)
        return first, second

    def test_xlsx_holds_the_table_the_sums_and_the_citation(self, signed_in: SignIn, committee: User) -> None:
        client = signed_in(user=committee, language="en")
        response = client.get(PAGE, {"_export": "xlsx"})
        name = f"govtrack-spending-{timezone.localdate().isoformat()}.xlsx"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        rows, notes = self.sheet(response)
        assert rows[0] == self.HEADER
        assert rows[1] == [*self.JEJU, *self.RECORDED]
        assert rows[2] == [*self.SEOUL, *self.RECORDED]
        assert rows[6] == [*self.BUSAN, *self.RECORDED]
        assert [row[1] for row in rows[1:18]] == CODES + UNKNOWN
        assert rows[18:] == self.TOTALS
        assert [row[0] for row in notes] == self.CITATION
        assert notes[1:4] == [
            ["Source", "News article on the report"],
            ["Period", "Jan. 1, 2023 to Jan. 31, 2024"],
            ["Filters", "None"],
        ]

    def test_csv_holds_the_same_with_the_citation_on_each_row(
        self, signed_in: SignIn, committee: User
    ) -> None:
        client = signed_in(user=committee, language="en")
        response = client.get(PAGE, {"_export": "csv"})
        name = f"govtrack-spending-{timezone.localdate().isoformat()}.csv"
        assert (response["Content-Type"], response["Content-Disposition"]) == (
            "text/csv; charset=utf-8",
            f'attachment; filename="{name}"',
        )
        rows = rows_of_csv(response)
        sheet, notes = self.sheet(client.get(PAGE, {"_export": "xlsx"}))
        width = len(self.HEADER)
        assert [row[:width] for row in rows] == [
            ["" if cell is None else str(cell) for cell in row] for row in sheet
        ]
        assert rows[0][width:] == self.CITATION
        # The time may tick between the two files.
        cited = [value for name, value in notes if name != "As of"]
        assert {
            tuple(v for n, v in zip(self.CITATION, row[width:], strict=True) if n != "As of")
            for row in rows[1:]
        } == {tuple(cited)}

    @pytest.mark.parametrize(
        "query", [{"kind": "province"}, {"standing": "stated", "sort": "agency"}, {"q": "jeju"}]
    )
    def test_a_file_holds_exactly_what_the_page_shows(
        self, signed_in: SignIn, committee: User, query: dict[str, str]
    ) -> None:
        client = signed_in(user=committee, language="en")
        page_rows, foot = table_of(client.get(PAGE, query))
        rows, _notes = self.sheet(client.get(PAGE, {**query, "_export": "xlsx"}))
        agencies = [row for row in rows[1:] if row[0] == "Agency"]
        assert [row[2] for row in agencies] == [row[0] for row in page_rows]
        total = next(row for row in rows if row[0] == "Total")
        assert [row[0] for row in rows[1 + len(agencies) :]] == ["Total"]  # no stated total: nothing to split
        assert total[4] == sum(row[4] for row in agencies if row[4] is not None)
        assert total[5] == (
            "Computed" if all(row[4] for row in agencies) else f"At least; {foot[1].split(' ', 3)[-1]}"
        )

    def test_of_what_is_not_visible_a_file_says_so(self, signed_in: SignIn, jeju: User) -> None:
        rows, _notes = self.sheet(signed_in(user=jeju, language="en").get(PAGE, {"_export": "xlsx"}))
        recorded = {row[1]: row[16:] for row in rows[1:18]}
        hidden = ["Not visible to you", *[None] * 6]
        assert recorded == {code: self.RECORDED if code == "KR-49" else hidden for code in CODES + UNKNOWN}
        assert rows[18][16:] == ["Recorded; 16 not visible to you", *self.RECORDED[1:]]

    def test_formulas_are_harmless(self, signed_in: SignIn, committee: User) -> None:
        Agency.objects.filter(code="KR-49").update(name_en="=HYPERLINK(1)")
        client = signed_in(user=committee, language="en")
        assert self.sheet(client.get(PAGE, {"_export": "xlsx"}))[0][1][2] == "'=HYPERLINK(1)"
        assert rows_of_csv(client.get(PAGE, {"_export": "csv"}))[1][2] == "'=HYPERLINK(1)"
        assert names(client.get(PAGE))[0] == "=HYPERLINK(1)"

    @pytest.mark.parametrize("kind", ["json", "xls", "", "CSV"])
    def test_a_kind_of_file_that_is_not_offered(self, signed_in: SignIn, committee: User, kind: str) -> None:
        response = signed_in(user=committee, language="en").get(PAGE, {"_export": kind})
        assert response.status_code == 400
        assert read(response).all("h1")[0].text == "No file was made"

    def test_in_korean(self, signed_in: SignIn, committee: User) -> None:
        rows = rows_of_csv(signed_in(user=committee).get(PAGE, {"_export": "csv"}))
        assert rows[1][:3] == ["기관", "KR-49", "제주특별자치도"]
        assert rows[1][4:8] == ["68700000", "제시됨(약)", "68650000", "68749999"]
        assert rows[18][:6] == ["합계", "", "", "", "391700000", "제시됨"]


class TestWhoReads:
    def test_jeju_sees_the_recorded_columns_of_jeju_alone(self, signed_in: SignIn, jeju: User) -> None:
        response = signed_in(user=jeju, language="en").get(PAGE)
        rows, foot = table_of(response)
        hidden = ["Not visible to you"] * 3
        recorded = {row[0]: row[4:] for row in rows}
        names = Agency.objects.filter(parent__code="KR").values_list("code", "name_en")
        assert recorded == {
            name: ["1", "Unknown 1 not given", "3 3 undetermined"] if code == "KR-49" else hidden
            for code, name in names
        }
        assert foot[4:] == [
            "1 16 not visible to you",
            "Unknown 1 not given 16 not visible to you",
            "3 3 undetermined 16 not visible to you",
        ]
        links = read(response).all("tbody")[0].all("a")
        assert {link.attributes["href"] for link in links} == {
            "/subscriptions/?agency=KR-49",
            "/findings/?state=open&agency=KR-49",
        }

    def test_somebody_without_a_role_reads_what_is_stated(self, signed_in: SignIn) -> None:
        response = signed_in(language="en").get(PAGE)
        rows, foot = table_of(response)
        assert {tuple(row[4:]) for row in rows} == {("Not visible to you",) * 3}
        assert foot[4:] == ["Not visible to you"] * 3
        assert foot[1].startswith("₩391.7M")
        assert cards(response)[2:] == [
            ["Recorded subscriptions", "Not visible to you"],
            ["Findings needing attention", "Not visible to you"],
        ]

    @pytest.mark.parametrize("query", [{}, {"_export": "csv"}, {"kind": "village", "_export": "csv"}])
    def test_nobody_reads_without_signing_in(self, client: Client, query: dict[str, str]) -> None:
        response = client.get(PAGE, query)
        assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, "/accounts/login/")

    def test_nothing_can_be_sent_to_it(self, signed_in: SignIn, committee: User) -> None:
        assert signed_in(user=committee).post(PAGE).status_code == 405


@pytest.mark.parametrize(
    ("query", "expected"),
    [({}, 15), ({"_export": "csv"}, 16), ({"product": "chatgpt"}, 17)],
)
def test_the_number_of_queries(
    signed_in: SignIn, committee: User, query: dict[str, str], expected: int
) -> None:
    """As many with one government and one subscription as with 30 of each."""
    client = signed_in(user=committee)

    def queries(text: str) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            response = client.get(PAGE, {**query, "q": text})
        rows = rows_of_csv(response)[1:-3] if "_export" in query else table_of(response)[0]
        return len(rows), len(captured)

    chatgpt = Product.objects.get(code="chatgpt")
    subject = Statement.objects.get(code="A15").subject
    for number in range(30):
        agency = agency_at(f"KR/MANY{number}")
        kept(SubscriptionFactory(agency=agency, product=chatgpt), timezone.localdate())
        subject.add(agency)
    few, many = queries("KR-49"), queries("MANY")
    assert (few[1], many[1]) == (expected, expected)
    assert many[0] >= 28
    assert few[0] <= 1


def test_element_is_read(signed_in: SignIn, committee: User) -> None:
    """The page is one that a browser reads without guessing: every element is closed where it should be."""
    assert isinstance(read(signed_in(user=committee).get(PAGE)), Element)
