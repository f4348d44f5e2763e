"""What an agency's live subscriptions come to, with all below it: kept for policies that cap an agency in total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from agencies.models import Agency
from catalog.tool_facts import barred
from policies.explaining import codes_of
from subscriptions.models import LIVE, AgencyTotals, Facts, Subscription

COLUMNS = ("agency_annual_cost_min", "agency_annual_cost_max", "agency_products_min", "agency_products_max")


@dataclass(frozen=True)
class Totals:
    """Whole won known at least, won known at most of those that are bounded, how many are not, and the tools' codes."""

    low: int
    high: int
    unbounded: int
    products: frozenset[str]

    def columns(self) -> dict[str, int | None]:
        """As the flat columns of the policy vocabulary: a null minimum means that nothing is known."""
        low = None if self.low == 0 and self.unbounded else self.low
        high = None if self.unbounded else self.high
        count = len(self.products)
        return dict(zip(COLUMNS, (low, high, count, count), strict=True))


def with_all_below(agency: Agency) -> Totals:
    """The totals of an agency with all below it, from the own totals of each."""
    rows = AgencyTotals.objects.filter(agency__path__within=agency.path, own_subscriptions__gt=0)
    sums = rows.aggregate(
        low=Coalesce(Sum("own_min"), 0),
        high=Coalesce(Sum("own_max"), 0),
        unbounded=Coalesce(Sum("own_open"), 0),
    )
    products = {
        code for codes in rows.values_list("own_products", flat=True).distinct() for code in codes_of(codes)
    }
    return Totals(sums["low"], sums["high"], sums["unbounded"], frozenset(products))


def totals_with(subscription: Subscription, facts: dict[str, Any]) -> dict[str, int | None]:
    """The totals that the subscription's agency would have with the subscription as `facts` say, saved or not."""
    agency = subscription.agency
    totals = with_all_below(agency)
    low, high, unbounded, products = totals.low, totals.high, totals.unbounded, set(totals.products)
    old = (
        Facts.objects.filter(subscription=subscription.pk, status__in=LIVE).first()
        if subscription.pk
        else None
    )
    if old is not None and old.agency_path.startswith(agency.path):
        low -= old.annual_cost_min or 0
        high -= old.annual_cost_max or 0
        unbounded -= old.annual_cost_max is None
        others = Facts.objects.filter(agency_path__within=agency.path, status__in=LIVE, product=old.product)
        if not others.exclude(pk=old.pk).exists():
            products.discard(old.product)
    low += facts["annual_cost_min"] or 0
    high += facts["annual_cost_max"] or 0
    unbounded += facts["annual_cost_max"] is None
    return Totals(low, high, unbounded, frozenset({*products, facts["product"]})).columns()


def hold_totals(agencies: Iterable[Agency]) -> dict[int, AgencyTotals]:
    """Lock the totals of these agencies and of those above them until the transaction ends; returns them by agency.

    Whoever also locks subscriptions does that first. The rows are taken from the root down, so that two who take them, wherever
    in the tree, wait for each other and never both.
    """
    paths = sorted({agency.path: agency for agency in agencies}.items())
    missing = [AgencyTotals(agency=agency) for _path, agency in paths]
    AgencyTotals.objects.bulk_create(missing, ignore_conflicts=True)
    codes = {code for path, _agency in paths for code in path.strip("/").split("/")}
    rows = AgencyTotals.objects.select_for_update(of=("self",)).order_by("agency__path")
    return {totals.agency_id: totals for totals in rows.filter(agency__code__in=codes)}


@transaction.atomic
def refresh_totals(agency: Agency) -> list[int]:
    """Make the totals of an agency and of those above it equal to its facts; returns the agencies whose totals changed.

    They are held first, so that two changes below one agency cannot lose each other's part.
    """
    line = list(Agency.objects.filter(code__in=agency.path.strip("/").split("/")).order_by("path"))
    kept = hold_totals([agency])
    own = kept[agency.pk]
    if _set(own, _own(agency)):
        own.save()
    changed = []
    for above in line:
        totals = kept.get(above.pk)
        if totals is None:
            continue
        columns = with_all_below(above).columns() if totals.own_subscriptions else dict.fromkeys(COLUMNS)
        if _set(totals, columns):
            totals.save()
            changed.append(above.pk)
    return changed


@transaction.atomic
def refresh_all_totals() -> list[int]:
    """Make the totals of all agencies equal to their facts, each agency once; returns the agencies that changed."""
    # By the agency itself: the paths among the facts may be those from before a move, until these are made anew.
    found = {
        row["subscription__agency"]: row for row in _own_rows(Facts.objects.all(), "subscription__agency")
    }
    products: dict[int, set[str]] = {}
    live = Facts.objects.filter(status__in=LIVE).order_by()
    for pk, product in live.values_list("subscription__agency", "product").distinct():
        products.setdefault(pk, set()).add(product)
    rows = AgencyTotals.objects.select_for_update(of=("self",)).order_by("agency__path")
    kept = {totals.agency_id: totals for totals in rows}
    agencies = Agency.objects.order_by("path").values_list("path", "pk")
    by_path = {path: pk for path, pk in agencies if pk in found or pk in kept}
    sums: dict[str, list[int]] = {}
    tools: dict[str, set[str]] = {}
    own = {}
    for path, pk in by_path.items():
        own[pk] = _columns_of(found.get(pk), products.get(pk, set()))
        for prefix in _prefixes(path):
            total = sums.setdefault(prefix, [0, 0, 0])
            for number, name in enumerate(("own_min", "own_max", "own_open")):
                total[number] += own[pk][name]
            tools.setdefault(prefix, set()).update(products.get(pk, set()))
    wrong, changed = [], []
    for path, pk in by_path.items():
        totals = kept.get(pk) or AgencyTotals(agency_id=pk)
        columns: dict[str, Any] = dict.fromkeys(COLUMNS)
        if own[pk]["own_subscriptions"]:
            low, high, unbounded = sums[path]
            columns = dict(Totals(low, high, unbounded, frozenset(tools[path])).columns())
        differs = _set(totals, columns)
        if _set(totals, own[pk]) or differs or pk not in kept:
            wrong.append(totals)
        if differs:
            changed.append(pk)
    names = [field.attname for field in AgencyTotals._meta.concrete_fields if not field.primary_key]
    AgencyTotals.objects.bulk_create(
        wrong, update_conflicts=True, unique_fields=["agency"], update_fields=names, batch_size=500
    )
    return changed


def _prefixes(path: str) -> Iterable[str]:
    """A path and those of all agencies above it."""
    codes = path.strip("/").split("/")
    return ("/".join(codes[:length]) + "/" for length in range(1, len(codes) + 1))


def _own_rows(facts: Any, by: str) -> Any:
    """The own sums of the facts, for each agency or each tool."""
    return (
        facts.filter(status__in=LIVE)
        .order_by()
        .values(by)
        .annotate(
            count=Count("pk"),
            low=Coalesce(Sum("annual_cost_min"), 0),
            high=Coalesce(Sum("annual_cost_max"), 0),
            unbounded=Count("pk", filter=Q(annual_cost_max__isnull=True)),
        )
    )


def _own(agency: Agency) -> dict[str, Any]:
    facts = Facts.objects.filter(subscription__agency=agency)
    rows = list(_own_rows(facts, "product"))
    row = {name: sum(row[name] for row in rows) for name in ("count", "low", "high", "unbounded")}
    return _columns_of(row, {row["product"] for row in rows})


def _columns_of(row: dict[str, Any] | None, products: set[str]) -> dict[str, Any]:
    return {
        "own_subscriptions": row["count"] if row else 0,
        "own_min": row["low"] if row else 0,
        "own_max": row["high"] if row else 0,
        "own_open": row["unbounded"] if row else 0,
        "own_products": barred(products),
    }


def _set(totals: AgencyTotals, columns: dict[str, Any]) -> bool:
    """Set the columns; whether any of them differed."""
    differs = any(getattr(totals, name) != value for name, value in columns.items())
    for name, value in columns.items():
        setattr(totals, name, value)
    return differs
