"""How an agency is chosen in a form: from a list while there are few, by typing with suggestions when there are many."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from figures.naming import named

FEW = 30
SUGGESTIONS = 20


class Suggestions(forms.TextInput):
    """A text input with suggestions that the page at `url_name` sends while somebody types."""

    template_name = "agencies/suggestions.html"

    def __init__(self, url_name: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", **(attrs or {})})
        self.url_name = url_name

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["url"] = reverse(self.url_name)
        context["widget"]["list_id"] = f"{context['widget']['attrs'].get('id', 'id_' + name)}_options"
        return context


class ByCodeField(forms.CharField):
    """Chooses a record that has a code and bilingual names, out of a queryset: cleaned to the record or None.

    Accepts the code, "Name (CODE)" as the suggestions give it, or a name that only one record bears.
    """

    default_error_messages = {
        "unknown": _("There is no “%(value)s” among those you can choose."),
        "several": _("Several are called “%(value)s”. Choose one of the suggestions."),
    }
    names: tuple[str, ...] = ("name_ko", "name_en")

    def __init__(self, *, url_name: str, **kwargs: Any) -> None:
        self.url_name = url_name
        self._queryset: QuerySet | None = None
        kwargs.setdefault("max_length", 300)
        super().__init__(**kwargs)

    def offer(self, queryset: QuerySet) -> None:
        """Set what can be chosen, and how: a list of few, suggestions for many."""
        self._queryset = queryset
        few = list(queryset.order_by()[: FEW + 1])  # in no order yet: sorting many would be in vain
        if len(few) > FEW:
            self.widget = Suggestions(self.url_name)
        else:
            few.sort(key=lambda row: getattr(row, named("name")).casefold())
            self.widget = forms.Select(choices=[("", "---------"), *((row.code, str(row)) for row in few)])
        self.widget.is_required = self.required

    def prepare_value(self, value: Any) -> Any:
        code = getattr(value, "code", value)
        if isinstance(self.widget, Suggestions) and self._queryset is not None and code:
            row = self._queryset.filter(code=code).first()
            return label_of(row) if row else code
        return code

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        assert self._queryset is not None, "offer() what can be chosen first"
        bracketed = re.search(r"\(([A-Za-z0-9-]+)\)\s*\Z", text)
        code = bracketed.group(1) if bracketed else text
        # Codes are in small or in capital letters throughout, so that their index serves any way of typing them.
        found = list(self._queryset.filter(code__in={code.lower(), code.upper()})[:2])
        if not found:
            by_name = Q()
            for name in self.names:
                by_name |= Q(**{f"{name}__iexact": text})
            found = list(self._queryset.filter(by_name)[:2])
        if not found:
            raise forms.ValidationError(self.error_messages["unknown"], "unknown", {"value": text})
        if len(found) > 1:
            raise forms.ValidationError(self.error_messages["several"], "several", {"value": text})
        return found[0]


class AgencyField(ByCodeField):
    names = ("name_ko", "name_en", "short_ko", "short_en")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(url_name="agencies:options", **kwargs)


def label_of(row: Any) -> str:
    return f"{row} ({row.code})"


def suggested(queryset: QuerySet, names: tuple[str, ...], text: str) -> list[str]:
    """Labels of the records whose code or a name contains the text."""
    condition = Q(code__icontains=text)
    for name in names:
        condition |= Q(**{f"{name}__icontains": text})
    return [label_of(row) for row in queryset.filter(condition).order_by(named("name"))[:SUGGESTIONS]]


def agencies_suggested(queryset: QuerySet[Agency], text: str) -> list[str]:
    return suggested(queryset, AgencyField.names, text)
