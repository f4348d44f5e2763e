"""Which identity belongs to which account: looked up, linked, unlinked. No address of e-mail ever links by itself."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from agencies.signing_in.sso.provider import Identity
from agencies.signing_in.telling import tell_of
from audit import events


def of(user: Any) -> QuerySet[SocialAccount]:
    return SocialAccount.objects.filter(user=user).order_by("date_joined", "pk")


def owner_of(identity: Identity) -> User | None:
    """Whose identity it is, closed accounts included."""
    linked = SocialAccount.objects.filter(provider=identity.issuer, uid=identity.subject)
    found = linked.select_related("user").first()
    return found.user if found else None


@transaction.atomic
def link(user: User, identity: Identity) -> SocialAccount:
    """From now on the identity lets in as `user`. Raises ValidationError where it is somebody's already."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    owner = owner_of(identity)
    if owner is not None:
        raise ValidationError(
            _("This identity is linked to your account already.")
            if owner == user
            else _("This identity is linked to another account.")
        )
    linked = SocialAccount.objects.create(
        user=user, provider=identity.issuer, uid=identity.subject, extra_data={"label": identity.label}
    )
    events.record(
        events.Kind.ACCOUNT,
        by=user,
        about=user,
        name=user.username,
        after={"identity": linked.pk, "linked": True},
    )
    tell_of(user, "account.identity-linked")
    return linked


def is_last_way_in(linked: SocialAccount) -> bool:
    """Whether nobody could sign in to the account without it."""
    if linked.user.has_usable_password() or linked.provider != settings.SSO_ISSUER:
        return False
    return not of(linked.user).filter(provider=settings.SSO_ISSUER).exclude(pk=linked.pk).exists()


@transaction.atomic
def unlink(linked: SocialAccount, *, by: User) -> None:
    """The identity lets in no longer. Raises ValidationError where it is the last way in."""
    linked.user = User.objects.select_for_update(no_key=True).get(pk=linked.user_id)
    if is_last_way_in(linked):
        raise ValidationError(_("It is the only way into your account. Set a password first."))
    user, number = linked.user, linked.pk
    linked.delete()
    events.record(
        events.Kind.ACCOUNT,
        by=by,
        about=user,
        name=user.username,
        before={"identity": number, "linked": True},
    )
    tell_of(user, "account.identity-unlinked")
