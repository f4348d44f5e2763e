"""The check of everything: facts made anew, every policy judged, every finding reconciled. It trusts nothing."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from agencies.models import Agency, Recheck
from policies.compiling import Truth, compile_conditions
from policies.models import Policy, PolicyVersion, Waiver
from policies.verdicts import Verdict
from subscriptions.evaluation import covering, uses_totals, with_totals
from subscriptions.facts import CHUNK, refresh
from subscriptions.findings import MANY, reconcile_policy, reconcile_totals, stands
from subscriptions.following_up import escalate_overdue
from subscriptions.models import Facts, FactsQuerySet, Finding, Subscription
from subscriptions.origins import stale
from subscriptions.rates import reprice
from subscriptions.renewals.keeping import keep_all
from subscriptions.tallies import fold
from subscriptions.totals import hold_totals, refresh_all_totals, refresh_totals

Progress = Callable[[str, int, int], None]


@dataclass
class Summary:
    """What a check did: subscriptions looked at, facts that differed, findings open after it, verdicts by policy code."""

    subscriptions: int = 0
    facts_changed: int = 0
    findings_open: int = 0
    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)
    escalated: int = 0


def check_everything(
    progress: Progress = lambda step, done, total: None,
    codes: Iterable[str] | None = None,
    agency: Agency | None = None,
) -> Summary:
    """Make today's facts of all subscriptions right and reconcile the findings of all policies.

    Only what may be wrong is made anew, which the database tells from what each row of facts was made of (`origins`).
    `codes` narrows it to some policies, `agency` to one agency with all below. What is pending stays so after a narrowed run.
    """
    on = timezone.localdate()
    summary = Summary()
    pending = list(Recheck.objects.values_list("pk", flat=True))
    everything = Subscription.objects.order_by("pk")
    if agency is not None:
        everything = everything.filter(agency__path__within=agency.path)
    summary.subscriptions = everything.count()
    changed: list[int] | None = [] if _begin() else None
    waiting = stale(on, agency)
    for start in range(0, len(waiting), CHUNK):
        differed = refresh(waiting[start : start + CHUNK], on)
        summary.facts_changed += len(differed)
        if changed is not None:
            changed += differed
        progress("facts", min(start + CHUNK, len(waiting)), len(waiting))
    moved = refresh_all_totals()
    every = changed is None or len(changed) > MANY  # facts have changed that are too many to name
    if not every:
        reconcile_totals(moved, on, held=False)
    policies = list(Policy.objects.filter(code__in=codes) if codes is not None else Policy.objects.all())
    if changed and not every:
        for policy in policies:
            reconcile_policy(policy, on, changed, refreshed=None)
    summary.verdicts = verdict_counts(on, [policy.code for policy in policies], agency)
    for number, policy in enumerate(policies, start=1):
        if agency is not None:
            reconcile_policy(policy, on, everything.values("pk"), refreshed=None if every else ())
        elif every or not stands(policy, on, summary.verdicts.get(policy.code)):
            reconcile_policy(policy, on, refreshed=None if every else ())
        progress("policies", number, len(policies))
    keep_all()
    summary.escalated = escalate_overdue(on)
    reprice()
    fold()
    summary.findings_open = Finding.objects.open().count()
    if codes is None and agency is None:
        Recheck.objects.filter(pk__in=pending).delete()
        Recheck.objects.filter(about=Recheck.About.EVERYTHING).delete()
    return summary


def _begin() -> bool:
    """Note that facts are being made anew; whether no earlier check was interrupted in between.

    Facts that an interrupted check has made look unchanged to the next one, which therefore looks at every finding.
    """
    _row, is_first = Recheck.objects.get_or_create(about=Recheck.About.EVERYTHING, defaults={"code": "-"})
    return is_first


def verdict_counts(
    on: datetime.date, policies: Iterable[str] | None = None, agency: Agency | None = None
) -> dict[str, dict[str, int]]:
    """How many live subscriptions pass, violate or stay undetermined under each policy in force on a day, before waivers.

    Writes nothing. The facts are those kept with the subscriptions.
    """
    versions = PolicyVersion.objects.in_force(on)
    if policies is not None:
        versions = versions.filter(policy__code__in=policies)
    rows = Facts.objects.judged().order_by()
    if agency is not None:
        rows = rows.filter(agency_path__within=agency.path)
    by_scope: dict[str, list[PolicyVersion]] = {}
    for version in versions:
        by_scope.setdefault(version.scope.path, []).append(version)
    counts: dict[str, dict[str, int]] = {}
    for path, scoped in by_scope.items():
        for start in range(0, len(scoped), VERSIONS_AT_ONCE):
            some = scoped[start : start + VERSIONS_AT_ONCE]
            counts.update(_verdict_counts(rows.filter(agency_path__within=path), some))
    return counts


def _verdict_counts(rows: FactsQuerySet, versions: Sequence[PolicyVersion]) -> dict[str, dict[str, int]]:
    """One pass over the facts in the scope of all these versions."""
    if any(uses_totals(version) for version in versions):
        rows = with_totals(rows)
    counted = {"all": Count("pk")}
    for version in versions:
        conditions = list(version.conditions.all())
        # A version without conditions decides nothing; see `verdict_case`.
        truth = compile_conditions(conditions) if conditions else Truth(NEVER, NEVER)
        counted[f"true_{version.pk}"] = Count("pk", filter=truth.true)
        counted[f"false_{version.pk}"] = Count("pk", filter=truth.false)
    found = rows.aggregate(**counted)
    counts = {}
    for version in versions:
        violating, passing = found[f"true_{version.pk}"], found[f"false_{version.pk}"]
        by_verdict = (passing, violating, found["all"] - violating - passing)
        counts[version.policy.code] = {j.value: n for j, n in zip(JUDGED, by_verdict, strict=True)}
    return counts


# A statement has room for so many policies, whatever the database's limits.
VERSIONS_AT_ONCE = 20
NEVER = Q(pk__in=[])
JUDGED = (Verdict.PASS, Verdict.VIOLATION, Verdict.UNDETERMINED)
# A change that touches more subscriptions than this waits for the next check, so that nobody's page waits for it.
SMALL = 2000
# Beyond this many agencies, one pass over all totals is cheaper than one for each.
MANY_AGENCIES = 50


def drain() -> None:
    """Judge anew what changes on the left have made stale, as far as it is small; registered with `agencies.rechecking`."""
    on = timezone.localdate()
    for recheck in list(Recheck.objects.exclude(about=Recheck.About.EVERYTHING).order_by("pk")):
        affected = _affected(recheck)
        ids = list(affected.values_list("pk", flat=True).order_by("pk")[: SMALL + 1])
        if len(ids) > SMALL:
            continue
        with transaction.atomic():
            if not Recheck.objects.filter(pk=recheck.pk).delete()[0]:
                continue  # another process has taken it
            refresh(ids, on)
            changed = (
                refresh_all_totals() if recheck.about == Recheck.About.AGENCY else _refresh_totals_of(ids)
            )
            reconcile_totals(changed, on)
            if recheck.about == Recheck.About.POLICY:
                for policy in Policy.objects.filter(code=recheck.code):
                    reconcile_policy(policy, on)
            elif recheck.about == Recheck.About.WAIVER:
                for waiver in Waiver.objects.filter(pk=recheck.code).select_related("policy"):
                    reconcile_policy(waiver.policy, on, ids)
            else:
                for policy in Policy.objects.all():
                    reconcile_policy(policy, on, ids, refreshed=ids)


def _refresh_totals_of(ids: list[int]) -> list[int]:
    """The agencies whose totals changed with the facts of these subscriptions."""
    agencies = list(Agency.objects.filter(subscriptions__in=ids).distinct()[: MANY_AGENCIES + 1])
    if len(agencies) > MANY_AGENCIES:
        return refresh_all_totals()
    hold_totals(agencies)
    return [pk for agency in agencies for pk in refresh_totals(agency)]


def _affected(recheck: Recheck) -> QuerySet[Subscription]:
    """The subscriptions whose facts or verdicts a change may have altered."""
    about, code = Recheck.About(recheck.about), recheck.code
    subscriptions = Subscription.objects.all()
    if about is Recheck.About.AGENCY:
        agency = Agency.objects.filter(code=code).first()
        return subscriptions.filter(agency__path__within=agency.path) if agency else subscriptions.none()
    if about is Recheck.About.EXCHANGE_RATE:
        return subscriptions.filter(price_lines__currency=code).distinct()
    if about is Recheck.About.WAIVER:
        covered = Facts.objects.none()
        for waiver in Waiver.objects.filter(pk=code).select_related("agency", "product", "vendor"):
            covered = Facts.objects.filter(covering(waiver))
        return subscriptions.filter(pk__in=covered.values("pk"))
    if about is Recheck.About.POLICY:
        judged = Facts.objects.none()
        for path in (
            PolicyVersion.objects.filter(policy__code=code).values_list("scope__path", flat=True).distinct()
        ):
            judged = judged | Facts.objects.judged().filter(agency_path__within=path)
        found = Finding.objects.open().filter(policy__code=code)
        return subscriptions.filter(Q(pk__in=judged.values("pk")) | Q(pk__in=found.values("subscription")))
    tools = Facts.objects.filter(**{about.value: code}) | Facts.objects.filter(
        **{f"engine_{about.value}__contains": f"|{code}|"}
    )
    named = {"product__code": code} if about is Recheck.About.PRODUCT else {"product__vendor__code": code}
    return subscriptions.filter(pk__in=tools.values("pk")) | subscriptions.filter(**named)
