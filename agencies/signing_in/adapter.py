"""What django-allauth asks of the project: nobody signs up by themselves, and whose address a request has."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest

from agencies.signing_in.fresh import signed_in_just_now

NOT_KNOWN = "0.0.0.0"  # noqa: S104  # no address to listen on: what a request without one is counted as


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by those who may give them, never by a stranger."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address behind ALLAUTH_TRUSTED_PROXY_COUNT proxies; requests that come by a socket without one count as one."""
        return get_client_ip(request) or NOT_KNOWN

    def is_reauthentication_required(self, *args: Any, **kwargs: Any) -> bool:
        """Signing in counts as having said who one is, as long as it was just now."""
        return not signed_in_just_now(context.request) and super().is_reauthentication_required(
            *args, **kwargs
        )

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: what happens to an account is shown on its pages and kept in the trail."""
