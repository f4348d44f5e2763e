"""How policies are read: who may read which versions, how each stands on a day, and what it says in sentences."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.utils.translation import gettext, gettext_lazy

from agencies.models import Agency, Role, User
from figures.formatting import day
from figures.naming import named
from policies.explaining import Names, condition_text
from policies.models import Condition, Policy, PolicyVersion, PolicyVersionQuerySet, Waiver
from policies.verdicts import Effect

EFFECT_MEANING = {
    Effect.BLOCK: gettext_lazy(
        "A subscription that violates it cannot be requested, approved, activated, renewed or extended without a waiver."
    ),
    Effect.APPROVAL: gettext_lazy(
        "A subscription that violates it needs a policy officer's approval, not only its agency's."
    ),
    Effect.WARN: gettext_lazy(
        "A subscription that violates it may start; the violation is recorded and shown."
    ),
}


@dataclass(frozen=True)
class State:
    """How something with dates stands on a day: a code for its badge, and its label."""

    code: str
    label: str


def versions_readable_by(user: User) -> PolicyVersionQuerySet:
    """What is or was in force, for everybody; drafts only for the policy officers of their owner agency."""
    drafted_in_sight = Q(policy__owner__in=Agency.objects.visible_to(user, Role.POLICY_OFFICER))
    return PolicyVersion.objects.filter(~Q(status=PolicyVersion.Status.DRAFT) | drafted_in_sight)


def state_on(version: PolicyVersion, on: datetime.date) -> State:
    status = PolicyVersion.Status(version.status)
    if status is PolicyVersion.Status.IN_FORCE:
        if on < version.effective_from:
            return State("pending", gettext("In force from %(day)s") % {"day": day(version.effective_from)})
        if version.effective_until and version.effective_until < on:
            return State("ended", gettext("No longer in force"))
    return State(status.value, str(status.label))


def version_to_show(versions: Sequence[PolicyVersion], on: datetime.date) -> PolicyVersion:
    """Of a policy's versions: the one in force, else the next to come, else the latest that was; a draft comes last."""
    in_force = [version for version in versions if version.in_force_on(on)]
    decided = [version for version in versions if version.status != PolicyVersion.Status.DRAFT]
    coming = [v for v in decided if v.status == PolicyVersion.Status.IN_FORCE and v.effective_from > on]
    if in_force:
        return in_force[0]
    if coming:
        return min(coming, key=lambda version: version.effective_from)
    return max(decided or versions, key=lambda version: version.number)


def with_shown(
    policies: QuerySet[Policy], versions: QuerySet[PolicyVersion], on: datetime.date
) -> QuerySet[Policy]:
    """The policies that have one of `versions`, with columns of the one that `version_to_show` picks, to sort by."""
    status = PolicyVersion.Status
    judging = Q(status=status.IN_FORCE)
    coming = judging & Q(effective_from__gt=on)
    ranked = versions.filter(policy=OuterRef("pk")).annotate(
        rank=Case(
            When(status=status.DRAFT, then=3),
            When(coming, then=1),
            When(judging & ~Q(effective_until__lt=on), then=0),
            default=2,
        ),
        soonest=Case(When(coming, then=F("effective_from"))),
    )
    first = ranked.order_by("rank", "soonest", "-number")
    shown = {
        "shown_title": named("title"),
        "shown_effect": "effect",
        "shown_rank": "rank",
        "shown_scope": "scope__path",
        "shown_from": "effective_from",
    }
    return policies.filter(Exists(versions.filter(policy=OuterRef("pk")))).annotate(
        **{name: Subquery(first.values(column)[:1]) for name, column in shown.items()}
    )


def condition_groups(version: PolicyVersion) -> list[list[str]]:
    """The conditions as phrases: any within a group, all groups together. One query for the names in each registry."""
    return grouped_phrases(sorted(version.conditions.all(), key=lambda c: (c.group, c.position)))


def grouped_phrases(conditions: Sequence[Condition]) -> list[list[str]]:
    """The same for conditions that need not be saved, in their order."""
    names = Names().want(conditions)
    groups: dict[int, list[str]] = defaultdict(list)
    for condition in conditions:
        groups[condition.group].append(condition_text(condition, names))
    return list(groups.values())


def waiver_state_on(waiver: Waiver, on: datetime.date) -> State:
    status = Waiver.Status(waiver.status)
    if status is Waiver.Status.GRANTED:
        if waiver.valid_until < on:
            return State("ended", gettext("Expired"))
        if on < waiver.valid_from:
            return State("pending", gettext("Valid from %(day)s") % {"day": day(waiver.valid_from)})
        return State("waived", str(status.label))
    if status is Waiver.Status.REVOKED:
        return State("ended", str(status.label))
    return State(status.value, str(status.label))
