"""Large rounds are closed in the background."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oversight', '0003_rounds'),
        ('sources', '0002_prepared_sources'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RoundClosing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', max_length=10, verbose_name='state')),
                ('problem', models.TextField(blank=True, verbose_name='problem')),
                ('attempt', models.PositiveIntegerField(default=1, verbose_name='attempt')),
                ('language', models.CharField(default='ko', max_length=10, verbose_name='language')),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='changed at')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='round_closings', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('report', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sources.report', verbose_name='report')),
                ('round', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='closing', to='oversight.round', verbose_name='collection round')),
            ],
            options={
                'verbose_name': 'closing of a round',
                'verbose_name_plural': 'closings of rounds',
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'done', 'failed'])), name='round_closing_state_known')],
            },
        ),
    ]
