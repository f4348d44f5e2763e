"""Writes many rows at once, with their history, by what either database is fastest at."""

from __future__ import annotations

import datetime
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connection, models

from agencies.among import array_of

_KEYS = {
    "postgresql": "= ANY(%s::bigint[])",
    "sqlite": "IN (SELECT value FROM json_each(%s))",
}


def next_keys(model: type[models.Model], count: int, after: int = 0) -> list[int]:
    """So many primary keys that nobody has and nobody else will get, in order.

    SQLite, where whoever writes is alone, knows of no keys that were given out and not used yet: `after` is the last of these.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT array_agg(nextval(keys)) FROM generate_series(1, %s),"
                " (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS keys OFFSET 0) AS sequence",
                [count, table],
            )
            return cursor.fetchone()[0] or []
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        last = max(row[0] if row else 0, after)
        return list(range(last + 1, last + count + 1))


class Keys:
    """Primary keys of new rows, fetched before they are needed: `take` asks the database for nothing."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self._free: deque[int] = deque()
        self._last = 0

    def reserve(self, count: int) -> None:
        """See to it that so many can be taken."""
        missing = count - len(self._free)
        if missing > 0:
            self._free.extend(next_keys(self.model, missing, self._last))
            self._last = self._free[-1]

    def take(self, count: int) -> list[int]:
        return [self._free.popleft() for _number in range(count)]


def insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert instances; those without a primary key get one from the database, which they are not told."""
    if not rows:
        return
    fields = [
        field for field in model._meta.concrete_fields if not (field.primary_key and rows[0].pk is None)
    ]
    insert_values(model, fields, ([getattr(row, field.attname) for field in fields] for row in rows))


class Rows(NamedTuple):
    """Rows that can be inserted: their values, in the order of the attributes."""

    model: type[models.Model]
    names: Sequence[str]
    values: Sequence[list[Any]]


def rows_of(model: type[models.Model], instances: Sequence[models.Model]) -> Rows:
    """The rows of instances that have a primary key, so that inserting them is all that is left to do."""
    names = [field.attname for field in model._meta.concrete_fields]
    each = attrgetter(*names)
    return Rows(model, names, [list(each(one)) for one in instances])


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[list[Any]]) -> None:
    """Insert rows of values, given in the order of the attributes: a third of the cost of instances."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    insert_values(model, [by_name[name] for name in names], rows)


def insert_values(
    model: type[models.Model], fields: Sequence[models.Field], rows: Iterable[list[Any]]
) -> None:
    """Insert rows of values in the order of the fields."""
    quote = connection.ops.quote_name
    table, columns = quote(model._meta.db_table), ", ".join(quote(str(field.column)) for field in fields)
    special: tuple[type[models.Field], ...] = (models.JSONField,)
    if connection.vendor == "sqlite":
        special = (models.JSONField, models.DateField, models.UUIDField)
    prepared = [(at, field) for at, field in enumerate(fields) if isinstance(field, special)]
    values = _prepared(rows, prepared)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join("%s" for _field in fields)
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
            cursor.executemany(statement, values)  # type: ignore[arg-type]


def _prepared(rows: Iterable[list[Any]], fields: list[tuple[int, models.Field]]) -> Iterator[list[Any]]:
    for row in rows:
        for at, field in fields:
            if row[at] is not None and not isinstance(row[at], Ready):
                row[at] = field.get_db_prep_save(row[at], connection)
        yield row


class Ready(str):
    """A value of a JSON column that is text already."""


def check_foreign_keys() -> None:
    """Check now what PostgreSQL would else check at the commit, when nothing is left to do meanwhile. Raises IntegrityError."""
    if connection.vendor == "postgresql":
        connection.check_constraints()


def update(rows: Sequence[models.Model]) -> None:
    """Write all columns of instances that are stored already."""
    if rows:
        model = type(rows[0])
        names = [field.name for field in model._meta.concrete_fields if not field.primary_key]
        model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=names, batch_size=500
        )


def write_history(
    model: Any, keys: Sequence[int], kind: str, by: Any, reason: str, now: datetime.datetime
) -> None:
    """A row of history for each of these rows as they are stored now; `kind` is +, ~ or -."""
    if not keys:
        return
    quote, history = connection.ops.quote_name, model.history.model._meta
    kept = [quote(str(f.column)) for f in history.concrete_fields if not f.name.startswith("history_")]
    columns = ", ".join(kept)
    values: list[Any] = [now, kind, by.pk if by else None, reason[:100]]
    given = array_of(keys) if connection.vendor == "postgresql" else json.dumps(list(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(history.db_table)}"
            f" ({columns}, history_date, history_type, history_user_id, history_change_reason)"
            f" SELECT {columns}, %s, %s, %s, %s FROM {quote(model._meta.db_table)}"
            f" WHERE id {_KEYS[connection.vendor]} ORDER BY id",
            [*values, given],
        )
