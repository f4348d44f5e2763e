"""The page of a report: what its sources state, beside each other and beside the register, and what follows from it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from agencies.models import Agency, User
from figures.figure import Figure
from oversight.following import Following, following
from oversight.recorded_beside import Beside, beside
from oversight.stated import Measure, Stated, stated
from sources.comparing import Comparison, Relation, compared
from sources.models import Report, Source, Statement
from sources.plausibility import Flag, by_statement, flags


@dataclass(frozen=True)
class Line:
    """A statement with what stands beside it: what is recorded, what other sources say, and what cannot be right about it."""

    statement: Statement
    recorded: list[Beside]
    others: list[Comparison]
    flags: list[Flag]


@dataclass(frozen=True)
class Government:
    """What is stated of one agency, or bounded, in the sources that the page concludes from."""

    agency: Agency
    spending: Figure
    users: Figure
    per_user: Figure
    statements: tuple[Statement, ...]
    flags: list[Flag]


@dataclass(frozen=True)
class ReportPage:
    """`lines` are the preferred source's; `others` what other sources state and it does not. `together`: whether the
    conclusions and the governments' figures come from all sources as accounts of one report, or from the preferred alone.
    """

    report: Report
    sources: list[Source]
    preferred: Source
    together: bool
    lines: list[Line]
    others: list[Line]
    flags: list[Flag]
    spending: Stated
    users: Stated
    governments: list[Government]
    conclusions: list[Following]


def report_sources(report: Report, user: User) -> list[Source]:
    """The sources of a report that `user` may read, in the order of their entry: the first is the report's own."""
    sources = list(Source.objects.readable_by(user).filter(report=report).order_by("pk"))
    for source in sources:
        source.report = report
    return sources


def report_page(
    user: User,
    report: Report,
    sources: Sequence[Source],
    preferred: Source,
    together: bool,
    on: datetime.date,
) -> ReportPage:
    """The page as `user` sees it on the day `on`. `sources` are those that may be read, `preferred` is one of them.

    Stated figures are everybody's; recorded ones only where the user sees all of an agency. The number of queries does not
    depend on how many statements, agencies or records there are.
    """
    order = [preferred, *(source for source in sources if source != preferred)]
    by_source: dict[int, list[Statement]] = {source.pk: [] for source in order}
    for statement in (
        Statement.objects.filter(source__in=order)
        .select_related("product")
        .prefetch_related("subject")
        .order_by("pk")
    ):
        by_source[statement.source_id].append(statement)
    for source in order:
        for statement in by_source[source.pk]:
            statement.source = source
    statements = [statement for source in order for statement in by_source[source.pk]]
    beside_each = compared(statements)
    recorded = beside(user, statements, on)
    found = flags(statements)
    flagged = by_statement(found)

    def line(statement: Statement) -> Line:
        key = statement.pk
        return Line(statement, recorded[key], beside_each[key], flagged.get(key, []))

    own = by_source[preferred.pk]
    # What only says more of what the preferred source leaves open is shown there and has a line of its own too.
    shown = {
        other.statement.pk
        for statement in own
        for other in beside_each[statement.pk]
        if other.relation != Relation.GIVES
    }
    used = statements if together else own
    spending, users = stated(used, Measure.SPENDING), stated(used, Measure.USERS)
    agencies = {agency.pk: agency for statement in statements for agency in statement.subject.all()}
    return ReportPage(
        report=report,
        sources=list(sources),
        preferred=preferred,
        together=together,
        lines=[line(statement) for statement in own],
        others=[line(s) for s in statements if s.source_id != preferred.pk and s.pk not in shown],
        flags=found,
        spending=spending,
        users=users,
        governments=_governments(spending, users, agencies, flagged),
        conclusions=following(spending, users, used, agencies),
    )


def _governments(
    spending: Stated, users: Stated, agencies: dict[int, Agency], flagged: dict[int, list[Flag]]
) -> list[Government]:
    rows = []
    for agency in sorted(agencies.values(), key=lambda agency: agency.path):
        if agency.pk not in {*spending.figures, *users.figures}:
            continue
        basis = (*spending.basis.get(agency.pk, ()), *users.basis.get(agency.pk, ()))
        own_flags = [flag for statement in basis for flag in flagged.get(statement.pk, [])]
        spent, used = spending.of(agency.pk), users.of(agency.pk)
        rows.append(Government(agency, spent, used, spent.per(used), basis, list(dict.fromkeys(own_flags))))
    return rows
