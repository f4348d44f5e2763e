"""Waivers: asked for by an agency's administrator, decided by a policy officer, ended by their last day or revoked."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from agencies.models import Agency, Membership, Notice, Recheck, Role, User
from agencies.notices.departments import still_there
from catalog.models import Product, Vendor
from policies.changing import decide, may_decide
from policies.models import Policy, Waiver

__all__ = ["grant", "hand_over", "may_ask_for", "may_decide", "refuse", "request", "revoke"]


def may_ask_for(user: User, agency: Agency) -> bool:
    return user.has_role(Role.ADMINISTRATOR, at=agency)


@transaction.atomic
def request(
    policy: Policy,
    agency: Agency,
    *,
    by: User,
    reason: str,
    valid_from: datetime.date,
    valid_until: datetime.date,
    product: Product | None = None,
    vendor: Vendor | None = None,
    renews: Waiver | None = None,
) -> Waiver:
    """Ask for a waiver. Raises ValidationError for dates in the past or a longer time than the deployment allows."""
    if not may_ask_for(by, agency):
        raise PermissionDenied
    waiver = Waiver(
        policy=policy,
        agency=agency,
        product=product,
        vendor=vendor,
        reason=reason,
        requested_by=by,
        valid_from=valid_from,
        valid_until=valid_until,
        renews=renews,
    )
    check_dates(valid_from, valid_until)
    waiver.full_clean()
    waiver._history_user = by  # type: ignore[attr-defined]
    waiver.save()
    _tell(_officers(policy) - {by}, "waiver_requested", waiver, by)
    return waiver


def check_dates(valid_from: datetime.date, valid_until: datetime.date) -> None:
    """Raises ValidationError by field for an end that has passed, or a length beyond WAIVER_MAX_DAYS."""
    if valid_until < timezone.localdate():
        raise ValidationError({"valid_until": _("The last day has passed already.")})
    if valid_until < valid_from:
        raise ValidationError({"valid_until": _("The waiver ends before it begins.")})
    longest = settings.WAIVER_MAX_DAYS
    if (valid_until - valid_from).days + 1 > longest:
        raise ValidationError(
            {
                "valid_until": _("A waiver lasts %(days)s days at most. Ask for another one later.")
                % {"days": longest}
            }
        )


@transaction.atomic
def grant(waiver: Waiver, *, by: User, reason: str) -> Waiver:
    """Excuse; what the waiver covers counts as waived from its first day until its last."""
    return _decided(waiver, Waiver.Status.GRANTED, by, reason, "waiver_granted")


@transaction.atomic
def refuse(waiver: Waiver, *, by: User, reason: str) -> Waiver:
    return _decided(waiver, Waiver.Status.REFUSED, by, reason, "waiver_refused")


@transaction.atomic
def revoke(waiver: Waiver, *, by: User, reason: str) -> Waiver:
    """End a granted waiver before its last day; what it covered is judged as it stands."""
    return _decided(waiver, Waiver.Status.REVOKED, by, reason, "waiver_revoked")


def hand_over(waivers: Sequence[Waiver], *, to: User, by: User) -> None:
    """Requests for waivers become another person's, who is told the decision; whoever asked still never decides on them."""
    for waiver in waivers:
        waiver.requested_by = to
    bulk_update_with_history(waivers, Waiver, ["requested_by"], default_user=by)


def _decided(waiver: Waiver, status: Waiver.Status, by: User, reason: str, key: str) -> Waiver:
    waiver = (
        Waiver.objects.select_for_update(of=("self",))
        .select_related("policy", "agency", "requested_by")
        .get(pk=waiver.pk)
    )
    decide(waiver, status, by=by)
    waiver.decision_reason = reason
    waiver._history_user = by  # type: ignore[attr-defined]
    waiver.save()
    Recheck.ask(Recheck.About.WAIVER, str(waiver.pk))
    _tell(still_there([waiver.requested_by], waiver.agency) - {by}, key, waiver, by)
    return waiver


def _officers(policy: Policy) -> set[User]:
    codes = policy.owner.path.strip("/").split("/")
    memberships = Membership.objects.filter(
        role=Role.POLICY_OFFICER, agency__code__in=codes, user__is_active=True
    )
    return {membership.user for membership in memberships.select_related("user")}


def _tell(people: set[User], key: str, waiver: Waiver, by: User) -> None:
    Notice.objects.bulk_create(
        Notice(
            recipient=person,
            key=key,
            parameters={"policy": waiver.policy.code, "agency": waiver.agency.code, "by": str(by)},
            url=reverse("subscriptions:waiver", args=[waiver.pk]),
        )
        for person in people
    )
