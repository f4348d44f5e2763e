"""What the register has of an agency for the period of a round: subscriptions, spending paid, users, tools, with their gaps.

An agency answers for itself and for those below it that are not asked themselves, so that nobody counts twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from agencies.models import Agency, User
from agencies.visibility import Sight, within_any
from figures.figure import Figure
from figures.standing import Standing
from oversight.explorer.grouping import grouped, in_sight, within_period
from oversight.explorer.paid import PAYING, payments, without_payment
from oversight.explorer.question import Dimension, Filters
from oversight.explorer.recorded import over_all_tools, people
from oversight.explorer.sums import Sums, as_figure
from oversight.round_models import Round, RoundAgency
from subscriptions.models import LIVE, Subscription, UserCount


@dataclass
class Records:
    """What is recorded for one agency of a round.

    `subscriptions`: the references of those in force in the period, `programs` the codes of their tools; `requested` counts
    those that are only asked for. `won`: paid in the period, by `payments` with a known won amount; `payments_without_won` have
    none, and `unpaid` subscriptions have no payment at all. `users`: see the explorer. `without` agencies below it answer
    themselves.
    """

    subscriptions: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    requested: int = 0
    won: int = 0
    payments: int = 0
    payments_without_won: int = 0
    unpaid: int = 0
    users: Sums = field(default_factory=Sums)
    without: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that a nil return would contradict."""
        there = (self.subscriptions, self.requested, self.payments, self.payments_without_won)
        return not any(there) and not self.users.low

    @property
    def spending(self) -> Figure:
        """In won; what nobody paid for is nothing, and what is not known is at least what is.

        Where more was refunded than paid there is no figure: a stated one is not negative, and nothing spent is another thing.
        """
        if self.won < 0:
            return Figure.missing(Standing.NOT_GIVEN)
        unknown = self.payments_without_won + self.unpaid
        return _figure(Sums.exactly(self.won, self.payments, unknown))

    @property
    def people(self) -> Figure:
        if not self.users.given and self.subscriptions:
            return Figure.missing(Standing.NOT_GIVEN)
        return _figure(self.users)

    @property
    def tools(self) -> Figure:
        return Figure.stated(len(self.programs))

    def document(self) -> dict[str, Any]:
        """For a return's document; `read` is its reverse."""
        return {**asdict(self), "users": self.users._asdict()}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Records:
        return cls(**{**document, "users": Sums(**document["users"])})


def _figure(sums: Sums) -> Figure:
    if not sums.given and not sums.unknown:
        return Figure.stated(0)
    return as_figure(sums.total())


@dataclass(frozen=True)
class Covered:
    """Agencies as `in_sight` asks for them, and for each the agency of the round that answers for it (by their ids)."""

    answering: dict[int, int]

    @property
    def agency_keys(self) -> list[int]:
        return list(self.answering)


def covered(round_: Round, asked: Collection[RoundAgency]) -> tuple[Covered, dict[int, int]]:
    """Which agencies these answer for, and how many right below each of them answer themselves. Two queries."""
    tops = {row.agency.path: row.agency_id for row in asked}
    paths = Sight(list(tops), False).paths
    others = RoundAgency.objects.filter(within_any(paths, "agency__path"), round=round_).order_by()
    themselves = dict(others.values_list("agency__path", "agency_id"))
    answering: dict[int, int] = {}
    without: dict[int, int] = defaultdict(int)
    for pk, path in Agency.objects.filter(within_any(paths)).order_by().values_list("pk", "path"):
        above = _nearest(path, themselves)
        if above is None:
            continue
        if themselves[above] == pk:
            outer = _nearest(_parent(path), themselves)
            if outer is not None and outer in tops:
                without[tops[outer]] += 1
        if above in tops:
            answering[pk] = tops[above]
    return Covered(answering), without


def _nearest(path: str, among: dict[str, int]) -> str | None:
    """The place itself or the closest one above it that is among these."""
    while path:
        if path in among:
            return path
        path = _parent(path)
    return None


def _parent(path: str) -> str:
    return path[: path.rstrip("/").rfind("/") + 1]


def records_of(user: User, round_: Round, asked: Iterable[RoundAgency]) -> dict[int, Records]:
    """What `user` sees to be recorded for these agencies of the round, by the agency's id.

    The number of queries does not depend on how many agencies or records there are.
    """
    asked = list(asked)
    found = {row.agency_id: Records() for row in asked}
    if not asked:
        return found
    there, without = covered(round_, asked)
    for agency, count in without.items():
        found[agency].without = count
    filters = Filters(first=round_.period_from, last=round_.period_until)
    in_period = _there(in_sight(Subscription.objects, user, filters), "agency", there).filter(
        within_period(filters, "started_on", "ends_on")
    )
    _add_subscriptions(found, there, in_period)
    _add_paid(found, there, user, filters)
    counts = _there(in_sight(UserCount.objects, user, filters), "agency", there)
    subscribed = in_period.filter(status__in=PAYING)
    by_agency = people(counts, over_all_tools(counts), subscribed, [Dimension.AGENCY], "")
    for (agency,), sums in by_agency.items():
        records = found[there.answering[agency]]
        records.users += sums
    return found


def _there(rows: QuerySet, to_agency: str, there: Covered) -> QuerySet:
    return rows.filter(**{f"{to_agency}__pk__in_sight": there})


def _add_subscriptions(found: dict[int, Records], there: Covered, in_period: QuerySet) -> None:
    rows = in_period.filter(Q(status__in=LIVE) | Q(status__in=PAYING)).order_by("reference")
    programs: dict[int, set[str]] = defaultdict(set)
    for agency, reference, status, product in rows.values_list(
        "agency_id", "reference", "status", "product__code"
    ):
        answering = there.answering[agency]
        if status not in PAYING:
            found[answering].requested += 1
            continue
        found[answering].subscriptions.append(reference)
        programs[answering].add(product)
    for answering, codes in programs.items():
        found[answering].programs = sorted(codes)


def _add_paid(found: dict[int, Records], there: Covered, user: User, filters: Filters) -> None:
    """As the explorer's spending paid, with its two kinds of gaps told apart."""
    paid = _there(payments(user, filters), "subscription__agency", there)
    sums = {"paid": Sum("won"), "known": Count("won"), "all": Count("pk")}
    for row in grouped(paid, {"of": F("subscription__agency_id")}, **sums):
        records = found[there.answering[row["of"]]]
        records.won += int(row["paid"] or 0)
        records.payments += row["known"]
        records.payments_without_won += row["all"] - row["known"]
    silent = _there(without_payment(user, filters), "agency", there)
    for row in grouped(silent, {"of": F("agency_id")}, count=Count("pk")):
        found[there.answering[row["of"]]].unpaid += row["count"]
