"""A record as it stood when somebody decided on it, and what differs from it now: field by field, price lines too."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.db import models
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext

from subscriptions.models import PriceLine, Subscription
from subscriptions.money import amount_text

# What of a record people decide on. Its status, version and provenance follow from acts.
FIELDS = (
    "agency",
    "product",
    "plan",
    "purpose",
    "owner_department",
    "data_class",
    "personal_data",
    "started_on",
    "ends_on",
    "auto_renewal",
    "notice_days",
    "payer",
    "payment_route",
    "reseller",
    "contract_number",
)
LINE_FIELDS = ("standing", "amount", "currency", "vat", "basis", "cycle", "seats", "starts_on", "ends_on")


@dataclass(frozen=True)
class Difference:
    """What one thing is called, and what it was and is, in words."""

    label: str
    before: str
    after: str


def field_of(model: type[models.Model], name: str) -> models.Field:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def content_of(subscription: Subscription, lines: Iterable[PriceLine]) -> dict[str, Any]:
    """The record as JSON: its fields by their column, and its price lines in order."""
    return {
        **{column: _kept(getattr(subscription, column)) for column in _columns()},
        "lines": [{name: _kept(getattr(line, name)) for name in LINE_FIELDS} for line in lines],
    }


def restored(
    content: Mapping[str, Any], subscription: Subscription, lines: Sequence[PriceLine]
) -> tuple[Subscription, list[PriceLine]]:
    """The subscription and its price lines as they were, on copies of what they are now; nothing is saved."""
    was = copy.copy(subscription)
    was._state = copy.copy(subscription._state)
    was._state.fields_cache = {}  # the agency and tool of then
    for column in _columns():
        setattr(was, column, _value(field_of(Subscription, column), content.get(column)))
    old_lines = []
    for kept, line in zip_longest(content["lines"], lines):
        if kept is None:
            break
        old = copy.copy(line) if line is not None else PriceLine()
        for name in LINE_FIELDS:
            setattr(old, name, _value(field_of(PriceLine, name), kept.get(name)))
        old_lines.append(old)
    return was, old_lines


def differences(
    content: Mapping[str, Any], subscription: Subscription, lines: Sequence[PriceLine]
) -> list[Difference]:
    """What differs between the record as it was kept and as it is."""
    was, old_lines = restored(content, subscription, [])
    found = [
        Difference(
            capfirst(str(field.verbose_name)),
            shown(field, getattr(was, field.attname)),
            shown(field, getattr(subscription, field.attname)),
        )
        for field in (field_of(Subscription, name) for name in FIELDS)
        if _given(getattr(was, field.attname)) != _given(getattr(subscription, field.attname))
    ]
    for number, (old, new) in enumerate(zip_longest(old_lines, lines), start=1):
        found += line_differences(number, old, new)
    return found


def line_differences(number: int, old: PriceLine | None, new: PriceLine | None) -> list[Difference]:
    """What differs in one price line; one that is new or gone differs as a whole."""
    title = gettext("Price line %(number)s") % {"number": number}
    if old is None or new is None:
        nothing = gettext("None")
        return [Difference(title, line_text(old) if old else nothing, line_text(new) if new else nothing)]
    changed = []
    for name in LINE_FIELDS:
        if getattr(old, name) != getattr(new, name):
            field = field_of(PriceLine, name)
            label = f"{title}: {field.verbose_name}"
            if name == "amount":
                changed.append(Difference(label, _amount(old), _amount(new)))
            else:
                changed.append(
                    Difference(label, shown(field, getattr(old, name)), shown(field, getattr(new, name)))
                )
    return changed


def line_text(line: PriceLine) -> str:
    """A price line in a few words."""
    seats = (
        gettext("%(count)s seats") % {"count": f"{line.seats:,}"}
        if line.seats
        else gettext("seats not given")
    )
    parts = (line.get_basis_display(), line.get_cycle_display(), line.get_vat_display(), seats)
    return f"{_amount(line)} ({', '.join(map(str, parts))})"


def shown(field: models.Field, value: Any, names: Mapping[Any, str] | None = None) -> str:
    """A value of a column as people read it. `names` are those of the rows that a relation's values point to."""
    if value is None or value == "":
        return gettext("Not given")
    if field.is_relation:
        if names is not None:
            return names.get(value, str(value))
        row = field.related_model._default_manager.filter(pk=value).first()  # type: ignore[union-attr]
        return str(row) if row else str(value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, int):
        return f"{value:,}"
    return date_format(value, "DATE_FORMAT") if isinstance(value, datetime.date) else str(value)


def _amount(line: PriceLine) -> str:
    if line.amount is None:
        return str(line.get_standing_display())
    return amount_text(line.amount, line.currency)


def _columns() -> list[str]:
    return [field_of(Subscription, name).attname for name in FIELDS]


def _given(value: Any) -> Any:
    return None if value == "" else value


def _kept(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _value(field: models.Field, kept: Any) -> Any:
    """A column's value from JSON. What was not kept is the column's own nothing."""
    if kept is None:
        return None if field.null else ""
    return field.to_python(kept)
