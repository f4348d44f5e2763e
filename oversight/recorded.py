"""What the register has recorded, rolled up to agencies with all below them: subscriptions, annual cost, findings."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Substr

from agencies.models import Agency, User
from figures.figure import Figure, Total, missing_figures
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from policies.verdicts import Verdict
from subscriptions.models import Finding, Status, Subscription
from subscriptions.origins import lacking_rate


@dataclass(frozen=True)
class Recorded:
    """Sums over subscriptions: how many are live, how many of these only requested, the annual cost in won of those in force.

    `attention` counts open findings that nothing excuses, `undetermined` those of them where a fact is missing.
    """

    subscriptions: int
    requested: int
    annual_cost: Total
    attention: int
    undetermined: int


def recorded_below(
    user: User, paths: Collection[str], on: datetime.date, within: Agency | None = None
) -> tuple[dict[str, Recorded], Recorded]:
    """For each of these places in the tree what is recorded there and below, as far as `user` sees it; and for all at once.

    `within`: an agency that all of them are at or below, so that the database looks no further.
    Four grouped queries whatever the number of agencies and subscriptions. A path that lies below another of `paths` counts
    in both, and once in the sum of all.
    """
    # Cut to the longest path asked for, a path still begins with the path of each agency above it.
    length = max((len(path) for path in paths), default=1)
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    for rows, lookup in _queries(user, on, within):
        place = Substr(F(lookup), Value(1), Value(length))
        for row in rows(place):
            parts[row.pop("place")].update({name: number or 0 for name, number in row.items()})

    def below(*tops: str) -> Recorded:
        return _recorded(sums for place, sums in parts.items() if place.startswith(tops))

    return {path: below(path) for path in paths}, below(*paths)


def recorded_in_sight(user: User, on: datetime.date) -> Recorded | None:
    """What is recorded in all agencies that `user` sees; None for somebody who sees none."""
    sight = user.sight()
    paths = sight.paths
    if sight.everything:
        paths = list(Agency.objects.filter(parent=None).values_list("path", flat=True))
    return recorded_below(user, paths, on)[1] if paths else None


def subscribing(user: User, product_code: str) -> set[str]:
    """The paths of the agencies that `user` sees to have a live subscription to a tool."""
    live = Subscription.objects.visible_to(user).live().filter(product__code=product_code)
    return set(live.order_by().values_list("agency__path", flat=True).distinct())


def _queries(user: User, on: datetime.date, within: Agency | None) -> Iterable[tuple[Any, str]]:
    # The place is the agency's, so that a subscription without facts yet counts too: its cost is not known.
    live = Subscription.objects.visible_to(user, within=within).live()
    in_force = Subscription.objects.visible_to(user, within=within).in_force(on)
    attention = Finding.objects.visible_to(user, within=within).needing_attention()

    def grouped(rows: QuerySet, **sums: Any) -> Any:
        return lambda place: rows.order_by().values(place=place).annotate(**sums)

    yield (
        grouped(live, live=Count("pk"), requested=Count("pk", filter=Q(status=Status.REQUESTED))),
        "agency__path",
    )
    yield (
        grouped(
            in_force,
            in_force=Count("pk"),
            known=Count("facts__annual_cost_min"),
            bounded=Count("facts__annual_cost_max"),
            low=Sum("facts__annual_cost_min"),
            high=Sum("facts__annual_cost_max"),
        ),
        "agency__path",
    )
    yield grouped(lacking_rate(in_force), rateless=Count("pk")), "agency__path"
    yield (
        grouped(
            attention,
            attention=Count("pk"),
            undetermined=Count("pk", filter=Q(verdict=Verdict.UNDETERMINED)),
        ),
        "subscription__agency__path",
    )


def _recorded(parts: Iterable[Counter[str]]) -> Recorded:
    sums: Counter[str] = Counter()
    for part in parts:
        sums.update(part)
    return Recorded(
        subscriptions=sums["live"],
        requested=sums["requested"],
        annual_cost=_annual_cost(sums),
        attention=sums["attention"],
        undetermined=sums["undetermined"],
    )


def _annual_cost(sums: Counter[str]) -> Total:
    return total_of_ranges(
        sums["in_force"], sums["known"], sums["bounded"], sums["low"], sums["high"], sums["rateless"]
    )


def total_of_ranges(count: int, known: int, bounded: int, low: int, high: int, rateless: int = 0) -> Total:
    """The sum of a flat fact with two columns (such as the annual cost) over `count` subscriptions.

    `known` of them have a minimum and `bounded` a maximum; `low` and `high` are the sums of these. The total is of those of
    which something is known, and counts those of which nothing is; `rateless` of these lack an exchange rate.
    """
    missing = missing_figures(count - known - rateless, rateless)
    if not known:
        return Total(Figure.missing(), 0, missing)
    # A cost without an upper bound, or with one above its minimum (VAT not given), makes the sum a minimum.
    interval = Interval(low, high if bounded == known else None)
    qualifier = Qualifier.EXACT if interval.is_exact else Qualifier.AT_LEAST
    return Total(Figure(Standing.STATED, low, interval, 1, qualifier), known, missing)
