"""How the set of policies is held still while a subscription starts, on both databases."""

from django.db import connection

from policies.models import PolicyVersion


def hold_policies() -> None:
    """Let no policy come into force, change or end until this transaction has; wait for whoever is about to.

    Locking the policies that are there would neither stop a new one nor a draft. So PostgreSQL keeps writers from the versions;
    starts do not wait for each other. SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{PolicyVersion._meta.db_table}" IN SHARE MODE')
