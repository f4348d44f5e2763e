"""Acts that need to know who sits there now: the password or a code is asked for again unless it was given just before.

Who signs in by single sign-on proves it at the provider again, where there is neither password nor code here.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


def signed_in_just_now(request: HttpRequest) -> bool:
    """Whether this session saw a password, a code, or a proof at the provider within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    records = get_authentication_records(request, request.user)
    newest = max((_proved_at(record) for record in records), default=0.0)
    return bool(time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def _proved_at(record: dict[str, Any]) -> float:
    """When the person did something. A provider may let in by a session of its own: what counts is what it says of that."""
    at = float(record["at"])
    return min(at, float(record.get("proved_at", 0))) if record["method"] == "socialaccount" else at


def ask_again(request: HttpRequest) -> None:
    """Ask for the password or a code before a form that was sent is acted upon; it is kept and sent on afterwards."""
    if request.method == "POST" and not signed_in_just_now(request):
        raise ReauthenticationRequired


def asked_first(request: HttpRequest) -> HttpResponse | None:
    """The way to the page that asks, where it must be asked; from there it goes on with this request."""
    if signed_in_just_now(request):
        return None
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    return suspend_request(request, methods[0]["url"] if methods else reverse("account_reauthenticate"))
