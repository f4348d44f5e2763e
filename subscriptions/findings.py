"""How findings follow the verdicts: what is new opens, what stands is touched, what is gone closes; run twice, the same."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from agencies.models import Agency, User
from policies.models import Condition, Policy, PolicyVersion, Waiver
from policies.verdicts import Verdict
from policies.vocabulary import FACTS
from subscriptions.evaluation import (
    Judgement,
    columns_to_judge,
    judge_saved,
    judgement_of_row,
    rows_judged_by,
    with_truths,
)
from subscriptions.models import LIVE, FactsQuerySet, Finding, PolicyCheck, Subscription
from subscriptions.notices import tell_opened
from subscriptions.opening import Opened, open_many
from subscriptions.totals import hold_totals

CHUNK, BATCH = 2000, 500
# Fewer new findings than this are written as any other record is.
FEW = 50
# Beyond this many changed facts, all findings are looked at instead of naming each subscription in a query.
MANY = 20_000
OF_AGENCY_FACTS = [fact.name for fact in FACTS.values() if fact.of_agency]
_KEPT = [
    "policy_version",
    "verdict",
    "effect",
    "cause",
    "waiver",
    "unwaived_verdict",
    "deciding_facts",
    "first_seen",
    "last_seen",
    "remedy_due",
    "closed_at",
    "closed_because",
]


def reconcile_one(
    subscription: Subscription,
    on: datetime.date,
    judgements: Sequence[Judgement] | None = None,
    by: User | None = None,
) -> list[Judgement]:
    """Make the findings of one subscription follow its verdicts today; within the transaction that changed it.

    Where it is the act of a person, `by`, others who answer for the subscription are told of findings that this opens.
    """
    if judgements is None:
        judgements = judge_saved(subscription, on, explain_passes=False)
    now = timezone.now()
    existing = {finding.policy_id: finding for finding in Finding.objects.filter(subscription=subscription)}
    live = subscription.status in LIVE
    failing = {j.version.policy_id: j for j in judgements if live and not j.passes}
    applying = {j.version.policy_id for j in judgements if j.verdict != Verdict.NOT_APPLICABLE}
    opened = _write(((subscription.pk, j, existing.get(policy)) for policy, j in failing.items()), now)
    for policy, _pk in opened if by is not None else ():
        tell_opened(failing[policy].version.policy.code, [subscription.pk], by)
    gone = [f for policy, f in existing.items() if policy not in failing and f.closed_at is None]
    for finding in gone:
        if not live:
            finding.closed_because = Finding.Closing.NOT_JUDGED
        elif finding.policy_id in applying:
            finding.closed_because = Finding.Closing.PASSES
        else:
            finding.closed_because = Finding.Closing.NOT_APPLICABLE
    _close(gone, now)
    return list(judgements)


def open_first(judgements: Iterable[tuple[int, Judgement]], now: datetime.datetime) -> dict[int, list[int]]:
    """Open the findings of subscriptions that have none yet, as (subscription, judgement); nobody is told.

    To be called in the transaction that made them, which holds what they were judged by. Returns the subscriptions of each
    policy whose findings nothing excuses, for `tell_opened`.
    """
    by_version: dict[int, list[tuple[int, Judgement]]] = defaultdict(list)
    for pk, judgement in judgements:
        by_version[judgement.version.pk].append((pk, judgement))
    opened: dict[int, list[int]] = defaultdict(list)
    for group in by_version.values():
        for policy, pk in _write(((pk, judgement, None) for pk, judgement in group), now):
            opened[policy].append(pk)
    return opened


def reconcile_totals(
    agencies: Iterable[int], on: datetime.date, besides: Subscription | None = None, held: bool = True
) -> None:
    """After the totals of agencies have changed: judge their own subscriptions anew by the policies that look at totals.

    `held`: the caller's transaction holds these totals, so that no subscription is locked after them (see `_hold`).
    """
    ids = list(agencies)
    if not ids:
        return
    for version in PolicyVersion.objects.in_force(on).filter(conditions__fact__in=OF_AGENCY_FACTS).distinct():
        concerned = Subscription.objects.live().filter(agency__in=ids)
        if besides is not None:
            concerned = concerned.exclude(pk=besides.pk)
        # What decided is another total now, even where the verdict stands.
        reconcile_policy(version.policy, on, concerned.values("pk"), refreshed=None, held=held)


def reconcile_policy(
    policy: Policy,
    on: datetime.date,
    subscriptions: QuerySet | Sequence[int] | None = None,
    refreshed: Sequence[int] | None = (),
    held: bool = False,
    opened: Sequence[int] = (),
) -> None:
    """Make the findings of a policy follow its verdicts today, all or those of some subscriptions.

    The database compares; only what differs is fetched. `refreshed` are subscriptions whose facts have just changed: their
    findings are looked at even where the verdict stands, since the facts that decided may be others now. None: all of them.
    `held` as in `reconcile_totals`. `opened` are subscriptions whose findings the caller has opened and that people are told of
    together with these.
    """
    now = timezone.now()
    version = PolicyVersion.objects.in_force(on).filter(policy=policy).first()
    if version is not None:
        told = list(opened)
        for ids in _differing(version, on, subscriptions, refreshed):
            told += _reconcile_chunk(version, ids, on, now, held)
        tell_opened(policy.code, told)
    _close_gone(policy, version, on, now, subscriptions, held)
    if subscriptions is None:
        PolicyCheck.objects.update_or_create(policy=policy, defaults={"checked_at": now})
    if PolicyVersion.objects.in_force(on).filter(policy=policy).first() != version:
        # Another version came into force meanwhile: what was written above follows the one before it.
        reconcile_policy(policy, on, subscriptions, refreshed, held)


def _only(rows: Any, lookup: str, subscriptions: QuerySet | Sequence[int] | None) -> Any:
    """The rows of these subscriptions; all rows when none are named."""
    return rows if subscriptions is None else rows.filter(**{f"{lookup}__in": subscriptions})


def stands(policy: Policy, on: datetime.date, verdicts: Mapping[str, int] | None) -> bool:
    """Whether the open findings of a policy are those of its verdicts, so that nothing needs to be reconciled.

    `verdicts` are the counts before waivers of all that the version in force judges; None when none is in force.
    """
    version = PolicyVersion.objects.in_force(on).filter(policy=policy).first()
    found = Finding.objects.filter(policy=policy, closed_at=None).count()
    if version is None or verdicts is None:
        return version is None and verdicts is None and found == 0
    failing = sum(verdicts.values()) - verdicts[Verdict.PASS]
    if found != failing:
        return False
    same = _compared(version, on).filter(finding__isnull=False, finding__closed_at=None, is_same=True)
    if same.exclude(unwaived=Verdict.PASS).count() != failing:
        return False
    PolicyCheck.objects.update_or_create(policy=policy, defaults={"checked_at": timezone.now()})
    return True


def _compared(version: PolicyVersion, on: datetime.date) -> FactsQuerySet:
    """The rows that a version judges, each with its finding and `is_same`: whether that is open and says what the facts do."""
    rows = rows_judged_by(version, on).annotate(
        finding=FilteredRelation(
            "subscription__findings", condition=Q(subscription__findings__policy=version.policy_id)
        )
    )
    same = Q(
        finding__isnull=False,
        finding__closed_at__isnull=True,
        finding__policy_version=version.pk,
        finding__unwaived_verdict=F("unwaived"),
    ) & (
        Q(waiver_pk__isnull=False, finding__cause=Finding.Cause.WAIVER, finding__waiver=F("waiver_pk"))
        | Q(waiver_pk__isnull=True, approved=True, finding__cause=Finding.Cause.APPROVED)
        | Q(waiver_pk__isnull=True, approved=False, finding__cause="")
    )
    # A plain negation would lose the rows without a finding, for which every comparison is null.
    return rows.annotate(is_same=Case(When(same, then=Value(True)), default=Value(False)))


def _differing(
    version: PolicyVersion,
    on: datetime.date,
    subscriptions: QuerySet | Sequence[int] | None,
    refreshed: Sequence[int] | None,
) -> Iterable[list[int]]:
    """Chunks of the subscriptions that do not pass and whose finding is missing, closed, says something else or may do so."""
    # A new policy has no findings to compare with, and is read twice as fast without looking for any.
    known = Finding.objects.filter(policy=version.policy).exists()
    rows = _compared(version, on) if known else rows_judged_by(version, on)
    rows = _only(rows.exclude(unwaived=Verdict.PASS), "pk", subscriptions)
    if known and refreshed is not None and len(refreshed) <= MANY:
        rows = rows.filter(Q(is_same=False) | Q(pk__in=refreshed))
    pks = list(rows.values_list("pk", flat=True).order_by("pk"))
    for start in range(0, len(pks), CHUNK):
        yield pks[start : start + CHUNK]


@transaction.atomic
def _reconcile_chunk(
    version: PolicyVersion, ids: list[int], on: datetime.date, now: datetime.datetime, held: bool
) -> list[int]:
    """Returns the subscriptions whose finding is open now and was not."""
    if not held:
        _hold(version.policy, ids)
    rows = with_truths(
        rows_judged_by(version, on).filter(pk__among=ids).exclude(unwaived=Verdict.PASS), version
    )
    existing = {
        f.subscription_id: f for f in Finding.objects.filter(policy=version.policy, subscription__among=ids)
    }
    waivers = Waiver.objects.filter(policy=version.policy).valid_on(on).in_bulk()
    opened = _write(
        (
            (
                row["subscription_id"],
                judgement_of_row(version, row, waivers),
                existing.get(row["subscription_id"]),
            )
            for row in rows.values(*columns_to_judge(version))
        ),
        now,
    )
    return [pk for _policy, pk in opened]


def _close_gone(
    policy: Policy,
    version: PolicyVersion | None,
    on: datetime.date,
    now: datetime.datetime,
    subscriptions: QuerySet | Sequence[int] | None,
    held: bool,
) -> None:
    gone = _gone(policy, version, on, subscriptions).order_by("subscription")
    pks = list(gone.values_list("subscription", flat=True))
    for start in range(0, len(pks), CHUNK):
        _close_chunk(policy, version, on, now, pks[start : start + CHUNK], held)


def _gone(
    policy: Policy,
    version: PolicyVersion | None,
    on: datetime.date,
    subscriptions: QuerySet | Sequence[int] | None,
) -> QuerySet[Finding]:
    """The open findings of a policy that its verdicts do not bear out any more."""
    gone = _only(Finding.objects.filter(policy=policy, closed_at=None), "subscription", subscriptions)
    if version is None:
        return gone
    failing = rows_judged_by(version, on).exclude(unwaived=Verdict.PASS).filter(pk=OuterRef("subscription"))
    return gone.filter(~Exists(failing))


@transaction.atomic
def _close_chunk(
    policy: Policy,
    version: PolicyVersion | None,
    on: datetime.date,
    now: datetime.datetime,
    ids: list[int],
    held: bool,
) -> None:
    if not held:
        _hold(policy, ids)
    findings = list(_gone(policy, version, on, ids).select_related("subscription__agency"))
    for finding in findings:
        if finding.subscription.status not in LIVE:
            finding.closed_because = Finding.Closing.NOT_JUDGED
        elif version is not None and version.applies_to(finding.subscription.agency, on):
            finding.closed_because = Finding.Closing.PASSES
        else:
            finding.closed_because = Finding.Closing.NOT_APPLICABLE
    _close(findings, now)


def _hold(policy: Policy, ids: Sequence[int]) -> None:
    """Hold these subscriptions, so that no edit comes between judging them and writing their findings.

    Whatever writes findings takes these locks first: the subscriptions in the order of their keys, then, under a policy that
    looks at what an agency comes to in all, those totals. An act has locked its own subscription and its totals; it writes what
    the totals mean for other subscriptions without locking them, since two acts would otherwise wait for each other.
    The locks of subscriptions leave their keys alone, so that a finding of one can be written while an act holds it.
    """
    held = Subscription.objects.select_for_update(no_key=True).filter(pk__among=ids).order_by("pk")
    list(held.values_list("pk", flat=True))
    if Condition.objects.filter(version__policy=policy, fact__in=OF_AGENCY_FACTS).exists():
        hold_totals(Agency.objects.filter(subscriptions__in=ids))


def _write(
    judged: Iterable[tuple[int, Judgement, Finding | None]], now: datetime.datetime
) -> list[tuple[int, int]]:
    """Open, reopen, change or touch the findings of (subscription, judgement, existing finding).

    Returns (policy, subscription) of those that are open now, were not, and that nothing excuses.
    """
    told: list[tuple[int, int]] = []
    new: list[tuple[int, Judgement]] = []
    changed, same = [], []
    for subscription_pk, judgement, finding in judged:
        if (finding is None or finding.closed_at is not None) and judgement.verdict != Verdict.WAIVED:
            told.append((judgement.version.policy_id, subscription_pk))
        if finding is None:
            new.append((subscription_pk, judgement))
        elif _says(finding, judgement):
            same.append(finding.pk)
        else:
            changed.append(_follow(finding, judgement, now))
    if len(new) > FEW:
        open_many(_opened(*new[0], now), [_differing_part(pk, judgement) for pk, judgement in new])
    elif new:
        opened = [_opened(pk, judgement, now) for pk, judgement in new]
        bulk_create_with_history(opened, Finding, batch_size=BATCH)
    if changed:
        bulk_update_with_history(changed, Finding, _KEPT, batch_size=BATCH)
    if same:
        Finding.objects.filter(pk__in=same).update(last_seen=now)
    return told


def _opened(subscription_pk: int, judgement: Judgement, now: datetime.datetime) -> Finding:
    finding = Finding(policy_id=judgement.version.policy_id, subscription_id=subscription_pk, first_seen=now)
    return _follow(finding, judgement, now)


def _follow(finding: Finding, judgement: Judgement, now: datetime.datetime) -> Finding:
    """Let a finding, new or not, say what the judgement does; what was closed is open again."""
    if finding.closed_at is not None or finding.remedy_due is None:
        finding.remedy_due = _remedy_due(judgement.version, now)
    finding.policy_version = judgement.version
    finding.verdict = judgement.verdict
    finding.effect = judgement.version.effect
    finding.cause = judgement.cause
    finding.waiver = judgement.waiver
    finding.unwaived_verdict = judgement.unwaived
    finding.deciding_facts = judgement.deciding_facts
    finding.last_seen = now
    finding.closed_at, finding.closed_because = None, ""
    return finding


def _differing_part(subscription_pk: int, judgement: Judgement) -> Opened:
    waiver = judgement.waiver.pk if judgement.waiver else None
    return (
        subscription_pk,
        judgement.verdict,
        judgement.unwaived,
        judgement.cause,
        waiver,
        judgement.deciding_facts,
    )


def _says(finding: Finding, judgement: Judgement) -> bool:
    """Whether an open finding already says what the judgement does."""
    return (
        finding.closed_at is None
        and finding.policy_version_id == judgement.version.pk
        and finding.verdict == judgement.verdict
        and finding.unwaived_verdict == judgement.unwaived
        and finding.cause == judgement.cause
        and finding.waiver_id == (judgement.waiver.pk if judgement.waiver else None)
        and finding.deciding_facts == judgement.deciding_facts
    )


def _close(findings: Sequence[Finding], now: datetime.datetime) -> None:
    if not findings:
        return
    checks = PolicyCheck.objects.filter(policy__in={finding.policy_id for finding in findings})
    checked = dict(checks.values_list("policy", "checked_at"))
    for finding in findings:
        finding.closed_at = now
        finding.last_seen = max(finding.last_seen, checked.get(finding.policy_id, finding.last_seen))
    fields = ["last_seen", "closed_at", "closed_because"]
    bulk_update_with_history(list(findings), Finding, fields, batch_size=BATCH)


def _remedy_due(version: PolicyVersion, now: datetime.datetime) -> datetime.date | None:
    if version.remedy_days is None:
        return None
    return timezone.localdate(now) + datetime.timedelta(days=version.remedy_days)
