"""What price lines commit to in periods that follow each other, summed by agency by the database over any number of them.

The rule is `subscriptions.committed`'s, and a test holds both equal on each database.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

from figures.interval import Interval
from subscriptions import committed_postgresql, committed_sqlite
from subscriptions.committed_lines import lines_of
from subscriptions.committed_postgresql import AT_LEAST, AT_MOST, CORRECTIONS, RUNNING, runs
from subscriptions.models import Status, Subscription
from subscriptions.money import Rates, rates_in_force

# Whose cost is committed, also when it is over by now.
COMMITTING = (Status.APPROVED, Status.ACTIVE, Status.ENDED)


class Committed(NamedTuple):
    """Of so many subscriptions with a known part, `open` are known only at least. Of `unknown` nothing is known, nor of
    `rateless` more, which have a price whose exchange rate is missing.

    `low` adds up what is known at least, `high` the upper ends of those that have one: whole won including VAT.
    """

    low: int = 0
    high: int = 0
    given: int = 0
    open: int = 0
    unknown: int = 0
    rateless: int = 0

    def __add__(self, other: Committed) -> Committed:  # type: ignore[override]
        return Committed(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def interval(self) -> Interval:
        return Interval(self.low, None if self.open or self.unknown or self.rateless else self.high)


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
    rows: QuerySet[Subscription],
    starts: Sequence[datetime.date],
    end: datetime.date,
    on: datetime.date,
    places: Mapping[int, int] | None = None,
) -> dict[int, list[Committed]]:
    """For each agency's key the sums of each period: from one of `starts` to the day before the next, the last up to `end`.

    `rows` start at `visible_to(user)`. Amounts in other currencies are at the rates of the day `on`. With `places` the keys are
    theirs: what each agency's key stands for, and agencies without one are left out. One statement, and one for the rates.
    """
    cuts = [*starts, end + datetime.timedelta(days=1)]
    found = committing(rows, starts[0], end).order_by().values("id", "agency_id", "started_on", "ends_on")
    try:
        sql, parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return {}
    rates = rates_in_force(on)
    if connection.vendor == "sqlite":
        return _by_place(_on_sqlite(sql, parameters, cuts, rates), places)
    statement = committed_postgresql.statement(sql, cuts, rates, by_place=places is not None)
    if places is not None:
        parameters = (*parameters, list(places), list(places.values()))
    return _on_postgresql(statement, parameters, len(starts))


def _on_postgresql(statement: str, parameters: Sequence[Any], count: int) -> dict[int, list[Committed]]:
    periods = range(count)
    found: dict[int, list[list[int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for agency, part, *columns in cursor.fetchall():
            numbers = [0 if column is None else int(column) for column in columns]
            sums = found.setdefault(agency, [[0] * len(Committed._fields) for _period in periods])
            for n in periods:
                if part <= AT_MOST:
                    run = numbers[n + 1] - numbers[n]
                    more = [0 if part == AT_MOST else run, 0 if part == AT_LEAST else run]
                elif part == RUNNING:
                    more = [0, 0, numbers[n]]
                else:
                    width = len(CORRECTIONS)
                    more = numbers[n * width : (n + 1) * width]
                for at, number in enumerate(more):
                    sums[n][at] += number
    return {agency: [Committed(*one) for one in sums] for agency, sums in found.items()}


def _on_sqlite(
    sql: str, parameters: Sequence[Any], cuts: Sequence[datetime.date], rates: Rates
) -> dict[int, list[Committed]]:
    periods = list(enumerate(itertools.pairwise(cuts)))
    of_each = ", ".join(
        f"SUM(low{n}) AS low{n}, COALESCE(SUM(high{n}), 0) AS high{n}, MAX(open{n}) AS open{n},"
        f" MAX(CASE WHEN open{n} = 1 THEN rateless ELSE 0 END) AS rateless{n},"
        f" CASE WHEN {runs(first, after)} THEN 1 ELSE 0 END AS runs{n}"
        for n, (first, after) in periods
    )
    sums = ", ".join(
        f"SUM(low{n}), SUM(CASE WHEN open{n} = 0 THEN high{n} ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 THEN 0 ELSE runs{n} END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} > 0 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 AND rateless{n} = 0 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN open{n} = 1 AND low{n} = 0 AND rateless{n} = 1 THEN 1 ELSE 0 END)"
        for n, _period in periods
    )
    statement = (
        f"SELECT agency_id, {sums} FROM (SELECT id, agency_id, {of_each}"
        f" FROM ({committed_sqlite.each_line(lines_of(sql, rates), cuts)}) AS c"
        " GROUP BY id, agency_id, started_on, ends_on) AS t GROUP BY agency_id"
    )
    width = len(Committed._fields)
    with connection.cursor() as cursor:
        committed_sqlite.create_functions(connection.connection)
        cursor.execute(statement, parameters)
        return {
            agency: [Committed(*columns[at : at + width]) for at in range(0, len(columns), width)]
            for agency, *columns in cursor.fetchall()
        }


def _by_place(
    sums: dict[int, list[Committed]], places: Mapping[int, int] | None
) -> dict[int, list[Committed]]:
    if places is None:
        return sums
    found: dict[int, list[Committed]] = {}
    for agency, parts in sums.items():
        if (place := places.get(agency)) is not None:
            others = found.get(place)
            found[place] = parts if others is None else [a + b for a, b in zip(others, parts, strict=True)]
    return found
