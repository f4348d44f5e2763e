"""Spending paid: payments added up, and the subscriptions of which none is recorded.

Read from the narrowest place that knows it: the tallies of agencies or of tools, what is kept of each subscription, and
the payments themselves only where a filter or a period asks for what no tally tells apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from agencies.models import User
from oversight.explorer.grouping import conditions, grouped, in_sight, key_of, keys, within_period
from oversight.explorer.question import Dimension, Filters
from oversight.explorer.sums import Sums
from oversight.explorer.tallied import PAYING, silent_tallied, tallied
from subscriptions.models import Payment, Status, Subscription

# The same status a second time, as the index of those without payments has it.
UNPAID = Q(paid__payments=0, paid__unknown=0, paid__status__in=PAYING)

Found = dict[tuple[Any, ...], Sums]


def paid(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    """For each group: won paid, the payments of which that is known, and as unknown the payments of which it is not together
    with the subscriptions without any payment. The latter belong to no month, so that they count only where no time is asked.
    """
    timed = any(dimension.is_time for dimension in by)
    always = not timed and not filters.first and not filters.last
    found = tallied(user, filters, by, above)
    if found is None:
        found = (
            _of_subscriptions(user, filters, by, above) if always else _of_payments(user, filters, by, above)
        )
    if not always and not timed:
        for key, sums in silent(user, filters, by, above).items():
            found[key] += sums
    return dict(found)


def silent(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> Found:
    """The part of `paid` that no month has, by groups none of which is of time: the subscriptions without any payment."""
    found = silent_tallied(user, filters, by, above)
    if found is None:
        rows = grouped(without_payment(user, filters), keys(by, above), count=Count("pk"))
        found = defaultdict(
            Sums, {key_of(row, by): Sums(unknown=row["count"]) for row in rows if row["count"]}
        )
    return dict(found)


def payments(user: User, filters: Filters) -> QuerySet:
    """The payments that the filters keep; those of a subscription that was recorded in error only when asked for."""
    rows = in_sight(Payment.objects, user, filters).filter(
        conditions(filters, "subscription__"), _paid_within(filters)
    )
    return rows if filters.status else rows.exclude(subscription__status=Status.VOID)


def without_payment(user: User, filters: Filters) -> QuerySet:
    """The subscriptions in force in the period without any payment ever recorded."""
    return in_sight(Subscription.objects, user, filters).filter(
        UNPAID, conditions(filters), within_period(filters, "started_on", "ends_on"), status__in=PAYING
    )


def _of_payments(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> defaultdict[Any, Sums]:
    by_key = keys(by, above, "subscription__", "paid_on")
    rows = grouped(payments(user, filters), by_key, won_paid=Sum("won"), all=Count("pk"), given=Count("won"))
    return _added(rows, by)


def _of_subscriptions(
    user: User, filters: Filters, by: Sequence[Dimension], above: str
) -> defaultdict[Any, Sums]:
    """The same whatever the time, from what is kept of each subscription."""
    rows = in_sight(Subscription.objects, user, filters).filter(conditions(filters))
    if not filters.status:
        rows = rows.exclude(status=Status.VOID)
    sums = grouped(
        rows,
        keys(by, above),
        won_paid=Sum("paid__won"),
        given=Sum("paid__payments"),
        all=Sum(F("paid__payments") + F("paid__unknown")),
        silent=Count("pk", filter=UNPAID),
    )
    return _added(sums, by)


def _added(rows: Iterable[dict[str, Any]], by: Sequence[Dimension]) -> defaultdict[Any, Sums]:
    found: defaultdict[Any, Sums] = defaultdict(Sums)
    for row in rows:
        given = row["given"] or 0
        rateless, silent = (row["all"] or 0) - given, row.get("silent", 0)
        if given or rateless or silent:
            found[key_of(row, by)] += Sums.exactly(row["won_paid"] or 0, given, silent, rateless)
    return found


def _paid_within(filters: Filters) -> Q:
    condition = Q()
    if filters.first:
        condition &= Q(paid_on__gte=filters.first)
    if filters.last:
        condition &= Q(paid_on__lte=filters.last)
    return condition
