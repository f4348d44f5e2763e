"""What the table of spending can be narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.choosing import ProductField
from catalog.models import Product
from figures.standing import Standing
from oversight.report_form import ReportForm
from oversight.spending import Filters
from sources.models import Source


def kind_choices() -> list[tuple[str, Any]]:
    kinds = [(kind.value, kind.label) for kind in Agency.METROPOLITAN_AND_PROVINCIAL]
    return [("", _("All kinds")), *kinds]


class SpendingFilter(ReportForm):
    """The filters, and which source the figures are of."""

    field_order = ("kind", "product", "standing", "q", "source", "accounts")

    kind = forms.ChoiceField(label=_("Kind of government"), choices=kind_choices, required=False)
    product = ProductField(
        label=_("Subscribes to"),
        required=False,
        help_text=_("A subscription that is stated or recorded. The figures stay those of all its tools."),
    )
    standing = forms.ChoiceField(
        label=_("Stated spending is"), choices=[("", _("Any")), *Standing.choices], required=False
    )
    q = forms.CharField(
        label=_("Name or code"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, sources: Sequence[Source]) -> None:
        super().__init__(data, sources)
        self.fields["product"].offer(Product.objects.all())  # type: ignore[attr-defined]
        self.fields["accounts"].label = _("Stated figures from")

    @property
    def filters(self) -> Filters:
        """Of a valid form."""
        given = self.cleaned_data
        return Filters(given["kind"], given["product"], given["standing"], given["q"])

    @property
    def in_use(self) -> list[str]:
        """The filters that are set, each as "label: value" in the reader's language."""
        if not self.is_valid():
            return []
        return [
            f"{self[name].label}: {self._shown(name)}"
            for name in self.fields
            if self.cleaned_data.get(name) and name not in ReportForm.base_fields
        ]

    def _shown(self, name: str) -> str:
        value = self.cleaned_data[name]
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, value))
