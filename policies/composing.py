"""How conditions are composed in a form: rows of pickers that offer only what the type of the chosen fact allows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from figures.entry import FigureField
from figures.numbers import whole
from policies.explaining import Names, condition_text
from policies.models import Condition
from policies.picking import (
    CodesField,
    as_list,
    known_codes,
)
from policies.vocabulary import FACTS, Fact, Operator, Type

LIMIT = 50
PREFIX = "conditions"

# In the order in which an officer looks for them.
FACT_GROUPS: list[tuple[Any, tuple[str, ...]]] = [
    (
        _("The AI tool"),
        (
            "product",
            "vendor",
            "category",
            "vendor_country",
            "product_reviewed",
            "certification",
            "processing_region",
            "trains_on_inputs",
        ),
    ),
    (_("The models inside the tool"), ("engine_product", "engine_vendor", "engine_country")),
    (_("The data put into it"), ("data_class", "personal_data")),
    (_("Seats and cost"), ("seats", "seat_price", "monthly_cost", "annual_cost")),
    (_("Contract"), ("term", "auto_renewal", "payment_route", "owner_named")),
    (_("The agency"), ("agency_kind", "agency_annual_cost", "agency_products")),
]
UNITS = {"won": _("won"), "seats": _("seats"), "months": _("months"), "tools": _("tools")}
MANY = (Operator.ONE_OF, Operator.NONE_OF)


def fact_choices() -> list[Any]:
    groups = [
        (label, [(name, capfirst(str(FACTS[name].label))) for name in names]) for label, names in FACT_GROUPS
    ]
    return [("", gettext("Choose a fact")), *groups]


# --- one condition ----------------------------------------------------------------------------------------------------


def value_fields(fact: Fact, operator: Operator) -> dict[str, forms.Field]:
    """The fields for the values of a condition, by the name each has in its form."""
    if operator is Operator.IS_UNKNOWN:
        return {}
    if fact.type is Type.RANGE:
        unit = UNITS[fact.unit]
        if operator is Operator.WITHIN:
            return {
                "value": _figure(gettext("From (%(unit)s)") % {"unit": unit}),
                "value_to": _figure(gettext("To (%(unit)s)") % {"unit": unit}),
            }
        return {"value": _figure(gettext("Value (%(unit)s)") % {"unit": unit})}
    if fact.type is Type.YES_NO:
        answer = forms.ChoiceField(
            label=_("Value"),
            choices=[("true", _("Yes")), ("false", _("No"))],
            widget=forms.RadioSelect,
            error_messages={
                "required": _("Choose yes or no."),
                "invalid_choice": _("Choose yes or no."),
            },
        )
        return {"answer": answer}
    many = operator in MANY
    return {"codes": CodesField(fact, many=many, label=_("Values") if many else _("Value"))}


def _figure(label: str) -> FigureField:
    return FigureField(label=label, smallest=0, error_messages={"required": _("Type a number.")})


class ConditionForm(forms.Form):
    """One condition. Its fields follow the fact and the operator that were chosen; cleaned, it holds `condition`."""

    group = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=LIMIT * 2)

    def __init__(self, *args: Any, index: int, **kwargs: Any) -> None:
        self.index = index
        super().__init__(*args, **{**kwargs, "prefix": f"{PREFIX}-{index}"})
        self.condition: Condition | None = None
        self.operator: Operator | None = None
        self.fact = FACTS.get(str(self._typed("fact")))
        self.fields["fact"] = forms.CharField(
            label=_("Fact"),
            widget=forms.Select(choices=fact_choices(), attrs=self._exchange()),
            error_messages={"required": _("Choose the fact that the condition is about.")},
        )
        if self.fact is None:
            return
        offered = [(operator.value, operator.label) for operator in self.fact.operators]
        typed = str(self._typed("operator"))
        if not self.is_bound and typed not in dict(offered):
            typed = self.initial["operator"] = offered[0][0]
        self.fields["operator"] = forms.CharField(
            label=_("Comparison"),
            widget=forms.Select(choices=offered, attrs=self._exchange()),
            error_messages={"required": _("Choose how the fact is compared.")},
        )
        self.operator = Operator(typed) if typed in dict(offered) else None
        if self.operator is None:
            return
        if not self.is_bound and self.fact.type not in (Type.RANGE, Type.YES_NO):
            # After another fact was chosen, what the new one does not know is dropped.
            self.initial["codes"] = known_codes(self.fact, as_list(self.initial.get("codes")))
        self.fields.update(value_fields(self.fact, self.operator))

    def _typed(self, name: str) -> Any:
        source: Mapping[str, Any] = self.data if self.is_bound else self.initial
        return source.get(f"{PREFIX}-{self.index}-{name}" if self.is_bound else name) or ""

    def _exchange(self) -> dict[str, Any]:
        """Choosing another fact or operator has the server draw the row anew, from the form as it stands."""
        return {
            "hx-post": f"{reverse('policies:conditions')}?row={self.index}",
            "hx-target": f"#{PREFIX}-{self.index}",
            "hx-swap": "outerHTML",
            "hx-trigger": "change delay:300ms",  # not between the keys of somebody who types a choice
            "hx-sync": "closest form:queue all",
        }

    @property
    def group_number(self) -> int:
        typed = whole(self._typed("group"), digits=3)
        return 1 if typed is None else typed

    @property
    def inputs(self) -> list[Any]:
        return [self[name] for name in ("value", "value_to", "codes", "answer") if name in self.fields]

    @property
    def unit(self) -> str:
        return self.fact.unit if self.fact and self.fact.type is Type.RANGE else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned.get("operator") and cleaned["operator"] not in Operator.values:
            self.add_error("operator", _("Choose how the fact is compared."))
            return cleaned
        condition = Condition(
            group=self.group_number,
            fact=cleaned["fact"],
            operator=cleaned.get("operator", ""),
            values=self._values(cleaned),
        )
        try:
            condition.clean()
        except ValidationError as problem:
            for field, messages in problem.message_dict.items():
                self.add_error(self._at(field), messages)
            return cleaned
        if _never_holds(condition):
            self.add_error(
                self._at("values"),
                _("This can never hold, so nothing would violate it. Choose another value."),
            )
            return cleaned
        self.condition = condition
        return cleaned

    def _at(self, field: str) -> str | None:
        """The field of this form where a message about a field of the condition belongs."""
        if field == "values":
            field = next((name for name in ("value", "codes", "answer") if name in self.fields), "operator")
        return field if field in self.fields else "fact"

    def _values(self, cleaned: Mapping[str, Any]) -> list[Any]:
        if "answer" in cleaned:
            return [cleaned["answer"] == "true"]
        if "codes" in cleaned:
            return list(cleaned["codes"])
        return [cleaned[name] for name in ("value", "value_to") if name in cleaned]

    def phrase(self, names: Names | None = None) -> str:
        """What the row says so far, for the preview."""
        if self.condition is not None:
            return condition_text(self.condition, names)
        if self.fact is None:
            return "…"
        return gettext("%(fact)s …") % {"fact": self.fact.label}


def _never_holds(condition: Condition) -> bool:
    """Below the lowest or above the highest value there is."""
    fact, value = FACTS[condition.fact], next(iter(condition.values), None)
    if fact.type is Type.RANKED and fact.choices is not None:
        codes = fact.choices.values
        return (condition.operator, value) in (
            (Operator.MORE_THAN, codes[-1]),
            (Operator.LESS_THAN, codes[0]),
        )
    return fact.type is Type.RANGE and condition.operator == Operator.LESS_THAN and value == 0


def typed_of(condition: Condition) -> dict[str, Any]:
    """A condition as its form would have it typed."""
    fact, values = FACTS[condition.fact], condition.values
    typed: dict[str, Any] = {
        "group": condition.group,
        "fact": condition.fact,
        "operator": condition.operator,
    }
    if fact.type is Type.RANGE:
        typed.update(zip(("value", "value_to"), values, strict=False))
    elif fact.type is Type.YES_NO:
        typed["answer"] = "true" if values and values[0] else "false"
    else:
        typed["codes"] = values
    return typed


# --- all conditions ---------------------------------------------------------------------------------------------------

_ROW = re.compile(rf"{PREFIX}-(\d{{1,4}})-fact\Z")
NAMES = ("group", "fact", "operator", "value", "value_to", "answer")


class Conditions:
    """The conditions of a form: rows in groups. Any condition within a group, all groups together.

    Bound (`data`), it is validated; otherwise it shows what `typed` says, one mapping for each row.
    """

    def __init__(self, data: MultiValueDict | None = None, typed: Iterable[Mapping[str, Any]] = ()) -> None:
        self.errors: list[str] = []
        if data is not None:
            self.rows = [ConditionForm(data, index=index) for index in row_indexes(data)]
        else:
            self.rows = [
                ConditionForm(index=row.get("index", place), initial=dict(row))
                for place, row in enumerate(typed)
            ]

    def __iter__(self) -> Iterator[ConditionForm]:
        return iter(self.rows)

    @property
    def groups(self) -> list[tuple[int, list[ConditionForm]]]:
        found: dict[int, list[ConditionForm]] = defaultdict(list)
        for row in self.rows:
            found[row.group_number].append(row)
        return sorted(found.items())

    @property
    def numbered(self) -> list[tuple[int, int, list[tuple[int, ConditionForm]]]]:
        """(place of the group, its number, its rows with their place among all): as the page counts them."""
        place, shown = 0, []
        for at, (group, rows) in enumerate(self.groups, start=1):
            placed = []
            for row in rows:
                place += 1
                placed.append((place, row))
            shown.append((at, group, placed))
        return shown

    def is_valid(self) -> bool:
        valid = not [row for row in self.rows if not row.is_valid()]  # every row is asked, for its errors
        self.errors = (
            []
            if self.rows
            else [gettext("Give at least one condition: without one nothing could violate the policy.")]
        )
        if len(self.rows) > LIMIT:
            self.errors.append(gettext("A policy has %(limit)s conditions at most.") % {"limit": LIMIT})
        return valid and not self.errors

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(row.errors for row in self.rows)

    def messages(self) -> list[tuple[str, str]]:
        """(id of the field, message) for each error: which condition, what it is about, and why it cannot be saved."""
        told = [(PREFIX, error) for error in self.errors]
        for _at, _group, rows in self.numbered:
            for place, row in rows:
                about = row.fact.label if row.fact else gettext("no fact chosen")
                for name, errors in row.errors.items():
                    bound = row[name] if name in row.fields else row["fact"]
                    for error in errors:
                        text = gettext("Condition %(number)s (%(fact)s): %(error)s")
                        told.append((bound.auto_id, text % {"number": place, "fact": about, "error": error}))
        return told

    def saved(self) -> list[Condition]:
        """The conditions, once valid, their groups numbered from 1."""
        return [
            Condition(
                group=at,
                fact=row.condition.fact,
                operator=row.condition.operator,
                values=row.condition.values,
            )
            for at, (_group, rows) in enumerate(self.groups, start=1)
            for row in rows
            if row.condition is not None
        ]

    def phrases(self) -> list[list[str]]:
        """What all rows say so far, by group."""
        for row in self.rows:
            row.is_valid()
        names = Names().want([row.condition for row in self.rows if row.condition is not None])
        return [[row.phrase(names) for row in rows] for _group, rows in self.groups]


def row_indexes(data: Mapping[str, Any]) -> list[int]:
    return sorted({int(found[1]) for key in data if (found := _ROW.match(key))})[: LIMIT * 2]


def typed_rows(data: MultiValueDict) -> list[dict[str, Any]]:
    """The rows as they were typed, whether or not they are valid."""
    rows = []
    for index in row_indexes(data):
        prefix = f"{PREFIX}-{index}-"
        row: dict[str, Any] = {name: data.get(prefix + name, "") for name in NAMES}
        rows.append({**row, "codes": data.getlist(prefix + "codes"), "index": index})
    return rows


def rearranged(rows: list[dict[str, Any]], do: str) -> tuple[list[dict[str, Any]], str]:
    """The rows after "add:<group>", "add-group" or "remove:<index>", and the id of what should have the focus then."""
    act, _colon, argument = do.partition(":")
    number = whole(argument, digits=4) or 0
    if act == "remove":
        place = next((place for place, row in enumerate(rows) if row["index"] == number), None)
        kept = [row for row in rows if row["index"] != number]
        if place is None or not kept:
            return kept, "add-group"
        return kept, f"id_{PREFIX}-{kept[min(place, len(kept) - 1)]['index']}-fact"
    if act not in ("add", "add-group") or len(rows) >= LIMIT:
        return rows, ""
    index = max((row["index"] for row in rows), default=-1) + 1
    groups = [group for row in rows if (group := whole(row["group"], digits=3)) is not None]
    group = number if act == "add" and number else max(groups, default=0) + 1
    return [*rows, {"index": index, "group": group}], f"id_{PREFIX}-{index}-fact"
