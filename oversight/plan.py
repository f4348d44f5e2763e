"""Plan against actual: what the price lines commit to in each part of a year, beside what was paid, by agency."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext

from agencies.models import Agency, User
from figures.figure import Total
from figures.formatting import total_text
from subscriptions.budgets import Paid, paid_in_months, silent_in, total_committed, year_of
from subscriptions.committed_sql import Committed, committed_by_agency
from subscriptions.models import Budget, Subscription
from subscriptions.tallies import paid_by_agency, paid_by_place

# How many months each part of the year has.
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Row:
    """A place with what was committed and paid in each part of the year, and its budget. `alone`: without those below it."""

    agency: Agency | None
    alone: bool
    committed: list[Committed]
    paid: list[Paid]
    silent: int
    budget: int
    budgets: int
    further: bool = False

    @property
    def committed_in_all(self) -> Total:
        return total_committed(sum_of(self.committed))

    @property
    def paid_in_all(self) -> Total:
        return (sum((part for part in self.paid), Paid()) + Paid(silent=self.silent)).total()

    @property
    def difference(self) -> int | None:
        return difference(self.committed_in_all, self.paid_in_all)


@dataclass(frozen=True)
class Plan:
    """A year in parts that begin on `starts`, and its rows. `total` is over all rows."""

    year: int
    by: str
    starts: list[datetime.date]
    end: datetime.date
    rows: list[Row]
    total: Row

    @property
    def titles(self) -> list[str]:
        return [title_of(start, self.by) for start in self.starts]


def sum_of(parts: Sequence[Committed]) -> Committed:
    """Over the parts of a year: the counts are those of the part with the most, since one subscription runs in several."""
    return Committed(
        sum(part.low for part in parts),
        sum(part.high for part in parts),
        max((part.given for part in parts), default=0),
        max((part.open for part in parts), default=0),
        max((part.unknown for part in parts), default=0),
        max((part.rateless for part in parts), default=0),
    )


def difference(committed: Total, paid: Total) -> int | None:
    """Committed less paid, in won; None where either is not known in full."""
    if not (committed.is_complete and paid.is_complete and committed.given and paid.given):
        return None
    return int(committed.known.value or 0) - int(paid.known.value or 0)


def title_of(start: datetime.date, by: str) -> str:
    if by == "month":
        return str(date_format(start, "YEAR_MONTH_FORMAT"))
    if by == "quarter":
        return gettext("Q%(quarter)s %(year)s") % {"quarter": (start.month + 2) // 3, "year": start.year}
    return str(start.year)


def plan_of(user: User, agency: Agency | None, year: int, by: str, on: datetime.date) -> Plan:
    """The plan of an agency with all below it, or of all that `user` sees; amounts in other currencies at the rates of `on`.

    A row for the agency alone and one for each agency right below it with all below that. The queries do not depend on how many
    agencies and subscriptions there are.
    """
    first, end = year_of(year)
    starts = [first.replace(month=month) for month in range(1, 13, MONTHS[by])]
    agency = agency or top_of(user)
    visible = Agency.objects.visible_to(user)
    if agency is not None:
        visible = visible.within(agency)
    places = places_of(user, agency)
    place_of = _places(places, dict(visible.order_by().values_list("pk", "path")))
    everything = user.sight().everything and (agency is None or agency.parent_id is None)
    rows = Subscription.objects.visible_to(user, within=None if everything else agency)
    committed = committed_by_agency(rows, starts, end, on, place_of)
    paid = _paid(places, agency, starts, end)
    silent: Counter[int] = Counter()
    for key, count in silent_in(rows, first, end).items():
        if key in place_of:
            silent[place_of[key]] += count
    of_year = Budget.objects.visible_to(user, within=None if everything else agency).filter(year=year)
    budgets: dict[int, list[int]] = defaultdict(list)
    for key, won in of_year.order_by().values_list("agency", "won"):
        if key in place_of:
            budgets[place_of[key]].append(won)
    parents = set(
        visible.filter(parent__in=[place.pk for place in places]).order_by().values_list("parent", flat=True)
    )
    made = [
        Row(
            place,
            agency is not None and place.pk == agency.pk,
            committed.get(place.pk, [Committed()] * len(starts)),
            paid.get(place.pk, [Paid()] * len(starts)),
            silent[place.pk],
            sum(budgets[place.pk]),
            len(budgets[place.pk]),
            place.pk in parents,
        )
        for place in places
    ]
    there = {*committed, *paid, *silent, *(pk for pk, own in budgets.items() if own)}
    shown = [row for row, place in zip(made, places, strict=True) if place.pk in there]
    total = Row(
        None,
        False,
        [sum((row.committed[n] for row in made), Committed()) for n in range(len(starts))],
        [sum((row.paid[n] for row in made), Paid()) for n in range(len(starts))],
        sum(row.silent for row in made),
        sum(row.budget for row in made),
        sum(row.budgets for row in made),
    )
    return Plan(year, by, starts, end, shown, total)


def _places(places: Sequence[Agency], paths: Mapping[int, str]) -> dict[int, int]:
    """For the key of each agency that of the place that it is at or below; the nearest of several."""
    keys = {place.path: place.pk for place in places}
    lengths = sorted({len(path) for path in keys}, reverse=True)
    found = {}
    for key, path in paths.items():
        above = next((keys[path[:length]] for length in lengths if path[:length] in keys), None)
        if above is not None:
            found[key] = above
    return found


def _paid(
    places: Sequence[Agency], agency: Agency | None, starts: Sequence[datetime.date], end: datetime.date
) -> dict[int, list[Paid]]:
    """By the key of each place what was paid in each part of the year there and below; at `agency`, there alone."""
    below = [(place.path, place.pk) for place in places if agency is None or place.pk != agency.pk]
    period, by_month = (starts[0], end), len(starts) > 1
    rows = paid_by_place(below, period, by_month)
    if agency is not None:
        rows += paid_by_agency([agency.pk], period, by_month)
    return paid_in_months(rows, starts)


def top_of(user: User) -> Agency | None:
    """The one agency that all that a person sees is at or below; None where there are several."""
    sight = user.sight()
    tops = (
        Agency.objects.filter(parent=None)
        if sight.everything
        else Agency.objects.filter(path__in=sight.paths)
    )
    found = list(tops[:2])
    return found[0] if len(found) == 1 else None


def places_of(user: User, agency: Agency | None) -> list[Agency]:
    """The agency and those right below it; without one, those that the person's roles are at."""
    visible = Agency.objects.visible_to(user)
    if agency is not None:
        return [agency, *visible.filter(parent=agency).order_by("path")]
    sight = user.sight()
    return list(visible.filter(parent=None) if sight.everything else visible.filter(path__in=sight.paths))


def file_rows(plan: Plan) -> Iterator[list[Any]]:
    """For each place and part of the year a row: whole won, and how many figures are missing. Unknown cells are empty."""
    yield [
        gettext("Agency code"), gettext("Agency"), gettext("With all below it"), gettext("From"), gettext("Until"),
        gettext("Committed, at least"), gettext("Committed, at most"), gettext("Committed"),
        gettext("Subscriptions whose cost is not given"), gettext("Subscriptions whose exchange rate is missing"),
        gettext("Paid"), gettext("Payments"),
        gettext("Payments whose exchange rate is missing"),
    ]  # fmt: skip
    ends = [*(start - datetime.timedelta(days=1) for start in plan.starts[1:]), plan.end]
    for row in plan.rows:
        for start, end, committed, paid in zip(plan.starts, ends, row.committed, row.paid, strict=True):
            known = bool(committed.given)
            yield [
                row.agency.code if row.agency else None,
                str(row.agency),
                gettext("No") if row.alone else gettext("Yes"),
                start,
                end,
                committed.low if known else None,
                int(committed.interval.high) if known and committed.interval.high is not None else None,
                total_text(total_committed(committed)),
                committed.unknown,
                committed.rateless,
                paid.won if paid.payments else None,
                paid.payments,
                paid.rateless,
            ]
