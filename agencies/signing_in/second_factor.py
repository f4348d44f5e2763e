"""Who must sign in with a second factor, and that they set one up before anything else."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from agencies.models import Role, User

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a person without the factor that they must have may still open.
OPEN = ("/accounts/", "/i18n/", "/static/")


def must_have_one(user: User) -> bool:
    """Policy officers and system administrators, where SECOND_FACTOR_REQUIRED says so (the default outside the demonstration)."""
    return settings.SECOND_FACTOR_REQUIRED and user.has_role(Role.POLICY_OFFICER)


def second_factor_set_up(get_response: GetResponse) -> GetResponse:
    """Lead whoever must have a second factor and has none to the page that sets it up."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if (
            user.is_authenticated
            and not request.path.startswith(OPEN)
            and must_have_one(user)
            and not is_mfa_enabled(user)
        ):
            messages.info(request, _("Your role needs a second factor. Set it up to go on."))
            return redirect(reverse("mfa_activate_totp"))
        return get_response(request)

    return middleware
