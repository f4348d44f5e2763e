"""What has been paid, by agency, by tool and by month, without reading ten million payments.

Triggers of the database append each change (`tally_sql`); `fold` adds the changes to the tallies at any later time. What is read
here is both together, in one statement, and so equal to the sums of the payments at that moment. Periods are whole months:
a pair of days whose months are both included. Won are whole won.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from typing import Any

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
    IN_DETAIL,
    PAYMENTS,
    SUBSCRIPTIONS,
    recomputed,
    recount_statements,
)

Period = tuple[datetime.date, datetime.date]
Row = dict[str, Any]

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
) -> Iterator[Row]:
    """`agency_id`, `month` (its first day; None unless `by_month`), `won`, `payments`, `unknown` of each that has any.

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
) -> Iterator[Row]:
    """`product_id`, `month`, `won`, `payments`, `unknown`, over all agencies: for somebody who sees everything.

    With `by_data_class` also `data_class`. That of a subscription of which it is not known is empty, here and as a filter. Of a
    filter that is None: all. Void subscriptions count nowhere, whatever is asked.
    """
    asked = {"status": status, "data_class": data_class, "provenance": provenance}
    given = {name: value for name, value in asked.items() if value is not None}
    conditions, parameters = [f"{name} = %s" for name in given], list(given.values())
    if given or by_data_class:
        also = ("data_class",) if by_data_class else ()
        return _paid("product_id", IN_DETAIL, IN_DETAIL, conditions, parameters, period, by_month, also=also)
    return _paid("product_id", BY_PRODUCT, BY_PRODUCT_MONTH, [], [], period, by_month)


def paid_by_place(
    places: Sequence[tuple[str, int]], period: Period | None = None, by_month: bool = False
) -> Iterator[Row]:
    """`place`, `month`, `won`, `payments`, `unknown`: each place, given as its path and a key, with all below it on today's tree.

    An agency below two of the places counts for both.
    """
    if not places:
        return iter(())
    return _paid("place", BY_AGENCY, BY_AGENCY_MONTH, [], [], period, by_month, places)


def silent_by_agency(agency_keys: Sequence[int] | None = None) -> Iterator[Row]:
    """`agency_id`, `silent`: how many subscriptions that should be paid for have no payment. Their spending is not given."""
    conditions, parameters = _of_keys("agency_id", agency_keys)
    return _silent("agency_id", BY_AGENCY, conditions, parameters)


def silent_by_product() -> Iterator[Row]:
    """`product_id`, `silent`, over all agencies."""
    return _silent("product_id", BY_PRODUCT, [], [])


def silent_by_place(places: Sequence[tuple[str, int]]) -> Iterator[Row]:
    """`place`, `silent`: each place with all below it."""
    return _silent("place", BY_AGENCY, [], [], places) if places else iter(())


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
    places: Sequence[tuple[str, int]] = (),
    also: tuple[str, ...] = (),
) -> Iterator[Row]:
    monthly = by_month or period is not None
    if period is not None:
        conditions = [*conditions, "month >= %s AND month <= %s"]
        parameters = [*parameters, *(day.replace(day=1) for day in period)]
    of = ("agency_id" if places else key, *also, *(("month",) if by_month else ()))
    columns = f"{', '.join(of)}, won, payments, unknown"
    month = "month" if by_month else "NULL"
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in ("won", "payments", "unknown"))
    rows, parameters = _with_changes(columns, months if monthly else whole, conditions, parameters)
    rows, parameters = _at_places(rows, parameters, places)
    by = ", ".join((key, *also))
    grouped = f"{by}, month" if by_month else by
    return _rows(
        (key, *also, "month", "won", "payments", "unknown"),
        f"SELECT {by}, {month}, {sums} FROM {rows} GROUP BY {grouped} HAVING SUM(payments) <> 0 OR SUM(unknown) <> 0",
        parameters,
    )


def _silent(
    key: str,
    table: str,
    conditions: list[str],
    parameters: list[Any],
    places: Sequence[tuple[str, int]] = (),
) -> Iterator[Row]:
    columns = f"{'agency_id' if places else key}, silent"
    rows, parameters = _with_changes(columns, table, [*conditions, "silent <> 0"], parameters, silent=True)
    rows, parameters = _at_places(rows, parameters, places)
    return _rows(
        (key, "silent"),
        f"SELECT {key}, CAST(SUM(silent) AS BIGINT) FROM {rows} GROUP BY {key} HAVING SUM(silent) <> 0",
        parameters,
    )


def _with_changes(
    columns: str, table: str, conditions: list[str], parameters: list[Any], silent: bool = False
) -> tuple[str, list[Any]]:
    """A tally's rows and those of the changes that are not in it yet: one statement sees one state of both."""
    of_changes = [*conditions, "month IS NULL" if silent else "month IS NOT NULL"]
    kept = " AND ".join(conditions) or "TRUE"
    return (
        f"(SELECT {columns} FROM {table} WHERE {kept}"
        f" UNION ALL SELECT {columns} FROM {CHANGES} WHERE {' AND '.join(of_changes)}) AS t",
        [*parameters, *parameters],
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


def _rows(names: tuple[str, ...], sql: str, parameters: list[Any]) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            if isinstance(row.get("month"), str):  # SQLite keeps dates as text
                row["month"] = datetime.date.fromisoformat(row["month"])
            yield row
