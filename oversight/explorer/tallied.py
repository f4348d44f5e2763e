"""Spending paid from the tallies: what a question asks by agency, or by tool where the reader sees everything."""

from __future__ import annotations

import calendar
import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from agencies.models import Agency, User
from catalog.models import Category, Product
from oversight.explorer.grouping import place_of
from oversight.explorer.question import NONE, Dimension, Filters
from oversight.explorer.sums import Sums
from subscriptions.models import Status
from subscriptions.tallies import (
    Period,
    paid_by_agency,
    paid_by_place,
    paid_by_product,
    silent_by_agency,
    silent_by_place,
    silent_by_product,
)

OF_AGENCIES = {Dimension.PLACE, Dimension.AGENCY, Dimension.KIND}
TOOL_COLUMNS = {
    Dimension.PRODUCT: "pk",
    Dimension.CATEGORY: "category_id",
    Dimension.VENDOR: "vendor_id",
    Dimension.COUNTRY: "vendor__country",
}
OF_TOOLS = set(TOOL_COLUMNS)
FILTERS_OF_AGENCIES = {"agency", "alone", "kind", "first", "last"}
FILTERS_OF_TOOLS = {"product", "category", "vendor", "country", "first", "last"}
# What is told apart by tool and month, though not of subscriptions without payments, which have no month.
FILTERS_IN_DETAIL = {"status", "data_class", "provenance"}

DAY = datetime.timedelta(days=1)

Keys = dict[Any, tuple[Any, ...]]


def tallied(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """The groups of `paid`, without what is silent where a period is asked; None when the tallies do not tell them."""
    if not _is_of_whole_months(filters):
        return None
    dimensions = {dimension for dimension in by if not dimension.is_time}
    asked = filters.set()
    if (
        dimensions <= OF_TOOLS | {Dimension.DATA_CLASS}
        and asked <= FILTERS_OF_TOOLS | FILTERS_IN_DETAIL
        and user.sight().everything
    ):
        in_detail = bool(asked & FILTERS_IN_DETAIL) or Dimension.DATA_CLASS in dimensions
        if not in_detail or (_is_dated(filters, by) and filters.status != Status.VOID):
            return _by_tool(filters, by)
    if dimensions <= OF_AGENCIES and asked <= FILTERS_OF_AGENCIES:
        return _by_agency(user, filters, by, above)
    return None


def _by_tool(filters: Filters, by: Sequence[Dimension]) -> defaultdict[tuple[Any, ...], Sums]:
    keys = _keys_of_tools(filters, by)
    rows = paid_by_product(
        _period(filters),
        any(dimension.is_time for dimension in by),
        Dimension.DATA_CLASS in by,
        status=filters.status or None,
        data_class="" if filters.data_class == NONE else filters.data_class or None,
        provenance=filters.provenance or None,
    )
    found = _added(rows, "product_id", keys, by)
    if not _is_dated(filters, by):
        _add_silent(found, silent_by_product(), "product_id", keys)
    return found


def _by_agency(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums]:
    everybody = user.sight().everything and filters.set() <= {"first", "last"}
    if everybody and {dimension for dimension in by if not dimension.is_time} == {Dimension.PLACE}:
        return _by_place(filters, by, above)
    keys = {}
    for pk, path, kind in _agencies(user, filters):
        parts = {Dimension.PLACE: place_of(path, above), Dimension.AGENCY: pk, Dimension.KIND: kind}
        keys[pk] = _group(by, parts)
    return _of_agencies(None if everybody else list(keys), keys, by, _period(filters))


def _by_place(filters: Filters, by: Sequence[Dimension], above: str) -> defaultdict[tuple[Any, ...], Sums]:
    """Added up in the database, since there are a thousand agencies to each place below the nation."""
    timed, period = any(dimension.is_time for dimension in by), _period(filters)
    below = Agency.objects.filter(parent__path=above) if above else Agency.objects.filter(parent=None)
    places = [(path, pk) for pk, path in below.values_list("pk", "path")]
    keys: Keys = {pk: _group(by, {Dimension.PLACE: path}) for path, pk in places}
    found = _added(paid_by_place(places, period, timed), "place", keys, by)
    if not timed and period is None:
        _add_silent(found, silent_by_place(places), "place", keys)
    own = {
        pk: _group(by, {Dimension.PLACE: above})
        for pk in Agency.objects.filter(path=above).values_list("pk", flat=True)
    }
    for key, sums in _of_agencies(list(own), own, by, period).items():
        found[key] += sums
    return found


def _of_agencies(
    agencies: list[int] | None, keys: Keys, by: Sequence[Dimension], period: Period | None
) -> defaultdict[tuple[Any, ...], Sums]:
    timed = any(dimension.is_time for dimension in by)
    found = _added(paid_by_agency(agencies, period, timed), "agency_id", keys, by)
    if not timed and period is None:
        _add_silent(found, silent_by_agency(agencies), "agency_id", keys)
    return found


def _added(
    rows: Iterable[dict[str, Any]], of: str, keys: Keys, by: Sequence[Dimension]
) -> defaultdict[tuple[Any, ...], Sums]:
    found: defaultdict[tuple[Any, ...], Sums] = defaultdict(Sums)
    of_rows = {n: dimension for n, dimension in enumerate(by) if _is_of_rows(dimension)}
    for row in rows:
        key = keys.get(row[of])
        if key is None:
            continue
        if of_rows:
            key = tuple(_part(row, of_rows[n]) if n in of_rows else part for n, part in enumerate(key))
        sums = Sums.exactly(row["won"], row["payments"], rateless=row["unknown"])
        found[key] = found[key] + sums if key in found else sums
    return found


def _add_silent(
    found: defaultdict[tuple[Any, ...], Sums], rows: Iterable[dict[str, Any]], of: str, keys: Keys
) -> None:
    for row in rows:
        if row[of] in keys:
            found[keys[row[of]]] += Sums(unknown=row["silent"])


def _group(by: Sequence[Dimension], parts: dict[Dimension, Any]) -> tuple[Any, ...]:
    """The key of a group; a time or data class is filled in for each row."""
    return tuple(None if _is_of_rows(dimension) else parts[dimension] for dimension in by)


def _is_of_rows(dimension: Dimension) -> bool:
    return dimension.is_time or dimension == Dimension.DATA_CLASS


def _part(row: dict[str, Any], dimension: Dimension) -> Any:
    if dimension == Dimension.DATA_CLASS:
        return row["data_class"] or None
    return _start(row["month"], dimension)


def _start(month: datetime.date, dimension: Dimension) -> datetime.date:
    if dimension == Dimension.YEAR:
        return month.replace(month=1)
    return (
        month.replace(month=month.month - (month.month - 1) % 3) if dimension == Dimension.QUARTER else month
    )


def _agencies(user: User, filters: Filters) -> Iterable[tuple[Any, ...]]:
    rows = Agency.objects.visible_to(user, within=filters.agency)
    if filters.alone and filters.agency:
        rows = rows.filter(pk=filters.agency.pk)
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    return rows.order_by().values_list("pk", "path", "kind")


def _keys_of_tools(filters: Filters, by: Sequence[Dimension]) -> Keys:
    """The key of each tool that the filters keep."""
    rows = Product.objects.order_by().values_list(*TOOL_COLUMNS.values())
    asked = {
        Dimension.PRODUCT: filters.product and filters.product.pk,
        Dimension.CATEGORY: filters.category.pk
        if isinstance(filters.category, Category)
        else filters.category,
        Dimension.VENDOR: filters.vendor and filters.vendor.pk,
        Dimension.COUNTRY: filters.country,
    }
    found: Keys = {}
    for row in rows:
        of = dict(zip(TOOL_COLUMNS, row, strict=True))
        if all(_fits(of[dimension], value) for dimension, value in asked.items()):
            found[of[Dimension.PRODUCT]] = _group(by, of)
    return found


def _fits(value: Any, asked: Any) -> bool:
    return asked in (None, "") or (value is None if asked == NONE else value == asked)


def _is_of_whole_months(filters: Filters) -> bool:
    return in_months(filters) == (filters, [])


def in_months(filters: Filters) -> tuple[Filters | None, list[Filters]]:
    """The whole months of the period, None when it holds none, and what of it lies before and after these."""
    first, last = filters.first, filters.last
    ends: list[Filters] = []
    if first and first.day > 1:
        first = first.replace(day=_length(first)) + DAY
    if last and last.day < _length(last):
        last = last.replace(day=1) - DAY
    if first and last and first > last:
        return None, [filters]
    if first != filters.first and first:
        ends.append(replace(filters, last=first - DAY))
    if last != filters.last and last:
        ends.append(replace(filters, first=last + DAY))
    return replace(filters, first=first, last=last), ends


def _length(day: datetime.date) -> int:
    """How many days its month has."""
    return calendar.monthrange(day.year, day.month)[1]


def _is_dated(filters: Filters, by: Sequence[Dimension]) -> bool:
    return _period(filters) is not None or any(dimension.is_time for dimension in by)


def _period(filters: Filters) -> Period | None:
    if not filters.first and not filters.last:
        return None
    return filters.first or datetime.date.min, filters.last or datetime.date.max
