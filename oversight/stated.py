"""What sources state of a measure: for each agency, for several together, and what follows for those they leave open."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from figures.figure import UNKNOWN, Figure
from figures.interval import Interval
from figures.standing import Standing
from oversight.bounds import Account, Contradiction, average, member_bounds, rest
from oversight.round_models import Round
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
    statements: tuple[Statement, ...] = ()

    @property
    def left_on_average(self) -> Figure | None:
        if self.left is None or self.left.value is None:
            return None
        count = len(self.left_agencies)
        return Figure.known_as(average(self.left.interval, count), Fraction(self.left.value) / count)


@dataclass(frozen=True)
class Stated:
    """What one source states of one measure in one period, or several as accounts of one report. `figures` and `basis` (the
    statements that a figure rests on) go by the agency's id.

    `contradictory`: the statements cannot all be true; each stands as it is, and nothing is concluded from them.
    `set_aside`: statements that contradict those of a source before theirs, so that nothing rests on them.
    """

    period: Period = (None, None)
    figures: Mapping[int, Figure] = field(default_factory=dict)
    together: Together | None = None
    contradictory: bool = False
    basis: Mapping[int, tuple[Statement, ...]] = field(default_factory=dict)
    set_aside: tuple[Statement, ...] = ()
    account: Account[int] = field(default_factory=Account)

    def of(self, agency_id: int) -> Figure:
        return self.figures.get(agency_id, NOT_GIVEN)


def default_source() -> Source | None:
    """The source that a page shows first: the first published one that tells of the newest report's spending.

    What a round has collected from some agencies alone is no report on all governments.
    """
    partial = (
        Round.objects.filter(source__isnull=False, asks_all_governments=False).order_by().values("source")
    )
    telling = Source.objects.published().filter(report__isnull=False, statements__measure=Measure.SPENDING)
    telling = telling.exclude(pk__in=partial)
    return telling.select_related("report").order_by("-report", "pk").distinct().first()


def sources_to_prefer() -> list[Source]:
    """The published sources of the newest report that is told of, the one that a page shows first at the front."""
    first = default_source()
    if first is None:
        return []
    others = Source.objects.published().filter(report=first.report_id).exclude(pk=first.pk).order_by("pk")
    return [first, *others]


def statements_of(source: Source | None, *measures: str, others: Sequence[Source] = ()) -> list[Statement]:
    """The published statements of a source on these measures, with their subjects; then those of others, in their order."""
    if source is None:
        return []
    order = [source.pk, *(other.pk for other in others)]
    statements = Statement.objects.published().filter(source__in=order, measure__in=measures)
    found = statements.select_related("product").prefetch_related("subject").order_by("pk")
    return sorted(found, key=lambda statement: order.index(statement.source_id))


def stated(statements: Iterable[Statement], measure: str) -> Stated:
    """What these statements say of a measure, each source in the period that most of its figures are about.

    Statements of several sources are taken as accounts of one report, the source of the first one preferred: where two
    agree, the more precise figure counts (as its own rounding leaves it open: one article may have cut off what another
    rounded); where they contradict each other, the earlier source's stands and the other is set aside. Nothing is averaged.
    """
    by_source: dict[int, list[Statement]] = {}
    for statement in statements:
        if statement.measure == measure:
            by_source.setdefault(statement.source_id, []).append(statement)
    periods = [_main_period(about) for about in by_source.values()]
    accounts = [
        [s for s in about if (s.period_from, s.period_until) == period]
        for about, period in zip(by_source.values(), periods, strict=True)
    ]
    told, aside = _told(accounts)
    total, others = _total(accounts)
    accounts = [[s for s in about if s not in aside] for about in accounts]
    account = _account(told, _ranking(accounts), total)
    try:
        bounds, contradictory = member_bounds(account), False
    except Contradiction:
        bounds, contradictory = {}, True
    return Stated(
        period=periods[0] if periods else (None, None),
        figures={
            agency: _figure(told.get(agency), bounds.get(agency, UNKNOWN)) for agency in {*told, *bounds}
        },
        together=_together(total, told, account, bounds),
        contradictory=contradictory,
        basis={agency: own.statements for agency, own in told.items()},
        set_aside=(*aside, *others),
        account=account,
    )


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


@dataclass(frozen=True)
class _Told:
    """What is said of one subject, with the statements that say it."""

    figure: Figure
    statements: tuple[Statement, ...]

    def also(self, statement: Statement) -> _Told | None:
        """With what another source says: the more precise figure. None if they contradict each other."""
        figure, other = self.figure, statement.figure
        if not other.is_known:
            return self
        if not figure.is_known and figure.standing != Standing.NOT_APPLICABLE:
            return _Told(other, (statement,))
        own, theirs = _own_interval(figure), other.interval
        if not own.overlaps(theirs):
            return None
        sharper = other if theirs.is_narrower_than(own) else figure
        if None in (own.high, theirs.high):
            sharper = replace(sharper, interval=own & theirs)
        return _Told(sharper, (*self.statements, statement))


def _own_interval(figure: Figure) -> Interval:
    """Where a figure that does not apply counts as none at all."""
    return Interval(0, 0) if figure.standing == Standing.NOT_APPLICABLE else figure.interval


def _told(accounts: Iterable[list[Statement]]) -> tuple[dict[int, _Told], list[Statement]]:
    """What is said of each agency, and the statements that contradict an earlier source."""
    told: dict[int, _Told] = {}
    aside = []
    for statements in accounts:
        for agency, statement in _own_statements(statements).items():
            both = told[agency].also(statement) if agency in told else _Told(statement.figure, (statement,))
            if both is None:
                aside.append(statement)
            else:
                told[agency] = both
    return told, aside


def _total(accounts: Iterable[list[Statement]]) -> tuple[_Told | None, list[Statement]]:
    """The figure for the most agencies together, and the statements on the same agencies that contradict it."""
    total: _Told | None = None
    aside = []
    for statement in filter(None, map(_widest, accounts)):
        if total is None:
            total = _Told(statement.figure, (statement,))
        elif set(_members(statement)) == set(_members(total.statements[0])):
            both = total.also(statement)
            if both is None:
                aside.append(statement)
            else:
                total = both
    return total, aside


@dataclass(frozen=True)
class _Ranking:
    ranks: Mapping[int, int] = field(default_factory=dict)
    covered: frozenset[int] = frozenset()


def _ranking(accounts: Iterable[list[Statement]]) -> _Ranking:
    """The ranking that covers the most, with the places that others give within it.

    A source's ranking covers those who have a rank and those whose figure is merely not given. Whoever could not determine a
    figure was not ranked, so nothing follows for them. A ranking that gives a place or a member otherwise counts nothing.
    """
    rankings = []
    for statements in accounts:
        own = _own_statements(statements)
        ranks = {agency: s.rank for agency, s in own.items() if s.rank is not None and s.value is not None}
        covered = {*ranks, *(agency for agency, s in own.items() if s.standing == Standing.NOT_GIVEN)}
        if ranks:
            rankings.append(_Ranking(ranks, frozenset(covered)))
    if not rankings:
        return _Ranking()
    widest = max(rankings, key=lambda ranking: len(ranking.covered))  # of several, the first
    ranks = dict(widest.ranks)
    for other in rankings:
        new = {agency: rank for agency, rank in other.ranks.items() if agency not in ranks}
        agrees = all(ranks.get(agency, rank) == rank for agency, rank in other.ranks.items())
        if agrees and other.covered <= widest.covered and not set(new.values()) & set(ranks.values()):
            ranks |= new
    return _Ranking(ranks, widest.covered)


def _account(told: Mapping[int, _Told], ranking: _Ranking, total: _Told | None) -> Account[int]:
    """The statements as `oversight.bounds` reads them."""
    return Account(
        values={
            agency: _own_interval(own.figure)
            for agency, own in told.items()
            if own.figure.is_known or own.figure.standing == Standing.NOT_APPLICABLE
        },
        ranks=ranking.ranks,
        ranked_among=ranking.covered or (),
        subject=_members(total.statements[0]) if total else (),
        total=total.figure.interval if total else None,
    )


def _figure(told: _Told | None, bounds: Interval) -> Figure:
    if told is None:
        return Figure.missing(Standing.NOT_GIVEN, bounds)
    if told.figure.is_known or told.figure.standing == Standing.NOT_APPLICABLE:
        return told.figure
    return Figure.missing(told.figure.standing, bounds)


def _together(
    total: _Told | None, told: Mapping[int, _Told], account: Account[int], bounds: Mapping[int, Interval]
) -> Together | None:
    if total is None or total.figure.value is None:
        return None
    figure, whole, agencies = total.figure, total.figure.value, frozenset(account.subject)
    left_agencies = agencies - set(account.values)
    if not bounds or not left_agencies:
        return Together(figure, agencies, statements=total.statements)
    interval = rest(account, bounds)
    difference = whole - sum(told[agency].figure.value or 0 for agency in agencies - left_agencies)
    left = Figure.known_as(interval, difference if difference in interval else None)
    return Together(figure, agencies, left, left_agencies, total.statements)
