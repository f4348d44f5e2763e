"""What can be told: the kinds of notices, the text of each message, and how one is told to people and departments.

The apps on the right register the messages of their own acts (`register`), each under a key that notices keep for good.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, DepartmentContact, Notice, User
from figures.formatting import day


class Kind(models.TextChoices):
    """What people choose between when they say what they want by e-mail."""

    RENEWAL = "renewal", _("Renewals")
    FINDING = "finding", _("Findings")
    WAIVER = "waiver", _("Waivers")
    REQUEST = "request", _("Requests and decisions")
    SECURITY = "security", _("Your account")
    OTHER = "other", _("Everything else")


# What nobody can switch off: it is sent at once, see `agencies.signing_in.telling`.
ALWAYS = {Kind.SECURITY}
# The kind and the text of each message. A text names parameters of the notice, such as %(reference)s.
_MESSAGES: dict[str, tuple[Kind, Any]] = {}
# For a parameter that holds a code: how to find the names of many codes at once, in the reader's language.
_NAMES: dict[str, Callable[[set[str]], Mapping[str, str]]] = {}
# What the apps on the right remind of.
REMINDERS: list[tuple[Any, Callable[[datetime.date], int]]] = []


def register(
    kind: Kind,
    messages: Mapping[str, Any],
    names: Mapping[str, Callable[[set[str]], Mapping[str, str]]] | None = None,
) -> None:
    """Make messages known, each a key with its translatable text; `names` turn codes among their parameters into names."""
    _MESSAGES.update({key: (kind, text) for key, text in messages.items()})
    _NAMES.update(names or {})


def register_reminders(title: Any, remind: Callable[[datetime.date], int]) -> None:
    """Have `send_reminders` also call `remind`, which tells what is due on a day and returns how many notices that made."""
    REMINDERS.append((title, remind))


def kind_of(key: str) -> Kind:
    return _MESSAGES[key][0] if key in _MESSAGES else Kind.OTHER


def keys_of(kind: Kind) -> list[str]:
    return [key for key, (its_kind, _text) in _MESSAGES.items() if its_kind == kind]


def known_keys() -> set[str]:
    return set(_MESSAGES)


def days_in_words(days: set[str]) -> dict[str, str]:
    return {text: day(datetime.date.fromisoformat(text)) for text in days}


def agency_names(codes: set[str]) -> dict[str, str]:
    return {agency.code: str(agency) for agency in Agency.objects.filter(code__in=codes)}


def texts_of(notices: Iterable[Notice]) -> list[str]:
    """The text of each notice in the reader's language; one query for each registry of names that they need."""
    notices = list(notices)
    found: dict[str, Mapping[str, str]] = {}
    for parameter, names in _NAMES.items():
        codes = {str(n.parameters[parameter]) for n in notices if n.parameters.get(parameter)}
        found[parameter] = names(codes) if codes else {}
    return [_text(notice, found) for notice in notices]


def _text(notice: Notice, names: Mapping[str, Mapping[str, str]]) -> str:
    values = {
        name: names.get(name, {}).get(str(value), value) for name, value in (notice.parameters or {}).items()
    }
    _kind, text = _MESSAGES.get(notice.key, (Kind.OTHER, _("There is news about %(reference)s.")))
    return str(text) % Given(values)


class Given(dict[str, Any]):
    """The parameters of a notice; one that an older notice does not have is shown as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def tell(
    people: Iterable[User],
    key: str,
    parameters: Mapping[str, Any],
    url: str,
    *,
    contacts: Iterable[DepartmentContact] = (),
    once: str = "",
) -> None:
    """Tell people and departments; what bears the mark `once` is told to each of them only once, whoever says it."""
    same: dict[str, Any] = {"key": key, "parameters": dict(parameters), "url": url, "once": once}
    notices = [Notice(recipient=person, **same) for person in people]
    notices += [Notice(contact=contact, **same) for contact in contacts]
    tell_all(notices)


def tell_all(notices: Iterable[Notice]) -> int:
    """Write many notices, without those with a mark that their recipient has been told already; returns how many."""
    notices = list(notices)
    plain = [notice for notice in notices if not notice.once]
    marked = {(n.recipient_id, n.contact_id, n.once): n for n in notices if n.once}
    marks = sorted({notice.once for notice in marked.values()})
    for start in range(0, len(marks), 500):
        told = Notice.objects.filter(once__in=marks[start : start + 500])
        for one in told.values_list("recipient", "contact", "once"):
            marked.pop(one, None)
    Notice.objects.bulk_create(plain, batch_size=500)
    # Somebody else may say the same at this very moment: the database keeps one.
    Notice.objects.bulk_create(marked.values(), batch_size=500, ignore_conflicts=True)
    return len(plain) + len(marked)
