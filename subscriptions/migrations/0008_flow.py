"""The life of a subscription: reopened approvals, comments, attachments, handovers, and what was decided on.

What only grows is append-only in the database itself, as the decision log is; the function that PostgreSQL's triggers call comes
with that. SQLite drops a table's triggers when Django rebuilds the table: a migration that alters one of these makes them anew.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = (
    "decidedrecord",
    "comment",
    "struckcomment",
    "attachment",
    "removedattachment",
    "handover",
    "handedover",
)
POSTGRESQL = """
CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON subscriptions_{name}
FOR EACH ROW EXECUTE FUNCTION govtrack_append_only();
"""
SQLITE = """
CREATE TRIGGER {name}_append_only_{event} BEFORE {event} ON subscriptions_{name}
BEGIN SELECT RAISE(ABORT, 'rows of subscriptions_{name} are append-only'); END
"""


def forwards(apps, schema_editor):
    for name in APPEND_ONLY:
        if schema_editor.connection.vendor == "postgresql":
            # A trigger is not made on a table that still has constraints to check.
            schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            schema_editor.execute(POSTGRESQL.format(name=name), params=None)
        else:
            for event in ("UPDATE", "DELETE"):
                schema_editor.execute(SQLITE.format(name=name, event=event))


def backwards(apps, schema_editor):
    for name in APPEND_ONLY:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}_append_only ON subscriptions_{name}")
        else:
            for event in ("UPDATE", "DELETE"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}_append_only_{event}")


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0002_rechecks_of_waivers_and_everything'),
        ('catalog', '0001_initial'),
        ('policies', '0003_drafting_and_renewal'),
        ('sources', '0001_initial'),
        ('subscriptions', '0007_imports_of_files'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='file')),
                ('kind', models.CharField(max_length=8, verbose_name='kind of file')),
                ('size', models.PositiveBigIntegerField(help_text='Bytes.', verbose_name='size')),
                ('sha256', models.CharField(max_length=64, verbose_name='hash')),
                ('stored_as', models.CharField(max_length=80, unique=True, verbose_name='stored as')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what it is')),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'ordering': ['-added_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='comment')),
                ('written_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
            ],
            options={
                'verbose_name': 'comment',
                'verbose_name_plural': 'comments',
                'ordering': ['-written_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='DecidedRecord',
            fields=[
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='record', serialize=False, to='subscriptions.decision')),
                ('content', models.JSONField(help_text='See `subscriptions.differences`.', verbose_name='record')),
            ],
            options={
                'verbose_name': 'record that was decided on',
                'verbose_name_plural': 'records that were decided on',
            },
        ),
        migrations.CreateModel(
            name='HandedOver',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'verbose_name': 'piece of work handed over',
                'verbose_name_plural': 'pieces of work handed over',
                'ordering': ['handover', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decided_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
                ('reason', models.TextField(max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='reason')),
            ],
            options={
                'verbose_name': 'handover',
                'verbose_name_plural': 'handovers',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Reopening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('causes', models.JSONField(default=list, help_text='See `subscriptions.material`.', verbose_name='what grew')),
                ('before', models.JSONField(verbose_name='record before the change')),
                ('ended_approvals', models.JSONField(default=list, verbose_name="officers' approvals that the change ended")),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='opened at')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('closed_as', models.CharField(blank=True, choices=[('approved', 'The change was approved'), ('refused', 'The change was refused and put back'), ('undone', 'The change was taken back'), ('over', 'The subscription is over')], max_length=8, verbose_name='closed because')),
            ],
            options={
                'verbose_name': 'reopened approval',
                'verbose_name_plural': 'reopened approvals',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Responsible',
            fields=[
                ('subscription', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='responsible', serialize=False, to='subscriptions.subscription', verbose_name='subscription')),
                ('since', models.DateTimeField(default=django.utils.timezone.now, verbose_name='since')),
            ],
            options={
                'verbose_name': 'person who looks after a request',
                'verbose_name_plural': 'persons who look after requests',
            },
        ),
        migrations.AlterField(
            model_name='decision',
            name='act',
            field=models.CharField(choices=[('record', 'Record'), ('declare', 'Record as already in use'), ('request', 'Request'), ('change', 'Change'), ('officer_approve', "Policy officer's approval"), ('approve', 'Approve'), ('activate', 'Activate'), ('refuse', 'Refuse'), ('end', 'End'), ('void', 'Declare void'), ('withdraw', 'Withdraw the request'), ('reopen', 'Bring back as a draft')], max_length=16, verbose_name='act'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('contract_number', ''), _negated=True), fields=['contract_number', 'reseller'], name='subscription_of_contract'),
        ),
        migrations.AddField(
            model_name='attachment',
            name='added_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to=settings.AUTH_USER_MODEL, verbose_name='by'),
        ),
        migrations.AddField(
            model_name='attachment',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='subscriptions.subscription', verbose_name='subscription'),
        ),
        migrations.CreateModel(
            name='StruckComment',
            fields=[
                ('comment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='struck', serialize=False, to='subscriptions.comment', verbose_name='comment')),
                ('note', models.TextField(max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='note')),
                ('struck_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
            ],
            options={
                'verbose_name': 'comment struck out',
                'verbose_name_plural': 'comments struck out',
            },
        ),
        migrations.AddField(
            model_name='comment',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='subscriptions.subscription', verbose_name='subscription'),
        ),
        migrations.AddField(
            model_name='comment',
            name='written_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to=settings.AUTH_USER_MODEL, verbose_name='by'),
        ),
        migrations.AddField(
            model_name='handedover',
            name='finding',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='handed_over', to='subscriptions.finding', verbose_name='finding'),
        ),
        migrations.AddField(
            model_name='handedover',
            name='subscription',
            field=models.ForeignKey(help_text='Of a finding, the one that it is about; of a waiver none.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='handed_over', to='subscriptions.subscription', verbose_name='subscription'),
        ),
        migrations.AddField(
            model_name='handedover',
            name='waiver',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='handed_over', to='policies.waiver', verbose_name='waiver'),
        ),
        migrations.AddField(
            model_name='handover',
            name='agency',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers', to='agencies.agency', verbose_name='agency'),
        ),
        migrations.AddField(
            model_name='handover',
            name='decided_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers_decided', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='handover',
            name='given_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers_given', to=settings.AUTH_USER_MODEL, verbose_name='from whom'),
        ),
        migrations.AddField(
            model_name='handover',
            name='taken_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers_taken', to=settings.AUTH_USER_MODEL, verbose_name='to whom'),
        ),
        migrations.AddField(
            model_name='handedover',
            name='handover',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pieces', to='subscriptions.handover', verbose_name='handover'),
        ),
        migrations.AddField(
            model_name='reopening',
            name='opened_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reopenings', to=settings.AUTH_USER_MODEL, verbose_name='changed by'),
        ),
        migrations.AddField(
            model_name='reopening',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reopenings', to='subscriptions.subscription', verbose_name='subscription'),
        ),
        migrations.AddField(
            model_name='responsible',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='looks_after', to=settings.AUTH_USER_MODEL, verbose_name='looked after by'),
        ),
        migrations.CreateModel(
            name='RemovedAttachment',
            fields=[
                ('attachment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='removal', serialize=False, to='subscriptions.attachment', verbose_name='attachment')),
                ('reason', models.TextField(max_length=2000, validators=[django.core.validators.MaxLengthValidator(2000)], verbose_name='reason')),
                ('removed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
                ('removed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments_removed', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'attachment removed',
                'verbose_name_plural': 'attachments removed',
            },
        ),
        migrations.AddConstraint(
            model_name='handover',
            constraint=models.CheckConstraint(condition=models.Q(('given_by', models.F('taken_by')), _negated=True), name='handover_to_somebody_else', violation_error_message='Work is handed over to another person.'),
        ),
        migrations.AddConstraint(
            model_name='reopening',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('subscription',), name='reopening_once_until_closed'),
        ),
        migrations.AddConstraint(
            model_name='reopening',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_as', ''), ('closed_at__isnull', True)), models.Q(('closed_at__isnull', False), models.Q(('closed_as', ''), _negated=True)), _connector='OR'), name='reopening_closed_as_something'),
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
    ]
