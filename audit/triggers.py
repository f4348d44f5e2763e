"""The triggers by which the database itself refuses to change or delete a row of the trail, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db import connection

from audit.models import Seal
from audit.trail import tables

# What the triggers' function does on PostgreSQL, where the app's first migration makes it.
_REFUSES = (
    "BEGIN RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME"
    " USING ERRCODE = 'integrity_constraint_violation'; END"
)
_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $${_REFUSES}$$"
)
_POSTGRESQL = (
    'CREATE TRIGGER "{name}" BEFORE UPDATE OR DELETE ON "{table}"'
    " FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
)
# Also where a session says that it only replays what another server did.
_ALWAYS = 'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"'
_SQLITE = (
    'CREATE TRIGGER "{name}_{event}" BEFORE {event} ON "{table}"'
    " BEGIN SELECT RAISE(ABORT, 'rows of {table} are append-only'); END"
)
EVENTS = ("UPDATE", "DELETE")


def guarded() -> list[str]:
    """The tables that have the triggers or ought to: the trail's and the seals'."""
    return [*(table.name for table in tables()), Seal._meta.db_table]


def unguarded() -> list[tuple[str, str]]:
    """(table, event) of each trigger that is missing, switched off, or does something else; a table that is not there is left
    out."""
    there = set(connection.introspection.table_names())
    has = _found()
    return [
        (table, event)
        for table in guarded()
        for event in EVENTS
        if table in there and (table, event) not in has
    ]


def _found() -> set[tuple[str, str]]:
    """(table, event) of the triggers that refuse: a name alone proves nothing, so what they do is compared too."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Of tgtype, 1 stands for each row, 2 for before, 8 for DELETE and 16 for UPDATE; tgenabled is D where a trigger is
            # switched off, and A where no session can do without it; tgqual holds a condition, tgattr columns.
            cursor.execute(
                "SELECT c.relname, t.tgtype, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid"
                " WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgtype & 3 = 3"
                " AND t.tgqual IS NULL AND t.tgattr::text = '' AND n.nspname = ANY (current_schemas(false))"
            )
            bits = {"DELETE": 8, "UPDATE": 16}
            return {
                (table, event)
                for table, kind, source in cursor.fetchall()
                for event in EVENTS
                if kind & bits[event] and _plain(source) == _REFUSES
            }
        cursor.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {
            (table, event)
            for table, name, sql in cursor.fetchall()
            for event in EVENTS
            if _plain(sql)
            == _plain(_SQLITE.format(name=name.removesuffix(f"_{event}"), table=table, event=event))
        }


def foreign() -> list[tuple[str, str]]:
    """(table, what) of each trigger or rule on these tables that does anything but refuse: it may write other rows than were
    meant, or none. Those of ours that were made to do something else are `unguarded` already."""
    bare = {table for table, _event in unguarded()}
    return [
        (table, what)
        for table, what, name in _foreign()
        if not (table in bare and name.startswith(trigger_name(table)))
    ]


def _foreign() -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.relname, 'trigger', t.tgname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid"
                " WHERE NOT t.tgisinternal AND n.nspname = ANY (current_schemas(false))"
                " UNION ALL SELECT c.relname, 'rule', r.rulename, '' FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (current_schemas(false)) ORDER BY 1, 3"
            )
            rows = [
                (table, f"the {kind} {name}", name, _plain(source) == _REFUSES)
                for table, kind, name, source in cursor.fetchall()
            ]
        else:
            cursor.execute(
                "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1, 2"
            )
            rows = [
                (table, f"the trigger {name}", name, _refuses(table, name, sql))
                for table, name, sql in cursor.fetchall()
            ]
    ours = set(guarded())
    return [(table, what, name) for table, what, name, refuses in rows if table in ours and not refuses]


def _refuses(table: str, name: str, sql: str) -> bool:
    """Whether a trigger of SQLite's is one that refuses."""
    texts = (
        _SQLITE.format(name=name.removesuffix(f"_{event}"), table=table, event=event) for event in EVENTS
    )
    return _plain(sql) in map(_plain, texts)


def _plain(sql: str) -> str:
    return " ".join(sql.replace('"', "").split())


def install() -> None:
    """Make the triggers that are missing, or do not refuse."""
    missing = unguarded()
    with connection.cursor() as cursor:
        if missing and connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
            # That mended those which call it, if it was at fault.
            for table in dict.fromkeys(table for table, _event in unguarded()):
                name = trigger_name(table)
                cursor.execute(
                    f'DROP TRIGGER IF EXISTS "{name}" ON "{table}"'
                )  # switched off, or of one event
                cursor.execute(_POSTGRESQL.format(name=name, table=table))
                cursor.execute(_ALWAYS.format(name=name, table=table))
        elif missing:
            for table, event in missing:
                name = trigger_name(table)
                cursor.execute(f'DROP TRIGGER IF EXISTS "{name}_{event}"')
                cursor.execute(_SQLITE.format(name=name, table=table, event=event))


def trigger_name(table: str) -> str:
    return f"{table}_append_only"


def after_migrate(using: str, **_told: Any) -> None:
    if using == connection.alias:
        install()
