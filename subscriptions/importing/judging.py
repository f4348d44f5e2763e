"""The verdicts of many records at once, as every act keeps them with its decision."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Coalesce

from agencies.bulk import Ready
from agencies.models import Agency
from policies.models import PolicyVersion, Waiver
from policies.verdicts import Verdict
from subscriptions.evaluation import (
    Judgement,
    columns_to_judge,
    judgement_of_row,
    rows_judged_by,
    uses_totals,
    with_totals,
    with_truths,
)
from subscriptions.models import LIVE, FactsQuerySet
from subscriptions.totals import COLUMNS as TOTALS
from subscriptions.totals import with_all_below


class Judges:
    """The policies in force on a day, to judge saved records by their flat facts."""

    def __init__(self, on: datetime.date) -> None:
        self.on = on
        self.versions = list(PolicyVersion.objects.in_force(on))
        self.waivers = {
            version.pk: Waiver.objects.filter(policy=version.policy).valid_on(on).in_bulk()
            for version in self.versions
        }
        self._passed: dict[tuple[bool, ...], str] = {}

    def failing(self, facts: FactsQuerySet) -> dict[int, list[Judgement]]:
        """The judgements of these records that do not pass; records without any pass all that applies to them."""
        found: dict[int, list[Judgement]] = defaultdict(list)
        live, others = facts.filter(status__in=LIVE), facts.exclude(status__in=LIVE)
        for version in self.versions:
            groups = [facts]
            if uses_totals(version):
                groups = [with_totals(live), *_as_if_live(others)]
            for group in groups:
                judged = rows_judged_by(version, self.on, group).exclude(unwaived=Verdict.PASS)
                for row in with_truths(judged, version).values(*columns_to_judge(version)):
                    judgement = judgement_of_row(version, row, self.waivers[version.pk])
                    found[row["subscription_id"]].append(judgement)
        return found

    def as_json(self, agency_path: str, failing: Sequence[Judgement]) -> Ready:
        """The verdicts of one record as a decision keeps them: each policy in force, in its order."""
        applying = tuple(agency_path.startswith(version.scope.path) for version in self.versions)
        if not failing:
            if applying not in self._passed:
                self._passed[applying] = self._text(applying, {})
            return Ready(self._passed[applying])
        return Ready(self._text(applying, {judgement.version.pk: judgement for judgement in failing}))

    def _text(self, applying: Iterable[bool], failing: dict[int, Judgement]) -> str:
        verdicts: list[dict[str, Any]] = []
        for version, applies in zip(self.versions, applying, strict=True):
            verdict = Verdict.PASS if applies else Verdict.NOT_APPLICABLE
            judgement = failing.get(version.pk) or Judgement(version, verdict, verdict)
            verdicts.append(judgement.as_json())
        return json.dumps(verdicts, cls=DjangoJSONEncoder, ensure_ascii=False)


def _as_if_live(drafts: FactsQuerySet) -> Iterator[FactsQuerySet]:
    """The facts of drafts, each with the totals that its agency would have with this one; see `totals.totals_with`."""
    for agency in Agency.objects.filter(pk__in=drafts.order_by().values("subscription__agency")):
        totals = with_all_below(agency)
        low = Value(totals.low, BigIntegerField()) + Coalesce(
            F("annual_cost_min"), Value(0, BigIntegerField())
        )
        high = (
            Value(None, BigIntegerField())
            if totals.unbounded
            else Value(totals.high, BigIntegerField()) + F("annual_cost_max")
        )
        count = len(totals.products)
        products = Case(
            When(product__in=totals.products, then=Value(count)),
            default=Value(count + 1),
            output_field=BigIntegerField(),
        )
        nothing_known = When(annual_cost_min=None, annual_cost_max=None, then=Value(None, BigIntegerField()))
        if totals.unbounded:
            nothing_known = When(annual_cost_min=None, then=Value(None, BigIntegerField()))
        minimum = low if totals.low else Case(nothing_known, default=low, output_field=BigIntegerField())
        columns = dict(zip(TOTALS, (minimum, high, products, products), strict=True))
        yield drafts.filter(subscription__agency=agency).annotate(**columns)
