"""What a source states of a measure: for each agency, for several together, and what follows for those it leaves open."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from figures.figure import UNKNOWN, Figure
from figures.interval import Interval
from figures.standing import Standing
from oversight.bounds import Account, Contradiction, average, member_bounds, rest
from sources.models import Source, Statement

Measure = Statement.Measure
Period = tuple[datetime.date | None, datetime.date | None]
NOT_GIVEN = Figure.missing()


@dataclass(frozen=True)
class Together:
    """A figure stated for several agencies together, and what their own figures leave of it.

    `agencies` and `left_agencies` hold ids; `left` is None when every one of them has a figure of its own.
    """

    figure: Figure
    agencies: frozenset[int]
    left: Figure | None = None
    left_agencies: frozenset[int] = frozenset()

    @property
    def left_on_average(self) -> Figure | None:
        if self.left is None or self.left.value is None:
            return None
        count = len(self.left_agencies)
        return Figure.known_as(average(self.left.interval, count), Fraction(self.left.value) / count)


@dataclass(frozen=True)
class Stated:
    """What one source states of one measure in one period. `figures` goes by the agency's id.

    `contradictory`: the statements cannot all be true; each stands as it is, and nothing is concluded from them.
    """

    period: Period = (None, None)
    figures: Mapping[int, Figure] = field(default_factory=dict)
    together: Together | None = None
    contradictory: bool = False

    def of(self, agency_id: int) -> Figure:
        return self.figures.get(agency_id, NOT_GIVEN)


def default_source() -> Source | None:
    """The source that a page shows first: the first published one that tells of the newest report's spending."""
    telling = Source.objects.published().filter(report__isnull=False, statements__measure=Measure.SPENDING)
    return telling.select_related("report").order_by("-report", "pk").distinct().first()


def statements_of(source: Source | None, *measures: str) -> list[Statement]:
    """The published statements of a source on these measures, with their subjects."""
    if source is None:
        return []
    statements = Statement.objects.published().filter(source=source, measure__in=measures)
    return list(statements.select_related("product").prefetch_related("subject").order_by("pk"))


def stated(statements: Iterable[Statement], measure: str) -> Stated:
    """What these statements of one source say of a measure, in the period that most of them are about."""
    about = [statement for statement in statements if statement.measure == measure]
    period = _main_period(about)
    about = [s for s in about if (s.period_from, s.period_until) == period]
    own = _own_statements(about)
    account = _account(own, _widest(about))
    try:
        bounds, contradictory = member_bounds(account), False
    except Contradiction:
        bounds, contradictory = {}, True
    figures = {agency: _figure(own.get(agency), bounds.get(agency, UNKNOWN)) for agency in {*own, *bounds}}
    return Stated(period, figures, _together(_widest(about), own, account, bounds), contradictory)


def governments_subscribing(
    statements: Iterable[Statement], product_code: str
) -> tuple[set[int], list[Statement]]:
    """The agencies that a source says subscribe to a tool, and the statements that tell how many without saying which."""
    known: set[int] = set()
    uncertain = []
    for statement in statements:
        about_it = statement.product is not None and statement.product.code == product_code
        if statement.measure != Measure.GOVERNMENTS_SUBSCRIBING or not about_it:
            continue
        subject = _members(statement)
        number = statement.figure.interval.low
        if statement.reading == Statement.Reading.EACH or number >= len(subject):
            known |= set(subject) if number else set()
        elif statement.figure.interval.high != 0:
            uncertain.append(statement)
    return known, uncertain


def _members(statement: Statement) -> list[int]:
    return [agency.pk for agency in statement.subject.all()]


def _is_own(statement: Statement, members: list[int]) -> bool:
    return len(members) == 1 or statement.reading == Statement.Reading.EACH


def _main_period(statements: list[Statement]) -> Period:
    """The period with the most figures; of several, the latest."""
    counted = Counter((s.period_from, s.period_until) for s in statements for _member in _members(s))
    earliest = datetime.date.min
    order = sorted(
        counted, key=lambda period: (counted[period], period[1] or earliest, period[0] or earliest)
    )
    return order[-1] if order else (None, None)


def _own_statements(statements: list[Statement]) -> dict[int, Statement]:
    """Each agency's own statement; one that gives a value goes before one that says why there is none."""
    own: dict[int, Statement] = {}
    for statement in sorted(statements, key=lambda s: s.value is None):
        members = _members(statement)
        if _is_own(statement, members):
            for agency in members:
                own.setdefault(agency, statement)
    return own


def _widest(statements: list[Statement]) -> Statement | None:
    """The statement that gives one figure for the most agencies together."""
    groups = [s for s in statements if s.value is not None and not _is_own(s, _members(s))]
    return max(groups, key=lambda s: len(_members(s)), default=None)


def _account(own: dict[int, Statement], group: Statement | None) -> Account[int]:
    """The statements as `oversight.bounds` reads them.

    A ranking covers those who have a rank and those whose figure is merely not given. Whoever could not determine a figure
    was not ranked, so nothing follows for them.
    """
    values = {agency: s.figure.interval for agency, s in own.items() if s.value is not None}
    values |= {agency: Interval(0, 0) for agency, s in own.items() if s.standing == Standing.NOT_APPLICABLE}
    ranks = {agency: s.rank for agency, s in own.items() if s.rank is not None and s.value is not None}
    covered = {*ranks, *(agency for agency, s in own.items() if s.standing == Standing.NOT_GIVEN)}
    return Account(
        values=values,
        ranks=ranks,
        ranked_among=covered if ranks else (),
        subject=_members(group) if group else (),
        total=group.figure.interval if group else None,
    )


def _figure(statement: Statement | None, bounds: Interval) -> Figure:
    if statement is None:
        return Figure.missing(Standing.NOT_GIVEN, bounds)
    if statement.value is not None or statement.standing == Standing.NOT_APPLICABLE:
        return statement.figure
    return Figure.missing(Standing(statement.standing), bounds)


def _together(
    group: Statement | None, own: dict[int, Statement], account: Account[int], bounds: Mapping[int, Interval]
) -> Together | None:
    if group is None or group.value is None:
        return None
    agencies = frozenset(_members(group))
    left_agencies = agencies - set(account.values)
    if not bounds or not left_agencies:
        return Together(group.figure, agencies)
    interval = rest(account, bounds)
    difference = group.value - sum(own[agency].value or 0 for agency in agencies - left_agencies)
    left = Figure.known_as(interval, difference if difference in interval else None)
    return Together(group.figure, agencies, left, left_agencies)
