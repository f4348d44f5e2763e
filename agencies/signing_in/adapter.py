"""What django-allauth asks of the project: no sign-up, the address of a request, and how people are asked again who they are."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from agencies.signing_in.fresh import signed_in_just_now

NOT_KNOWN = "0.0.0.0"  # noqa: S104  # no address to listen on: what a request without one is counted as


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by those who may give them, never by a stranger."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address behind ALLAUTH_TRUSTED_PROXY_COUNT proxies; requests that come by a socket without one count as one."""
        return get_client_ip(request) or NOT_KNOWN

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Of the account alone. django-allauth adds the host, to which whoever asks may write any port; in capitals, as accounts
        are found (`iexact`)."""
        return str(credentials.get("username", "")).upper()

    def is_reauthentication_required(self, *args: Any, **kwargs: Any) -> bool:
        """Signing in counts as having said who one is, as long as it was just now."""
        request = context.request
        if signed_in_just_now(request):
            return False
        if not super().get_reauthentication_methods(request.user):
            # django-allauth asks nothing of people without password and code; here the provider does.
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(*args, **kwargs))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        from agencies.signing_in.sso import identities, provider

        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        linked = provider.is_on() and user.is_authenticated and identities.of(user)
        if linked and linked.filter(provider=settings.SSO_ISSUER).exists():
            described = gettext("Sign in at %(provider)s again") % {"provider": provider.name()}
            methods.append({"id": "sso", "description": described, "url": reverse("sso-prove")})
        return methods

    def get_login_stages(self) -> list[str]:
        ours = {"allauth.mfa.stages.AuthenticateStage": "agencies.signing_in.second_factor.AskForCode"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Who came by single sign-on is told that they may still be signed in there."""
        from agencies.signing_in.sso import provider

        records = get_authentication_records(request, request.user)
        if provider.is_on() and any(record["method"] == "socialaccount" for record in records):
            return reverse("sso-signed-out")
        return str(super().get_logout_redirect_url(request))

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: `agencies.signing_in.telling` tells people of their account."""
