"""Spending paid from the tallies: what a question asks by agency, or by tool where the reader sees everything."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Count, F, Q, Sum, Value

from agencies.models import Agency, User
from catalog.models import Category, Product
from oversight.explorer.grouping import conditions, grouped, in_sight, place_of, within_period
from oversight.explorer.question import NONE, Dimension, Filters
from oversight.explorer.sums import Sums
from subscriptions.models import PaidBySubscription, Status
from subscriptions.tallies import (
    Period,
    Row,
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
PERIOD = {"first", "last"}
FILTERS_OF_AGENCIES = {"agency", "alone", "kind", *PERIOD}
FILTERS_OF_TOOLS = {"product", "category", "vendor", "country", *PERIOD}
# What is told apart by tool and month, though not of subscriptions without payments, which have no month.
FILTERS_IN_DETAIL = {"status", "data_class", "provenance"}

# Once approved to start, a subscription costs something: without a payment, its spending is not given.
PAYING = (Status.APPROVED, Status.ACTIVE, Status.ENDED)
UNPAID = Q(payments=0, unknown=0, status__in=PAYING)
SUMS = ("won_paid", "given", "missing", "silent")

Keys = dict[Any, tuple[Any, ...]]


def tallied(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """The groups of `paid`, without what is silent where a period is asked; None when the tallies do not tell them."""
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
    if not _is_dated(filters, by) and asked <= FILTERS_OF_AGENCIES | FILTERS_OF_TOOLS | FILTERS_IN_DETAIL:
        return _of_each_subscription(user, filters, by, above)
    return None


def silent_tallied(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """The subscriptions without any payment by the same groups, none of them of time; None when neither the tallies nor what is
    kept of each subscription tells them. Of a period: those in force in it.
    """
    asked = filters.set()
    found: defaultdict[tuple[Any, ...], Sums] = defaultdict(Sums)
    if asked & (PERIOD | FILTERS_IN_DETAIL):
        return _silent_of_each(user, filters, by, above)
    if set(by) <= OF_TOOLS and asked <= FILTERS_OF_TOOLS and user.sight().everything:
        _add_silent(found, silent_by_product(), _keys_of_tools(filters, by))
        return found
    if not (set(by) <= OF_AGENCIES and asked <= FILTERS_OF_AGENCIES):
        return _silent_of_each(user, filters, by, above)
    if _is_of_all_places(user, filters, by):
        places, keys, own = _places(by, above)
        _add_silent(found, silent_by_place(places), keys)
        _add_silent(found, silent_by_agency(list(own)), own)
    else:
        keys = _keys_of_agencies(user, filters, by, above)
        _add_silent(found, silent_by_agency(None if _is_of_all(user, filters) else list(keys)), keys)
    return found


def _silent_of_each(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """They are few: one in twenty, in an index of their own."""
    if not filters.set() <= FILTERS_OF_AGENCIES | FILTERS_OF_TOOLS | FILTERS_IN_DETAIL:
        return None
    unpaid = UNPAID & within_period(filters, "started_on", "ends_on")
    return _of_each(user, filters, by, above, unpaid, silent=Count("pk"))


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
    found = _added(rows, keys, by)
    if not _is_dated(filters, by):
        _add_silent(found, silent_by_product(), keys)
    return found


def _by_agency(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums]:
    if _is_of_all_places(user, filters, by):
        return _by_place(filters, by, above)
    keys = _keys_of_agencies(user, filters, by, above)
    return _of_agencies(None if _is_of_all(user, filters) else list(keys), keys, by, _period(filters))


def _is_of_all(user: User, filters: Filters) -> bool:
    return user.sight().everything and filters.set() <= PERIOD


def _is_of_all_places(user: User, filters: Filters, by: Sequence[Dimension]) -> bool:
    asked = {dimension for dimension in by if not dimension.is_time}
    return _is_of_all(user, filters) and asked == {Dimension.PLACE}


def _by_place(filters: Filters, by: Sequence[Dimension], above: str) -> defaultdict[tuple[Any, ...], Sums]:
    """Added up in the database, since there are a thousand agencies to each place below the nation."""
    places, keys, own = _places(by, above)
    period = _period(filters)
    found = _added(paid_by_place(places, period, any(dimension.is_time for dimension in by)), keys, by)
    if not _is_dated(filters, by):
        _add_silent(found, silent_by_place(places), keys)
    for key, sums in _of_agencies(list(own), own, by, period).items():
        found[key] += sums
    return found


def _places(by: Sequence[Dimension], above: str) -> tuple[list[tuple[str, int]], Keys, Keys]:
    """The places right below `above`, their groups' keys, and that of the agency there by its own key."""
    below = Agency.objects.filter(parent__path=above) if above else Agency.objects.filter(parent=None)
    places = [(path, pk) for pk, path in below.values_list("pk", "path")]
    own = Agency.objects.filter(path=above).values_list("pk", flat=True)
    return (
        places,
        {pk: _group(by, {Dimension.PLACE: path}) for path, pk in places},
        {pk: _group(by, {Dimension.PLACE: above}) for pk in own},
    )


def _of_agencies(
    agencies: list[int] | None, keys: Keys, by: Sequence[Dimension], period: Period | None
) -> defaultdict[tuple[Any, ...], Sums]:
    timed = any(dimension.is_time for dimension in by)
    found = _added(paid_by_agency(agencies, period, timed), keys, by)
    if not timed and period is None:
        _add_silent(found, silent_by_agency(agencies), keys)
    return found


def _of_each_subscription(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """Of any time, whatever the filters, from what is kept of each subscription; None for agencies by tools."""
    counted = Q() if filters.status else Q(status__in=[status for status in Status if status != Status.VOID])
    sums = {"won_paid": Sum("won"), "given": Sum("payments"), "missing": Sum("unknown")}
    return _of_each(user, filters, by, above, counted, **sums, silent=Count("pk", filter=UNPAID))


def _of_each(
    user: User, filters: Filters, by: Sequence[Dimension], above: str, kept: Q, **sums: Any
) -> defaultdict[tuple[Any, ...], Sums] | None:
    """The database adds up by agency, or by tool and data class; what these belong to is told here, which is quicker than to cut
    a million paths.
    """
    of_agencies = bool(by) and set(by) <= OF_AGENCIES
    if not (of_agencies or set(by) <= OF_TOOLS | {Dimension.DATA_CLASS}):
        return None
    # Empty is here what is null there.
    asked = conditions(replace(filters, data_class=""))
    if filters.data_class:
        asked &= Q(data_class="" if filters.data_class == NONE else filters.data_class)
    rows = in_sight(PaidBySubscription.objects, user, filters).filter(asked, kept)
    of, data_class = (F("agency_id"), Value("")) if of_agencies else (F("product_id"), F("data_class"))
    found = grouped(rows, {"of": of, "as": data_class}, **sums)
    keys = _keys_of_agencies(user, filters, by, above) if of_agencies else _keys_of_tools(filters, by)
    counted = (Row(row["of"], row["as"], None, *(row.get(name, 0) for name in SUMS)) for row in found)
    return _added((row for row in counted if row.payments or row.unknown or row.silent), keys, by)


def _added(rows: Iterable[Row], keys: Keys, by: Sequence[Dimension]) -> defaultdict[tuple[Any, ...], Sums]:
    """Written for eleven thousand rows and more: what a month or data class is called is worked out once for each."""
    found: defaultdict[tuple[Any, ...], Sums] = defaultdict(Sums)
    of_rows = [(n, dimension) for n, dimension in enumerate(by) if _is_of_rows(dimension)]
    parts: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    for of, data_class, month, won, payments, rateless, silent in rows:
        key = keys.get(of)
        if key is None:
            continue
        if of_rows:
            part = parts.get((data_class, month))
            if part is None:
                part = parts[data_class, month] = _parts(data_class, month, of_rows)
            if len(of_rows) == len(by):
                key = part
            else:
                key = key + part if of_rows[0][0] else part + key
        if key in found:
            found[key] += Sums(won, won, payments, payments, silent, rateless)
        else:
            found[key] = Sums(won, won, payments, payments, silent, rateless)
    return found


def _add_silent(
    found: defaultdict[tuple[Any, ...], Sums], rows: Iterable[tuple[int, int]], keys: Keys
) -> None:
    for of, silent in rows:
        if of in keys:
            found[keys[of]] += Sums(unknown=silent)


def _group(by: Sequence[Dimension], parts: dict[Dimension, Any]) -> tuple[Any, ...]:
    """The key of a group without its time and data class, which each row has of its own."""
    return tuple(parts[dimension] for dimension in by if not _is_of_rows(dimension))


def _is_of_rows(dimension: Dimension) -> bool:
    return dimension.is_time or dimension == Dimension.DATA_CLASS


def _parts(
    data_class: str | None, month: datetime.date | None, of_rows: Sequence[tuple[int, Dimension]]
) -> tuple[Any, ...]:
    return tuple(
        data_class or None if dimension == Dimension.DATA_CLASS else month and _start(month, dimension)
        for _n, dimension in of_rows
    )


def _start(month: datetime.date, dimension: Dimension) -> datetime.date:
    if dimension == Dimension.YEAR:
        return month.replace(month=1)
    return (
        month.replace(month=month.month - (month.month - 1) % 3) if dimension == Dimension.QUARTER else month
    )


def _keys_of_agencies(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Keys:
    """The key of each agency that the filters keep."""
    keys: Keys = {}
    for pk, path, kind in _agencies(user, filters):
        parts = {Dimension.PLACE: place_of(path, above), Dimension.AGENCY: pk, Dimension.KIND: kind}
        keys[pk] = _group(by, parts)
    return keys


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


def _is_dated(filters: Filters, by: Sequence[Dimension]) -> bool:
    return _period(filters) is not None or any(dimension.is_time for dimension in by)


def _period(filters: Filters) -> Period | None:
    if not filters.first and not filters.last:
        return None
    return filters.first or datetime.date.min, filters.last or datetime.date.max
