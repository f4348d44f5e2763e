"""Snapshots are append-only in the database itself: an update or delete of a row fails, on SQLite and PostgreSQL.

The function that PostgreSQL's trigger calls comes with the decision log's. SQLite drops a table's triggers when Django rebuilds
the table, as most alterations of it do: such a migration must make them anew.
"""

from django.db import migrations

POSTGRESQL = """
CREATE TRIGGER snapshot_append_only BEFORE UPDATE OR DELETE ON oversight_snapshot
FOR EACH ROW EXECUTE FUNCTION govtrack_append_only();
"""
SQLITE = """
CREATE TRIGGER snapshot_append_only_{event} BEFORE {event} ON oversight_snapshot
BEGIN SELECT RAISE(ABORT, 'rows of oversight_snapshot are append-only'); END
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for event in ("UPDATE", "DELETE"):
            schema_editor.execute(SQLITE.format(event=event))


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER IF EXISTS snapshot_append_only ON oversight_snapshot")
    else:
        for event in ("UPDATE", "DELETE"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS snapshot_append_only_{event}")


class Migration(migrations.Migration):
    dependencies = [
        ("oversight", "0001_snapshots_and_exports"),
        ("subscriptions", "0004_decisions_are_append_only"),
    ]
    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
