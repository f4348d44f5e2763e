"""An index of the subscriptions whose cost lacks an exchange rate, so that sums tell these from what nobody has given."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0012_payment_index")]

    operations = [
        migrations.AddIndex(
            model_name="factsorigin",
            index=models.Index(
                fields=["subscription"],
                name="facts_origin_rate_missing",
                condition=Q(rates__endswith="=") | Q(rates__contains="= "),
            ),
        )
    ]
