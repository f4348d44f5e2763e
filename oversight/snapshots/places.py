"""To which group of a view a record belongs, and belonged at an earlier instant: the same rules as the explorer's queries."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agencies.models import Agency
from agencies.paths import SEPARATOR, below
from catalog.models import Product, Vendor
from oversight.explorer.question import NONE, Dimension, Filters, Measure, Question
from oversight.snapshots.history import changed
from subscriptions.models import COMMITTED, LIVE, Status

Group = tuple[str, ...]
# What counts while no status is asked for. Spending stays with a subscription that has ended.
COUNTED: dict[Measure, tuple[str, ...]] = {
    Measure.PAID: tuple(status for status in Status if status != Status.VOID),
    Measure.PER_USER: tuple(status for status in Status if status != Status.VOID),
    Measure.SUBSCRIPTIONS: LIVE,
    Measure.PRODUCTS: LIVE,
    Measure.FINDINGS: tuple(Status),
}


@dataclass(frozen=True)
class At:
    """An agency at an instant."""

    path: str
    code: str
    kind: str


@dataclass(frozen=True)
class Tool:
    """An AI tool at an instant."""

    code: str
    vendor: str
    category: str
    country: str


@dataclass(frozen=True)
class Belongs:
    """What decides to which groups a record belongs. `tool` None: of all tools together."""

    agency: At
    tool: Tool | None = None
    subscription: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """Agencies and tools by key, now and at the instant `since`."""

    agencies: dict[int, At]
    agencies_then: dict[int, At]
    tools: dict[int, Tool]
    tools_then: dict[int, Tool]

    @property
    def moved_agencies(self) -> list[int]:
        return [
            pk
            for pk, at in self.agencies.items()
            if pk in self.agencies_then and at != self.agencies_then[pk]
        ]

    @property
    def changed_tools(self) -> list[int]:
        return [pk for pk, tool in self.tools.items() if tool != self.tools_then.get(pk, tool)]

    def now(self, subscription: Mapping[str, Any]) -> Belongs:
        return Belongs(
            self.agencies[subscription["agency_id"]], self.tools[subscription["product_id"]], subscription
        )

    def then(self, subscription: Mapping[str, Any]) -> Belongs:
        """As things stood. What was not there yet is taken as it is now."""
        agency, tool = subscription["agency_id"], subscription["product_id"]
        return Belongs(
            self.agencies_then.get(agency, self.agencies[agency]),
            self.tools_then.get(tool, self.tools[tool]),
            subscription,
        )


def world(since: datetime.datetime) -> World:
    """Nine queries, however many agencies and tools there are."""
    rows = list(Agency.objects.order_by().values_list("pk", "path", "code", "kind", "parent_id"))
    agencies = {pk: At(path, code, kind) for pk, path, code, kind, _parent in rows}
    parents = {pk: parent for pk, *_rest, parent in rows}
    tools, tools_then = _tools(since)
    return World(agencies, _agencies_then(agencies, parents, since), tools, tools_then)


def _agencies_then(
    agencies: Mapping[int, At], parents: Mapping[int, int | None], since: datetime.datetime
) -> dict[int, At]:
    """Only what moves by itself writes its history, and a path in it may be older than a move further up: parents tell."""
    then = dict(agencies)
    parents_then = dict(parents)
    for change in changed(Agency, since, ("kind", "parent_id"))[0]:
        if change.is_new:
            then.pop(change.pk, None)
        elif change.before and change.now:
            then[change.pk] = replace(then[change.pk], kind=change.before["kind"])
            parents_then[change.pk] = change.before["parent_id"]
    if parents_then == parents:
        return then

    paths: dict[int, str] = {}

    def path(pk: int) -> str:
        if pk not in paths:
            above = parents_then[pk]
            known = above is None or above in agencies
            paths[pk] = (
                below(agencies[pk].code, path(above) if above is not None else "")
                if known
                else agencies[pk].path
            )
        return paths[pk]

    return {pk: replace(at, path=path(pk)) for pk, at in then.items()}


def _tools(since: datetime.datetime) -> tuple[dict[int, Tool], dict[int, Tool]]:
    rows = list(
        Product.objects.order_by().values_list(
            "pk", "code", "vendor_id", "vendor__code", "category__code", "vendor__country"
        )
    )
    now = {
        pk: Tool(code, vendor, category or NONE, str(country) if country else NONE)
        for pk, code, _vendor_id, vendor, category, country in rows
    }
    products = {c.pk: c for c in changed(Product, since, ("vendor_id", "category_id"))[0] if c.before}
    vendors = {c.pk: c for c in changed(Vendor, since, ("country",))[0] if c.before}
    if not products and not vendors:
        return now, dict(now)
    of_vendor = {vendor_id: now[pk] for pk, _code, vendor_id, *_rest in rows}
    of_category = dict(Product.objects.order_by().values_list("category_id", "category__code").distinct())
    then = {}
    for pk, code, vendor_id, *_rest in rows:
        tool, category = now[pk], now[pk].category
        if pk in products:
            before = products[pk].before or {}
            vendor_id = before["vendor_id"]
            category = of_category.get(before["category_id"]) or NONE
        as_now = of_vendor.get(vendor_id, tool)
        country = as_now.country
        if vendor_id in vendors:
            country = str((vendors[vendor_id].before or {})["country"] or NONE)
        then[pk] = Tool(code, as_now.vendor, category, country)
    return now, then


def groups(question: Question, above: str, what: Belongs, days: Iterable[datetime.date] = ()) -> set[Group]:
    """The rows, subtotals and total that count it, as the codes of their keys; none when the filters leave it out.

    `days` are what a grouping by time goes by.
    """
    if not is_kept(question.filters, question.measure, what):
        return set()
    found: set[Group] = {()}
    for group in _keys(question.by, above, what, tuple(days)):
        found |= {group[:length] for length in range(1, len(group) + 1)}
    return found


def _keys(
    by: tuple[Dimension, ...], above: str, what: Belongs, days: tuple[datetime.date, ...]
) -> Iterable[Group]:
    if any(dimension.is_time for dimension in by):
        for day in days:
            yield tuple(_code(dimension, above, what, day) for dimension in by)
        if not by[0].is_time:  # what no time knows of counts in the group all the same
            yield (_code(by[0], above, what, None),)
    else:
        yield tuple(_code(dimension, above, what, None) for dimension in by)


def _code(dimension: Dimension, above: str, what: Belongs, day: datetime.date | None) -> str:
    if day is not None and dimension.is_time:
        return {
            Dimension.MONTH: f"{day:%Y-%m}",
            Dimension.QUARTER: f"{day.year}-Q{(day.month + 2) // 3}",
            Dimension.YEAR: f"{day.year}",
        }[dimension]
    if dimension == Dimension.PLACE:
        step = what.agency.path[len(above) :].partition(SEPARATOR)[0]
        return step or what.agency.code
    if dimension == Dimension.AGENCY:
        return what.agency.code
    if dimension == Dimension.KIND:
        return what.agency.kind
    if what.tool is None:
        return NONE
    return {
        Dimension.PRODUCT: what.tool.code,
        Dimension.VENDOR: what.tool.vendor,
        Dimension.CATEGORY: what.tool.category,
        Dimension.COUNTRY: what.tool.country,
        Dimension.DATA_CLASS: what.subscription.get("data_class") or NONE,
    }[dimension]


def is_kept(filters: Filters, measure: Measure, what: Belongs) -> bool:
    """Whether the filters keep it, words and the standing of price lines apart: what these say of the past is not kept."""
    agency, tool, subscription = what.agency, what.tool, what.subscription
    if filters.agency:
        inside = agency.path.startswith(filters.agency.path)
        if not (agency.code == filters.agency.code if filters.alone else inside):
            return False
    if filters.kind and agency.kind != filters.kind:
        return False
    if tool and not all(
        not wanted or str(getattr(wanted, "code", wanted)) == has
        for wanted, has in (
            (filters.product, tool.code),
            (filters.vendor, tool.vendor),
            (filters.category, tool.category),
            (filters.country, tool.country),
        )
    ):
        return False
    return not subscription or _is_counted(filters, measure, subscription)


def _is_counted(filters: Filters, measure: Measure, subscription: Mapping[str, Any]) -> bool:
    statuses = (filters.status,) if filters.status else COUNTED.get(measure, COMMITTED)
    if subscription["status"] not in statuses:
        return False
    if filters.data_class and (subscription["data_class"] or NONE) != filters.data_class:
        return False
    if filters.provenance and subscription["provenance"] != filters.provenance:
        return False
    if measure == Measure.PAID:  # payments have days of their own
        return True
    starts, ends = subscription["started_on"], subscription["ends_on"]
    return not (filters.last and starts and starts > filters.last) and not (
        filters.first and ends and ends < filters.first
    )
