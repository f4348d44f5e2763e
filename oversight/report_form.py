"""What a reader chooses of a report's sources: the one that goes first, and whether it stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sources.models import Source

ONE, ALL = "one", "all"


class ReportForm(forms.Form):
    """`?source=b&accounts=all`, both optional; the first source and its own figures are the default.

    Without any source there is nothing to prefer, and `preferred` is None.
    """

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
        first = next(iter(self.sources), "")
        chosen = {"source": data.get("source") or first, "accounts": data.get("accounts") or ONE}
        super().__init__({**{name: data[name] for name in data}, **chosen})
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(code, str(source)) for code, source in self.sources.items()] or [("", _("None"))]

    @property
    def preferred(self) -> Source | None:
        return self.sources.get(self.cleaned_data["source"])

    @property
    def others(self) -> list[Source]:
        """The sources that count beside the preferred one, in their order: none where it stands alone."""
        return [s for s in self.sources.values() if s != self.preferred] if self.together else []

    @property
    def together(self) -> bool:
        return bool(self.cleaned_data["accounts"] == ALL)
