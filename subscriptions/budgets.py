"""Budgets of agencies, and what is left of them: what is committed and paid in a year beside what there is for it.

A budget is an agency's own. What an agency has with all below it is the sum of theirs, and says how many of those that spend
have none recorded. Won are whole won, VAT included.
"""

from __future__ import annotations

import bisect
import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, Sum

from agencies.models import Agency, Role, User
from figures.figure import Figure, Total, missing_figures
from figures.interval import Interval
from figures.standing import Missing, Qualifier, Standing
from subscriptions.committed_sql import Committed, committed_by_agency, committing
from subscriptions.models import Budget, Subscription
from subscriptions.origins import lacking_rate
from subscriptions.tallies import Row, paid_by_agency

DAYS_A_YEAR = 365


class Paid(NamedTuple):
    """Won paid less refunds in so many `payments`; of `rateless` more the won are not known, and `silent` subscriptions have no
    payment at all.
    """

    won: int = 0
    payments: int = 0
    rateless: int = 0
    silent: int = 0

    def __add__(self, other: Paid) -> Paid:  # type: ignore[override]
        return Paid(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def total(self) -> Total:
        missing = missing_figures(self.silent, self.rateless)
        return Total(Figure.stated(self.won) if self.payments else Figure.missing(), self.payments, missing)


def total_committed(sums: Committed) -> Total:
    """As a total: "at least" where a subscription's cost has no upper end, and how many are not given or lack a rate."""
    missing = missing_figures(sums.unknown, sums.rateless)
    if not sums.given:
        return Total(Figure.missing(), 0, missing)
    interval = Interval(sums.low, None if sums.open else max(sums.low, sums.high))
    qualifier = Qualifier.EXACT if interval.is_exact else Qualifier.AT_LEAST
    return Total(Figure(Standing.STATED, sums.low, interval, 1, qualifier), sums.given, missing)


def year_of(year: int) -> tuple[datetime.date, datetime.date]:
    return datetime.date(year, 1, 1), datetime.date(year, 12, 31)


def paid_in_months(rows: Iterable[Row], starts: Sequence[datetime.date]) -> dict[int, list[Paid]]:
    """For each key of the rows, of a period by month or of the whole, what was paid from each of `starts` to the next."""
    found: dict[int, list[Paid]] = {}
    for row in rows:
        at = 0 if row.month is None else bisect.bisect(starts, row.month) - 1
        parts = found.setdefault(cast(int, row.of), [Paid()] * len(starts))
        parts[at] += Paid(row.won, row.payments, row.unknown)
    return found


def silent_in(rows: Iterable[Subscription], first: datetime.date, last: datetime.date) -> dict[int, int]:
    """By agency, the subscriptions that run in a period and have no payment whenever: what is spent on them is not given."""
    unpaid = committing(rows, first, last).filter(paid__payments=0, paid__unknown=0)  # type: ignore[arg-type]
    counted = unpaid.order_by().values("agency").annotate(count=Count("pk"))
    return dict(counted.values_list("agency", "count"))


@dataclass(frozen=True)
class Account:
    """One agency's year, by itself or with all below it.

    `lacking`: how many agencies spend without a budget being recorded. `left` may be below zero. `lasts_until` is the last day
    that the rest pays for at today's rate; `bound` says whether that is known only at the latest. See `last_day`.
    """

    budget: Total
    committed: Total
    paid: Total
    left: Figure | None
    uncommitted: Figure | None
    today: Total
    lasts_until: datetime.date | None
    bound: bool
    never: bool
    lacking: int = 0


def accounts(
    user: User, agencies: Iterable[Agency], year: int, on: datetime.date, below: bool = False
) -> dict[int, Account]:
    """The account of each agency by its key, by itself; or of one with all `below` it. Six queries, however many there are.

    Only what `user` sees counts.
    """
    agencies = list(agencies)
    members = {agency.pk: [agency.pk] for agency in agencies}
    keys: list[int] | None = list(members)
    rows = Subscription.objects.visible_to(user).filter(agency__in=members)
    recorded = Budget.objects.visible_to(user).filter(agency__in=members)
    if below:
        (top,) = agencies
        members = {top.pk: list(Agency.objects.visible_to(user).within(top).values_list("pk", flat=True))}
        # Naming each of twenty thousand agencies takes longer than naming none.
        everything = user.sight().everything and top.parent_id is None
        within, keys = (None, None) if everything else (top, members[top.pk])
        rows = Subscription.objects.visible_to(user, within=within)
        recorded = Budget.objects.visible_to(user, within=within)
    first, last = year_of(year)
    committed = committed_by_agency(rows, [first], last, on)
    paid = paid_in_months(paid_by_agency(keys, (first, last)), [first])
    silent = silent_in(rows, first, last)
    budgets = dict(recorded.filter(year=year).order_by().values_list("agency", "won"))
    running = costs_today(rows, on)
    found = {}
    for agency in agencies:
        some = members[agency.pk]
        spending = {key for key in some if key in committed or key in paid}
        own = [budgets[key] for key in some if key in budgets]
        found[agency.pk] = account(
            own,
            len(spending - budgets.keys()) if below else int(agency.pk not in budgets),
            sum((committed[key][0] for key in some if key in committed), Committed()),
            sum((paid[key][0] for key in some if key in paid), Paid())
            + Paid(silent=sum(silent.get(key, 0) for key in some)),
            sum((running[key] for key in some if key in running), Committed()),
            year,
            on,
        )
    return found


def costs_today(rows: Iterable[Subscription], on: datetime.date) -> dict[int, Committed]:
    """By agency, what the subscriptions in force on a day cost a year; see `subscriptions.costs`."""
    in_force = Subscription.objects.in_force(on).filter(pk__in=rows.values("pk")).order_by()  # type: ignore[attr-defined]
    sums = in_force.values("agency").annotate(
        count=Count("pk"),
        low=Sum("facts__annual_cost_min"),
        high=Sum("facts__annual_cost_max"),
        given=Count("facts__annual_cost_min"),
        bounded=Count("facts__annual_cost_max"),
    )
    rateless = dict(
        lacking_rate(in_force).values("agency").annotate(count=Count("pk")).values_list("agency", "count")
    )
    return {
        row["agency"]: Committed(
            row["low"] or 0,
            row["high"] or 0,
            row["given"],
            row["given"] - row["bounded"],
            row["count"] - row["given"] - rateless.get(row["agency"], 0),
            rateless.get(row["agency"], 0),
        )
        for row in sums
    }


def account(
    budgets: list[int],
    lacking: int,
    committed: Committed,
    paid: Paid,
    running: Committed,
    year: int,
    on: datetime.date,
) -> Account:
    missing: Counter[Missing] = Counter({Standing.NOT_GIVEN: lacking} if lacking else {})
    budget = Total(Figure.stated(sum(budgets)) if budgets else Figure.missing(), len(budgets), missing)
    cost, spent = total_committed(committed), paid.total()
    if not budgets or lacking:  # what others have may be anything, and so may what is left
        return Account(budget, cost, spent, None, None, total_committed(running), None, False, False, lacking)
    whole = sum(budgets)
    less = bool(paid.rateless or paid.silent)
    until, bound, never = last_day(whole - paid.won, running, less, year, on)
    return Account(
        budget,
        cost,
        spent,
        at_most(whole - paid.won, less),
        at_most(
            whole - committed.low,
            bool(committed.open or committed.unknown or committed.rateless) or committed.high > committed.low,
        ),
        total_committed(running),
        until,
        bound,
        never,
        lacking,
    )


def at_most(won: int, open_below: bool) -> Figure:
    """What is left: less, where something that is not known may be taken off it."""
    qualifier = Qualifier.AT_MOST if open_below else Qualifier.EXACT
    return Figure(Standing.STATED, won, Interval.exactly(won), 1, qualifier)


def last_day(
    left: int, running: Committed, less: bool, year: int, on: datetime.date
) -> tuple[datetime.date | None, bool, bool]:
    """The last day that what is left of a year's budget pays for, whether it is so at the latest, and whether it lasts the year.

    Each day from the day after `on` costs a 365th of what the subscriptions in force on it cost a year; a year that has not begun
    costs so from its first day. No day: it is used up already, the year is over, or nothing is known of what runs. `less`
    says that not all is known that was paid.
    """
    first, last = year_of(year)
    begins = max(on + datetime.timedelta(days=1), first)
    open_above = running.open or running.unknown or running.rateless or running.high > running.low
    bound = less or bool(open_above)
    if on > last or left < 0:
        return None, bound, False
    if running.low == 0:
        return None, bound, not bound
    days = left * DAYS_A_YEAR // running.low
    if days > (last - begins).days:
        return None, bound, True
    return begins + datetime.timedelta(days=days - 1), bound, False


# --- keeping them -----------------------------------------------------------------------------------------------------


class StaleBudget(Exception):
    """Somebody else has changed the budget since the form was opened. `current` is as it is now, None when it is gone."""

    def __init__(self, current: Budget | None) -> None:
        super().__init__(current)
        self.current = current


def may_budget_at(user: User, agency: Agency) -> bool:
    """Administrators of the agency, or of one above it, keep its budget."""
    return user.has_role(Role.ADMINISTRATOR, at=agency)


@transaction.atomic
def enter(budget: Budget, *, by: User) -> Budget:
    """Record a new budget. Raises IntegrityError where the agency has one of the year."""
    if not may_budget_at(by, budget.agency):
        raise PermissionDenied
    budget.recorded_by = by
    budget._history_user = by  # type: ignore[attr-defined]
    budget.save()
    return budget


@transaction.atomic
def correct(budget: Budget, *, by: User, version: int) -> Budget:
    """Change the amount or the note of a budget. Raises StaleBudget."""
    _held(budget, by, version)
    budget.version = version + 1
    budget._history_user = by  # type: ignore[attr-defined]
    budget.save()
    return budget


@transaction.atomic
def remove(budget: Budget, *, by: User, version: int) -> None:
    """Take away a budget that was recorded in error; its history stays. Raises StaleBudget."""
    current = _held(budget, by, version)
    current._history_user = by  # type: ignore[attr-defined]
    current.delete()


def _held(budget: Budget, by: User, version: int) -> Budget:
    current = (
        Budget.objects.select_for_update(of=("self",)).select_related("agency").filter(pk=budget.pk).first()
    )
    if current is None:
        raise StaleBudget(None)
    if not may_budget_at(by, current.agency):
        raise PermissionDenied
    if current.version != version:
        raise StaleBudget(current)
    return current


def spending_agencies(user: User, year: int, on: datetime.date) -> Q:
    """The condition on agencies that they have a budget of the year, or a subscription that runs in it."""
    first, last = year_of(year)
    running = committing(Subscription.objects.visible_to(user), first, last).order_by().values("agency")
    return Q(pk__in=Budget.objects.filter(year=year).values("agency")) | Q(pk__in=running)
