"""Whether the records of today are what their history says: one that was changed past it was changed behind all backs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models
from simple_history.models import HistoricalChanges

from audit.fixtures import all_brought, unexplained
from audit.ties import end_of
from audit.trail import table_of


@dataclass(frozen=True)
class Disagreement:
    """`what`: "unlike" (not as its last history has it), "gone" (deleted without history), "back" (there though deleted), "set"
    (not joined to what its last history says), "none" (there without history, and not as a fixture brought it or
    it was accepted), "file" (its file is not what was filed) or "lost" (its file is not there)."""

    what: str
    table: str
    row: int


_others: list[Callable[[], Iterable[tuple[str, str, int]]]] = []


def compare_too(check: Callable[[], Iterable[tuple[str, str, int]]]) -> None:
    """Have what is not as the trail has it, and that only another app can tell, told as well."""
    _others.append(check)


def tracked() -> list[type[models.Model]]:
    """Every model that keeps its history, by the name of its table."""
    found = [
        model
        for model in apps.get_models()
        if hasattr(model, "history") and not issubclass(model, HistoricalChanges)
    ]
    return sorted(found, key=lambda model: model._meta.db_table)


def disagreements() -> Iterator[Disagreement]:
    """All of them."""
    brought = all_brought()
    for model in tracked():
        yield from _of(model)
        for field in model.history.model._history_m2m_fields:  # type: ignore[attr-defined]
            yield from _of_set(model, field)
        yield from itertools.starmap(Disagreement, unexplained(model, brought))
    for check in _others:
        yield from itertools.starmap(Disagreement, check())


def _last(model: type[models.Model]) -> str:
    """The condition that a row `h` of its history is the last of its record."""
    quote = connection.ops.quote_name
    past, pk = quote(model.history.model._meta.db_table), quote(table_of(model).key)  # type: ignore[attr-defined]
    return f"h.history_id IN (SELECT max(history_id) FROM {past} GROUP BY {pk})"


def _of(model: type[models.Model]) -> Iterator[Disagreement]:
    quote = connection.ops.quote_name
    history = model.history.model._meta  # type: ignore[attr-defined]
    key = table_of(model).key
    fields = sorted(
        (field for field in history.concrete_fields if not field.name.startswith("history_")),
        key=lambda field: str(field.column),
    )
    differ = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    unlike = " OR ".join(
        f"{_compared('r', field)} {differ} {_compared('h', field)}" for field in fields if field.column != key
    )
    table, past, pk = quote(model._meta.db_table), quote(history.db_table), quote(key)
    # Only names of tables and columns of our own models are put into the text.
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT CASE WHEN r.{pk} IS NULL THEN 'gone' WHEN h.history_type = '-' THEN 'back' ELSE 'unlike' END,"
            f" h.{pk} FROM {past} h LEFT JOIN {table} r ON r.{pk} = h.{pk}"
            f" WHERE {_last(model)}"
            f" AND CASE WHEN r.{pk} IS NULL THEN h.history_type <> '-' ELSE h.history_type = '-' OR {unlike} END"
            f" ORDER BY h.{pk}"
        )
        for what, row in cursor.fetchall():
            yield Disagreement(what, model._meta.db_table, row)


def _of_set(model: type[models.Model], field: models.ManyToManyField) -> Iterator[Disagreement]:
    """Records that are joined to something else than when their last history was written."""
    quote = connection.ops.quote_name
    past, pk = quote(model.history.model._meta.db_table), quote(table_of(model).key)  # type: ignore[attr-defined]
    kept = getattr(model.history.model, field.name).model._meta  # type: ignore[attr-defined]
    table, then = field.m2m_db_table(), quote(kept.db_table)
    owner, end, of = quote(field.m2m_column_name()), quote(end_of(field).column), quote("history_id")
    joined = f"SELECT 1 FROM {quote(table)} r WHERE r.{owner} = h.{pk}"
    said = f"SELECT 1 FROM {then} s WHERE s.{of} = h.history_id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT h.{pk} FROM {past} h WHERE {_last(model)} AND h.history_type <> '-' AND (EXISTS"
            f" ({joined} AND NOT EXISTS ({said} AND s.{end} = r.{end})) OR EXISTS"
            f" ({said} AND NOT EXISTS ({joined} AND r.{end} = s.{end}))) ORDER BY h.{pk}"
        )
        for (row,) in cursor.fetchall():
            yield Disagreement("set", table, row)


def _compared(side: str, field: models.Field) -> str:
    """SQLite keeps JSON as it was written, blanks and all."""
    column = f"{side}.{connection.ops.quote_name(str(field.column))}"
    is_json = isinstance(field, models.JSONField) and connection.vendor == "sqlite"
    return f"json({column})" if is_json else column
