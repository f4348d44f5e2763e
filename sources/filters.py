"""What a reader can narrow the statements of a source down to."""

import django_filters
from django.utils.translation import gettext_lazy as _

from figures.standing import Standing
from sources.models import Statement


class StatementFilter(django_filters.FilterSet):
    measure = django_filters.ChoiceFilter(
        choices=Statement.Measure.choices, label=_("Measure"), empty_label=_("All")
    )
    standing = django_filters.ChoiceFilter(
        choices=Standing.choices, label=_("Standing"), empty_label=_("All")
    )

    class Meta:
        model = Statement
        fields = ["measure", "standing"]
