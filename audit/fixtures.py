"""Records that fixtures brought: `loaddata` writes no history, so the event of the command keeps a hash of each such row.

Any other record without history was put in behind the register's back.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import connection, models

from audit.models import Event
from audit.trail import Table, can_read, form, numbered, packed, table_of, unpacked

COMMAND, KEPT = "loaddata", "hashes"
ACCEPTED = "accept_loaded"  # of what an older loaddata brought, which kept no hashes
SET = "set-1"  # how a set is hashed: the numbers of what is in it, in order, as JSON

# Of one row: the form and the columns that were hashed, and the hash.
Known = tuple[str, tuple[str, ...], bytes]
# By table and number of the row.
Brought = Mapping[str, Mapping[int, Known]]


class WithoutHashes(models.Func):
    """What an event keeps in a column, without the hashes: 53 bytes of a row that nobody reads."""

    output_field = models.JSONField()
    template = f"(%(expressions)s - '{KEPT}')"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(
            compiler, connection, template=f"json_remove(%(expressions)s, '$.{KEPT}')", **extra
        )


def readable(events: models.QuerySet[Event]) -> models.QuerySet[Event]:
    """The events for people and files: `told` is what each has after, without hashes, which are not fetched."""
    return events.defer("after").annotate(told=WithoutHashes("after"))


def hashes_of(loaded: Mapping[type[models.Model], set[int]]) -> dict[str, Any]:
    """Of the loaded records that have no history: by table, what the event keeps."""
    kept = {}
    for model in sorted(loaded, key=lambda model: model._meta.db_table):
        keys = sorted(loaded[model].intersection(_without_history(model)))
        table = table_of(model)
        if keys:
            kept[table.name] = _entry(form(), table.columns, numbered(table, table.columns, keys))
            for field in _sets(model):
                kept[field.m2m_db_table()] = _entry(SET, (), _sets_of(field, keys))
    return kept


def _entry(as_form: str, columns: tuple[str, ...], rows: dict[int, bytes]) -> dict[str, Any]:
    return {
        "form": as_form,
        "columns": list(columns),
        "rows": base64.b64encode(packed(rows)).decode(),
    }


def unknown(models_: Iterable[type[models.Model]]) -> dict[type[models.Model], set[int]]:
    """The records of these models that have no history, and of which no event keeps a hash."""
    known = all_brought()
    found = {
        model: set(_without_history(model)).difference(known.get(table_of(model).name, {}))
        for model in models_
    }
    return {model: keys for model, keys in found.items() if keys}


def unexplained(model: type[models.Model], all_known: Brought) -> Iterator[tuple[str, str, int]]:
    """Records of a model that have no history and are not as the last fixture brought them ("none"), or are "gone": with the
    table and the number. `all_known` is `all_brought()`."""
    bare, table = _without_history(model), table_of(model)
    brought = all_known.get(table.name, {})
    there = _there(table, brought, bare)
    for key in bare:
        if key not in brought or there.get(key) != brought[key][2]:
            yield "none", table.name, key
    gone = set(brought) - set(bare)
    if gone:
        kept = model.history.filter(**{f"{table.key}__in": gone})  # type: ignore[attr-defined]
        for key in sorted(gone.difference(kept.values_list(table.key, flat=True))):
            yield "gone", table.name, key
    for field in _sets(model):
        known = all_known.get(field.m2m_db_table(), {})
        for key, digest in _sets_of(field, bare).items():
            if key in brought and (key not in known or known[key][2] != digest):
                yield "none", field.m2m_db_table(), key


def _without_history(model: type[models.Model]) -> list[int]:
    quote = connection.ops.quote_name
    pk = quote(table_of(model).key)
    past = quote(model.history.model._meta.db_table)  # type: ignore[attr-defined]
    # Only names of tables and columns of our own models are put into the text.
    rows = f"{quote(model._meta.db_table)} r"
    missing = f"NOT EXISTS (SELECT 1 FROM {past} h WHERE h.{pk} = r.{pk})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT r.{pk} FROM {rows} WHERE {missing} ORDER BY r.{pk}")  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def all_brought() -> Brought:
    """What the events say of rows that came without history; the last one is right. Read once for all tables: they are large."""
    found: dict[str, dict[int, Known]] = {}
    events = Event.objects.filter(kind=Event.Kind.COMMAND, about__in=(COMMAND, ACCEPTED), about_type="")
    for after in events.order_by("pk").values_list("after", flat=True).iterator(1):
        for table, entry in after.get(KEPT, {}).items():
            how = entry["form"], tuple(entry["columns"])
            rows = unpacked(base64.b64decode(entry["rows"]))
            found.setdefault(table, {}).update({key: (*how, digest) for key, digest in rows.items()})
    return found


def _there(table: Table, brought: Mapping[int, Known], keys: list[int]) -> dict[int, bytes]:
    """Today's rows of these numbers, hashed as they were when they were brought, as far as that can be done."""
    ways: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for key in keys:
        if key in brought:
            ways.setdefault(brought[key][:2], []).append(key)
    there: dict[int, bytes] = {}
    for (as_form, columns), some in ways.items():
        if can_read(as_form) and set(columns) <= set(table.columns):
            there.update(numbered(table, columns, some, as_form))
    return there


def _sets(model: type[models.Model]) -> list[models.ManyToManyField]:
    return list(model.history.model._history_m2m_fields)  # type: ignore[attr-defined]


def _sets_of(field: models.ManyToManyField, owners: list[int]) -> dict[int, bytes]:
    """What each of these records is joined to, hashed."""
    through: Any = field.remote_field.through
    owner, end = field.m2m_field_name(), field.m2m_reverse_field_name()
    joined: dict[int, list[int]] = {key: [] for key in owners}
    for start in range(0, len(owners), 500):
        rows = through._base_manager.filter(**{f"{owner}__in": owners[start : start + 500]})
        for key, other in rows.order_by(f"{end}_id").values_list(f"{owner}_id", f"{end}_id"):
            joined[key].append(other)
    return {key: hashlib.sha256(json.dumps(others).encode()).digest() for key, others in joined.items()}
