"""Collection rounds. Returns and the events of a round are append-only in the database itself, on SQLite and PostgreSQL.

The function that PostgreSQL's triggers call comes with the decision log's. A migration that alters either table must make its
triggers anew on SQLite, which drops them when Django rebuilds the table.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


TABLES = ("oversight_return", "oversight_roundevent")
POSTGRESQL = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION govtrack_append_only();
"""
SQLITE = """
CREATE TRIGGER {table}_append_only_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, 'rows of {table} are append-only'); END
"""


def create_triggers(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(POSTGRESQL.format(table=table), params=None)
        else:
            for event in ("UPDATE", "DELETE"):
                schema_editor.execute(SQLITE.format(table=table, event=event))


def drop_triggers(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        else:
            for event in ("UPDATE", "DELETE"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only_{event}")


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0002_rechecks_of_waivers_and_everything'),
        ('oversight', '0002_snapshots_are_append_only'),
        ('sources', '0002_prepared_sources'),
        ('subscriptions', '0004_decisions_are_append_only'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('answer', models.CharField(choices=[('waiting', 'Waiting'), ('reported', 'Reported'), ('nil', 'Nil return'), ('cannot_say', 'Cannot say')], max_length=10, verbose_name='answer')),
                ('category', models.CharField(blank=True, choices=[('', '–'), ('incomplete', 'The records are not complete yet'), ('undetermined', 'It cannot be found out any more'), ('withheld', 'It may not be disclosed'), ('other', 'Another reason')], default='', max_length=12, verbose_name='kind of reason')),
                ('reason', models.TextField(blank=True, max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='reason')),
                ('document', models.TextField(verbose_name='document')),
                ('sha256', models.CharField(max_length=64, verbose_name='hash')),
                ('filed_at', models.DateTimeField(verbose_name='filed at')),
                ('filed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to=settings.AUTH_USER_MODEL, verbose_name='filed by')),
            ],
            options={
                'verbose_name': 'return',
                'verbose_name_plural': 'returns',
                'ordering': ['asked', '-number'],
            },
        ),
        migrations.CreateModel(
            name='Round',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title_ko', models.CharField(max_length=100, verbose_name='title in Korean')),
                ('title_en', models.CharField(max_length=100, verbose_name='title in English')),
                ('explanation_ko', models.TextField(blank=True, max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='explanation in Korean')),
                ('explanation_en', models.TextField(blank=True, max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='explanation in English')),
                ('period_from', models.DateField(verbose_name='period from')),
                ('period_until', models.DateField(help_text='The last day, included.', verbose_name='period until')),
                ('due_on', models.DateField(help_text='The last day for an answer.', verbose_name='due on')),
                ('kinds', models.JSONField(blank=True, default=list, verbose_name='kinds of agency')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('open', 'Open'), ('closed', 'Closed'), ('cancelled', 'Cancelled')], default='draft', max_length=10, verbose_name='status')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at')),
                ('opened_at', models.DateTimeField(blank=True, null=True, verbose_name='opened at')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('asks_all_governments', models.BooleanField(default=False, help_text='Only then pages may show its report first.', verbose_name='asks all governments')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='version')),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rounds', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('scope', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rounds', to='agencies.agency', verbose_name='agency and all below')),
                ('source', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='round', to='sources.source', verbose_name='source')),
            ],
            options={
                'verbose_name': 'collection round',
                'verbose_name_plural': 'collection rounds',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RoundAgency',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('answer', models.CharField(choices=[('waiting', 'Waiting'), ('reported', 'Reported'), ('nil', 'Nil return'), ('cannot_say', 'Cannot say')], default='waiting', max_length=10, verbose_name='answer')),
                ('agency', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='asked_in_rounds', to='agencies.agency', verbose_name='agency')),
                ('current', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='current_of', to='oversight.return', verbose_name='latest return')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='asked', to='oversight.round', verbose_name='collection round')),
            ],
            options={
                'verbose_name': 'agency asked',
                'verbose_name_plural': 'agencies asked',
                'ordering': ['round', 'agency__path'],
            },
        ),
        migrations.AddField(
            model_name='return',
            name='asked',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='oversight.roundagency', verbose_name='agency asked'),
        ),
        migrations.CreateModel(
            name='RoundEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('act', models.CharField(choices=[('created', 'Created'), ('changed', 'Changed'), ('opened', 'Opened'), ('due_changed', 'Due date changed'), ('reminded', 'Reminded'), ('closed', 'Closed'), ('cancelled', 'Cancelled'), ('published', 'Published')], max_length=12, verbose_name='act')),
                ('reason', models.TextField(blank=True, max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='reason')),
                ('details', models.JSONField(blank=True, default=dict, verbose_name='details')),
                ('done_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
                ('done_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='round_events', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='oversight.round', verbose_name='collection round')),
            ],
            options={
                'verbose_name': 'event of a round',
                'verbose_name_plural': 'events of rounds',
                'ordering': ['-pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(('period_until__gte', models.F('period_from'))), name='round_period_in_order', violation_error_message='The period ends before it begins.'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'open', 'closed', 'cancelled'])), name='round_status_known'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('source__isnull', False), ('status', 'closed')), models.Q(models.Q(('status', 'closed'), _negated=True), ('source__isnull', True)), _connector='OR'), name='round_source_when_closed'),
        ),
        migrations.AddIndex(
            model_name='roundagency',
            index=models.Index(fields=['round', 'answer'], name='round_agency_by_answer'),
        ),
        migrations.AddConstraint(
            model_name='roundagency',
            constraint=models.UniqueConstraint(fields=('round', 'agency'), name='round_asks_an_agency_once'),
        ),
        migrations.AddConstraint(
            model_name='roundagency',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer', 'waiting'), ('current__isnull', True)), models.Q(('answer__in', ['reported', 'nil', 'cannot_say']), ('current__isnull', False)), _connector='OR'), name='round_agency_waits_without_return'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.UniqueConstraint(fields=('asked', 'number'), name='return_number_once'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(('answer__in', ['reported', 'nil', 'cannot_say'])), name='return_answer_known'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer', 'cannot_say'), models.Q(('category', ''), _negated=True), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('answer', 'cannot_say'), _negated=True), ('category', ''), ('reason', '')), _connector='OR'), name='return_reason_when_it_cannot_say'),
        ),
        migrations.RunPython(create_triggers, drop_triggers, elidable=False),
    ]
