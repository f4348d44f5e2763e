"""What every answer must tell the browser, whatever was asked: of whom it loads, what it is, and who keeps it."""

from __future__ import annotations

import json
import platform
from typing import Any

import django
import gunicorn

POLICY = {
    "base-uri 'none'", "connect-src 'self'", "default-src 'none'", "font-src 'self'", "form-action 'self'",
    "frame-ancestors 'none'", "img-src 'self'", "report-to csp", "report-uri /csp-reports/", "script-src 'self'",
    "style-src 'self'",
}  # fmt: skip
# A file that somebody filed: opened by itself, nothing in it may do anything.
OF_A_FILE = {"default-src 'none'", "sandbox"}
HEADERS = {
    "X-Frame-Options": ("DENY",),
    "X-Content-Type-Options": ("nosniff",),
    "Referrer-Policy": ("same-origin", "no-referrer"),  # the latter where the address itself is a secret
    "Cross-Origin-Opener-Policy": ("same-origin",),
    "Cross-Origin-Resource-Policy": ("same-origin",),
    "Reporting-Endpoints": ('csp="/csp-reports/"',),
}
# Pages, and the one word of the probes. Whatever else there is, is a file.
SHOWN = ("text/html; charset=utf-8", "text/plain")
FILES = (
    "text/csv; charset=utf-8",
    "application/json; charset=utf-8",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/pdf",
    "text/plain; charset=utf-8",
)
# Software and its version, as it would name itself.
VERSIONS = (
    f"Django {django.get_version()}",
    f"Django/{django.get_version()}",
    f"Python {platform.python_version()}",
    f"Python/{platform.python_version()}",
    f"gunicorn/{gunicorn.__version__}",
    f"CPython/{platform.python_version()}",
)


def unprotected(response: Any) -> list[str]:
    """Which headers are not as they must be; the content policy is compared as a whole."""
    policy = {part.strip() for part in response.headers.get("Content-Security-Policy", "").split(";")}
    allowed = (POLICY, OF_A_FILE) if is_file(response) else (POLICY,)
    found = [] if policy in allowed else [f"Content-Security-Policy: {sorted(policy ^ POLICY)}"]
    return found + [
        f"{name}: {response.headers.get(name)}"
        for name, expected in HEADERS.items()
        if response.headers.get(name) not in expected
    ]


def kept_by_others(response: Any) -> list[str]:
    """Whether a shared cache or the browser may keep what is told to who is signed in."""
    told = response.headers.get("Cache-Control", "")
    directives = {part.strip() for part in told.split(",")}
    return [] if {"private", "no-store"} <= directives else [f"Cache-Control: {told}"]


def is_file(response: Any) -> bool:
    return bool(response.headers.get("Content-Disposition", "").startswith("attachment;"))


def misunderstood(response: Any, body: bytes) -> list[str]:
    """What a browser could take for something else than it is: a file that it would show, text that is no page."""
    kind = response.headers.get("Content-Type", "")
    found = []
    if body and kind not in (FILES if is_file(response) else SHOWN):
        found.append(f"{kind} {'as a file' if is_file(response) else 'to be shown'}")
    if kind.startswith("text/html") and _is_json(body):
        found.append("JSON as a page")
    return found


def _is_json(body: bytes) -> bool:
    if body.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def versions_in(response: Any, body: bytes) -> list[str]:
    """What names the software and its version, in headers or text."""
    told = [name for name in ("Server", "X-Powered-By", "Via") if name in response.headers]
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return told + [version for version in VERSIONS if version in headers or version.encode() in body]
