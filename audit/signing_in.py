"""Events of signing in and out, from Django's own signals, so whatever page or backend it goes through."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from audit.events import Kind, clean, record


def listen() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit.signed_out")
    user_login_failed.connect(_failed, dispatch_uid="audit.sign_in_failed")


def _signed_in(request: Any, user: Any, **_told: Any) -> None:
    ways = list(dict.fromkeys(way["method"] for way in get_authentication_records(request, user)))
    told = {"by": ways} if ways else {}
    record(Kind.SIGN_IN, by=user, about=user, name=user.get_username(), after=told, request=request)


def _signed_out(request: Any, user: Any, **_told: Any) -> None:
    if user is not None:
        record(Kind.SIGN_OUT, by=user, about=user, name=user.get_username(), request=request)


def _failed(credentials: Any, request: Any = None, **_told: Any) -> None:
    """The account that somebody tried, where there is one. Anything else that was typed is not kept: it may be a password."""
    model: Any = get_user_model()
    typed = clean(str(credentials.get(model.USERNAME_FIELD) or ""))
    # Found as signing in finds it, or attempts at another spelling of a name would be nobody's.
    found = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__iexact": typed})
    user = found.first() if typed else None
    record(
        Kind.SIGN_IN_FAILED,
        about=user,
        name=user.get_username() if user is not None else "",
        after={"account": "known" if user is not None else "unknown"},
        request=request,
    )
