"""Where a change comes from: the request that is being answered, its address and session, or none on the command line.

What a worker does because a request asked for it comes from there too: whoever has it do something hands on `handed_on()`.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

_answering: ContextVar[HttpRequest | None] = ContextVar("answering", default=None)


@dataclass(frozen=True)
class Origin:
    """`address` as text or None; `session` a hash that tells sessions apart, and is of no use to get into one."""

    is_web: bool = False
    user: Any = None
    address: str | None = None
    session: str = ""


_asked: ContextVar[Origin | None] = ContextVar("asked", default=None)


def current() -> Origin:
    """Of the request that this thread answers, or of the one that asked for what it does."""
    request = _answering.get()
    return origin_of(request) if request is not None else _asked.get() or Origin()


def handed_on() -> dict[str, Any]:
    """The present origin as an argument of a task."""
    origin = current()
    return {"user": origin.user and origin.user.pk, "address": origin.address, "session": origin.session}


@contextmanager
def asked_from(origin: Mapping[str, Any] | None, task: str) -> Iterator[None]:
    """In a worker: what is recorded meanwhile comes from what `handed_on` gave, and so do the changes that it makes, as in a
    request. `task` is its name."""
    from audit.events import Kind, record
    from audit.trail import Watch

    if (
        origin is None or _answering.get() is not None
    ):  # asked by nobody; or done at once, in the request itself
        yield
        return
    user = get_user_model()._default_manager.filter(pk=origin["user"]).first() if origin["user"] else None
    token = _asked.set(Origin(False, user, origin["address"], origin["session"]))
    try:
        begun, watch = timezone.now(), Watch()
        with connection.execute_wrapper(watch):
            yield
        if watch.tables:
            record(Kind.REQUEST, after={"page": task, "begun": begun, "rows of": sorted(watch.tables)})
    finally:
        _asked.reset(token)


def origin_of(request: HttpRequest | None) -> Origin:
    if request is None:
        return Origin()
    user = getattr(request, "user", None)
    key = getattr(getattr(request, "session", None), "session_key", None)
    return Origin(
        is_web=True,
        user=user if user is not None and user.is_authenticated else None,
        address=address_of(request),
        session=hashlib.sha256(key.encode()).hexdigest()[:16] if key else "",
    )


def address_of(request: HttpRequest) -> str | None:
    """The client's address: its connection's, or the one that the last of TRUSTED_PROXY_HOPS proxies has seen.

    Each proxy appends to X-Forwarded-For whom it was asked by, so only that many entries from the right are not the client's own
    invention. None where there is no address, as behind a socket file.
    """
    hops = settings.TRUSTED_PROXY_HOPS
    seen = request.META.get("REMOTE_ADDR", "")
    if hops:
        told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(told) >= hops:
            seen = told[-hops]
    try:
        return str(ipaddress.ip_address(seen))
    except ValueError:
        return None


def remember_origin(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: what is recorded meanwhile knows where it comes from; a request that adds to the trail is itself an event.

    Changes and decisions keep who and when; that event adds from where: the address, the session and the page.
    """
    from audit.events import Kind, exported, record
    from audit.trail import Watch

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = _answering.set(request)
        try:
            if request.method in ("GET", "HEAD", "OPTIONS"):
                response = get_response(request)
                # A page that forgets to say so is caught here, though nobody counted its rows.
                if is_file(response) and not getattr(request, "audit_exported", False):
                    exported(request, None, response["Content-Type"])
                return response
            begun, watch = timezone.now(), Watch()
            with connection.execute_wrapper(watch):
                response = get_response(request)
            if watch.tables:
                match = request.resolver_match
                record(
                    Kind.REQUEST,
                    after={
                        "page": match.view_name if match else "",
                        "path": request.path[:500],
                        "status": response.status_code,
                        "begun": begun,
                        "rows of": sorted(watch.tables),
                    },
                )
            return response
        finally:
            _answering.reset(token)

    return middleware


def is_file(response: HttpResponseBase) -> bool:
    return response.status_code == 200 and response.get("Content-Disposition", "").startswith("attachment")
