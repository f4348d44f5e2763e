"""How an auditor narrows the events: who, what kind, when, about what, from where."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import Event


class EventFilter(forms.Form):
    by = forms.CharField(label=_("By"), max_length=150, required=False, help_text=_("Part of the user name."))
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("All")), *Event.Kind.choices], required=False)
    since = forms.DateField(
        label=_("From day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    about = forms.CharField(
        label=_("Object"), max_length=200, required=False, help_text=_("Part of its name, or its number.")
    )
    address = forms.GenericIPAddressField(label=_("Address"), required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("since") and given.get("until") and given["until"] < given["since"]:
            self.add_error("until", _("The last day is before the first."))
        return given

    @property
    def in_use(self) -> int:
        """How many filters narrow the list."""
        return sum(1 for value in self.cleaned_data.values() if value) if self.is_valid() else 0

    def narrow(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """The events that meet all that is given; days are those of the register's time zone, both included."""
        given = self.cleaned_data
        if given["by"]:
            events = events.filter(actor__icontains=given["by"])
        if given["kind"]:
            events = events.filter(kind=given["kind"])
        if given["since"]:
            events = events.filter(at__gte=_midnight(given["since"]))
        if given["until"] and given["until"] < datetime.date.max:
            events = events.filter(at__lt=_midnight(given["until"] + datetime.timedelta(days=1)))
        if given["about"]:
            events = events.filter(Q(about__icontains=given["about"]) | Q(about_id=given["about"]))
        if given["address"]:
            events = events.filter(address=given["address"])
        return events


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), tzinfo=timezone.get_default_timezone())
