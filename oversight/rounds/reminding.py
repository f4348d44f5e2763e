"""Who is to be told of a round: the administrators of the agencies that are asked, and reminders of what is due or overdue."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, Membership, Notice, Role, User
from oversight.round_models import Answer, Round, RoundAgency, RoundEvent
from oversight.rounds.holding import locked, log

# So many days before the due date reminders begin.
REMIND_BEFORE = datetime.timedelta(days=7)
ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Reminder:
    """That an agency has not answered a round, and who is to be told."""

    round: Round
    agency: Agency
    recipients: tuple[User, ...]
    is_overdue: bool


def reminders(on: datetime.date) -> list[Reminder]:
    """What to remind of on the day `on`: agencies whose answer is due within seven days or overdue. Three queries."""
    soon = RoundAgency.objects.awaiting(on).filter(round__due_on__lte=on + REMIND_BEFORE)
    rows = list(soon.select_related("agency").order_by("round", "agency__path"))
    rounds = Round.objects.in_bulk({row.round_id for row in rows})
    people = administrators_of(row.agency.path for row in rows)
    return [
        Reminder(rounds[row.round_id], row.agency, people[row.agency.path], row.is_overdue) for row in rows
    ]


def administrators_of(paths: Iterable[str]) -> dict[str, tuple[User, ...]]:
    """For each place in the tree the administrators there, or where it has none, of the nearest agency above that has some.

    One query; those whose account is not active are told nothing.
    """
    by_path: dict[str, list[User]] = defaultdict(list)
    memberships = Membership.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    for membership in memberships.select_related("user", "agency").order_by("user__pk"):
        by_path[membership.agency.path].append(membership.user)
    found = {}
    for path in paths:
        nearest = next((place for place in _upwards(path) if place in by_path), None)
        found[path] = tuple(by_path[nearest]) if nearest else ()
    return found


def untold(round_: Round) -> int:
    """For how many agencies of the round there is nobody to be told: no administrator there, and none above."""
    memberships = Membership.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True).order_by()
    if memberships.filter(agency__path__in=_upwards(round_.scope.path)).exists():
        return 0
    told = set(memberships.values_list("agency__path", flat=True).distinct())
    asked = RoundAgency.objects.filter(round=round_).order_by().values_list("agency__path", flat=True)
    return sum(told.isdisjoint(_upwards(path)) for path in asked)


def _upwards(path: str) -> Iterator[str]:
    """A place in the tree and all above it."""
    while path:
        yield path
        path = path[: path.rstrip("/").rfind("/") + 1]


def tell_asked(round_: Round, key: str) -> int:
    """Tell the administrators of all agencies that the round asks, each once; gives how many."""
    asked = RoundAgency.objects.filter(round=round_).order_by()
    return _tell(round_, key, list(asked.values_list("agency__path", flat=True)))


@transaction.atomic
def remind(round_: Round, *, by: User, on: datetime.date) -> int:
    """Tell the administrators of those who have not answered, each once; gives how many people.

    Raises ValidationError where the round is not open, everybody has answered, or they were reminded on this day already.
    """
    round_ = locked(round_, by)
    if not round_.is_open:
        raise ValidationError(_("The round is not open, so that nobody is reminded."), code="status")
    last = round_.events.filter(act=RoundEvent.Act.REMINDED).first()
    if last and timezone.localdate(last.done_at) == on:
        raise ValidationError(_("They were reminded today already."), code="again")
    waiting = RoundAgency.objects.filter(round=round_, answer=Answer.WAITING).order_by()
    paths = list(waiting.values_list("agency__path", flat=True))
    if not paths:
        raise ValidationError(_("Every agency has answered."), code="none")
    count = _tell(round_, "round_reminder", paths)
    log(round_, RoundEvent.Act.REMINDED, by, agencies=len(paths), people=count)
    return count


def parameters_of(round_: Round, agencies: int) -> dict[str, str | int]:
    """What the messages name: the round, the day, and how many agencies it is about."""
    return {"round": str(round_.pk), "due_on": round_.due_on.isoformat(), "agencies": agencies}


def _tell(round_: Round, key: str, paths: Collection[str]) -> int:
    """One notice a person, which says of how many agencies it is."""
    counted: dict[int, int] = defaultdict(int)
    for people in administrators_of(paths).values():
        for person in people:
            counted[person.pk] += 1
    Notice.objects.bulk_create(
        (
            Notice(
                recipient_id=person,
                key=key,
                parameters=parameters_of(round_, agencies),
                url=round_.get_absolute_url(),
            )
            for person, agencies in counted.items()
        ),
        batch_size=ROWS_AT_ONCE,
    )
    return len(counted)
