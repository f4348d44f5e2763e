"""Changes of policies and waivers: a new draft from a version, a decision on a waiver, and what follows from either."""

from __future__ import annotations

import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Recheck, Role, User
from policies.models import Condition, Policy, PolicyVersion, Waiver

# What may become of a waiver. Nothing leads back: a new request is a new waiver.
NEXT_STATUS = {
    Waiver.Status.REQUESTED: (Waiver.Status.GRANTED, Waiver.Status.REFUSED),
    Waiver.Status.GRANTED: (Waiver.Status.REVOKED,),
    Waiver.Status.REFUSED: (),
    Waiver.Status.REVOKED: (),
}


def policy_changed(policy: Policy) -> None:
    """Have all verdicts under a policy judged anew; to be called in the change's own transaction."""
    Recheck.ask(Recheck.About.POLICY, policy.code)


def next_number(policy: Policy) -> int:
    """The number of a policy's next version."""
    return (policy.versions.aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def draft_from(version: PolicyVersion, *, by: User, on: datetime.date, reason: str = "") -> PolicyVersion:
    """A new draft that says what `version` says, to take effect the day after `on` at the earliest."""
    Policy.objects.select_for_update().get(pk=version.policy_id)
    kept = {
        field.attname: getattr(version, field.attname)
        for field in PolicyVersion._meta.concrete_fields
        if not field.primary_key
    }
    kept.update(
        number=next_number(version.policy),
        status=PolicyVersion.Status.DRAFT,
        drafted_by_id=by.pk,  # the two-person rule is about who made this draft, not the version it follows
        effective_from=on + datetime.timedelta(days=1),
        effective_until=None,
    )
    draft = PolicyVersion(**kept)
    draft._history_user = by  # type: ignore[attr-defined]
    draft._change_reason = reason[:100] or None  # type: ignore[attr-defined]
    draft.save()
    draft.cites.set(version.cites.all())
    for condition in version.conditions.all():
        Condition.objects.create(
            version=draft,
            position=condition.position,
            group=condition.group,
            fact=condition.fact,
            operator=condition.operator,
            values=condition.values,
        )
    return draft


def last_day_problem(version: PolicyVersion, last_day: datetime.date | None, on: datetime.date) -> str:
    """Why a version in force cannot be given this last day; empty when it can.

    It may end the day before `on` at the earliest, so that no past verdict loses its rule, and never later than it was to.
    """
    if last_day == version.effective_until:
        return ""
    if last_day is None or (version.effective_until and last_day > version.effective_until):
        return str(_("A version in force is not prolonged. Make a new version."))
    if last_day < on - datetime.timedelta(days=1):
        return str(
            _("The last day cannot be earlier than yesterday: verdicts were given under this version.")
        )
    return ""


def may_decide(user: User, waiver: Waiver) -> bool:
    """Policy officers of the policy's owner decide, never on what they asked for themselves, also before a handover."""
    return user.has_role(Role.POLICY_OFFICER, at=waiver.policy.owner) and not asked_for(user, waiver)


def asked_for(user: User, waiver: Waiver) -> bool:
    """Whether it is, or was, this person's request; also of who entered it in the name of another."""
    if user.pk == waiver.requested_by_id:
        return True
    theirs = Q(requested_by=user.pk) | Q(history_type="+", history_user=user.pk)
    return bool(waiver.history.filter(theirs).exists())


def decide(waiver: Waiver, status: str, *, by: User) -> None:
    """Move a waiver to `status`, with who decided and when; the caller saves it.

    Raises ValidationError for the requester, for who may not decide, and for a step that does not exist.
    """
    if asked_for(by, waiver):
        raise ValidationError(_("A waiver is decided by another person than the one who asked for it."))
    if not may_decide(by, waiver):
        raise ValidationError(_("Waivers are decided by policy officers of the policy's owner agency."))
    before = Waiver.objects.get(pk=waiver.pk)
    if status not in NEXT_STATUS[Waiver.Status(before.status)]:
        raise ValidationError(_("This waiver is decided already. Ask for a new one."))
    waiver.status, waiver.decided_by, waiver.decided_at = status, by, timezone.now()
