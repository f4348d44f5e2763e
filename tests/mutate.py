"""Break the policy engine in one part after the other; a test must notice each: `python -m tests.mutate [part of a name ...]`.

Each break is a replacement of source text in a temporary copy of the project, never in the project itself, and is judged by the
few tests that should notice. A break that no test notices is printed as SURVIVED, and the exit code is 1. So it is when a source
text is not found any more: then the break below has to follow the code. Runs on SQLite,
but for what is PostgreSQL's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests import postgres
from tests.run import APPS, ROOT, environment

COMPILING, EVALUATION = "policies/compiling.py", "subscriptions/evaluation.py"
VERDICTS, VERSIONS = "policies/verdicts.py", "policies/models.py"
FINDINGS, TOTALS = "subscriptions/findings.py", "subscriptions/totals.py"
RECORDING, STORING = "subscriptions/recording.py", "subscriptions/storing.py"

TALLIES, TRIGGERS = "subscriptions/tallies.py", "subscriptions/tally_sql.py"

TABLES = "tests/policies/test_compiling.py"
TALLIED = "tests/subscriptions/test_tallies.py"
OUTCOMES = "tests/policies/test_verdicts.py"
JUDGED = "tests/subscriptions/test_evaluation.py"
FOLLOWED = "tests/subscriptions/test_findings.py"
CHECKED = "tests/subscriptions/test_checking.py"
IN_FORCE = "tests/policies/test_versions.py"
SUMS = "tests/subscriptions/test_totals.py"
ACTS = "tests/subscriptions/test_recording.py"


def of(fact: str) -> str:
    """The table of cases of one fact."""
    return f"{TABLES}::test_each_fact_by_each_operator[{fact}]"


@dataclass(frozen=True)
class Break:
    """What is broken, where, which text by which, and the tests that should notice.

    `in_database`: it is written into the database, which is made anew for it. `on_postgres`: judged there.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    in_database: bool = False
    on_postgres: bool = False


def breaks() -> Iterator[Break]:
    yield from kleene()
    yield from operators()
    yield from states()
    yield from effects()
    yield from following()
    yield from totals()
    yield from tallies()


def kleene() -> Iterator[Break]:
    groups = (f"{TABLES}::test_any_condition_of_a_group_and_all_groups",)
    both = "return Truth(self.true & other.true, self.false | other.false)"
    either = "return Truth(self.true | other.true, self.false & other.false)"
    for name, old, new in [
        ("all: true when any is", both, both.replace("self.true &", "self.true |")),
        ("all: false only when every one is", both, both.replace("self.false |", "self.false &")),
        ("any: true only when every one is", either, either.replace("self.true |", "self.true &")),
        ("any: false when one is", either, either.replace("self.false &", "self.false |")),
        ("across groups: any is enough", "        whole &= group\n", "        whole |= group\n"),
        (
            "within a group: all are needed",
            "groups[condition.group] | truth",
            "groups[condition.group] & truth",
        ),
        ("unknown counts as false", "default=Value(unknown)", "default=Value(false)"),
        ("unknown counts as true", "default=Value(unknown)", "default=Value(true)"),
        (
            "true and false exchanged",
            "When(self.true, then=Value(true))",
            "When(self.true, then=Value(false))",
        ),
    ]:
        yield Break(f"Kleene: {name}", COMPILING, old, new, groups)
    not_ = "return Truth(self.false, self.true)"
    yield Break("Kleene: not changes nothing", COMPILING, not_, not_.replace("false, self.true", "true, self.false"),
                (of("vendor"),))  # fmt: skip
    yield Break("verdict: violation and pass exchanged", COMPILING, "Verdict.VIOLATION, Verdict.PASS, Verdict.UNDETERMINED",
                "Verdict.PASS, Verdict.VIOLATION, Verdict.UNDETERMINED", groups)  # fmt: skip
    yield Break("verdict: undetermined passes", COMPILING, "Verdict.VIOLATION, Verdict.PASS, Verdict.UNDETERMINED",
                "Verdict.VIOLATION, Verdict.PASS, Verdict.PASS", groups)  # fmt: skip
    yield Break("verdict: undetermined violates", COMPILING, "Verdict.VIOLATION, Verdict.PASS, Verdict.UNDETERMINED",
                "Verdict.VIOLATION, Verdict.PASS, Verdict.VIOLATION", groups)  # fmt: skip
    yield Break("verdict: without conditions everything passes", COMPILING, "Case(default=Value(Verdict.UNDETERMINED.value)",
                "Case(default=Value(Verdict.PASS.value)", (TABLES,))  # fmt: skip


def operators() -> Iterator[Break]:
    def single(name: str, old: str, new: str, fact: str = "vendor") -> Break:
        return Break(f"one value: {name}", COMPILING, old, new, (of(fact),))

    negations = "{Operator.IS_NOT: Operator.IS, Operator.NONE_OF: Operator.ONE_OF}"
    yield single(
        "is not, as is",
        "        return ~_COMPILERS[fact.type](fact, negated,",
        "        return _COMPILERS[fact.type](fact, negated,",
    )
    yield single(
        "is not, as one of none",
        negations,
        negations.replace("IS_NOT: Operator.IS", "IS_NOT: Operator.IS_UNKNOWN"),
    )
    yield single(
        "none of, as is unknown", negations, negations.replace("Operator.ONE_OF}", "Operator.IS_UNKNOWN}")
    )
    yield single(
        "is, as is not",
        "return Truth(known & holds, known & ~holds)",
        "return Truth(known & ~holds, known & holds)",
    )
    yield single(
        "what is not known is false",
        "return Truth(known & holds, known & ~holds)",
        "return Truth(known & holds, ~holds)",
        "category",
    )
    unknown = "        return Truth(~known, known)\n    if operator in"
    yield single("is unknown, as is known", unknown, unknown.replace("~known, known", "known, ~known"))
    yield single("yes or no: is, as is not", "return Truth(known & holds, known & ~holds)",
                 "return Truth(known & ~holds, known & holds)", "personal_data")  # fmt: skip
    for name, old, new in [
        ("at most", "AT_MOST: codes[: at + 1]", "AT_MOST: codes[:at]"),
        ("less than", "LESS_THAN: codes[:at]", "LESS_THAN: codes[: at + 1]"),
        ("at least", "AT_LEAST: codes[at:]", "AT_LEAST: codes[at + 1 :]"),
        ("more than", "MORE_THAN: codes[at + 1 :]", "MORE_THAN: codes[at:]"),
    ]:
        yield single(f"rank {name}, one off", old, new, "data_class")

    def many(name: str, old: str, new: str) -> Break:
        return Break(f"set: {name}", COMPILING, old, new, (of("engine_country"),))

    yield many(
        "is unknown, as is complete", "return Truth(~complete, complete)", "return Truth(complete, ~complete)"
    )
    yield many("a code that begins alike counts", 'f"|{value}|"}', 'f"|{value}"}')
    yield many("all are needed", "        found |= Q(", "        found &= Q(")
    yield many(
        "what is missing from an incomplete list is not there",
        "return Truth(found, complete & ~found)",
        "return Truth(found, ~found)",
    )
    yield many(
        "what is on an incomplete list is unknown",
        "return Truth(found, complete & ~found)",
        "return Truth(complete & found, complete & ~found)",
    )
    yield many(
        "one of, as none of",
        "return Truth(found, complete & ~found)",
        "return Truth(complete & ~found, found)",
    )

    sides = {
        "more than": 'side(low, "gt", limit), side(high, "lte", limit)',
        "at least": 'side(low, "gte", limit), side(high, "lt", limit)',
        "less than": 'side(high, "lt", limit), side(low, "gte", limit)',
        "at most": 'side(high, "lte", limit), side(low, "gt", limit)',
    }
    other = {"gt": "gte", "gte": "gt", "lt": "lte", "lte": "lt"}
    for name, old in sides.items():
        true, false = old.split("), ")
        for what, part in (("is true", true), ("is false", false)):
            comparison = part.split('"')[1]
            changed = part.replace(f'"{comparison}"', f'"{other[comparison]}"')
            new = old.replace(part, changed)
            yield number(
                f"{name}: where it {what}, at the limit", f"return Truth({old})", f"return Truth({new})"
            )
        exchanged = old.replace("low", "?").replace("high", "low").replace("?", "high")
        yield number(
            f"{name}: least and most exchanged", f"return Truth({old})", f"return Truth({exchanged})"
        )
        yield number(f"{name}, as its opposite", f"return Truth({old})", f"return Truth({false}, {true}))")
    within_true = 'side(low, "gte", limit) & side(high, "lte", values[1])'
    within_false = 'side(high, "lt", limit) | side(low, "gt", values[1])'
    yield number("within: not at its first value", within_true, within_true.replace("gte", "gt"))
    yield number("within: not at its second value", within_true, within_true.replace("lte", "lt"))
    yield number("within: one end is enough", within_true, within_true.replace(" & ", " | "))
    yield number("within: false at its first value", within_false, within_false.replace('"lt"', '"lte"'))
    yield number("within: false at its second value", within_false, within_false.replace('"gt"', '"gte"'))
    yield number("within: false only outside both ends", within_false, within_false.replace(" | ", " & "))
    is_true = 'side(low, "exact", limit) & side(high, "exact", limit)'
    is_false = 'side(low, "gt", limit) | side(high, "lt", limit)'
    yield number("is: the least is enough", is_true, 'side(low, "exact", limit)')
    yield number("is: the most is enough", is_true, 'side(high, "exact", limit)')
    yield number("is: false at the value itself", is_false, is_false.replace('"gt"', '"gte"'))
    yield number("is: false below it only", is_false, 'side(high, "lt", limit)')
    yield number("is: false above it only", is_false, 'side(low, "gt", limit)')
    known = 'known = Q(**{f"{low}__isnull": False, f"{high}__isnull": False}) & exact'
    yield number("is unknown: a span is known", known, known.replace(" & exact", ""))
    yield number(
        "is unknown, as is known",
        f"{known}\n        return Truth(~known, known)",
        f"{known}\n        return Truth(known, ~known)",
    )


def number(name: str, old: str, new: str) -> Break:
    return Break(f"number: {name}", COMPILING, old, new, (of("seats"), of("agency_annual_cost")))


def states() -> Iterator[Break]:
    def judged(name: str, old: str, new: str, *tests: str) -> Break:
        return Break(f"state: {name}", EVALUATION, old, new, tests or (JUDGED,))

    yield judged(
        "a waiver excuses nothing",
        "verdict, cause = Verdict.WAIVED, Finding.Cause.WAIVER",
        "verdict, cause = unwaived, Finding.Cause.WAIVER",
    )
    yield judged(
        "an approval excuses nothing",
        "verdict, cause = Verdict.WAIVED, Finding.Cause.APPROVED",
        "verdict, cause = unwaived, Finding.Cause.APPROVED",
    )
    yield judged(
        "what passes is waived",
        "    if unwaived in (Verdict.VIOLATION, Verdict.UNDETERMINED):\n        if waiver",
        "    if True:\n        if waiver",
    )
    yield judged("only a violation is waived", "    if unwaived in (Verdict.VIOLATION, Verdict.UNDETERMINED):\n        if waiver",
                 "    if unwaived == Verdict.VIOLATION:\n        if waiver")  # fmt: skip
    blocked = "elif approved and not (unwaived == Verdict.VIOLATION and version.effect == Effect.BLOCK):"
    yield judged("an approval excuses a blocked violation of a candidate", blocked, "elif approved:")
    yield judged("an approval excuses a blocked violation in the database",
                 "Q(unwaived=Verdict.UNDETERMINED) & Exists(approvals)", "Exists(approvals)")  # fmt: skip
    yield judged(
        "an ended approval counts in the database",
        "policy_version=version, ended_at__isnull=True",
        "policy_version=version",
    )
    yield judged(
        "an ended approval counts for a candidate",
        "subscription.approvals.filter(ended_at=None)",
        "subscription.approvals.all()",
    )
    yield judged(
        "an approval of another version counts",
        "policy_version=version, ended_at__isnull=True",
        "ended_at__isnull=True",
    )
    yield judged("out of scope passes", "else Judgement(version, Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, agency=agency)",
                 "else Judgement(version, Verdict.PASS, Verdict.PASS, agency=agency)")  # fmt: skip
    yield judged(
        "out of scope is judged",
        "    rows = rows.filter(agency_path__within=version.scope.path)\n",
        "",
        of("vendor"),
    )
    yield judged(
        "what is not live is judged",
        "        rows = Facts.objects.judged()\n",
        "        rows = Facts.objects.all()\n",
    )
    yield judged(
        "a waiver covers every agency",
        'condition = Q(**{f"{prefix}agency_path__within": waiver.agency.path})',
        'condition = Q(**{f"{prefix}agency_path__isnull": False})',
    )
    yield judged(
        "a waiver covers its agency alone",
        'f"{prefix}agency_path__within": waiver.agency.path',
        'f"{prefix}agency_path": waiver.agency.path',
    )
    yield judged("a waiver covers every tool", "if waiver.product is not None:", "if False:")
    yield judged("a waiver covers every vendor", "if waiver.vendor is not None:", "if False:")
    yield judged(
        "the shortest waiver counts",
        "(waiver.valid_until, waiver.pk), reverse=True)",
        "(waiver.valid_until, waiver.pk))",
    )
    guarded = "        if version.policy_id in by_policy:\n"
    own = "_waiver_case(by_policy[version.policy_id], PREFIX)"
    every = "_waiver_case([one for group in by_policy.values() for one in group], PREFIX)"
    answered = '            answers[f"waiver_{version.pk}"] = '
    yield judged(
        "waivers of any policy count for a candidate",
        guarded + answered + own,
        "        if by_policy:\n" + answered + every,
    )
    yield judged(
        "not applicable is a finding",
        "self.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)",
        "self.verdict in (Verdict.PASS,)",
        FOLLOWED,
    )
    yield judged("undetermined passes", "self.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)",
                 "self.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.UNDETERMINED)", FOLLOWED)  # fmt: skip

    def dated(name: str, old: str, new: str, *tests: str) -> Break:
        return Break(f"dates: {name}", VERSIONS, old, new, tests or (IN_FORCE, JUDGED))

    yield dated("not yet on the first day", "effective_from__lte=on", "effective_from__lt=on")
    yield dated("no more on the last day", "effective_until__gte=on", "effective_until__gt=on")
    yield dated(
        "a version in force has an end",
        "Q(effective_until__isnull=True) | Q(effective_until__gte=on)",
        "Q(effective_until__gte=on)",
    )
    yield dated(
        "drafts judge",
        "self.filter(status=PolicyVersion.Status.IN_FORCE, effective_from__lte=on)",
        "self.filter(effective_from__lte=on)",
    )
    yield dated(
        "of one: not yet on the first day", "and self.effective_from <= day", "and self.effective_from < day"
    )
    yield dated(
        "of one: no more on the last day", "or day <= self.effective_until)", "or day < self.effective_until)"
    )
    yield dated(
        "the scope is one agency", "agency.path.startswith(self.scope.path)", "agency.path == self.scope.path"
    )
    yield dated("a waiver not yet on its first day", "valid_from__lte=day", "valid_from__lt=day", JUDGED)
    yield dated("a waiver no more on its last day", "valid_until__gte=day", "valid_until__gt=day", JUDGED)
    yield dated(
        "a waiver that is not granted",
        "filter(status=Waiver.Status.GRANTED, valid_from",
        "filter(valid_from",
        JUDGED,
    )


def effects() -> Iterator[Break]:
    def effect(name: str, old: str, new: str, file: str = VERDICTS) -> Break:
        return Break(f"effect: {name}", file, old, new, (OUTCOMES,) if file == VERDICTS else (ACTS,))

    yield effect(
        "undetermined starts freely",
        "verdict not in (Verdict.VIOLATION, Verdict.UNDETERMINED)",
        "verdict != Verdict.VIOLATION",
    )
    yield effect(
        "waived stands in the way",
        "verdict not in (Verdict.VIOLATION, Verdict.UNDETERMINED)",
        "verdict == Verdict.PASS",
    )
    yield effect("a warning is not told", "found = Outcome.WARNED", "found = Outcome.CLEAR")
    yield effect("a warning blocks", "found = Outcome.WARNED", "found = Outcome.REFUSED")
    yield effect("a block takes an officer", "found = Outcome.REFUSED", "found = Outcome.NEEDS_OFFICER")
    yield effect(
        "a block refuses what is undetermined",
        "effect == Effect.BLOCK and verdict == Verdict.VIOLATION",
        "effect == Effect.BLOCK",
    )
    yield effect("approval warns", "found = Outcome.NEEDS_OFFICER", "found = Outcome.WARNED")
    yield effect(
        "the mildest policy wins",
        "max(outcome, found, key=order.index)",
        "min(outcome, found, key=order.index)",
    )
    yield effect("the last policy wins", "outcome = max(outcome, found, key=order.index)", "outcome = found")
    stopped = "stopped = found == Outcome.REFUSED or (officer_first and found == Outcome.NEEDS_OFFICER)"
    yield effect(
        "what is refused starts",
        stopped,
        "stopped = officer_first and found == Outcome.NEEDS_OFFICER",
        RECORDING,
    )
    yield effect(
        "what an officer must approve starts", stopped, "stopped = found == Outcome.REFUSED", RECORDING
    )
    yield effect(
        "what is declared in use is refused",
        "Decision.Act.DECLARE, by, enforced=False)",
        "Decision.Act.DECLARE, by, start=Status.ACTIVE)",
        RECORDING,
    )
    material = "subscriptions/material.py"
    yield effect("what is blocked may grow", "return found != Outcome.REFUSED", "return True", material)
    yield effect(
        "what is in use grows before an officer approves",
        "if found == Outcome.NEEDS_OFFICER and unapproved:",
        "if False:",
        material,
    )
    yield effect(
        "what is in use is not described before an officer approves",
        "return not GROWTH & {Material(cause) for cause in causes}",
        "return False",
        material,
    )
    yield effect(
        "an approval outlives a material change",
        "    current.update(ended_at=timezone.now())\n",
        "",
        "subscriptions/reopening.py",
    )
    yield effect(
        "an officer excuses a blocked violation",
        "        return judgement.version.effect == Effect.APPROVAL\n",
        "        return True\n",
        EVALUATION,
    )
    undetermined = "judgement.verdict == Verdict.UNDETERMINED"
    not_warned = f"{undetermined} and judgement.version.effect != Effect.WARN"
    yield effect("an officer approves warnings", not_warned, undetermined, EVALUATION)


def following() -> Iterator[Break]:
    def followed(name: str, old: str, new: str, *tests: str) -> Break:
        return Break(f"finding: {name}", FINDINGS, old, new, tests or (FOLLOWED,))

    yield followed(
        "what passes opens one",
        "rows_judged_by(version, on).filter(pk__among=ids).exclude(unwaived=Verdict.PASS)",
        "rows_judged_by(version, on).filter(pk__among=ids)",
    )
    yield followed(
        "what is gone stays open", "    _close_gone(policy, version, on, now, subscriptions, held)\n", ""
    )
    closing = "    _close(gone, now)\n    return list(judgements)\n"
    yield followed("one by one: what is gone stays open", closing, "    return list(judgements)\n")
    yield followed(
        "one that was closed is not opened again",
        'finding.closed_at, finding.closed_because = None, ""',
        'finding.closed_because = ""',
    )
    yield followed("closed: not live, as passes", "if finding.subscription.status not in LIVE:", "if False:")
    yield followed(
        "closed: not applicable, as passes",
        "elif version is not None and version.applies_to(finding.subscription.agency, on):",
        "elif True:",
    )
    yield followed("one by one: closed as passes", "elif finding.policy_id in applying:", "elif True:")
    yield followed(
        "not live: kept open",
        "failing = {j.version.policy_id: j for j in judgements if live and not j.passes}",
        "failing = {j.version.policy_id: j for j in judgements if not j.passes}",
    )
    yield followed("another verdict is not noticed", 'finding__unwaived_verdict=F("unwaived"),\n', "")
    yield followed("another version is not noticed", "finding__policy_version=version.pk,\n", "")
    yield followed("one closed is taken for open", "finding__closed_at__isnull=True,\n", "")
    yield followed("another waiver is not noticed", ', finding__waiver=F("waiver_pk"))', ")")
    yield followed(
        "a waiver's end is not noticed",
        '| Q(waiver_pk__isnull=True, approved=False, finding__cause="")',
        "| Q(waiver_pk__isnull=True, approved=False)",
    )
    yield followed(
        "an approval's end is not noticed",
        "| Q(waiver_pk__isnull=True, approved=True, finding__cause=Finding.Cause.APPROVED)",
        "| Q(waiver_pk__isnull=True, finding__cause=Finding.Cause.APPROVED)",
    )
    yield followed(
        "other facts are not told",
        "        and finding.deciding_facts == judgement.deciding_facts\n",
        "",
        CHECKED,
        SUMS,
    )
    yield followed(
        "the verdict kept is the one without the waiver",
        "finding.verdict = judgement.verdict",
        "finding.verdict = judgement.unwaived",
    )
    yield followed(
        "the verdict without the waiver is lost",
        "finding.unwaived_verdict = judgement.unwaived",
        "finding.unwaived_verdict = judgement.verdict",
    )
    yield followed("the effect is not followed", "    finding.effect = judgement.version.effect\n", "")
    yield followed(
        "the remedy's day is not set anew",
        "if finding.closed_at is not None or finding.remedy_due is None:",
        "if finding.remedy_due is None:",
    )
    yield followed(
        "a finding is first seen each time",
        '    finding.closed_at, finding.closed_because = None, ""\n    return finding\n',
        '    finding.closed_at, finding.closed_because, finding.first_seen = None, "", now\n    return finding\n',
    )
    yield followed(
        "when a policy was checked is not kept", "    if subscriptions is None:\n", "    if False:\n"
    )
    yield followed(
        "a check that changes nothing is not kept",
        '    PolicyCheck.objects.update_or_create(policy=policy, defaults={"checked_at": timezone.now()})\n',
        "",
        FOLLOWED,
        CHECKED,
    )
    counted = "    if same.exclude(unwaived=Verdict.PASS).count() != failing:\n"
    yield followed("comparing: as many findings are enough", counted, "    if False:\n", CHECKED)
    yield followed(
        "comparing: more findings are no matter", "    if found != failing:\n", "    if False:\n", CHECKED
    )
    yield followed(
        "totals: other subscriptions are not looked at",
        "concerned = Subscription.objects.live().filter(agency__in=ids)",
        "concerned = Subscription.objects.none()",
        SUMS,
    )
    yield followed(
        "totals: values are not followed",
        'concerned.values("pk"), refreshed=None, held=held)',
        'concerned.values("pk"), held=held)',
        SUMS,
    )


def totals() -> Iterator[Break]:
    def summed(name: str, old: str, new: str, file: str = TOTALS) -> Break:
        return Break(f"totals: {name}", file, old, new, (SUMS,))

    yield summed(
        "an unknown cost is nothing", "high = None if self.unbounded else self.high", "high = self.high"
    )
    yield summed(
        "nothing known is zero",
        "low = None if self.low == 0 and self.unbounded else self.low",
        "low = self.low",
    )
    yield summed(
        "only the agency itself",
        "AgencyTotals.objects.filter(agency__path__within=agency.path, own_subscriptions__gt=0)",
        "AgencyTotals.objects.filter(agency=agency, own_subscriptions__gt=0)",
    )
    yield summed("a candidate counts twice", "low -= old.annual_cost_min or 0", "low -= 0")
    yield summed("a candidate does not count", 'low += facts["annual_cost_min"] or 0', "low += 0")
    yield summed(
        "drafts count",
        "        facts.filter(status__in=LIVE)\n        .order_by()",
        "        facts.order_by()",
    )
    yield summed("those above are not followed", "    for above in line:\n", "    for above in [agency]:\n")
    yield summed(
        "what moved still counts where it was",
        "for counted in (before, after) if counted",
        "for counted in (after,) if counted",
        STORING,
    )
    yield summed(
        "another cost is not followed",
        '("agency_path", "product", "annual_cost_min", "annual_cost_max")',
        '("agency_path", "product")',
        STORING,
    )
    yield summed(
        "the nightly check does not tell findings",
        "        reconcile_totals(moved, on, held=False)\n",
        "        pass\n",
        "subscriptions/checking.py",
    )


def tallies() -> Iterator[Break]:
    def tallied(name: str, old: str, new: str, test: str) -> Break:
        return Break(f"tallies: {name}", TALLIES, old, new, (f"{TALLIED}::{test}",))

    def kept(name: str, old: str, new: str, test: str) -> Break:
        return Break(f"tallies: {name}", TRIGGERS, old, new, (f"{TALLIED}::{test}",), in_database=True)

    yield Break("tallies: a fold that is killed has done half", TALLIES, "@transaction.atomic\ndef fold()", "def fold()",
                ("tests/subscriptions/test_killed_fold.py",))  # fmt: skip
    yield tallied(
        "what is not folded yet is not read",
        " UNION ALL SELECT {names} FROM {CHANGES} WHERE ",
        " UNION ALL SELECT {names} FROM {CHANGES} WHERE FALSE AND ",
        "test_what_is_kept_of_a_few_payments",
    )
    amid = "test_a_period_from_amid_a_month_to_amid_another"
    yield tallied(
        "the days around whole months are left out", "        if around:\n", "        if not parts:\n", amid
    )
    yield tallied(
        "the days of a void subscription count",
        "[f't.{COUNTED}', *conditions]",
        "['TRUE', *conditions]",
        amid,
    )
    yield kept(
        "what a subscription was still counts",
        'f"WHEN {moved}", leave + enter',
        'f"WHEN {moved}", enter',
        "test_what_a_tool_cost_is_told_apart_by_what_its_subscriptions_are",
    )
    yield kept(
        "a void subscription counts",
        "COUNTED = \"status <> 'void'\"",
        "COUNTED = \"status <> 'none'\"",
        "test_a_void_subscription_counts_nowhere_and_silence_only_where_a_payment_is_due",
    )
    yield kept(
        "a payment taken back still counts",
        'gone, added = _one_payment("OLD", -1), _one_payment("NEW", 1)',
        'gone, added = "SELECT 1;", _one_payment("NEW", 1)',
        "test_fixtures_bring_what_is_paid_and_not_the_tallies",
    )


def copy_of_the_project(place: Path) -> None:
    for folder in [*APPS, "templates", "locale", "fixtures", "docs", "tests", "benchmarks"]:
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    for file in ("manage.py", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, place)
    # The tests' database is made once and kept: making it takes longer than most of what is run on it.
    with (place / "govtrack" / "settings" / "testing.py").open("a") as settings:
        settings.write("\nfrom .base import BASE_DIR\n")
        settings.write('if "sqlite" in DATABASES["default"]["ENGINE"]:\n')
        settings.write('    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "tests.sqlite3"}\n')


def forget_database(place: Path) -> None:
    for file in place.glob("tests.sqlite3*"):
        file.unlink()


BROKEN = 100


def run(place: Path, tests: tuple[str, ...], on_postgres: bool = False) -> tuple[int, str]:
    """Pytest's exit code, and the first test that failed; BROKEN and what was said when none could."""
    if on_postgres:
        with postgres.cluster() as url:
            return _run(place, tests, DATABASE_URL=url)
    return _run(place, tests)


def _run(place: Path, tests: tuple[str, ...], **told: str) -> tuple[int, str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--exitfirst",
        "--quiet",
        "--no-header",
        "--tb=no",
        "--reuse-db",
    ]
    command += ["-p", "no:cacheprovider", "-m", "not browser and not hypothesis", *tests]
    # Bytecode is not kept: two breaks of one size within a second would look alike.
    variables = environment(PYTHONDONTWRITEBYTECODE="1", **told)
    done = subprocess.run(command, cwd=place, env=variables, capture_output=True, text=True)
    failed = re.search(r"^FAILED (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if failed or not done.returncode:
        return done.returncode, failed[1] if failed else ""
    # A test that could not even begin has noticed nothing.
    return BROKEN, (done.stdout + done.stderr)[-2000:]


def judge(one: Break, places: Queue[Path]) -> tuple[Break, str, bool]:
    """What became of a break: the test that noticed it, or that none did; whether all is well."""
    place = places.get()
    file = place / one.file
    source = file.read_text()
    try:
        file.write_text(source.replace(one.old, one.new))
        if one.in_database:
            forget_database(place)
        code, said = run(place, one.tests, one.on_postgres)
    finally:
        file.write_text(source)
        if one.in_database:
            forget_database(place)
        places.put(place)
    if code == 0:
        return one, "SURVIVED", False
    if code == 1:
        return one, said, True
    return one, f"could not be judged: {said}", False


def main(wanted: list[str]) -> int:
    return judge_all([one for one in breaks() if not wanted or any(part in one.name for part in wanted)])


def judge_all(chosen: list[Break]) -> int:
    """Try them all and say what became of each; 0 when each was noticed."""
    started = time.monotonic()
    lost = [one for one in chosen if (ROOT / one.file).read_text().count(one.old) != 1 or one.old == one.new]
    for one in lost:
        print(f"{one.name}: its text is not there exactly once in {one.file}: {one.old!r}")
    if lost or not chosen:
        return 1
    with tempfile.TemporaryDirectory(prefix="govtrack-mutation-") as folder:
        first = Path(folder) / "0"
        copy_of_the_project(first)
        for there in sorted({one.on_postgres for one in chosen}):
            tests = (test for one in chosen if one.on_postgres == there for test in one.tests)
            code, said = run(first, tuple(dict.fromkeys(tests)), there)
            if code:
                print(f"The tests fail although nothing is broken: {said}")
                return 1
        places: Queue[Path] = Queue()
        places.put(first)
        workers = os.cpu_count() or 1
        for worker in range(1, workers):
            shutil.copytree(first, Path(folder) / str(worker))
            places.put(Path(folder) / str(worker))
        survived = []
        with ThreadPoolExecutor(workers) as pool:
            for one, said, well in pool.map(lambda one: judge(one, places), chosen):
                print(f"{one.name:62} {said}", flush=True)
                survived += [] if well else [one]
    print(f"\n{len(chosen)} breaks, {len(survived)} survived, {time.monotonic() - started:.0f} s")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
