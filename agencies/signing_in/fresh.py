"""Acts that need to know who sits there now: the password or a code is asked for again unless it was given just before."""

import time

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest


def signed_in_just_now(request: HttpRequest) -> bool:
    """Whether this session saw a password or a code within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds.

    People who have neither here (single sign-on) prove it to their provider; nothing more can be asked of them.
    """
    if not get_reauthentication_flows(request.user):
        return True
    records = get_authentication_records(request, request.user)
    newest = max((record["at"] for record in records), default=0)
    return bool(time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def ask_again(request: HttpRequest) -> None:
    """Ask for the password or a code before a form that was sent is acted upon; it is kept and sent on afterwards."""
    if request.method == "POST" and not signed_in_just_now(request):
        raise ReauthenticationRequired
