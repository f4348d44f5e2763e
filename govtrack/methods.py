"""The methods that this site answers: pages and files by GET and HEAD, acts by POST, and nothing else anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

ANSWERED = ("GET", "HEAD", "POST")


def answered(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Middleware: 405 to any other method. Who is not signed in is asked to sign in before that, like everywhere."""

    def process_view(request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        return None if request.method in ANSWERED else HttpResponseNotAllowed(ANSWERED)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware
