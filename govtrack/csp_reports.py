"""What browsers report of pages that tried to load or run what the content security policy forbids."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from govtrack.limits import seconds_to_wait

logger = logging.getLogger("govtrack.csp")

LARGEST = 16 * 1024
MOST_AT_ONCE = 20
# Of all browsers together: anybody may send reports, and none may fill the log with them.
LIMIT = "60/minute"
TYPES = ("application/csp-report", "application/reports+json", "application/json")
LONGEST_WORD = 80


def receive(request: HttpRequest) -> HttpResponse:
    """Log the reports of one POST; what is no report, too large or too much is turned away.

    Nothing of a person is logged: no address, no account, of pages the name alone, of other sites the host alone.
    """
    if request.content_type not in TYPES:
        return HttpResponse(status=415)
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
        return HttpResponse(status=413)
    if wait := seconds_to_wait(LIMIT, "csp-reports"):
        return HttpResponse(status=429, headers={"Retry-After": str(wait)})
    try:
        found = list(_reports(json.loads(request.body)))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return HttpResponse(status=400)
    for report in found[:MOST_AT_ONCE]:
        logger.warning(
            "The policy kept %(page)s from %(directive)s of %(blocked)s (source: %(source)s, line %(line)s).",
            report,
        )
    return HttpResponse(status=204)


def _reports(data: Any) -> Iterator[dict[str, str]]:
    """The reports in either form that browsers send: one by `report-uri`, several by `report-to`."""
    if isinstance(data, dict):
        body = data.get("csp-report", {})
        if body:
            directive = body.get("effective-directive") or body.get("violated-directive")
            where = (body.get("source-file"), body.get("line-number"))
            yield _told(body.get("document-uri"), directive, body.get("blocked-uri"), *where)
        return
    for report in data:
        if report.get("type") == "csp-violation":
            body = report["body"]
            names = ("documentURL", "effectiveDirective", "blockedURL", "sourceFile", "lineNumber")
            yield _told(*(body.get(name) for name in names))


def _told(page: Any, directive: Any, blocked: Any, source: Any, line: Any) -> dict[str, str]:
    return {
        "page": _page(str(page or "")),
        "directive": _word(directive),
        "blocked": _host(str(blocked or "")),
        "source": _host(str(source or "")),
        "line": str(line) if isinstance(line, int) else "unknown",
    }


def _page(address: str) -> str:
    """The name of the page at this address; the address itself may tell of whom it is."""
    try:
        return resolve(urlsplit(address).path).view_name or "a page without a name"
    except (Resolver404, ValueError):
        return "an unknown page"


def _host(address: str) -> str:
    """Scheme and host of an address, or the word that stands for one, such as `inline`."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "unknown"
    return _word(f"{parts.scheme}://{parts.hostname}" if parts.hostname else parts.scheme or parts.path)


def _word(text: Any) -> str:
    """Letters and marks of a host or a directive alone: a log line holds nothing else that a stranger sent."""
    kept = "".join(
        letter for letter in str(text or "") if letter.isascii() and (letter.isalnum() or letter in ":/.-_")
    )
    return kept[:LONGEST_WORD] or "unknown"
