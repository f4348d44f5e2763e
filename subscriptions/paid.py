"""What has been paid for any choice of subscriptions, each in it once. `tallies` is quicker where nothing is chosen."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Count, DateField, Func, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from subscriptions.models import Status, SubscriptionQuerySet
from subscriptions.tally_sql import month_of

TO_BE_PAID = (Status.APPROVED, Status.ACTIVE, Status.ENDED)
Period = tuple[datetime.date, datetime.date]


class FirstOfMonth(Func):
    """The first day of a date's month."""

    output_field = DateField()
    template = month_of("sqlite", "%(expressions)s")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Django's own looks at a time zone in each row.
        return super().as_sql(
            compiler, connection, template=month_of("postgresql", "%(expressions)s"), **context
        )


def paid(subscriptions: SubscriptionQuerySet, *by: str) -> QuerySet:
    """`won`, `payments`, `unknown` and `silent` of these subscriptions, for each value of the lookups `by` (`"product__vendor"`).

    All time, from what is kept of each subscription. Void subscriptions count nowhere. `won` adds up what is known, of so many
    `payments`; `unknown` counts payments whose won are not known, `silent` subscriptions whose spending is not given: none is
    recorded of one that is approved, active or ended.
    """
    none = Q(paid__payments=0, paid__unknown=0, status__in=TO_BE_PAID)
    return (
        subscriptions.exclude(status=Status.VOID)
        .order_by()
        .values(*by)
        .annotate(
            won=Coalesce(Sum("paid__won"), 0),
            payments=Coalesce(Sum("paid__payments"), 0),
            unknown=Coalesce(Sum("paid__unknown"), 0),
            silent=Count("pk", filter=none),
        )
    )


def paid_within(
    subscriptions: SubscriptionQuerySet, *by: str, period: Period | None = None, by_month: bool = False
) -> QuerySet:
    """`won`, `payments` and `unknown` of these subscriptions between two days, both included, from the payments themselves.

    For each value of the lookups `by`, and with `by_month` of each `month`, given by its first day. Void subscriptions count
    nowhere.
    """
    within = Q(payments__paid_on__range=period) if period else Q(payments__isnull=False)
    rows = subscriptions.exclude(status=Status.VOID).filter(within).order_by()
    months = {"month": FirstOfMonth("payments__paid_on")} if by_month else {}
    return rows.values(*by, **months).annotate(
        won=Coalesce(Sum("payments__won"), 0),
        unknown=Count("pk", filter=Q(payments__won=None)),
        payments=Count("payments__won"),  # last, since the name means the number from here on
    )
