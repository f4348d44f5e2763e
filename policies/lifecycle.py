"""The life of a policy: drafted, put into force, replaced by the next version, retired; each step with its reason."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agencies.models import Agency, Role, User
from policies.changing import last_day_problem, next_number, policy_changed
from policies.models import Condition, Policy, PolicyVersion


def may_write_at(user: User, owner: Agency) -> bool:
    """Policy officers of the owner agency, or one above it, write its policies."""
    return user.has_role(Role.POLICY_OFFICER, at=owner)


def needs_another_officer(version: PolicyVersion, by: User) -> bool:
    """Whether the two-person rule keeps this person from putting the draft into force."""
    return settings.POLICY_TWO_PERSON_RULE and version.drafted_by_id == by.pk


@transaction.atomic
def save_draft(
    version: PolicyVersion, conditions: Iterable[Condition], *, by: User, reason: str
) -> PolicyVersion:
    """Save a draft with exactly these conditions. Raises ValidationError for what cannot be evaluated or is no draft."""
    _require(may_write_at(by, version.policy.owner))
    conditions = list(conditions)
    if version.status != PolicyVersion.Status.DRAFT:
        raise ValidationError(_("A version that is or was in force is not edited. Make a new version."))
    if not conditions:
        raise ValidationError(_("Give at least one condition: without one nothing could violate the policy."))
    if version.policy.pk is None:
        version.policy.save()
        version.policy = version.policy
    if version.pk is None:
        Policy.objects.select_for_update().get(pk=version.policy_id)
        version.number = next_number(version.policy)
    version.drafted_by = by
    version.full_clean()
    _sign(version, by, reason)
    version.save()
    version.conditions.all().delete()
    for position, condition in enumerate(conditions, start=1):
        fresh = Condition(
            version=version,
            position=position,
            group=condition.group,
            fact=condition.fact,
            operator=condition.operator,
            values=condition.values,
        )
        fresh.full_clean()
        fresh.save()
    return version


def check_start(version: PolicyVersion, by: User) -> None:
    """Raises ValidationError when this person may not put the draft into force, or not from its first day on."""
    if needs_another_officer(version, by):
        raise ValidationError(
            _("Another policy officer than the one who drafted it puts a policy into force.")
        )
    if version.effective_from < timezone.localdate():
        raise ValidationError(
            _("A policy does not take effect in the past. Change its first day in the draft.")
        )
    later = version.policy.versions.filter(
        status=PolicyVersion.Status.IN_FORCE, effective_from__gte=version.effective_from
    )
    for other in later.exclude(pk=version.pk)[:1]:
        raise ValidationError(
            _("Version %(number)s takes effect later already. Retire it first.") % {"number": other.number}
        )


@transaction.atomic
def put_into_force(version: PolicyVersion, *, by: User, reason: str) -> PolicyVersion:
    """Let a draft judge from its first day on. The version in force until then ends the day before.

    Raises ValidationError when it begins in the past, has no condition, or the two-person rule asks for another officer.
    """
    # The policy's row is what activations lock, so that no version slips in while a subscription is being activated.
    policy = Policy.objects.select_for_update().get(pk=version.policy_id)
    version = PolicyVersion.objects.select_for_update().get(pk=version.pk)
    _require(may_write_at(by, policy.owner))
    if version.status != PolicyVersion.Status.DRAFT:
        raise ValidationError(_("Only a draft is put into force."))
    check_start(version, by)
    if not version.conditions.exists():
        raise ValidationError(_("Give at least one condition: without one nothing could violate the policy."))
    for condition in version.conditions.all():
        condition.full_clean()
    day_before = version.effective_from - datetime.timedelta(days=1)
    for other in policy.versions.filter(status=PolicyVersion.Status.IN_FORCE).exclude(pk=version.pk):
        if other.effective_until is None or other.effective_until > day_before:
            other.effective_until = day_before
            _sign(other, by, _("Replaced by version %(number)s") % {"number": version.number})
            other.save()
    version.status = PolicyVersion.Status.IN_FORCE
    version.full_clean()
    _sign(version, by, reason)
    version.save()
    policy_changed(policy)
    return version


@transaction.atomic
def retire(version: PolicyVersion, *, by: User, reason: str, last_day: datetime.date) -> PolicyVersion:
    """Give a version in force its last day, yesterday at the earliest. Findings close when it has passed."""
    policy = Policy.objects.select_for_update().get(pk=version.policy_id)
    version = PolicyVersion.objects.select_for_update().get(pk=version.pk)
    _require(may_write_at(by, policy.owner))
    if version.status != PolicyVersion.Status.IN_FORCE:
        raise ValidationError(_("Only a version in force is retired."))
    problem = last_day_problem(version, last_day, timezone.localdate())
    if problem:
        raise ValidationError(problem)
    if last_day < version.effective_from:
        # It never judged anything.
        last_day = version.effective_from
        version.status = PolicyVersion.Status.RETIRED
    elif last_day < timezone.localdate():
        version.status = PolicyVersion.Status.RETIRED
    version.effective_until = last_day
    _sign(version, by, reason)
    version.save()
    policy_changed(policy)
    return version


@transaction.atomic
def discard(version: PolicyVersion, *, by: User, reason: str) -> None:
    """Throw a draft away; a policy that never had another version goes with it. Its history is kept."""
    _require(may_write_at(by, version.policy.owner))
    if version.status != PolicyVersion.Status.DRAFT:
        raise ValidationError(_("Only a draft is thrown away."))
    policy = version.policy
    _sign(version, by, reason)
    version.delete()
    if not policy.versions.exists() and not policy.waivers.exists():
        policy.delete()


def _sign(version: PolicyVersion, by: User, reason: str) -> None:
    """What the history says of the next save: who, and why."""
    version._history_user = by  # type: ignore[attr-defined]
    version._change_reason = reason[:100]  # type: ignore[attr-defined]


def _require(allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied
