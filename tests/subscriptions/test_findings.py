"""How findings follow the verdicts: opened, touched, changed, closed and opened again, whichever way they are reconciled."""

import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from policies.models import Policy, PolicyVersion, Waiver
from policies.verdicts import Effect, Verdict
from subscriptions import findings as findings_module
from subscriptions.facts import refresh
from subscriptions.findings import reconcile_one, reconcile_policy, reconcile_totals
from subscriptions.models import Approval, Facts, Finding, Status, Subscription
from subscriptions.opening import open_many
from subscriptions.totals import refresh_all_totals
from tests.examples import examples
from tests.subscriptions import reference
from tests.subscriptions.factories import (
    DAY,
    SubscriptionFactory,
    UserFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

BLOCKED = ("personal_data", "is", [True])


def one_by_one(on: datetime.date = DAY) -> None:
    for subscription in Subscription.objects.select_related("agency", "facts").order_by("pk"):
        reconcile_one(subscription, on)


def policy_by_policy(on: datetime.date = DAY) -> None:
    for policy in Policy.objects.order_by("pk"):
        reconcile_policy(policy, on)


@pytest.fixture(params=[one_by_one, policy_by_policy], ids=["one by one", "policy by policy"])
def reconcile(request: pytest.FixtureRequest):
    """Both ways lead to the same."""
    return request.param


def findings(*more: str) -> list[tuple[Any, ...]]:
    """(verdict, cause, closed because) of all findings in the order they were opened, with more columns if asked."""
    return list(Finding.objects.order_by("pk").values_list("verdict", "cause", "closed_because", *more))


def history() -> list[tuple[str, str, str]]:
    """(what happened, verdict, closed because), oldest first."""
    rows = Finding.history.order_by("history_id")
    return list(rows.values_list("history_type", "verdict", "closed_because"))


def noon(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(12), tzinfo=timezone.get_default_timezone())


def subscription(**fields: Any) -> Subscription:
    made = SubscriptionFactory(**{"agency": agency_at("KR/P1"), **fields})
    refresh([made.pk], DAY)
    return made


def set_facts(made: Subscription, **fields: Any) -> None:
    Subscription.objects.filter(pk=made.pk).update(**fields)
    refresh([made.pk], DAY)


# --- the life of a finding --------------------------------------------------------------------------------------------


def test_what_passes_has_none(reconcile):
    make_policy(BLOCKED)
    make_policy(BLOCKED, scope=agency_at("KR/P2"))
    subscription(personal_data=False)
    reconcile()
    assert findings() == []


def test_what_violates_opens_one(reconcile):
    version = make_policy(BLOCKED, ("seats", "more_than", [5]), effect=Effect.WARN, remedy_days=7)
    violating = subscription(personal_data=True)
    reconcile()
    assert Finding.objects.values().get() == {
        "id": Finding.objects.get().pk,
        "policy_id": version.policy_id,
        "policy_version_id": version.pk,
        "subscription_id": violating.pk,
        "verdict": "violation",
        "effect": "warn",
        "cause": "",
        "waiver_id": None,
        "unwaived_verdict": "violation",
        "deciding_facts": {
            "reasons": [
                {
                    "group": 1,
                    "fact": "personal_data",
                    "operator": "is",
                    "values": [True],
                    "truth": "true",
                    "known": [True],
                }
            ]
        },
        "first_seen": noon(DAY),
        "last_seen": noon(DAY),
        "remedy_due": days(7),
        "assigned_to_id": None,
        "escalated_at": None,
        "closed_at": None,
        "closed_because": "",
    }
    assert history() == [("+", "violation", "")]


def test_without_days_to_remedy_nothing_is_due(reconcile):
    make_policy(BLOCKED)
    subscription(personal_data=True)
    reconcile()
    assert Finding.objects.get().remedy_due is None


def test_what_stands_is_touched_and_its_history_does_not_grow(reconcile, clock):
    WaiverFactory(policy=make_policy(BLOCKED, remedy_days=7).policy)
    make_policy(BLOCKED, remedy_days=7)
    make_policy(("data_class", "is", ["open"]))
    subscription(personal_data=True)
    reconcile()
    once = list(Finding.objects.order_by("pk").values())
    assert {finding["verdict"] for finding in once} == {"waived", "violation", "undetermined"}
    clock(days(3))
    reconcile(days(3))
    for before, now in zip(once, Finding.objects.order_by("pk"), strict=True):
        assert now.seen_at == noon(days(3))
        left = {name: value for name, value in before.items() if name != "last_seen"}
        assert left == {name: getattr(now, name) for name in left}
    assert len(history()) == 3


def test_a_verdict_that_changes(reconcile, clock):
    make_policy(BLOCKED)
    made = subscription(personal_data=None)
    reconcile()
    clock(days(1))
    set_facts(made, personal_data=True)
    reconcile()
    assert findings("first_seen") == [("violation", "", "", noon(DAY))]
    assert history() == [("+", "undetermined", ""), ("~", "violation", "")]


def test_what_is_put_right_closes_and_opens_again_as_the_same(reconcile, clock):
    make_policy(BLOCKED, remedy_days=7)
    made = subscription(personal_data=True)
    reconcile()

    clock(days(1))
    set_facts(made, personal_data=False)
    reconcile()
    assert findings("closed_at", "last_seen") == [("violation", "", "passes", noon(days(1)), noon(DAY))]

    clock(days(2))
    reconcile()  # what is closed stays as it is
    assert findings("closed_at") == [("violation", "", "passes", noon(days(1)))]

    clock(days(9))
    set_facts(made, personal_data=True)
    reconcile()
    assert findings("closed_at", "first_seen", "last_seen", "remedy_due") == [
        ("violation", "", "", None, noon(DAY), noon(days(9)), days(16))
    ]
    assert history() == [("+", "violation", ""), ("~", "violation", "passes"), ("~", "violation", "")]


@pytest.mark.parametrize("status", Status)
def test_what_is_not_live_any_more(reconcile, status):
    make_policy(BLOCKED)
    made = subscription(personal_data=True)
    reconcile()
    set_facts(made, status=status)
    reconcile()
    live = status in (Status.REQUESTED, Status.APPROVED, Status.ACTIVE)
    assert findings() == [("violation", "", "" if live else "not_judged")]


@pytest.mark.parametrize(
    "change",
    [
        {"status": PolicyVersion.Status.RETIRED},
        {"effective_until": days(-1)},
        {"scope": "KR/P2"},
    ],
)
def test_a_policy_that_does_not_apply_any_more(reconcile, change):
    version = make_policy(BLOCKED)
    subscription(personal_data=True)
    reconcile()
    if "scope" in change:
        change = {"scope": agency_at(change["scope"])}
    PolicyVersion.objects.filter(pk=version.pk).update(**change)
    reconcile()
    assert findings() == [("violation", "", "not_applicable")]


def test_an_agency_that_left_the_scope(reconcile):
    make_policy(BLOCKED, scope=agency_at("KR/P1"))
    made = subscription(personal_data=True, agency=agency_at("KR/P1/C1"))
    reconcile()
    city = agency_at("KR/P1/C1")
    city.parent = agency_at("KR/P2")
    city.save()
    refresh([made.pk], DAY)
    reconcile()
    assert findings() == [("violation", "", "not_applicable")]


def test_a_new_version_takes_the_finding_over(reconcile):
    old = make_policy(BLOCKED, effect=Effect.BLOCK)
    subscription(personal_data=True)
    reconcile()
    PolicyVersion.objects.filter(pk=old.pk).update(status=PolicyVersion.Status.RETIRED)
    new = make_policy(BLOCKED, policy=old.policy, effect=Effect.WARN)
    reconcile()
    assert findings("policy_version", "effect") == [("violation", "", "", new.pk, "warn")]


# --- waivers and approvals --------------------------------------------------------------------------------------------


def test_a_waiver_that_comes_and_goes(reconcile):
    version = make_policy(BLOCKED)
    subscription(personal_data=True)
    reconcile()
    waiver = WaiverFactory(policy=version.policy, valid_from=DAY, valid_until=days(9))
    reconcile()
    assert findings("waiver", "unwaived_verdict") == [("waived", "waiver", "", waiver.pk, "violation")]
    longer = WaiverFactory(policy=version.policy, valid_until=days(20))
    reconcile()
    assert findings("waiver") == [("waived", "waiver", "", longer.pk)]
    Waiver.objects.update(status=Waiver.Status.REVOKED)
    reconcile()
    assert findings("waiver") == [("violation", "", "", None)]
    assert [verdict for _type, verdict, _closed in history()] == [
        "violation",
        "waived",
        "waived",
        "violation",
    ]


def test_a_waiver_that_ends_by_itself(reconcile, clock):
    WaiverFactory(policy=make_policy(BLOCKED).policy, valid_until=days(2))
    subscription(personal_data=True)
    for day, verdict in ((DAY, "waived"), (days(2), "waived"), (days(3), "violation")):
        clock(day)
        reconcile(day)
        assert [found for found, _cause, _closed in findings()] == [verdict]


def test_what_is_waived_keeps_being_evaluated(reconcile):
    WaiverFactory(policy=make_policy(BLOCKED).policy)
    made = subscription(personal_data=True)
    reconcile()
    set_facts(made, personal_data=None)
    reconcile()
    assert findings("unwaived_verdict") == [("waived", "waiver", "", "undetermined")]
    set_facts(made, personal_data=False)
    reconcile()
    assert findings() == [("waived", "waiver", "passes")]


def test_an_approval_and_its_end(reconcile):
    version = make_policy(BLOCKED, effect=Effect.APPROVAL)
    made = subscription(personal_data=True)
    Approval.objects.create(
        subscription=made, policy_version=version, approved_by=UserFactory(), reason="accepted"
    )
    reconcile()
    assert findings() == [("waived", "approved", "")]
    Approval.objects.update(ended_at=timezone.now())
    reconcile()
    assert findings() == [("violation", "", "")]


def test_an_approval_of_what_was_undetermined_does_not_excuse_its_violation_under_a_block(reconcile):
    version = make_policy(BLOCKED, effect=Effect.BLOCK)
    made = subscription(personal_data=None)
    Approval.objects.create(
        subscription=made, policy_version=version, approved_by=UserFactory(), reason="accepted"
    )
    reconcile()
    assert findings("unwaived_verdict") == [("waived", "approved", "", "undetermined")]
    set_facts(made, personal_data=True)
    reconcile()
    assert findings("unwaived_verdict") == [("violation", "", "", "violation")]


# --- both ways, on generated registers --------------------------------------------------------------------------------


def snapshot() -> list[dict[str, Any]]:
    return list(Finding.objects.order_by("policy", "subscription").values())


@pytest.fixture
def ground() -> reference.Ground:
    return reference.Ground()


def kept_findings() -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "id"} for row in snapshot()]


@pytest.mark.django_db(transaction=True)  # each example rolls back one of its own
@examples(30, share=2)
@given(register=reference.registers(), data=st.data())
def test_one_by_one_and_policy_by_policy_come_to_the_same(ground, register, data):
    """From nothing, and again from what either left behind after statuses, waivers, approvals and policies have changed."""
    with transaction.atomic():
        built = reference.build(ground, *register)
        first = both_ways()
        assert len(first) == len(snapshot())

        status = data.draw(st.sampled_from(["none", "waivers", "approvals", "policies", "subscriptions"]))
        if status == "waivers":
            Waiver.objects.update(valid_until=DAY, valid_from=days(-1), status=Waiver.Status.GRANTED)
        elif status == "approvals":
            Approval.objects.update(ended_at=timezone.now())
        elif status == "policies":
            PolicyVersion.objects.filter(pk=built.versions[0].pk).update(status=PolicyVersion.Status.RETIRED)
        elif status == "subscriptions":
            gone = built.subscriptions[0].pk
            Subscription.objects.filter(pk=gone).update(status=Status.ENDED)
            Facts.objects.filter(pk=gone).update(status=Status.ENDED)
            reconcile_totals(refresh_all_totals(), DAY, held=False)
        second = both_ways()
        if status == "none":
            assert second == first
        transaction.set_rollback(True)


def both_ways() -> list[dict[str, Any]]:
    """What reconciling leaves; the same whichever way, and nothing more when the other way follows, history included."""
    marker = transaction.savepoint()
    one_by_one()
    by_one = kept_findings()
    transaction.savepoint_rollback(marker)
    policy_by_policy()
    assert kept_findings() == by_one
    rows = Finding.history.count()
    one_by_one()
    policy_by_policy()
    assert kept_findings() == by_one
    assert Finding.history.count() == rows
    return by_one


def test_what_is_put_right_while_a_check_waits_for_it_opens_nothing(monkeypatch):
    """What the check has counted as failing is judged anew once it is held."""
    version = make_policy(BLOCKED)
    made = subscription(personal_data=True)
    hold = findings_module._hold

    def put_right_and_hold(policy, ids):
        set_facts(made, personal_data=False)
        hold(policy, ids)

    monkeypatch.setattr(findings_module, "_hold", put_right_and_hold)
    reconcile_policy(version.policy, DAY)
    assert findings() == []


def test_many_are_reconciled_in_chunks(monkeypatch):
    monkeypatch.setattr("subscriptions.findings.CHUNK", 2)
    version = make_policy(BLOCKED)
    for _number in range(5):
        subscription(personal_data=True)
    reconcile_policy(version.policy, DAY)
    assert Finding.objects.open().count() == 5


def test_the_same_is_reconciled_with_as_few_queries_for_many_as_for_one(django_assert_max_num_queries):
    version = make_policy(BLOCKED)
    for _number in range(10):
        subscription(personal_data=True)
    reconcile_policy(version.policy, DAY)
    with django_assert_max_num_queries(13):
        reconcile_policy(version.policy, DAY)


# --- what the database itself refuses ---------------------------------------------------------------------------------


def a_finding(**fields: Any) -> Finding:
    version = make_policy(BLOCKED)
    return Finding(
        **{
            "policy": version.policy,
            "policy_version": version,
            "subscription": SubscriptionFactory(),
            "verdict": "violation",
            "unwaived_verdict": "violation",
            "effect": "block",
            "first_seen": timezone.now(),
            "last_seen": timezone.now(),
            **fields,
        }
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "pass"},
        {"verdict": "not_applicable"},
        {"verdict": "waived"},  # without a cause
        {"verdict": "violation", "cause": "waiver"},
        {"verdict": "undetermined", "cause": "approved"},
    ],
)
def test_the_database_refuses(fields):
    with pytest.raises(IntegrityError):
        a_finding(**fields).save()


def test_the_database_refuses_a_second_finding_of_a_pair():
    first = a_finding()
    first.save()
    with pytest.raises(IntegrityError):
        a_finding(policy=first.policy, subscription=first.subscription).save()


def test_what_needs_attention():
    make_policy(BLOCKED)
    make_policy(("data_class", "is", ["open"]))
    WaiverFactory(policy=make_policy(BLOCKED).policy)
    kept(SubscriptionFactory(personal_data=True))
    assert Finding.objects.open().count() == 3
    attention = Finding.objects.needing_attention().values_list("verdict", flat=True)
    assert sorted(attention) == [Verdict.UNDETERMINED, Verdict.VIOLATION]


# --- many at once -----------------------------------------------------------------------------------------------------


def test_many_are_opened_with_the_same_rows_and_history_as_few(monkeypatch, clock):
    """With waivers, approvals and what is undetermined among them, on both databases."""
    version = make_policy(
        ("data_class", "more_than", ["open"]), ("personal_data", "is", [True]), remedy_days=7
    )
    for number in range(12):
        subscription(
            personal_data=[True, None][number % 2], data_class=["sensitive", "open"][number // 2 % 2]
        )
    first = Subscription.objects.order_by("pk")[0]
    WaiverFactory(policy=version.policy, agency=first.agency, product=first.product)

    def written() -> tuple[list[dict], list[dict]]:
        marker = transaction.savepoint()
        reconcile_policy(version.policy, DAY)
        rows = list(Finding.objects.order_by("subscription").values())
        kept = list(Finding.history.order_by("subscription").values())
        transaction.savepoint_rollback(marker)
        for row in rows:
            row.pop("id")
        for row in kept:
            for name in ("id", "history_id", "history_date"):
                row.pop(name)
        return rows, kept

    one_by_one = written()
    monkeypatch.setattr("subscriptions.findings.FEW", 0)
    assert written() == one_by_one
    assert {row["verdict"] for row in one_by_one[0]} == {"waived", "violation", "undetermined"}
    assert len(one_by_one[0]) == len(one_by_one[1]) == 12


def test_many_that_come_in_no_order_each_begin_a_history():
    version = make_policy(BLOCKED)
    made = [subscription(personal_data=True) for _number in range(5)]
    now = timezone.now()
    for some in (
        [made[3], made[0]],
        [made[4], made[1], made[2]],
    ):  # at one instant, with keys between each other's
        like = Finding(
            policy=version.policy, policy_version=version, effect="block", first_seen=now, last_seen=now
        )
        open_many(like, [(one.pk, "violation", "violation", "", None, {}) for one in some])
    kept = Finding.history.order_by("subscription").values_list("subscription", "id", "history_type")
    found = Finding.objects.order_by("subscription").values_list("subscription", "pk")
    assert list(kept) == [(*pair, "+") for pair in found]
    assert len(found) == 5
