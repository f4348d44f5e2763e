"""Spending by agency: what a source states of each government beside what the register has recorded there."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from agencies.models import Agency, User
from catalog.models import Product
from figures.figure import Figure, Total
from figures.interval import sum_intervals
from figures.standing import Qualifier, Standing
from oversight.recorded import Recorded, recorded_below, subscribing
from oversight.stated import (
    Measure,
    Period,
    Stated,
    Together,
    governments_subscribing,
    stated,
    statements_of,
)
from sources.models import Source, Statement

NOT_APPLICABLE = Figure.missing(Standing.NOT_APPLICABLE)


@dataclass(frozen=True)
class Filters:
    """What narrows the rows. `product`: only those known to subscribe to it. `standing`: that of the stated spending."""

    kind: str = ""
    product: Product | None = None
    standing: str = ""
    text: str = ""


@dataclass(frozen=True)
class Row:
    """One government. `name` is the one in force at the end of the period; `recorded` is None where it is not visible."""

    agency: Agency
    name: str
    spending: Figure
    users: Figure
    per_user: Figure
    recorded: Recorded | None


@dataclass(frozen=True)
class Sum:
    """A stated measure over the rows shown.

    `figures` go by the agency's id, and `by_agency` adds them up. `together` is what the source states for several together,
    unless the rows shown are only part of these: then it is None, and `hidden` says of how many that statement tells.
    `total` is the best of both.
    """

    figures: dict[int, Figure]
    total: Total
    by_agency: Total
    together: Together | None = None
    hidden: int = 0


@dataclass(frozen=True)
class Spending:
    """The page: its rows and their sums. `recorded` covers the `visible` rows of all shown."""

    source: Source | None
    filters: Filters
    on: datetime.date
    period: Period
    users_period: Period
    rows: list[Row]
    spending: Sum
    users: Sum
    per_user: Figure
    recorded: Recorded
    visible: int
    programs: list[Statement]
    uncertain: list[Statement]
    contradictory: bool

    @property
    def is_whole(self) -> bool:
        """Whether no filter leaves anybody out."""
        return self.filters == Filters()


def spending_by_agency(user: User, filters: Filters, on: datetime.date, source: Source | None) -> Spending:
    """The rows that `filters` keep, for what `user` may see on the day `on`, with the stated figures of `source`.

    The stated figures are everybody's; the recorded ones are summed over each government with all below it, on today's tree,
    and only where the user sees all of that. The number of queries does not depend on the number of rows.
    """
    statements = statements_of(
        source,
        Measure.SPENDING,
        Measure.USERS,
        Measure.GOVERNMENTS_SUBSCRIBING,
        Measure.DISTINCT_PROGRAMS,
    )
    spent, used = stated(statements, Measure.SPENDING), stated(statements, Measure.USERS)
    agencies = governments_named({*spent.figures, *used.figures}, on)
    agencies, uncertain = _subscribing(agencies, filters.product, statements, user)
    agencies = [
        agency
        for agency in agencies
        if (not filters.kind or agency.kind == filters.kind)
        and (not filters.standing or spent.of(agency.pk).standing == filters.standing)
        and _is_called(agency, filters.text)
    ]
    visible = [agency.path for agency in agencies if user.sight().covers(agency.path)]
    recorded, recorded_in_all = recorded_below(user, visible, on)
    rows = [
        Row(
            agency=agency,
            name=_name_on(agency, spent.period[1]),
            spending=spent.of(agency.pk),
            users=used.of(agency.pk),
            per_user=spent.of(agency.pk).per(used.of(agency.pk)),
            recorded=recorded.get(agency.path),
        )
        for agency in agencies
    ]
    spending, users = summed(agencies, spent), summed(agencies, used)
    return Spending(
        source=source,
        filters=filters,
        on=on,
        period=spent.period,
        users_period=used.period,
        rows=rows,
        spending=spending,
        users=users,
        per_user=_added(row.spending for row in rows).per(_added(row.users for row in rows)),
        recorded=recorded_in_all,
        visible=len(visible),
        programs=[s for s in statements if s.measure in PROGRAMS],
        uncertain=uncertain,
        contradictory=spent.contradictory or used.contradictory,
    )


PROGRAMS = (Measure.GOVERNMENTS_SUBSCRIBING, Measure.DISTINCT_PROGRAMS)


def stated_sums(source: Source | None, on: datetime.date) -> tuple[Sum, Sum]:
    """The stated spending and the stated users of all governments, without anything recorded."""
    statements = statements_of(source, Measure.SPENDING, Measure.USERS)
    spent, used = stated(statements, Measure.SPENDING), stated(statements, Measure.USERS)
    agencies = governments_named({*spent.figures, *used.figures}, on)
    return summed(agencies, spent), summed(agencies, used)


def per_user_together(spending: Spending) -> tuple[Figure, Figure, Figure] | None:
    """Spending, users and spending per user of those whose users are stated together, in won, people, and won each.

    Their spending is the stated total less the stated figures of those whose users are not in it. None where the source does
    not say enough, or the rows shown are only part of them.
    """
    spent, used = spending.spending.together, spending.users.together
    if spent is None or used is None or not used.agencies <= spent.agencies:
        return None
    others = [row.spending for row in spending.rows if row.agency.pk in spent.agencies - used.agencies]
    if any(not figure.is_known for figure in others):
        return None
    interval = spent.figure.interval - sum_intervals(figure.interval for figure in others)
    value = (spent.figure.value or 0) - sum(figure.value or 0 for figure in others)
    money = Figure.known_as(interval, value if value in interval else None)
    return money, used.figure, money.per(used.figure)


def governments_named(named: Iterable[int], on: datetime.date) -> list[Agency]:
    """The metropolitan and provincial governments, and any other agency that the source names."""
    ours = Q(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL, pk__in=Agency.objects.active_on(on).values("pk"))
    agencies = Agency.objects.filter(ours | Q(pk__in=named))
    return list(agencies.prefetch_related("former_names").order_by("path"))


def _subscribing(
    agencies: list[Agency], product: Product | None, statements: list[Statement], user: User
) -> tuple[list[Agency], list[Statement]]:
    """Those known to subscribe to the product, from a statement or from the register as far as the user sees it."""
    if product is None:
        return agencies, []
    said, uncertain = governments_subscribing(statements, product.code)
    paths = subscribing(user, product.code)
    return [
        agency
        for agency in agencies
        if agency.pk in said or any(path.startswith(agency.path) for path in paths)
    ], uncertain


def _is_called(agency: Agency, text: str) -> bool:
    names = (agency.name_ko, agency.name_en, agency.short_ko, agency.short_en, agency.code)
    return all(any(word in name.casefold() for name in names) for word in text.casefold().split())


def _name_on(agency: Agency, day: datetime.date | None) -> str:
    """As `Agency.name_on`, from former names that are fetched already."""
    former = [name for name in agency.former_names.all() if day and name.used_until >= day]
    return str(min(former, key=lambda name: name.used_until).name if former else agency.name)


def summed(agencies: Iterable[Agency], stated: Stated) -> Sum:
    figures = {agency.pk: stated.of(agency.pk) for agency in agencies}
    by_agency = Total.of(figures.values())
    together = stated.together
    if together is None:
        return Sum(figures, by_agency, by_agency)
    if not together.agencies <= figures.keys():
        return Sum(figures, by_agency, by_agency, hidden=len(together.agencies))
    others = [figure for agency, figure in figures.items() if agency not in together.agencies]
    return Sum(figures, Total.of([together.figure, *others]), by_agency, together)


def _added(figures: Iterable[Figure]) -> Figure:
    """The sum as one figure: known when all are, else bounded by what is known of each."""
    figures = [figure for figure in figures if figure.standing != Standing.NOT_APPLICABLE]
    if not figures:
        return NOT_APPLICABLE
    interval = sum_intervals(figure.interval for figure in figures)
    missing = [figure.standing for figure in figures if not figure.is_known]
    if missing:
        return Figure.missing(max(set(missing), key=missing.count), interval)
    if any(figure.qualifier in (Qualifier.AT_LEAST, Qualifier.AT_MOST) for figure in figures):
        return Figure.known_as(interval)
    return Figure.known_as(interval, sum(figure.value or 0 for figure in figures))
