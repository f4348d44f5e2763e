"""Intervals: what is known of a number, and that no computation loses the true value."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.interval import Interval, round_half_up, sum_intervals

numbers = st.integers(0, 10**12)


@st.composite
def held(draw: st.DrawFn) -> tuple[int, Interval]:
    """A true value and an interval that holds it."""
    truth = draw(numbers)
    low = draw(st.integers(0, truth))
    high = draw(st.none() | st.integers(truth, truth + 10**12))
    return truth, Interval(low, high)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0, 0), (Fraction(1, 2), 1), (Fraction(3, 2), 2), (Fraction(5, 2), 3), (Fraction(-1, 2), 0), (7, 7)],
)
def test_a_half_goes_up(value: Fraction, rounded: int) -> None:
    assert round_half_up(value) == rounded


@pytest.mark.parametrize(
    ("value", "unit", "interval"),
    [
        (43_100_000, 100_000, Interval(43_050_000, 43_149_999)),
        (20, 10, Interval(15, 24)),
        (9, 3, Interval(8, 10)),
        (0, 10, Interval(0, 4)),
        (7, 1, Interval(7, 7)),
    ],
)
def test_what_rounds_to_a_value(value: int, unit: int, interval: Interval) -> None:
    assert Interval.of_rounded(value, unit) == interval
    inside = [interval.low, interval.high]
    outside = [n for n in (interval.low - 1, interval.high + 1) if n >= 0]
    assert [round_half_up(Fraction(n, unit)) * unit for n in inside] == [value, value]
    assert value not in [round_half_up(Fraction(n, unit)) * unit for n in outside]


def test_an_interval_is_never_empty() -> None:
    with pytest.raises(ValueError, match="empty interval: 3 to 2"):
        Interval(3, 2)


def test_two_statements_that_contradict_each_other_are_an_error() -> None:
    assert Interval(1, 5) & Interval(3, None) == Interval(3, 5)
    assert Interval(1, None) & Interval(3, None) == Interval(3, None)
    with pytest.raises(ValueError, match="empty interval"):
        Interval(1, 2) & Interval(3, 4)


@pytest.mark.parametrize(
    ("interval", "half_width", "is_exact"),
    [(Interval(2, 5), Fraction(3, 2), False), (Interval(4, 4), 0, True), (Interval(4, None), None, False)],
)
def test_how_wide_it_is(interval: Interval, half_width: Fraction | None, is_exact: bool) -> None:
    assert (interval.half_width, interval.is_exact) == (half_width, is_exact)


@given(held(), held())
def test_no_computation_loses_the_true_value(one: tuple[int, Interval], other: tuple[int, Interval]) -> None:
    (a, x), (b, y) = one, other
    assert a in x
    assert b in y
    assert a + b in x + y
    assert max(0, a - b) in x - y
    assert a + b in sum_intervals([x, y])
    if b:
        assert Fraction(a, b) in x / y


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [
        (Interval(10, 20), Interval(2, 5), Interval(2, 10)),
        (Interval(10, 20), Interval(0, 5), Interval(2, None)),
        (Interval(10, None), Interval(2, 5), Interval(2, None)),
        (Interval(10, 20), Interval(2, None), Interval(0, 10)),
        (Interval(10, 20), Interval(0, None), Interval(0, None)),
    ],
)
def test_a_divisor_that_may_be_zero_leaves_the_quotient_open(
    dividend: Interval, divisor: Interval, quotient: Interval
) -> None:
    assert dividend / divisor == quotient


@pytest.mark.parametrize(
    ("one", "other", "overlap", "narrower"),
    [
        (Interval(1, 3), Interval(3, 9), True, True),
        (Interval(1, 3), Interval(4, 9), False, True),
        (Interval(4, 9), Interval(1, 3), False, False),
        (Interval(1, 3), Interval(1, 3), True, False),
        (Interval(5, None), Interval(1, 5), True, False),
        (Interval(6, None), Interval(1, 5), False, False),
        (Interval(1, 5), Interval(6, None), False, True),
        (Interval(2, None), Interval(9, None), True, False),
    ],
)
def test_what_two_intervals_share_and_which_says_more(
    one: Interval, other: Interval, overlap: bool, narrower: bool
) -> None:
    assert (one.overlaps(other), one.is_narrower_than(other)) == (overlap, narrower)
