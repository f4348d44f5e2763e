"""Keeps imports of subscriptions from writing at once."""

from __future__ import annotations

from django.db import connection


def hold_imports() -> None:
    """Let no other import of subscriptions begin to write until this transaction ends. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('subscriptions.importing'))")
