"""What the register has recorded for the subject and period of a statement, as far as a user sees it, and whether they agree."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import models
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Substr
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, User
from agencies.visibility import within_any
from figures.figure import Figure
from figures.formatting import day, number
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from sources.models import Statement
from subscriptions.models import LIVE, Payment, Status, Subscription, UserCount

Measure = Statement.Measure
Period = tuple[datetime.date | None, datetime.date | None]


class Outcome(models.TextChoices):
    """How what is recorded stands to what is stated."""

    AGREES = "agrees", _("Agrees")
    LESS = "less", _("Less is recorded")
    MORE = "more", _("More is recorded")
    OPEN = "open", _("Cannot be told yet")
    NOT_STATED = "not_stated", _("Nothing stated to compare")
    NOTHING = "nothing", _("Nothing recorded")
    HIDDEN = "hidden", _("Not visible to you")
    NO_PERIOD = "no_period", _("No period to compare by")
    NOT_KEPT = "not_kept", _("Not kept in the register")

    @property
    def state(self) -> str:
        """The state whose look it has on a page; see docs/components.md."""
        return {
            Outcome.AGREES: "agrees",
            Outcome.LESS: "warning",
            Outcome.MORE: "conflicts",
            Outcome.OPEN: "undetermined",
            Outcome.NOT_STATED: "recorded",
            Outcome.HIDDEN: "not_visible",
        }.get(self, "none")


@dataclass(frozen=True)
class Beside:
    """What is recorded beside a statement. `figure` is None where nothing is, or where it may not be seen."""

    outcome: Outcome
    figure: Figure | None = None
    notes: tuple[str, ...] = ()
    agency: Agency | None = None


@dataclass
class _Cell:
    """What is recorded at a place, of a tool, in a period."""

    won: int = 0
    payments: int = 0
    without_won: int = 0
    subscriptions: int = 0
    from_statements: int = 0


@dataclass
class _Recorded:
    """All that the statements of a page ask for. `cells` go by the place's path, then by the tool's id and the period's
    number among `periods`; `users` by the agency's id, in the order of the days.
    """

    periods: list[Period]
    cells: dict[str, dict[tuple[int, int], _Cell]]
    users: dict[int, list[tuple[datetime.date, str, int | None]]]
    on: datetime.date

    def below(self, agency: Agency, period: Period, product_id: int | None) -> dict[int, _Cell]:
        """By tool, what is recorded at an agency and all below it."""
        number_of = self.periods.index(period)
        found: dict[int, _Cell] = defaultdict(_Cell)
        for place, cells in self.cells.items():
            if not place.startswith(agency.path):
                continue
            for (tool, period_number), cell in cells.items():
                if period_number == number_of and product_id in (None, tool):
                    for name, value in vars(cell).items():
                        setattr(found[tool], name, getattr(found[tool], name) + value)
        return found

    def users_of(self, agency: Agency, period: Period) -> tuple[datetime.date, str, int | None] | None:
        """The agency's latest count within the period, or until today."""
        first, last = period[0] or datetime.date.min, period[1] or self.on
        counts = [count for count in self.users.get(agency.pk, []) if first <= count[0] <= last]
        return counts[-1] if counts else None


def beside(user: User, statements: Sequence[Statement], on: datetime.date) -> dict[int, list[Beside]]:
    """For each statement (by its id) what is recorded of the same: one entry, or one for each member that it is about.

    Recorded data count an agency with all below it, on today's tree, and only where `user` sees all of that. Spending is
    what was paid; users are the agency's own latest count over all tools; what has no period is compared with the day `on`.
    The number of queries does not depend on the number of statements. They come with their subjects.
    """
    agencies = {agency for statement in statements for agency in statement.subject.all()}
    visible = {agency.pk for agency in agencies if user.sight().covers(agency.path)}
    recorded = _recorded(user, statements, [agency for agency in agencies if agency.pk in visible], on)
    found = {}
    for statement in statements:
        members = list(statement.subject.all())
        if statement.reading == Statement.Reading.EACH and len(members) > 1:
            parts = [_beside(statement, [member], visible, recorded, member) for member in members]
            found[statement.pk] = _worth_telling(parts)
        else:
            found[statement.pk] = [_beside(statement, members, visible, recorded)]
    return found


def _worth_telling(parts: list[Beside]) -> list[Beside]:
    """Of each member's, those that tell something; what is the same of the others is told once."""
    telling = [part for part in parts if part.figure is not None]
    others: dict[Outcome, int] = defaultdict(int)
    for part in parts:
        if part.figure is None:
            others[part.outcome] += 1
    rest = [
        Beside(outcome, None, (_of_members(count, len(parts)),) if count < len(parts) else ())
        for outcome, count in others.items()
    ]
    return [*telling, *rest]


def _of_members(count: int, members: int) -> str:
    return gettext("%(count)s of %(all)s") % {"count": number(count), "all": number(members)}


def _period(statement: Statement) -> Period:
    return statement.period_from, statement.period_until


def _recorded(
    user: User, statements: Sequence[Statement], agencies: Iterable[Agency], on: datetime.date
) -> _Recorded:
    periods = list(dict.fromkeys(_period(statement) for statement in statements))
    agencies = list(agencies)
    recorded = _Recorded(periods, defaultdict(dict), defaultdict(list), on)
    if not agencies or not statements:
        return recorded
    paths = [agency.path for agency in agencies]
    tops = [path for path in paths if not any(path != p and path.startswith(p) for p in paths)]
    # Cut to the longest path asked for, a path still begins with the path of each agency above it.
    length = max(map(len, paths))

    def at_places(rows: QuerySet, lookup: str, tool: str, **sums: object) -> QuerySet:
        place = Substr(F(lookup), Value(1), Value(length))
        rows = rows.filter(within_any(tops, lookup)).order_by()
        return rows.values(place=place, tool=F(tool)).annotate(**sums)

    kept: dict[str, object] = {}
    in_some_period = Q(pk__in=[])
    for period in dict.fromkeys(_period(s) for s in statements if s.measure == Measure.SPENDING):
        if period == (None, None):
            continue
        number_of, (first, last) = periods.index(period), period
        within = Q(paid_on__gte=first or datetime.date.min) & Q(paid_on__lte=last or datetime.date.max)
        in_some_period |= within
        kept[f"won_{number_of}"] = Sum("won", filter=within, default=0)
        kept[f"payments_{number_of}"] = Count("pk", filter=within)
        kept[f"without_won_{number_of}"] = Count("pk", filter=within & Q(won=None))
    payments = (
        Payment.objects.visible_to(user).exclude(subscription__status=Status.VOID).filter(in_some_period)
    )
    if kept:
        _fill(recorded, at_places(payments, "subscription__agency__path", "subscription__product_id", **kept))

    kept = {}
    report = next((statement.source.report_id for statement in statements), None)
    for number_of, (first, last) in enumerate(periods):
        there = _in_force_within(first, last)
        kept[f"subscriptions_{number_of}"] = Count("pk", filter=there)
        kept[f"from_statements_{number_of}"] = Count(
            "pk", filter=there & Q(statement__isnull=False, statement__source__report=report)
        )
    subscriptions = Subscription.objects.visible_to(user).filter(_told_of(statements))
    _fill(recorded, at_places(subscriptions, "agency__path", "product_id", **kept))

    counts = UserCount.objects.visible_to(user).filter(subscription=None, agency__in=agencies)
    for agency, when, standing, value in counts.order_by("day", "pk").values_list(
        "agency_id", "day", "standing", "value"
    ):
        recorded.users[agency].append((when, standing, value))
    return recorded


# Conditions on more places than these make a statement that SQLite refuses and a planner reads for long.
MOST_PATHS = 200


def _told_of(statements: Sequence[Statement]) -> Q:
    """The subscriptions that the statements count: to the tools that they name, and any of who is told to use so many."""
    tools = {s.product_id for s in statements if s.product_id}
    counting = [s for s in statements if s.measure == Measure.DISTINCT_PROGRAMS]
    paths = {agency.path for statement in counting for agency in statement.subject.all()}
    if len(paths) > MOST_PATHS:
        return Q()  # each is counted where it is, so that more of them do no harm
    return Q(product__in=tools) | within_any(sorted(paths), "agency__path")


def _in_force_within(first: datetime.date | None, last: datetime.date | None) -> Q:
    """Live now, when there is no period; else in force on a day of it, where an unknown end of a subscription is open."""
    if first is None and last is None:
        return Q(status__in=LIVE)
    started = Q(started_on__isnull=True) | Q(started_on__lte=last or datetime.date.max)
    not_ended = Q(ends_on__isnull=True) | Q(ends_on__gte=first or datetime.date.min)
    return Q(status__in=[Status.APPROVED, Status.ACTIVE, Status.ENDED]) & started & not_ended


def _fill(recorded: _Recorded, rows: Iterable[dict]) -> None:
    for row in rows:
        cells = recorded.cells[row.pop("place")]
        tool = row.pop("tool")
        for name, value in row.items():
            what, _separator, period = name.rpartition("_")
            cell = cells.setdefault((tool, int(period)), _Cell())
            setattr(cell, what, value or 0)


def _beside(
    statement: Statement,
    members: list[Agency],
    visible: set[int],
    recorded: _Recorded,
    agency: Agency | None = None,
) -> Beside:
    """What is recorded of these members together; `agency` names the one that it is about."""
    seen = [member for member in members if member.pk in visible]
    if members and not seen:
        return Beside(Outcome.HIDDEN, agency=agency)
    tell = {
        Measure.SPENDING: _payments,
        Measure.USERS: _users,
        Measure.GOVERNMENTS_SUBSCRIBING: _subscribing,
        Measure.DISTINCT_PROGRAMS: _programs,
    }.get(Measure(statement.measure))
    if tell is None or not members:
        return Beside(Outcome.NOT_KEPT, agency=agency)
    told = tell(statement, seen, recorded)
    if isinstance(told, Outcome):
        return Beside(told, None, _hidden(seen, members), agency)
    value, unknown, notes = told
    if value is None:
        return Beside(Outcome.OPEN, None, (*notes, *_hidden(seen, members)), agency)
    whole = not unknown and len(seen) == len(members)
    figure = Figure.stated(value) if whole else Figure.stated(value, qualifier=Qualifier.AT_LEAST)
    outcome = _judged(statement, value, whole)
    return Beside(outcome, figure, (*notes, *_hidden(seen, members)), agency)


def _hidden(seen: list[Agency], members: list[Agency]) -> tuple[str, ...]:
    hidden = len(members) - len(seen)
    if not hidden:
        return ()
    return (
        gettext("%(count)s of %(all)s not visible to you")
        % {"count": number(hidden), "all": number(len(members))},
    )


def _judged(statement: Statement, value: int, whole: bool) -> Outcome:
    if statement.value is None:
        return Outcome.NOT_STATED
    stated: Interval = statement.figure.interval
    if stated.high is not None and value > stated.high:
        return Outcome.MORE
    if not whole and not (value >= stated.low and stated.high is None):
        return Outcome.OPEN
    return Outcome.AGREES if value in stated else Outcome.LESS


# A number (None where all of it is unknown), whether part of it is unknown, and what there is to note.
Told = tuple[int | None, bool, tuple[str, ...]] | Outcome


def _payments(statement: Statement, seen: list[Agency], recorded: _Recorded) -> Told:
    if _period(statement) == (None, None):
        return Outcome.NO_PERIOD
    # An agency below another one is counted with it.
    tops = [a for a in seen if not any(a.path != b.path and a.path.startswith(b.path) for b in seen)]
    cells = [
        cell
        for agency in tops
        for cell in recorded.below(agency, _period(statement), statement.product_id).values()
    ]
    payments = sum(cell.payments for cell in cells)
    if not payments:
        return Outcome.NOTHING
    unknown = sum(cell.without_won for cell in cells)
    notes = (
        (
            ngettext(
                "%(count)s payment without a won amount", "%(count)s payments without a won amount", unknown
            )
            % {"count": number(unknown)},
        )
        if unknown
        else ()
    )
    if unknown == payments:
        return None, True, notes
    # Below zero where more was refunded in the period than paid.
    return sum(cell.won for cell in cells), bool(unknown), notes


def _users(statement: Statement, seen: list[Agency], recorded: _Recorded) -> Told:
    if statement.product_id is not None:
        return Outcome.NOT_KEPT  # one person uses several tools, so users are counted over all of them
    counts = [recorded.users_of(agency, _period(statement)) for agency in seen]
    if not any(counts):
        return Outcome.NOTHING
    known = [count for count in counts if count and count[1] == Standing.STATED]
    missing = len(seen) - len(known)
    notes = [gettext("Counted on %(day)s") % {"day": day(max(count[0] for count in counts if count))}]
    if missing:
        notes.append(
            ngettext("%(count)s without a recorded number", "%(count)s without a recorded number", missing)
            % {"count": number(missing)}
        )
    value = sum(count[2] or 0 for count in known) if known else None
    return value, bool(missing), tuple(notes)


def _subscribing(statement: Statement, seen: list[Agency], recorded: _Recorded) -> Told:
    if statement.product_id is None:
        return Outcome.NOT_KEPT
    cells = [
        recorded.below(agency, _period(statement), statement.product_id).get(statement.product_id, _Cell())
        for agency in seen
    ]
    count = sum(bool(cell.subscriptions) for cell in cells)
    if not count and statement.value != 0:
        return Outcome.NOTHING
    return count, False, _taken_from(cells, recorded, statement)


def _programs(statement: Statement, seen: list[Agency], recorded: _Recorded) -> Told:
    tools: dict[int, _Cell] = {}
    for agency in seen:
        tools |= {
            tool: cell
            for tool, cell in recorded.below(agency, _period(statement), statement.product_id).items()
            if cell.subscriptions
        }
    if not tools and statement.value != 0:
        return Outcome.NOTHING
    return len(tools), False, _taken_from(list(tools.values()), recorded, statement)


def _taken_from(cells: list[_Cell], recorded: _Recorded, statement: Statement) -> tuple[str, ...]:
    """Of when it is, and that what was recorded from the report itself does not confirm it."""
    notes = []
    if _period(statement) == (None, None):
        notes.append(gettext("As of %(day)s") % {"day": day(recorded.on)})
    taken = sum(cell.from_statements for cell in cells)
    if taken and taken == sum(cell.subscriptions for cell in cells):
        notes.append(gettext("All of it recorded from this report's own statements"))
    elif taken:
        notes.append(gettext("Some of it recorded from this report's own statements"))
    return tuple(notes)
