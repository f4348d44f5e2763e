"""The acts at the end of a term: renew it, decide not to renew it, or decide anew. One transaction each, as in `recording`."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agencies.models import User
from subscriptions import recording
from subscriptions.deciders import may_record_at
from subscriptions.evaluation import judge_saved, outcome
from subscriptions.models import COMMITTED, Decision, PriceLine, Renewal, Subscription
from subscriptions.today import today

# What the renewal makes of the price lines of the old term: see `prices.lines_of_next_term`.
Pricing = Callable[[Sequence[PriceLine]], list[PriceLine]]


def current(subscription: Subscription) -> Renewal | None:
    """The end of the term that a subscription is in, if it is approved or active."""
    return Renewal.objects.current().filter(subscription=subscription).first()


def may_decide(user: User, subscription: Subscription) -> bool:
    return may_record_at(user, subscription.agency)


def may_renew(user: User, subscription: Subscription) -> bool:
    return may_decide(user, subscription) and subscription.status in COMMITTED and bool(subscription.ends_on)


def may_let_end(user: User, subscription: Subscription, renewal: Renewal | None) -> bool:
    return may_renew(user, subscription) and renewal is not None and renewal.state == Renewal.State.OPEN


def may_reconsider(user: User, subscription: Subscription, renewal: Renewal | None) -> bool:
    return may_renew(user, subscription) and renewal is not None and renewal.state == Renewal.State.ENDING


@transaction.atomic
def renew(
    subscription: Subscription,
    *,
    by: User,
    version: int,
    ends_on: datetime.date,
    pricing: Pricing = list,
    terms: Mapping[str, Any] | None = None,
    reason: str = "",
) -> recording.Recorded:
    """Let another term follow, until `ends_on`; the price lines become what `pricing` makes of them.

    `terms` are `auto_renewal` and `notice_days` of the new term, where they change. It is a change like any other
    (`recording.change`): policies may refuse it, and where it has to be approved anew, it waits for that. Raises StaleEdit when
    somebody was quicker, ValidationError by field, NotPossible for a subscription without an end or not in force.
    """
    stored, renewal = _held(subscription, by)
    if stored.version != version:
        raise recording.StaleEdit(stored)
    if stored.ends_on is None or ends_on <= stored.ends_on:
        raise ValidationError({"ends_on": _("The new term ends after the old one.")})
    after = copy.copy(stored)
    after.ends_on = ends_on
    for name in ("auto_renewal", "notice_days"):
        setattr(after, name, (terms or {}).get(name, getattr(stored, name)))
    lines = pricing(list(stored.price_lines.order_by("position")))
    recorded = recording.change(after, lines, by=by, version=version, act=Decision.Act.RENEW, reason=reason)
    if not recorded.refused:
        # The current end of a term has moved on with the subscription; the one that was renewed stays beside it.
        renewal.pk, renewal._state.adding = None, True
        renewal.state, renewal.renewed_until, renewal.notice_given_on = Renewal.State.RENEWED, ends_on, None
        _decided(renewal, by, reason)
        renewal.save()
    return recorded


@transaction.atomic
def let_end(
    subscription: Subscription,
    *,
    by: User,
    reason: str,
    notice_given_on: datetime.date | None = None,
) -> Decision:
    """Decide that a term is not followed by another. Until notice is given of one that renews by itself, reminders go on."""
    stored, renewal = _held(subscription, by)
    if not may_let_end(by, stored, renewal):
        raise recording.NotPossible
    if notice_given_on and notice_given_on > today():
        raise ValidationError({"notice_given_on": _("Notice is given today or was given before.")})
    renewal.state, renewal.notice_given_on = Renewal.State.ENDING, notice_given_on
    _decided(renewal, by, reason)
    renewal.save()
    return _logged(stored, Decision.Act.LET_END, by, reason)


@transaction.atomic
def reconsider(subscription: Subscription, *, by: User, reason: str = "") -> Decision:
    """Take back the decision not to renew: it is to be decided again."""
    stored, renewal = _held(subscription, by)
    if not may_reconsider(by, stored, renewal):
        raise recording.NotPossible
    renewal.state, renewal.notice_given_on = Renewal.State.OPEN, None
    renewal.reason, renewal.decided_by, renewal.decided_at = "", None, None
    renewal.save()
    return _logged(stored, Decision.Act.RECONSIDER, by, reason)


def _decided(renewal: Renewal, by: User, reason: str) -> None:
    renewal.reason, renewal.decided_by, renewal.decided_at = reason, by, timezone.now()


def _held(subscription: Subscription, by: User) -> tuple[Subscription, Renewal]:
    """The subscription and the end of its term as they are stored, held until the commit."""
    stored = (
        Subscription.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agency", "product__vendor")
        .get(pk=subscription.pk)
    )
    if not may_decide(by, stored):
        raise PermissionDenied
    renewal = current(stored)
    if stored.status not in COMMITTED or renewal is None:
        raise recording.NotPossible
    return stored, renewal


def _logged(subscription: Subscription, act: Decision.Act, by: User, reason: str) -> Decision:
    judgements = judge_saved(subscription, today())
    return Decision.objects.create(
        subscription=subscription,
        act=act,
        result=Decision.Result.DONE,
        outcome=outcome(judgements),
        verdicts=[judgement.as_json() for judgement in judgements],
        reason=reason,
        decided_by=by,
    )
