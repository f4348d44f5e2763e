"""The fixtures as rows: `loaddata` reads each once in a process, later tests insert what it made, in a tenth of the time."""

from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils import timezone

FIXTURES = ("agencies", "catalog", "sources", "policies", "subscriptions")

# The tallies' triggers fill theirs again by themselves; the trail tells of commands that were run.
LEFT_OUT = ("subscriptions_paid", "audit_")

# The register is empty where these are.
ROOTS = ("agencies_agency", "catalog_vendor", "catalog_category", "sources_report", "policies_policy")

Rows = dict[str, list[tuple[Any, ...]]]  # by table, in the order of `columns`

_made: dict[tuple[str, ...], Rows] = {}


def load(*fixtures: str, judged: bool = False) -> None:
    """The rows of these fixtures (of all that a new deployment has if none is named), each after what it needs; judged today."""
    fixtures = fixtures or FIXTURES
    from_here = _is_empty() if "agencies" in fixtures else _holds_the_same()
    for fixture in fixtures:
        _make((fixture,), from_here, "loaddata", fixture)
    if judged:
        _make((*fixtures, timezone.localdate().isoformat()), from_here, "check_policies")


def _make(key: tuple[str, ...], from_here: bool, *command: str) -> None:
    if not from_here:  # beside other rows, which may have the same keys
        call_command(*command, verbosity=0)
    elif key in _made:
        with transaction.atomic():  # the database checks what refers to what at the end
            for table, rows in _made[key].items():
                _insert(table, rows)
    else:
        before = _rows()
        call_command(*command, verbosity=0)
        made: Rows = {}
        for table, rows in _rows().items():
            known = set(map(repr, before[table]))
            if new := [row for row in rows if repr(row) not in known]:
                made[table] = new
        _made[key] = made


def _is_empty() -> bool:
    with connection.cursor() as cursor:
        for table in ROOTS:
            cursor.execute(f"SELECT count(*) FROM {table}")
            if cursor.fetchone()[0]:
                return False
    return True


def _holds_the_same() -> bool:
    """Whether the agencies and sources are those that were made or inserted from here."""
    if not {("agencies",), ("sources",)} <= set(_made):
        return False
    with connection.cursor() as cursor:
        for fixture, table in (("agencies", "agencies_agency"), ("sources", "sources_source")):
            names = columns()[table]
            cursor.execute(f"SELECT id, code FROM {table}")
            key, code = names.index("id"), names.index("code")
            if not {(row[key], row[code]) for row in _made[(fixture,)][table]} <= set(cursor.fetchall()):
                return False
    return True


def columns() -> dict[str, list[str]]:
    """Of each table that a fixture or a check can fill."""
    return {
        model._meta.db_table: [
            field.column
            for field in model._meta.local_concrete_fields
            if not isinstance(field, models.GeneratedField)
        ]
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.db_table.startswith(LEFT_OUT)
    }


def _rows() -> Rows:
    with connection.cursor() as cursor:
        rows = {}
        for table, names in columns().items():
            cursor.execute(f"SELECT {_listed(names)} FROM {table}")
            rows[table] = cursor.fetchall()
        return rows


def _insert(table: str, rows: list[tuple[Any, ...]]) -> None:
    names = columns()[table]
    marks = ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({_listed(names)}) VALUES ({marks})", rows)


def _listed(names: list[str]) -> str:
    return ", ".join(map(connection.ops.quote_name, names))
