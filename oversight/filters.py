"""What the table of spending can be narrowed to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.choosing import ProductField
from catalog.models import Product
from figures.standing import Standing
from oversight.spending import Filters


def kind_choices() -> list[tuple[str, Any]]:
    kinds = [(kind.value, kind.label) for kind in Agency.METROPOLITAN_AND_PROVINCIAL]
    return [("", _("All kinds")), *kinds]


class SpendingFilter(forms.Form):
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

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["product"].offer(Product.objects.all())  # type: ignore[attr-defined]

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
            f"{self[name].label}: {self._shown(name)}" for name in self.fields if self.cleaned_data.get(name)
        ]

    def _shown(self, name: str) -> str:
        value = self.cleaned_data[name]
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, value))
