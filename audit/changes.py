"""The changes of tracked records as an auditor reads them: each with what was before and after, who made it, and from where."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from audit.agreement import tracked
from audit.events import values_of
from audit.models import Event

KINDS = {"+": _("Created"), "~": _("Changed"), "-": _("Deleted")}
AT_ONCE = 500


@dataclass(frozen=True)
class Change:
    """A row of history: the columns that are not as in the row before, as they were and as they are; None: no such row.

    `events` are the requests that may have made it: several, where somebody wrote to the same table in two sessions at once.
    """

    row: Any
    before: dict[str, Any]
    after: dict[str, Any]
    events: tuple[Event, ...]

    @property
    def kind(self) -> str:
        return str(KINDS[self.row.history_type])

    @property
    def addresses(self) -> list[str]:
        return list(dict.fromkeys(event.address for event in self.events if event.address))

    @property
    def sessions(self) -> list[str]:
        return list(dict.fromkeys(event.session for event in self.events if event.session))

    @property
    def by(self) -> str:
        return self.row.history_user.get_username() if self.row.history_user else ""


def kept(label: str) -> type[models.Model]:
    """The model of that label (`app.model`). Raises KeyError."""
    return {model._meta.label_lower: model for model in tracked()}[label]


def choices() -> list[tuple[str, Any]]:
    """Every kind of record that is tracked, by its name in the reader's language."""
    found = [(model._meta.label_lower, model._meta.verbose_name) for model in tracked()]
    return sorted(found, key=lambda choice: str(choice[1]))


def history_of(model: type[models.Model]) -> QuerySet:
    """All its history, the latest first, each row with the number of the one before it of the same record."""
    history: Any = model.history.model  # type: ignore[attr-defined]
    key = str(model._meta.pk.attname)
    earlier = history._base_manager.filter(**{key: OuterRef(key)}, history_id__lt=OuterRef("history_id"))
    before = Subquery(earlier.order_by("-history_id").values("history_id")[:1])
    rows: QuerySet = history._base_manager.select_related("history_user")
    return rows.annotate(earlier_id=before).order_by("-history_id")


def changes(rows: Iterable[Any]) -> Iterator[Change]:
    """The rows of `history_of`, described; some hundred at a time."""
    waiting = iter(rows)
    while some := list(itertools.islice(waiting, AT_ONCE)):
        yield from _described(some)


def _described(rows: Sequence[Any]) -> Iterator[Change]:
    history = type(rows[0])
    earlier = history._base_manager.in_bulk([row.earlier_id for row in rows if row.earlier_id])
    events = _requests(rows)
    for row in rows:
        old = earlier.get(row.earlier_id)
        was, now = (_values(old) if old else {}), _values(row)
        if row.history_type == "-":
            before, after = now, {}
        else:
            different = [name for name in now if name not in was or was[name] != now[name]]
            before = {name: was[name] for name in different if name in was}
            after = {name: now[name] for name in different if name in was or now[name] not in (None, "")}
        yield Change(row, before, after, _made_by(row, events))


def _values(row: Any) -> dict[str, Any]:
    values = values_of(row)
    return {name: value for name, value in values.items() if not name.startswith("history_")}


def _requests(rows: Sequence[Any]) -> list[Event]:
    """The requests in which these rows may have been written."""
    moments = [row.history_date for row in rows]
    users = {row.history_user_id for row in rows}
    longest = datetime.timedelta(hours=1)
    found = Event.objects.filter(
        kind=Event.Kind.REQUEST, actor_id__in=users, at__gte=min(moments), at__lte=max(moments) + longest
    )
    return list(found.order_by("pk")[: 20 * AT_ONCE])


def _made_by(row: Any, events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(
        event
        for event in events
        if event.actor_id == row.history_user_id
        and (begun := parse_datetime(str(event.after.get("begun", "")))) is not None
        and begun <= row.history_date <= event.at
        and row._meta.db_table in event.after.get("rows of", ())
    )
