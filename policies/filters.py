"""What a reader can narrow the list of policies down to."""

from __future__ import annotations

import datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency
from policies.composing import fact_choices
from policies.models import PolicyVersion
from policies.verdicts import Effect

Status = PolicyVersion.Status
STATES = [
    ("draft", _("Draft")),
    ("pending", _("Still to come into force")),
    ("in_force", _("In force")),
    ("ended", _("No longer in force")),
]
TEXTS = ("title", "rationale", "authority", "legal_basis", "remedy")


class AgencyFilter(django_filters.Filter):
    field_class = AgencyField


class PolicyFilter(django_filters.FilterSet):
    """Narrows versions on the day `on`; the list shows the policies of those that are left."""

    q = django_filters.CharFilter(
        method="search",
        label=_("Search"),
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = django_filters.ChoiceFilter(
        method="in_state", choices=STATES, label=_("Status"), empty_label=_("All")
    )
    effect = django_filters.ChoiceFilter(choices=Effect.choices, label=_("Effect"), empty_label=_("All"))
    agency = AgencyFilter(method="at", label=_("Owned by or applying to"))
    fact = django_filters.ChoiceFilter(
        method="about",
        choices=lambda: fact_choices()[1:],
        label=_("Fact that it judges"),
        empty_label=_("All"),
    )

    class Meta:
        model = PolicyVersion
        fields: list[str] = []

    def __init__(self, data: Any, queryset: QuerySet, *, request: HttpRequest, on: datetime.date) -> None:
        super().__init__(data, queryset, request=request)
        self.on = on

    def get_form_class(self) -> Any:
        form_class = super().get_form_class()
        user = self.request.user

        class OfferingForm(form_class):  # type: ignore[valid-type,misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["agency"].offer(Agency.objects.visible_to(user))

        return OfferingForm

    @property
    def in_use(self) -> int:
        return sum(1 for value in self.form.cleaned_data.values() if value) if self.is_valid() else 0

    def search(self, versions: QuerySet, name: str, text: str) -> QuerySet:
        found = Q(policy__code__icontains=text)
        for field in TEXTS:
            found |= Q(**{f"{field}_ko__icontains": text}) | Q(**{f"{field}_en__icontains": text})
        return versions.filter(found)

    def in_state(self, versions: QuerySet, name: str, state: str) -> QuerySet:
        judging = Q(status=Status.IN_FORCE)
        over = Q(status=Status.RETIRED) | judging & Q(effective_until__lt=self.on)
        return versions.filter(
            {
                "draft": Q(status=Status.DRAFT),
                "pending": judging & Q(effective_from__gt=self.on),
                "in_force": judging & Q(effective_from__lte=self.on) & ~Q(effective_until__lt=self.on),
                "ended": over,
            }[state]
        )

    def at(self, versions: QuerySet, name: str, agency: Agency) -> QuerySet:
        """Those that this agency owns, and those that hold there: their scope is the agency or one above."""
        above = agency.path.strip("/").split("/")
        return versions.filter(Q(policy__owner=agency) | Q(scope__code__in=above))

    def about(self, versions: QuerySet, name: str, fact: str) -> QuerySet:
        return versions.filter(conditions__fact=fact).distinct()
