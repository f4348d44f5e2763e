"""How an auditor narrows events and changes: who, what kind, when, about what, from where."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.changes import KINDS, choices, history_of, kept
from audit.models import Event


class TrailFilter(forms.Form):
    """What both have: who, and from which day to which, in the register's time zone and both included."""

    by = forms.CharField(label=_("By"), max_length=150, required=False, help_text=_("Part of the user name."))
    since = forms.DateField(
        label=_("From day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("since") and given.get("until") and given["until"] < given["since"]:
            self.add_error("until", _("The last day is before the first."))
        return given

    @property
    def in_use(self) -> int:
        """How many filters narrow the list."""
        return sum(1 for value in self.cleaned_data.values() if value) if self.is_valid() else 0

    def within(self, rows: QuerySet, at: str, by: str) -> QuerySet:
        """The rows of these days and this person; `at` and `by` are the fields that hold them."""
        given = self.cleaned_data
        if given["by"]:
            rows = rows.filter(**{f"{by}__icontains": given["by"]})
        if given["since"]:
            rows = rows.filter(**{f"{at}__gte": _midnight(given["since"])})
        if given["until"] and given["until"] < datetime.date.max:
            rows = rows.filter(**{f"{at}__lt": _midnight(given["until"] + datetime.timedelta(days=1))})
        return rows


class EventFilter(TrailFilter):
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("All")), *Event.Kind.choices], required=False)
    about = forms.CharField(
        label=_("Object"), max_length=200, required=False, help_text=_("Part of its name, or its number.")
    )
    address = forms.GenericIPAddressField(label=_("Address"), required=False)

    field_order = ("by", "kind", "since", "until", "about", "address")

    def narrow(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """The events that meet all that is given."""
        given = self.cleaned_data
        events = self.within(events, "at", "actor")
        if given["kind"]:
            events = events.filter(kind=given["kind"])
        if given["about"]:
            events = events.filter(Q(about__icontains=given["about"]) | Q(about_id=given["about"]))
        if given["address"]:
            events = events.filter(address=given["address"])
        return events


class ChangeFilter(TrailFilter):
    """Which kind of record is always chosen: each keeps its history in a table of its own."""

    record = forms.ChoiceField(label=_("Kind of record"), choices=choices)
    number = forms.IntegerField(label=_("Number"), required=False, min_value=1, max_value=2**63 - 1)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("All")), *KINDS.items()], required=False)

    field_order = ("record", "number", "kind", "by", "since", "until")

    def narrow(self) -> QuerySet:
        """The history of the chosen records, the latest first."""
        given = self.cleaned_data
        model = kept(given["record"])
        rows = self.within(history_of(model), "history_date", "history_user__username")
        if given["number"]:
            rows = rows.filter(**{str(model._meta.pk.attname): given["number"]})
        if given["kind"]:
            rows = rows.filter(history_type=given["kind"])
        return rows

    @property
    def in_use(self) -> int:
        return max(0, super().in_use - 1)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), tzinfo=timezone.get_default_timezone())
