"""What every act writes: the record with its lines, its facts and findings, and the decision.

Locks are taken in one order by every act: the subscription, or the agency that numbers it; then what `hold` holds.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.db.models.functions import Length

from agencies.models import Agency, User
from policies.holding import hold_policies
from policies.models import PolicyVersion
from subscriptions.deciders import DECIDING
from subscriptions.differences import content_of
from subscriptions.evaluation import (
    Judgement,
    outcome,
)
from subscriptions.facts import keep_facts
from subscriptions.findings import OF_AGENCY_FACTS, reconcile_one, reconcile_totals
from subscriptions.models import (
    LIVE,
    DecidedRecord,
    Decision,
    Facts,
    PriceLine,
    Subscription,
)
from subscriptions.renewals.keeping import keep
from subscriptions.today import today
from subscriptions.totals import hold_totals, refresh_totals

# The acts that decide on what the record says, so that it is kept as it was then.
_KEEPS_RECORD = (*DECIDING, Decision.Act.OFFICER_APPROVE)


def locked(subscription: Subscription) -> Subscription:
    return (
        Subscription.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agency")
        .get(pk=subscription.pk)
    )


def hold(*agencies: Agency) -> None:
    """Hold still what the act is judged by until it is done: the policies, and where one looks at them, the agencies' totals."""
    hold_policies()
    if PolicyVersion.objects.in_force(today()).filter(conditions__fact__in=OF_AGENCY_FACTS).exists():
        hold_totals(agencies)


def next_reference(agency: Agency) -> str:
    """The agency's next free reference of the year; the agency's row is locked, so that no two take the same."""
    Agency.objects.select_for_update(no_key=True).get(pk=agency.pk)
    prefix = f"{agency.code}-{today().year}-"
    taken = Subscription.objects.filter(agency=agency, reference__regex=rf"^{prefix}\d+$")
    last = (
        taken.order_by(Length("reference").desc(), "-reference").values_list("reference", flat=True).first()
    )
    number = int(last[len(prefix) :]) + 1 if last else 1
    # A record that went to another agency keeps its reference.
    while Subscription.objects.filter(reference=f"{prefix}{number:04d}").exists():
        number += 1
    return f"{prefix}{number:04d}"


def store(subscription: Subscription, lines: Sequence[PriceLine], by: User) -> None:
    """Save a subscription with exactly these price lines, each change with its history."""
    if subscription.pk is None:
        subscription.recorded_by = by
    else:
        subscription.version += 1
    subscription._history_user = by  # type: ignore[attr-defined]
    subscription.save()
    kept = []
    for position, line in enumerate(lines, start=1):
        line.subscription = subscription
        kept.append((position, line))
    for gone in PriceLine.objects.filter(subscription=subscription).exclude(
        pk__in=[line.pk for _p, line in kept if line.pk]
    ):
        gone.delete()
    _renumber(kept)


def _renumber(kept: list[tuple[int, PriceLine]]) -> None:
    """Save the lines in order; those that move get a free position first, so that no two ever share one."""
    saved = {
        line.pk: line for line in PriceLine.objects.filter(pk__in=[line.pk for _p, line in kept if line.pk])
    }
    for position, line in kept:
        if line.pk and saved[line.pk].position != position:
            PriceLine.objects.filter(pk=line.pk).update(position=10_000 + line.pk % 20_000)
    for position, line in kept:
        old = saved.get(line.pk)
        line.position = position
        if old is None or any(
            getattr(old, f.attname) != getattr(line, f.attname) for f in PriceLine._meta.concrete_fields
        ):
            line.save()


def store_facts(subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date) -> list[Agency]:
    """Store the facts; returns the agencies whose totals change with them."""
    counting = ("agency_path", "product", "annual_cost_min", "annual_cost_max")
    before = Facts.objects.filter(pk=subscription.pk, status__in=LIVE).values_list(*counting).first()
    columns = keep_facts(subscription, lines, on)
    keep(subscription)
    after = tuple(columns[name] for name in counting) if subscription.status in LIVE else None
    if before == after:
        return []
    return list(Agency.objects.filter(path__in={counted[0] for counted in (before, after) if counted}))


def reconcile(
    subscription: Subscription,
    on: datetime.date,
    judgements: Sequence[Judgement],
    moved: Sequence[Agency],
    by: User,
) -> None:
    """Keep the findings in step: the subscription's own, and those that hang on the totals of agencies where it counts."""
    if len(moved) > 1:
        hold_totals(moved)  # both at once, in the order of the tree; one is held while it is made anew
    changed = {pk for agency in moved for pk in refresh_totals(agency)}
    reconcile_one(subscription, on, judgements, by)
    reconcile_totals(changed, on, besides=subscription)


def log(
    subscription: Subscription,
    act: Decision.Act,
    by: User,
    judgements: Sequence[Judgement],
    *,
    refused: bool = False,
    reason: str = "",
) -> Decision:
    decision = Decision.objects.create(
        subscription=subscription,
        act=act,
        result=Decision.Result.REFUSED if refused else Decision.Result.DONE,
        outcome=outcome(judgements),
        verdicts=[judgement.as_json() for judgement in judgements],
        reason=reason,
        decided_by=by,
    )
    if act in _KEEPS_RECORD and not refused:
        lines = subscription.price_lines.order_by("position")
        DecidedRecord.objects.create(decision=decision, content=content_of(subscription, lines))
    return decision


def approved_under(subscription: Subscription) -> list[int]:
    return list(subscription.approvals.filter(ended_at=None).values_list("policy_version_id", flat=True))
