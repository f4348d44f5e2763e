"""How figures are written, in Korean and English."""

import datetime
from collections import Counter

import pytest
from django.utils import translation

from figures import formatting
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Qualifier, Standing

KNOWN = Figure.stated(68_700_000, 100_000)


@pytest.mark.parametrize(
    ("amount", "unit", "korean", "english"),
    [
        (68_700_000, 100_000, "68,700,000원", "₩68.7M"),
        (68_710_000, 10_000, "68,710,000원", "₩68.71M"),
        (391_686_165, 1, "391,686,165원", "₩391.7M"),
        (2_450_000_000, 1, "2,450,000,000원", "₩2.5B"),
        (2_450_000_000, 1_000_000, "2,450,000,000원", "₩2.450B"),
        (5_000_000, 1_000_000, "5,000,000원", "₩5M"),
        (999_999, 1, "999,999원", "₩999,999"),
        (33_830, 10, "33,830원", "₩33,830"),
        (0, 1, "0원", "₩0"),
    ],
)
def test_won(amount: int, unit: int, korean: str, english: str) -> None:
    written = []
    for language in ("ko", "en"):
        with translation.override(language):
            written.append(formatting.won(amount, unit))
    assert written == [korean, english]


@pytest.mark.parametrize(
    ("figure", "money", "text"),
    [
        (KNOWN, True, "₩68.7M"),
        (Figure.stated(1274), False, "1,274"),
        (Figure.stated(68_700_000, 100_000, Qualifier.ABOUT), True, "about ₩68.7M"),
        (Figure.stated(7, 1, Qualifier.AT_LEAST), False, "at least 7"),
        (Figure.stated(7, 1, Qualifier.AT_MOST), False, "at most 7"),
        (Figure.missing(Standing.UNDETERMINED), False, "Undetermined"),
        (Figure.missing(interval=Interval(0, 43_149_999)), True, "Not given (at most ₩43,149,999)"),
        (Figure.missing(interval=Interval(249_636, None)), True, "Not given (at least ₩249,636)"),
        (Figure.missing(interval=Interval(3, 5)), False, "Not given (between 3 and 5)"),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_a_figure_as_text(figure: Figure, money: bool, text: str) -> None:
    assert formatting.amount_text(figure, money) == text


@pytest.mark.parametrize(
    ("figure", "html"),
    [
        (
            KNOWN,
            '<data class="figure" value="68700000" title="between ₩68,650,000 and ₩68,749,999">₩68.7M</data>',
        ),
        (
            Figure.stated(12_345_678),
            '<data class="figure" value="12345678" title="₩12,345,678">₩12.3M</data>',
        ),
        (
            Figure.missing(Standing.WITHHELD),
            '<span class="figure figure--missing" data-standing="withheld">Withheld</span>',
        ),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_a_figure_on_a_page_has_its_exact_value_at_hand(figure: Figure, html: str) -> None:
    assert formatting.figure_html(figure) == html


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (Total.of([KNOWN]), "₩68.7M"),
        (Total.of([KNOWN, Figure.missing()]), "at least ₩68.7M; 1 not given"),
        (
            Total.of([KNOWN, *[Figure.missing()] * 2, Figure.missing(Standing.WITHHELD)]),
            "at least ₩68.7M; 2 not given, 1 withheld",
        ),
        (Total.of([KNOWN, Figure.stated(300_000_000, 1, Qualifier.AT_LEAST)]), "at least ₩368.7M"),
        (Total.of([KNOWN, Figure.missing(Standing.NOT_APPLICABLE)]), "₩68.7M"),
        (Total.of([Figure.missing()] * 12), "Unknown (12 not given)"),
        (Total.of([]), "None"),
        (Total(Figure.missing(), 0, Counter({Standing.NOT_APPLICABLE: 2})), "None"),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_a_total_says_what_it_leaves_out(total: Total, text: str) -> None:
    assert formatting.total_text(total) == text


@pytest.mark.parametrize(
    ("language", "day", "none"),
    [("en", "Jan. 31, 2024", "Not given"), ("ko", "2024. 1. 31.", None)],
)
def test_a_day(language: str, day: str, none: str | None) -> None:
    with translation.override(language):
        assert formatting.day(datetime.date(2024, 1, 31)) == day
        assert none is None or formatting.day(None) == none
