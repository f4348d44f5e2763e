"""What headers and cells mean, as people in agencies write them."""

from __future__ import annotations

import datetime
import time
from decimal import Decimal
from functools import partial

import pytest
from django.core.exceptions import ValidationError

from subscriptions.importing import exchange_rates, payments
from subscriptions.importing.columns import (
    COLUMNS,
    SUBSCRIPTIONS,
    find_header,
    guess,
    guess_all,
    implied_by,
    without_brackets,
)
from subscriptions.importing.values import Cells, read_amount, read_day
from subscriptions.tables import EXPORT_HEADER
from tests.subscriptions.factories import agency_at, person

pytestmark = pytest.mark.usefixtures("in_english")

HEADERS = {
    "기관명": "agency", "기관 코드": "agency_code", "AI 도구": "product", "서비스명": "product", "구독 시작일": "started_on", "만료일": "ends_on",
    "담당부서": "owner_department", "계약번호": "contract_number", "Contract No.": "contract_number", "라이선스 수(개)": "seats",
    "월 단가(만원, VAT 별도)": "amount", "연간 구독료(천원)": "amount", "1인당 월 이용료 ($)": "amount", "계약금액(원)": "amount",
    "Monthly price": "amount", "Annual cost (KRW)": "amount", "자동 갱신 여부": "auto_renewal", "결제 방법": "payment_route",
    # People are not seats; the others are not ours.
    "이용 인원": "", "사용자 수": "", "Users": "", "연번": "", "비고": "", "업무 담당자": "",
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_headers(header: str) -> None:
    assert guess(header) == HEADERS[header]


def test_each_column_is_known_by_its_name_and_its_label_in_both_languages() -> None:
    from django.utils.translation import override

    for name, column in COLUMNS.items():
        assert guess(name) == name
        for language in ("ko", "en"):
            with override(language):
                assert guess(str(column.label)) == name


def test_of_our_own_list_what_follows_from_other_columns_is_left_out() -> None:
    known = [guess(str(header)) for header in EXPORT_HEADER]
    assert [name for name in known if name] == [
        "reference", "agency_code", "agency", "product", "status", "started_on", "ends_on", "data_class", "owner_department",
    ]  # fmt: skip


def test_each_field_once_and_what_was_chosen_first() -> None:
    assert guess_all(["기관명", "소속", "비고"]) == ["agency", "", ""]
    assert guess_all(["기관명", "소속", "비고"], {"비 고": "purpose", "기관명": ""}) == [
        "",
        "agency",
        "purpose",
    ]


def test_the_header_below_a_title() -> None:
    rows = [(1, ["2025년 AI 구독 현황"]), (2, ["단위: 천원"]), (4, ["기관", "도구"]), (5, ["서울", "x"])]
    header, rest = find_header(rows)
    assert (header, list(rest)) == (["기관", "도구"], [(5, ["서울", "x"])])


IMPLIED = {
    "월 단가(만원, VAT 별도)": (10_000, "KRW", "monthly", "per_seat", "excluded"),
    "연간 구독료(천원)": (1_000, "KRW", "annual", "", ""),
    "1인당 월 이용료 ($)": (1, "USD", "monthly", "per_seat", ""),
    "총 금액(백만원)": (1_000_000, "KRW", "", "flat", ""),
    "분기 비용 (부가세 포함)": (1, "", "quarterly", "", "included"),
    "Price per user per month (USD)": (1, "USD", "monthly", "per_seat", ""),
    "금액": (1, "", "", "", ""),
}


@pytest.mark.parametrize("header", IMPLIED)
def test_what_a_header_says_of_all_amounts(header: str) -> None:
    found = implied_by(header)
    assert (found.unit, found.currency, found.cycle, found.basis, found.vat) == IMPLIED[header]


LONG = {
    "brackets": "(" * 10_000, "words": "excl" * 2_500, "spaces": "VAT " + " " * 9_000 + "x", "letters": "﷽" * 10_000,
    "number": "1" + " " * 9_990 + "x", "refund": "-" + " " * 9_990 + "a\nb", "thousands": "천" * 10_000, "day": "2024" + " " * 9_000 + "x",
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_what_is_long_is_soon_known_to_be_nothing(name: str) -> None:
    """Whatever the column, and however long the cell: no second of a web process for ten of them."""
    text, started = LONG[name], time.process_time()
    for vocabulary in (SUBSCRIPTIONS, payments.VOCABULARY, exchange_rates.VOCABULARY):
        assert find_header([(1, [text] * 10)], vocabulary)[0] == [text] * 10
        assert guess_all([text], None, vocabulary) == [""]
    assert implied_by(text).unit == 1
    for read in (read_day, read_amount, partial(payments._signed, unit=1), partial(Cells._whole, None)):
        with pytest.raises(ValidationError):
            read(text)
    assert time.process_time() - started < 0.5


def test_what_stands_in_brackets() -> None:
    found = [without_brackets(text) for text in ("a(b)c", "a[b)c(d]", "a(b(c)d", "a(b", "(a\nb)c", ")a(")]
    assert found == ["ac", "ac", "ad", "a(b", "c", ")a("]


# (text, unit of the header): amount in whole units, currency beside it.
AMOUNTS = {
    ("1,200,000", 1): (1_200_000, ""), ("1200", 1_000): (1_200_000, ""), ("1,200만원", 1): (12_000_000, "KRW"),
    ("120만원", 1_000): (1_200_000, "KRW"), ("1억 2천만 원", 1): (120_000_000, "KRW"), ("1.2억원", 1): (120_000_000, "KRW"),
    ("3천만원", 1): (30_000_000, "KRW"), ("12만5천원", 1): (125_000, "KRW"), ("5백만원", 1): (5_000_000, "KRW"),
    ("2천원", 1): (2_000, "KRW"), ("₩1,200", 1_000): (1_200, "KRW"), ("1,200원", 10_000): (1_200, "KRW"),
    ("$20.50", 1): (Decimal("20.50"), "USD"), ("20 USD", 1_000): (20, "USD"), ("€9", 1): (9, "EUR"), ("１２０", 1): (120, ""),
    ("-5", 1): (-5, ""), ("0", 1): (0, ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "unit"), AMOUNTS)
def test_amounts(text: str, unit: int) -> None:
    assert read_amount(text, unit) == AMOUNTS[text, unit]


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3", "1,2", "만원", "억", "1 2 3원a", "NaN", "Infinity", "1e5", "12,00", "천만천만"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValidationError):
        read_amount(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31",
        "2024.1.31",
        "2024. 1. 31.",
        "2024/01/31",
        "20240131",
        "2024년 1월 31일",
        "45322",
        "２０２４-01-31",
    ],
)
def test_days(text: str) -> None:
    assert read_day(text) == datetime.date(2024, 1, 31)


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-1", "24.1.31", "31/01/2024", "1", "99999999", "2024-01-31 10:00", "²"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValidationError):
        read_day(text)


CHOICES = {
    ("personal_data", "예"): True, ("personal_data", "N"): False, ("auto_renewal", "○"): True, ("data_class", "민감"): "sensitive",
    ("data_class", "Open (O)"): "open", ("data_class", "기밀(C)"): "classified", ("payment_route", "관용카드"): "official_card",
    ("payment_route", "계약"): "contract", ("basis", "1인당"): "per_seat", ("basis", "Flat"): "flat", ("cycle", "매월"): "monthly",
    ("cycle", "연"): "annual", ("vat", "별도"): "excluded", ("vat", "VAT included"): "included", ("status", "사용 중"): "active",
    ("currency", "달러"): "USD", ("currency", "krw"): "KRW", ("seats", "1,000명"): 1000, ("notice_days", "30일"): 30,
}  # fmt: skip


def test_words_for_choices(db: None) -> None:
    from subscriptions.forms import PriceLineForm, SubscriptionForm

    cells = Cells(SubscriptionForm(by=person("administrator", agency_at("KR/P1"))), PriceLineForm())
    assert {key: cells.read(*key) for key in CHOICES} == CHOICES
    for name, text in [
        ("personal_data", "아마"),
        ("currency", "XXQ"),
        ("seats", "열"),
        ("plan", "#REF!"),
        ("cycle", "daily"),
    ]:
        with pytest.raises(ValidationError):
            cells.read(name, text)
    assert [cells.is_empty(text) for text in ("", "-", "미기재", "Not given", "0", "없음")] == [True] * 4 + [
        False
    ] * 2


NOT_BY_FILE = [
    "recorded_by",
    "recorded_by_id",
    "provenance",
    "declared",
    "created_at",
    "imported_by",
    "decided_by",
    "is_superuser",
    "is_staff",
    "password",
    "role",
    "pk",
    "history_user",
    "history_date",
    "agency_id",
    "product_id",
    "payer_id",
    "facts",
    "verdict",
    "finding",
    "decision",
    "waiver",
    "submission",
]


def test_a_file_fills_nothing_that_the_register_keeps_by_itself() -> None:
    """A header means one of the columns or is left out; keys, decisions and who did what are not among them."""
    assert set(NOT_BY_FILE) & set(COLUMNS) == set()
    assert {header: guess(header) for header in NOT_BY_FILE if guess(header)} == {}
    assert guess("purpose") == "purpose"
