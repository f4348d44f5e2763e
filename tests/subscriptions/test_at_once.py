"""What two people do at the same moment, on PostgreSQL: the second waits for the first, and neither loses or doubles anything.

SQLite has one writer at a time, and its transactions begin as writers, so that there is nothing to interleave.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from agencies.models import Agency, User
from policies.changing import policy_changed
from policies.holding import hold_policies
from policies.models import PolicyVersion
from subscriptions import findings, recording, storing
from subscriptions.checking import check_everything
from subscriptions.findings import reconcile_policy
from subscriptions.models import (
    AgencyTotals,
    Decision,
    Facts,
    Finding,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)
from subscriptions.recording import NotPossible, StaleEdit
from subscriptions.totals import refresh_totals
from tests.audit import behind
from tests.subscriptions.factories import (
    DAY,
    PolicyFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    kept,
    make_policy,
    person,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock"),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only on PostgreSQL: SQLite has one writer at a time: nothing can be interleaved",
    ),
]

BLOCKED = ("personal_data", "is", [True])


@dataclass
class Done:
    """What a thread came to."""

    result: Any = None
    error: BaseException | None = None


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, Done]:
    done = Done()

    def run() -> None:
        try:
            done.result = work()
        except Exception as error:
            done.error = error
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, done


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0


Interleave = Callable[..., tuple[Done, Done, bool]]


@pytest.fixture
def interleave(monkeypatch: pytest.MonkeyPatch) -> Interleave:
    """`interleave(first, second, pause=(module, name))`: both at once, and whether the second had to wait.

    The first runs up to that function and stops there, with its transaction open. The second runs until it waits for a lock or
    is done. Then the first goes on.
    """

    def run(
        first: Callable[[], Any], second: Callable[[], Any], pause: tuple[Any, str] = (recording, "log")
    ) -> tuple[Done, Done, bool]:
        reached, go_on = threading.Event(), threading.Event()
        original = getattr(*pause)
        pausing: list[threading.Thread] = []

        def paused(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() in pausing:
                pausing.clear()
                reached.set()
                assert go_on.wait(30)
            return original(*args, **kwargs)

        monkeypatch.setattr(*pause, paused)

        def first_of_all() -> Any:
            pausing.append(threading.current_thread())
            return first()

        one, first_done = in_thread(first_of_all)
        assert reached.wait(30), first_done.error
        two, second_done = in_thread(second)
        waited = False
        for _attempt in range(3000):
            waited = somebody_waits()
            if waited or not two.is_alive():
                break
            time.sleep(0.01)
        go_on.set()
        one.join(30)
        two.join(30)
        assert not one.is_alive()
        assert not two.is_alive()
        monkeypatch.setattr(*pause, original)
        return first_done, second_done, waited

    return run


@pytest.fixture
def by() -> User:
    return person("sysadmin")


def unsaved(agency: Agency, **fields: Any) -> Subscription:
    return Subscription(**{"agency": agency, "product": ProductFactory(), "started_on": DAY, **fields})


def saved(status: Status, **fields: Any) -> Subscription:
    return kept(SubscriptionFactory(agency=agency_at("KR/P1"), status=status, started_on=DAY, **fields))


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.select_related("agency", "product__vendor").get(pk=subscription.pk)


# --- references -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locked", [True, False])
def test_two_requests_of_one_agency_get_different_references(interleave, by, monkeypatch, locked):
    agency = agency_at("KR/P1")
    one, two = unsaved(agency), unsaved(agency)
    if not locked:  # the control: without the lock on the agency they take the same
        monkeypatch.setattr(type(Agency.objects.all()), "select_for_update", lambda self, **how: self)
    first, second, waited = interleave(
        lambda: recording.request(one, [], by=by), lambda: recording.request(two, [], by=by)
    )
    assert first.error is None
    assert waited
    if locked:
        assert second.error is None
        references = Subscription.objects.order_by("pk").values_list("reference", flat=True)
        assert list(references) == ["P1-2026-0001", "P1-2026-0002"]
    else:
        assert isinstance(second.error, IntegrityError)


def test_requests_of_different_agencies_do_not_wait_for_each_other(interleave, by):
    one, two = unsaved(agency_at("KR/P1")), unsaved(agency_at("KR/P2"))
    first, second, waited = interleave(
        lambda: recording.request(one, [], by=by), lambda: recording.request(two, [], by=by)
    )
    assert (first.error, second.error, waited) == (None, None, False)


# --- edits ------------------------------------------------------------------------------------------------------------


def test_of_two_edits_of_one_version_the_second_is_told(interleave, by):
    subscription = saved(Status.ACTIVE)

    def edit(plan: str) -> Callable[[], Any]:
        form = fresh(subscription)
        form.plan = plan
        return lambda: recording.change(form, [], by=by, version=1)

    first, second, waited = interleave(edit("First"), edit("Second"))
    assert first.error is None
    assert waited
    assert isinstance(second.error, StaleEdit)
    assert second.error.current.plan == "First"
    assert (fresh(subscription).plan, fresh(subscription).version) == ("First", 2)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("act", ["request", "declare", "save_draft"])
def test_a_draft_is_sent_once(interleave, by, act):
    subscription = saved(Status.DRAFT)
    one, two = fresh(subscription), fresh(subscription)
    first, second, waited = interleave(
        lambda: recording.request(one, [], by=by), lambda: getattr(recording, act)(two, [], by=by)
    )
    assert first.error is None
    assert waited
    assert isinstance(second.error, NotPossible)
    assert fresh(subscription).status == Status.REQUESTED
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("act", ["approve", "refuse"])
def test_a_request_is_decided_once(interleave, by, act):
    subscription = saved(Status.REQUESTED)
    more = {"reason": "dear"} if act == "refuse" else {}
    first, second, waited = interleave(
        lambda: recording.approve(subscription, by=by),
        lambda: getattr(recording, act)(subscription, by=by, **more),
    )
    assert first.error is None
    assert waited
    assert isinstance(second.error, NotPossible)
    assert fresh(subscription).status == Status.ACTIVE


@pytest.mark.parametrize("locking", [True, False], ids=["locked", "not locked"])
def test_two_approvers_at_once_decide_once(interleave, monkeypatch, locking):
    """One approves the change that waits while another refuses it. Without the lock both would, and tell different things."""
    place = agency_at("KR")
    subscription = saved(Status.ACTIVE, personal_data=False, ends_on=DAY)
    form = fresh(subscription)
    form.ends_on = None
    recording.change(form, [], by=person("administrator", place), version=1)
    if not locking:
        monkeypatch.setattr(recording, "locked", lambda one: Subscription.objects.get(pk=one.pk))
    one, two = person("approver", place), person("approver", place)
    first, second, waited = interleave(
        lambda: recording.approve(subscription, by=one),
        lambda: recording.refuse(subscription, by=two, reason="too long"),
    )
    assert first.error is None
    decided = list(Decision.objects.exclude(act="change").values_list("act", "decided_by"))
    if locking:
        assert isinstance(second.error, NotPossible)
        assert decided == [("approve", one.pk)]
        assert Reopening.objects.get().closed_as == Reopening.Closing.APPROVED
        assert fresh(subscription).ends_on is None
    else:
        assert len(decided) == 2
    assert waited


# --- policies ---------------------------------------------------------------------------------------------------------


def put_in_force(version: PolicyVersion) -> None:
    with transaction.atomic():
        version.status = PolicyVersion.Status.IN_FORCE
        version.save()
        policy_changed(version.policy)


def new_in_force() -> None:
    with transaction.atomic():
        version = make_policy(BLOCKED, policy=PolicyFactory(code="new", owner=Agency.objects.get(code="KR")))
        policy_changed(version.policy)


def draft() -> PolicyVersion:
    return make_policy(BLOCKED, status=PolicyVersion.Status.DRAFT)


@pytest.fixture(params=["a draft", "a new policy"])
def comes_into_force(request: pytest.FixtureRequest, transactional_db: None) -> Callable[[], None]:
    if request.param == "a new policy":
        return new_in_force
    version = draft()
    return lambda: put_in_force(version)


@pytest.fixture(params=[True, False], ids=["held", "not held"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the policies are held; the control shows what happens otherwise."""
    if not request.param:
        monkeypatch.setattr(storing, "hold_policies", lambda: None)
    return request.param


def test_a_policy_comes_into_force_after_an_approval_that_has_begun(interleave, by, comes_into_force, held):
    subscription = saved(Status.REQUESTED, personal_data=True)
    first, second, waited = interleave(lambda: recording.approve(subscription, by=by), comes_into_force)
    assert (first.error, second.error, waited) == (None, None, True)
    assert fresh(subscription).status == Status.ACTIVE
    assert [f.verdict for f in Finding.objects.open()] == ["violation"]  # and nothing is switched off


@pytest.mark.parametrize("act", ["declare", "request"])
def test_a_policy_comes_into_force_after_a_record_that_has_begun(interleave, by, comes_into_force, held, act):
    """Which does not exist yet for whoever puts the policy in force."""
    subscription = unsaved(agency_at("KR"), personal_data=True)
    first, second, waited = interleave(
        lambda: getattr(recording, act)(subscription, [], by=by), comes_into_force
    )
    assert (first.error, second.error, waited) == (None, None, held)
    assert [f.verdict for f in Finding.objects.open()] == (["violation"] if held else [])


def test_a_change_waits_for_a_policy_that_is_coming_into_force(interleave, by, comes_into_force, held):
    subscription = saved(Status.ACTIVE, personal_data=False)
    form = fresh(subscription)
    form.personal_data = True
    first, second, waited = interleave(
        comes_into_force,
        lambda: recording.change(form, [], by=by, version=1),
        pause=(sys.modules[__name__], "policy_changed"),
    )
    assert (first.error, second.error, waited) == (None, None, held)
    assert second.result.refused is held


@pytest.mark.parametrize(("act", "status"), [("approve", Status.REQUESTED), ("activate", Status.APPROVED)])
def test_a_start_waits_for_a_policy_that_is_coming_into_force(
    interleave, by, comes_into_force, held, act, status
):
    subscription = saved(status, personal_data=True)
    from tests.subscriptions import (
        test_at_once as here,
    )  # the name that is paused is looked up in this module

    first, second, waited = interleave(
        comes_into_force, lambda: getattr(recording, act)(subscription, by=by), pause=(here, "policy_changed")
    )
    assert (first.error, second.error, waited) == (None, None, held)
    assert second.result.refused is held
    assert fresh(subscription).status == (status if held else Status.ACTIVE)


def test_starts_do_not_wait_for_each_other(interleave, by):
    draft()
    one, two = saved(Status.REQUESTED), saved(Status.REQUESTED)
    first, second, waited = interleave(
        lambda: recording.approve(one, by=by), lambda: recording.approve(two, by=by)
    )
    assert (first.error, second.error, waited) == (None, None, False)


# --- checks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["locked", "not locked"])
def locked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a check locks the subscriptions that it writes findings of; the control shows what happens otherwise."""
    if not request.param:
        monkeypatch.setattr(findings, "_hold", lambda policy, ids: None)
    return request.param


def told() -> list[tuple[str, str, str]]:
    """(what happened, verdict, closed because) of all findings, oldest first, without what preparing a test has left."""
    rows = Finding.history.order_by("history_id")
    return list(rows.values_list("history_type", "verdict", "closed_because"))


def forgotten() -> None:
    Finding.objects.all().delete()
    behind.run("subscriptions_historicalfinding", "DELETE FROM subscriptions_historicalfinding")


def test_two_checks_at_once_open_a_finding_once(interleave, locked):
    version = make_policy(BLOCKED)
    subscription = saved(Status.ACTIVE, personal_data=True)
    forgotten()
    first, second, waited = interleave(
        lambda: reconcile_policy(version.policy, DAY),
        lambda: reconcile_policy(version.policy, DAY),
        pause=(findings, "_write"),
    )
    assert (second.error, waited) == (None, locked)
    assert list(Finding.objects.values_list("subscription", "verdict")) == [(subscription.pk, "violation")]
    assert told() == [("+", "violation", "")]
    if locked:
        assert first.error is None
    else:  # it breaks off, and whatever it had still to write is lost
        assert isinstance(first.error, IntegrityError)


@pytest.mark.parametrize(
    ("before", "now", "end"),
    [(True, False, ("~", "violation", "passes")), (None, True, ("~", "violation", ""))],
    ids=["closed", "changed"],
)
def test_two_checks_at_once_tell_what_happened_once(interleave, locked, before, now, end):
    version = make_policy(BLOCKED)
    saved(Status.ACTIVE, personal_data=before)
    Facts.objects.update(personal_data=now)
    opened = told()
    first, second, waited = interleave(
        lambda: reconcile_policy(version.policy, DAY),
        lambda: reconcile_policy(version.policy, DAY),
        pause=(findings, "bulk_update_with_history"),
    )
    assert (first.error, second.error, waited) == (None, None, locked)
    assert told() == [*opened, *([end] if locked else [end, end])]


@pytest.mark.parametrize("check", ["one policy", "everything"])
def test_a_check_does_not_lose_an_edit(interleave, by, check):
    """The edit puts right what the check has just found wrong."""
    version = make_policy(BLOCKED)
    subscription = saved(Status.ACTIVE, personal_data=True)
    Finding.objects.all().delete()
    form = fresh(subscription)
    form.personal_data = False
    first, second, waited = interleave(
        lambda: recording.change(form, [], by=by, version=1),
        lambda: reconcile_policy(version.policy, DAY) if check == "one policy" else check_everything(),
    )
    assert (first.error, second.error, waited) == (None, None, True)
    assert Facts.objects.get().personal_data is False
    assert not Finding.objects.open().exists()


def test_an_edit_waits_for_a_check(interleave, by, locked):
    """The check has read the facts and has not written yet what they mean, when the edit changes them."""
    version = make_policy(("seats", "more_than", [5]), effect="warn")
    subscription = saved(Status.ACTIVE, personal_data=False)
    subscription.price_lines.create(position=1, seats=10, **flat(1))
    kept(subscription)
    Finding.objects.update(verdict="undetermined", unwaived_verdict="undetermined")
    form = fresh(subscription)
    first, second, waited = interleave(
        lambda: reconcile_policy(version.policy, DAY),
        lambda: recording.change(form, [PriceLine(seats=20, **flat(1))], by=by, version=1),
        pause=(findings, "bulk_update_with_history"),
    )
    assert (first.error, second.error, waited) == (None, None, locked)
    finding = Finding.objects.get()
    assert finding.verdict == "violation"
    known = finding.deciding_facts["reasons"][0]["known"]
    assert known == ([20, 20] if locked else [10, 10])  # otherwise it tells of seats that are there no more


def test_what_an_edit_puts_right_is_closed_after_the_check_that_found_it(interleave, by):
    make_policy(BLOCKED)
    subscription = saved(Status.ACTIVE, personal_data=True)
    forgotten()
    form = fresh(subscription)
    form.personal_data = False
    first, second, waited = interleave(
        check_everything,
        lambda: recording.change(form, [PriceLine(amount=1, currency="KRW")], by=by, version=1),
        pause=(findings, "bulk_create_with_history"),
    )
    assert (first.error, second.error, waited) == (None, None, True)
    assert Facts.objects.get().personal_data is False
    assert told() == [("+", "violation", ""), ("~", "violation", "passes")]


def test_an_edit_to_the_worse_waits_for_a_check(interleave, by, locked):
    """The check is about to close a finding, when the edit brings about what it says."""
    version = make_policy(BLOCKED, effect="warn")
    subscription = saved(Status.ACTIVE, personal_data=True)
    Subscription.objects.update(personal_data=False)
    Facts.objects.update(personal_data=False)
    form = fresh(subscription)
    form.personal_data = True
    first, second, waited = interleave(
        lambda: reconcile_policy(version.policy, DAY),
        lambda: recording.change(form, [], by=by, version=1),
        pause=(findings, "_close"),
    )
    assert (first.error, second.error, waited) == (None, None, locked)
    assert Facts.objects.get().personal_data is True
    assert Finding.objects.open().count() == (1 if locked else 0)  # otherwise it is lost


# --- totals of an agency ----------------------------------------------------------------------------------------------


def priced(path: str, won: int) -> Subscription:
    """An active subscription with that annual cost, counted in the totals."""
    subscription = SubscriptionFactory(agency=agency_at(path), started_on=DAY)
    subscription.price_lines.create(position=1, **flat(won))
    kept(subscription)
    refresh_totals(subscription.agency)
    return subscription


def flat(won: int) -> dict[str, Any]:
    return {"basis": "flat", "cycle": "annual", "vat": "included", "amount": won}


def repriced(subscription: Subscription, won: int, by: User) -> Callable[[], Any]:
    form = fresh(subscription)
    return lambda: recording.change(form, [PriceLine(**flat(won))], by=by, version=form.version)


@pytest.fixture(params=[True, False], ids=["totals held", "totals not held"])
def totals_held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether an act holds the totals that it is judged by; the control shows what happens otherwise."""
    if not request.param:
        monkeypatch.setattr(recording, "hold", lambda *agencies: hold_policies())
    return request.param


@pytest.mark.parametrize("below", ["KR/P1", "KR/P1/C1"])
def test_two_changes_at_once_do_not_exceed_a_total_together(interleave, by, totals_held, below):
    make_policy(("agency_annual_cost", "more_than", [1_000]))
    one, two = priced(below, 300), priced("KR/P1", 300)
    first, second, waited = interleave(repriced(one, 600, by), repriced(two, 600, by))
    assert (first.error, second.error, waited) == (None, None, totals_held)
    assert not first.result.refused
    assert second.result.refused is totals_held
    total = AgencyTotals.objects.get(agency__code="P1").agency_annual_cost_max
    assert total == (900 if totals_held else 1_200)


def test_two_changes_at_once_both_get_their_finding(interleave, by, totals_held):
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    one, two = priced("KR/P1", 300), priced("KR/P1", 300)
    first, second, waited = interleave(repriced(one, 600, by), repriced(two, 600, by))
    assert (first.error, second.error, waited) == (None, None, totals_held)
    found = {f.subscription for f in Finding.objects.open()}
    assert found == ({one, two} if totals_held else {two})


@pytest.mark.parametrize("locking", [False, True], ids=["as it is", "locking more"])
def test_two_changes_of_what_an_agency_has_do_not_wait_for_each_other_for_ever(
    interleave, by, monkeypatch, locking
):
    """Each changes the finding of the other's subscription. If an act locked that too, neither could go on."""
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    one, two = priced("KR/P1", 900), priced("KR/P1", 900)
    check_everything()
    if locking:
        monkeypatch.setattr(
            storing,
            "reconcile_totals",
            lambda agencies, on, besides: findings.reconcile_totals(agencies, on, besides, held=False),
        )
    first, second, waited = interleave(repriced(one, 950, by), repriced(two, 950, by))
    assert waited
    errors = [done.error for done in (first, second) if done.error]
    if locking:
        assert [type(error) for error in errors] == [OperationalError]  # a deadlock, broken by the database
    else:
        assert errors == []
        known = [f.deciding_facts["reasons"][0]["known"] for f in Finding.objects.open()]
        assert known == [[1_900, 1_900], [1_900, 1_900]]


@pytest.mark.parametrize("first_is", ["the check", "the edit"])
def test_a_check_of_totals_and_an_edit_at_once(interleave, by, first_is):
    """The check writes findings of one subscription of the agency while another is edited."""
    version = make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    one, two = priced("KR/P1", 900), priced("KR/P1", 900)
    forgotten()

    def check() -> None:
        reconcile_policy(version.policy, DAY, [one.pk])

    if first_is == "the check":
        first, second, waited = interleave(check, repriced(two, 950, by), pause=(findings, "_write"))
    else:
        first, second, waited = interleave(repriced(two, 950, by), check)
    assert (first.error, second.error, waited) == (None, None, True)
    check_everything()
    assert {f.subscription for f in Finding.objects.open()} == {one, two}
    assert {tuple(f.deciding_facts["reasons"][0]["known"]) for f in Finding.objects.open()} == {
        (1_850, 1_850)
    }
    assert Finding.history.filter(history_type="+").count() == 2


def test_drafts_and_new_records_of_one_agency_do_not_wait_for_each_other_for_ever(interleave, by):
    """A draft takes the agency's next reference, and so does a request that holds the totals."""
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    agency = agency_at("KR/P1")
    one, two = unsaved(agency), unsaved(agency)
    first, second, waited = interleave(
        lambda: recording.save_draft(one, [], by=by), lambda: recording.request(two, [], by=by)
    )
    assert (first.error, second.error, waited) == (None, None, True)
