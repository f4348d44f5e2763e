"""A snapshot beside today: row by row what was frozen, what is now, the difference, and why."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from agencies.models import User
from figures.figure import Total
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.answering import answer
from oversight.explorer.form import ExplorerForm
from oversight.explorer.lines import Kind
from oversight.explorer.reading import Change, change
from oversight.models import Snapshot
from oversight.snapshots.causes import Causes, Told
from oversight.snapshots.document import comparable, frozen_answer
from oversight.snapshots.places import Group
from oversight.snapshots.recorded_causes import RecordedCauses
from oversight.snapshots.stated_causes import StatedCauses


@dataclass
class ComparedLine:
    """`frozen` or `today` None: there is no such row. `key` of the group as it is called today, `called` as it was."""

    kind: Kind
    keys: tuple[Key, ...]
    frozen: Total | None
    today: Total | None
    called: str = ""
    causes: list[Told] = field(default_factory=list)

    @property
    def group(self) -> Group:
        return tuple(key.code for key in self.keys)

    @property
    def is_changed(self) -> bool:
        return self.frozen != self.today

    @property
    def was_nothing(self) -> bool:
        """Whether nothing was recorded that would count, and so there is nothing to take a difference from."""
        return _nothing(self.frozen)

    @property
    def is_nothing(self) -> bool:
        return _nothing(self.today)

    @property
    def difference(self) -> Change | None:
        """Today less what was frozen; None where one of the two has no such row, or nothing to count in it."""
        if self.frozen is None or self.today is None or self.was_nothing or self.is_nothing:
            return None
        return change(self.today, self.frozen)


def _nothing(total: Total | None) -> bool:
    return total is not None and not total.given and not total.missing


@dataclass(frozen=True)
class Comparison:
    """`lines` in the snapshot's order with what is new after it, the total last. `is_cut`: not all changes were looked at."""

    frozen: Answer
    today: Answer
    lines: list[ComparedLine]
    causes: Causes
    is_cut: bool

    @property
    def changed(self) -> list[ComparedLine]:
        return [line for line in self.lines if line.is_changed]


class CannotBeAsked(Exception):
    """The question of a snapshot is not valid any more: what a filter names is gone. `form` says which."""

    def __init__(self, form: ExplorerForm) -> None:
        super().__init__("the question cannot be asked any more")
        self.form = form


def compare(snapshot: Snapshot, user: User, now: datetime.datetime) -> Comparison:
    """Of a snapshot whose scope `user` sees; a constant number of queries. Raises CannotBeAsked."""
    form = ExplorerForm(snapshot.question, user)
    if not form.is_valid():
        raise CannotBeAsked(form)
    question = form.question
    frozen, today = frozen_answer(snapshot.content), comparable(answer(user, question, now))
    lines = list(_lines(frozen, today))
    finder: RecordedCauses | StatedCauses
    if question.measure.is_stated:
        source = (snapshot.content["source"] or {}).get("code", "")
        finder = StatedCauses(question, snapshot.frozen_at, source)
    else:
        finder = RecordedCauses(question, snapshot.frozen_at, now)
    return Comparison(frozen, today, lines, finder.found, finder.is_cut)


def _lines(frozen: Answer, today: Answer) -> Iterable[ComparedLine]:
    rows, rows_now = _by_group(frozen.rows), _by_group(today.rows)
    if len(frozen.question.by) == 1:
        for group in dict.fromkeys([*rows, *rows_now]):
            yield _line(Kind.ROW, rows.get(group), rows_now.get(group))
    else:
        firsts, firsts_now = _by_group(frozen.subtotals), _by_group(today.subtotals)
        pairs: dict[Group, list[Group]] = {}
        for group in dict.fromkeys([*rows, *rows_now]):
            pairs.setdefault(group[:1], []).append(group)
        for first in dict.fromkeys([*firsts, *firsts_now]):
            yield _line(Kind.SUBTOTAL, firsts.get(first), firsts_now.get(first))
            for group in pairs.get(first, ()):
                yield _line(Kind.ROW, rows.get(group), rows_now.get(group))
    yield ComparedLine(Kind.TOTAL, (), frozen.total, today.total)


def _by_group(rows: Iterable[Row]) -> dict[Group, Row]:
    return {tuple(key.code for key in row.keys): row for row in rows}


def _line(kind: Kind, frozen: Row | None, today: Row | None) -> ComparedLine:
    either = today or frozen
    assert either is not None
    called = ""
    if frozen and today and frozen.keys[-1].label != today.keys[-1].label:
        called = frozen.keys[-1].label
    return ComparedLine(
        kind, either.keys, frozen.total if frozen else None, today.total if today else None, called
    )
