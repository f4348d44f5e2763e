"""What price lines commit to in periods that follow each other, summed by agency by the database over any number of them.

The rule is `subscriptions.committed`'s, and a test holds both equal. PostgreSQL works it out in exact numbers; SQLite, whose
numbers are of 64 bits, asks this process for each line.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

from figures.interval import Interval
from subscriptions.committed import LARGEST
from subscriptions.models import Status, Subscription
from subscriptions.money import Rates, rates_in_force

# Whose cost is committed, also when it is over by now.
COMMITTING = (Status.APPROVED, Status.ACTIVE, Status.ENDED)
# The amounts of the lines are multiplied by this for VAT: 10 or 11 tenths.
TENTHS = 10


class Committed(NamedTuple):
    """Of so many subscriptions with a known part, `open` are known only at least, and of `unknown` nothing is known.

    `low` adds up what is known at least, `high` the upper ends of those that have one: whole won including VAT.
    """

    low: int = 0
    high: int = 0
    given: int = 0
    open: int = 0
    unknown: int = 0

    def __add__(self, other: Committed) -> Committed:  # type: ignore[override]
        return Committed(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def interval(self) -> Interval:
        return Interval(self.low, None if self.open or self.unknown else self.high)


def committing(
    rows: QuerySet[Subscription], first: datetime.date, last: datetime.date
) -> QuerySet[Subscription]:
    """Those of the subscriptions that were approved to start and run on some day of a period."""
    return rows.filter(
        Q(started_on__isnull=True) | Q(started_on__lte=last),
        Q(ends_on__isnull=True) | Q(ends_on__gte=first),
        status__in=COMMITTING,
    )


def committed_by_agency(
    rows: QuerySet[Subscription], starts: Sequence[datetime.date], end: datetime.date, on: datetime.date
) -> dict[int, list[Committed]]:
    """For each agency's key the sums of each period: from one of `starts` to the day before the next, the last up to `end`.

    `rows` start at `visible_to(user)`. Amounts in other currencies are at the rates of the day `on`. One statement, and one for
    the rates.
    """
    cuts = [*starts, end + datetime.timedelta(days=1)]
    found = committing(rows, starts[0], end).order_by().values("id", "agency_id", "started_on", "ends_on")
    try:
        sql, parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return {}
    width, sums = len(Committed._fields), {}
    for agency, *columns in _rows(statement(sql, cuts, rates_in_force(on)), parameters):
        numbers = [int(column) for column in columns]
        sums[agency] = [Committed(*numbers[at : at + width]) for at in range(0, len(numbers), width)]
    return sums


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            connection.connection.create_function("govtrack_committed", 11, _committed, deterministic=True)
            connection.connection.create_function("govtrack_runs", 5, _runs, deterministic=True)
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def statement(subscriptions: str, cuts: Sequence[datetime.date], rates: Rates) -> str:
    """The statement over the rows that another one selects: id, agency_id, started_on and ends_on of each subscription."""
    won = " ".join(f"WHEN '{_code(code)}' THEN {rate.numerator}" for code, rate in sorted(rates.items()))
    scale = " ".join(
        f"WHEN '{code}' THEN {TENTHS * rate.denominator}" for code, rate in sorted(rates.items())
    )
    lines = f"""
        SELECT s.id, s.agency_id, s.started_on, s.ends_on,
            CASE WHEN l.starts_on IS NULL OR l.starts_on < s.started_on THEN COALESCE(s.started_on, l.starts_on)
                ELSE l.starts_on END AS begins,
            CASE WHEN l.ends_on IS NULL OR l.ends_on > s.ends_on THEN COALESCE(s.ends_on, l.ends_on)
                ELSE l.ends_on END AS ends,
            CASE l.cycle WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 WHEN 'one_off' THEN 0 ELSE 12 END AS months,
            CASE WHEN l.standing = 'stated' THEN l.amount ELSE 0 END AS amount,
            CASE l.standing WHEN 'not_applicable' THEN 0 WHEN 'stated' THEN CASE l.currency {won} END END AS rate,
            CASE l.currency {scale} ELSE {TENTHS} END AS scale,
            CASE l.vat WHEN 'excluded' THEN 11 ELSE 10 END AS least,
            CASE l.vat WHEN 'included' THEN 10 ELSE 11 END AS most,
            CASE WHEN l.basis = 'per_seat' THEN COALESCE(l.seats, 1) ELSE 1 END AS seats,
            CASE WHEN l.basis = 'per_seat' AND l.seats IS NULL AND l.standing = 'stated' AND l.amount <> 0
                THEN 0 ELSE 1 END AS counted
        FROM ({subscriptions}) AS s LEFT JOIN subscriptions_priceline AS l ON l.subscription_id = s.id"""
    dialect = _postgresql if connection.vendor == "postgresql" else _sqlite
    periods = list(enumerate(itertools.pairwise(cuts)))
    of_each = ", ".join(
        f"SUM(low{n}) AS low{n}, COALESCE(SUM(high{n}), 0) AS high{n}, MAX(open{n}) AS open{n}, CASE WHEN"
        f" (started_on IS NULL OR started_on < {_day(after)}) AND (ends_on IS NULL OR ends_on >= {_day(first)})"
        f" THEN 1 ELSE 0 END AS runs{n}"
        for n, (first, after) in periods
    )
    sums = ", ".join(
        f"SUM(low{n}), SUM(CASE WHEN open{n} = 0 THEN high{n} ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 THEN 0 ELSE runs{n} END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} > 0 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 THEN 1 ELSE 0 END)"
        for n, _period in periods
    )
    return (
        f"SELECT agency_id, {sums} FROM (SELECT id, agency_id, {of_each}"
        f" FROM ({dialect(lines, cuts)}) AS c"
        " GROUP BY id, agency_id, started_on, ends_on) AS t GROUP BY agency_id"
    )


def _code(currency: str) -> str:
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(currency)
    return currency


def _day(day: datetime.date) -> str:
    return f"DATE '{day}'" if connection.vendor == "postgresql" else f"'{day}'"


# A place in time, counted in cycles of so many months: whole ones since the year 0, days into the one that runs, and its length.
Place = tuple[int, int, int]


def place_of(day: datetime.date, months: int) -> Place:
    """Where the start of a day lies. A one-off's cycle is its day, of which there is only before and after."""
    if not months:
        return 1, 0, 1
    whole = (day.year * 12 + day.month - 1) // months
    first, after = _month(whole * months), _month(whole * months + months)
    return whole, (day - first).days, (after - first).days


def _month(number: int) -> datetime.date:
    """The first day of a month counted from the year 0; the last that can be written stands for what comes after it."""
    year, month = divmod(number, 12)
    return datetime.date(year, month + 1, 1) if year <= datetime.MAXYEAR else datetime.date.max


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


# A price so small, in won times the row's scale, that its product with as many cycles as there can be is of 64 bits.
SMALL = 10**10


def _postgresql(lines: str, cuts: Sequence[datetime.date]) -> str:
    """`low`, `high` and `open` of each line and period. OFFSET 0: each stage is worked out once, however often it is named.

    Prices come in whole numbers of 64 bits where these hold all that is made of them, which is the quicker by half, and
    otherwise in numbers of any length.
    """
    dear, exact = "amount::numeric * rate * {} * seats", "amount::bigint * rate * {} * seats"
    priced = f"""
        SELECT id, agency_id, started_on, ends_on, begins, ends + 1 AS over, months, scale::bigint AS scale, small,
            CASE WHEN small THEN {exact.format("least")} END AS price,
            CASE WHEN small AND counted = 1 THEN {exact.format("most")} END AS dearest,
            CASE WHEN NOT small THEN LEAST({dear.format("least")}, {LARGEST} * scale::numeric) END AS big_price,
            CASE WHEN NOT small AND counted = 1 AND {dear.format("most")} <= {LARGEST} * scale::numeric
                THEN {dear.format("most")} END AS big_dearest
        FROM (
            SELECT l.*, COALESCE(amount::float8 * rate * most * seats < {SMALL}, true) AS small FROM ({lines}) AS l OFFSET 0
        ) AS l OFFSET 0"""
    cycles = f"""
        SELECT p.*, {_cycle("begins")} AS begins_cycle, {_cycle("over")} AS over_cycle FROM ({priced}) AS p OFFSET 0"""
    at_cuts = ", ".join(_place_at(cut, n) for n, cut in enumerate(cuts))
    begun = f"SELECT p.*, {_place('begins', 'b', 0)}, {_place('over', 'o', 1)} FROM ({cycles}) AS p OFFSET 0"
    placed = f"SELECT p.*, {at_cuts} FROM ({begun}) AS p OFFSET 0"
    since_begun = ", ".join(
        f"CASE WHEN begins >= {_day(cut)} OR begins >= over THEN 0 ELSE {_since(n, 'b')} END AS d{n}, l{n} * lb AS e{n}"
        for n, cut in enumerate(cuts)
    )
    run = f"SELECT p.*, {since_begun} FROM ({placed}) AS p OFFSET 0"
    until = ", ".join(f"{_rounded('price', f'd{n}', f'e{n}')} AS low_until{n}" for n, _cut in enumerate(cuts))
    added = f"SELECT p.*, {until} FROM ({run}) AS p OFFSET 0"
    high_until = [
        f"CASE WHEN dearest = price THEN low_until{n} ELSE {_rounded('dearest', f'd{n}', f'e{n}')} END"
        for n, _cut in enumerate(cuts)
    ]
    columns = []
    for n, first in enumerate(cuts[:-1]):
        unbegun = f"begins IS NULL AND (over > {_day(first)} OR over IS NULL)"
        whole = _rounded("dearest", _since(n + 1, n), f"(l{n + 1} * l{n})")
        columns.append(
            f"CASE WHEN begins IS NULL THEN 0 ELSE low_until{n + 1} - low_until{n} END AS low{n},"
            f" CASE WHEN {unbegun} THEN {whole} WHEN begins IS NULL THEN 0"
            f" ELSE {high_until[n + 1]} - {high_until[n]} END AS high{n},"
            f" CASE WHEN dearest IS NULL AND big_dearest IS NULL"
            f" AND ({unbegun} OR d{n + 1} * e{n} <> d{n} * e{n + 1}) THEN 1 ELSE 0 END AS open{n}"
        )
    return f"SELECT id, agency_id, started_on, ends_on, {', '.join(columns)} FROM ({added}) AS p"


def _cycle(day: str) -> str:
    """Which cycle a day is in, counted from the year 0."""
    return f"(date_part('year', {day})::int * 12 + date_part('month', {day})::int - 1) / NULLIF(months, 0)"


def _place(day: str, name: str, of_one_off: int) -> str:
    """The columns w, n and l of a day whose cycle is known: whole cycles, days into the one that runs, and its length."""
    first, after = (
        f"make_date(({day}_cycle{more}) * months / 12, ({day}_cycle{more}) * months % 12 + 1, 1)".replace(
            "%", "%%"
        )
        for more in ("", " + 1")
    )
    return (
        f"CASE WHEN months = 0 THEN {of_one_off} ELSE {day}_cycle END::bigint AS w{name},"
        f" CASE WHEN months = 0 THEN 0 ELSE {day} - {first} END::bigint AS n{name},"
        f" CASE WHEN months = 0 THEN 1 ELSE {after} - {first} END::bigint AS l{name}"
    )


def _place_at(cut: datetime.date, n: int) -> str:
    """The same of a day that all lines share, or of the line's end where that comes first."""
    columns = []
    for index, name in enumerate("wnl"):
        shared = " ".join(f"WHEN {months} THEN {place_of(cut, months)[index]}" for months in (0, 1, 3, 12))
        columns.append(
            f"CASE WHEN over <= {_day(cut)} THEN {name}o ELSE CASE months {shared} END::bigint END AS {name}{n}"
        )
    return ", ".join(columns)


def _since(n: int, begun: int | str) -> str:
    """The numerator of the cycles between two places, over the product of their lengths."""
    # A one-off that nobody knows the day of has not counted before the period.
    whole = f"CASE months WHEN 0 THEN 0 ELSE w{begun} END" if isinstance(begun, int) else f"w{begun}"
    return f"((w{n} - {whole}) * l{n} * l{begun} + n{n} * l{begun} - n{begun} * l{n})"


def _rounded(price: str, cycles: str, length: str) -> str:
    """The nearest whole won of a price times so many cycles, a half up; nothing is negative."""
    return (
        f"CASE WHEN small THEN COALESCE((2 * {price} * {cycles} + scale * {length}) / (2 * scale * {length}), 0)"
        f" ELSE LEAST(COALESCE(div(2 * big_{price} * {cycles} + scale * {length}, 2 * scale::numeric * {length}), 0),"
        f" {2**62})::bigint END"
    )


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _sqlite(lines: str, cuts: Sequence[datetime.date]) -> str:
    """The same, by functions of this process."""
    costs, known = [], []
    for n, (first, after) in enumerate(itertools.pairwise(cuts)):
        days = f"months, begins, ends, '{first}', '{after}'"
        costs.append(
            f"govtrack_committed(amount, COALESCE(rate, 0), least, seats, scale, {days}, 0) AS low{n},"
            f" CASE WHEN counted = 1 THEN"
            f" govtrack_committed(amount, rate, most, seats, scale, {days}, 1) END AS high{n}"
        )
        known.append(
            f"low{n}, high{n}, CASE WHEN high{n} IS NULL THEN govtrack_runs({days}) ELSE 0 END AS open{n}"
        )
    return (
        f"SELECT id, agency_id, started_on, ends_on, {', '.join(known)}"
        f" FROM (SELECT l.*, {', '.join(costs)} FROM ({lines}) AS l) AS c"
    )


def _committed(
    amount: int, rate: int | None, tenths: int, seats: int, scale: int, months: int,
    begins: str | None, ends: str | None, first: str, after: str, at_most: int,
) -> int | None:  # fmt: skip
    """A line's part of a period in whole won, at least or at most; None where nothing bounds it."""
    if rate is None:
        return None
    price, most = amount * rate * tenths * seats, LARGEST * scale
    if at_most and price > most:
        return None
    if begins is None and not at_most:
        return 0
    price, start = min(price, most), begins or first
    until, before = (_cycles(months, start, ends, day) for day in (after, first))
    return _rounded_half_up(price, until, scale) - _rounded_half_up(price, before, scale)


def _runs(months: int, begins: str | None, ends: str | None, first: str, after: str) -> int:
    """Whether some of a line's cycles lie in a period."""
    start = begins or first
    (until, length), (before, other) = (_cycles(months, start, ends, day) for day in (after, first))
    return int(until * other != before * length)


def _rounded_half_up(price: int, cycles: tuple[int, int], scale: int) -> int:
    run, length = cycles
    return (2 * price * run + scale * length) // (2 * scale * length)


def _cycles(months: int, begins: str, ends: str | None, before: str) -> tuple[int, int]:
    """How many cycles a line has run from its first day until just before a day: a numerator and its denominator."""
    if (ends is not None and ends < begins) or before <= begins:
        return 0, 1
    over = ends is not None and ends < before
    whole, days, length = _place_of(ends or "" if over else before, months, over)
    whole_begun, days_begun, length_begun = _place_of(begins, months, False) if months else (0, 0, 1)
    run = (whole - whole_begun) * length * length_begun + days * length_begun - days_begun * length
    return run, length * length_begun


@functools.lru_cache(maxsize=20_000)
def _place_of(day: str, months: int, after: bool) -> Place:
    """The place of a day as SQLite keeps it, or of the day after it."""
    date = datetime.date.fromisoformat(day)
    whole, days, length = place_of(date, months)
    return (whole, days + after, length) if months else (whole, days, length)
