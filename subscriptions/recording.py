"""How a subscription is recorded, requested, approved, changed and ended: one function an act, one transaction each.

Each act judges the subscription by the policies in force today, stores the attempt as a decision, and keeps facts and
findings in step. A refusal is an outcome, not an exception: the attempt is kept, so that nothing typed is lost.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from agencies.models import Role, User
from policies.models import Waiver
from policies.verdicts import Effect, Outcome, Verdict
from subscriptions import reopening
from subscriptions.deciders import may_approve, may_approve_as_officer, may_record_at
from subscriptions.differences import content_of
from subscriptions.evaluation import (
    Judgement,
    covering,
    judge_candidate,
    judge_saved,
    needs_officer,
    outcome,
)
from subscriptions.material import is_unapproved, material_changes, may_grow
from subscriptions.models import (
    COMMITTED,
    LIVE,
    Approval,
    Decision,
    Facts,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)
from subscriptions.storing import (
    approved_under,
    hold,
    locked,
    log,
    next_reference,
    reconcile,
    store,
    store_facts,
)
from subscriptions.telling import asked_by, tell_asked, tell_of
from subscriptions.today import today


@dataclass(frozen=True)
class Recorded:
    """What an act came to: the subscription as it stands now, the verdicts, and the decision that was stored."""

    subscription: Subscription
    judgements: list[Judgement]
    decision: Decision

    @property
    def refused(self) -> bool:
        return self.decision.result == Decision.Result.REFUSED

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.decision.outcome)


class StaleEdit(Exception):
    """Somebody else has changed the subscription since the form was opened. `current` is the record as it is now."""

    def __init__(self, current: Subscription) -> None:
        super().__init__(current.reference)
        self.current = current


class NotPossible(Exception):
    """The subscription's status does not allow the act."""


# --- the acts ---------------------------------------------------------------------------------------------------------


def check(subscription: Subscription, lines: Sequence[PriceLine]) -> list[Judgement]:
    """The verdicts of a subscription as it is typed; writes nothing."""
    approved: Iterable[int] = ()
    if subscription.pk and not growth(subscription, lines):
        approved = approved_under(subscription)
    return judge_candidate(subscription, lines, today(), approved)


def growth(subscription: Subscription, lines: Sequence[PriceLine]) -> list[str]:
    """What is material in a saved subscription as it is typed; see `material.Material`. Writes nothing."""
    stored = Subscription.objects.get(pk=subscription.pk)
    return [str(cause) for cause in material_changes(stored, subscription, lines, today())]


def may_grow_into(subscription: Subscription, lines: Sequence[PriceLine], causes: Collection[str]) -> bool:
    """Whether policies let a saved subscription become what is typed; `causes` are its `growth`. Writes nothing."""
    judgements = judge_candidate(subscription, lines, today())
    return may_grow(outcome(judgements), causes, unapproved=is_unapproved(subscription))


@transaction.atomic
def save_draft(subscription: Subscription, lines: Sequence[PriceLine], *, by: User) -> Recorded:
    """Keep a subscription as a draft; no policy stops a draft."""
    _require_draft(subscription, by)
    act = Decision.Act.CHANGE if subscription.pk else Decision.Act.RECORD
    subscription.status = Status.DRAFT
    store(subscription, lines, by)
    return _decide(subscription, act, by)


@transaction.atomic
def request(subscription: Subscription, lines: Sequence[PriceLine], *, by: User) -> Recorded:
    """Ask for a subscription to be approved. One that a policy blocks is refused and stays a draft."""
    _require_draft(subscription, by)
    hold(subscription.agency)
    subscription.status = Status.DRAFT
    store(subscription, lines, by)
    recorded = _decide(subscription, Decision.Act.REQUEST, by, start=Status.REQUESTED)
    if not recorded.refused:
        tell_of(Decision.Act.REQUEST, subscription, by, found=recorded.outcome)
    return recorded


@transaction.atomic
def declare(subscription: Subscription, lines: Sequence[PriceLine], *, by: User) -> Recorded:
    """Record a tool that is in use already, also one that policies forbid: a fact with a finding, not a secret."""
    _require_draft(subscription, by)
    hold(subscription.agency)
    subscription.status, subscription.declared = Status.ACTIVE, True
    store(subscription, lines, by)
    recorded = _decide(subscription, Decision.Act.DECLARE, by, enforced=False)
    tell_of(Decision.Act.DECLARE, subscription, by, found=recorded.outcome)
    return recorded


@transaction.atomic
def change(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    *,
    by: User,
    version: int,
    requesting: bool = False,
    act: Decision.Act = Decision.Act.CHANGE,
    reason: str = "",
) -> Recorded:
    """Change what is recorded. `version` is the one that the person saw; `act` is what it is called in the decisions.

    What policies do not let grow (see `material.may_grow`) is refused, and nothing but the decision is written. A material
    change ends the policy officers' approvals, and of what is approved already it reopens the approval (see `reopening`).
    Raises StaleEdit when somebody was quicker.
    """
    before = locked(subscription)
    _require(may_record_at(by, before.agency) and may_record_at(by, subscription.agency))
    if before.version != version:
        raise StaleEdit(before)
    if before.status == Status.DRAFT:
        return request(subscription, lines, by=by) if requesting else save_draft(subscription, lines, by=by)
    if before.status not in LIVE:
        raise NotPossible
    hold(before.agency, subscription.agency)
    on, old_lines, ended = today(), list(before.price_lines.order_by("position")), []
    causes = material_changes(before, subscription, lines, on, old_lines)
    if causes:
        judgements = judge_candidate(subscription, lines, on)
        if not may_grow(outcome(judgements), causes, unapproved=is_unapproved(before)):
            return Recorded(before, judgements, log(before, act, by, judgements, refused=True, reason=reason))
        ended = reopening.end_approvals(before)
    kept = content_of(before, old_lines)
    store(subscription, lines, by)
    recorded = _decide(subscription, act, by, reason=reason, enforced=False)
    if before.status in COMMITTED and reopening.follow(
        subscription, lines, kept, causes, ended, by=by, on=on
    ):
        tell_asked("approval_reopened", subscription, by)
    return recorded


@transaction.atomic
def approve_as_officer(
    subscription: Subscription, *, by: User, reason: str, seen: int | None = None
) -> Recorded:
    """A policy officer's approval under every policy that asks for one; a blocked violation takes a waiver instead."""
    subscription = _as_seen(subscription, seen)
    _require(may_approve_as_officer(by, subscription))
    if subscription.status not in LIVE:
        raise NotPossible
    hold(subscription.agency)
    waiting = [j for j in judge_saved(subscription, today()) if needs_officer(j)]
    if not waiting:
        raise NotPossible
    for judgement in waiting:
        Approval.objects.create(
            subscription=subscription, policy_version=judgement.version, approved_by=by, reason=reason
        )
    recorded = _decide(subscription, Decision.Act.OFFICER_APPROVE, by, reason=reason, enforced=False)
    tell_of(Decision.Act.OFFICER_APPROVE, subscription, by, asked=asked_by(subscription))
    return recorded


@transaction.atomic
def approve(subscription: Subscription, *, by: User, reason: str = "", seen: int | None = None) -> Recorded:
    """The agency's approval: it starts on its first day, at once when that has come. Refused while a policy is against it.

    Of what goes on already it is the approval of the material change that waits. `seen` is the version that the approver saw;
    raises StaleEdit when it is another one now.
    """
    subscription = _as_seen(subscription, seen)
    _require(may_approve(by, subscription))
    waiting = _waiting(subscription)
    if waiting is None and subscription.started_on is None:
        raise NotPossible
    hold(subscription.agency)
    asked = asked_by(subscription)
    starts_now = subscription.status == Status.ACTIVE or (subscription.started_on or today()) <= today()
    recorded = _decide(
        subscription,
        Decision.Act.APPROVE,
        by,
        reason=reason,
        start=Status.ACTIVE if starts_now else Status.APPROVED,
        officer_first=True,
    )
    if not recorded.refused:
        if waiting is not None:
            reopening.close(waiting, reopening.Closing.APPROVED)
        tell_of(Decision.Act.APPROVE, subscription, by, asked=asked)
    return recorded


@transaction.atomic
def activate(subscription: Subscription, *, by: User) -> Recorded:
    """Start an approved subscription whose first day has come, and of which no change waits for approval."""
    subscription = locked(subscription)
    _require(may_record_at(by, subscription.agency) or by.has_role(Role.APPROVER, at=subscription.agency))
    if not reopening.may_start(subscription) or (subscription.started_on or today()) > today():
        raise NotPossible
    hold(subscription.agency)
    return _decide(subscription, Decision.Act.ACTIVATE, by, start=Status.ACTIVE, officer_first=True)


@transaction.atomic
def refuse(subscription: Subscription, *, by: User, reason: str, seen: int | None = None) -> Recorded:
    """Turn down a request, with the reason; of what goes on already the change that waits, and the record becomes what it was."""
    subscription = _as_seen(subscription, seen)
    _require(may_approve(by, subscription) or may_approve_as_officer(by, subscription))
    waiting, asked = _waiting(subscription), asked_by(subscription)
    if waiting is None:
        recorded = _leave(subscription, Status.REFUSED, Decision.Act.REFUSE, by, reason)
    else:
        lines = list(subscription.price_lines.order_by("position"))
        was, old_lines = reopening.as_approved(waiting, subscription, lines)
        hold(subscription.agency, was.agency)
        store(was, old_lines, by)
        reopening.give_back_approvals(waiting)
        reopening.close(waiting, reopening.Closing.REFUSED)
        recorded = _decide(was, Decision.Act.REFUSE, by, reason=reason, enforced=False)
    tell_of(Decision.Act.REFUSE, subscription, by, asked=asked)
    return recorded


def _waiting(subscription: Subscription) -> Reopening | None:
    """The change that waits for approval, or None where it is a request. Raises NotPossible where neither does."""
    if subscription.status == Status.REQUESTED:
        return None
    waiting = reopening.open_reopening(subscription) if subscription.status in COMMITTED else None
    if waiting is None:
        raise NotPossible
    return waiting


@transaction.atomic
def withdraw(subscription: Subscription, *, by: User, reason: str = "") -> Recorded:
    """Take a request back before anybody has decided on it: it becomes a draft again."""
    subscription = locked(subscription)
    _require(may_record_at(by, subscription.agency))
    if subscription.status != Status.REQUESTED:
        raise NotPossible
    return _to_draft(subscription, Decision.Act.WITHDRAW, by, reason)


@transaction.atomic
def end(subscription: Subscription, *, by: User, on: datetime.date, reason: str = "") -> Recorded:
    """End a subscription; `on` is its last day in force and not in the future."""
    subscription = locked(subscription)
    _require(may_record_at(by, subscription.agency))
    if subscription.status not in (Status.APPROVED, Status.ACTIVE) or on > today():
        raise NotPossible
    if subscription.started_on and on < subscription.started_on:
        raise NotPossible
    subscription.ends_on = on
    return _leave(subscription, Status.ENDED, Decision.Act.END, by, reason)


@transaction.atomic
def void(subscription: Subscription, *, by: User, reason: str) -> Recorded:
    """Declare a record void, since it was made in error: kept, and counted nowhere."""
    subscription = locked(subscription)
    _require(may_record_at(by, subscription.agency))
    if subscription.status == Status.VOID:
        raise NotPossible
    return _leave(subscription, Status.VOID, Decision.Act.VOID, by, reason)


@transaction.atomic
def reopen(subscription: Subscription, *, by: User, reason: str = "") -> Recorded:
    """Bring back what was declared void, refused or ended, as a draft: the way back."""
    subscription = locked(subscription)
    _require(may_record_at(by, subscription.agency))
    if subscription.status not in (Status.VOID, Status.REFUSED, Status.ENDED):
        raise NotPossible
    return _to_draft(subscription, Decision.Act.REOPEN, by, reason)


def _to_draft(subscription: Subscription, act: Decision.Act, by: User, reason: str) -> Recorded:
    """A draft may be changed at will, so whatever was approved of it is approved no more."""
    reopening.end_approvals(subscription)
    subscription.approved_at = None
    return _leave(subscription, Status.DRAFT, act, by, reason)


# --- what the acts share ----------------------------------------------------------------------------------------------


def waits_for_waivers(subscription: Subscription, judgements: Iterable[Judgement]) -> bool:
    """Whether every policy that blocks the subscription has been asked for a waiver that would cover it: then it may wait."""
    for judgement in judgements:
        if judgement.verdict == Verdict.VIOLATION and judgement.version.effect == Effect.BLOCK:
            asked = Waiver.objects.filter(
                policy=judgement.version.policy, status=Waiver.Status.REQUESTED, valid_until__gte=today()
            ).select_related("agency", "product", "vendor")
            if not any(
                Facts.objects.filter(covering(waiver), pk=subscription.pk).exists() for waiver in asked
            ):
                return False
    return True


def _decide(
    subscription: Subscription,
    act: Decision.Act,
    by: User,
    *,
    start: Status | None = None,
    reason: str = "",
    enforced: bool = True,
    officer_first: bool = False,
) -> Recorded:
    """Judge what is saved, move it to `start` unless policies stand against that, store the decision, reconcile."""
    on = today()
    lines = list(subscription.price_lines.order_by("position"))
    judgements = judge_candidate(subscription, lines, on, approved_under(subscription))
    found = outcome(judgements)
    stopped = found == Outcome.REFUSED or (officer_first and found == Outcome.NEEDS_OFFICER)
    if act == Decision.Act.REQUEST and stopped:
        store_facts(subscription, lines, on)
        stopped = not waits_for_waivers(subscription, judgements)
    refused = enforced and start is not None and stopped
    if start is not None and not refused:
        if subscription.status != Status.DRAFT:
            # A form that was opened before this is stale. What was just stored as a draft has its new version already.
            subscription.version += 1
        subscription.status = start
        if start in (Status.APPROVED, Status.ACTIVE) and subscription.approved_at is None:
            subscription.approved_at = timezone.now()
        subscription._history_user = by  # type: ignore[attr-defined]
        subscription.save()
    moved = store_facts(subscription, lines, on)
    decision = log(subscription, act, by, judgements, refused=refused, reason=reason)
    reconcile(subscription, on, judgements, moved, by)
    return Recorded(subscription, judgements, decision)


def _leave(subscription: Subscription, status: Status, act: Decision.Act, by: User, reason: str) -> Recorded:
    """Move to a status that no policy stands against, in which no change waits for approval."""
    reopening.close_over(subscription)
    subscription.status = status
    subscription.version += 1
    subscription._history_user = by  # type: ignore[attr-defined]
    subscription.save()
    return _decide(subscription, act, by, reason=reason, enforced=False)


def _as_seen(subscription: Subscription, seen: int | None) -> Subscription:
    """The subscription, locked. Raises StaleEdit when it is not any more what the person saw, who then looks again."""
    stored = locked(subscription)
    if seen is not None and stored.version != seen:
        raise StaleEdit(stored)
    return stored


def _require_draft(subscription: Subscription, by: User) -> None:
    """That a person may record it, and that it is new or, whatever the form says, still a draft; held until the commit.

    What is new gets its reference here, so that the lock that this takes comes before those of `hold` in every act.
    """
    _require(may_record_at(by, subscription.agency))
    if subscription.pk:
        stored = locked(subscription)
        _require(may_record_at(by, stored.agency))
        if stored.status != Status.DRAFT:
            raise NotPossible
    else:
        subscription.reference = next_reference(subscription.agency)


def _require(allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied
