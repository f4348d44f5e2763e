"""What is recorded as of today: subscriptions, tools, seats, annual cost, findings and users, for each group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from agencies.models import User
from oversight.explorer.grouping import conditions, grouped, in_sight, key_of, keys, within_period
from oversight.explorer.question import STATED_BY, Dimension, Filters, Measure
from oversight.explorer.sums import Sums
from subscriptions.models import COMMITTED, LIVE, Finding, Subscription, UserCount
from subscriptions.origins import lacking_rate

Found = dict[tuple[Any, ...], Sums]
# A filter on the tool or the subscription: then only what is counted for a subscription tells of it.
OF_ALL_TOOLS = {"agency", "alone", "kind", "first", "last"}
OF_AGENCIES = set(STATED_BY)


def live(user: User, filters: Filters) -> QuerySet:
    """The subscriptions that the filters keep: requested, approved or active unless a status is asked for."""
    rows = in_sight(Subscription.objects, user, filters).filter(
        conditions(filters), within_period(filters, "started_on", "ends_on")
    )
    return rows if filters.status else rows.filter(status__in=LIVE)


def in_force(user: User, filters: Filters) -> QuerySet:
    """Those of them that are in force in the period, or today when none is given."""
    rows = live(user, filters)
    if filters.status:
        return rows
    rows = rows.filter(status__in=COMMITTED)
    if filters.first or filters.last:
        return rows
    today = timezone.localdate()
    return rows.filter(within_period(Filters(first=today, last=today), "started_on", "ends_on"))


def subscriptions(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    rows = grouped(live(user, filters), keys(by, above), count=Count("pk"))
    return {key_of(row, by): Sums.exactly(row["count"], row["count"]) for row in rows}


def products(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    rows = grouped(live(user, filters), keys(by, above), count=Count("product", distinct=True))
    return {key_of(row, by): Sums.exactly(row["count"], row["count"]) for row in rows}


def attention(user: User, filters: Filters) -> QuerySet:
    """The open findings, that nothing excuses, of what the filters keep."""
    return in_sight(Finding.objects.needing_attention(), user, filters).filter(
        conditions(filters, "subscription__"),
        within_period(filters, "subscription__started_on", "subscription__ends_on"),
    )


def findings(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    rows = attention(user, filters)
    return {
        key_of(row, by): Sums.exactly(row["count"], row["count"])
        for row in grouped(rows, keys(by, above, "subscription__"), count=Count("pk"))
    }


def seats(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    return _of_fact("seats", user, filters, by, above)


def annual_cost(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    found = _of_fact("annual_cost", user, filters, by, above)
    for row in grouped(lacking_rate(in_force(user, filters)), keys(by, above), count=Count("pk")):
        key = key_of(row, by)
        if key in found:
            found[key] += Sums(unknown=-row["count"], rateless=row["count"])
    return found


def _of_fact(fact: str, user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    rows = grouped(
        in_force(user, filters),
        keys(by, above),
        all=Count("pk"),
        low=Sum(f"facts__{fact}_min"),
        high=Sum(f"facts__{fact}_max"),
        given=Count(f"facts__{fact}_min"),
        bounded=Count(f"facts__{fact}_max"),
    )
    return {
        key_of(row, by): Sums(
            row["low"] or 0, row["high"] or 0, row["given"], row["bounded"], row["all"] - row["given"]
        )
        for row in rows
    }


def users(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    """People, by the latest count of each. One person may use several tools, so that of one agency the largest count of a
    tool is the least and the sum the most; a count over all its tools says it outright. Agencies' people add up.
    """
    counts = in_sight(UserCount.objects, user, filters)
    outright = None
    if filters.set() <= OF_ALL_TOOLS and set(by) <= OF_AGENCIES:
        of_agencies = Filters(agency=filters.agency, alone=filters.alone, kind=filters.kind)
        outright = over_all_tools(counts).filter(conditions(of_agencies))
    return people(counts, outright, in_force(user, filters), by, above)


def over_all_tools(counts: QuerySet) -> QuerySet:
    """Of each agency the latest of these counts of the people who use any tool."""
    latest = _latest(subscription=None, agency=OuterRef("agency"))
    return counts.filter(latest, subscription=None, value__isnull=False)


def people(
    counts: QuerySet, outright: QuerySet | None, subscribed: QuerySet, by: Sequence[Dimension], above: str
) -> Found:
    """The people of these counts, for the subscriptions `subscribed`; where a count of `outright` tells of an agency, by it."""
    of_tools = counts.filter(_latest(subscription=OuterRef("subscription")), value__isnull=False)
    found: Found = defaultdict(Sums)
    if outright is not None:
        for row in grouped(outright, keys(by, above), people=Sum("value"), given=Count("pk")):
            found[key_of(row, by)] += Sums.exactly(row["people"] or 0, row["given"])
        subscribed = subscribed.exclude(agency__in=outright.values("agency"))
    of_tools = of_tools.filter(subscription__in=subscribed.values("pk"))
    by_key = {**keys(by, above, "subscription__"), "of": F("subscription__agency_id")}
    for row in grouped(of_tools, by_key, most=Max("value"), together=Sum("value"), given=Count("pk")):
        found[key_of(row, by)] += Sums(row["most"] or 0, row["together"] or 0, row["given"], row["given"])
    uncounted = subscribed.filter(~Exists(of_tools.filter(subscription=OuterRef("pk")).order_by()))
    for row in grouped(uncounted, keys(by, above), count=Count("pk")):
        found[key_of(row, by)] += Sums(unknown=row["count"])
    return dict(found)


def _latest(**same: Any) -> Q:
    """That no count of the same people is newer."""
    return ~Q(Exists(UserCount.objects.filter(day__gt=OuterRef("day"), **same)))


RECORDED = {
    Measure.SUBSCRIPTIONS: subscriptions,
    Measure.PRODUCTS: products,
    Measure.FINDINGS: findings,
    Measure.SEATS: seats,
    Measure.ANNUAL_COST: annual_cost,
    Measure.USERS: users,
}
