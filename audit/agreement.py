"""Whether the records of today are what their history says: one that was changed past it was changed behind all backs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models
from simple_history.models import HistoricalChanges


@dataclass(frozen=True)
class Disagreement:
    """`what`: "unlike" (not as its last history has it), "gone" (deleted without history) or "back" (there though deleted)."""

    what: str
    table: str
    row: int


def tracked() -> list[type[models.Model]]:
    """Every model that keeps its history, by the name of its table."""
    found = [
        model
        for model in apps.get_models()
        if hasattr(model, "history") and not issubclass(model, HistoricalChanges)
    ]
    return sorted(found, key=lambda model: model._meta.db_table)


def disagreements() -> Iterator[Disagreement]:
    """All of them. A row without any history, as fixtures load it, has nothing to disagree with."""
    for model in tracked():
        yield from _of(model)


def _of(model: type[models.Model]) -> Iterator[Disagreement]:
    quote = connection.ops.quote_name
    history = model.history.model._meta  # type: ignore[attr-defined]
    assert model._meta.pk is not None
    key = str(model._meta.pk.column)
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
            f" WHERE h.history_id IN (SELECT max(history_id) FROM {past} GROUP BY {pk})"
            f" AND CASE WHEN r.{pk} IS NULL THEN h.history_type <> '-' ELSE h.history_type = '-' OR {unlike} END"
            f" ORDER BY h.{pk}"
        )
        for what, row in cursor.fetchall():
            yield Disagreement(what, model._meta.db_table, row)


def _compared(side: str, field: models.Field) -> str:
    """SQLite keeps JSON as it was written, blanks and all."""
    column = f"{side}.{connection.ops.quote_name(str(field.column))}"
    is_json = isinstance(field, models.JSONField) and connection.vendor == "sqlite"
    return f"json({column})" if is_json else column
