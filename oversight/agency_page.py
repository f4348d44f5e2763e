"""An agency's page: what is stated of it, what is recorded there and below, and what it was before."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from agencies.models import Agency, User
from figures.figure import Figure, Total
from figures.standing import Gap
from oversight.stated import Measure, Period, stated, statements_of
from sources.models import Source, Statement
from subscriptions.models import Finding, Subscription, UserCount
from subscriptions.tallies import paid_by_month

NEWEST = 10


@dataclass(frozen=True)
class StatedOfIt:
    """What one source states of the agency, or what follows from that source for it: won, people, won for each."""

    source: Source
    period: Period
    spending: Figure
    users: Figure
    per_user: Figure


@dataclass(frozen=True)
class PaidInYear:
    """What was paid in a calendar year, in won. `payments` are all of that year; `without_won` have no known won amount."""

    year: int
    payments: int
    without_won: int
    total: Total


def named_by_statements() -> QuerySet[Agency]:
    """The agencies that some published statement is about: their pages are everybody's."""
    through = Statement.subject.through.objects.filter(statement__source__published_at__isnull=False)
    return Agency.objects.filter(pk__in=through.values("agency"))


def openable(user: User, agencies: Iterable[Agency | None]) -> set[int]:
    """Of these agencies the ids of those whose page `user` may open: in sight, or named by published statements. One query."""
    there = [agency for agency in agencies if agency is not None]
    seen = {agency.pk for agency in there if user.sight().covers(agency.path)}
    others = [agency.pk for agency in there if agency.pk not in seen]
    return seen | set(named_by_statements().filter(pk__in=others).values_list("pk", flat=True))


def narrowed_to(user: User, agency: Agency) -> Agency | None:
    """What `visible_to(user, within=…)` is to be given for the agency with all below it.

    None where that is all there is: naming each of twenty thousand agencies takes longer than naming none.
    """
    if agency.parent_id is not None or not user.sight().everything:
        return agency
    return agency if Agency.objects.filter(parent=None).exclude(pk=agency.pk).exists() else None


def statements_about(agency: Agency) -> QuerySet[Statement]:
    """The published statements whose subject it is or belongs to, source by source."""
    about = Statement.objects.published().filter(subject=agency)
    return about.select_related("source", "product").prefetch_related("subject").order_by("source", "pk")


def stated_of(agency: Agency, sources: Collection[Source]) -> list[StatedOfIt]:
    """What each source states of the agency's spending and users, where it is among those that the source tells of.

    Where a figure is missing it carries what the source's other figures leave open for it. Two queries.
    """
    statements = statements_of(
        next(iter(sources), None), Measure.SPENDING, Measure.USERS, others=list(sources)[1:]
    )
    found = []
    for source in sources:
        own = [statement for statement in statements if statement.source_id == source.pk]
        spending, users = stated(own, Measure.SPENDING), stated(own, Measure.USERS)
        if agency.pk not in {*spending.figures, *users.figures}:
            continue
        period = spending.period if agency.pk in spending.figures else users.period
        spent, used = spending.of(agency.pk), users.of(agency.pk)
        found.append(StatedOfIt(source, period, spent, used, spent.per(used)))
    return found


def paid_by_year(user: User, within: Agency | None) -> list[PaidInYear]:
    """What was paid by an agency and all below it, as far as `user` sees it, the latest year first."""
    sight = user.sight() if within is None else user.sight().within(within.path)
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in paid_by_month(None if sight.everything else sight.agency_keys):
        assert row.month
        year = sums[row.month.year]
        for n, number in enumerate((row.won, row.payments, row.unknown)):
            year[n] += number
    return [
        PaidInYear(year, known + unknown, unknown, _paid(won, known, unknown))
        for year, (won, known, unknown) in sorted(sums.items(), reverse=True)
    ]


def _paid(won: int, known: int, unknown: int) -> Total:
    # Below zero where more was refunded in a year than paid.
    figures = [Figure.stated(won)] if known else []
    total = Total.of([*figures, *[Figure.missing(Gap.RATE_MISSING)] * unknown])
    return Total(total.known, known, total.missing)


def newest_subscriptions(user: User, within: Agency | None) -> list[Subscription]:
    """The newest of an agency and all below it, with what a list shows of each."""
    rows = Subscription.objects.visible_to(user, within=within).order_by("-pk")
    keys = list(rows.values_list("pk", flat=True)[:NEWEST])
    found = Subscription.objects.with_list_columns().order_by().in_bulk(keys)
    return [found[key] for key in keys if key in found]


def newest_findings(user: User, within: Agency | None) -> list[Finding]:
    """The newest open findings of an agency and all below it that nothing excuses."""
    rows = Finding.objects.visible_to(user, within=within).needing_attention()
    shown = ("policy_version", "subscription__agency", "subscription__product")
    return list(rows.select_related(*shown).order_by("-first_seen", "-pk")[:NEWEST])


def latest_users(user: User, agency: Agency, on: datetime.date) -> UserCount | None:
    """The agency's own latest count of the people who use any tool, where `user` sees it."""
    counts = UserCount.objects.visible_to(user).filter(agency=agency, subscription=None, day__lte=on)
    return counts.order_by("-day", "-pk").first()


def agencies_below(user: User, agency: Agency) -> QuerySet[Agency]:
    """The agencies right below it that `user` may know of: all that are in sight, and those that published statements name."""
    children = Agency.objects.filter(parent=agency).order_by("path")
    if user.sight().covers(agency.path):
        return children
    in_sight = Agency.objects.visible_to(user).values("pk")
    return children.filter(Q(pk__in=in_sight) | Q(pk__in=named_by_statements().values("pk")))
