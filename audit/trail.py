"""What the trail is: the tables that only grow, of events, decisions and all history, and how a row of one is hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils.timezone import now
from simple_history.models import HistoricalChanges

# Rows that are read and sealed at once.
BATCH = 1000

_registered: dict[type[models.Model], int] = {}


def register(model: type[models.Model], batch: int = BATCH) -> None:
    """Name an append-only model whose rows are to be sealed; `batch` is smaller where a row is large.

    History need not be named: every table of django-simple-history is part of the trail.
    """
    _registered[model] = batch


@dataclass(frozen=True)
class Table:
    """A table of the trail: its name, its key, its columns in the order of their names, and which of them says when a row was
    written ("" where none does)."""

    name: str
    model: type[models.Model]
    key: str
    columns: tuple[str, ...]
    batch: int = BATCH
    moment: str = ""


def tables() -> list[Table]:
    """All tables of the trail, by name."""
    models_of_it: dict[type[models.Model], int] = {
        model: BATCH
        for model in apps.get_models(include_auto_created=True)
        if issubclass(model, HistoricalChanges)
    }
    models_of_it.update(_registered)
    found = [table_of(model, batch) for model, batch in models_of_it.items()]
    return sorted(found, key=lambda table: table.name)


def table_of(model: type[models.Model], batch: int = BATCH) -> Table:
    """A model's table, be it of the trail or not."""
    key = model._meta.pk
    assert key is not None
    columns = sorted(str(field.column) for field in model._meta.concrete_fields)
    return Table(model._meta.db_table, model, str(key.column), tuple(columns), batch, _moment_of(model))


def _moment_of(model: type[models.Model]) -> str:
    """The name of the field in which a row of the trail says when it was written: of history, or by default now."""
    if issubclass(model, HistoricalChanges):
        names = {field.name for field in model._meta.concrete_fields}
        return "history_date" if "history_date" in names else ""
    return next((field.name for field in model._meta.concrete_fields if field.default is now), "")


class Watch:
    """Notices, as a wrapper of the database's statements, which tables of the trail are added to."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self._inserts = {f"INSERT INTO {connection.ops.quote_name(name)}": name for name in _watched()}

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if isinstance(sql, str) and sql.startswith("INSERT INTO "):
            name = self._inserts.get(" ".join(sql.split(" ", 3)[:3]))
            if name:
                self.tables.add(name)
        return done


_names: list[str] = []


def _watched() -> list[str]:
    """All tables but the events', which know where they come from."""
    if not _names:
        _names.extend(table.name for table in tables() if table.name != "audit_event")
    return _names


# A row as it is hashed: the text of each column as the database itself writes it, so that no code in between can hide a change.
# The name tells how, so that a seal of today can still be verified when rows are written otherwise.
FORMS = {"sqlite": "sqlite-2", "postgresql": "postgresql-1"}
# SQLite's quote() stops at the first NUL of a text. No text was sealed with one while that was the form, so one that has it now
# is written otherwise, and does not match.
READABLE = {
    "sqlite-1": "CASE WHEN typeof({0}) = 'text' AND instr(CAST({0} AS BLOB), X'00') THEN 'text:' || hex({0}) ELSE quote({0}) END",
    "sqlite-2": "CASE typeof({0}) WHEN 'text' THEN 'text:' || hex({0}) ELSE quote({0}) END",
}
ROW = 40  # bytes of a sealed row: its number and its hash


def form() -> str:
    return FORMS[connection.vendor]


def can_read(sealed_form: str) -> bool:
    """Whether this database can write rows in the form of a seal that was made before."""
    return sealed_form == form() or (connection.vendor == "sqlite" and sealed_form in READABLE)


def _written(table: Table, column: str, as_form: str) -> str:
    """The expression that gives a column's value as text, whatever the settings of the session."""
    quoted = f"r.{connection.ops.quote_name(column)}"
    if as_form in READABLE:
        return READABLE[as_form].format(quoted)
    kind = next(f.get_internal_type() for f in table.model._meta.concrete_fields if f.column == column)
    if kind == "DateTimeField":
        return f"(extract(epoch FROM {quoted}) * 1000000)::bigint::text"
    if kind == "DateField":
        return f"({quoted} - DATE '1970-01-01')::text"
    return f"{quoted}::text"


def hashes(
    table: Table, columns: Sequence[str], condition: str, given: Sequence[Any], as_form: str = ""
) -> dict[int, bytes]:
    """The SHA-256 of each row that the condition finds, by the row's number, in its order."""
    quote = connection.ops.quote_name
    written = ", ".join(_written(table, column, as_form or form()) for column in columns)
    key = f"r.{quote(table.key)}"
    # Only names of tables and columns of our own models are put into the text.
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, {written} FROM {quote(table.name)} AS r WHERE {condition.format(key=key)}", given
        )
        return {
            row[0]: hashlib.sha256(json.dumps(row, ensure_ascii=True).encode()).digest()
            for row in cursor.fetchall()
        }


def after(table: Table, key: int, limit: int) -> dict[int, bytes]:
    """The next rows after one, hashed."""
    return hashes(table, table.columns, "{key} > %s ORDER BY {key} LIMIT %s", [key, limit])


def numbered(
    table: Table, columns: Sequence[str], keys: Sequence[int], as_form: str = ""
) -> dict[int, bytes]:
    """The rows of these numbers that are there, hashed."""
    if connection.vendor == "postgresql":
        return hashes(table, columns, "{key} = ANY(%s) ORDER BY {key}", [list(keys)], as_form)
    condition = "{key} IN (SELECT value FROM json_each(%s)) ORDER BY {key}"
    return hashes(table, columns, condition, [json.dumps(list(keys))], as_form)


def keys_within(table: Table, ranges: Sequence[Sequence[int]]) -> Iterator[int]:
    """The numbers of the rows that lie in ranges of numbers, both ends included."""
    manager = table.model._base_manager
    for start in range(0, len(ranges), 100):
        condition = models.Q()
        for low, high in ranges[start : start + 100]:
            condition |= models.Q(pk__gte=low, pk__lte=high)
        yield from manager.filter(condition).order_by("pk").values_list("pk", flat=True).iterator()


def packed(rows: dict[int, bytes]) -> bytes:
    return b"".join(key.to_bytes(8, "big", signed=True) + digest for key, digest in rows.items())


def unpacked(data: bytes) -> dict[int, bytes]:
    """Raises ValueError where the bytes are no whole number of rows."""
    if len(data) % ROW:
        raise ValueError("not a whole number of rows")
    parts = (data[at : at + ROW] for at in range(0, len(data), ROW))
    return {int.from_bytes(part[:8], "big", signed=True): part[8:] for part in parts}
