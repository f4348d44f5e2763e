"""What the histories of records tell of a span of time: which have changed since an instant, from what, to what."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

Values = dict[str, Any]
# The latest so many changes of each kind of record are looked at.
MOST = 20_000


@dataclass(frozen=True)
class Changed:
    """A record that has changed: its values at the instant, and now; None where it was or is not there.

    `early` is False where the past is not known: what is loaded from a file of fixtures has no history before its first change.
    """

    pk: int
    before: Values | None
    now: Values | None
    early: bool = True

    @property
    def is_new(self) -> bool:
        return self.before is None and self.early

    @property
    def states(self) -> list[Values]:
        return [values for values in (self.before, self.now) if values is not None]

    def differs(self, *names: str) -> bool:
        """Whether one of these values is another now; an unknown past may have been."""
        if self.before is None or self.now is None:
            return True
        return any(self.before[name] != self.now[name] for name in names)


def changed(
    model: Any, since: datetime.datetime, names: Iterable[str], within: Q | None = None
) -> tuple[list[Changed], bool]:
    """The records of `model` that were written after `since`, in three queries, and whether there were too many to look at all.

    `within` is asked of their states, old or new.
    """
    states, names = model.history.model.objects, tuple(names)
    later = states.filter(history_date__gt=since)
    if within is not None:
        touched = later.filter(within).values("id")
        left = states.filter(within, history_date__lte=since).values("id")
        later = later.filter(Q(id__in=touched) | Q(id__in=left))
    latest = later.order_by("-history_date", "-history_id")[:MOST]
    first: dict[int, Values] = {}
    last: dict[int, Values] = {}
    found = list(latest.values("id", "history_type", *names))
    for row in found:
        last.setdefault(row["id"], row)
        first[row["id"]] = row
    earlier = states.filter(id__in=latest.values("id"), history_date__lte=since)
    before: dict[int, Values] = {}
    for row in earlier.order_by("history_date", "history_id").values("id", "history_type", *names):
        before[row["id"]] = row
    there = model.objects.order_by().filter(pk__in=latest.values("id")).values("id", *names)
    now = {row["id"]: row for row in there}
    changes = [
        Changed(
            pk,
            None if pk not in before or before[pk]["history_type"] == "-" else before[pk],
            now.get(pk),
            early=pk in before or first[pk]["history_type"] == "+",
        )
        if pk in now
        else Changed(pk, before.get(pk) or last[pk], None)
        for pk in first
    ]
    return changes, len(found) == MOST
