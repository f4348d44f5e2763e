"""The decision log is append-only in the database itself: an update or delete of a row fails, on SQLite and PostgreSQL."""

from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION govtrack_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON subscriptions_decision
FOR EACH ROW EXECUTE FUNCTION govtrack_append_only();
"""
POSTGRESQL_BACK = """
DROP TRIGGER IF EXISTS decision_append_only ON subscriptions_decision;
DROP FUNCTION IF EXISTS govtrack_append_only();
"""
SQLITE = """
CREATE TRIGGER decision_append_only_{event} BEFORE {event} ON subscriptions_decision
BEGIN SELECT RAISE(ABORT, 'rows of subscriptions_decision are append-only'); END
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        for event in ("UPDATE", "DELETE"):
            schema_editor.execute(SQLITE.format(event=event))


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL_BACK)
    else:
        for event in ("UPDATE", "DELETE"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS decision_append_only_{event}")


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_totals_and_following_up")]
    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
