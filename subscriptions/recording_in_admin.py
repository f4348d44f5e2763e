"""What the Django admin saves of a subscription, judged by the rules of the acts in `recording`, and what it does not take."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agencies.models import User
from policies.verdicts import Outcome
from subscriptions import recording, reopening
from subscriptions.deciders import DECIDING, askers_of
from subscriptions.differences import content_of
from subscriptions.evaluation import Judgement, judge_candidate, outcome
from subscriptions.material import is_unapproved, material_changes, may_grow
from subscriptions.models import COMMITTED, LIVE, Decision, PriceLine, Status, Subscription
from subscriptions.storing import approved_under, hold, locked, log, reconcile, store_facts
from subscriptions.telling import asked_by, tell_asked, tell_of
from subscriptions.today import today


class RefusedInAdmin(Exception):
    """Policies stand against what the Django admin has saved."""

    def __init__(self, act: Decision.Act, judgements: list[Judgement]) -> None:
        super().__init__(act)
        self.act, self.judgements = act, judgements


class NotDecidedHere(Exception):
    """The Django admin would decide on a request in a way that the acts do not; `reason` says what to do instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@transaction.atomic
def recorded_in_admin(
    subscription: Subscription,
    *,
    by: User,
    before: Subscription | None,
    old_lines: Sequence[PriceLine] = (),
) -> recording.Recorded:
    """Judge a subscription that the Django admin has just saved with its price lines, by the rules of the acts.

    `before` is the record as it was with its price lines, None for a new one. Raises RefusedInAdmin, for the admin to roll back
    what it saved: when it moved to a status that policies stand against, or grew or renewed what they block. Raises
    NotDecidedHere, likewise, when somebody would decide on their own request, or change what is over.
    """
    subscription = locked(subscription)
    hold(before.agency if before else subscription.agency, subscription.agency)
    on, lines, ended = today(), list(subscription.price_lines.order_by("position")), []
    material = material_changes(before, subscription, lines, on, old_lines) if before is not None else []
    act, was = act_in_admin(subscription, before), before.status if before is not None else Status.DRAFT
    if before is not None:
        _require_editable(subscription, lines, before, old_lines)
    if material or _goes_back(subscription, was):
        ended = reopening.end_approvals(subscription)
    judgements = judge_candidate(subscription, lines, on, approved_under(subscription))
    found, status = outcome(judgements), Status(subscription.status)
    starts = act in (Decision.Act.REQUEST, Decision.Act.APPROVE, Decision.Act.ACTIVATE)
    grows = act == Decision.Act.CHANGE and bool(material) and status in LIVE
    officer_first = starts and status in COMMITTED and found == Outcome.NEEDS_OFFICER
    if officer_first or (starts and found == Outcome.REFUSED):
        raise RefusedInAdmin(act, judgements)
    if grows and before and not may_grow(found, material, unapproved=is_unapproved(before)):
        raise RefusedInAdmin(act, judgements)
    _require_two_people(subscription, lines, by, before, old_lines)
    asked = asked_by(subscription)
    moved = store_facts(subscription, lines, on)
    decision = log(subscription, act, by, judgements)
    reconcile(subscription, on, judgements, moved, by)
    if status not in COMMITTED:
        reopening.close_over(subscription)
    elif before is not None and was in COMMITTED:
        kept = content_of(before, old_lines)
        if reopening.follow(subscription, lines, kept, material, ended, by=by, on=on):
            tell_asked("approval_reopened", subscription, by)
    # What was active is only put back to before its start.
    if not (act == Decision.Act.APPROVE and was == Status.ACTIVE):
        tell_of(act, subscription, by, found=found, asked=asked)
    return recording.Recorded(subscription, judgements, decision)


def keep_approval_in_step(subscription: Subscription, before: Subscription | None) -> None:
    """Say, before the admin saves it, since when it is approved, as the acts do: what goes back to be decided is so no more."""
    if _goes_back(subscription, before.status if before is not None else Status.DRAFT):
        subscription.approved_at = None
        return
    declared = act_in_admin(subscription, before) == Decision.Act.DECLARE
    if subscription.status in COMMITTED and subscription.approved_at is None and not declared:
        subscription.approved_at = timezone.now()


def _goes_back(subscription: Subscription, was: str) -> bool:
    """Whether it becomes a draft or a request again, so that whatever was approved of it is approved no more."""
    return subscription.status != was != Status.DRAFT and subscription.status in (
        Status.DRAFT,
        Status.REQUESTED,
    )


# What may still be put right in what is over: no policy, cost or term depends on it.
_HARMLESS = ("plan", "purpose", "owner_department", "reseller", "contract_number")


def _require_editable(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    before: Subscription,
    old_lines: Sequence[PriceLine],
) -> None:
    """That what is over stays as it is, as in the acts, which change only drafts and what is live. Raises NotDecidedHere."""
    if {before.status, subscription.status} & {Status.DRAFT, *LIVE}:
        return
    was, now = content_of(before, old_lines), content_of(subscription, lines)
    if any(was[name] != now[name] for name in was if name not in _HARMLESS):
        text = _(
            "What is ended, refused or void is not changed, except for its texts. Make it a draft again first."
        )
        raise NotDecidedHere(text)


def _require_two_people(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    by: User,
    before: Subscription | None,
    old_lines: Sequence[PriceLine],
) -> None:
    """That nobody decides on what they asked for or changed, whatever their rights: as in the acts. Raises NotDecidedHere."""
    act, was = act_in_admin(subscription, before), before.status if before is not None else Status.DRAFT
    if act not in (*DECIDING, Decision.Act.ACTIVATE):
        return
    if act == Decision.Act.ACTIVATE and was == Status.APPROVED:
        if reopening.open_reopening(subscription) is not None:
            raise NotDecidedHere(_("A change of it waits for approval. It starts when that is given."))
        return
    if act == Decision.Act.APPROVE and was == Status.ACTIVE:
        return  # it was approved, and is only put back to before its start
    if before is None or was not in (Status.REQUESTED, *COMMITTED):
        raise NotDecidedHere(_("Request it first. Another person then decides on the request."))
    if by.pk in askers_of(before):
        raise NotDecidedHere(_("A request is decided by another person than the one who made it."))
    if content_of(before, old_lines) != content_of(subscription, lines):
        raise NotDecidedHere(_("Save the change first. Another person then decides on the request."))


def act_in_admin(subscription: Subscription, before: Subscription | None) -> Decision.Act:
    """What it means that the Django admin saves a subscription with this status."""
    status, was = subscription.status, before.status if before is not None else Status.DRAFT
    if status == Status.ACTIVE and subscription.declared and was == Status.DRAFT:
        return Decision.Act.DECLARE
    if before is not None and status == was:
        return Decision.Act.CHANGE
    if status == Status.ACTIVE and was == Status.REQUESTED:
        return Decision.Act.APPROVE  # it starts at once
    return {
        Status.DRAFT: Decision.Act.RECORD if before is None else Decision.Act.CHANGE,
        Status.REQUESTED: Decision.Act.REQUEST,
        Status.APPROVED: Decision.Act.APPROVE,
        Status.ACTIVE: Decision.Act.ACTIVATE,
        Status.ENDED: Decision.Act.END,
        Status.REFUSED: Decision.Act.REFUSE,
        Status.VOID: Decision.Act.VOID,
    }[Status(status)]


def keep_refusal(subscription: Subscription, refused: RefusedInAdmin, *, by: User) -> Decision:
    """Store the refused attempt with the record as it stands, after the admin has rolled back what it saved."""
    return log(subscription, refused.act, by, refused.judgements, refused=True)
