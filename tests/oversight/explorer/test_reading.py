"""How a figure of the explorer reads: parts, text, share and difference, with unknowns in every position."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Standing
from oversight.explorer.reading import (
    Change,
    Parts,
    change,
    figure_text,
    interval,
    left_out_text,
    parts,
    share,
    standing_label,
    whole_text,
)
from tests.oversight.explorer.made import EACH, NOTHING, known, minimum, unknown

pytestmark = pytest.mark.usefixtures("in_english")

REFUND = Total(Figure(Standing.STATED, -5, Interval(-5, -5)), 1, Counter())


def test_each_figure_in_words() -> None:
    assert [(figure_text(total, money=True), left_out_text(total, money=True)) for total in EACH] == [
        ("₩56.3M", ""),
        ("₩0", ""),
        ("at least ₩12.3M", "2 not given"),
        ("at least ₩1", "1 undetermined, 1 withheld"),
        ("Unknown", "1 not given"),
        ("Unknown", "2 undetermined"),
        ("Unknown", "1 withheld"),
        ("Unknown", "1 not given, 1 withheld"),
        ("Not applicable", ""),
        ("None", ""),
        ("Unknown", "1 not given, at most ₩43,149,999"),
        ("at least ₩700,000", ""),
        ("at least ₩700,000", ""),
        ("about ₩68.7M", ""),
        ("₩46.7M", ""),
        ("at most ₩5.0M", ""),
        ("₩1000.0B", ""),
    ]
    assert whole_text(EACH[2], money=True) == "at least ₩12.3M; 2 not given"


def test_each_figure_in_parts() -> None:
    assert [tuple(vars(parts(total)).values()) for total in EACH] == [
        (56_300_001, "stated", "exact", 56_300_001, 56_300_001, 1, {}),
        (0, "stated", "exact", 0, 0, 1, {}),
        (12_345_678, "stated", "at_least", 12_345_678, None, 3, {"not_given": 2}),
        (1, "stated", "at_least", 1, None, 1, {"undetermined": 1, "withheld": 1}),
        (None, "not_given", "", None, None, 0, {"not_given": 1}),
        (None, "undetermined", "", None, None, 0, {"undetermined": 2}),
        (None, "withheld", "", None, None, 0, {"withheld": 1}),
        (None, "unknown", "", None, None, 0, {"not_given": 1, "withheld": 1}),
        (None, "not_applicable", "", None, None, 0, {"not_applicable": 1}),
        (None, "none", "", None, None, 0, {}),
        (None, "not_given", "", None, 43_149_999, 0, {"not_given": 1}),
        (700_000, "stated", "at_least", 700_000, None, 1, {}),
        (700_000, "stated", "at_least", 700_000, 900_000, 1, {}),
        (68_700_000, "stated", "about", 68_650_000, 68_749_999, 1, {}),
        (46_700_000, "stated", "exact", 46_650_000, 46_749_999, 1, {}),
        (5_000_000, "stated", "at_most", 0, 5_000_000, 1, {}),
        (999_999_999_999, "stated", "exact", 999_999_999_999, 999_999_999_999, 1, {}),
    ]


def test_every_standing_has_a_name() -> None:
    names = {standing_label(parts(total).standing) for total in EACH}
    expected = {"Stated", "Not given", "Undetermined", "Withheld", "Unknown", "Not applicable", "None"}
    assert names == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (known(250), known(1000), "25.0%"),
        (known(0), known(1000), "0.0%"),
        (known(250, 1, not_given=1), known(1000), ""),  # at least a quarter: how much is not determined
        (known(250), known(1000, 4, not_given=1), ""),
        (unknown(not_given=1), known(1000), ""),
        (known(250), unknown(not_given=1), ""),
        (NOTHING, known(1000), ""),
        (known(0), known(0), ""),
        (known(1001), known(1000), ""),
        (REFUND, known(1000), ""),
        (minimum(250), known(1000), ""),
    ],
)
def test_share(part: Total, whole: Total, expected: str) -> None:
    assert share(part, whole) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected", "text"),
    [
        (known(10), known(4), Change(6, 6, 6), "+₩6"),
        (known(4), known(10), Change(-6, -6, -6), "−₩6"),
        (known(4), known(4), Change(0, 0, 0), "₩0"),
        (known(10, 1, not_given=1), known(4), Change(6, None), "at least +₩6"),
        (known(10), known(4, 1, not_given=1), Change(None, 6), "at most +₩6"),
        (known(10), known(40, 1, withheld=1), Change(None, -30), "at most −₩30"),
        (known(10, 1, not_given=1), known(4, 1, not_given=1), Change(None, None), "Unknown"),
        (unknown(not_given=1), known(4), Change(None, None), "Unknown"),
        (known(4), unknown(not_given=1), Change(None, None), "Unknown"),
        (unknown(not_given=1), unknown(not_given=1), Change(None, None), "Unknown"),
        (known(4), NOTHING, Change(None, None), "Unknown"),  # nothing recorded is not zero
        (minimum(700, 900), known(100), Change(600, 800, 600), "+₩600"),
    ],
)
def test_change(now: Total, before: Total, expected: Change, text: str) -> None:
    assert change(now, before) == expected
    assert expected.text(money=True) == text


@st.composite
def totals(draw: st.DrawFn) -> tuple[Total, int]:
    """A total together with a true value that it may stand for."""
    low = draw(st.integers(0, 1000))
    width = draw(st.integers(0, 50))
    gaps = draw(st.integers(0, 2))
    figure = Figure(Standing.STATED, Fraction(2 * low + width, 2), Interval(low, low + width))
    truth = low + draw(st.integers(0, width)) + (draw(st.integers(0, 500)) if gaps else 0)
    return Total(figure, 1, Counter({Standing.NOT_GIVEN: gaps} if gaps else {})), truth


@given(totals(), totals())
def test_a_difference_holds_the_true_one(now: tuple[Total, int], before: tuple[Total, int]) -> None:
    found, truth = change(now[0], before[0]), now[1] - before[1]
    assert found.low is None or found.low <= truth
    assert found.high is None or truth <= found.high
    assert interval(now[0]).low <= now[1]


def test_parts_are_compared_by_value() -> None:
    assert parts(known(5)) == Parts(5, "stated", "exact", 5, 5, 1, {})
