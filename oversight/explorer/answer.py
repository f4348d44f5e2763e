"""The answer to a question: one row for each group, with what is known of it and what is not."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from figures.figure import Total
from figures.interval import Number
from oversight.explorer.question import Question
from oversight.explorer.sums import Sums
from sources.models import Source


@dataclass(frozen=True, slots=True)
class Key:
    """One group of one dimension.

    `code` is stable: the agency's or product's code, a country, a data class, "2026-03", "2026-Q1", "2026", or `NONE`.
    `label` is in the reader's language. `filters`: the values of `Filters` that keep just this group, as the explorer's address
    writes them. `path`: of an agency, its place in the tree. `opens`: whether something lies below it to be shown by itself.
    """

    code: str
    label: str
    filters: dict[str, str] = field(default_factory=dict)
    path: str = ""
    opens: bool = False


class Row(NamedTuple):
    """A group: one key for each dimension, or only the first one's for a subtotal of a question by two dimensions.

    `figure` is made into its `total` when somebody looks: of twenty thousand groups a page shows fifty. `before` is the total a
    year earlier; None when it was not asked or cannot be told.
    """

    keys: tuple[Key, ...]
    figure: Sums | Total
    before: Total | None = None

    @property
    def total(self) -> Total:
        """The figure with what it leaves out."""
        return self.figure.total() if isinstance(self.figure, Sums) else self.figure

    @property
    def value(self) -> Number | None:
        """What is known of the figure; None when nothing is."""
        return value_of(self.figure)


def value_of(figure: Sums | Total) -> Number | None:
    if isinstance(figure, Sums):
        return figure.low if figure.given else None
    return figure.known.value


@dataclass(frozen=True)
class Answer:
    """`rows` in the order of the dimensions' own order (agencies by path, time forwards, others by figure, largest first).

    With two dimensions `rows` are the pairs and `subtotals` the groups of the first dimension, in order. `total` is over
    everything, `before` a year earlier. `unseen`: how many groups of the first dimension exist that the reader sees nothing
    recorded of. `notes`: sentences that a reader must know with it.
    """

    question: Question
    as_of: datetime.datetime
    rows: list[Row]
    subtotals: list[Row]
    total: Total
    before: Total | None = None
    source: Source | None = None
    unseen: int = 0
    notes: tuple[str, ...] = ()

    @cached_property
    def is_compared(self) -> bool:
        """Whether there is a year earlier to compare with."""
        return self.before is not None or any(row.before is not None for row in self.rows)
