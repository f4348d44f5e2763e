"""Who must sign in with a second factor, when the provider's counts, and what people are told of changes of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from agencies.models import Role, User
from agencies.signing_in.session_limits import end_sessions
from agencies.signing_in.telling import tell_of
from audit import events
from audit.auditors import may_audit

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a person without the factor that they must have may still open.
OPEN = ("/accounts/", "/i18n/", "/static/")


def must_have_one(user: User) -> bool:
    """Policy officers, system administrators and auditors, where SECOND_FACTOR_REQUIRED says so (not in the demonstration)."""
    return settings.SECOND_FACTOR_REQUIRED and (user.has_role(Role.POLICY_OFFICER) or may_audit(user))


def shown_elsewhere(request: HttpRequest, user: Any) -> bool:
    """Whether this session began at the provider of single sign-on with a second factor that SSO_SECOND_FACTOR counts."""
    return any(record.get("second_factor") for record in get_authentication_records(request, user))


class AskForCode(AuthenticateStage):
    """django-allauth's step of signing in, left out where the provider has asked.

    Between the password and the code the account may be closed, or get another password: then it begins anew.
    """

    def handle(self) -> Any:
        if self.login.user is not None:
            self.state["account"] = _as_it_stands(self.login.user)
        return super().handle()

    def exit(self) -> Any:
        user: Any = self.login.user
        if user is None or not user.is_active or self.state.get("account") != _as_it_stands(user):
            messages.info(
                self.request, _("Your account has changed since you began to sign in. Sign in again.")
            )
            return self.abort()
        return super().exit()

    def _should_handle(self, request: HttpRequest) -> bool:
        return not shown_elsewhere(request, self.login.user) and super()._should_handle(request)


def _as_it_stands(user: Any) -> str:
    """Differs after a new password; what Django keeps in a session for the same reason."""
    return str(user.get_session_auth_hash())


def second_factor_set_up(get_response: GetResponse) -> GetResponse:
    """Lead whoever must have a second factor and has none to the page that sets it up."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if (
            user.is_authenticated
            and not request.path.startswith(OPEN)
            and must_have_one(user)
            and not is_mfa_enabled(user)
            and not shown_elsewhere(request, user)
        ):
            messages.info(request, _("Your role needs a second factor. Set it up to go on."))
            return redirect(reverse("mfa_activate_totp"))
        return get_response(request)

    return middleware


@transaction.atomic
def take_away(person: User, *, by: User) -> None:
    """For whoever has lost theirs: by a system administrator, never for oneself. The person is told and signed out everywhere.

    Raises PermissionDenied for anybody else, ValidationError where there is none.
    """
    if not by.is_superuser or person == by:
        raise PermissionDenied
    factors = Authenticator.objects.select_for_update().filter(user=person)
    kinds = sorted(factors.values_list("type", flat=True))
    if not kinds:
        raise ValidationError(_("This account has no second factor."))
    Authenticator.objects.filter(user=person).delete()
    events.record(
        events.Kind.ACCOUNT, by=by, about=person, name=person.username, before={"second factor": kinds}
    )
    tell_of(person, "account.factor-reset")
    end_sessions(person.pk)


# What django-allauth says has happened. Recovery codes come and go with the app: only what is done to them by themselves is told.


def added(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        _tell(user, "account.factor-added", after={"second factor": authenticator.type})


def removed(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        _tell(user, "account.factor-removed", before={"second factor": authenticator.type})


def reset(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    _tell(user, "account.codes", after={"second factor": authenticator.type, "new": True})


def used(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        _tell(user, "account.code-used", after={"second factor": authenticator.type, "used": True})


def _tell(user: User, key: str, **told: Any) -> None:
    events.record(events.Kind.ACCOUNT, by=user, about=user, name=user.username, **told)
    tell_of(user, key)
