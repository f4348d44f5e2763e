"""Acts that need to know who sits there now: the password or a code is asked for again unless it was given just before.

Who signs in by single sign-on proves it at the provider again, where there is neither password nor code here.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY, suspend_request
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _


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
    """Ask for the password or a code before a form that was sent is acted upon; it is kept and sent on afterwards.

    Not one that holds a new password: sessions, and what of them is backed up, would hold it readable.
    """
    if request.method != "POST" or signed_in_just_now(request):
        return
    if any("password" in name for name in request.POST):
        messages.info(request, _("What you typed was not kept, since it held a password. Type it again."))
        ask_on_the_way(request)
    raise ReauthenticationRequired


def ask_on_the_way(request: HttpRequest) -> None:
    """Ask before a page is shown on which a new password is typed, so that nothing has to be kept."""
    if not signed_in_just_now(request):
        request.session.pop(STATE_SESSION_KEY, None)
        way = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
        raise ImmediateHttpResponse(HttpResponseRedirect(f"{_where_it_is_asked(request)}?{way}"))


def asked_first(request: HttpRequest) -> HttpResponse | None:
    """The way to the page that asks, where it must be asked; from there it goes on with this request."""
    return None if signed_in_just_now(request) else suspend_request(request, _where_it_is_asked(request))


def _where_it_is_asked(request: HttpRequest) -> str:
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    return str(methods[0]["url"]) if methods else reverse("account_reauthenticate")
