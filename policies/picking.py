"""How codes are picked in a form: a few as boxes to tick, more by searching for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from catalog.models import Vendor
from figures.naming import named
from policies.vocabulary import COUNTRY, Fact

FEW = 30
FOUND = 20


@dataclass(frozen=True)
class Offer:
    """Codes with their names to choose from; `searchable` when they are too many to list."""

    options: list[tuple[str, str]]
    searchable: bool = False


def offer(fact: Fact, text: str = "", chosen: Iterable[str] = ()) -> Offer:
    """What can be chosen for a fact that takes codes: all of few; of many, what is chosen and what `text` finds."""
    chosen = list(dict.fromkeys(chosen))
    if fact.choices is not None:
        return Offer([(code, str(label)) for code, label in fact.choices.choices])
    if fact.unit == COUNTRY:
        return _countries(text, chosen)
    assert fact.registry is not None
    rows = fact.registry._default_manager.order_by(named("name"))
    few = list(rows[: FEW + 1])
    if len(few) <= FEW:
        return Offer([(row.code, str(row)) for row in few])  # type: ignore[attr-defined]
    kept = list(rows.filter(code__in=chosen)) if chosen else []
    if text:
        wanted = Q(code__icontains=text) | Q(name_ko__icontains=text) | Q(name_en__icontains=text)
        few = list(rows.filter(wanted).exclude(code__in=chosen)[:FOUND])
    found = [row for row in few[:FOUND] if row not in kept]
    return Offer([(row.code, str(row)) for row in [*kept, *found]], searchable=True)  # type: ignore[attr-defined]


def _countries(text: str, chosen: Sequence[str]) -> Offer:
    """Without a text, the countries that vendors of the catalogue are in, since those are what a policy can meet today."""
    names = {code: str(name) for code, name in countries}
    kept = [(code, names[code]) for code in chosen if code in names]
    if text:
        folded = text.casefold()
        found = [
            code for code, name in names.items() if folded in name.casefold() or folded == code.casefold()
        ]
    else:
        known = Vendor.objects.exclude(country=None).order_by().values_list("country", flat=True).distinct()
        found = sorted((str(code) for code in known if str(code) in names), key=lambda code: names[code])
    more = [(code, names[code]) for code in found if code not in chosen]
    return Offer([*kept, *more[:FOUND]], searchable=True)


def known_codes(fact: Fact, codes: Sequence[str]) -> list[str]:
    """Those of the codes that are values of the fact."""
    if fact.choices is not None:
        return [code for code in codes if code in fact.choices.values]
    if fact.unit == COUNTRY:
        return [code for code in codes if code in dict(countries)]
    assert fact.registry is not None
    known = set(fact.registry._default_manager.filter(code__in=codes).values_list("code", flat=True))
    return [code for code in codes if code in known]


class Picker(forms.Widget):
    """Boxes to tick (or one to choose), with a search where there are too many to list."""

    template_name = "policies/picker.html"
    use_fieldset = True

    def __init__(self, fact: Fact, *, many: bool) -> None:
        super().__init__()
        self.fact, self.many = fact, many

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name) if isinstance(data, MultiValueDict) else as_list(data.get(name))

    def id_for_label(self, id_: str) -> str:
        return ""

    def format_value(self, value: Any) -> list[str]:
        return as_list(value)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        chosen = self.format_value(value)
        shown = offer(self.fact, chosen=chosen)
        context["widget"].update(
            picker_context(self.fact, name, context["widget"]["attrs"].get("id", f"id_{name}"), self.many)
        )
        context["widget"].update(options=options_context(shown, chosen), searchable=shown.searchable)
        return context


def picker_context(fact: Fact, name: str, id: str, many: bool) -> dict[str, Any]:
    """What the templates of a picker and of its options need."""
    return {
        "name": name,
        "id": id,
        "kind": "checkbox" if many else "radio",
        "fact": fact.name,
        "url": reverse("policies:values"),
    }


def options_context(shown: Offer, chosen: Sequence[str]) -> list[dict[str, Any]]:
    return [{"code": code, "name": name, "chosen": code in chosen} for code, name in shown.options]


class CodesField(forms.Field):
    """Chooses codes of a fact; cleaned to a list of them."""

    def __init__(self, fact: Fact, *, many: bool = True, **kwargs: Any) -> None:
        self.fact, self.many = fact, many
        if "widget" not in kwargs:
            shown = None if many else offer(fact)
            if shown is None or shown.searchable:
                kwargs["widget"] = Picker(fact, many=many)
            else:
                kwargs["widget"] = forms.Select(choices=[("", gettext("Choose a value")), *shown.options])
        required = _("Choose at least one value.") if many else _("Choose a value.")
        super().__init__(**kwargs, error_messages={"required": required})

    def prepare_value(self, value: Any) -> Any:
        codes = as_list(value)
        return codes if isinstance(self.widget, Picker) else next(iter(codes), "")

    def to_python(self, value: Any) -> list[str]:
        return [code for code in dict.fromkeys(as_list(value)) if code]

    def validate(self, value: list[str]) -> None:
        super().validate(value)
        known = known_codes(self.fact, value)
        for code in value:
            if code not in known:
                raise ValidationError(
                    _("“%(value)s” is not a value of “%(fact)s”."),
                    params={"value": code, "fact": self.fact.label},
                )

    def has_changed(self, initial: Any, data: Any) -> bool:
        return as_list(initial) != as_list(data)


def as_list(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    return [str(value)] if isinstance(value, str | int) else [str(one) for one in value]
