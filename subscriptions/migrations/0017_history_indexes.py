"""History is not looked up by these columns. SQLite makes its tables anew; their triggers come back after the migrations."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0005_sso'),
        ('catalog', '0001_initial'),
        ('policies', '0003_drafting_and_renewal'),
        ('sources', '0002_prepared_sources'),
        ('subscriptions', '0016_search_own_text'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='historicalfinding',
            name='assigned_to',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='assigned to'),
        ),
        migrations.AlterField(
            model_name='historicalfinding',
            name='policy',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policy', verbose_name='policy'),
        ),
        migrations.AlterField(
            model_name='historicalfinding',
            name='policy_version',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion', verbose_name='policy version'),
        ),
        migrations.AlterField(
            model_name='historicalfinding',
            name='waiver',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.waiver', verbose_name='waiver'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='agency',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='The agency that uses the tool.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency', verbose_name='agency'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='ends_on',
            field=models.DateField(blank=True, help_text='The last day in force.', null=True, verbose_name='ends on'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='payer',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='Only when another agency pays.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency', verbose_name='payer'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='product',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalog.product', verbose_name='AI tool'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='recorded_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='recorded by'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='reference',
            field=models.CharField(editable=False, help_text='Agency code, year and number; it never changes.', max_length=40, verbose_name='reference'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='started_on',
            field=models.DateField(blank=True, null=True, verbose_name='starts on'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='statement',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sources.statement', verbose_name='statement it is taken from'),
        ),
        migrations.AlterField(
            model_name='historicalsubscription',
            name='submission',
            field=models.UUIDField(blank=True, editable=False, null=True, verbose_name='submission'),
        ),
    ]
