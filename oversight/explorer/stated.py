"""What sources state of spending and users, as groups of the explorer. Every reader may see all of it."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agencies.models import Agency
from figures.figure import Figure, Total
from oversight.explorer.grouping import place_of
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.explorer.sums import as_figure
from oversight.spending import governments_named, summed
from oversight.stated import Measure as StatedMeasure
from oversight.stated import Period, Stated, default_source, stated, statements_of
from sources.models import Source

Groups = dict[tuple[Any, ...], Total]


@dataclass(frozen=True)
class StatedGroups:
    """`groups` go by the keys of the question's dimensions, `firsts` by that of the first alone. `period`: that they tell of."""

    source: Source | None
    period: Period
    groups: Groups
    firsts: Groups
    total: Total


def stated_groups(question: Question, above: str, on: datetime.date) -> StatedGroups:
    """The figures of the question's preferred source for the governments it names, grouped on the tree of the day `on`."""
    source = question.source or default_source()
    statements = statements_of(source, StatedMeasure.SPENDING, StatedMeasure.USERS)
    spent, used = stated(statements, StatedMeasure.SPENDING), stated(statements, StatedMeasure.USERS)
    about = used if question.measure == Measure.STATED_USERS else spent
    agencies = [
        agency
        for agency in governments_named({*spent.figures, *used.figures}, on)
        if _is_kept(agency, question.filters, about)
    ]
    total_of = _totals(question.measure, spent, used)
    parts: dict[tuple[Any, ...], list[Agency]] = defaultdict(list)
    firsts: dict[tuple[Any, ...], list[Agency]] = defaultdict(list)
    for agency in agencies:
        key = tuple(_key(agency, dimension, above) for dimension in question.by)
        parts[key].append(agency)
        firsts[key[:1]].append(agency)
    return StatedGroups(
        source=source,
        period=about.period,
        groups={key: total_of(members) for key, members in parts.items()},
        firsts={key: total_of(members) for key, members in firsts.items()},
        total=total_of(agencies),
    )


def _is_kept(agency: Agency, filters: Filters, about: Stated) -> bool:
    chosen = filters.agency
    return (
        (chosen is None or (agency == chosen if filters.alone else agency.path.startswith(chosen.path)))
        and (not filters.kind or agency.kind == filters.kind)
        and (not filters.standing or about.of(agency.pk).standing == filters.standing)
    )


def _totals(measure: Measure, spent: Stated, used: Stated) -> Callable[[Sequence[Agency]], Total]:
    """What gives the total of some agencies: with what the source states for them together, where that is of them all."""

    def per_user(agencies: Sequence[Agency]) -> Total:
        money, people = summed(agencies, spent).total, summed(agencies, used).total
        return Total.of([_one(money, agencies, spent).per(_one(people, agencies, used))])

    if measure == Measure.STATED_PER_USER:
        return per_user
    about = used if measure == Measure.STATED_USERS else spent

    def total(agencies: Sequence[Agency]) -> Total:
        only = about.of(agencies[0].pk) if len(agencies) == 1 else None
        if only is None:
            return summed(agencies, about).total
        if only.is_known:
            return Total(only, 1)  # with how closely the source stands by it
        return Total(only, 0, Counter({only.standing: 1}))  # with what bounds it

    return total


def _one(total: Total, agencies: Sequence[Agency], about: Stated) -> Figure:
    """The figure of a single agency keeps what it is; a total of several is "at least" where it leaves something out."""
    return about.of(agencies[0].pk) if len(agencies) == 1 else as_figure(total)


def _key(agency: Agency, dimension: Dimension, above: str) -> Any:
    if dimension == Dimension.AGENCY:
        return agency.pk
    if dimension == Dimension.KIND:
        return agency.kind
    return place_of(agency.path, above)
