"""Log lines: each with the number of the request it belongs to, in production as JSON, and never with a secret."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch

GetResponse = Callable[[HttpRequest], HttpResponseBase]

requests = logging.getLogger("govtrack.requests")

SECRET = "[secret]"  # noqa: S105
LONGEST = 20_000  # characters of a message or a traceback
HEADER = "X-Request-ID"
# Of whom these are is logged, by the number of the account: not allowed, out of sight, no such method, too often.
REFUSED = (403, 404, 405, 429)
# What a proxy may hand on. Anything else could forge a line or break a page that shows it.
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

# A name that stands for a secret, what joins it to its value in headers, forms, JSON, Python or the database's words, the value.
_NAMED = re.compile(
    r"""((?:password|passwd|secret|token|session_?(?:id|key)|authorization|cookie|api_?key|recovery_?code|otp)[\w-]{0,40}
        ["')]?\s{0,3}(?:=>|[=:])\s{0,3}(?:(?:bearer|basic|digest|token)\s{1,3})?\(?)
        ("[^"]*"|'[^']*'|\[[^\]]*\]|[^\s,;&(){}\]"']+)""",
    re.IGNORECASE | re.VERBOSE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://[^\s:/@]{0,80}:)[^\s@/]{1,200}@")

_number: ContextVar[str] = ContextVar("request_number", default="")


def number() -> str:
    """The number of the request that this thread serves, or served last; empty outside of any."""
    return _number.get()


def numbered(get_response: GetResponse) -> GetResponse:
    """Give each request a number: the proxy's where it is well formed, else a new one. The answer and the log tell it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        # Left set afterwards: what is still streamed, and the server's own line, belong to this request too.
        _number.set(given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex)
        started = time.monotonic()
        response = get_response(request)
        response.headers[HEADER] = number()
        # Known by now where anything asked for it; nothing is looked up for a line.
        account = getattr(getattr(request, "_cached_user", None), "pk", None)
        refused = {"account": account} if account and response.status_code in REFUSED else {}
        requests.info(
            "answered",
            extra={
                "told": {
                    "method": request.method,
                    "view": page_of(request.resolver_match),
                    "status": response.status_code,
                    "ms": round((time.monotonic() - started) * 1000),
                    **refused,
                }
            },
        )
        return response

    return middleware


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """`text` with each value that its name gives away as a secret, and each of `known`, replaced."""
    text = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    for value in known:
        text = text.replace(value, SECRET)
    text = _IN_ADDRESS.sub(rf"\1{SECRET}@", text)
    text = _NAMED.sub(rf"\1{SECRET}", text)
    return _BEARER.sub(rf"\1 {SECRET}", text)


def known_secrets() -> list[str]:
    """Those of the settings; a value so short that words contain it is left to its name."""
    database = settings.DATABASES["default"]
    values = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, database.get("PASSWORD") or ""]
    return [str(value) for value in values if len(value) >= 8]


def message_of(record: logging.LogRecord) -> str:
    """The message, in which a page stands for the address that Django names: that may be a key, as an invitation's is."""
    path, match = (
        getattr(getattr(record, "request", None), name, None) for name in ("path", "resolver_match")
    )
    # Without arguments a message is no pattern: what somebody sent stands in it as it is, with any %.
    if not path or not record.args or not isinstance(record.args, tuple):
        return record.getMessage()
    page = page_of(match) or "no page"
    hidden = (path, path.encode("unicode_escape").decode("ascii"))  # as Django writes it
    return str(record.msg) % tuple(page if arg in hidden else arg for arg in record.args)


def page_of(match: ResolverMatch | None) -> str | None:
    """The name of a page, which tells nothing of whom it is about."""
    return (match.view_name or match.route) if match else None


class Line(logging.Formatter):
    """One line of text for a person's terminal; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = without_secrets(super().format(record), known_secrets())
        return f"{text} [{number()}]" if number() else text

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = message_of(record).replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


class Json(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request, and what happened where something broke.

    Nothing else that a record carries is written: Django hands on the whole request.
    """

    def format(self, record: logging.LogRecord) -> str:
        known = known_secrets()
        at = datetime.fromtimestamp(record.created, ZoneInfo(settings.TIME_ZONE))
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(message_of(record), known),
        }
        if number():
            line["request"] = number()
        line |= getattr(record, "told", {})
        if record.exc_info:
            line["traceback"] = without_secrets(self.formatException(record.exc_info), known)
        return json.dumps(line, ensure_ascii=False)
