"""What a material change is: one that grows or renews what was approved, and so has it approved anew.

It is looked for on the day of the change and on every later day on which a price line begins or ends, since a price that rises
next month is approved now. What is past is corrected freely.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from figures.interval import Interval
from policies.verdicts import Outcome
from policies.vocabulary import DataClass
from subscriptions.costs import TIMES_A_YEAR, costs_on, days_of_change, is_in_force
from subscriptions.facts import candidate_facts
from subscriptions.models import Facts, Finding, PriceLine, Subscription
from subscriptions.money import Rates, in_won, rates_on


class Material(models.TextChoices):
    """What of a change is material."""

    TOOL = "tool", _("another tool")
    AGENCY = "agency", _("another agency")
    SEATS = "seats", _("more seats, or seats that are not known exactly any more")
    COST = "cost", _("a higher cost, or one that is not known exactly any more")
    PRICE = "price", _("a higher price of a seat")
    DATA_CLASS = "data_class", _("a higher class of data")
    PERSONAL_DATA = "personal_data", _("personal data")
    END = "end", _("a later end")
    RENEWAL = "renewal", _("automatic renewal")


MEASURED = {"seats": Material.SEATS, "annual_cost": Material.COST}


# What makes more of a subscription, or makes it last longer; the other causes say what it is and what it is used for.
GROWTH = {Material.SEATS, Material.COST, Material.PRICE, Material.END, Material.RENEWAL}


def may_grow(found: Outcome, causes: Collection[str], *, unapproved: bool) -> bool:
    """Whether policies let a material change be; `found` is what they come to after it.

    What policies block does not change materially. What is `unapproved`, since it was declared as in use already and lacks a
    policy officer's approval as it stands, is neither grown nor renewed into what lacks one still; but what it is used for can
    be told.
    """
    if found == Outcome.NEEDS_OFFICER and unapproved:
        return not GROWTH & {Material(cause) for cause in causes}
    return found != Outcome.REFUSED


def is_unapproved(before: Subscription) -> bool:
    """Whether it was declared as in use already and lacks a policy officer's approval as it stands."""
    return before.declared and Finding.objects.waiting_for_officer().filter(subscription=before.pk).exists()


def labels(causes: Iterable[str]) -> list[str]:
    """The causes in the reader's language, in the order of `Material`; codes that it does not know are left out."""
    wanted = set(causes)
    return [str(cause.label) for cause in Material if cause.value in wanted]


def is_material(
    before: Subscription,
    after: Subscription,
    lines: Sequence[PriceLine],
    on: datetime.date,
    old_lines: Sequence[PriceLine] | None = None,
) -> bool:
    """Whether a change grows or renews the subscription; see `material_changes`."""
    return bool(material_changes(before, after, lines, on, old_lines))


def material_changes(
    before: Subscription,
    after: Subscription,
    lines: Sequence[PriceLine],
    on: datetime.date,
    old_lines: Sequence[PriceLine] | None = None,
) -> list[Material]:
    """What of a change is material, on a day; `lines` are the price lines after it, `old_lines` those before (else as stored)."""
    if old_lines is None:
        old_lines = list(PriceLine.objects.filter(subscription=before).order_by("position"))
    facts = Facts.objects.filter(subscription=before).first()
    old = known_of(facts) if facts else candidate_facts(before, old_lines, on)
    rates = rates_on({line.currency for line in (*lines, *old_lines)}, on)
    found = changed_facts(before, after, old, candidate_facts(after, lines, on))
    found |= grows_on_some_day(before, old_lines, after, lines, rates, on)
    return [cause for cause in Material if cause in found]


def changes_since(
    before: Subscription,
    old_lines: Sequence[PriceLine],
    after: Subscription,
    lines: Sequence[PriceLine],
    on: datetime.date,
) -> list[Material]:
    """What is material between two states of a record, both judged as of a day; neither need be what is stored."""
    rates = rates_on({line.currency for line in (*lines, *old_lines)}, on)
    old, new = candidate_facts(before, old_lines, on), candidate_facts(after, lines, on)
    found = changed_facts(before, after, old, new)
    found |= grows_on_some_day(before, old_lines, after, lines, rates, on)
    return [cause for cause in Material if cause in found]


def known_of(facts: Facts) -> dict[str, Any]:
    """The columns of kept facts that a change is measured by."""
    return {f"{name}_{end}": getattr(facts, f"{name}_{end}") for name in MEASURED for end in ("min", "max")}


def changed_fields(before: Subscription, after: Subscription) -> set[Material]:
    """What of a change of the record itself is material."""
    found = set()
    if before.product_id != after.product_id:
        found.add(Material.TOOL)
    if before.agency_id != after.agency_id:
        found.add(Material.AGENCY)
    classes = [None, *DataClass.values]
    if after.data_class != before.data_class and (
        not after.data_class or classes.index(after.data_class) > classes.index(before.data_class or None)
    ):
        found.add(Material.DATA_CLASS)
    if after.personal_data != before.personal_data and after.personal_data is not False:
        found.add(Material.PERSONAL_DATA)
    if after.ends_on != before.ends_on and (
        after.ends_on is None or (before.ends_on and after.ends_on > before.ends_on)
    ):
        found.add(Material.END)
    if after.auto_renewal and not before.auto_renewal:
        found.add(Material.RENEWAL)
    return found


def changed_facts(
    before: Subscription, after: Subscription, old: Mapping[str, Any], new: Mapping[str, Any]
) -> set[Material]:
    """What of a change of a record and its facts of a day is material."""
    found = changed_fields(before, after)
    for name, cause in MEASURED.items():
        was_low, was_high = old[f"{name}_min"], old[f"{name}_max"]
        low, high = new[f"{name}_min"], new[f"{name}_max"]
        if _above(was_high, high) or _above(was_low, low) or (was_low is None and low is not None):
            found.add(cause)
    return found


def _above(was: int | None, now: int | None) -> bool:
    return was is not None and (now is None or now > was)


def grows_on_some_day(
    before: Subscription,
    old_lines: Sequence[PriceLine],
    after: Subscription,
    lines: Sequence[PriceLine],
    rates: Rates,
    on: datetime.date,
) -> set[Material]:
    """Whether seats, cost or the price of a seat are higher than before on a day, or on a later one until the old end."""
    found = set()
    days = {on, *days_of_change(before, old_lines), *days_of_change(after, lines)}
    for day in sorted(days):
        if day < on or (before.ends_on and day > before.ends_on):
            continue
        if not any(is_in_force(line, after, day) for line in lines):
            continue  # nothing is paid for that day
        was, now = costs_on(before, old_lines, rates, day), costs_on(after, lines, rates, day)
        if day > on and _rises(was.annual, now.annual):
            found.add(Material.COST)
        # Without a line there are no seats that could be known or not.
        paid_before = any(is_in_force(line, before, day) for line in old_lines)
        if day > on and paid_before and _rises(was.seats, now.seats):
            found.add(Material.SEATS)
        if _dearest(before, old_lines, rates, day) < _dearest(after, lines, rates, day):
            found.add(Material.PRICE)
    return found


def _rises(was: Interval, now: Interval) -> bool:
    if now.high is None:
        return was.high is not None or now.low > was.low
    return now.low > was.low or (was.high is not None and now.high > was.high)


def _dearest(subscription: Subscription, lines: Sequence[PriceLine], rates: Rates, on: datetime.date) -> Any:
    """The highest price of a seat a year among the lines in force on a day, as far as it is known; exact won, 0 for none."""
    day = max(on, subscription.started_on) if subscription.started_on else on
    known = [
        in_won(line, rates).low * TIMES_A_YEAR[PriceLine.Cycle(line.cycle)]
        for line in lines
        if line.basis == PriceLine.Basis.PER_SEAT
        and line.cycle != PriceLine.Cycle.ONE_OFF
        and is_in_force(line, subscription, day)
    ]
    return max(known, default=0)
