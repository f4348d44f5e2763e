"""What people type about rounds: the round itself, why a due date changes, why an agency cannot say, and what they look for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agencies.choosing import AgencyField
from agencies.models import Agency, User
from oversight.round_models import LONG_TEXT, Return, Round
from oversight.rounds.asking import offered_scopes
from oversight.rounds.coverage import State, in_state
from sources.models import Report, Source
from subscriptions.forms import DateInput, ReasonForm


class RoundForm(forms.ModelForm):
    """A round as it is prepared; `by` is the person, whose role says which part of the tree can be asked."""

    scope = AgencyField(
        label=_("Agency and all below"),
        help_text=_("The part of the tree that is asked: this agency and every agency below it."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of agency"),
        choices=Agency.Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Only agencies of these kinds are asked; none ticked: every kind. An agency that is not asked is answered for by"
            " the nearest one above it that is."
        ),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Round
        fields = (
            "title_ko",
            "title_en",
            "scope",
            "kinds",
            "period_from",
            "period_until",
            "due_on",
            "explanation_ko",
            "explanation_en",
        )
        widgets = {
            "period_from": DateInput(),
            "period_until": DateInput(),
            "due_on": DateInput(),
            "explanation_ko": forms.Textarea(attrs={"rows": 4, "maxlength": LONG_TEXT}),
            "explanation_en": forms.Textarea(attrs={"rows": 4, "maxlength": LONG_TEXT}),
        }

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scope"].offer(offered_scopes(by))  # type: ignore[attr-defined]
        for name in ("explanation_ko", "explanation_en"):
            self.fields[name].help_text = _("What agencies should know: what it is for, and whom to ask.")
        if self.instance.pk:
            known = {"scope": self.instance.scope, "version": self.instance.version}
            self.initial = {**self.initial, **known}


class DueForm(ReasonForm):
    due_on = forms.DateField(
        label=_("New due date"), widget=DateInput(), help_text=_("The last day for an answer.")
    )
    field_order = ("due_on", "reason")


class CloseForm(forms.Form):
    """Which report the source tells of."""

    report = forms.ModelChoiceField(
        label=_("Report"),
        queryset=Report.objects.none(),
        required=False,
        empty_label=_("A report of its own"),
        help_text=_("Sources of one report stand beside each other on its page, and are compared."),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readable = Source.objects.readable_by(by).exclude(report=None).order_by()
        self.fields["report"].queryset = Report.objects.filter(  # type: ignore[attr-defined]
            pk__in=readable.values("report")
        )


class ConfirmForm(forms.Form):
    """`seen`: the digest of the figures that the page shows."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)


class CannotSayForm(ReasonForm):
    category = forms.ChoiceField(
        label=_("Kind of reason"),
        choices=[c for c in Return.Category.choices if c[0]],
        widget=forms.RadioSelect,
    )
    field_order = ("category", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _(
            "The committee reads it, and once it publishes the result, everybody who signs in here."
        )


class CoverageFilter(forms.Form):
    """What the agencies of a round can be narrowed to; `states` are those that they can be in."""

    state = forms.ChoiceField(label=pgettext_lazy("round", "State"), required=False)
    kind = forms.ChoiceField(label=_("Kind of agency"), required=False)
    q = forms.CharField(
        label=_("Name or code"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, states: list[State]) -> None:
        super().__init__(data)
        chosen: list[tuple[str, Any]] = [(state.value, state.label) for state in states]
        self.fields["state"].choices = [("", _("All")), *chosen]  # type: ignore[attr-defined]
        self.fields["kind"].choices = [("", _("All")), *Agency.Kind.choices]  # type: ignore[attr-defined]

    @property
    def in_use(self) -> int:
        return sum(1 for value in self.cleaned_data.values() if value) if self.is_valid() else 0

    def keep(self, rows: QuerySet) -> QuerySet:
        """Those of the rows that the filters keep; none where a filter is not valid."""
        if not self.is_valid():
            return rows.none()
        given = self.cleaned_data
        if given["state"]:
            rows = in_state(rows, given["state"])
        if given["kind"]:
            rows = rows.filter(agency__kind=given["kind"])
        for word in given["q"].replace("\0", "").split():
            named = Q(agency__code__icontains=word)
            for name in AgencyField.names:
                named |= Q(**{f"agency__{name}__icontains": word})
            rows = rows.filter(named)
        return rows
