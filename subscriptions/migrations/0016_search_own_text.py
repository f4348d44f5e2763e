"""The index of searches holds what a subscription says itself, and no more the names that it shares with thousands of others.

Those of agencies get an index of their own. A text that was written before has no mark between the two and is in the index as a
whole, until it is next made.
"""

from django.db import migrations, models

FORWARDS = r"""
DROP INDEX facts_search_pairs;
CREATE INDEX facts_search_own ON subscriptions_facts USING gin ((govtrack_pairs(split_part(search, E'\x1f', 1)) COLLATE "C"));
CREATE INDEX agency_names_pairs ON agencies_agency
USING gin ((govtrack_pairs(split_part(lower(name_ko || E'\n' || name_en), E'\x1f', 1)) COLLATE "C"));
"""
BACKWARDS = """
DROP INDEX IF EXISTS facts_search_own;
DROP INDEX IF EXISTS agency_names_pairs;
CREATE INDEX facts_search_pairs ON subscriptions_facts USING gin ((govtrack_pairs(search) COLLATE "C"));
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FORWARDS, params=None)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACKWARDS, params=None)


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0015_life_sealed")]
    operations = [
        migrations.RunPython(forwards, backwards),
        migrations.AddIndex("facts", models.Index(fields=["product"], name="facts_product")),
    ]
