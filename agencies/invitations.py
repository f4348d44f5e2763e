"""Invitations: an account comes from a link that an administrator of that part of the tree hands over, never from signing up."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, Membership, Role, User
from agencies.visibility import VisibleQuerySet
from audit import events

if TYPE_CHECKING:
    from agencies.signing_in.sso.provider import Identity

VALID_DAYS = 7


class InvitationQuerySet(VisibleQuerySet):
    agency_lookup = "agency"

    def open(self, at: datetime.datetime) -> InvitationQuerySet:
        """Those that can still be accepted."""
        return self.filter(accepted_by=None, withdrawn_at=None, valid_until__gt=at)


class Invitation(models.Model):
    """An offer of an account with one role. Its link is shown once; only its digest is kept."""

    full_name = models.CharField(_("name"), max_length=150)
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="invitations", verbose_name=_("agency"))
    role = models.CharField(_("role"), max_length=20, choices=Role)
    invited_by = models.ForeignKey(
        User, models.PROTECT, related_name="invitations", verbose_name=_("invited by")
    )
    invited_at = models.DateTimeField(_("invited at"), default=timezone.now)
    valid_until = models.DateTimeField(_("valid until"))
    digest = models.CharField(_("digest of the link"), max_length=64, unique=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    accepted_by = models.OneToOneField(
        User, models.PROTECT, null=True, blank=True, related_name="invitation", verbose_name=_("accepted by")
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-invited_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.full_name} – {self.get_role_display()} – {self.agency}"


def _told(invitation: Invitation) -> dict[str, str]:
    """What the trail keeps of an invitation."""
    return {"agency": invitation.agency.code, "role": invitation.role}


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(full_name: str, agency: Agency, role: str, *, by: User) -> tuple[Invitation, str]:
    """A new invitation and the token of its link, which is not kept.

    Raises PermissionDenied where `by` administers neither the agency nor one above.
    """
    from agencies import duties

    if not by.has_role(Role.ADMINISTRATOR, at=agency):
        raise PermissionDenied
    duties.check_appointment(role, by)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        full_name=full_name,
        agency=agency,
        role=role,
        invited_by=by,
        valid_until=timezone.now() + datetime.timedelta(days=VALID_DAYS),
        digest=digest_of(token),
    )
    events.record(events.Kind.ROLE, by=by, about=invitation, after=_told(invitation))
    return invitation, token


def invited_by_link(token: str) -> Invitation | None:
    """The invitation of a link, or None where it was used, withdrawn, or is too old."""
    return Invitation.objects.open(timezone.now()).filter(digest=digest_of(token)).first()


def _still_stands_for(invitation: Invitation) -> bool:
    """Whether whoever sent it could send it today."""
    from agencies import duties

    by = invitation.invited_by
    if not by.is_active:
        return False
    if duties.appointed_by_system_administrators(invitation.role) and not by.is_superuser:
        return False
    return by.has_role(Role.ADMINISTRATOR, at=invitation.agency)


@transaction.atomic
def accept(
    invitation: Invitation,
    username: str,
    password: str = "",
    *,
    email: str = "",
    identity: Identity | None = None,
) -> User:
    """The new account with its role, with a password or an identity of single sign-on.

    Raises ValidationError where the invitation no longer stands, or the identity is somebody's already.
    """
    from agencies.signing_in.sso import identities

    standing = Invitation.objects.select_for_update().open(timezone.now()).filter(pk=invitation.pk).first()
    if standing is None or not _still_stands_for(standing):
        raise ValidationError(_("This invitation can no longer be used. Ask for a new one."))
    user = User(username=username, last_name=standing.full_name, email=email)
    if identity is None:
        user.set_password(password)
    else:
        user.set_unusable_password()
    # Somebody else may have taken the name since the form was checked.
    user.validate_unique()
    user.validate_constraints()
    user.save()
    if identity is not None:
        identities.link(user, identity)
    Membership.objects.create(user=user, agency=standing.agency, role=standing.role)
    standing.accepted_by = user
    standing.save(update_fields=["accepted_by"])
    return user


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User) -> None:
    """The link stops working. Raises PermissionDenied like `invite`."""
    if not by.has_role(Role.ADMINISTRATOR, at=invitation.agency):
        raise PermissionDenied
    standing = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if standing.accepted_by_id is None:
        _end(standing, by)


@transaction.atomic
def withdraw_all_of(person: User, *, by: User) -> None:
    """Whoever has left invites nobody any more, though the account may be opened again."""
    for standing in Invitation.objects.select_for_update().open(timezone.now()).filter(invited_by=person):
        _end(standing, by)


def _end(invitation: Invitation, by: User) -> None:
    invitation.withdrawn_at = timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    events.record(events.Kind.ROLE, by=by, about=invitation, before=_told(invitation))
