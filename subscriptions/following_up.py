"""What people do about findings: comment, take one on, and hear of it when its remedy is overdue."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from simple_history.utils import bulk_update_with_history

from agencies.models import Agency, Membership, Notice, Role, User
from agencies.sights import who_see
from subscriptions.finding_models import Finding, FindingNote, FindingQuerySet

FOLLOWERS = (Role.ADMINISTRATOR, Role.APPROVER, Role.POLICY_OFFICER)


def may_follow_up(user: User, at: Agency | None = None) -> bool:
    """Administrators, approvers and policy officers work on findings (of `at`, or of any agency); committee members read them."""
    return user.has_role(*FOLLOWERS, at=at)


def to_follow_up(user: User) -> FindingQuerySet:
    """The findings that a person may comment on and assign."""
    return Finding.objects.visible_to(user, *FOLLOWERS)


def assignable(user: User, at: Agency | None = None) -> list[User]:
    """The people to whom one may give findings: who work on findings at an agency in one's sight; with `at`, and see that one."""
    memberships = Membership.objects.filter(role__in=FOLLOWERS, user__is_active=True)
    seen = memberships.visible_to(user, *FOLLOWERS) | memberships.filter(user=user)
    people: Iterable[User] = {membership.user for membership in seen.select_related("user")}
    return sorted(people if at is None else who_see(people, at), key=lambda person: str(person))


def out_of_reach(findings: Iterable[Finding], person: User) -> list[Finding]:
    """Those of the findings, with their agencies, that somebody could not work on if they were given to them."""
    sight = person.sight(*FOLLOWERS)
    return [finding for finding in findings if not sight.covers(finding.subscription.agency.path)]


@transaction.atomic
def comment(findings: Iterable[Finding], *, by: User, text: str) -> int:
    """Write the same comment on several findings; returns how many. All or none: one out of reach is refused."""
    chosen = _reachable(findings, by)
    FindingNote.objects.bulk_create(
        FindingNote(finding=finding, text=text, written_by=by) for finding in chosen
    )
    return len(chosen)


@transaction.atomic
def assign(findings: Iterable[Finding], *, by: User, to: User | None) -> int:
    """Give several findings to a person, or to nobody; returns how many changed hands. All or none, as they reach them all."""
    reached = _reachable(findings, by)
    if to is not None and (to not in assignable(by) or out_of_reach(reached, to)):
        raise PermissionDenied
    chosen = [finding for finding in reached if finding.assigned_to_id != (to.pk if to else None)]
    for finding in chosen:
        finding.assigned_to = to
    bulk_update_with_history(chosen, Finding, ["assigned_to"], default_user=by)
    if to is not None and to != by and chosen:
        Notice.objects.bulk_create(
            Notice(
                recipient=to,
                key="finding_assigned",
                parameters={"reference": finding.subscription.reference, "by": str(by)},
                url=finding.subscription.get_absolute_url(),
            )
            for finding in chosen
        )
    return len(chosen)


def _reachable(findings: Iterable[Finding], by: User) -> list[Finding]:
    wanted = {finding.pk for finding in findings}
    reachable = to_follow_up(by).filter(pk__in=wanted).select_related("subscription__agency").order_by("pk")
    found = list(reachable.select_for_update(of=("self",)))
    if len(found) != len(wanted):
        raise PermissionDenied
    return found


@transaction.atomic
def escalate_overdue(on: datetime.date) -> int:
    """Tell policy officers once of each open finding whose remedy date has passed; returns how many there were."""
    overdue = list(
        Finding.objects.needing_attention()
        .filter(remedy_due__lt=on, escalated_at=None)
        .select_for_update(of=("self",))
        .select_related("subscription__agency", "policy__owner")
        .order_by("pk")
    )
    officers = _officers(overdue)
    notices = [
        Notice(
            recipient=officer,
            key="finding_overdue",
            parameters={"reference": finding.subscription.reference, "policy": finding.policy.code},
            url=finding.subscription.get_absolute_url(),
        )
        for finding in overdue
        for officer in officers.get(finding.policy.owner.path, ())
    ]
    Notice.objects.bulk_create(notices, batch_size=500)
    now = timezone.now()
    for finding in overdue:
        finding.escalated_at = now
    bulk_update_with_history(overdue, Finding, ["escalated_at"], batch_size=500)
    return len(overdue)


def _officers(findings: Sequence[Finding]) -> dict[str, list[User]]:
    """The policy officers of each owner agency among the findings' policies, by its path."""
    officers: dict[str, list[User]] = {}
    for path in {finding.policy.owner.path for finding in findings}:
        codes = path.strip("/").split("/")
        held = Membership.objects.filter(
            agency__code__in=codes, role=Role.POLICY_OFFICER, user__is_active=True
        ).select_related("user")
        officers[path] = sorted({membership.user for membership in held}, key=lambda person: person.pk)
    return officers
