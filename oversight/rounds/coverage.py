"""How far a round has come: how many agencies have answered what, by kind of agency, as far as a reader sees them."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from django.db import models
from django.db.models import Count, QuerySet
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, User
from figures.interval import round_half_up
from oversight.round_models import Answer, Round, RoundAgency


class State(models.TextChoices):
    """An agency's answer, with whether it is late."""

    REPORTED = "reported", _("Reported")
    NIL = "nil", _("Nil return")
    CANNOT_SAY = "cannot_say", _("Cannot say")
    WAITING = "waiting", _("Waiting")
    OVERDUE = "overdue", _("Overdue")
    UNANSWERED = "unanswered", _("No answer")


# With which tone `krds/badge.html` shows them.
TONES = {
    State.REPORTED: "success",
    State.NIL: "info",
    State.CANNOT_SAY: "undetermined",
    State.WAITING: "waiting",
    State.OVERDUE: "danger",
    State.UNANSWERED: "none",
}


def silent_state(round_: Round, on: datetime.date) -> State:
    """What those are in who have not answered: on one day all of them are in the same state."""
    if not round_.is_open:
        return State.UNANSWERED
    return State.OVERDUE if round_.due_on < on else State.WAITING


def states_of(round_: Round, on: datetime.date) -> list[State]:
    """The states that agencies of the round can be in on a day."""
    return [State.REPORTED, State.NIL, State.CANNOT_SAY, silent_state(round_, on)]


def state_of(asked: RoundAgency, round_: Round, on: datetime.date) -> State:
    return silent_state(round_, on) if asked.answer == Answer.WAITING else State(asked.answer)


def in_state(rows: QuerySet, state: str) -> QuerySet:
    """Those of the rows of one round that are in a state which its agencies can be in."""
    answered = state in (State.REPORTED, State.NIL, State.CANNOT_SAY)
    return rows.filter(answer=state if answered else Answer.WAITING)


@dataclass(frozen=True)
class Line:
    """How many agencies, of one kind or of all, are in each state."""

    label: str
    counts: Mapping[State, int]

    @property
    def whole(self) -> int:
        return sum(self.counts.values())

    @property
    def answered(self) -> int:
        return sum(self.counts[state] for state in (State.REPORTED, State.NIL, State.CANNOT_SAY))


@dataclass(frozen=True)
class Coverage:
    states: list[State]
    by_kind: list[Line]
    total: Line


def coverage(user: User, round_: Round, on: datetime.date) -> Coverage:
    """Over the agencies of the round that `user` sees. One grouped query."""
    rows = RoundAgency.objects.visible_to(user).filter(round=round_).order_by()
    silent = silent_state(round_, on)
    by_kind: dict[str, Counter[State]] = {}
    for kind, answer, count in rows.values_list("agency__kind", "answer").annotate(count=Count("pk")):
        state = silent if answer == Answer.WAITING else State(answer)
        by_kind.setdefault(kind, Counter())[state] += count
    lines = [Line(str(kind.label), by_kind[kind]) for kind in Agency.Kind if kind in by_kind]
    total: Counter[State] = sum(by_kind.values(), Counter())
    return Coverage(states_of(round_, on), lines, Line(str(_("All agencies")), total))


def share(part: int, whole: int) -> str:
    """In percent with one decimal; nothing of nothing is no percentage.

    All and none are said only where it is all or none: 19,999 of 20,000 are 99.9%.
    """
    if not whole:
        return "–"
    tenths = round_half_up(Fraction(1000 * part, whole))
    if 0 < part < whole:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths // 10}.{tenths % 10}%"
