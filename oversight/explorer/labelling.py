"""From the keys that the database groups by to groups with a stable code, a name and the filters that keep just them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext
from django_countries import countries

from agencies.models import Agency
from catalog.models import Category, Product, Vendor
from figures.naming import named
from oversight.explorer.answer import Key
from oversight.explorer.question import NONE, Dimension
from policies.vocabulary import DataClass

# Above so many agencies, all are read: a list of keys as long would be slower than the table.
MANY = 500


def labelled(dimension: Dimension, found: Iterable[Any], above: str) -> dict[Any, Key]:
    """The groups of one dimension by the keys that the database gave; one or two queries whatever their number."""
    return _LABELLING[dimension]({key for key in found if key is not None}, above) | {None: _none(dimension)}


def _none(dimension: Dimension) -> Key:
    return Key(NONE, gettext("Not given"), {dimension.value: NONE})


def _places(paths: set[str], above: str) -> dict[Any, Key]:
    agencies = _named(Agency.objects.filter(path__in=paths), "path")
    parents = Agency.objects.filter(parent__path__in=paths).order_by().distinct()
    with_parts = set(parents.values_list("parent__path", flat=True))
    keys = {}
    for path, (code, short) in agencies.items():
        if path == above:  # what the agency itself has, apart from all below it
            label = gettext("%(agency)s itself") % {"agency": short}
            keys[path] = Key(code, label, {"agency": code, "alone": "on"}, path)
        else:
            keys[path] = Key(code, short, {"agency": code}, path, opens=path in with_parts)
    return keys


def _agencies(ids: set[int], above: str) -> dict[Any, Key]:
    few = len(ids) <= MANY
    rows = Agency.objects.filter(pk__in=ids) if few else Agency.objects.all()
    columns = ("pk", "code", "path", named("name"))
    return {
        pk: Key(code, name, {"agency": code, "alone": "on"}, path)
        for pk, code, path, name in rows.order_by().values_list(*columns)
        if few or pk in ids
    }


def _named(agencies: Any, by: str) -> dict[Any, tuple[str, str]]:
    """Code and short name in the reader's language, without an object each."""
    rows = agencies.order_by("path").values_list(by, "code", named("short"))
    return {key: (code, short) for key, code, short in rows}


def _by_id(model: Any, dimension: Dimension) -> Callable[[set[Any], str], dict[Any, Key]]:
    def label(ids: set[Any], above: str) -> dict[Any, Key]:
        return {
            record.pk: Key(record.code, str(record), {dimension.value: record.code})
            for record in model.objects.all()
            if record.pk in ids
        }

    return label


def _countries(codes: set[Any], above: str) -> dict[Any, Key]:
    return {
        code: Key(str(code), str(countries.name(str(code)) or code), {"country": str(code)}) for code in codes
    }


def _choices(choices: Any, dimension: Dimension) -> Callable[[set[Any], str], dict[Any, Key]]:
    def label(values: set[Any], above: str) -> dict[Any, Key]:
        return {value: Key(value, str(choices(value).label), {dimension.value: value}) for value in values}

    return label


def _months(days: set[Any], above: str) -> dict[Any, Key]:
    return {day: _period(f"{day:%Y-%m}", date_format(day, "YEAR_MONTH_FORMAT"), day, 1) for day in days}


def _quarters(days: set[Any], above: str) -> dict[Any, Key]:
    keys = {}
    for day in days:
        code = f"{day.year}-Q{(day.month + 2) // 3}"
        keys[day] = _period(code, code, day, 3)
    return keys


def _years(days: set[Any], above: str) -> dict[Any, Key]:
    return {day: _period(f"{day.year}", f"{day.year}", day, 12) for day in days}


def _period(code: str, label: str, first: datetime.date, months: int) -> Key:
    after = first.month - 1 + months
    last = datetime.date(first.year + after // 12, after % 12 + 1, 1) - datetime.timedelta(days=1)
    return Key(code, label, {"first": first.isoformat(), "last": last.isoformat()})


_LABELLING: dict[Dimension, Callable[[set[Any], str], dict[Any, Key]]] = {
    Dimension.PLACE: _places,
    Dimension.AGENCY: _agencies,
    Dimension.KIND: _choices(Agency.Kind, Dimension.KIND),
    Dimension.PRODUCT: _by_id(Product, Dimension.PRODUCT),
    Dimension.CATEGORY: _by_id(Category, Dimension.CATEGORY),
    Dimension.VENDOR: _by_id(Vendor, Dimension.VENDOR),
    Dimension.COUNTRY: _countries,
    Dimension.DATA_CLASS: _choices(DataClass, Dimension.DATA_CLASS),
    Dimension.MONTH: _months,
    Dimension.QUARTER: _quarters,
    Dimension.YEAR: _years,
}
