"""When a subscription without any payment is in force is kept beside what it is tallied as, in place of an index of a million."""

from django.db import migrations, models

from subscriptions.tally_sql import KEPT, SUBSCRIPTIONS, TALLIED_AS, create_triggers, drop_triggers


def forwards(apps, schema_editor):
    drop_triggers(schema_editor)
    create_triggers(schema_editor)  # which locks out all other writers until this transaction ends
    schema_editor.execute(
        f"UPDATE {KEPT} AS t SET started_on = s.started_on, ends_on = s.ends_on FROM {SUBSCRIPTIONS} AS s"
        " WHERE s.id = t.subscription_id AND (s.started_on IS NOT NULL OR s.ends_on IS NOT NULL)",
        params=None,
    )


def backwards(apps, schema_editor):
    drop_triggers(schema_editor)
    create_triggers(schema_editor, TALLIED_AS)


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0004_invitations'),
        ('catalog', '0001_initial'),
        ('subscriptions', '0013_rate_missing'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='paidbysubscription',
            name='subscription_without_payment',
        ),
        migrations.RemoveIndex(
            model_name='subscription',
            name='subscription_to_be_paid_for',
        ),
        migrations.AddField(
            model_name='paidbysubscription',
            name='ends_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='paidbysubscription',
            name='started_on',
            field=models.DateField(null=True),
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
        migrations.AddIndex(
            model_name='paidbysubscription',
            index=models.Index(condition=models.Q(('payments', 0), ('status__in', ['approved', 'active', 'ended']), ('unknown', 0)), fields=['subscription'], include=('agency', 'product', 'data_class', 'provenance', 'status', 'started_on', 'ends_on'), name='subscription_without_payment'),
        ),
    ]
