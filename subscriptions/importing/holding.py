"""Keeps imports of subscriptions from writing at once, and their texts together for the index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def hold_imports() -> None:
    """Let no other import of subscriptions begin to write until this transaction ends. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('subscriptions.importing'))")


@contextmanager
def texts_indexed_at_once() -> Iterator[None]:
    """Let the index of searches take in all that is written within at the end: a fifth less work than every few hundred rows."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL gin_pending_list_limit = '64MB'")
        yield
        if connection.needs_rollback:
            return
        # Whoever does not own the index leaves it to autovacuum; until then searches read what is pending as well.
        cursor.execute(
            "SELECT gin_clean_pending_list(oid) FROM pg_class"
            " WHERE relname = 'facts_search_pairs' AND pg_has_role(relowner, 'USAGE')"
        )
