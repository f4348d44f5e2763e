"""Records decided on, comments struck out and attachments removed get numbers of their own, in the order in which they came.

So they can be sealed. Their triggers go with the old tables; the trail makes them anew after the migrations (`audit.triggers`).
"""

import itertools

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def moved(old, new, at):
    """The rows of one table into another, the oldest first."""

    def move(apps, schema_editor):
        before, after = apps.get_model("subscriptions", old), apps.get_model("subscriptions", new)
        names = [field.attname for field in before._meta.concrete_fields if field.attname != "id"]
        rows = before.objects.order_by(at, "pk").values(*names).iterator(chunk_size=500)
        while some := [after(**values) for values in itertools.islice(rows, 500)]:
            after.objects.bulk_create(some)
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    return migrations.RunPython(move, migrations.RunPython.noop, elidable=True)


def long_text(label):
    return models.TextField(
        max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name=label
    )


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0014_dates_of_unpaid"),
        ("audit", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NumberedDecidedRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "content",
                    models.JSONField(help_text="See `subscriptions.differences`.", verbose_name="record"),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subscriptions.decision",
                    ),
                ),
            ],
            options={
                "verbose_name": "record that was decided on",
                "verbose_name_plural": "records that were decided on",
            },
        ),
        migrations.CreateModel(
            name="NumberedStruckComment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("note", long_text("note")),
                ("struck_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                (
                    "comment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subscriptions.comment",
                        verbose_name="comment",
                    ),
                ),
            ],
            options={
                "verbose_name": "comment struck out",
                "verbose_name_plural": "comments struck out",
            },
        ),
        migrations.CreateModel(
            name="NumberedRemovedAttachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", long_text("reason")),
                ("removed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                (
                    "attachment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subscriptions.attachment",
                        verbose_name="attachment",
                    ),
                ),
                (
                    "removed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "attachment removed",
                "verbose_name_plural": "attachments removed",
            },
        ),
        moved("DecidedRecord", "NumberedDecidedRecord", "decision_id"),
        moved("StruckComment", "NumberedStruckComment", "struck_at"),
        moved("RemovedAttachment", "NumberedRemovedAttachment", "removed_at"),
        migrations.DeleteModel("DecidedRecord"),
        migrations.DeleteModel("StruckComment"),
        migrations.DeleteModel("RemovedAttachment"),
        migrations.RenameModel("NumberedDecidedRecord", "DecidedRecord"),
        migrations.RenameModel("NumberedStruckComment", "StruckComment"),
        migrations.RenameModel("NumberedRemovedAttachment", "RemovedAttachment"),
        migrations.AlterField(
            "decidedrecord",
            "decision",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="record",
                to="subscriptions.decision",
            ),
        ),
        migrations.AlterField(
            "struckcomment",
            "comment",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="struck",
                to="subscriptions.comment",
                verbose_name="comment",
            ),
        ),
        migrations.AlterField(
            "removedattachment",
            "attachment",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="removal",
                to="subscriptions.attachment",
                verbose_name="attachment",
            ),
        ),
        migrations.AlterField(
            "removedattachment",
            "removed_by",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attachments_removed",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
    ]
