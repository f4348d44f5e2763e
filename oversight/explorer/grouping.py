"""How the filters and groupings of a question become conditions and expressions of one query, whatever record it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import StrIndex, Substr, TruncMonth, TruncQuarter, TruncYear

from agencies.models import Agency, User
from agencies.paths import SEPARATOR
from catalog.models import Category
from oversight.explorer.question import NONE, Dimension, Filters
from subscriptions.models import PriceLine
from subscriptions.search import containing, keys_of_few

TRUNCATED = {Dimension.MONTH: TruncMonth, Dimension.QUARTER: TruncQuarter, Dimension.YEAR: TruncYear}
# What leads from a subscription to the key of a group.
COLUMNS = {
    Dimension.AGENCY: "agency_id",
    Dimension.KIND: "agency__kind",
    Dimension.PRODUCT: "product_id",
    Dimension.CATEGORY: "product__category_id",
    Dimension.VENDOR: "product__vendor_id",
    Dimension.COUNTRY: "product__vendor__country",
    Dimension.DATA_CLASS: "data_class",
}


def in_sight(records: Any, user: User, filters: Filters) -> QuerySet:
    """The records of the agencies that `user` sees, of these only the agency of the filters with all below it."""
    return records.visible_to(user, within=filters.agency).order_by()


def conditions(filters: Filters, to: str = "") -> Q:
    """What the filters ask of a subscription (the agency with all below it apart). `to` leads to it, as "subscription__"."""
    asked: dict[str, Any] = {
        "agency": filters.agency if filters.alone else None,
        "agency__kind": filters.kind,
        "product": filters.product,
        "product__vendor": filters.vendor,
        "status": filters.status,
        "provenance": filters.provenance,
        **_or_none("product__category", filters.category),
        **_or_none("product__vendor__country", filters.country),
        **_or_none("data_class", filters.data_class),
    }
    condition = Q(**{to + lookup: value for lookup, value in asked.items() if value not in (None, "")})
    if filters.standing:
        lines = PriceLine.objects.filter(subscription=OuterRef(f"{to}pk"), standing=filters.standing)
        condition &= Q(Exists(lines))
    if words := filters.text.split():
        keys = keys_of_few(words)
        if keys is None:
            condition &= containing(words, f"{to}facts__search__has_word")
        else:
            condition &= Q(**{f"{to}pk__in": keys})
    return condition


def _or_none(lookup: str, value: Category | str | None) -> dict[str, Any]:
    return {f"{lookup}__isnull": True} if value == NONE else {lookup: value}


def within_period(filters: Filters, first: str, last: str) -> Q:
    """That something from the day at `first` to the day at `last` (unknown ones: open) touches the period of the filters."""
    condition = Q()
    if filters.last:
        condition &= Q(**{f"{first}__isnull": True}) | Q(**{f"{first}__lte": filters.last})
    if filters.first:
        condition &= Q(**{f"{last}__isnull": True}) | Q(**{f"{last}__gte": filters.first})
    return condition


def place_above(filters: Filters) -> str:
    """The path below which places are told apart: the agency's of the filters, else the nation's where there is one root."""
    if filters.agency:
        return filters.agency.path
    roots = Agency.objects.filter(parent=None).values_list("path", flat=True)[:2]
    return str(roots[0]) if len(roots) == 1 else ""


def place(path: str, above: str) -> Any:
    """The path at `path`, cut off one level below `above`; that of `above` itself stays as it is."""
    rest = Substr(F(path), Value(len(above) + 1))
    return Substr(F(path), Value(1), StrIndex(rest, Value(SEPARATOR)) + Value(len(above)))


def place_of(path: str, above: str) -> str:
    """The same of a path at hand."""
    step, separator, _rest = path[len(above) :].partition(SEPARATOR)
    return above + step + separator


def keys(by: Sequence[Dimension], above: str, to: str = "", day: str = "") -> dict[str, Any]:
    """The expressions `key0`, `key1` that a query groups by. `day`: the column that tells the time."""
    return {f"key{number}": _key(dimension, above, to, day) for number, dimension in enumerate(by)}


def _key(dimension: Dimension, above: str, to: str, day: str) -> Any:
    if dimension.is_time:
        return TRUNCATED[dimension](day)
    if dimension == Dimension.PLACE:
        return place(f"{to}agency__path", above)
    return F(to + COLUMNS[dimension])


def grouped(rows: QuerySet, by: dict[str, Any], **sums: Any) -> QuerySet:
    """One row for each group with its sums; one for all when `by` is empty."""
    expressions = by or {"whole": Value(1)}
    return rows.order_by().values(**expressions).annotate(**sums)


def key_of(row: dict[str, Any], by: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(row[f"key{number}"] for number in range(len(by)))
