"""What whoever decides on a request looks at: its cost, what others pay for the same tool, what differs since last time."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import Count, F, Max, Min, Q, QuerySet

from agencies.models import User
from figures.figure import Figure
from figures.interval import Interval
from subscriptions.committed_page import committed_figure
from subscriptions.differences import Difference, content_of, differences
from subscriptions.models import (
    COMMITTED,
    DecidedRecord,
    Decision,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)
from subscriptions.money import rates_on
from subscriptions.reopening import open_reopening
from subscriptions.tables import known, why_cost_is_missing

SHOWN = 10


def waits(subscription: Subscription) -> bool:
    """Whether an approver has something to decide on; asked once for each object."""
    kept = subscription.__dict__
    if "_waits" not in kept:
        kept["_waits"] = subscription.status == Status.REQUESTED or (
            subscription.status in COMMITTED and open_reopening(subscription) is not None
        )
    return bool(kept["_waits"])


# --- cost -------------------------------------------------------------------------------------------------------------


def term_cost(subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date) -> Figure:
    """What the price lines commit to from the first day to the last, in won; unknown without both days."""
    first, last = subscription.started_on, subscription.ends_on
    if first is None or last is None:
        return Figure.missing()
    rates = rates_on({line.currency for line in lines}, on)
    return committed_figure(subscription, lines, rates, first, last)


# --- what others pay --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peers:
    """What agencies that a person sees pay for one tool, won per seat and month.

    `priced` of the `subscriptions` have a price that is known exactly; `lowest`, `middle` and `highest` are of these.
    """

    subscriptions: int
    agencies: int
    priced: int
    lowest: Figure
    middle: Figure
    highest: Figure
    rows: list[Subscription]

    @property
    def gaps(self) -> int:
        return self.subscriptions - self.priced


def peers(user: User, subscription: Subscription, on: datetime.date) -> Peers:
    """The other subscriptions to the same tool that are in force on a day and that `user` may see, the dearest first."""
    others = (
        Subscription.objects.visible_to(user)
        .in_force(on)
        .filter(product=subscription.product_id)
        .exclude(pk=subscription.pk)
        .order_by()
    )
    exact = Q(facts__seat_price_min__isnull=False, facts__seat_price_min=F("facts__seat_price_max"))
    found = others.aggregate(
        subscriptions=Count("pk"),
        agencies=Count("agency", distinct=True),
        priced=Count("pk", filter=exact),
        lowest=Min("facts__seat_price_min", filter=exact),
        highest=Max("facts__seat_price_min", filter=exact),
    )
    rows = others.select_related("agency", "facts", "facts_origin").order_by(
        F("facts__seat_price_min").desc(nulls_last=True), "pk"
    )
    return Peers(
        subscriptions=found["subscriptions"],
        agencies=found["agencies"],
        priced=found["priced"],
        lowest=_stated(found["lowest"]),
        middle=_middle(others.filter(exact), found["priced"]),
        highest=_stated(found["highest"]),
        rows=list(rows[:SHOWN]),
    )


def seat_price(subscription: Subscription) -> Figure:
    """What a seat costs a month, in won."""
    facts = getattr(subscription, "facts", None)
    if facts is None:
        return Figure.missing()
    return known(facts.seat_price_min, facts.seat_price_max, why_cost_is_missing(subscription))


def _stated(value: int | None) -> Figure:
    return Figure.missing() if value is None else Figure.stated(value)


def _middle(priced: QuerySet[Subscription], count: int) -> Figure:
    """The median: half of them pay at most that much."""
    if not count:
        return Figure.missing()
    prices = priced.order_by("facts__seat_price_min").values_list("facts__seat_price_min", flat=True)
    middle = [int(price or 0) for price in prices[(count - 1) // 2 : count // 2 + 1]]
    return Figure.known_as(Interval.exactly(Fraction(sum(middle), len(middle))))


# --- what differs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Since:
    """What differs from a record that was approved or decided on; `decision` is None for what a change found there."""

    decision: Decision | None
    waiting: Reopening | None
    differences: list[Difference]


def since_last_decision(subscription: Subscription, lines: Sequence[PriceLine]) -> Since | None:
    """What differs from what was approved before the change that waits, else since the last decision; None without either."""
    waiting = open_reopening(subscription) if subscription.status in COMMITTED else None
    if waiting is not None:
        return Since(None, waiting, differences(waiting.before, subscription, lines))
    decided = DecidedRecord.objects.filter(decision__subscription=subscription)
    decided = decided.select_related("decision__decided_by").order_by("-pk")
    agency_acts = [Decision.Act.APPROVE, Decision.Act.REFUSE]
    last = decided.filter(decision__act__in=agency_acts).first() or decided.first()
    if last is None:
        return None
    same = last.content == content_of(subscription, lines)
    return Since(last.decision, None, [] if same else differences(last.content, subscription, lines))
