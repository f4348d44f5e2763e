"""Statements as somebody runs them who goes behind the register's back, with the triggers of the trail switched off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from audit import triggers


@contextmanager
def triggers_off(*tables: str) -> Iterator[Any]:
    """A cursor, while the database refuses nothing; afterwards it does again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or the tables cannot be altered yet
            for table in tables:
                cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%%append_only%%'"
                f" AND tbl_name IN ({', '.join(['%s'] * len(tables))})",
                tables,
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        yield cursor
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
    triggers.install()


def run(table: str, sql: str, *parameters: Any) -> None:
    with triggers_off(table) as cursor:
        cursor.execute(sql, parameters)
