"""How a question is put: a form whose values stand in the address, so that a link asks the same again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from agencies.choosing import AgencyField
from agencies.models import Agency, User
from catalog.choosing import ProductField, VendorField
from catalog.models import Category, Product, Vendor
from figures.standing import Standing
from oversight.explorer.question import NONE, STATED_BY, Dimension, Filters, Measure, Question
from policies.vocabulary import DataClass
from sources.models import Source
from subscriptions.models import Status, Subscription

ANY: tuple[str, Any] = ("", _("Any"))
NOT_GIVEN = (NONE, _("Not given"))
DATA_CLASSES: list[tuple[str, Any]] = [(choice.value, choice.label) for choice in DataClass]
# What a source states is of all of a government's tools together, so that nothing else can narrow it.
NARROWS_STATED = {"agency", "alone", "kind", "standing"}


def category_choices() -> list[tuple[str, Any]]:
    return [ANY, *((category.code, str(category)) for category in Category.objects.all()), NOT_GIVEN]


def country_choices() -> list[tuple[str, Any]]:
    """The countries of the vendors in the catalogue."""
    used = Vendor.objects.exclude(country=None).order_by().values_list("country", flat=True).distinct()
    named: list[tuple[str, Any]] = [(str(code), str(countries.name(str(code)))) for code in used]
    return [ANY, *sorted(named, key=lambda choice: choice[1]), NOT_GIVEN]


ASKED = ("measure", "by", "then", "first", "last", "compare")


class ExplorerForm(forms.Form):
    """`question` is what a valid form asks, in sight of `user`."""

    measure = forms.ChoiceField(label=_("Measure"), choices=Measure.choices, required=False)
    by = forms.ChoiceField(label=_("Group by"), choices=Dimension.choices, required=False)
    then = forms.ChoiceField(
        label=_("then by"), choices=[("", _("Nothing more")), *Dimension.choices], required=False
    )
    source = forms.ModelChoiceField(
        label=_("Preferred source"),
        queryset=Source.objects.none(),
        to_field_name="code",
        required=False,
        empty_label=_("The report's own"),
    )
    agency = AgencyField(label=_("Agency and all below"), required=False)
    alone = forms.BooleanField(label=_("This agency by itself, without those below"), required=False)
    kind = forms.ChoiceField(
        label=_("Kind of government"), choices=[ANY, *Agency.Kind.choices], required=False
    )
    product = ProductField(label=_("AI tool"), required=False)
    category = forms.ChoiceField(label=_("Category"), choices=category_choices, required=False)
    vendor = VendorField(label=_("Vendor"), required=False)
    country = forms.ChoiceField(label=_("Vendor country"), choices=country_choices, required=False)
    data_class = forms.ChoiceField(
        label=_("Highest data class"), choices=[ANY, *DATA_CLASSES, NOT_GIVEN], required=False
    )
    status = forms.ChoiceField(label=_("Status"), choices=[ANY, *Status.choices], required=False)
    provenance = forms.ChoiceField(
        label=_("Provenance"), choices=[ANY, *Subscription.Provenance.choices], required=False
    )
    standing = forms.ChoiceField(
        label=_("Amount is"),
        choices=[ANY, *Standing.choices],
        required=False,
        help_text=_("Of a stated figure, or of a subscription's price lines."),
    )
    text = forms.CharField(
        label=_("Words"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    compare = forms.BooleanField(label=_("Compare with a year earlier"), required=False)
    first = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any, user: User) -> None:
        super().__init__(data)
        sources: QuerySet[Source] = Source.objects.published().filter(report__isnull=False).distinct()
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        self.fields["agency"].offer(Agency.objects.visible_to(user))  # type: ignore[attr-defined]
        self.fields["product"].offer(Product.objects.all())  # type: ignore[attr-defined]
        self.fields["vendor"].offer(Vendor.objects.all())  # type: ignore[attr-defined]

    def clean_measure(self) -> Measure:
        return Measure(self.cleaned_data["measure"] or Measure.PAID)

    def clean_by(self) -> Dimension:
        return Dimension(self.cleaned_data["by"] or Dimension.PLACE)

    def clean_then(self) -> Dimension | None:
        return Dimension(self.cleaned_data["then"]) if self.cleaned_data["then"] else None

    def clean_category(self) -> Category | str | None:
        code = self.cleaned_data["category"]
        if not code:
            return None
        return code if code == NONE else Category.objects.get(code=code)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        measure, by, then = given.get("measure"), given.get("by"), given.get("then")
        if given.get("first") and given.get("last") and given["first"] > given["last"]:
            self.add_error("last", _("The period ends before it starts."))
        if given.get("alone") and not given.get("agency"):
            self.add_error("alone", _("Choose the agency first."))
        if then and then == by:
            self.add_error("then", _("Choose two different groupings."))
        for name, dimension in (("by", by), ("then", then)):
            if measure is not None and dimension is not None and not self.errors.get(name):
                self._refuse_grouping(name, measure, dimension)
        if measure is not None and measure.is_stated:
            for name in sorted(self._filters_given(given) - NARROWS_STATED):
                self.add_error(
                    name,
                    _("What sources state is of all tools together: it cannot be narrowed by this."),
                )
        return given

    def _refuse_grouping(self, name: str, measure: Measure, dimension: Dimension) -> None:
        if dimension.is_time and measure != Measure.PAID:
            message = gettext(
                "“%(measure)s” is as of today and cannot be grouped by time; spending paid can."
            )
        elif measure.is_stated and dimension not in STATED_BY:
            message = gettext(
                "“%(measure)s” is of all tools together and can be grouped by agency or kind only."
            )
        else:
            return
        self.add_error(name, ValidationError(message, params={"measure": measure.label}))

    def _filters_given(self, given: dict[str, Any]) -> set[str]:
        return {name for name in Filters.__dataclass_fields__ if given.get(name) not in (None, "", False)}

    @property
    def asked(self) -> list[forms.BoundField]:
        """The fields of what is counted and how it is grouped; `narrowed` are the filters."""
        return [self[name] for name in ASKED]

    @property
    def narrowed(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in ASKED]

    @property
    def narrowing(self) -> int:
        """How many of the filters are set."""
        return sum(bool(field.data) for field in self.narrowed)

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set, or wrongly set."""
        return any(field.errors or field.data for field in self.narrowed)

    @property
    def question(self) -> Question:
        """Of a valid form."""
        given = self.cleaned_data
        return Question(
            measure=given["measure"],
            by=tuple(dimension for dimension in (given["by"], given["then"]) if dimension),
            filters=Filters(**{name: given[name] for name in Filters.__dataclass_fields__}),
            source=given["source"],
        )

    @property
    def in_use(self) -> list[str]:
        """The filters that are set, each as "label: value" in the reader's language."""
        if not self.is_valid():
            return []
        return [
            f"{self[name].label}: {self._shown(name)}"
            for name in sorted(self._filters_given(self.cleaned_data))
        ]

    def _shown(self, name: str) -> str:
        value = self.cleaned_data[name]
        if value is True:
            return gettext("Yes")
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, value))
