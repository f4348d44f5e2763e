"""Notes when the deployment runs under other settings than before: an event with the values before and after."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from audit.events import Kind, differing, record
from audit.models import Event

# Those that say what the rules are; none is a secret.
NOTED = (
    "DEBUG",
    "OFFICIAL_DEPLOYMENT",
    "POLICY_TWO_PERSON_RULE",
    "WAIVER_MAX_DAYS",
    "REMINDER_DAYS",
    "WAIVER_REMINDER_DAYS",
    "EXPORTS_DAYS",
    "IMPORTS_DAYS",
    "ATTACHMENT_MAX_BYTES",
    "SECOND_FACTOR_REQUIRED",
    "ACCOUNT_REAUTHENTICATION_TIMEOUT",
    "SESSION_IDLE_SECONDS",
    "SESSION_LONGEST_SECONDS",
    "TRUSTED_PROXY_HOPS",
    "SESSION_COOKIE_AGE",
    "AUTHENTICATION_BACKENDS",
    "ALLOWED_HOSTS",
)


def note_settings() -> Event | None:
    """Record what differs from the last time, if anything does."""
    now = {name: _plain(getattr(settings, name)) for name in NOTED}
    before = seen()
    was, is_now = differing(before, now)
    if not is_now:
        return None
    return record(Kind.SETTING, name="settings", before=was, after=is_now)


def seen() -> dict[str, Any]:
    """The settings as the events so far tell of them."""
    found: dict[str, Any] = {}
    events = Event.objects.filter(kind=Kind.SETTING, about="settings").order_by("pk")
    for after in events.values_list("after", flat=True):
        found.update(after)
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool, type(None))) else [str(one) for one in value]
