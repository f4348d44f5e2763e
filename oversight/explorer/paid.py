"""Spending paid: payments added up, and the subscriptions of which none is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from agencies.models import User
from oversight.explorer.grouping import conditions, grouped, in_sight, key_of, keys, within_period
from oversight.explorer.question import Dimension, Filters
from oversight.explorer.sums import Sums
from subscriptions.models import Payment, Status, Subscription

# Once approved to start, a subscription costs something: without a payment, its spending is not given.
PAYING = (Status.APPROVED, Status.ACTIVE, Status.ENDED)


def paid(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> dict[tuple[Any, ...], Sums]:
    """For each group: won paid, the payments of which that is known, and as unknown the payments of which it is not together
    with the subscriptions without any payment. The latter belong to no month, so that they count only where no time is asked.
    """
    found: dict[tuple[Any, ...], Sums] = defaultdict(Sums)
    by_key = keys(by, above, "subscription__", "paid_on")
    for row in grouped(payments(user, filters), by_key, paid=Sum("won"), all=Count("pk"), given=Count("won")):
        found[key_of(row, by)] += Sums.exactly(row["paid"] or 0, row["given"], row["all"] - row["given"])
    if not any(dimension.is_time for dimension in by):
        for key, count in silent(user, filters, by, above).items():
            found[key] += Sums(unknown=count)
    return dict(found)


def payments(user: User, filters: Filters) -> QuerySet:
    """The payments that the filters keep; those of a subscription that was recorded in error only when asked for."""
    rows = in_sight(Payment.objects, user, filters).filter(
        conditions(filters, "subscription__"), _paid_within(filters)
    )
    return rows if filters.status else rows.exclude(subscription__status=Status.VOID)


def silent(user: User, filters: Filters, by: Sequence[Dimension], above: str) -> dict[tuple[Any, ...], int]:
    """How many subscriptions of each group were in force in the period without any payment ever recorded."""
    rows = without_payment(user, filters)
    return {key_of(row, by): row["count"] for row in grouped(rows, keys(by, above), count=Count("pk"))}


def without_payment(user: User, filters: Filters) -> QuerySet:
    return in_sight(Subscription.objects, user, filters).filter(
        conditions(filters),
        within_period(filters, "started_on", "ends_on"),
        ~Exists(Payment.objects.filter(subscription=OuterRef("pk"))),
        status__in=PAYING,
    )


def _paid_within(filters: Filters) -> Q:
    condition = Q()
    if filters.first:
        condition &= Q(paid_on__gte=filters.first)
    if filters.last:
        condition &= Q(paid_on__lte=filters.last)
    return condition
