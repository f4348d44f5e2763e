"""What price lines commit to for any period, by calendar days, to the won.

A monthly price is spread evenly over the days of each calendar month, a quarterly one over those of each calendar quarter, an
annual one and a yearly cap over those of each calendar year; a one-off counts on its first day. Only days count on which both the
line and its subscription run: one that ends early costs nothing after it. C is what a line has cost
from its first day up to a day, exactly; what it costs from day a to day b is R(C(b)) - R(C(a - 1)), where R rounds half up. So
splitting a period never changes a sum, and a line changes no day but its own.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Sequence
from fractions import Fraction

from figures.interval import Interval, Number, round_half_up, sum_intervals
from subscriptions.costs import price_for_a_cycle
from subscriptions.models import PriceLine, Subscription
from subscriptions.money import UNKNOWN, Rates

Cycle = PriceLine.Cycle
# More won a cycle than any budget pays, as `facts.LARGEST`. What is larger is "at least" this, so that databases can add it up.
LARGEST = 10**15
# How many calendar months a cycle spans.
MONTHS = {Cycle.MONTHLY: 1, Cycle.QUARTERLY: 3, Cycle.ANNUAL: 12, Cycle.USAGE: 12}


def committed_cost(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    rates: Rates,
    first: datetime.date,
    last: datetime.date,
) -> Interval:
    """Won including VAT from `first` to `last`, both included, at the given rates. Without any price line nothing is known."""
    if not lines:
        return UNKNOWN
    return sum_intervals(line_cost(line, subscription, rates, first, last) for line in lines)


def line_cost(
    line: PriceLine, subscription: Subscription, rates: Rates, first: datetime.date, last: datetime.date
) -> Interval:
    """One line's part. Where nobody knows when it began, it costs at most what it would had it begun before the period."""
    begins, ends = term_of(line, subscription)
    price = price_for_a_cycle(line, rates)
    if price.high is None or price.high > LARGEST:
        price = Interval(min(price.low, LARGEST), None)
    at_most = _between(price.high, line.cycle, begins or first, ends, first, last)
    at_least = _between(price.low, line.cycle, begins, ends, first, last) if begins else 0
    return Interval(at_least or 0, at_most)


def term_of(line: PriceLine, subscription: Subscription) -> tuple[datetime.date | None, datetime.date | None]:
    """The first and the last day that a line costs something: its own dates within those of its subscription."""
    begins = [day for day in (line.starts_on, subscription.started_on) if day]
    ends = [day for day in (line.ends_on, subscription.ends_on) if day]
    return max(begins, default=None), min(ends, default=None)


def _between(
    price: Number | None,
    cycle: str,
    begins: datetime.date,
    ends: datetime.date | None,
    first: datetime.date,
    last: datetime.date,
) -> int | None:
    """R(C(last)) - R(C(first - 1)) of a line with that price a cycle; None when the price is not known and some day counts."""
    until = _cycles(cycle, begins, ends, last)
    before = _cycles(cycle, begins, ends, first, before=True)
    if price is None:
        return 0 if until == before else None
    return round_half_up(Fraction(price) * until) - round_half_up(Fraction(price) * before)


def _cycles(
    cycle: str, begins: datetime.date, ends: datetime.date | None, day: datetime.date, before: bool = False
) -> Fraction:
    """How many cycles a line has run from its first day until the end of a day, or until just before it; by calendar days."""
    if ends is not None and ends < day:
        day, before = ends, False
    if day < begins or (before and day == begins):
        return Fraction(0)
    if cycle == Cycle.ONE_OFF:
        return Fraction(1)
    months = MONTHS[Cycle(cycle)]
    return _elapsed(day, months, before) - _elapsed(begins, months, before=True)


def _elapsed(day: datetime.date, months: int, before: bool) -> Fraction:
    """How many calendar cycles of so many months lie between the year 0 and the end of a day, or its start."""
    whole = (day.year * 12 + day.month - 1) // months
    year, month = divmod(whole * months, 12)
    length = sum(calendar.monthrange(year, month + 1 + n)[1] for n in range(months))
    passed = (day - datetime.date(year, month + 1, 1)).days
    return whole + Fraction(passed + (not before), length)
