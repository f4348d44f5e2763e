"""What a subscription costs on a day, from its price lines: won a year and a month, seats, and won per seat and month."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from figures.interval import Interval, round_half_up, sum_intervals
from subscriptions.models import PriceLine, Subscription
from subscriptions.money import NOTHING, UNKNOWN, Rates, in_won

# How many times a year each cycle is paid. A one-off counts in the twelve months from its date, a usage cap is yearly.
TIMES_A_YEAR = {
    PriceLine.Cycle.MONTHLY: 12,
    PriceLine.Cycle.QUARTERLY: 4,
    PriceLine.Cycle.ANNUAL: 1,
    PriceLine.Cycle.ONE_OFF: 1,
    PriceLine.Cycle.USAGE: 1,
}


@dataclass(frozen=True)
class Costs:
    """Whole won including VAT, and whole seats, each as an interval."""

    annual: Interval
    monthly: Interval
    seats: Interval
    seat_price: Interval


def costs_on(
    subscription: Subscription, lines: Sequence[PriceLine], rates: Rates, on: datetime.date
) -> Costs:
    """The costs on a day; of a subscription that starts later, on its first day, so that a later start hides nothing.

    Without any price line nothing is known. With lines of which none is in force that day, it costs nothing that day.
    """
    if not lines:
        return Costs(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    current = lines_on(subscription, lines, on)
    recurring = [line for line in current if line.cycle != PriceLine.Cycle.ONE_OFF]
    annual = sum_intervals(_a_year(line, rates) for line in current)
    monthly = _divided(sum_intervals(_a_year(line, rates) for line in recurring), 12)
    return Costs(annual, monthly, _seats(current), _seat_price(recurring, rates))


def lines_on(subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date) -> list[PriceLine]:
    """The lines that count on a day; of a subscription that starts later, on its first day."""
    day = max(on, subscription.started_on) if subscription.started_on else on
    return [line for line in lines if is_in_force(line, subscription, day)]


def is_in_force(line: PriceLine, subscription: Subscription, day: datetime.date) -> bool:
    """Whether a line counts on a day; the subscription's own dates bound it, and unknown dates do not."""
    first, last = line.starts_on or subscription.started_on, line.ends_on or subscription.ends_on
    if line.cycle == PriceLine.Cycle.ONE_OFF and first:
        return first <= day < _a_year_after(first)
    return (first is None or first <= day) and (last is None or day <= last)


def days_of_change(subscription: Subscription, lines: Sequence[PriceLine]) -> Iterator[datetime.date]:
    """The days on which the costs may be others than on the day before, by the dates of the lines alone."""
    for line in lines:
        first, last = line.starts_on or subscription.started_on, line.ends_on or subscription.ends_on
        if first:
            yield first
            if line.cycle == PriceLine.Cycle.ONE_OFF:
                yield _a_year_after(first)
        if last and last < datetime.date.max:
            yield last + datetime.timedelta(days=1)


def _a_year_after(day: datetime.date) -> datetime.date:
    if day.year == datetime.MAXYEAR:
        return datetime.date.max
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return datetime.date(day.year + 1, 3, 1)


def _a_year(line: PriceLine, rates: Rates) -> Interval:
    return _times(price_for_a_cycle(line, rates), TIMES_A_YEAR[PriceLine.Cycle(line.cycle)]).rounded()


def price_for_a_cycle(line: PriceLine, rates: Rates) -> Interval:
    """What a line costs each time it is billed, for all its seats: exact won including VAT."""
    price = in_won(line, rates)
    if line.basis == PriceLine.Basis.PER_SEAT and price != NOTHING:
        # Nobody subscribes for fewer than one seat, so the price of one is known to be paid.
        price = _times(price, line.seats) if line.seats else Interval(price.low, None)
    return price


def _times(interval: Interval, factor: int) -> Interval:
    return Interval(interval.low * factor, None if interval.high is None else interval.high * factor)


def _divided(interval: Interval, divisor: int) -> Interval:
    return Interval(
        round_half_up(Fraction(interval.low) / divisor),
        None if interval.high is None else round_half_up(Fraction(interval.high) / divisor),
    )


def _seats(lines: Sequence[PriceLine]) -> Interval:
    """The seats of all lines together; open above where a line is per seat and does not say how many."""
    stated = [line.seats for line in lines if line.seats]
    open_above = not stated or any(
        line.basis == PriceLine.Basis.PER_SEAT and not line.seats for line in lines
    )
    return Interval(sum(stated), None if open_above else sum(stated))


def _seat_price(lines: Sequence[PriceLine], rates: Rates) -> Interval:
    """What a seat costs a month, on average: all recurring prices together, spread over all seats.

    Where a line per seat does not say how many, the average lies between the prices of the lines, and a flat price adds at most
    its share of the seats that are known.
    """
    if not lines:
        return UNKNOWN
    yearly = [
        (line, _times(in_won(line, rates), TIMES_A_YEAR[PriceLine.Cycle(line.cycle)])) for line in lines
    ]
    per_seat = [(line.seats, price) for line, price in yearly if line.basis == PriceLine.Basis.PER_SEAT]
    flat = sum_intervals(price for line, price in yearly if line.basis == PriceLine.Basis.FLAT)
    seats = _seats(lines)
    if seats.is_exact:
        total = sum_intervals(_times(price, count) for count, price in per_seat if count)
        return _divided(total + flat, 12 * int(seats.low))
    prices = [price for _count, price in per_seat] or [NOTHING]
    highs = [price.high for price in prices if price.high is not None]
    at_least = max(1, int(seats.low) + sum(not count for count, _price in per_seat))
    share = None if flat.high is None else Fraction(flat.high) / at_least
    high = None if share is None or len(highs) < len(prices) else max(highs) + share
    return _divided(Interval(min(price.low for price in prices), high), 12)
