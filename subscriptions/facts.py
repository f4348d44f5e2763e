"""Where each fact of the policy vocabulary comes from, and how the flat rows are kept equal to it."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction

from agencies.models import Agency
from catalog.tool_facts import proposed_facts, tool_facts
from figures.interval import Interval
from subscriptions.costs import Costs, costs_on
from subscriptions.models import Facts, PriceLine, Subscription
from subscriptions.money import Rates, rates_on
from subscriptions.origins import keep_origins
from subscriptions.search import SHARED

COLUMNS = [field.attname for field in Facts._meta.concrete_fields if field.attname != "subscription_id"]
CHUNK = 1000
# Won or seats: far more than any budget pays for, far less than the databases' integers and their sums hold. What is larger
# is kept as "at least" this.
LARGEST = 10**15


def facts_of(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    tool: dict[str, Any],
    rates: Rates,
    on: datetime.date,
    costs: Costs | None = None,
) -> dict[str, Any]:
    """The flat columns of one subscription, saved or not, on a day. `tool` comes from `catalog.tool_facts`.

    `costs` are those of the day, where they are known already.
    """
    agency: Agency = subscription.agency
    if costs is None:
        costs = costs_on(subscription, lines, rates, on)
    return {
        "day": on,
        "status": subscription.status,
        "agency_path": agency.path,
        "agency_kind": agency.kind,
        **tool,
        "data_class": subscription.data_class or None,
        "personal_data": subscription.personal_data,
        **_range("seats", costs.seats),
        **_range("seat_price", costs.seat_price),
        **_range("monthly_cost", costs.monthly),
        **_range("annual_cost", costs.annual),
        **_range("term", _term(subscription)),
        "auto_renewal": subscription.auto_renewal,
        "payment_route": subscription.payment_route or None,
        "owner_named": bool(subscription.owner_department.strip()),
        "search": search_text(subscription),
    }


def _range(name: str, interval: Interval) -> dict[str, Any]:
    low = min(int(interval.low), LARGEST)
    high = None if interval.high is None or interval.high > LARGEST else interval.high
    return {f"{name}_min": None if low == 0 and high is None else low, f"{name}_max": high}


def _term(subscription: Subscription) -> Interval:
    """The months from the first to the last day, a month begun counting whole; open while there is no end.

    A month ends on the day before the one it began on, or with the calendar month that has no such day.
    """
    first, last = subscription.started_on, subscription.ends_on
    if not first or not last:
        return Interval(0, None)
    months = (last.year - first.year) * 12 + last.month - first.month + (last.day >= first.day)
    return Interval.exactly(months)


def search_text(subscription: Subscription) -> str:
    """What a search looks through, in small letters, both languages: what it says itself, then the names that others share."""
    agency, product = subscription.agency, subscription.product
    own = (
        subscription.reference,
        subscription.plan,
        subscription.owner_department,
        subscription.reseller,
        subscription.contract_number,
        subscription.purpose,
    )
    shared = (
        agency.name_ko,
        agency.name_en,
        product.name_ko,
        product.name_en,
        product.vendor.name_ko,
        product.vendor.name_en,
    )
    return SHARED.join(
        "\n".join(part for part in parts if part).lower().replace(SHARED, " ") for parts in (own, shared)
    )


def candidate_facts(
    subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date
) -> dict[str, Any]:
    """The facts of a subscription that is not saved yet, or as it would be after a change."""
    product = subscription.product
    tool = tool_facts([product.pk], on)[product.pk] if product.pk else proposed_facts(product)
    return facts_of(subscription, lines, tool, rates_on({line.currency for line in lines}, on), on)


def keep_facts(subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date) -> dict[str, Any]:
    """Write the flat row of a subscription that was just saved with these lines, in the caller's transaction."""
    columns = candidate_facts(subscription, lines, on)
    Facts.objects.update_or_create(subscription=subscription, defaults=columns)
    rates = rates_on({line.currency for line in lines}, on)
    keep_origins([subscription], {subscription.pk: lines}, rates, on)
    return columns


def refresh(subscriptions: Iterable[int], on: datetime.date) -> list[int]:
    """Make the flat rows of these subscriptions equal to their facts on a day; returns the ones that were not.

    Runs in chunks of a thousand, each in its own transaction unless the caller holds one.
    """
    changed: list[int] = []
    for ids in _chunks(subscriptions):
        with transaction.atomic():
            changed += _refresh_chunk(ids, on)
    return changed


def _refresh_chunk(ids: list[int], on: datetime.date) -> list[int]:
    rows = list(
        Subscription.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agency", "product__vendor")
        .filter(pk__among=ids)
        .order_by("pk")
    )
    lines: dict[int, list[PriceLine]] = defaultdict(list)
    for line in PriceLine.objects.filter(subscription__among=ids).order_by("subscription", "position"):
        lines[line.subscription_id].append(line)
    tools = tool_facts({row.product_id for row in rows}, on)
    rates = rates_on({line.currency for group in lines.values() for line in group}, on)
    kept = {facts.pk: facts for facts in Facts.objects.filter(pk__among=ids)}
    wrong = []
    for row in rows:
        columns = facts_of(row, lines[row.pk], tools[row.product_id], rates, on)
        old = kept.get(row.pk)
        if old is None or any(getattr(old, name) != columns[name] for name in COLUMNS if name != "day"):
            wrong.append(Facts(subscription_id=row.pk, **columns))
    Facts.objects.bulk_create(
        wrong, update_conflicts=True, unique_fields=["subscription"], update_fields=COLUMNS, batch_size=500
    )
    older = [pk for pk, facts in kept.items() if facts.day != on]
    if older:
        Facts.objects.filter(pk__in=older).update(day=on)
    keep_origins(rows, lines, rates, on)
    return [facts.pk for facts in wrong]


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    chunk: list[int] = []
    for pk in ids:
        chunk.append(pk)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
