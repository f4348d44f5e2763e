"""At most one version of a policy is in force on any day: the database refuses an overlap, on SQLite and PostgreSQL."""

from django.db import migrations

POSTGRESQL = """
ALTER TABLE policies_policyversion ADD CONSTRAINT policy_version_one_in_force
EXCLUDE USING gist (
    int8range(policy_id, policy_id, '[]') WITH &&,
    daterange(effective_from, effective_until, '[]') WITH &&
) WHERE (status = 'in_force') DEFERRABLE INITIALLY IMMEDIATE
"""

SQLITE = """
CREATE TRIGGER policy_version_one_in_force_{event} BEFORE {event} ON policies_policyversion
WHEN NEW.status = 'in_force' AND EXISTS (
    SELECT 1 FROM policies_policyversion AS other
    WHERE other.policy_id = NEW.policy_id AND other.id IS NOT NEW.id AND other.status = 'in_force'
    AND NEW.effective_from <= COALESCE(other.effective_until, '9999-12-31')
    AND other.effective_from <= COALESCE(NEW.effective_until, '9999-12-31')
)
BEGIN SELECT RAISE(ABORT, 'policy_version_one_in_force'); END
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
    else:
        for event in ("INSERT", "UPDATE"):
            schema_editor.execute(SQLITE.format(event=event))


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE policies_policyversion DROP CONSTRAINT policy_version_one_in_force")
    else:
        for event in ("INSERT", "UPDATE"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS policy_version_one_in_force_{event}")


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
