"""Why a figure is another today than when it was frozen: the recorded changes since, by the groups that they concern."""

from __future__ import annotations

import datetime
import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.translation import ngettext

from agencies.models import User
from figures.formatting import number
from oversight.explorer.grouping import place_above
from oversight.explorer.question import Question
from oversight.snapshots.history import Changed, changed
from oversight.snapshots.places import Belongs, Group, World, groups, world
from subscriptions.models import Subscription

NAMED = 5


class Cause(enum.Enum):
    NEW_RECORD = "new_record"
    ENDED_RECORD = "ended_record"
    CHANGED_RECORD = "changed_record"
    MOVED_RECORD = "moved_record"
    MOVED_AGENCY = "moved_agency"
    CHANGED_TOOL = "changed_tool"
    PRICE = "price"
    RATE = "rate"
    DATES = "dates"
    PAYMENT_ADDED = "payment_added"
    PAYMENT_CHANGED = "payment_changed"
    PAYMENT_REMOVED = "payment_removed"
    USER_COUNT = "user_count"
    FINDING_OPENED = "finding_opened"
    FINDING_CLOSED = "finding_closed"
    NEW_STATEMENT = "new_statement"
    CHANGED_STATEMENT = "changed_statement"
    OTHER_SOURCE = "other_source"

    def said(self, count: int) -> str:
        """`3 new records`, in the reader's language."""
        return _SAID[self](count) % {"count": number(count)}


_SAID = {
    Cause.NEW_RECORD: lambda n: ngettext("%(count)s new record", "%(count)s new records", n),
    Cause.ENDED_RECORD: lambda n: ngettext(
        "%(count)s record ended, refused or void", "%(count)s records ended, refused or void", n
    ),
    Cause.CHANGED_RECORD: lambda n: ngettext(
        "%(count)s record with another status, dates or data class",
        "%(count)s records with another status, dates or data class",
        n,
    ),
    Cause.MOVED_RECORD: lambda n: ngettext(
        "%(count)s record moved to another agency or tool",
        "%(count)s records moved to another agency or tool",
        n,
    ),
    Cause.MOVED_AGENCY: lambda n: ngettext(
        "%(count)s record of an agency that moved in the tree",
        "%(count)s records of agencies that moved in the tree",
        n,
    ),
    Cause.CHANGED_TOOL: lambda n: ngettext(
        "%(count)s record of a tool whose vendor, category or country changed",
        "%(count)s records of tools whose vendor, category or country changed",
        n,
    ),
    Cause.PRICE: lambda n: ngettext(
        "%(count)s record with changed prices", "%(count)s records with changed prices", n
    ),
    Cause.RATE: lambda n: ngettext(
        "%(count)s record in a currency with a new exchange rate",
        "%(count)s records in currencies with new exchange rates",
        n,
    ),
    Cause.DATES: lambda n: ngettext(
        "%(count)s record that started or ended by its dates",
        "%(count)s records that started or ended by their dates",
        n,
    ),
    Cause.PAYMENT_ADDED: lambda n: ngettext("%(count)s payment added", "%(count)s payments added", n),
    Cause.PAYMENT_CHANGED: lambda n: ngettext("%(count)s payment changed", "%(count)s payments changed", n),
    Cause.PAYMENT_REMOVED: lambda n: ngettext("%(count)s payment removed", "%(count)s payments removed", n),
    Cause.USER_COUNT: lambda n: ngettext(
        "%(count)s user count added, changed or removed", "%(count)s user counts added, changed or removed", n
    ),
    Cause.FINDING_OPENED: lambda n: ngettext("%(count)s finding opened", "%(count)s findings opened", n),
    Cause.FINDING_CLOSED: lambda n: ngettext(
        "%(count)s finding closed or waived", "%(count)s findings closed or waived", n
    ),
    Cause.NEW_STATEMENT: lambda n: ngettext("%(count)s new statement", "%(count)s new statements", n),
    Cause.CHANGED_STATEMENT: lambda n: ngettext(
        "%(count)s changed statement", "%(count)s changed statements", n
    ),
    Cause.OTHER_SOURCE: lambda n: ngettext(
        "%(count)s other source is preferred", "%(count)s other sources are preferred", n
    ),
}


@dataclass
class Found:
    """What concerns one group: for each cause the keys of what changed, and the subscriptions these belong to."""

    things: dict[Cause, set[Any]] = field(default_factory=lambda: defaultdict(set))
    subscriptions: dict[Cause, set[int]] = field(default_factory=lambda: defaultdict(set))

    def named(self, cause: Cause) -> list[int]:
        """The newest few subscriptions."""
        return sorted(self.subscriptions[cause], reverse=True)[:NAMED]


Causes = dict[Group, Found]


class Finder:
    """Notes what has changed since an instant under the groups of a question that it concerns."""

    def __init__(self, question: Question, since: datetime.datetime) -> None:
        self.question, self.since = question, since
        self.world: World = world(since)
        self.above = place_above(question.filters)
        self.found: Causes = defaultdict(Found)
        self.is_cut = False

    def changed(self, model: Any, names: Sequence[str], within: Q | None = None) -> list[Changed]:
        changes, is_cut = changed(model, self.since, names, within)
        self.is_cut |= is_cut
        return changes

    def note(self, where: Iterable[Group], cause: Cause, thing: Any, subscription: int | None = None) -> None:
        for group in where:
            self.found[group].things[cause].add(thing)
            if subscription is not None:
                self.found[group].subscriptions[cause].add(subscription)

    def groups(self, what: Belongs, days: Iterable[datetime.date] = ()) -> set[Group]:
        return groups(self.question, self.above, what, days)


@dataclass(frozen=True)
class Told:
    """A cause as a reader is told of it. `records`: (reference, address) of the few that they may see, `more` how many others."""

    text: str
    records: list[tuple[str, str]]
    more: int


def told(found: dict[Group, Found], wanted: Iterable[Group], user: User) -> dict[Group, list[Told]]:
    """The causes of the `wanted` groups in words, with links to the newest records that `user` sees; one query."""
    chosen = {group: found[group] for group in wanted if group in found}
    pks = {pk for one in chosen.values() for cause in one.things for pk in one.named(cause)}
    seen = {one.pk: one for one in Subscription.objects.visible_to(user).filter(pk__in=pks)}
    return {
        group: [_told(cause, one, seen) for cause in Cause if cause in one.things]
        for group, one in chosen.items()
    }


def _told(cause: Cause, found: Found, seen: dict[int, Subscription]) -> Told:
    records = [(seen[pk].reference, seen[pk].get_absolute_url()) for pk in found.named(cause) if pk in seen]
    more = len(found.subscriptions[cause]) - len(records)
    return Told(cause.said(len(found.things[cause])), records, more)
