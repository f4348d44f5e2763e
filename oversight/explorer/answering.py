"""How a question is answered: its groups from the database, named, ordered, with subtotals and the year before."""

from __future__ import annotations

import datetime
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from agencies.models import Agency, User
from figures.figure import Figure, Total
from figures.interval import Number
from oversight.explorer.answer import Answer, Key, Row, value_of
from oversight.explorer.grouping import place_above
from oversight.explorer.labelling import labelled
from oversight.explorer.paid import paid, silent
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.explorer.recorded import RECORDED
from oversight.explorer.stated import stated_groups
from oversight.explorer.sums import Sums, as_figure
from sources.models import Source

Group = tuple[Any, ...]
Found = dict[Group, Sums]
Figures = dict[Group, Sums | Total]
NOTHING = Total(Figure.missing(), 0)


@dataclass
class Grouped:
    """The groups by their keys, those of the first dimension alone, and everything; the same a year earlier where asked."""

    groups: Figures
    firsts: Figures
    total: Total
    before: Callable[[Group], Total | None] | None = None
    total_before: Total | None = None
    source: Source | None = None


def answer(user: User, question: Question, as_of: datetime.datetime, compare: bool = False) -> Answer:
    """What `user` may see of it. `compare`: with the figures of a year earlier, which spending paid has where a period or a
    grouping by time says what a year earlier is.
    """
    above = place_above(question.filters)
    if question.measure.is_stated:
        found = stated_groups(question, above, timezone.localdate(as_of))
        result = Grouped({**found.groups}, {**found.firsts}, found.total, source=found.source)
    else:
        result = _recorded(user, question, above, compare)
    if question.by == (Dimension.PLACE,) and not question.measure.is_stated:
        for path in _empty_places(user, question, above, result.groups):
            result.groups[(path,)] = NOTHING
    names = [
        {
            key: _clamped(name, question.filters)
            for key, name in labelled(dimension, _keys(result, n), above).items()
        }
        for n, dimension in enumerate(question.by)
    ]
    subtotals = result.firsts if len(question.by) > 1 else {}
    rank = _ranks(question.by, names, subtotals or result.groups)
    return Answer(
        question=question,
        as_of=as_of,
        rows=_rows(result.groups, names, rank, result.before),
        subtotals=_rows(subtotals, names, rank, result.before),
        total=result.total,
        before=result.total_before,
        source=result.source,
        unseen=_unseen(user, question, above),
        notes=tuple(_notes(question)),
    )


def _rows(
    figures: Figures,
    names: list[dict[Any, Key]],
    rank: Callable[[Group, Sums | Total], Any],
    before: Callable[[Group], Total | None] | None,
) -> list[Row]:
    # One dimension after the other for all groups: eleven thousand groups take a third of the time.
    ordered = sorted(figures, key=lambda group: rank(group, figures[group]))
    keys = zip(
        *(
            map(named.__getitem__, part)
            for named, part in zip(names, zip(*ordered, strict=True), strict=False)
        ),
        strict=True,
    )
    earlier = map(before, ordered) if before else itertools.repeat(None)
    return list(map(Row, keys, map(figures.__getitem__, ordered), earlier))


def _keys(result: Grouped, n: int) -> set[Any]:
    """Those of the dimension `n`. One of the first may have no pair: spending that no month knows of."""
    return {group[n] for group in (*result.groups, *(result.firsts if n == 0 else ()))}


def total_of(user: User, question: Question) -> Total:
    """The figure of everything that the filters keep of something recorded, without any group."""
    above = place_above(question.filters)
    if question.measure == Measure.PER_USER:
        return _per_user(user, question.filters, (), above).get((), NOTHING)
    return _found(user, question.measure, question.filters, (), above).get((), Sums()).total()


def _recorded(user: User, question: Question, above: str, compare: bool) -> Grouped:
    by = question.by

    def found(filters: Filters, dimensions: tuple[Dimension, ...]) -> Found:
        return _found(user, question.measure, filters, dimensions, above)

    def all_of(filters: Filters) -> tuple[Figures, Figures, Total]:
        if question.measure == Measure.PER_USER:
            return (
                {**_per_user(user, filters, by, above)},
                {**_per_user(user, filters, by[:1], above)},
                _per_user(user, filters, (), above).get((), NOTHING),
            )
        groups = found(filters, by)
        if question.measure.adds_up and not any(dimension.is_time for dimension in by):
            firsts = _added(groups, 1) if len(by) > 1 else groups
            everything = _added(groups, 0)
        elif question.measure == Measure.PAID:  # a subscription without payments belongs to no month
            firsts = _added(groups, 1)
            if not by[0].is_time:
                firsts = _together(firsts, silent(user, filters, by[:1], above))
            everything = _added(firsts, 0)
            if by[0].is_time:
                everything = _together(everything, silent(user, filters, (), above))
        else:  # a tool of two agencies is one tool
            firsts = found(filters, by[:1]) if len(by) > 1 else groups
            everything = found(filters, ())
        return {**groups}, {**firsts}, everything.get((), Sums()).total()

    groups, firsts, total = all_of(question.filters)
    if not compare or question.measure != Measure.PAID:
        return Grouped(groups, firsts, total)
    earlier = _a_year_earlier(question.filters)
    if earlier is not None:
        then_groups, then_firsts, then_total = all_of(earlier)
        return Grouped(groups, firsts, total, _before(by, {**then_firsts, **then_groups}), then_total)
    if any(dimension.is_time for dimension in by):
        return Grouped(groups, firsts, total, _before(by, {**firsts, **groups}))
    return Grouped(groups, firsts, total)


def _found(user: User, measure: Measure, filters: Filters, by: tuple[Dimension, ...], above: str) -> Found:
    measured = paid if measure == Measure.PAID else RECORDED[measure]
    return measured(user, filters, by, above)


def _per_user(user: User, filters: Filters, by: tuple[Dimension, ...], above: str) -> dict[Group, Total]:
    money = _totals(_found(user, Measure.PAID, filters, by, above))
    people = _totals(_found(user, Measure.USERS, filters, by, above))
    return {
        group: Total.of([as_figure(money.get(group, NOTHING)).per(as_figure(people.get(group, NOTHING)))])
        for group in {**money, **people}
    }


def _together(found: Found, more: Found) -> Found:
    return {group: found.get(group, Sums()) + more.get(group, Sums()) for group in {**found, **more}}


def _added(found: Found, length: int) -> Found:
    sums: Found = defaultdict(Sums)
    for group, part in found.items():
        sums[group[:length]] += part
    return sums


def _totals(found: Found) -> dict[Group, Total]:
    return {group: sums.total() for group, sums in found.items()}


def _a_year_earlier(filters: Filters) -> Filters | None:
    """The same period a year before; None where the period is open."""
    if not (filters.first and filters.last):
        return None
    return replace(filters, first=_year_before(filters.first), last=_year_before(filters.last))


def _year_before(day: datetime.date) -> datetime.date:
    # The end of a February stays its end.
    if (day + datetime.timedelta(days=1)).day == 1 and day.month == 2:
        return datetime.date(day.year - 1, 3, 1) - datetime.timedelta(days=1)
    return day.replace(year=day.year - 1)


def _before(by: tuple[Dimension, ...], then: Figures) -> Callable[[Group], Total | None]:
    def before(group: Group) -> Total | None:
        key = tuple(
            _year_before(part) if dimension.is_time and part else part
            for part, dimension in zip(group, by, strict=False)
        )
        figure = then.get(key)
        return figure.total() if isinstance(figure, Sums) else figure

    return before


def _ranks(
    by: tuple[Dimension, ...], names: list[dict[Any, Key]], firsts: Figures
) -> Callable[[Group, Sums | Total], Any]:
    """Places in the order of the tree, time forwards, everything else by its figure, the largest first and unknown last.

    `firsts`: the figures of the first dimension's groups. The few groups of a dimension are put in order once, of its own.
    """
    largest = {group[0]: value_of(figure) for group, figure in firsts.items()}

    def placed(n: int) -> dict[Any, int]:
        def order(key: Any) -> Any:
            name = names[n][key]
            if _is_in_order(by[n]):
                return name.path or name.code
            if n == 0:
                return *_largest_first(largest.get(key)), name.code
            return name.code

        return {key: place for place, key in enumerate(sorted(names[n], key=order))}

    first = placed(0)
    if len(by) == 1:
        return lambda group, figure: first[group[0]]
    second = placed(1)

    def rank(group: Group, figure: Sums | Total) -> Any:
        if len(group) == 1:
            return first[group[0]]
        if in_order:
            return first[group[0]], second[group[1]]
        return first[group[0]], *_largest_first(value_of(figure)), second[group[1]]

    in_order = _is_in_order(by[1])
    return rank


def _is_in_order(dimension: Dimension) -> bool:
    return dimension.is_time or dimension in (Dimension.PLACE, Dimension.AGENCY)


def _largest_first(value: Number | None) -> tuple[int, Number]:
    return (1, 0) if value is None else (0, -value)


def _clamped(key: Key, filters: Filters) -> Key:
    """A month keeps no more of the records than the period of the filters does."""
    if "first" not in key.filters:
        return key
    first, last = key.filters["first"], key.filters["last"]
    if filters.first:
        first = max(first, filters.first.isoformat())
    if filters.last:
        last = min(last, filters.last.isoformat())
    return replace(key, filters={"first": first, "last": last})


def _places_below(question: Question, above: str) -> Any:
    places = Agency.objects.filter(parent__path=above) if above else Agency.objects.filter(parent=None)
    return places.filter(kind=question.filters.kind) if question.filters.kind else places


def _empty_places(user: User, question: Question, above: str, found: Figures) -> list[str]:
    """The places in full sight of which nothing is recorded: while no filter but the place asks for something."""
    if not question.filters.set() <= {"agency", "kind"}:
        return []
    paths = _places_below(question, above).values_list("path", flat=True)
    return [path for path in paths if (path,) not in found and user.sight().covers(path)]


def _unseen(user: User, question: Question, above: str) -> int:
    """How many places there are of which the reader sees nothing recorded."""
    sight = user.sight()
    if sight.everything or question.measure.is_stated or question.by[0] != Dimension.PLACE:
        return 0
    paths = _places_below(question, above).values_list("path", flat=True)
    return sum(not sight.covers(path) and not any(p.startswith(path) for p in sight.paths) for path in paths)


def _notes(question: Question) -> Iterable[str]:
    if Dimension.PLACE in question.by:
        yield gettext("An agency counts with all below it, on today's tree.")
    if question.measure in (Measure.PAID, Measure.PER_USER):
        yield gettext(
            "Not given: a payment whose amount in won is not known, or a subscription without any payment. The latter "
            "belongs to no month."
        )
    if question.measure in (Measure.USERS, Measure.PER_USER):
        yield gettext(
            "One person may use several tools, so that users of several tools are bounded, not added."
        )
    if question.measure in (Measure.ANNUAL_COST, Measure.SEATS):
        yield gettext("Of the subscriptions in force, by their prices of today.")
