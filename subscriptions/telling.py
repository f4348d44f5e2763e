"""Whom an act on a subscription concerns, and is told of it."""

from __future__ import annotations

from collections.abc import Iterable

from agencies.models import Agency, Membership, Notice, Role, User
from agencies.notices.departments import still_there
from policies.verdicts import Outcome
from subscriptions import reopening
from subscriptions.deciders import requester_of
from subscriptions.models import (
    Decision,
    Responsible,
    Subscription,
)

_TOLD = {
    Decision.Act.APPROVE: "subscription_approved",
    Decision.Act.REFUSE: "subscription_refused",
    Decision.Act.OFFICER_APPROVE: "officer_approved",
}


def asked_by(subscription: Subscription) -> set[User]:
    """Who is told what becomes of it: whoever asked for it or changed it since, or has taken that over (see `still_there`)."""
    taken = Responsible.objects.filter(subscription=subscription).select_related("person").first()
    if taken is not None:
        return still_there([taken.person], subscription.agency)
    pk = requester_of(subscription)
    waiting = reopening.open_reopening(subscription)
    if waiting is not None:
        pk = waiting.opened_by_id
    return still_there(User.objects.filter(pk=pk), subscription.agency) if pk else set()


def tell_of(
    act: Decision.Act,
    subscription: Subscription,
    by: User,
    *,
    found: Outcome = Outcome.CLEAR,
    asked: Iterable[User] = (),
) -> None:
    """Tell whom an act concerns: those who decide on a request, and `asked`, who waited for the decision (see `asked_by`).

    `found` is what the policies in force came to: officers hear of what waits for them, and of what is in use against a policy.
    """
    if act == Decision.Act.REQUEST:
        tell_asked("subscription_requested", subscription, by, officers=found == Outcome.NEEDS_OFFICER)
    elif act == Decision.Act.DECLARE and found in (Outcome.REFUSED, Outcome.NEEDS_OFFICER):
        people = _people(Role.POLICY_OFFICER, subscription.agency)
        _tell(people - {by}, "subscription_declared", subscription, by)
    elif act in _TOLD:
        _tell({*asked} - {by}, _TOLD[act], subscription, by)


def tell_asked(key: str, subscription: Subscription, by: User, *, officers: bool = False) -> None:
    """Tell approvers, and `officers` too, that `by` asks them to decide. Whoever asks looks after it from then on."""
    Responsible.objects.filter(subscription=subscription).delete()
    people = _people(Role.APPROVER, subscription.agency)
    if officers:
        people |= _people(Role.POLICY_OFFICER, subscription.agency)
    _tell(people - {by}, key, subscription, by)


def _people(role: Role, agency: Agency) -> set[User]:
    """Those who hold a role at the agency or above it."""
    codes = agency.path.strip("/").split("/")
    memberships = Membership.objects.filter(role=role, agency__code__in=codes, user__is_active=True)
    return {membership.user for membership in memberships.select_related("user")}


def _tell(people: Iterable[User], key: str, subscription: Subscription, by: User) -> None:
    Notice.objects.bulk_create(
        Notice(
            recipient=person,
            key=key,
            parameters={"reference": subscription.reference, "by": str(by)},
            url=subscription.get_absolute_url(),
        )
        for person in people
    )
