"""What has happened to a round, and how it stands, in sentences."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils.dateparse import parse_date
from django.utils.translation import gettext, ngettext

from figures.formatting import day, number
from oversight.round_models import Round, RoundEvent

SHOWN = 50


@dataclass(frozen=True)
class Event:
    """For `krds/timeline_item.html`."""

    when: datetime.datetime
    who: str
    what: str
    text: str
    state: str


STATES = {
    RoundEvent.Act.OPENED: "info",
    RoundEvent.Act.DUE_CHANGED: "warning",
    RoundEvent.Act.CLOSED: "closed",
    RoundEvent.Act.CANCELLED: "danger",
    RoundEvent.Act.PUBLISHED: "success",
}


def event_texts(round_: Round) -> list[Event]:
    """The latest events of a round, the newest first."""
    events = round_.events.select_related("done_by").order_by("-pk")[:SHOWN]
    return [
        Event(
            event.done_at,
            str(event.done_by),
            str(event.get_act_display()),
            " ".join(part for part in (_details(event), event.reason) if part),
            STATES.get(RoundEvent.Act(event.act), "info"),
        )
        for event in events
    ]


def _details(event: RoundEvent) -> str:
    given = event.details
    if event.act == RoundEvent.Act.DUE_CHANGED:
        days = {name: day(parse_date(given.get(name, "")) if given.get(name) else None) for name in DAYS}
        return gettext("From %(before)s to %(due_on)s.") % days
    if event.act == RoundEvent.Act.OPENED:
        count = int(given.get("agencies", 0))
        text = ngettext("%(count)s agency is asked.", "%(count)s agencies are asked.", count)
        return text % {"count": number(count)}
    if event.act == RoundEvent.Act.REMINDED:
        return gettext("Agencies without an answer: %(agencies)s. People told: %(people)s.") % {
            "agencies": number(int(given.get("agencies", 0))),
            "people": number(int(given.get("people", 0))),
        }
    if event.act == RoundEvent.Act.CLOSED:
        return gettext("Agencies that had answered: %(count)s.") % {
            "count": number(int(given.get("answered", 0)))
        }
    return ""


DAYS = ("before", "due_on")


def explained(round_: Round, on: datetime.date) -> str:
    """When the round is due, as seen from a day."""
    if not round_.is_open:
        return ""
    left = (round_.due_on - on).days
    if left < 0:
        text = ngettext("Overdue by %(count)s day", "Overdue by %(count)s days", -left)
        return text % {"count": number(-left)}
    if left == 0:
        return gettext("Due today")
    return ngettext("%(count)s day left", "%(count)s days left", left) % {"count": number(left)}
