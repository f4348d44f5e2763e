"""Judges what an import has written by the policies in force: the decisions, the findings, what the report tells of them."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from agencies import bulk
from agencies.models import Agency
from policies.holding import hold_policies
from policies.models import Policy
from policies.verdicts import Outcome
from subscriptions.evaluation import Judgement, names_for, outcome
from subscriptions.findings import open_first, reconcile_policy, reconcile_totals
from subscriptions.import_models import FileImport, ImportedRow
from subscriptions.importing.behind import Behind
from subscriptions.importing.judging import Judges
from subscriptions.importing.report import MOST_VERDICTS, Report, RowVerdict
from subscriptions.importing.rows import Problem
from subscriptions.importing.writing import Writer
from subscriptions.material import may_grow
from subscriptions.models import LIVE, Decision, Facts, Finding, Status
from subscriptions.notices import tell_reopened
from subscriptions.totals import hold_totals, refresh_all_totals, refresh_totals

CHUNK = 2_000
# Beyond this many agencies, one pass over all totals is cheaper than one for each.
MANY_AGENCIES = 50
WRITTEN = (
    "subscription",
    "line",
    "is_new",
    "subscription__status",
    "subscription__declared",
    "subscription__reference",
    "subscription__agency__path",
)
DECIDED = ("subscription_id", "act", "result", "outcome", "verdicts", "reason", "decided_by_id", "decided_at")


class Written(NamedTuple):
    """A record that was written, as WRITTEN names its columns."""

    pk: int
    line: int
    is_new: bool
    status: str
    declared: bool
    reference: str
    agency_path: str


class Deciding:
    """Decides on the records of one import, in its transaction. A trial keeps nothing of it."""

    def __init__(self, run: FileImport, writer: Writer, report: Report, on: datetime.date) -> None:
        self.run, self.by, self.writer, self.report, self.on = run, run.owner, writer, report, on
        self.is_trial = writer.is_trial
        self._opened: dict[int, list[int]] = defaultdict(list)

    def all(self) -> None:
        """Judge all by the policies in force, which stay so until the end, and keep findings in step."""
        if not self.is_trial:
            hold_policies()
        touched = self._refresh_totals()
        self._decide(Judges(self.on))
        self.report.verdicts.sort(key=lambda verdict: verdict.line)
        if self.is_trial or self.report.errors:
            return
        changed = ImportedRow.objects.filter(file_import=self.run, is_new=False).values("subscription")
        for policy in Policy.objects.all():
            told = self._opened[policy.pk]
            reconcile_policy(policy, self.on, changed, refreshed=None, held=True, opened=told)
        reconcile_totals(touched, self.on)
        tell_reopened(self.writer.reopened, self.by)

    def _refresh_totals(self) -> list[int]:
        """Make the totals right; returns the agencies whose totals with all below are others now."""
        if not self.writer.moved:
            return []
        if len(self.writer.moved) > MANY_AGENCIES:
            return refresh_all_totals()
        agencies = list(Agency.objects.filter(path__in=self.writer.moved))
        hold_totals(agencies)
        return [pk for agency in agencies for pk in refresh_totals(agency)]

    def _decide(self, judges: Judges) -> None:
        """While the decisions on one part are stored, those on the next are made."""
        facts = Facts.objects.filter(subscription__imported_rows__file_import=self.run).order_by()
        outcomes: Counter[str] = Counter()
        parts, decided = self._parts(), None
        with Behind() as behind:
            while part := next(parts, None):
                failing = judges.failing(facts.filter(pk__gte=part[0].pk, pk__lte=part[-1].pk))
                self._tell_verdicts(part, failing)
                if decided is not None:
                    behind.start(partial(self._store, *decided))
                decided = self._decisions(judges, part, failing, outcomes)
                behind.wait()
        if decided is not None:
            self._store(*decided)
        self.report.outcomes = dict(outcomes)

    def _parts(self) -> Iterator[list[Written]]:
        rows = ImportedRow.objects.filter(file_import=self.run).order_by("subscription")
        written = map(Written._make, rows.values_list(*WRITTEN).iterator(chunk_size=CHUNK))
        while part := list(islice(written, CHUNK)):
            yield part

    def _decisions(
        self,
        judges: Judges,
        part: Sequence[Written],
        failing: Mapping[int, list[Judgement]],
        outcomes: Counter[str],
    ) -> tuple[list[list[Any]], list[tuple[int, Judgement]]]:
        """What is decided on each record, in the order of DECIDED, and the findings of what is new."""
        decisions, first = [], list[tuple[int, Judgement]]()
        unapproved = self._unapproved(part)
        for row in part:
            found = failing.get(row.pk, [])
            came_to = outcome(found)
            outcomes[came_to.value] += 1
            if row.pk in self.writer.material:
                self._refuse_growth(row, found, unapproved)
            if self.is_trial:
                continue
            decisions.append(self._decision(row, came_to.value, judges.as_json(row.agency_path, found)))
            if row.is_new and row.status in LIVE:
                first += ((row.pk, judgement) for judgement in found)
        return decisions, first

    def _store(self, decisions: Sequence[list[Any]], first: Sequence[tuple[int, Judgement]]) -> None:
        if self.is_trial or self.report.errors:
            return  # nothing is kept
        bulk.insert_rows(Decision, DECIDED, decisions)
        for policy, opened in open_first(first, self.writer.now).items():
            self._opened[policy] += opened

    def _decision(self, row: Written, outcome: str, verdicts: bulk.Ready) -> list[Any]:
        act = Decision.Act.CHANGE
        if row.is_new:
            act = Decision.Act.DECLARE if row.status == Status.ACTIVE else Decision.Act.RECORD
        reason = f"{self.run.file_name}: {row.line}"
        result = Decision.Result.DONE.value
        return [row.pk, act.value, result, outcome, verdicts, reason, self.by.pk, self.writer.now]

    def _unapproved(self, part: Sequence[Written]) -> set[int]:
        """Those of a part that grow and were `material.is_unapproved` before; findings do not follow the import yet."""
        declared = [row.pk for row in part if row.declared and row.pk in self.writer.material]
        if not declared:
            return set()
        waiting = Finding.objects.waiting_for_officer().filter(subscription__in=declared)
        return set(waiting.order_by().values_list("subscription", flat=True))

    def _refuse_growth(self, row: Written, failing: Sequence[Judgement], unapproved: Set[int]) -> None:
        """What policies do not let grow by hand does not grow by a file."""
        found = outcome(failing)
        if not may_grow(found, self.writer.material[row.pk], unapproved=row.pk in unapproved):
            strictest = next(j for j in failing if outcome([j]) == found)
            message = _("A policy does not allow this change: %(policy)s.")
            if found == Outcome.NEEDS_OFFICER:
                message = _(
                    "What was declared as in use is not renewed or grown until a policy officer approves it: %(policy)s."
                )
            said = message % {"policy": strictest.version.title}
            self.report.tell([Problem(row.line, "", row.reference, said)])

    def _tell_verdicts(self, part: Sequence[Written], failing: Mapping[int, list[Judgement]]) -> None:
        report = self.report
        report.verdicts_in_all += sum(map(len, failing.values()))
        room = MOST_VERDICTS - len(report.verdicts)
        if room <= 0:
            return
        told = [(row, judgement) for row in part for judgement in failing.get(row.pk, [])][:room]
        names = names_for(judgement for _row, judgement in told)
        for row, judgement in told:
            report.verdicts.append(
                RowVerdict(
                    row.line,
                    judgement.verdict.value,
                    str(judgement.version.title),
                    judgement.version.effect,
                    judgement.explain(names),
                )
            )
