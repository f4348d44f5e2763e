"""What a reader of a report chooses: the source that goes first, and from which sources the conclusions are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sources.models import Source

ONE, ALL = "one", "all"


class ReportForm(forms.Form):
    """`?source=b&accounts=all`, both optional; the first source and its own figures are the default."""

    source = forms.ChoiceField(label=_("Preferred source"), required=False)
    accounts = forms.ChoiceField(
        label=_("Conclusions from"),
        required=False,
        choices=[
            (ONE, _("The preferred source alone")),
            (ALL, _("All sources, as accounts of one report")),
        ],
    )

    def __init__(self, data: Any, sources: Sequence[Source]) -> None:
        self.sources = {source.code: source for source in sources}
        first = next(iter(self.sources))
        super().__init__({"source": data.get("source") or first, "accounts": data.get("accounts") or ONE})
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(code, str(source)) for code, source in self.sources.items()]

    @property
    def preferred(self) -> Source:
        return self.sources[self.cleaned_data["source"]]

    @property
    def together(self) -> bool:
        return bool(self.cleaned_data["accounts"] == ALL)
