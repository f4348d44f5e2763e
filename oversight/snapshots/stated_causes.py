"""Why a stated figure has changed: statements that are new or others now, and another preferred source."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence

from django.apps import apps

from oversight.explorer.question import Measure, Question
from oversight.snapshots.causes import Cause, Finder
from oversight.snapshots.places import Belongs
from oversight.stated import default_source
from sources.models import Source, Statement


class StatedCauses(Finder):
    """Of what sources state, for the governments that a statement is of."""

    def __init__(self, question: Question, since: datetime.datetime, source: str) -> None:
        super().__init__(question, since)
        today = question.source or default_source()
        measures = {
            Measure.STATED: (Statement.Measure.SPENDING,),
            Measure.STATED_USERS: (Statement.Measure.USERS,),
        }.get(question.measure, (Statement.Measure.SPENDING, Statement.Measure.USERS))
        if today is None or today.code != source:
            self._of_all(Cause.OTHER_SOURCE, today)
        names = (
            "source_id",
            "measure",
            "value",
            "standing",
            "precision",
            "qualifier",
            "reading",
            "period_from",
            "period_until",
            "rank",
        )
        changes = [
            change
            for change in self.changed(Statement, names)
            if any(s["measure"] in measures and today and s["source_id"] == today.pk for s in change.states)
        ]
        subjects = self._subjects([change.pk for change in changes])
        for change in changes:
            cause = Cause.NEW_STATEMENT if change.is_new else Cause.CHANGED_STATEMENT
            for agency in subjects[change.pk]:
                at = [self.world.agencies[agency]]
                if agency in self.world.agencies_then:
                    at.append(self.world.agencies_then[agency])
                for place in at:
                    self.note(self.groups(Belongs(place)), cause, change.pk)
        for agency in self.world.moved_agencies:
            before = self.groups(Belongs(self.world.agencies_then[agency]))
            after = self.groups(Belongs(self.world.agencies[agency]))
            self.note(before ^ after, Cause.MOVED_AGENCY, agency)

    def _of_all(self, cause: Cause, source: Source | None) -> None:
        for at in (*self.world.agencies.values(), *self.world.agencies_then.values()):
            self.note(self.groups(Belongs(at)), cause, source.pk if source else 0)

    def _subjects(self, statements: Sequence[int]) -> dict[int, set[int]]:
        """The members of each statement, now and in what its history keeps of them since."""
        found: dict[int, set[int]] = defaultdict(set)
        now = Statement.subject.through.objects.filter(statement__in=statements)
        for statement, agency in now.values_list("statement_id", "agency_id"):
            found[statement].add(agency)
        members = apps.get_model("sources", "HistoricalStatement_subject")
        kept = members.objects.filter(statement__in=statements, history__history_date__gt=self.since)
        for statement, agency in kept.values_list("statement_id", "agency_id"):
            found[statement].add(agency)
        return found
