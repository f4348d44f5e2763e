"""What a draft would hit: all live subscriptions judged by it and by what is in force now, in the database; writes nothing."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Case, CharField, Count, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import gettext

from figures.formatting import won
from figures.standing import Standing
from policies.compiling import compile_conditions
from policies.models import PolicyVersion, Waiver
from policies.verdicts import Verdict
from subscriptions.evaluation import covering, uses_totals, with_totals
from subscriptions.models import Facts, FactsQuerySet


@dataclass
class Change:
    """How many subscriptions of how many agencies would go from one verdict to another, and their annual cost in won.

    `cost` is the known minimum; `unknown` of the subscriptions have a cost that is not wholly known.
    """

    before: Verdict
    after: Verdict
    subscriptions: int = 0
    agencies: int = 0
    cost: int = 0
    unknown: int = 0

    @property
    def cost_text(self) -> str:
        """The annual cost in words: an unknown one is said to be so, and never zero."""
        if not self.subscriptions:
            return "–"
        if self.unknown and not self.cost:
            return str(Standing.NOT_GIVEN.label)
        return gettext("at least %(amount)s") % {"amount": won(self.cost)} if self.unknown else won(self.cost)


@dataclass
class Preview:
    """The changes, the largest first, and how many subscriptions were looked at and stay as they are."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0

    @property
    def newly_violating(self) -> Change:
        return self._sum(Verdict.VIOLATION)

    @property
    def newly_passing(self) -> Change:
        return self._sum(Verdict.PASS)

    @property
    def newly_undetermined(self) -> Change:
        return self._sum(Verdict.UNDETERMINED)

    def _sum(self, after: Verdict) -> Change:
        """All changes that end in one verdict; an agency counts once for each verdict it comes from."""
        total = Change(after, after)
        for change in self.changes:
            if change.after == after:
                total.subscriptions += change.subscriptions
                total.agencies += change.agencies
                total.cost += change.cost
                total.unknown += change.unknown
        return total


def rows_changing(draft: PolicyVersion, on: datetime.date) -> FactsQuerySet:
    """The flat facts of the subscriptions whose verdict would change, each with `before` and `after`."""
    return _rows(draft, on).exclude(before=F("after"))


def preview(draft: PolicyVersion, on: datetime.date) -> Preview:
    """Count what would change on a day, grouped by agency in the database."""
    # Under this name no index promises the agencies in order, so that PostgreSQL reads the table once, from its beginning.
    rows = rows_changing(draft, on).annotate(at=Concat("agency_path", Value("")))
    counted = rows.order_by().values("before", "after", "at")
    counted = counted.annotate(
        subscriptions=Count("pk"),
        cost=Coalesce(Sum("annual_cost_min"), 0),
        unknown=Count("pk", filter=Q(annual_cost_max__isnull=True)),
    )
    found: dict[tuple[str, str], Change] = {}
    result = Preview(unchanged=_rows(draft, on).count())
    for before, after, subscriptions, cost, unknown in counted.values_list(
        "before", "after", "subscriptions", "cost", "unknown"
    ).iterator(chunk_size=5000):
        change = found.setdefault((before, after), Change(Verdict(before), Verdict(after)))
        change.subscriptions += subscriptions
        change.agencies += 1
        change.cost += cost
        change.unknown += unknown
        result.unchanged -= subscriptions
    result.changes = sorted(found.values(), key=lambda change: -change.subscriptions)
    return result


def _rows(draft: PolicyVersion, on: datetime.date) -> FactsQuerySet:
    now = PolicyVersion.objects.in_force(on).filter(policy=draft.policy).first()
    versions = [version for version in (now, draft) if version is not None]
    scopes = Q()
    for version in versions:
        scopes |= Q(agency_path__within=version.scope.path)
    rows = Facts.objects.judged().filter(scopes)
    if any(uses_totals(version) for version in versions):
        rows = with_totals(rows)
    waivers = list(
        Waiver.objects.filter(policy=draft.policy).valid_on(on).select_related("agency", "product", "vendor")
    )
    before = _verdict(now, waivers) if now else Value(Verdict.NOT_APPLICABLE.value, output_field=CharField())
    return rows.annotate(before=before, after=_verdict(draft, waivers))


def _verdict(version: PolicyVersion, waivers: Iterable[Waiver]) -> Case:
    """The verdict of a version, whether or not it is in force, with the waivers of its policy."""
    truth = compile_conditions(version.conditions.all())
    in_scope = Q(agency_path__within=version.scope.path)
    excused = [When(covering(w), then=Value(Verdict.WAIVED.value)) for w in waivers]
    return Case(
        When(~in_scope, then=Value(Verdict.NOT_APPLICABLE.value)),
        When(truth.false, then=Value(Verdict.PASS.value)),
        *excused,
        When(truth.true, then=Value(Verdict.VIOLATION.value)),
        default=Value(Verdict.UNDETERMINED.value),
        output_field=CharField(),
    )
