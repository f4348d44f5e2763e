"""What price lines commit to for a period: by hand, and whatever way a period is split."""

import datetime
from fractions import Fraction
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from figures.interval import Interval, sum_intervals
from subscriptions.committed import committed_cost, line_cost
from subscriptions.costs import price_for_a_cycle
from subscriptions.models import PriceLine, Subscription

date = datetime.date
DAY = datetime.timedelta(days=1)
RATES = {"KRW": Fraction(1), "USD": Fraction(1449, 100)}
BEGIN, END = date(2026, 1, 1), date(2026, 12, 31)


def a_line(**fields: Any) -> PriceLine:
    return PriceLine(
        **{"seats": 10, "amount": 10_000, "currency": "KRW", "vat": "included", "cycle": "monthly", **fields}
    )


def cost(
    *lines: PriceLine,
    first: date = BEGIN,
    last: date = END,
    started_on: date | None = BEGIN,
    ends_on: date | None = END,
) -> tuple[Any, Any]:
    subscription = Subscription(started_on=started_on, ends_on=ends_on)
    found = committed_cost(subscription, lines, RATES, first, last)
    return found.low, found.high


@pytest.mark.parametrize(
    ("line", "first", "last", "expected"),
    [
        # A month's days share its price, however many they are.
        ({}, date(2026, 2, 1), date(2026, 2, 28), 100_000),
        ({}, date(2026, 2, 1), date(2026, 2, 14), 50_000),
        ({}, date(2026, 3, 1), date(2026, 3, 1), 3_226),  # 100,000 / 31
        ({}, BEGIN, END, 1_200_000),
        ({"cycle": "quarterly"}, date(2026, 4, 1), date(2026, 6, 30), 100_000),
        ({"cycle": "quarterly"}, date(2026, 4, 1), date(2026, 4, 1), 1_099),  # 100,000 / 91
        ({"cycle": "annual"}, BEGIN, END, 100_000),
        ({"cycle": "usage"}, date(2026, 1, 1), date(2026, 1, 31), 8_493),  # 100,000 * 31 / 365
        # A one-off counts on its first day.
        ({"cycle": "one_off"}, BEGIN, BEGIN, 100_000),
        ({"cycle": "one_off"}, BEGIN + DAY, END, 0),
        # The dates of the line and of the subscription bound it.
        ({"starts_on": date(2026, 7, 1)}, BEGIN, END, 600_000),
        ({"ends_on": date(2026, 1, 31)}, BEGIN, END, 100_000),
        ({}, date(2025, 1, 1), date(2027, 12, 31), 1_200_000),
        ({"starts_on": date(2027, 1, 1)}, BEGIN, END, 0),
        ({"vat": "excluded"}, date(2026, 2, 1), date(2026, 2, 28), 110_000),
        ({"vat": "not_given"}, date(2026, 2, 1), date(2026, 2, 28), (100_000, 110_000)),
        ({"seats": None}, date(2026, 2, 1), date(2026, 2, 28), (10_000, None)),
        ({"currency": "USD"}, date(2026, 2, 1), date(2026, 2, 28), 1_449_000),
        # No rate, no amount: unknown on the days that count, and nothing on any other.
        ({"currency": "EUR"}, date(2026, 2, 1), date(2026, 2, 28), (0, None)),
        ({"amount": None, "standing": "withheld"}, BEGIN, END, (0, None)),
        ({"amount": None, "standing": "withheld"}, date(2027, 1, 1), date(2027, 1, 2), 0),
        ({"amount": None, "standing": "not_applicable"}, BEGIN, END, 0),
    ],
)
def test_one_line(line: dict[str, Any], first: date, last: date, expected: Any) -> None:
    low, high = expected if isinstance(expected, tuple) else (expected, expected)
    assert cost(a_line(**line), first=first, last=last) == (low, high)


def test_without_price_lines_nothing_is_known() -> None:
    assert cost() == (0, None)


def test_a_line_that_began_nobody_knows_when_costs_at_most_the_whole_period() -> None:
    assert cost(a_line(), started_on=None, first=date(2026, 2, 1), last=date(2026, 2, 28)) == (0, 100_000)


def test_a_leap_day_takes_its_share() -> None:
    whole = date(2028, 1, 1), date(2028, 12, 31)
    assert cost(a_line(cycle="annual"), first=whole[0], last=whole[1], ends_on=None) == (100_000, 100_000)
    february = cost(a_line(), first=date(2028, 2, 29), last=date(2028, 2, 29), ends_on=None)
    assert february == (3_448, 3_448)  # R(C) on both sides: 2,503,448.28 less 2,500,000


def test_the_first_and_the_last_day_that_can_be_written() -> None:
    years = date.max.year - date.min.year + 1
    found = cost(a_line(), first=date.min, last=date.max, started_on=date.min, ends_on=date.max)
    assert found == (years * 1_200_000, years * 1_200_000)


DATES = st.dates(date(2024, 1, 1), date(2029, 12, 31))
LINES = st.builds(
    a_line,
    starts_on=st.none() | DATES,
    ends_on=st.none() | DATES,
    seats=st.sampled_from([None, 1, 7, 1_000]),
    amount=st.integers(0, 10**9),
    basis=st.sampled_from(PriceLine.Basis.values),
    currency=st.sampled_from(["KRW", "USD", "EUR"]),
    vat=st.sampled_from(PriceLine.Vat.values),
    cycle=st.sampled_from(PriceLine.Cycle.values),
)
SUBSCRIPTIONS = st.builds(Subscription, started_on=DATES, ends_on=st.none() | DATES)


@hypothesis.given(
    subscription=SUBSCRIPTIONS, lines=st.lists(LINES, min_size=1, max_size=3), days=st.sets(DATES, min_size=2)
)
def test_splitting_a_period_never_changes_the_sum(
    subscription: Subscription, lines: list[PriceLine], days: set[date]
) -> None:
    first, *cuts = sorted(days)
    starts = [first, *(cut + DAY for cut in cuts[:-1])]
    parts = [
        committed_cost(subscription, lines, RATES, start, cut)
        for start, cut in zip(starts, cuts, strict=True)
    ]
    assert sum_intervals(parts) == committed_cost(subscription, lines, RATES, first, cuts[-1])


@hypothesis.given(
    subscription=SUBSCRIPTIONS, lines=st.lists(LINES, min_size=1, max_size=2), added=LINES, day=DATES
)
def test_a_line_changes_no_day_but_its_own(
    subscription: Subscription, lines: list[PriceLine], added: PriceLine, day: date
) -> None:
    before = committed_cost(subscription, lines, RATES, day, day)
    after = committed_cost(subscription, [*lines, added], RATES, day, day)
    begins, ends = added.starts_on or subscription.started_on, added.ends_on or subscription.ends_on
    if begins and begins <= day and (ends is None or day <= ends):
        assert after == before + line_cost(added, subscription, RATES, day, day)
    else:
        assert after == before


@hypothesis.given(line=LINES, year=st.integers(2024, 2029))
def test_a_whole_calendar_year_is_its_cycles(line: PriceLine, year: int) -> None:
    subscription = Subscription(started_on=date(2023, 12, 31))
    line.starts_on = line.ends_on = None
    times = {"monthly": 12, "quarterly": 4, "annual": 1, "usage": 1, "one_off": 0}[line.cycle]
    price = price_for_a_cycle(line, RATES)
    found = committed_cost(subscription, [line], RATES, date(year, 1, 1), date(year, 12, 31))
    assert abs(found.low - price.low * times) <= 1  # both ends of the period are rounded
    assert (found.high is None) == (price.high is None and times > 0)
    assert isinstance(found, Interval)
