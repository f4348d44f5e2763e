"""A small register in memory, and the explorer's figures counted from it one record at a time."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agencies.models import Agency
from catalog.models import Product
from oversight.explorer.question import NONE, Dimension, Filters, Measure
from oversight.explorer.sums import Sums
from subscriptions.models import Facts, Payment, Status, Subscription
from tests.subscriptions.factories import (
    CategoryFactory,
    ProductFactory,
    SubscriptionFactory,
    VendorFactory,
    agency_at,
)

PLACES = ("KR/", "KR/P1/", "KR/P1/C1/", "KR/P1/C2/", "KR/P2/")
KINDS = ("nation", "province", "city", "county", "metropolitan_city")
TOOLS = ("chat", "draw", "code")
VENDORS = {"chat": ("acme", "US"), "draw": ("brush", "CN"), "code": ("nobody", None)}
CATEGORIES = {"chat": "text", "draw": "image", "code": None}


@dataclass(frozen=True)
class Record:
    """A subscription. `payments`: day and won, None where it is not known. Ranges: known minimum and maximum."""

    place: int
    tool: str
    status: Status = Status.ACTIVE
    data_class: str | None = None
    provenance: str = "by_hand"
    started: datetime.date = datetime.date(2025, 1, 1)
    ends: datetime.date | None = None
    seats: tuple[int | None, int | None] = (None, None)
    cost: tuple[int | None, int | None] = (None, None)
    payments: tuple[tuple[datetime.date, int | None], ...] = field(default=())

    @property
    def path(self) -> str:
        return PLACES[self.place]

    def in_force(self, first: datetime.date, last: datetime.date) -> bool:
        return self.started <= last and (self.ends is None or self.ends >= first)


def build(records: Iterable[Record]) -> None:
    """Write them to the database, with the agencies and tools that they need."""
    agencies = {path: agency_at(path) for path in PLACES}
    for path, kind in zip(PLACES, KINDS, strict=True):
        Agency.objects.filter(pk=agencies[path].pk).update(kind=kind)
    tools = {}
    for tool in TOOLS:
        code, country = VENDORS[tool]
        vendor = VendorFactory(code=code, country=country)
        category = CategoryFactory(code=CATEGORIES[tool]) if CATEGORIES[tool] else None
        tools[tool] = Product.objects.filter(code=tool).first() or ProductFactory(
            code=tool, vendor=vendor, category=category
        )
    for record in records:
        subscription: Subscription = SubscriptionFactory(
            agency=agencies[record.path],
            product=tools[record.tool],
            status=record.status,
            data_class=record.data_class,
            provenance=record.provenance,
            started_on=record.started,
            ends_on=record.ends,
        )
        vendor, country = VENDORS[record.tool]
        Facts.objects.create(
            subscription=subscription,
            day=record.started,
            status=record.status,
            agency_path=record.path,
            agency_kind=KINDS[record.place],
            product=record.tool,
            vendor=vendor,
            vendor_country=country,
            data_class=record.data_class,
            seats_min=record.seats[0],
            seats_max=record.seats[1],
            annual_cost_min=record.cost[0],
            annual_cost_max=record.cost[1],
        )
        for day, won in record.payments:
            currency, amount = ("KRW", won) if won is not None else ("USD", 100)
            Payment.objects.create(
                subscription=subscription, paid_on=day, amount=amount, currency=currency, won=won
            )


def counted(
    records: Iterable[Record],
    measure: Measure,
    by: tuple[Dimension, ...],
    filters: Filters,
    today: datetime.date,
    above: str = "KR/",
) -> dict[tuple[str, ...], Sums]:
    """The sums of each group by the codes of its keys."""
    found: dict[tuple[str, ...], Sums] = defaultdict(Sums)
    tools: dict[tuple[str, ...], set[str]] = defaultdict(set)
    timed = any(dimension.is_time for dimension in by)
    for record in records:
        if not _kept(record, filters):
            continue
        key = tuple(_code(record, dimension, above) for dimension in by if not dimension.is_time)
        if measure == Measure.PAID:
            _add_payments(found, record, by, filters, key, timed)
            continue
        first, last = filters.first or datetime.date.min, filters.last or datetime.date.max
        if not record.in_force(first, last):
            continue
        if not filters.status and record.status not in ("requested", "approved", "active"):
            continue
        if measure == Measure.SUBSCRIPTIONS:
            found[key] += Sums.exactly(1, 1)
        elif measure == Measure.PRODUCTS:
            tools[key].add(record.tool)
        else:
            committed = bool(filters.status) or record.status in ("approved", "active")
            dated = filters.first or filters.last or filters.status or record.in_force(today, today)
            if committed and dated:
                found[key] += _range(record.seats if measure == Measure.SEATS else record.cost)
    return dict(found) | {key: Sums.exactly(len(names), len(names)) for key, names in tools.items()}


def _add_payments(
    found: dict[tuple[str, ...], Sums],
    record: Record,
    by: tuple[Dimension, ...],
    filters: Filters,
    key: tuple[str, ...],
    timed: bool,
) -> None:
    first, last = filters.first or datetime.date.min, filters.last or datetime.date.max
    if record.status == Status.VOID and not filters.status:
        return
    for day, won in record.payments:
        if first <= day <= last:
            parts = iter(key)
            whole = tuple(_time(day, part) if part.is_time else next(parts) for part in by)
            found[whole] += Sums(rateless=1) if won is None else Sums.exactly(won, 1)
    unpaid = not record.payments and record.status in ("approved", "active", "ended")
    if unpaid and not timed and record.in_force(first, last):
        found[key] += Sums(unknown=1)


def _range(ends: tuple[int | None, int | None]) -> Sums:
    low, high = ends
    if low is None:
        return Sums(unknown=1)
    return Sums(low, high or 0, 1, 0 if high is None else 1)


def _kept(record: Record, filters: Filters) -> bool:
    asked: dict[str, Any] = {
        "kind": KINDS[record.place],
        "country": VENDORS[record.tool][1] or NONE,
        "data_class": record.data_class or NONE,
        "status": record.status,
        "provenance": record.provenance,
    }
    if filters.agency:
        inside = record.path.startswith(filters.agency.path)
        if not (record.path == filters.agency.path if filters.alone else inside):
            return False
    if filters.product and record.tool != filters.product.code:
        return False
    return all(getattr(filters, name) in ("", value) for name, value in asked.items())


def _code(record: Record, dimension: Dimension, above: str) -> str:
    vendor, country = VENDORS[record.tool]
    if dimension == Dimension.PLACE:
        rest = record.path[len(above) :].split("/")
        return rest[0] or above.strip("/").split("/")[-1]
    return {
        Dimension.AGENCY: record.path.strip("/").split("/")[-1],
        Dimension.KIND: KINDS[record.place],
        Dimension.PRODUCT: record.tool,
        Dimension.CATEGORY: CATEGORIES[record.tool] or NONE,
        Dimension.VENDOR: vendor,
        Dimension.COUNTRY: country or NONE,
        Dimension.DATA_CLASS: record.data_class or NONE,
    }[dimension]


def _time(day: datetime.date, dimension: Dimension) -> str:
    if dimension == Dimension.MONTH:
        return f"{day:%Y-%m}"
    return f"{day.year}-Q{(day.month + 2) // 3}" if dimension == Dimension.QUARTER else f"{day.year}"
