"""An index of the subscriptions without any payment, and how few these are.

PostgreSQL takes the three conditions for independent of each other: it expects three times as many, and then reads all
subscriptions rather than these.
"""

from django.db import migrations, models

NAME = "subscription_without_payment"


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE STATISTICS {NAME} (mcv) ON payments, unknown, status FROM subscriptions_paidbysubscription"
        )


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP STATISTICS {NAME}")


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0007_imports_of_files"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="paidbysubscription",
            index=models.Index(
                condition=models.Q(
                    ("payments", 0), ("status__in", ["approved", "active", "ended"]), ("unknown", 0)
                ),
                fields=["subscription"],
                name=NAME,
            ),
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
    ]
