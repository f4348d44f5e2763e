"""Who may record a subscription and who may decide on it: never whoever asked for it."""

from __future__ import annotations

from agencies.models import Agency, Role, User
from subscriptions.models import (
    Decision,
    Subscription,
)

DECIDING = (Decision.Act.APPROVE, Decision.Act.REFUSE)


_ASKING = (Decision.Act.REQUEST, Decision.Act.CHANGE, Decision.Act.RENEW)


def may_record_at(user: User, agency: Agency) -> bool:
    return user.has_role(Role.ADMINISTRATOR, at=agency)


def may_approve(user: User, subscription: Subscription) -> bool:
    """Approvers of the agency decide, but never on what they requested, changed or recorded themselves."""
    return user.has_role(Role.APPROVER, at=subscription.agency) and user.pk not in askers_of(subscription)


def may_approve_as_officer(user: User, subscription: Subscription) -> bool:
    return user.has_role(Role.POLICY_OFFICER, at=subscription.agency) and user.pk not in askers_of(
        subscription
    )


def requester_of(subscription: Subscription) -> int | None:
    """The person who asked for it last, or else the one who recorded it."""
    asked = subscription.decisions.filter(act=Decision.Act.REQUEST, result=Decision.Result.DONE).first()
    return asked.decided_by_id if asked else subscription.recorded_by_id


def askers_of(subscription: Subscription) -> set[int | None]:
    """Those whose request it is: who asked for it or changed it since somebody last decided, or else who recorded it."""
    acts = subscription.decisions.filter(act__in=[*_ASKING, *DECIDING], result=Decision.Result.DONE)
    askers: set[int | None] = set()
    for act, person in acts.values_list("act", "decided_by"):
        if act in DECIDING and askers:
            return askers
        if act in _ASKING:
            askers.add(person)
        if act == Decision.Act.REQUEST:
            return askers
    return askers | {subscription.recorded_by_id}
