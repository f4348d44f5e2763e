"""Who prepares a source that is not published yet, and sees it until then."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0002_rechecks_of_waivers_and_everything'),
        ('sources', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalsource',
            name='prepared_by',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='Until it is published, the committee members and policy officers of this agency, or of one above, see it too.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='agencies.agency', verbose_name='prepared by'),
        ),
        migrations.AddField(
            model_name='source',
            name='prepared_by',
            field=models.ForeignKey(blank=True, help_text='Until it is published, the committee members and policy officers of this agency, or of one above, see it too.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sources_prepared', to='agencies.agency', verbose_name='prepared by'),
        ),
    ]
