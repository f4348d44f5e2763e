"""What has been paid, by agency, by tool and by month, without reading ten million payments.

Triggers of the database append each change (`tally_sql`); `fold` adds the changes to the tallies at any later time. What is read
here is both together, in one statement, and so equal to the sums of the payments at that moment. A period is any pair of days,
both included: of whole months the tallies tell, of the days before and after these the payments. Won are whole won.
"""

from __future__ import annotations

import calendar
import datetime
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import BigIntegerField, F, Value

from agencies.models import Agency
from subscriptions.tally_sql import (
    BY_AGENCY,
    BY_AGENCY_MONTH,
    BY_PRODUCT,
    BY_PRODUCT_MONTH,
    CHANGES,
    COLUMNS,
    COUNTED,
    IN_DETAIL,
    KEPT,
    PAYMENTS,
    SUBSCRIPTIONS,
    month_of,
    recomputed,
    recount_statements,
)

Period = tuple[datetime.date, datetime.date]


class Row(NamedTuple):
    """`of`: the key of the agency, tool or place, None where all are added up. `data_class` and `month` (its first day) are None
    unless asked for. `won` adds up so many `payments`; `unknown` counts those whose won are not known,
    `silent` subscriptions that ought to have payments and have none.
    """

    of: int | None
    data_class: str | None
    month: datetime.date | None
    won: int
    payments: int
    unknown: int
    silent: int = 0


# What the changes add to each tally. A row that has come to nothing goes.
_SUMS = {
    BY_AGENCY: ("agency_id", ("won", "payments", "unknown", "silent")),
    BY_PRODUCT: ("product_id", ("won", "payments", "unknown", "silent")),
    BY_AGENCY_MONTH: ("agency_id, month", ("won", "payments", "unknown")),
    BY_PRODUCT_MONTH: ("product_id, month", ("won", "payments", "unknown")),
    IN_DETAIL: ("product_id, month, status, data_class, provenance", ("won", "payments", "unknown")),
}


@transaction.atomic
def fold() -> int:
    """Add the changes to the tallies; how many there were. Whoever reads meanwhile, or writes payments, need not wait.

    Another fold waits: the changes that this one takes away are locked until its transaction ends.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One statement, since of two the second would take away what has come after the first.
            additions = ", ".join(f"to_{table} AS ({_addition(table, 'gone')})" for table in _SUMS)
            cursor.execute(
                f"WITH gone AS (DELETE FROM {CHANGES} RETURNING *), {additions} SELECT COUNT(*) FROM gone"
            )
            count = cursor.fetchone()[0]
        else:
            for table in _SUMS:
                cursor.execute(_addition(table, CHANGES))
            cursor.execute(f"DELETE FROM {CHANGES}")
            count = cursor.rowcount
        if count:
            for table, (_keys, sums) in _SUMS.items():
                counts = " AND ".join(f"{name} = 0" for name in sums if name != "won")
                cursor.execute(f"DELETE FROM {table} WHERE {counts}")
    return int(count)


def _addition(table: str, changes: str) -> str:
    keys, sums = _SUMS[table]
    some = "month IS NOT NULL" if "month" in keys else "TRUE"
    return (
        f"INSERT INTO {table} ({keys}, {', '.join(sums)})"
        f" SELECT {keys}, {', '.join(f'SUM({name})' for name in sums)} FROM {changes} WHERE {some} GROUP BY {keys}"
        f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(f'{name} = {table}.{name} + excluded.{name}' for name in sums)}"
    )


@transaction.atomic
def recount() -> dict[str, int]:
    """Make the tallies anew from the payments where they differ; the number of rows that differed, by table.

    Nobody writes subscriptions or payments meanwhile. Unfolded changes are no difference.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {SUBSCRIPTIONS}, {PAYMENTS} IN SHARE ROW EXCLUSIVE MODE")
        fold()
        different = {}
        for table, query in recomputed(connection.vendor).items():
            kept = f"SELECT {COLUMNS[table]} FROM {table}"
            cursor.execute(
                f"SELECT COUNT(*) FROM (SELECT * FROM ({query}) AS a EXCEPT {kept}) AS missing"
                f" UNION ALL SELECT COUNT(*) FROM ({kept} EXCEPT SELECT * FROM ({query}) AS b) AS wrong"
            )
            different[table] = max(count for (count,) in cursor.fetchall())
        if any(different.values()):
            for statement in recount_statements(connection.vendor):
                cursor.execute(statement)
    return different


# --- reading ----------------------------------------------------------------------------------------------------------


def paid_by_agency(
    agency_keys: Sequence[int] | None = None, period: Period | None = None, by_month: bool = False
) -> list[Row]:
    """A row of each agency, or of each and month, that has any.

    Of the agencies with these keys, themselves without those below; None: of all.
    """
    conditions, parameters = _of_keys("agency_id", agency_keys)
    return _paid("agency_id", BY_AGENCY, BY_AGENCY_MONTH, conditions, parameters, period, by_month)


def paid_by_product(
    period: Period | None = None,
    by_month: bool = False,
    by_data_class: bool = False,
    *,
    status: str | None = None,
    data_class: str | None = None,
    provenance: str | None = None,
) -> list[Row]:
    """A row of each tool, over all agencies: for somebody who sees everything.

    With `by_data_class` also of each data class. That of a subscription of which it is not known is empty, here and as a filter.
    Of a filter that is None: all. Void subscriptions count nowhere, whatever is asked.
    """
    asked = {"status": status, "data_class": data_class, "provenance": provenance}
    given = {name: value for name, value in asked.items() if value is not None}
    conditions, parameters = [f"{name} = %s" for name in given], list(given.values())
    if given or by_data_class:
        return _paid(
            "product_id", IN_DETAIL, IN_DETAIL, conditions, parameters, period, by_month, by_data_class
        )
    return _paid("product_id", BY_PRODUCT, BY_PRODUCT_MONTH, [], [], period, by_month)


def paid_by_place(
    places: Sequence[tuple[str, int]], period: Period | None = None, by_month: bool = False
) -> list[Row]:
    """A row of each place, given as its path and a key, with all below it on today's tree.

    An agency below two of the places counts for both.
    """
    if not places:
        return []
    return _paid("place", BY_AGENCY, BY_AGENCY_MONTH, [], [], period, by_month, places=places)


def paid_by_month(agency_keys: Sequence[int] | None = None) -> list[Row]:
    """A row of each month, of the agencies with these keys together; None: of all."""
    conditions, parameters = _of_keys("agency_id", agency_keys)
    # That of tools is the shorter one.
    months = BY_PRODUCT_MONTH if agency_keys is None else BY_AGENCY_MONTH
    return _paid("", months, months, conditions, parameters, None, True)


def silent_by_agency(agency_keys: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Agency and how many subscriptions that should be paid for have no payment. Their spending is not given."""
    conditions, parameters = _of_keys("agency_id", agency_keys)
    return _silent("agency_id", BY_AGENCY, conditions, parameters)


def silent_by_product() -> list[tuple[int, int]]:
    """The same by tool, over all agencies."""
    return _silent("product_id", BY_PRODUCT, [], [])


def silent_by_place(places: Sequence[tuple[str, int]]) -> list[tuple[int, int]]:
    """The same by place with all below it."""
    return _silent("place", BY_AGENCY, [], [], places) if places else []


def whole_months(period: Period) -> tuple[Period | None, list[Period]]:
    """The first days of a period's first and last whole month, None when it holds none; and the days before and after."""
    first, last = period
    begun, ended = first.day > 1, last.day < calendar.monthrange(last.year, last.month)[1]
    from_month, to_month = first.year * 12 + first.month - 1 + begun, last.year * 12 + last.month - 1 - ended
    if from_month > to_month:
        return None, [period]
    around = []
    if begun:
        length = calendar.monthrange(first.year, first.month)[1]
        around.append((first, first.replace(day=length)))
    if ended:
        around.append((last.replace(day=1), last))
    start, end = (datetime.date(n // 12, n % 12 + 1, 1) for n in (from_month, to_month))
    return (start, end), around


def _of_keys(column: str, keys: Sequence[int] | None) -> tuple[list[str], list[Any]]:
    if keys is None:
        return [], []
    if connection.vendor == "postgresql":
        return [f"{column} = ANY(%s::bigint[])"], [list(keys)]
    return [f"{column} IN (SELECT value FROM json_each(%s))"], [json.dumps(list(keys))]


def _paid(
    key: str,
    whole: str,
    months: str,
    conditions: list[str],
    parameters: list[Any],
    period: Period | None,
    by_month: bool,
    by_data_class: bool = False,
    places: Sequence[tuple[str, int]] = (),
) -> list[Row]:
    also = [*(["data_class"] if by_data_class else []), *(["month"] if by_month else [])]
    columns = [*([key] if key and not places else []), *(["agency_id"] if places else []), *also]
    parts, given = [], []
    if period is None:
        sql, some = _with_changes(columns, months if by_month else whole, conditions, parameters)
        parts, given = [sql], some
    else:
        within, around = whole_months(period)
        if within:
            some_months = [*conditions, "month >= %s AND month <= %s"]
            sql, some = _with_changes(columns, months, some_months, [*parameters, *within])
            parts, given = [sql], some
        if around:
            sql, some = _of_days(columns, around, conditions, parameters)
            parts, given = [*parts, sql], [*given, *some]
    rows, given = _at_places(f"({' UNION ALL '.join(parts)}) AS t", given, places)
    of, data_class, month = (
        key or "NULL",
        *(name if name in also else "NULL" for name in ("data_class", "month")),
    )
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in ("won", "payments", "unknown"))
    found = _fetched(
        f"SELECT {of}, {data_class}, {month}, {sums} FROM {rows} GROUP BY {', '.join([*([key] if key else []), *also])}"
        " HAVING SUM(payments) <> 0 OR SUM(unknown) <> 0",
        given,
    )
    if by_month and any(isinstance(row[2], str) for row in found):  # SQLite, which keeps dates as text
        found = [(*row[:2], datetime.date.fromisoformat(str(row[2])), *row[3:]) for row in found]
    return [Row(*row) for row in found]


def _silent(
    key: str,
    table: str,
    conditions: list[str],
    parameters: list[Any],
    places: Sequence[tuple[str, int]] = (),
) -> list[tuple[int, int]]:
    columns = ["agency_id" if places else key, "silent"]
    kept, given = _with_changes(columns, table, [*conditions, "silent <> 0"], parameters, silent=True)
    rows, given = _at_places(f"({kept}) AS t", given, places)
    return _fetched(
        f"SELECT {key}, CAST(SUM(silent) AS BIGINT) FROM {rows} GROUP BY {key} HAVING SUM(silent) <> 0", given
    )


def _with_changes(
    columns: list[str], table: str, conditions: list[str], parameters: list[Any], silent: bool = False
) -> tuple[str, list[Any]]:
    """A tally's rows and those of the changes that are not in it yet: one statement sees one state of both."""
    of_changes = [*conditions, "month IS NULL" if silent else "month IS NOT NULL"]
    kept = " AND ".join(conditions) or "TRUE"
    names = ", ".join(columns if silent else [*columns, "won", "payments", "unknown"])
    return (
        f"SELECT {names} FROM {table} WHERE {kept}"
        f" UNION ALL SELECT {names} FROM {CHANGES} WHERE {' AND '.join(of_changes)}",
        [*parameters, *parameters],
    )


def _of_days(
    columns: list[str], days: list[Period], conditions: list[str], parameters: list[Any]
) -> tuple[str, list[Any]]:
    """The payments of these days by what their subscriptions are tallied as, in the shape of a tally."""
    paid = " UNION ALL ".join(
        f"SELECT subscription_id, paid_on, won FROM {PAYMENTS} WHERE paid_on >= %s AND paid_on <= %s"
        for _days in days
    )
    keys = {
        name: month_of(connection.vendor, "p.paid_on") if name == "month" else f"t.{name}" for name in columns
    }
    named = [f"{key} AS {name}" for name, key in keys.items()]
    by = ", ".join(map(str, range(1, len(keys) + 1)))
    sums = "SUM(COALESCE(p.won, 0)) AS won, COUNT(p.won) AS payments, COUNT(*) - COUNT(p.won) AS unknown"
    return (
        f"SELECT {', '.join([*named, sums])} FROM ({paid}) AS p JOIN {KEPT} AS t ON t.subscription_id = p.subscription_id"
        f" WHERE {' AND '.join([f't.{COUNTED}', *conditions])} GROUP BY {by}",
        [*(day for pair in days for day in pair), *parameters],
    )


def _at_places(rows: str, parameters: list[Any], places: Sequence[tuple[str, int]]) -> tuple[str, list[Any]]:
    """The rows with the `place` of each agency."""
    if not places:
        return rows, parameters
    parts = [
        Agency.objects.filter(path__within=path)
        .order_by()
        .annotate(place=Value(key, output_field=BigIntegerField()), there=F("pk"))
        .values_list("place", "there")
        .query.sql_with_params()
        for path, key in places
    ]
    agencies = " UNION ALL ".join(sql for sql, _parameters in parts)
    agency_parameters = [value for _sql, some in parts for value in some]
    return (
        f"{rows} JOIN ({agencies}) AS p ON p.there = t.agency_id",
        [*parameters, *agency_parameters],
    )


def _fetched(sql: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
