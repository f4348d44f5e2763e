"""How subscriptions stand with the policies: one compiled policy judges saved rows and candidates alike."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, F, IntegerField, OuterRef, Q, Value, When

from agencies.models import Agency
from policies.compiling import compile_condition, verdict_case
from policies.explaining import Names, Reason, deciding
from policies.models import Condition, PolicyVersion, Waiver
from policies.verdicts import Effect, Outcome, Verdict, outcome_of
from policies.vocabulary import FACTS
from subscriptions.models import (
    LIVE,
    AgencyTotals,
    Approval,
    Facts,
    FactsQuerySet,
    Finding,
    PriceLine,
    Subscription,
)
from subscriptions.totals import totals_with

FACT_COLUMNS = [column for fact in FACTS.values() for column in fact.columns]
OF_AGENCY = {column for fact in FACTS.values() if fact.of_agency for column in fact.columns}
# The candidate's facts stand beside the columns of another table in the query, so they bear a prefix.
PREFIX = "candidate_"


@dataclass(frozen=True)
class Judgement:
    """How one subscription stands with one policy version on a day.

    `verdict` counts waivers and approvals, `unwaived` does not. `reasons` are all conditions with what they found.
    """

    version: PolicyVersion
    verdict: Verdict
    unwaived: Verdict
    reasons: tuple[Reason, ...] = ()
    waiver: Waiver | None = None
    cause: str = ""
    agency: Agency | None = None

    @property
    def passes(self) -> bool:
        return self.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)

    @property
    def deciding_facts(self) -> dict[str, Any]:
        """What is kept with a finding or a decision, enough to explain it later in either language."""
        return {"reasons": [reason.as_json() for reason in deciding(self.reasons, self.unwaived)]}

    def as_json(self) -> dict[str, Any]:
        return {
            "policy": self.version.policy.code,
            "version": self.version.number,
            "effect": self.version.effect,
            "verdict": self.verdict.value,
            "unwaived": self.unwaived.value,
            "cause": self.cause,
            **self.deciding_facts,
        }

    def explain(self, names: Names | None = None) -> str:
        from subscriptions.wording import judgement_text

        return judgement_text(self, names)


def names_for(judgements: Iterable[Judgement]) -> Names:
    """The names that explaining all these judgements takes, one query a registry."""
    return Names().want(reason for judgement in judgements for reason in judgement.reasons)


def outcome(judgements: Iterable[Judgement]) -> Outcome:
    return outcome_of((judgement.verdict, judgement.version.effect) for judgement in judgements)


def needs_officer(judgement: Judgement) -> bool:
    """Whether a policy officer's approval settles it: under "approval", or undetermined under "block"."""
    if judgement.verdict == Verdict.VIOLATION:
        return judgement.version.effect == Effect.APPROVAL
    return judgement.verdict == Verdict.UNDETERMINED and judgement.version.effect != Effect.WARN


def judge(
    facts: dict[str, Any],
    agency: Agency,
    on: datetime.date,
    approved: Iterable[int] = (),
    explain_passes: bool = True,
) -> list[Judgement]:
    """Judge one subscription's facts by every policy in force on a day, in one statement; writes nothing.

    Without `explain_passes` a pass comes without reasons, and the others take a second statement for theirs: most policies are
    passed, and asking for the truth of each condition takes as long again as asking for the verdicts.

    `facts` are the flat columns (`subscriptions.facts`); `approved` are the ids of policy versions that a policy officer has
    approved it under. Totals of the agency that are not among the facts are unknown. The versions out of whose scope the
    agency lies come as "not applicable".
    """
    facts = {**dict.fromkeys(OF_AGENCY), **facts}
    versions = list(PolicyVersion.objects.in_force(on))
    applying = [version for version in versions if version.applies_to(agency, on)]
    row = _judge_values(facts, applying, on, explain_passes) if applying else {}
    approved = set(approved)
    return [
        _judgement(version, row, agency, version.pk in approved)
        if version in applying
        else Judgement(version, Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, agency=agency)
        for version in versions
    ]


def judge_candidate(
    subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date, approved: Iterable[int] = ()
) -> list[Judgement]:
    """Judge a subscription as it is typed, before it is saved."""
    from subscriptions.facts import candidate_facts

    facts = candidate_facts(subscription, lines, on)
    return judge({**facts, **totals_with(subscription, facts)}, subscription.agency, on, approved)


def judge_saved(
    subscription: Subscription, on: datetime.date, explain_passes: bool = True
) -> list[Judgement]:
    """Judge a saved subscription by its flat facts, with its approvals; `explain_passes` as in `judge`."""
    own = [column for column in [*FACT_COLUMNS, "agency_path"] if column not in OF_AGENCY]
    facts = {column: getattr(subscription.facts, column) for column in own}
    totals = AgencyTotals.objects.filter(agency=subscription.agency_id).values(*OF_AGENCY).first()
    if totals is None or subscription.status not in LIVE:
        totals = totals_with(subscription, facts)
    facts.update(totals)
    approved = subscription.approvals.filter(ended_at=None).values_list("policy_version_id", flat=True)
    return judge(facts, subscription.agency, on, approved, explain_passes)


def rows_judged_by(
    version: PolicyVersion, on: datetime.date, facts: FactsQuerySet | None = None
) -> FactsQuerySet:
    """The flat facts in a version's scope, each with `unwaived`, `waiver_pk`, `approved` and its conditions' truths.

    Nothing leaves the database until somebody asks for rows. `facts` are those to be judged, whatever their status, with the
    totals of their agency beside them; without them, all that policies judge.
    """
    rows = facts
    if rows is None:
        rows = Facts.objects.judged()
        if uses_totals(version):
            rows = with_totals(rows)
    rows = rows.filter(agency_path__within=version.scope.path)
    waivers = list(
        Waiver.objects.filter(policy=version.policy)
        .valid_on(on)
        .select_related("agency", "product", "vendor")
    )
    approvals = Approval.objects.filter(
        subscription=OuterRef("subscription_id"), policy_version=version, ended_at__isnull=True
    )
    rows = rows.annotate(unwaived=verdict_case(version.conditions.all()), waiver_pk=_waiver_case(waivers))
    if version.effect == Effect.BLOCK:
        # An officer may approve what is undetermined under a block; a violation of one takes a waiver.
        approvable = When(Q(unwaived=Verdict.UNDETERMINED) & Exists(approvals), then=Value(True))
        return rows.annotate(approved=Case(approvable, default=Value(False)))
    return rows.annotate(approved=Exists(approvals))


def uses_totals(version: PolicyVersion) -> bool:
    """Whether a version looks at what the agency comes to in all."""
    return any(FACTS[condition.fact].of_agency for condition in version.conditions.all())


def with_totals(rows: FactsQuerySet) -> FactsQuerySet:
    """The rows with the totals of their agency beside their own facts."""
    return rows.annotate(**{column: F(f"subscription__agency__totals__{column}") for column in OF_AGENCY})


def with_truths(rows: FactsQuerySet, version: PolicyVersion) -> FactsQuerySet:
    """The rows with the truth of each condition, for explaining them."""
    return rows.annotate(**{_truth(c): _truth_case(c) for c in version.conditions.all()})


def columns_to_judge(version: PolicyVersion) -> list[str]:
    """What `judgement_of_row` reads."""
    conditions = list(version.conditions.all())
    facts = {column for condition in conditions for column in FACTS[condition.fact].columns}
    truths = [_truth(condition) for condition in conditions]
    return ["subscription_id", "unwaived", "waiver_pk", "approved", *sorted(facts), *truths]


def judgement_of_row(version: PolicyVersion, row: dict[str, Any], waivers: dict[int, Waiver]) -> Judgement:
    """The judgement of a row of `with_truths(rows_judged_by(...)).values(*columns_to_judge(...))`."""
    return _judgement(version, row, None, row["approved"], prefix="", waivers=waivers)


def covering(waiver: Waiver, prefix: str = "") -> Q:
    """The condition that a waiver covers a subscription: its agency or one above, and its tool, its vendor or neither."""
    condition = Q(**{f"{prefix}agency_path__within": waiver.agency.path})
    if waiver.product is not None:
        condition &= Q(**{f"{prefix}product": waiver.product.code})
    if waiver.vendor is not None:
        condition &= Q(**{f"{prefix}vendor": waiver.vendor.code})
    return condition


def _judge_values(
    facts: dict[str, Any], versions: list[PolicyVersion], on: datetime.date, explain_passes: bool
) -> dict[str, Any]:
    """One row of the verdicts, waivers and truths of all versions over the given facts, computed by the database."""
    policies = {version.policy_id for version in versions}
    waivers = (
        Waiver.objects.filter(policy__in=policies).valid_on(on).select_related("agency", "product", "vendor")
    )
    by_policy: dict[int, list[Waiver]] = {}
    for waiver in waivers:
        by_policy.setdefault(waiver.policy_id, []).append(waiver)
    answers: dict[str, Any] = {}
    for version in versions:
        answers[f"unwaived_{version.pk}"] = verdict_case(version.conditions.all(), PREFIX)
        if version.policy_id in by_policy:
            answers[f"waiver_{version.pk}"] = _waiver_case(by_policy[version.policy_id], PREFIX)
    covered = ["agency_path", "product", "vendor"] if by_policy else []
    if explain_passes:
        row = _computed(facts, versions, {**answers, **_truth_cases(versions)}, covered)
    else:
        row = _computed(facts, versions, answers, covered)
        failing = [version for version in versions if row[f"unwaived_{version.pk}"] != Verdict.PASS]
        row.update(_computed(facts, failing, _truth_cases(failing), []) if failing else {})
    found = {waiver.pk: waiver for group in by_policy.values() for waiver in group}
    return {**facts, **row, "waivers": found}


def _truth_cases(versions: Iterable[PolicyVersion]) -> dict[str, Case]:
    return {_truth(c): _truth_case(c, PREFIX) for version in versions for c in version.conditions.all()}


def _computed(
    facts: dict[str, Any], versions: list[PolicyVersion], answers: dict[str, Any], besides: Iterable[str]
) -> dict[str, Any]:
    """The answers over these facts, of which only what the versions' conditions use is handed to the database."""
    if not answers:
        return {}
    used = {
        c
        for version in versions
        for condition in version.conditions.all()
        for c in FACTS[condition.fact].columns
    }
    fields = {field.attname: field for field in Facts._meta.concrete_fields}
    values = {
        PREFIX + column: Value(
            facts[column], BigIntegerField() if column in OF_AGENCY else fields[column].clone()
        )
        for column in sorted(used.union(besides))
    }
    # The row itself does not matter: the facts are values beside it. It exists, since a version is in force.
    rows = PolicyVersion.objects.filter(pk=versions[0].pk).order_by()
    return rows.annotate(**values).annotate(**answers).values(*answers).get()


def _judgement(
    version: PolicyVersion,
    row: dict[str, Any],
    agency: Agency | None,
    approved: bool,
    prefix: str | None = None,
    waivers: dict[int, Waiver] | None = None,
) -> Judgement:
    suffix = f"_{version.pk}" if prefix is None else ""
    unwaived = Verdict(row[f"unwaived{suffix}"])
    waiver_pk = row.get(f"waiver{suffix}" if prefix is None else "waiver_pk")
    found = row["waivers"] if waivers is None else waivers
    waiver = found.get(waiver_pk) if waiver_pk else None
    reasons = tuple(
        Reason(
            group=condition.group,
            fact=condition.fact,
            operator=condition.operator,
            values=condition.values,
            truth=row[_truth(condition)],
            known=[row[column] for column in FACTS[condition.fact].columns],
        )
        for condition in version.conditions.all()
        if _truth(condition) in row
    )
    verdict, cause = unwaived, ""
    if unwaived in (Verdict.VIOLATION, Verdict.UNDETERMINED):
        if waiver is not None:
            verdict, cause = Verdict.WAIVED, Finding.Cause.WAIVER
        elif approved and not (unwaived == Verdict.VIOLATION and version.effect == Effect.BLOCK):
            verdict, cause = Verdict.WAIVED, Finding.Cause.APPROVED
    kept_waiver = waiver if cause == Finding.Cause.WAIVER else None
    return Judgement(version, verdict, unwaived, reasons, kept_waiver, str(cause), agency)


def _truth(condition: Condition) -> str:
    return f"truth_{condition.pk}"


def _truth_case(condition: Condition, prefix: str = "") -> Case:
    return compile_condition(condition, prefix).as_case("true", "false", "unknown")


def _waiver_case(waivers: Sequence[Waiver], prefix: str = "") -> Case:
    """The id of a waiver that covers the row, or null. Of several, the one that lasts longest."""
    lasting = sorted(waivers, key=lambda waiver: (waiver.valid_until, waiver.pk), reverse=True)
    return Case(
        *(When(covering(waiver, prefix), then=Value(waiver.pk)) for waiver in lasting),
        default=Value(None),
        output_field=IntegerField(),
    )
