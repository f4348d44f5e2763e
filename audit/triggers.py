"""The triggers by which the database itself refuses to change or delete a row of the trail, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db import connection

from audit.models import Seal
from audit.trail import tables

# On PostgreSQL the function is made by the app's first migration.
_POSTGRESQL = (
    'CREATE TRIGGER "{name}" BEFORE UPDATE OR DELETE ON "{table}"'
    " FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
)
_SQLITE = (
    'CREATE TRIGGER "{name}_{event}" BEFORE {event} ON "{table}"'
    " BEGIN SELECT RAISE(ABORT, 'rows of {table} are append-only'); END"
)
EVENTS = ("UPDATE", "DELETE")


def guarded() -> list[str]:
    """The tables that have the triggers or ought to: the trail's and the seals'."""
    return [*(table.name for table in tables()), Seal._meta.db_table]


def unguarded() -> list[tuple[str, str]]:
    """(table, event) of each trigger that is missing or switched off; a table that is not there is left out."""
    there = set(connection.introspection.table_names())
    has = _found()
    return [
        (table, event)
        for table in guarded()
        for event in EVENTS
        if table in there and (table, event) not in has
    ]


def _found() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Of tgtype, 8 stands for DELETE and 16 for UPDATE; tgenabled is D where a trigger is switched off.
            cursor.execute(
                "SELECT c.relname, t.tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE NOT t.tgisinternal AND t.tgname LIKE '%%append_only%%' AND t.tgenabled IN ('O', 'A')"
                " AND n.nspname = ANY (current_schemas(false))"
            )
            bits = {"DELETE": 8, "UPDATE": 16}
            rows = cursor.fetchall()
            return {(table, event) for table, kind in rows for event in EVENTS if kind & bits[event]}
        cursor.execute(
            "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%%append_only%%'"
        )
        return {(table, name.rpartition("_")[2].upper()) for table, name in cursor.fetchall()}


def install() -> None:
    """Make the triggers that are missing."""
    missing = unguarded()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in dict.fromkeys(table for table, _event in missing):
                name = trigger_name(table)
                cursor.execute(
                    f'DROP TRIGGER IF EXISTS "{name}" ON "{table}"'
                )  # switched off, or of one event
                cursor.execute(_POSTGRESQL.format(name=name, table=table))
        else:
            for table, event in missing:
                cursor.execute(_SQLITE.format(name=trigger_name(table), table=table, event=event))


def trigger_name(table: str) -> str:
    return f"{table}_append_only"


def after_migrate(using: str, **_told: Any) -> None:
    if using == connection.alias:
        install()
