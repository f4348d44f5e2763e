"""Indexes of the subscriptions without any payment and of when those to be paid for are in force."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agencies', '0002_rechecks_of_waivers_and_everything'),
        ('catalog', '0001_initial'),
        ('sources', '0001_initial'),
        ('subscriptions', "0011_imports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='paidbysubscription',
            index=models.Index(condition=models.Q(('payments', 0), ('status__in', ['approved', 'active', 'ended']), ('unknown', 0)), fields=['subscription'], name='subscription_without_payment'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('status__in', ['approved', 'active', 'ended'])), fields=['id'], include=('agency', 'product', 'started_on', 'ends_on'), name='subscription_to_be_paid_for'),
        ),
    ]
