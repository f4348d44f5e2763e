"""What one reader may ask for: how much at once, and how often where it costs much (pages that compute at length, files)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from govtrack.logs import number
from govtrack.whole_exports import ALWAYS_A_FILE, FILE_PARAMETER

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Views that compute over all that the reader may see.
COSTLY = {
    "home",
    "oversight:agency",
    "oversight:plan",
    "oversight:spending",
    "oversight:explore",
    "oversight:explore-print",
    "oversight:records",
    "oversight:freeze",
    "oversight:snapshot-compare",
    "policies:compare",
    "subscriptions:what-if",
}
# Views that begin a file when something is sent to them. Those that hand one out: `govtrack.whole_exports`.
BEGIN_FILES = {"oversight:exports", "oversight:export-again"}
# Views that read through a file when one is sent to them.
READ_FILES = {"subscriptions:imports"}


def sized(get_response: GetResponse) -> GetResponse:
    """Refuse a request that is larger than any page takes, before anything of it is read."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if length.isascii() and length.isdigit() and int(length) > settings.LARGEST_REQUEST:
            page = render_to_string(
                "413.html",
                {"request_number": number(), "megabytes": settings.LARGEST_REQUEST // 1024 // 1024},
            )
            return HttpResponse(page, status=413)
        return get_response(request)

    return middleware


def often_enough(get_response: GetResponse) -> GetResponse:
    """Ask a reader to wait who takes more files, or opens more costly pages, than settings.REQUEST_LIMITS allows each."""

    def process_view(request: HttpRequest, *view: Any) -> HttpResponse | None:
        kind = kind_of(request)
        limit = settings.REQUEST_LIMITS.get(kind)
        if not limit or not request.user.is_authenticated:
            return None
        wait = seconds_to_wait(limit, kind, str(request.user.pk))
        if not wait:
            return None
        response = render(request, "429.html", {"wait": wait, "files": kind == "files"}, status=429)
        response.headers["Retry-After"] = str(wait)
        return response

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def kind_of(request: HttpRequest) -> str:
    """What the request counts as: `files`, `pages` (costly ones) or nothing."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if FILE_PARAMETER in request.GET or name in ALWAYS_A_FILE:
        return "files"
    if name in BEGIN_FILES | READ_FILES and request.method == "POST":
        return "files"
    return "pages" if name in COSTLY else ""


@cache
def limiter(address: str) -> FixedWindowRateLimiter:
    """The counter kept at this address: `memory://` is this process's own."""
    storage = storage_from_string(address)
    assert isinstance(storage, Storage)
    return FixedWindowRateLimiter(storage)


def seconds_to_wait(limit: str, *who: str) -> int:
    """Count one more attempt by `who` against `limit` ("30/minute"); 0 when it may go on, else after how many seconds."""
    counter, item = limiter(settings.LIMITS_STORAGE), _parsed(limit)
    if counter.hit(item, *who):
        return 0
    return max(1, math.ceil(counter.get_window_stats(item, *who).reset_time - time.time()))


@cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)
