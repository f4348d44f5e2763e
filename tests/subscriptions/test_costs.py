"""What a subscription costs on a day, worked out by hand: whole won including VAT a year and a month, seats, won a seat."""

import datetime
from fractions import Fraction
from typing import Any

import pytest

from figures.interval import Interval
from subscriptions.costs import Costs, costs_on
from subscriptions.models import PriceLine, Subscription

RATES = {"KRW": Fraction(1), "USD": Fraction(1449, 100)}
UNKNOWN = (0, None)
date = datetime.date
FIRST, DAY, LAST = date(2026, 1, 1), date(2026, 6, 15), date(2026, 12, 31)


def interval(known: int | tuple[int, int | None]) -> Interval:
    return Interval(*known) if isinstance(known, tuple) else Interval.exactly(known)


def costs(
    *lines: dict[str, Any],
    on: datetime.date = DAY,
    started_on: datetime.date | None = FIRST,
    ends_on: datetime.date | None = LAST,
) -> Costs:
    subscription = Subscription(started_on=started_on, ends_on=ends_on)
    made = [
        PriceLine(
            position=position,
            **{
                "seats": 10,
                "amount": 10_000,
                "currency": "KRW",
                "vat": "included",
                "cycle": "monthly",
                **line,
            },
        )
        for position, line in enumerate(lines, start=1)
    ]
    return costs_on(subscription, made, RATES, on)


FLAT = {"basis": "flat"}
NOT_GIVEN = {"amount": None, "standing": "not_given"}
NOT_APPLICABLE = {"amount": None, "standing": "not_applicable"}


@pytest.mark.parametrize(
    ("lines", "annual", "monthly", "seats", "seat_price"),
    [
        # Cycles, per seat: 10 seats at 10,000 won.
        ([{"cycle": "monthly"}], 1_200_000, 100_000, 10, 10_000),
        ([{"cycle": "quarterly"}], 400_000, 33_333, 10, 3_333),
        ([{"cycle": "annual"}], 100_000, 8_333, 10, 833),
        ([{"cycle": "usage"}], 100_000, 8_333, 10, 833),
        # A one-off is no monthly cost, and no price of a seat.
        ([{"cycle": "one_off"}], 100_000, 0, 10, UNKNOWN),
        # Cycles, flat: 10,000 won for all 10.
        ([{**FLAT, "cycle": "monthly"}], 120_000, 10_000, 10, 1_000),
        ([{**FLAT, "cycle": "quarterly"}], 40_000, 3_333, 10, 333),
        ([{**FLAT, "cycle": "annual"}], 10_000, 833, 10, 83),
        ([{**FLAT, "cycle": "usage"}], 10_000, 833, 10, 83),
        ([{**FLAT, "cycle": "one_off"}], 10_000, 0, 10, UNKNOWN),
        # VAT: added where it is not included, and open where it is not given.
        ([{"vat": "excluded"}], 1_320_000, 110_000, 10, 11_000),
        ([{"vat": "not_given"}], (1_200_000, 1_320_000), (100_000, 110_000), 10, (10_000, 11_000)),
        # A tenth of a won for each seat and month: 10,001 and VAT, times 10 and 12, is 1,320,132; rounded at the end.
        ([{"amount": 10_001, "vat": "excluded"}], 1_320_132, 110_011, 10, 11_001),
        # 19.99 dollars at 1,449 won are 28,965.51 won; times 120.
        ([{"amount": 1999, "currency": "USD"}], 3_475_861, 289_655, 10, 28_966),
        # No rate: unknown, and never one to one.
        ([{"amount": 1999, "currency": "EUR"}], UNKNOWN, UNKNOWN, 10, UNKNOWN),
        # Seats not given: at least one is paid for.
        ([{"seats": None}], (120_000, None), (10_000, None), UNKNOWN, 10_000),
        ([{"seats": None, "vat": "not_given"}], (120_000, None), (10_000, None), UNKNOWN, (10_000, 11_000)),
        ([{**FLAT, "seats": None}], 120_000, 10_000, UNKNOWN, (0, 10_000)),
        # The amount is missing: unknown. It does not apply: nothing.
        ([NOT_GIVEN], UNKNOWN, UNKNOWN, 10, UNKNOWN),
        ([{"amount": None, "standing": "withheld"}], UNKNOWN, UNKNOWN, 10, UNKNOWN),
        ([{"amount": None, "standing": "undetermined"}], UNKNOWN, UNKNOWN, 10, UNKNOWN),
        ([NOT_APPLICABLE], 0, 0, 10, 0),
        ([{**NOT_APPLICABLE, "seats": None}], 0, 0, UNKNOWN, 0),
        ([{**NOT_APPLICABLE, **FLAT, "seats": None}], 0, 0, UNKNOWN, 0),
        ([{"amount": 0}], 0, 0, 10, 0),
        # Lines that overlap add up.
        ([{}, {**FLAT, "amount": 50_000, "seats": None}], 1_800_000, 150_000, 10, 15_000),
        (
            [{}, {**FLAT, "amount": 500_000, "cycle": "one_off", "seats": None}],
            1_700_000,
            100_000,
            10,
            10_000,
        ),
        ([{}, {"seats": 5, "amount": 0}], 1_200_000, 100_000, 15, 6_667),
        ([{}, {**NOT_APPLICABLE, **FLAT, "seats": None}], 1_200_000, 100_000, 10, 10_000),
        # What is known of one line stays a minimum beside another that is not.
        ([{}, {**FLAT, **NOT_GIVEN, "seats": None}], (1_200_000, None), (100_000, None), 10, (10_000, None)),
        ([{}, {"seats": None}], (1_320_000, None), (110_000, None), (10, None), 10_000),
        (
            [{}, {"seats": None, "amount": 30_000}],
            (1_560_000, None),
            (130_000, None),
            (10, None),
            (10_000, 30_000),
        ),
        (
            [{}, {**FLAT, "seats": None}, {"seats": None}],
            (1_440_000, None),
            (120_000, None),
            (10, None),
            (10_000, 10_909),
        ),
        # More seats bought later at the same price leave the price of a seat as it is; at others it is the average.
        ([{}, {"seats": 5}], 1_800_000, 150_000, 15, 10_000),
        ([{}, {"seats": 5, "amount": 40_000}], 3_600_000, 300_000, 15, 20_000),
        ([{}, {"seats": 5, **NOT_GIVEN}], (1_200_000, None), (100_000, None), 15, (6_667, None)),
        (
            [{}, {"currency": "EUR", **FLAT, "seats": None}],
            (1_200_000, None),
            (100_000, None),
            10,
            (10_000, None),
        ),
        # Without any line nothing is known.
        ([], UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_costs(lines, annual, monthly, seats, seat_price):
    assert costs(*lines) == Costs(interval(annual), interval(monthly), interval(seats), interval(seat_price))


def annual_cost(*lines: dict[str, Any], **fields: Any) -> tuple[Any, Any]:
    found = costs(*lines, **fields).annual
    return (found.low, found.high)


MARCH = {"starts_on": date(2026, 3, 1), "ends_on": date(2026, 3, 31)}


@pytest.mark.parametrize(
    ("on", "won"),
    [
        (date(2026, 2, 28), 0),
        (date(2026, 3, 1), 1_200_000),
        (date(2026, 3, 31), 1_200_000),
        (date(2026, 4, 1), 0),
    ],
)
def test_a_line_counts_from_its_first_day_to_its_last(on, won):
    assert annual_cost(MARCH, on=on) == (won, won)


@pytest.mark.parametrize(
    ("on", "won"),
    [
        # On a day before its start it costs what it will cost then.
        (date(2025, 12, 31), 1_200_000),
        (date(2026, 1, 1), 1_200_000),
        (date(2026, 12, 31), 1_200_000),
        (date(2027, 1, 1), 0),
    ],
)
def test_the_subscription_bounds_lines_without_days_of_their_own(on, won):
    assert annual_cost({}, on=on) == (won, won)


def test_unknown_days_bound_nothing():
    for on in (date(2020, 1, 1), date(2026, 6, 15), date(2040, 1, 1)):
        assert annual_cost({}, on=on, started_on=None, ends_on=None) == (1_200_000, 1_200_000)


def test_a_future_start_is_judged_at_its_first_day():
    """The dear price of the first weeks counts, and the one after it does not."""
    first = {"starts_on": date(2027, 1, 1), "ends_on": date(2027, 1, 31), "amount": 90_000}
    then = {"starts_on": date(2027, 2, 1)}
    assert annual_cost(first, then, started_on=date(2027, 1, 1), ends_on=None) == (10_800_000, 10_800_000)


@pytest.mark.parametrize(
    ("first", "on", "counts"),
    [
        (date(2026, 6, 16), date(2026, 6, 15), False),
        (date(2026, 6, 15), date(2026, 6, 15), True),
        (date(2025, 6, 16), date(2026, 6, 15), True),
        (date(2025, 6, 15), date(2026, 6, 15), False),
        # From a leap day the twelve months end on the last of February.
        (date(2024, 2, 29), date(2025, 2, 28), True),
        (date(2024, 2, 29), date(2025, 3, 1), False),
        (date(2023, 3, 1), date(2024, 2, 29), True),
        (date(2023, 2, 28), date(2024, 2, 27), True),
        (date(2023, 2, 28), date(2024, 2, 28), False),
    ],
)
def test_a_one_off_counts_in_the_twelve_months_from_its_date(first, on, counts):
    line = {**FLAT, "cycle": "one_off", "starts_on": first, "amount": 700}
    won = 700 if counts else 0
    assert annual_cost(line, on=on, started_on=date(2020, 1, 1), ends_on=None) == (won, won)


def test_a_one_off_counts_its_twelve_months_though_its_own_period_is_shorter():
    line = {**FLAT, **MARCH, "cycle": "one_off", "amount": 700}
    assert annual_cost(line, on=date(2026, 12, 31)) == (700, 700)


def test_the_price_changes_on_its_day():
    until_may = {"ends_on": date(2026, 5, 31)}
    from_june = {"starts_on": date(2026, 6, 1), "seats": 20}
    assert annual_cost(until_may, from_june, on=date(2026, 5, 31)) == (1_200_000, 1_200_000)
    assert annual_cost(until_may, from_june, on=date(2026, 6, 1)) == (2_400_000, 2_400_000)
    assert costs(until_may, from_june, on=date(2026, 6, 1)).seats == Interval(20, 20)


def test_between_two_lines_it_costs_nothing_that_day():
    found = costs(MARCH, on=date(2026, 6, 15))
    assert (found.annual, found.monthly) == (Interval(0, 0), Interval(0, 0))
