"""Who uses AI tools, as recorded: subscriptions, seats, annual cost and findings by agency or by tool, and the cost of a seat."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.db.models import Count, F, Q, Sum

from agencies.models import User
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Gap, Qualifier, Standing
from oversight.recorded import total_of_ranges
from policies.verdicts import Verdict
from subscriptions.models import Finding, Status, Subscription, in_force_on
from subscriptions.origins import lacking_rate


@dataclass(frozen=True, slots=True)
class Use:
    """What is recorded at an agency, of a tool, or of several together; `of` is the agency's or the tool's id.

    `live` subscriptions, of which `requested` have only been asked for; the rest is about the `in_force` ones. A column of
    facts is summed over those of which it is known: `known` have a minimum, `bounded` a maximum, `low` and `high` are their
    sums; of those of whose cost nothing is known, `cost_rateless` lack an exchange rate.
    `attention` counts open findings that nothing excuses, `undetermined` those of them where a fact is missing.
    """

    of: int | None = None
    live: int = 0
    requested: int = 0
    in_force: int = 0
    cost_known: int = 0
    cost_bounded: int = 0
    cost_low: int = 0
    cost_high: int = 0
    cost_rateless: int = 0
    seats_known: int = 0
    seats_bounded: int = 0
    seats_low: int = 0
    seats_high: int = 0
    attention: int = 0
    undetermined: int = 0
    agencies: int = 0

    @property
    def annual_cost(self) -> Total:
        """In won, of those in force."""
        return total_of_ranges(
            self.in_force,
            self.cost_known,
            self.cost_bounded,
            self.cost_low,
            self.cost_high,
            self.cost_rateless,
        )

    @property
    def seats(self) -> Total:
        """Bought, of those in force."""
        return total_of_ranges(
            self.in_force, self.seats_known, self.seats_bounded, self.seats_low, self.seats_high
        )

    @property
    def seat_cost(self) -> Figure:
        """The annual cost of a seat in won: both sums over each other, as far as what is not known leaves it open."""
        if not self.in_force:
            return Figure.missing(Standing.NOT_APPLICABLE)
        if (ends := self.seat_cost_ends) is not None:
            return _at_least(*ends)
        if self.cost_low and self.seats_bounded == self.in_force:
            return _at_least(Fraction(self.cost_low, self.seats_high), None)
        only_rates = self.cost_rateless and self.cost_rateless == self.in_force - self.cost_known
        return Figure.missing(Gap.RATE_MISSING if only_rates else Standing.NOT_GIVEN)

    @property
    def seat_cost_ends(self) -> tuple[Fraction, Fraction] | None:
        """Between which values the annual cost of a seat lies; None where nothing bounds it, or nothing is in force."""
        if not self.in_force or not self.seats_low:
            return None
        if self.cost_bounded < self.in_force or self.seats_bounded < self.in_force:
            return None
        return Fraction(self.cost_low, self.seats_high), Fraction(self.cost_high, self.seats_low)


def _at_least(low: Fraction, high: Fraction | None) -> Figure:
    """As costs are shown: of one that is not known exactly, the minimum."""
    qualifier = Qualifier.EXACT if low == high else Qualifier.AT_LEAST
    return Figure(Standing.STATED, low, Interval(low, high), 1, qualifier)


def use_by_agency(user: User, products: Collection[int], on: datetime.date) -> list[Use]:
    """For each agency that `user` sees to have a live subscription to one of the tools (by their ids), what is recorded there.

    An agency counts by itself, without those below it. Three grouped queries, one row for each agency.
    """
    found = _use(user, products, on, "agency_id", "subscription__agency_id", {})
    return [found[agency] for agency in sorted(found)]


def use_by_tool(user: User, products: Collection[int], on: datetime.date, agencies: bool) -> dict[int, Use]:
    """For each of the tools (by their ids) what is recorded where `user` sees it; counts agencies only where asked,
    since that takes as long as all the rest. Three grouped queries.
    """
    sums = {"agencies": Count("agency_id", distinct=True)} if agencies else {}
    return _use(user, products, on, "product_id", "subscription__product_id", sums)


def _use(
    user: User, products: Collection[int], on: datetime.date, by: str, findings_by: str, sums: dict[str, Any]
) -> dict[int, Use]:
    there = in_force_on(on)
    columns = {"cost": "facts__annual_cost", "seats": "facts__seats"}
    for name, column in columns.items():
        sums |= {
            f"{name}_known": Count(f"{column}_min", filter=there),
            f"{name}_bounded": Count(f"{column}_max", filter=there),
            f"{name}_low": Sum(f"{column}_min", filter=there, default=0),
            f"{name}_high": Sum(f"{column}_max", filter=there, default=0),
        }
    live = Subscription.objects.visible_to(user).live().filter(product__in=products).order_by()
    rows = live.values(of=F(by)).annotate(
        live=Count("pk"),
        requested=Count("pk", filter=Q(status=Status.REQUESTED)),
        in_force=Count("pk", filter=there),
        **sums,
    )
    found = {row["of"]: row for row in rows}
    for row in lacking_rate(live.filter(there)).values(of=F(by)).annotate(cost_rateless=Count("pk")):
        if row["of"] in found:
            found[row["of"]] |= row
    attention = Finding.objects.visible_to(user).needing_attention()
    attention = attention.filter(subscription__product__in=products).order_by()
    for row in attention.values(of=F(findings_by)).annotate(
        attention=Count("pk"), undetermined=Count("pk", filter=Q(verdict=Verdict.UNDETERMINED))
    ):
        # A finding of what is not live any more is about to be closed.
        if row["of"] in found:
            found[row["of"]] |= row
    # PostgreSQL adds whole numbers up to decimal ones.
    return {of: Use(**{name: int(value) for name, value in row.items()}) for of, row in found.items()}


def added(uses: Iterable[Use]) -> Use:
    """Several together. Agencies are not added up, since one may be in several."""
    sums: Counter[str] = Counter()
    for use in uses:
        for name in SUMMED:
            sums[name] += getattr(use, name)
    return Use(**sums)


SUMMED = tuple(name for name in Use.__dataclass_fields__ if name not in ("of", "agencies"))


@dataclass(frozen=True)
class Spread:
    """The annual cost of a seat across agencies, in won: the lowest, the median and the highest of the `known` ones.

    `unknown` counts the agencies of which it is not known, or only that it is at least so much.
    """

    lowest: Figure
    median: Figure
    highest: Figure
    known: int
    unknown: int


def spread_of_seat_costs(uses: Sequence[Use]) -> Spread | None:
    """None where no agency's is known. Agencies of which nothing is in force count nowhere."""
    in_force = [use for use in uses if use.in_force]
    ends = [ends for use in in_force if (ends := use.seat_cost_ends) is not None]
    if not ends:
        return None
    # The nth lowest of values that lie in intervals lies between the nth lowest of their low ends and of their high ends.
    lows = sorted((low for low, _high in ends), key=float)
    highs = sorted((high for _low, high in ends), key=float)
    return Spread(
        lowest=_at_least(lows[0], highs[0]),
        median=_at_least(_median(lows), _median(highs)),
        highest=_at_least(lows[-1], highs[-1]),
        known=len(ends),
        unknown=len(in_force) - len(ends),
    )


def _median(values: Sequence[Fraction]) -> Fraction:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
