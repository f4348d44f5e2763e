"""The check of everything: facts made anew, every policy judged, every finding reconciled. It trusts nothing."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from agencies.models import Agency, Recheck
from policies.models import Policy, PolicyVersion
from policies.verdicts import Verdict
from subscriptions.evaluation import rows_judged_by
from subscriptions.facts import CHUNK, refresh
from subscriptions.findings import reconcile_one, reconcile_policy
from subscriptions.models import Facts, Finding, Subscription

Progress = Callable[[str, int, int], None]


@dataclass
class Summary:
    """What a check did: subscriptions looked at, facts that differed, findings open after it, verdicts by policy code."""

    subscriptions: int = 0
    facts_changed: int = 0
    findings_open: int = 0
    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)


def check_everything(progress: Progress = lambda step, done, total: None) -> Summary:
    """Recompute today's facts of all subscriptions and reconcile the findings of all policies."""
    on = timezone.localdate()
    summary = Summary()
    pending = list(Recheck.objects.values_list("pk", flat=True))
    everything = Subscription.objects.order_by("pk")
    total = everything.count()
    for start in range(0, max(total, 1), CHUNK):
        ids = list(everything.values_list("pk", flat=True)[start : start + CHUNK])
        with transaction.atomic():  # facts without their findings would look as if nothing had changed
            changed = refresh(ids, on)
            _reconcile_each(changed, on)
        summary.facts_changed += len(changed)
        summary.subscriptions += len(ids)
        progress("facts", summary.subscriptions, total)
    policies = list(Policy.objects.all())
    for number, policy in enumerate(policies, start=1):
        reconcile_policy(policy, on)
        progress("policies", number, len(policies))
    summary.findings_open = Finding.objects.open().count()
    summary.verdicts = verdict_counts(on)
    Recheck.objects.filter(pk__in=pending).delete()
    return summary


def verdict_counts(on: datetime.date, policies: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
    """How many live subscriptions pass, violate or stay undetermined under each policy in force on a day, before waivers.

    Writes nothing. The facts are those kept with the subscriptions.
    """
    versions = PolicyVersion.objects.in_force(on)
    if policies is not None:
        versions = versions.filter(policy__code__in=policies)
    counts: dict[str, dict[str, int]] = {}
    for version in versions:
        found = dict(rows_judged_by(version, on).order_by().values_list("unwaived").annotate(Count("pk")))
        counts[version.policy.code] = {verdict.value: found.get(verdict.value, 0) for verdict in JUDGED}
    return counts


JUDGED = (Verdict.PASS, Verdict.VIOLATION, Verdict.UNDETERMINED)
# A change that touches more subscriptions than this waits for the next check, so that nobody's page waits for it.
SMALL = 2000


def drain() -> None:
    """Judge anew what changes on the left have made stale, as far as it is small; registered with `agencies.rechecking`."""
    on = timezone.localdate()
    for recheck in list(Recheck.objects.order_by("pk")):
        affected = _affected(recheck)
        ids = list(affected.values_list("pk", flat=True).order_by("pk")[: SMALL + 1])
        if len(ids) > SMALL:
            continue
        with transaction.atomic():
            if not Recheck.objects.filter(pk=recheck.pk).delete()[0]:
                continue  # another process has taken it
            refresh(ids, on)
            if recheck.about == Recheck.About.POLICY:
                for policy in Policy.objects.filter(code=recheck.code):
                    reconcile_policy(policy, on)
            else:
                _reconcile_each(ids, on)


def _affected(recheck: Recheck) -> QuerySet[Subscription]:
    """The subscriptions whose facts or verdicts a change may have altered."""
    about, code = Recheck.About(recheck.about), recheck.code
    subscriptions = Subscription.objects.all()
    if about is Recheck.About.AGENCY:
        agency = Agency.objects.filter(code=code).first()
        return subscriptions.filter(agency__path__within=agency.path) if agency else subscriptions.none()
    if about is Recheck.About.EXCHANGE_RATE:
        return subscriptions.filter(price_lines__currency=code).distinct()
    if about is Recheck.About.POLICY:
        return subscriptions.filter(findings__policy__code=code).distinct()
    tools = Facts.objects.filter(**{about.value: code}) | Facts.objects.filter(
        **{f"engine_{about.value}__contains": f"|{code}|"}
    )
    named = {"product__code": code} if about is Recheck.About.PRODUCT else {"product__vendor__code": code}
    return subscriptions.filter(pk__in=tools.values("pk")) | subscriptions.filter(**named)


def _reconcile_each(ids: list[int], on: datetime.date) -> None:
    for start in range(0, len(ids), CHUNK):
        subscriptions = Subscription.objects.select_related("agency", "facts").filter(
            pk__in=ids[start : start + CHUNK]
        )
        for subscription in subscriptions:
            with transaction.atomic():
                reconcile_one(subscription, on)
