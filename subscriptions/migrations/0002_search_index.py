"""The index that serves searches on PostgreSQL, also for words of two syllables; SQLite reads the rows instead."""

from django.db import migrations

# The cost is true: computing pairs for each row of a large table takes a minute, so the planner must not choose to. Restricted,
# because starting parallel workers takes longer than any search that the index serves.
FORWARDS = """
CREATE FUNCTION govtrack_bigrams(body text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL RESTRICTED COST 2000 AS $$
    -- The characters beside those that follow them: a third of the time that a substr() for each pair takes.
    SELECT COALESCE(array_agg(former || latter), '{}')
    FROM unnest(string_to_array(body, NULL), string_to_array(substr(body, 2), NULL)) AS pair (former, latter)
    WHERE latter IS NOT NULL
$$;
CREATE INDEX facts_search_bigrams ON subscriptions_facts USING gin (govtrack_bigrams(search));
"""
BACKWARDS = """
DROP INDEX IF EXISTS facts_search_bigrams;
DROP FUNCTION IF EXISTS govtrack_bigrams(text);
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FORWARDS)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACKWARDS)


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
