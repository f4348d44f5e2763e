"""The acts on a subscription as pages offer them: to whom and when, what each asks, and which function does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agencies.models import Role, User
from subscriptions import recording
from subscriptions.deciders import may_approve, may_approve_as_officer, may_record_at
from subscriptions.evaluation import judge_saved, needs_officer
from subscriptions.forms import EndForm, OptionalReasonForm, ReasonForm
from subscriptions.models import LIVE, Status, Subscription
from subscriptions.reviewing import waits
from subscriptions.today import today


@dataclass(frozen=True)
class Act:
    """`does(subscription, by, data)` takes the cleaned data of `form`; `offered(user, subscription)` says whether it is there."""

    title: Any
    text: Any
    form: type[forms.Form]
    does: Callable[[Subscription, User, Mapping[str, Any]], recording.Recorded]
    offered: Callable[[User, Subscription], bool]
    danger: bool = False
    # Whether it decides on what the record says: then it is done only on the version that the person has seen.
    decides: bool = False


def _waits_for_officer(user: User, subscription: Subscription) -> bool:
    if subscription.status not in LIVE or not may_approve_as_officer(user, subscription):
        return False
    return any(needs_officer(judgement) for judgement in judge_saved(subscription, today()))


def _due_to_start(user: User, subscription: Subscription) -> bool:
    return (
        subscription.status == Status.APPROVED
        and not waits(subscription)
        and (subscription.started_on or today()) <= today()
        and (may_record_at(user, subscription.agency) or user.has_role(Role.APPROVER, at=subscription.agency))
    )


ACTS: dict[str, Act] = {
    "approve": Act(
        _("Approve"),
        _("The subscription may start on its first day. The policies in force are checked once more."),
        OptionalReasonForm,
        lambda s, by, data: recording.approve(s, by=by, reason=data["reason"], seen=data["seen"]),
        lambda user, s: waits(s) and may_approve(user, s),
        decides=True,
    ),
    "officer-approve": Act(
        _("Approve as policy officer"),
        _(
            "Every policy that asks for an officer's approval counts as waived for this subscription until it changes materially."
        ),
        ReasonForm,
        lambda s, by, data: recording.approve_as_officer(s, by=by, reason=data["reason"], seen=data["seen"]),
        _waits_for_officer,
        decides=True,
    ),
    "refuse": Act(
        _("Refuse"),
        _(
            "The request is turned down, and a change of what goes on already is put back. The agency sees your reason and may "
            "ask again."
        ),
        ReasonForm,
        lambda s, by, data: recording.refuse(s, by=by, reason=data["reason"], seen=data["seen"]),
        lambda user, s: waits(s) and (may_approve(user, s) or may_approve_as_officer(user, s)),
        danger=True,
        decides=True,
    ),
    "withdraw": Act(
        _("Withdraw the request"),
        _("The request becomes a draft again, before anybody decides on it."),
        OptionalReasonForm,
        lambda s, by, data: recording.withdraw(s, by=by, reason=data["reason"]),
        lambda user, s: s.status == Status.REQUESTED and may_record_at(user, s.agency),
    ),
    "activate": Act(
        _("Start"),
        _("The first day has come. The policies in force are checked once more."),
        OptionalReasonForm,
        lambda s, by, data: recording.activate(s, by=by),
        _due_to_start,
    ),
    "end": Act(
        _("End"),
        _("The subscription is over. Its record and its figures stay; its open findings close."),
        EndForm,
        lambda s, by, data: recording.end(s, by=by, on=data["on"], reason=data["reason"]),
        lambda user, s: s.status in (Status.APPROVED, Status.ACTIVE) and may_record_at(user, s.agency),
    ),
    "void": Act(
        _("Declare void"),
        _(
            "Only for a record made in error: it is kept, and counted nowhere. You can bring it back as a draft."
        ),
        ReasonForm,
        lambda s, by, data: recording.void(s, by=by, reason=data["reason"]),
        lambda user, s: s.status != Status.VOID and may_record_at(user, s.agency),
        danger=True,
    ),
    "reopen": Act(
        _("Bring back as a draft"),
        _("The record becomes a draft again, which you can correct and request."),
        OptionalReasonForm,
        lambda s, by, data: recording.reopen(s, by=by, reason=data["reason"]),
        lambda user, s: (
            s.status in (Status.VOID, Status.REFUSED, Status.ENDED) and may_record_at(user, s.agency)
        ),
    ),
}
