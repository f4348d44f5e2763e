"""Takes back a whole import, as long as nothing else has touched its records.

Nothing is deleted, since decisions are kept for good: new records are declared void, changed ones become what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from agencies import bulk
from agencies.models import Role, User
from audit import events
from policies.holding import hold_policies
from policies.models import Policy
from subscriptions.evaluation import outcome
from subscriptions.facts import refresh
from subscriptions.findings import reconcile_policy, reconcile_totals
from subscriptions.import_models import FileImport, ImportedRow
from subscriptions.importing.holding import hold_imports
from subscriptions.importing.judging import Judges
from subscriptions.importing.writing import reason_of
from subscriptions.models import (
    Approval,
    Decision,
    Facts,
    Payment,
    PriceLine,
    Status,
    Subscription,
    UserCount,
)
from subscriptions.renewals.keeping import keep_many
from subscriptions.reopening import settle_restored
from subscriptions.today import today
from subscriptions.totals import refresh_all_totals

CHUNK = 2_000


class Touched(Exception):
    """Records that somebody has worked on since: `references` of the first of them."""

    def __init__(self, references: list[str]) -> None:
        super().__init__(f"{references}")
        self.references = references


def touched(run: FileImport) -> QuerySet[ImportedRow]:
    """The rows of an import whose records were changed, paid, counted or approved since."""
    subscription = OuterRef("subscription")
    paid = Exists(Payment.objects.filter(subscription=subscription))
    counted = Exists(UserCount.objects.filter(subscription=subscription))
    approved = Exists(Approval.objects.filter(subscription=subscription, approved_at__gt=run.created_at))
    # Every act, and the administration, gives a record a new version.
    since = ~Q(version=F("subscription__version")) | approved | (Q(is_new=True) & (paid | counted))
    return ImportedRow.objects.filter(since, file_import=run)


def touched_references(run: FileImport) -> list[str]:
    """The references of the first ten of them."""
    return list(touched(run).order_by("line").values_list("subscription__reference", flat=True)[:10])


@transaction.atomic
def undo(run: FileImport, *, by: User) -> None:
    """Take an import back. Raises Touched when anything else was done with one of its records, and PermissionDenied."""
    run = FileImport.objects.select_for_update().get(pk=run.pk)
    rows = ImportedRow.objects.filter(file_import=run)
    mine = rows.visible_to(by, Role.ADMINISTRATOR)
    if run.state != FileImport.State.DONE or mine.count() != rows.count():
        raise PermissionDenied
    hold_imports()
    keys = list(rows.order_by("subscription").values_list("subscription", flat=True))
    for start in range(0, len(keys), CHUNK):
        held = Subscription.objects.select_for_update(no_key=True).filter(pk__in=keys[start : start + CHUNK])
        list(held.order_by("pk").values_list("pk", flat=True))
    if found := touched_references(run):
        raise Touched(found)
    _Undoing(run, by).all(keys)
    run.state, run.undone_at = FileImport.State.UNDONE, timezone.now()
    run.save()
    counts = {"new": run.new, "changed": run.changed}
    events.record(events.Kind.IMPORT, by=by, about=run, after={"what": "undone", **counts})


class _Undoing:
    def __init__(self, run: FileImport, by: User) -> None:
        self.run, self.by, self.on, self.now = run, by, today(), timezone.now()
        self.reason = f"Import of {run.file_name} undone"

    def all(self, keys: Sequence[int]) -> None:
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            rows = ImportedRow.objects.filter(file_import=self.run, subscription__in=some)
            new = set(rows.filter(is_new=True).values_list("subscription", flat=True))
            changed = [pk for pk in some if pk not in new]
            Subscription.objects.filter(pk__in=new).update(status=Status.VOID, version=F("version") + 1)
            self._restore(changed)
            bulk.write_history(Subscription, some, "~", self.by, self.reason, self.now)
        settle_restored(keys, self.on)
        refresh(keys, self.on)
        keep_many(keys)
        hold_policies()
        moved = refresh_all_totals()
        self._decide(keys)
        imported = ImportedRow.objects.filter(file_import=self.run).values("subscription")
        for policy in Policy.objects.all():
            reconcile_policy(policy, self.on, imported, refreshed=None, held=True)
        reconcile_totals(moved, self.on)

    def _restore(self, keys: Sequence[int]) -> None:
        """Records and price lines as their history has them from before the import."""
        before, _written = self._before(Subscription.history.filter(id__in=keys))
        versions = dict(Subscription.objects.filter(pk__in=keys).values_list("pk", "version"))
        for pk, subscription in before.items():
            subscription.version = versions[pk] + 1
        bulk.update(list(before.values()))
        before, written = self._before(PriceLine.history.filter(subscription_id__in=keys))
        there = set(PriceLine.objects.filter(pk__in=written).values_list("pk", flat=True))
        gone = [pk for pk in there if pk not in before]
        bulk.write_history(PriceLine, gone, "-", self.by, self.reason, self.now)
        PriceLine.objects.filter(pk__in=gone).delete()
        bulk.update(list(before.values()))
        for kind, some in (("~", before.keys() & there), ("+", before.keys() - there)):
            bulk.write_history(PriceLine, sorted(some), kind, self.by, self.reason, self.now)

    def _before(self, history: QuerySet) -> tuple[dict[int, Any], list[int]]:
        """Of what the import wrote: the rows as they were before it, without those that were not there; and all keys."""
        before: dict[int, Any] = {}
        written = []
        last: dict[int, Any] = {}
        for record in history.order_by("history_id"):
            if (record.history_date, record.history_change_reason) == (
                self.run.created_at,
                reason_of(self.run),
            ):
                written.append(record.id)
                if record.id in last:
                    before[record.id] = last[record.id].instance
            last[record.id] = record
        return before, written

    def _decide(self, keys: Sequence[int]) -> None:
        judges = Judges(self.on)
        names = (
            "subscription_id",
            "act",
            "result",
            "outcome",
            "verdicts",
            "reason",
            "decided_by_id",
            "decided_at",
        )
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            failing = judges.failing(Facts.objects.filter(pk__in=some))
            stored = Subscription.objects.filter(pk__in=some).order_by("pk")
            decisions = []
            for pk, status, path in stored.values_list("pk", "status", "agency__path"):
                act = Decision.Act.VOID if status == Status.VOID else Decision.Act.CHANGE
                found = failing.get(pk, [])
                verdicts, came_to = judges.as_json(path, found), outcome(found).value
                done = Decision.Result.DONE.value
                decisions.append([pk, act.value, done, came_to, verdicts, self.reason, self.by.pk, self.now])
            bulk.insert_rows(Decision, names, decisions)
