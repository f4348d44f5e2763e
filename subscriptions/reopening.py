"""The approval that a material change of an approved or active subscription reopens, and how that ends.

The subscription goes on meanwhile, since it is in use and paid for. An approver accepts the change, or refuses it and the record
becomes what was approved; or the change is taken back, or the subscription ends. What is approved for a later day does not start
before that.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from agencies.models import User
from subscriptions.differences import content_of, restored
from subscriptions.material import changes_since
from subscriptions.models import (
    COMMITTED,
    Approval,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)

Closing = Reopening.Closing


def open_reopening(subscription: Subscription) -> Reopening | None:
    return Reopening.objects.filter(subscription=subscription.pk, closed_at=None).first()


def reopened(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Those of which a material change waits for approval."""
    waiting = Reopening.objects.filter(closed_at=None)
    return subscriptions.filter(pk__in=waiting.order_by().values("subscription"), status__in=COMMITTED)


def end_approvals(subscription: Subscription) -> list[int]:
    """End the policy officers' approvals of what is no more as it was; returns their keys."""
    current = subscription.approvals.filter(ended_at=None)
    keys = list(current.values_list("pk", flat=True))
    current.update(ended_at=timezone.now())
    return keys


def follow(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    before: Mapping[str, Any],
    causes: Iterable[str],
    ended: Sequence[int],
    *,
    by: User,
    on: datetime.date,
) -> bool:
    """Reopen the approval after a material change, or close it once nothing that was approved is exceeded any more.

    `before` is the record as it was (`differences.content_of`), `causes` what grew, `ended` the officers' approvals that ended
    with it. To be called in the change's transaction; returns whether an approval was reopened by this change.
    """
    waiting = Reopening.objects.select_for_update().filter(subscription=subscription, closed_at=None).first()
    if waiting is None:
        if causes:
            Reopening.objects.create(
                subscription=subscription,
                causes=[str(cause) for cause in causes],
                before=before,
                ended_approvals=list(ended),
                opened_by=by,
                opened_at=timezone.now(),
            )
        return bool(causes)
    was, old_lines = restored(waiting.before, subscription, [])
    since = changes_since(was, old_lines, subscription, lines, on)
    if since:
        waiting.causes = [str(cause) for cause in since]
        waiting.save()
    else:
        close(waiting, Closing.UNDONE)
    return False


class Changed(NamedTuple):
    """A record with its price lines before and after a change."""

    before: Subscription
    old_lines: Sequence[PriceLine]
    after: Subscription
    lines: Sequence[PriceLine]


def follow_many(
    changes: Sequence[Changed],
    causes: Mapping[int, Sequence[str]],
    *,
    by: User,
    on: datetime.date,
) -> list[Subscription]:
    """What a change of one record does, for many that an import has changed; `causes` of those that grew, by their key.

    Returns the subscriptions whose approval this has reopened.
    """
    ended: dict[int, list[int]] = {}
    approvals = Approval.objects.filter(subscription__in=list(causes), ended_at=None)
    for pk, subscription in approvals.values_list("pk", "subscription"):
        ended.setdefault(subscription, []).append(pk)
    approvals.update(ended_at=timezone.now())
    approved = {one.before.pk: one for one in changes if one.before.status in COMMITTED}
    open_ones = Reopening.objects.filter(subscription__in=list(approved), closed_at=None)
    waiting = set(open_ones.values_list("subscription", flat=True))
    for pk in waiting:
        one = approved[pk]
        follow(one.after, one.lines, {}, (), (), by=by, on=on)
    now_open = [pk for pk in approved if pk in causes and pk not in waiting]
    Reopening.objects.bulk_create(
        (
            Reopening(
                subscription=approved[pk].after,
                causes=[str(cause) for cause in causes[pk]],
                before=content_of(approved[pk].before, approved[pk].old_lines),
                ended_approvals=ended.get(pk, []),
                opened_by=by,
                opened_at=timezone.now(),
            )
            for pk in now_open
        ),
        batch_size=500,
    )
    return [approved[pk].after for pk in now_open]


def close(waiting: Reopening, closing: Reopening.Closing) -> None:
    waiting.closed_at, waiting.closed_as = timezone.now(), closing
    waiting.save()


def close_over(subscription: Subscription) -> None:
    """Nothing waits for approval any more, since the subscription is over or a draft again."""
    waiting = Reopening.objects.filter(subscription=subscription, closed_at=None)
    waiting.update(closed_at=timezone.now(), closed_as=Closing.OVER)


def as_approved(
    waiting: Reopening, subscription: Subscription, lines: Sequence[PriceLine]
) -> tuple[Subscription, list[PriceLine]]:
    """The record as it was before the change that waits; nothing is saved."""
    return restored(waiting.before, subscription, lines)


def give_back_approvals(waiting: Reopening) -> None:
    """The officers' approvals that the change had ended hold again, where no newer one has taken their place."""
    now = Approval.objects.filter(subscription=waiting.subscription_id, ended_at=None)
    ended = Approval.objects.filter(pk__in=waiting.ended_approvals)
    ended.exclude(policy_version__in=now.values("policy_version")).update(ended_at=None)


def settle_restored(subscriptions: Sequence[int], on: datetime.date) -> None:
    """Close what waits for subscriptions that were put back, by whatever way, to what was approved, or that are over."""
    for start in range(0, len(subscriptions), 2000):
        waiting = Reopening.objects.filter(
            subscription__in=subscriptions[start : start + 2000], closed_at=None
        ).select_related("subscription")
        for one in waiting:
            subscription = one.subscription
            if subscription.status not in COMMITTED:
                close(one, Closing.OVER)
                continue
            lines = list(subscription.price_lines.order_by("position"))
            was, old_lines = restored(one.before, subscription, [])
            if not changes_since(was, old_lines, subscription, lines, on):
                close(one, Closing.UNDONE)


def may_start(subscription: Subscription) -> bool:
    return subscription.status == Status.APPROVED and open_reopening(subscription) is None
