"""The lines of an answer in the reader's order: the same for the table, the pages and every file."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from figures.figure import Total
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.question import Measure
from oversight.explorer.reading import Change, change, interval, share


class Kind(enum.Enum):
    ROW = "row"
    SUBTOTAL = "subtotal"
    TOTAL = "total"


@dataclass(frozen=True)
class Line:
    """A row of an answer, `kind` saying which; what follows from it is worked out when somebody looks.

    `continued`: a subtotal repeated where its group goes on on the next page.
    """

    answer: Answer
    kind: Kind
    row: Row
    continued: bool = False

    @cached_property
    def share(self) -> str:
        """Of the total; empty where it is not determined or groups overlap."""
        shared = has_shares(self.answer) and self.kind is not Kind.TOTAL
        return share(self.total, self.answer.total) if shared else ""

    @cached_property
    def change(self) -> Change | None:
        """From a year earlier; None when that was not asked."""
        return None if self.row.before is None else change(self.total, self.row.before)

    @property
    def total(self) -> Total:
        return self.row.total

    @property
    def first(self) -> Key | None:
        return self.row.keys[0] if self.row.keys else None

    @property
    def second(self) -> Key | None:
        return self.row.keys[1] if len(self.row.keys) > 1 else None


# What lines can be ordered by, with what is not known given as None.
SORT_KEYS: dict[str, Callable[[Line], Any]] = {
    "first": lambda line: line.first and line.first.label.casefold(),
    "second": lambda line: line.second and line.second.label.casefold(),
    "figure": lambda line: line.row.value,
    "share": lambda line: float(line.share[:-1]) if line.share else None,
    "before": lambda line: line.row.before and line.row.before.known.value,
    "change": lambda line: line.change and line.change.sorts_by,
    "at_least": lambda line: interval(line.total).low if line.total.known.is_known else None,
    "at_most": lambda line: interval(line.total).high if line.total.known.is_known else None,
    "known": lambda line: line.total.given,
    "missing": lambda line: line.total.gaps,
}


def ordered(answer: Answer, sort: str = "") -> list[Line]:
    """Every line but the total, `sort` being a name of `SORT_KEYS`, with a minus for the largest first.

    What is not known comes last either way. A question by two dimensions gives each group's subtotal and then its pairs:
    the groups are ordered among themselves, and so are the pairs of each.
    """
    name, backwards = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORT_KEYS:
        name = ""
    if len(answer.question.by) == 1:
        return _sorted((Line(answer, Kind.ROW, row) for row in answer.rows), answer, 0, name, backwards)
    groups = [Line(answer, Kind.SUBTOTAL, row) for row in answer.subtotals]
    pairs: dict[str, list[Line]] = {}
    for row in answer.rows:
        pairs.setdefault(row.keys[0].code, []).append(Line(answer, Kind.ROW, row))
    if name != "second":
        groups = _sorted(groups, answer, 0, name, backwards)
    found = []
    for group in groups:
        found.append(group)
        of_group = pairs.get(group.row.keys[0].code, [])
        found += of_group if name == "first" else _sorted(of_group, answer, 1, name, backwards)
    return found


def total_line(answer: Answer) -> Line:
    return Line(answer, Kind.TOTAL, Row((), answer.total, answer.before))


def groups(answer: Answer) -> list[Row]:
    """One row for each group of the first dimension."""
    return answer.rows if len(answer.question.by) == 1 else answer.subtotals


def has_shares(answer: Answer) -> bool:
    """Whether a group's figure is a part of the total: neither an average nor one that others count again."""
    measure = answer.question.measure
    return measure.adds_up or measure in (Measure.STATED, Measure.STATED_USERS)


def lay_out(lines: Iterable[Line], per_page: int) -> Iterator[Line]:
    """The lines in pages of `per_page`: one that begins amid a group repeats its subtotal first."""
    subtotal, place = None, 0
    for line in lines:
        if line.kind is Kind.SUBTOTAL:
            subtotal = line
        elif subtotal and place % per_page == 0:
            yield replace(subtotal, continued=True)
            place += 1
        yield line
        place += 1


def _sorted(lines: Iterable[Line], answer: Answer, place: int, name: str, backwards: bool) -> list[Line]:
    lines = list(lines)
    if not name:
        return lines
    key = SORT_KEYS[name]
    if name in ("first", "second") and answer.question.by[place].is_time:
        key = _by_time(place)
    known = [line for line in lines if key(line) is not None]
    unknown = [line for line in lines if key(line) is None]
    return sorted(known, key=key, reverse=backwards) + unknown


def _by_time(place: int) -> Callable[[Line], Any]:
    return lambda line: line.row.keys[place].code
