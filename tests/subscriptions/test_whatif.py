"""What a draft would hit: the counts and rows against what is in force, with unknowns, waivers and scope; nothing is written."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.models import Condition, PolicyVersion
from policies.verdicts import Verdict
from subscriptions.models import Finding, Status
from subscriptions.whatif import Change, preview, rows_changing
from tests.subscriptions.factories import (
    DAY,
    PolicyVersionFactory,
    PriceLineFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def costing(path: str, won: int | None, status: Status = Status.ACTIVE):
    subscription = SubscriptionFactory(agency=agency_at(path), status=status)
    standing = {"amount": won} if won is not None else {"amount": None, "standing": "not_given"}
    PriceLineFactory(subscription=subscription, basis="flat", cycle="annual", **standing)
    return kept(subscription)


def draft_of(version: PolicyVersion, cap: int, **fields) -> PolicyVersion:
    draft = PolicyVersionFactory(
        policy=version.policy, status=PolicyVersion.Status.DRAFT, effective_from=days(1), **fields
    )
    Condition.objects.create(version=draft, fact="annual_cost", operator="more_than", values=[cap])
    return draft


def test_a_lower_cap_names_what_it_newly_hits():
    version = make_policy(("annual_cost", "more_than", [100]))
    costing("KR/P1", 50)
    hit = [costing("KR/P1", 80), costing("KR/P2", 90)]
    costing("KR/P2", 150)
    costing("KR/P2", None)
    costing("KR/P2", 85, status=Status.DRAFT)
    draft = draft_of(version, 60)
    result = preview(draft, DAY)
    assert result.changes == [Change(Verdict.PASS, Verdict.VIOLATION, 2, 2, 170, 0)]
    assert result.unchanged == 3
    assert result.newly_violating == Change(Verdict.VIOLATION, Verdict.VIOLATION, 2, 2, 170, 0)
    assert result.newly_passing == Change(Verdict.PASS, Verdict.PASS)
    assert sorted(rows_changing(draft, DAY).values_list("pk", flat=True)) == sorted(s.pk for s in hit)


def test_a_first_version_changes_what_no_policy_applied_to():
    policy = PolicyVersionFactory(status=PolicyVersion.Status.DRAFT, effective_from=days(1))
    Condition.objects.create(version=policy, fact="annual_cost", operator="more_than", values=[60])
    costing("KR/P1", 50)
    costing("KR/P1", 70)
    costing("KR/P1", None)
    changes = {
        (c.before, c.after): (c.subscriptions, c.agencies, c.cost, c.unknown)
        for c in preview(policy, DAY).changes
    }
    assert changes == {
        (Verdict.NOT_APPLICABLE, Verdict.PASS): (1, 1, 50, 0),
        (Verdict.NOT_APPLICABLE, Verdict.VIOLATION): (1, 1, 70, 0),
        (Verdict.NOT_APPLICABLE, Verdict.UNDETERMINED): (1, 1, 0, 1),
    }


def test_a_narrower_scope_lets_the_others_go():
    version = make_policy(("annual_cost", "more_than", [60]))
    costing("KR/P1", 70)
    costing("KR/P2", 70)
    result = preview(draft_of(version, 60, scope=agency_at("KR/P1")), DAY)
    assert result.changes == [Change(Verdict.VIOLATION, Verdict.NOT_APPLICABLE, 1, 1, 70, 0)]


def test_a_waiver_covers_the_draft_as_well():
    version = make_policy(("annual_cost", "more_than", [100]))
    WaiverFactory(policy=version.policy, agency=agency_at("KR/P1"))
    costing("KR/P1", 80)
    result = preview(draft_of(version, 60), DAY)
    assert result.changes == [Change(Verdict.PASS, Verdict.WAIVED, 1, 1, 80, 0)]


def test_an_unknown_cost_is_said_to_be_unknown():
    assert Change(Verdict.PASS, Verdict.VIOLATION, 2, 1, 0, 2).cost_text == "미제공"
    assert Change(Verdict.PASS, Verdict.VIOLATION).cost_text == "–"


def test_nothing_is_written():
    version = make_policy(("annual_cost", "more_than", [100]))
    costing("KR/P1", 80)
    draft = draft_of(version, 60)
    before = list(Finding.objects.values())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        preview(draft, DAY)
        list(rows_changing(draft, DAY))
    assert [
        q["sql"] for q in queries if not q["sql"].lstrip().upper().startswith(("SELECT", "DECLARE"))
    ] == []
    assert list(Finding.objects.values()) == before
