"""Tallies of payments, the triggers that keep them, and their first count.

SQLite drops a table's triggers when Django makes the table anew, as it does to alter a field or a constraint: a later migration
that alters `Payment` or `Subscription` ends with `drop_triggers` and `create_triggers`.
"""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

from subscriptions.tally_sql import TALLIED_AS, create_triggers, drop_triggers, recount_statements


def forwards(apps, schema_editor):
    create_triggers(schema_editor, TALLIED_AS)  # which locks out all other writers until this transaction ends
    for statement in recount_statements(schema_editor.connection.vendor, TALLIED_AS):
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    drop_triggers(schema_editor)


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0002_rechecks_of_waivers_and_everything'),
        ('catalog', '0001_initial'),
        ('subscriptions', '0005_origins_of_facts_and_checks'),
    ]

    operations = [
        migrations.CreateModel(
            name='PaidByAgency',
            fields=[
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('silent', models.IntegerField(default=0)),
                ('agency', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='agencies.agency')),
            ],
            options={
                'verbose_name': 'paid by an agency',
                'verbose_name_plural': 'paid by agencies',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidByAgencyMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('month', models.DateField()),
                ('agency', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency')),
            ],
            options={
                'verbose_name': 'paid by an agency in a month',
                'verbose_name_plural': 'paid by agencies in months',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidByProduct',
            fields=[
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('silent', models.IntegerField(default=0)),
                ('product', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='catalog.product')),
            ],
            options={
                'verbose_name': 'paid for a tool',
                'verbose_name_plural': 'paid for tools',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidByProductMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('month', models.DateField()),
                ('product', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalog.product')),
            ],
            options={
                'verbose_name': 'paid for a tool in a month',
                'verbose_name_plural': 'paid for tools in months',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidInDetail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('month', models.DateField()),
                ('status', models.CharField(max_length=10)),
                ('data_class', models.CharField(max_length=12)),
                ('provenance', models.CharField(max_length=10)),
                ('product', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalog.product')),
            ],
            options={
                'verbose_name': 'paid for a tool in a month, in detail',
                'verbose_name_plural': 'paid for tools in months, in detail',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidBySubscription',
            fields=[
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('subscription', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='paid', serialize=False, to='subscriptions.subscription')),
                ('status', models.CharField(max_length=10, null=True)),
                ('data_class', models.CharField(max_length=12, null=True)),
                ('provenance', models.CharField(max_length=10, null=True)),
                ('agency', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency')),
                ('product', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalog.product')),
            ],
            options={
                'verbose_name': 'paid for a subscription',
                'verbose_name_plural': 'paid for subscriptions',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='PaidChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('won', models.BigIntegerField(default=0)),
                ('payments', models.IntegerField(default=0)),
                ('unknown', models.IntegerField(default=0)),
                ('silent', models.IntegerField(default=0)),
                ('status', models.CharField(max_length=10)),
                ('data_class', models.CharField(max_length=12)),
                ('provenance', models.CharField(max_length=10)),
                ('month', models.DateField(null=True)),
                ('agency', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency')),
                ('product', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalog.product')),
            ],
            options={
                'verbose_name': 'change of what is paid',
                'verbose_name_plural': 'changes of what is paid',
                'abstract': False,
                'base_manager_name': 'left_out',
                'default_manager_name': 'left_out',
            },
            managers=[
                ('left_out', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('won__isnull', True), ('won__range', (-1000000000000000, 1000000000000000)), _connector='OR'), name='payment_can_be_added_up', violation_error_message='A payment is at most 1,000 trillion won.'),
        ),
        migrations.AddConstraint(
            model_name='paidbyagencymonth',
            constraint=models.UniqueConstraint(fields=('agency', 'month'), name='paid_by_agency_once_a_month'),
        ),
        migrations.AddConstraint(
            model_name='paidbyproductmonth',
            constraint=models.UniqueConstraint(fields=('product', 'month'), name='paid_by_product_once_a_month'),
        ),
        migrations.AddConstraint(
            model_name='paidindetail',
            constraint=models.UniqueConstraint(fields=('product', 'month', 'status', 'data_class', 'provenance'), name='paid_in_detail_once_a_month'),
        ),
        migrations.AddIndex(
            model_name='paidbyagencymonth',
            index=models.Index(fields=['month'], name='paid_by_agency_in_month'),
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
    ]
