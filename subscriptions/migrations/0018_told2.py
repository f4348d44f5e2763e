"""Exchange rates are one more kind of file that is imported."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("subscriptions", "0017_history_indexes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="fileimport",
            name="kind",
            field=models.CharField(choices=[("subscriptions", "Subscriptions with their prices"), ("payments", "Payments of subscriptions"), ("agencies", "Agencies"), ("rates", "Exchange rates")], default="subscriptions", max_length=20, verbose_name="what it holds"),
        ),
        migrations.AlterField(
            model_name="knownheader",
            name="kind",
            field=models.CharField(choices=[("subscriptions", "Subscriptions with their prices"), ("payments", "Payments of subscriptions"), ("agencies", "Agencies"), ("rates", "Exchange rates")], max_length=20, verbose_name="what it holds"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="kind",
            field=models.CharField(choices=[("subscriptions", "Subscriptions with their prices"), ("payments", "Payments of subscriptions"), ("agencies", "Agencies"), ("rates", "Exchange rates")], max_length=20, verbose_name="what it holds"),
        ),
    ]
