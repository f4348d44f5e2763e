"""The acts on a subscription: who may do them, from which status, what policies stand against, and what is kept of it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from agencies.models import Notice, User
from policies.models import PolicyVersion
from policies.verdicts import Effect, Outcome, Verdict
from subscriptions import recording
from subscriptions.deciders import may_approve
from subscriptions.evaluation import judge_saved
from subscriptions.material import is_material
from subscriptions.models import Approval, Decision, Facts, Finding, PriceLine, Status, Subscription
from subscriptions.recording import NotPossible, StaleEdit
from subscriptions.storing import next_reference
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    a_statement,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

BLOCKED = ("personal_data", "is", [True])
CHEAP, DEAR = 10_000, 1_000_000
COST_OVER_100_MILLION = ("annual_cost", "more_than", [100_000_000])


@pytest.fixture
def administrator() -> User:
    return person("administrator", agency_at("KR/P1"), username="administrator")


@pytest.fixture
def approver() -> User:
    return person("approver", agency_at("KR/P1"), username="approver")


@pytest.fixture
def officer() -> User:
    return person("policy_officer", agency_at("KR"), username="officer")


def unsaved(**fields: Any) -> Subscription:
    fields = {"agency": agency_at("KR/P1"), "started_on": DAY, "personal_data": False, **fields}
    product = fields.pop("product", None) or ProductFactory()
    return Subscription(product=product, **fields)


def line(**fields: Any) -> PriceLine:
    return PriceLine(**{"seats": 10, "amount": CHEAP, "currency": "KRW", "vat": "included", **fields})


def saved(status: Status = Status.ACTIVE, lines: int = 1, **fields: Any) -> Subscription:
    """A subscription of P1 with that status and its facts and findings, and a price line for 10 seats."""
    subscription = SubscriptionFactory(
        **{
            "agency": agency_at("KR/P1"),
            "status": status,
            "personal_data": False,
            "started_on": DAY,
            **fields,
        }
    )
    for _number in range(lines):
        PriceLineFactory(subscription=subscription)
    return kept(subscription)


def typed(subscription: Subscription, **fields: Any) -> tuple[Subscription, list[PriceLine]]:
    """The subscription as a form holds it: read from the database, with these fields as somebody typed them."""
    subscription = Subscription.objects.select_related("agency", "product__vendor").get(pk=subscription.pk)
    lines = list(subscription.price_lines.all())
    for name, value in fields.items():
        if name in ("seats", "amount", "basis"):
            setattr(lines[0], name, value)
        else:
            setattr(subscription, name, value)
    return subscription, lines


def change(subscription: Subscription, by: User, **fields: Any) -> recording.Recorded:
    form, lines = typed(subscription, **fields)
    return recording.change(form, lines, by=by, version=form.version)


def status_of(subscription: Subscription) -> str:
    return Subscription.objects.values_list("status", flat=True).get(pk=subscription.pk)


def decisions(subscription: Subscription | None = None) -> list[tuple[str, str, str]]:
    """(act, result, outcome) of all decisions, in the order they were made."""
    made = Decision.objects.order_by("pk")
    if subscription is not None:
        made = made.filter(subscription=subscription)
    return list(made.values_list("act", "result", "outcome"))


def told(user: User) -> list[str]:
    return list(user.notices.order_by("pk").values_list("key", flat=True))


def whole(subscription: Subscription) -> dict[str, Any]:
    """All that is kept of a subscription itself."""
    return {
        "record": Subscription.objects.values().get(pk=subscription.pk),
        "lines": list(PriceLine.objects.filter(subscription=subscription).order_by("pk").values()),
        "facts": Facts.objects.values().get(pk=subscription.pk),
        "findings": list(Finding.objects.filter(subscription=subscription).order_by("pk").values()),
        "approvals": list(Approval.objects.filter(subscription=subscription).order_by("pk").values()),
        "history": subscription.history.count(),
    }


# --- who may do what --------------------------------------------------------------------------------------------------

PEOPLE = {
    "administrator here": ("administrator", "KR/P1"),
    "administrator above": ("administrator", "KR"),
    "administrator below": ("administrator", "KR/P1/C1"),
    "administrator elsewhere": ("administrator", "KR/P2"),
    "approver here": ("approver", "KR/P1"),
    "approver above": ("approver", "KR"),
    "approver elsewhere": ("approver", "KR/P2"),
    "officer here": ("policy_officer", "KR/P1"),
    "officer above": ("policy_officer", "KR"),
    "officer elsewhere": ("policy_officer", "KR/P2"),
    "committee member": ("committee_member", "KR"),
    "nobody": (None, "KR"),
    "system administrator": ("sysadmin", "KR"),
}
RECORD = {"administrator here", "administrator above", "system administrator"}
APPROVE = {"approver here", "approver above", "system administrator"}
OFFICER = {"officer here", "officer above", "system administrator"}

Act = Callable[[Subscription, User], recording.Recorded]
# Each act, the status it is done from, and who may.
ACTS: dict[str, tuple[Act, Status | None, set[str]]] = {
    "save a draft": (lambda s, by: recording.save_draft(s, [], by=by), None, RECORD),
    "request": (lambda s, by: recording.request(s, [], by=by), None, RECORD),
    "declare": (lambda s, by: recording.declare(s, [], by=by), None, RECORD),
    "change a draft": (lambda s, by: change(s, by, plan="Team"), Status.DRAFT, RECORD),
    "change": (lambda s, by: change(s, by, plan="Team"), Status.ACTIVE, RECORD),
    "approve": (lambda s, by: recording.approve(s, by=by), Status.REQUESTED, APPROVE),
    "approve as officer": (
        lambda s, by: recording.approve_as_officer(s, by=by, reason="accepted"),
        Status.REQUESTED,
        OFFICER,
    ),
    "activate": (lambda s, by: recording.activate(s, by=by), Status.APPROVED, RECORD | APPROVE),
    "refuse": (lambda s, by: recording.refuse(s, by=by, reason="dear"), Status.REQUESTED, APPROVE | OFFICER),
    "end": (lambda s, by: recording.end(s, by=by, on=DAY), Status.ACTIVE, RECORD),
    "declare void": (lambda s, by: recording.void(s, by=by, reason="twice"), Status.ACTIVE, RECORD),
    "withdraw": (lambda s, by: recording.withdraw(s, by=by), Status.REQUESTED, RECORD),
    "reopen": (lambda s, by: recording.reopen(s, by=by), Status.VOID, RECORD),
}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", ACTS)
def test_who_may_do_an_act(name, who):
    act, status, allowed = ACTS[name]
    role, place = PEOPLE[who]
    user = person(role, agency_at(place))
    if name == "approve as officer":
        make_policy(BLOCKED, effect=Effect.APPROVAL)
    personal_data = name == "approve as officer"
    subscription = saved(status, personal_data=personal_data) if status else unsaved()
    before = whole(subscription) if status else None
    if who in allowed:
        assert not act(subscription, user).refused
        assert [decision.decided_by for decision in Decision.objects.all()] == [user]
    else:
        with pytest.raises(PermissionDenied):
            act(subscription, user)
        assert Decision.objects.count() == 0
        assert Subscription.objects.count() == (1 if status else 0)
        assert (whole(subscription) if status else None) == before


@pytest.mark.parametrize("act", ["change", "save_draft", "request", "declare"])
def test_nobody_takes_a_record_from_an_agency_that_is_not_theirs(administrator, act):
    """An administrator of P1 who types P1 into a record of P2."""
    status = Status.ACTIVE if act == "change" else Status.DRAFT
    subscription = saved(status, agency=agency_at("KR/P2"))
    before = whole(subscription)
    form, lines = typed(subscription, agency=agency_at("KR/P1"))
    more = {"version": form.version} if act == "change" else {}
    with pytest.raises(PermissionDenied):
        getattr(recording, act)(form, lines, by=administrator, **more)
    assert whole(subscription) == before


def test_nobody_gives_a_record_to_an_agency_that_is_not_theirs(administrator):
    subscription = saved()
    with pytest.raises(PermissionDenied):
        change(subscription, administrator, agency=agency_at("KR/P2"))


# --- from which status ------------------------------------------------------------------------------------------------

ALL = list(Status)
# What each act makes of each status; where it is not named, the act is not possible.
TRANSITIONS: dict[str, dict[Status, Status]] = {
    "save_draft": {Status.DRAFT: Status.DRAFT},
    "request": {Status.DRAFT: Status.REQUESTED},
    "declare": {Status.DRAFT: Status.ACTIVE},
    "change": {
        Status.DRAFT: Status.DRAFT,
        Status.REQUESTED: Status.REQUESTED,
        Status.APPROVED: Status.APPROVED,
        Status.ACTIVE: Status.ACTIVE,
    },
    "change and request": {
        Status.DRAFT: Status.REQUESTED,
        Status.REQUESTED: Status.REQUESTED,
        Status.APPROVED: Status.APPROVED,
        Status.ACTIVE: Status.ACTIVE,
    },
    "approve": {Status.REQUESTED: Status.ACTIVE},
    "approve_as_officer": {
        Status.REQUESTED: Status.REQUESTED,
        Status.APPROVED: Status.APPROVED,
        Status.ACTIVE: Status.ACTIVE,
    },
    "activate": {Status.APPROVED: Status.ACTIVE},
    "refuse": {Status.REQUESTED: Status.REFUSED},
    "end": {Status.APPROVED: Status.ENDED, Status.ACTIVE: Status.ENDED},
    "void": {status: Status.VOID for status in ALL if status != Status.VOID},
    "withdraw": {Status.REQUESTED: Status.DRAFT},
    "reopen": {Status.VOID: Status.DRAFT, Status.REFUSED: Status.DRAFT, Status.ENDED: Status.DRAFT},
}


def do(name: str, subscription: Subscription, by: User) -> recording.Recorded:
    form, lines = typed(subscription)
    match name:
        case "save_draft" | "request" | "declare":
            return getattr(recording, name)(form, lines, by=by)
        case "change" | "change and request":
            return recording.change(form, lines, by=by, version=form.version, requesting=name != "change")
        case "approve_as_officer" | "refuse" | "void":
            return getattr(recording, name)(form, by=by, reason="reason")
        case "end":
            return recording.end(form, by=by, on=DAY)
        case _:
            return getattr(recording, name)(form, by=by)


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_what_an_act_makes_of_a_status(name, status):
    by = person("sysadmin")
    if name == "approve_as_officer":
        make_policy(BLOCKED, effect=Effect.APPROVAL)
    subscription = saved(status, personal_data=name == "approve_as_officer")
    becomes = TRANSITIONS[name].get(status)
    if becomes is None:
        before = whole(subscription)
        with pytest.raises(NotPossible):
            do(name, subscription, by)
        assert (whole(subscription), decisions()) == (before, [])
    else:
        recorded = do(name, subscription, by)
        assert recorded.subscription.status == status_of(subscription) == becomes
        assert Facts.objects.get(pk=subscription.pk).status == becomes
        assert (recorded.decision.result, len(decisions())) == ("done", 1)


@pytest.mark.parametrize("name", ["save_draft", "request", "declare"])
def test_a_form_that_still_says_draft_does_not_bring_an_active_subscription_back(administrator, name):
    """The form was opened, and its record requested and approved by others before it was sent."""
    subscription = saved(Status.DRAFT)
    form, lines = typed(subscription)
    Subscription.objects.update(status=Status.ACTIVE)
    with pytest.raises(NotPossible):
        getattr(recording, name)(form, lines, by=administrator)
    assert status_of(subscription) == Status.ACTIVE


def test_a_start_in_the_future_waits_for_its_day(approver, clock):
    subscription = saved(Status.REQUESTED, started_on=days(1))
    recording.approve(subscription, by=approver)
    assert status_of(subscription) == Status.APPROVED
    with pytest.raises(NotPossible):
        recording.activate(subscription, by=approver)
    clock(days(1))
    recording.activate(subscription, by=approver)
    assert status_of(subscription) == Status.ACTIVE


def test_what_has_no_first_day_is_not_approved(approver):
    subscription = saved(Status.REQUESTED, started_on=None)
    with pytest.raises(NotPossible):
        recording.approve(subscription, by=approver)


@pytest.mark.parametrize(
    ("last_day", "possible"),
    [(days(-1), False), (DAY, True), (days(3), True), (days(5), True), (days(6), False)],
)
def test_the_last_day_lies_between_the_first_and_today(administrator, clock, last_day, possible):
    subscription = saved(started_on=DAY, ends_on=days(30))
    clock(days(5))
    if possible:
        recording.end(subscription, by=administrator, on=last_day)
        assert Subscription.objects.get().ends_on == last_day
    else:
        with pytest.raises(NotPossible):
            recording.end(subscription, by=administrator, on=last_day)
        assert status_of(subscription) == Status.ACTIVE


# --- what is recorded of a new one ------------------------------------------------------------------------------------


def test_a_draft_that_violates_everything_is_kept(administrator):
    make_policy(BLOCKED)
    recorded = recording.save_draft(unsaved(personal_data=True), [line()], by=administrator)
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.recorded_by, subscription.version) == (
        "draft",
        administrator,
        1,
    )
    assert (recorded.outcome, recorded.refused) == (Outcome.REFUSED, False)
    assert decisions() == [("record", "done", "refused")]
    assert not Finding.objects.exists()


def test_a_clear_request(administrator, approver, officer):
    make_policy(BLOCKED)
    recorded = recording.request(unsaved(), [line(), line(seats=None, basis="flat")], by=administrator)
    subscription = Subscription.objects.get()
    assert subscription.status == Status.REQUESTED
    assert recorded.decision.verdicts == [judgement.as_json() for judgement in recorded.judgements]
    assert decisions() == [("request", "done", "clear")]
    assert [(price.position, price.seats) for price in subscription.price_lines.all()] == [(1, 10), (2, None)]
    assert (told(approver), told(officer), told(administrator)) == (["subscription_requested"], [], [])
    notice = Notice.objects.get()
    assert (notice.url, notice.parameters) == (
        subscription.get_absolute_url(),
        {"reference": subscription.reference, "by": "administrator"},
    )


def test_a_blocked_request_stays_a_draft_with_its_decision(administrator, approver, officer):
    version = make_policy(BLOCKED)
    recorded = recording.request(unsaved(personal_data=True, purpose="Minutes"), [line()], by=administrator)
    subscription = Subscription.objects.get()
    assert recorded.refused
    assert (subscription.status, subscription.purpose) == (Status.DRAFT, "Minutes")
    assert subscription.price_lines.count() == 1
    assert decisions() == [("request", "refused", "refused")]
    (verdict,) = Decision.objects.get().verdicts
    assert (verdict["policy"], verdict["version"], verdict["verdict"]) == (
        version.policy.code,
        version.number,
        "violation",
    )
    assert not Finding.objects.exists()
    assert told(approver) == told(officer) == []
    # With a waiver the same draft goes through.
    WaiverFactory(policy=version.policy)
    assert not do("change and request", subscription, administrator).refused
    assert status_of(subscription) == Status.REQUESTED
    assert decisions() == [("request", "refused", "refused"), ("request", "done", "clear")]
    assert [(f.verdict, f.cause) for f in Finding.objects.all()] == [("waived", "waiver")]


@pytest.mark.parametrize(
    ("personal_data", "effect", "outcome", "officers"),
    [
        (True, Effect.APPROVAL, "needs_officer", ["subscription_requested"]),
        (None, Effect.APPROVAL, "needs_officer", ["subscription_requested"]),
        (None, Effect.BLOCK, "needs_officer", ["subscription_requested"]),
        (True, Effect.WARN, "warned", []),
        (None, Effect.WARN, "warned", []),
    ],
)
def test_a_request_that_is_not_clear(administrator, officer, personal_data, effect, outcome, officers):
    make_policy(BLOCKED, effect=effect)
    recording.request(unsaved(personal_data=personal_data), [line()], by=administrator)
    assert decisions() == [("request", "done", outcome)]
    assert Finding.objects.get().verdict == (Verdict.VIOLATION if personal_data else Verdict.UNDETERMINED)
    assert told(officer) == officers


def test_what_is_declared_as_in_use_becomes_active_with_an_open_finding(administrator, approver, officer):
    make_policy(BLOCKED, remedy_days=7)
    recorded = recording.declare(
        unsaved(personal_data=True, started_on=days(-50)), [line()], by=administrator
    )
    subscription = Subscription.objects.get()
    assert not recorded.refused
    assert (subscription.status, subscription.declared) == (Status.ACTIVE, True)
    assert decisions() == [("declare", "done", "refused")]
    finding = Finding.objects.get()
    assert (finding.verdict, finding.closed_at, finding.remedy_due) == ("violation", None, days(7))
    assert (told(officer), told(approver)) == (["subscription_declared"], [])


def test_officers_hear_of_what_is_declared_only_when_policies_stand_against_it(administrator, officer):
    make_policy(BLOCKED, effect=Effect.WARN)
    recording.declare(unsaved(personal_data=True), [line()], by=administrator)
    assert (told(officer), Finding.objects.count()) == ([], 1)


def test_only_people_with_a_role_here_or_above_who_are_active_are_told(administrator, approver):
    above = person("approver", agency_at("KR"))
    person("approver", agency_at("KR/P2"))
    person("approver", agency_at("KR/P1/C1"))
    person("approver", agency_at("KR/P1"), is_active=False)
    recording.request(unsaved(), [line()], by=administrator)
    assert set(Notice.objects.values_list("recipient", flat=True)) == {approver.pk, above.pk}


def test_the_requester_is_not_told_of_their_own_request():
    both = person("administrator", agency_at("KR/P1"))
    both.memberships.create(role="approver", agency=agency_at("KR/P1"))
    recording.request(unsaved(), [line()], by=both)
    assert told(both) == []


# --- references -------------------------------------------------------------------------------------------------------


def test_references_count_up_for_each_agency_and_year(clock):
    by = person("sysadmin")
    jeju, seoul = agency_at("KR/KR-49"), agency_at("KR/KR-11")

    def record(agency: Any) -> str:
        return recording.save_draft(unsaved(agency=agency), [], by=by).subscription.reference

    assert [record(jeju), record(jeju), record(seoul), record(jeju)] == [
        "KR-49-2026-0001",
        "KR-49-2026-0002",
        "KR-11-2026-0001",
        "KR-49-2026-0003",
    ]
    clock(datetime.date(2027, 1, 1))
    assert record(jeju) == "KR-49-2027-0001"
    clock(DAY)
    assert record(jeju) == "KR-49-2026-0004"


def test_references_go_beyond_four_digits():
    SubscriptionFactory(agency=agency_at("KR/P1"), reference="P1-2026-9999")
    SubscriptionFactory(agency=agency_at("KR/P1"), reference="P1-2026-10000")
    assert next_reference(agency_at("KR/P1")) == "P1-2026-10001"


def test_a_reference_stays_taken_after_its_record_went_to_another_agency():
    by = person("sysadmin")
    subscription = recording.save_draft(unsaved(), [], by=by).subscription
    change(subscription, by, agency=agency_at("KR/P2"))
    assert Subscription.objects.get().reference == "P1-2026-0001"
    assert recording.save_draft(unsaved(), [], by=by).subscription.reference == "P1-2026-0002"


def test_a_reference_of_an_agency_whose_code_looks_like_a_year_is_another():
    by = person("sysadmin")
    SubscriptionFactory(agency=agency_at("KR/P1"), reference="P1-2026-2026-0007")
    assert recording.save_draft(unsaved(), [], by=by).subscription.reference == "P1-2026-0001"


# --- approval ---------------------------------------------------------------------------------------------------------


def test_the_agencys_approval(administrator, approver):
    subscription = recording.request(unsaved(), [line()], by=administrator).subscription
    recording.approve(subscription, by=approver, reason="needed")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.approved_at is not None) == (Status.ACTIVE, True)
    assert decisions() == [("request", "done", "clear"), ("approve", "done", "clear")]
    assert Decision.objects.first().reason == "needed"
    assert told(administrator) == ["subscription_approved"]


@pytest.mark.parametrize("recorder_requests", [True, False])
def test_nobody_approves_their_own_request(recorder_requests):
    everything = [person("administrator", agency_at("KR/P1")) for _number in range(2)]
    for user in everything:
        user.memberships.create(role="approver", agency=agency_at("KR/P1"))
        user.memberships.create(role="policy_officer", agency=agency_at("KR/P1"))
    asker, other = everything
    make_policy(BLOCKED, effect=Effect.APPROVAL)
    draft = recording.save_draft(
        unsaved(personal_data=True), [line()], by=asker if recorder_requests else other
    )
    subscription = do("change and request", draft.subscription, asker).subscription
    for act in (
        lambda: recording.approve(subscription, by=asker),
        lambda: recording.approve_as_officer(subscription, by=asker, reason="mine"),
        lambda: recording.refuse(subscription, by=asker, reason="mine"),
    ):
        with pytest.raises(PermissionDenied):
            act()
    recording.approve_as_officer(subscription, by=other, reason="accepted")
    recording.approve(subscription, by=other)
    assert status_of(subscription) == Status.ACTIVE


def test_nobody_approves_a_request_that_they_changed(administrator):
    """Otherwise whoever is both could make of a small request of another what they like."""
    both = person("administrator", agency_at("KR/P1"))
    both.memberships.create(role="approver", agency=agency_at("KR/P1"))
    subscription = recording.request(unsaved(), [line()], by=administrator).subscription
    assert may_approve(both, subscription)
    change(subscription, both, seats=500)
    with pytest.raises(PermissionDenied):
        recording.approve(subscription, by=both)


def test_nobody_settles_as_an_officer_what_they_declared_themselves():
    both = person("administrator", agency_at("KR/P1"))
    both.memberships.create(role="policy_officer", agency=agency_at("KR/P1"))
    make_policy(BLOCKED, effect=Effect.APPROVAL)
    subscription = recording.declare(unsaved(personal_data=True), [line()], by=both).subscription
    with pytest.raises(PermissionDenied):
        recording.approve_as_officer(subscription, by=both, reason="mine")


@pytest.mark.parametrize(
    ("personal_data", "effect"), [(True, Effect.APPROVAL), (None, Effect.APPROVAL), (None, Effect.BLOCK)]
)
def test_what_needs_an_officer_waits_for_one(administrator, approver, officer, personal_data, effect):
    version = make_policy(BLOCKED, effect=effect)
    subscription = recording.request(
        unsaved(personal_data=personal_data), [line()], by=administrator
    ).subscription

    assert recording.approve(subscription, by=approver).refused
    assert status_of(subscription) == Status.REQUESTED
    assert told(administrator) == []

    recording.approve_as_officer(subscription, by=officer, reason="accepted")
    approval = Approval.objects.get()
    assert (approval.policy_version, approval.approved_by, approval.reason, approval.ended_at) == (
        version,
        officer,
        "accepted",
        None,
    )
    assert [(f.verdict, f.cause) for f in Finding.objects.open()] == [("waived", "approved")]
    assert status_of(subscription) == Status.REQUESTED

    assert not recording.approve(subscription, by=approver).refused
    assert status_of(subscription) == Status.ACTIVE
    assert decisions() == [
        ("request", "done", "needs_officer"),
        ("approve", "refused", "needs_officer"),
        ("officer_approve", "done", "clear"),
        ("approve", "done", "clear"),
    ]
    assert told(administrator) == ["officer_approved", "subscription_approved"]


def test_an_officer_settles_each_policy_that_asks_for_it_and_no_other(officer):
    asks = make_policy(BLOCKED, effect=Effect.APPROVAL)
    undetermined = make_policy(("data_class", "is", ["classified"]))
    make_policy(BLOCKED, effect=Effect.WARN)
    make_policy(("personal_data", "is", [False]))
    subscription = saved(Status.REQUESTED, personal_data=True)
    recording.approve_as_officer(subscription, by=officer, reason="accepted")
    assert set(Approval.objects.values_list("policy_version", flat=True)) == {asks.pk, undetermined.pk}


@pytest.mark.parametrize(
    ("personal_data", "effect"),
    [(True, Effect.BLOCK), (True, Effect.WARN), (None, Effect.WARN), (False, Effect.APPROVAL)],
)
def test_what_needs_no_officer_is_nothing_for_one(officer, personal_data, effect):
    make_policy(BLOCKED, effect=effect)
    subscription = saved(Status.REQUESTED, personal_data=personal_data)
    with pytest.raises(NotPossible):
        recording.approve_as_officer(subscription, by=officer, reason="accepted")
    assert not Approval.objects.exists()


def test_a_policy_that_came_into_force_since_the_request_stops_the_approval(administrator, approver):
    subscription = recording.request(unsaved(personal_data=True), [line()], by=administrator).subscription
    make_policy(BLOCKED)
    assert recording.approve(subscription, by=approver).refused
    assert status_of(subscription) == Status.REQUESTED
    assert Finding.objects.get().verdict == Verdict.VIOLATION


def test_a_policy_that_came_into_force_since_the_approval_stops_the_start(approver, clock):
    subscription = saved(Status.APPROVED, personal_data=True, started_on=days(1))
    make_policy(BLOCKED)
    clock(days(1))
    assert recording.activate(subscription, by=approver).refused
    assert status_of(subscription) == Status.APPROVED


def test_a_refusal(administrator, approver):
    subscription = recording.request(unsaved(personal_data=True), [line()], by=administrator).subscription
    make_policy(BLOCKED, effect=Effect.WARN)
    kept(subscription)
    recording.refuse(subscription, by=approver, reason="too dear")
    assert status_of(subscription) == Status.REFUSED
    assert decisions() == [("request", "done", "clear"), ("refuse", "done", "warned")]
    assert Decision.objects.first().reason == "too dear"
    assert [f.closed_because for f in Finding.objects.all()] == ["not_judged"]
    assert told(administrator) == ["subscription_refused"]


# --- changes ----------------------------------------------------------------------------------------------------------

BIG = {"seats": 20}
# What is typed, and whether that grows or renews the subscription.
MATERIAL: dict[str, tuple[dict[str, Any], bool]] = {
    "more seats": ({"seats": 11}, True),
    "fewer seats": ({"seats": 9}, False),
    "seats not given any more": ({"seats": None}, True),
    "a higher price": ({"amount": 10_001}, True),
    "a lower price": ({"amount": 9_999}, False),
    "a higher data class": ({"data_class": "classified"}, True),
    "a lower data class": ({"data_class": "open"}, False),
    "a data class not known any more": ({"data_class": None}, True),
    "personal data": ({"personal_data": True}, True),
    "personal data not known any more": ({"personal_data": None}, True),
    "a later end": ({"ends_on": days(11)}, True),
    "an earlier end": ({"ends_on": days(9)}, False),
    "no end": ({"ends_on": None}, True),
    "automatic renewal": ({"auto_renewal": True}, True),
    "no automatic renewal": ({"auto_renewal": False}, False),
    "another plan": ({"plan": "Team"}, False),
    "a department": ({"owner_department": "Digital Policy"}, False),
    "another purpose": ({"purpose": "Minutes"}, False),
    "an earlier start": ({"started_on": days(-1)}, False),
    "nothing": ({}, False),
}


@pytest.mark.parametrize("what", MATERIAL)
def test_what_grows_or_renews_a_subscription(what):
    fields, material = MATERIAL[what]
    subscription = saved(data_class="sensitive", ends_on=days(10))
    form, lines = typed(subscription, **fields)
    assert is_material(subscription, form, lines, DAY) is material


@pytest.mark.parametrize(
    ("before", "after", "material"),
    [
        ({"data_class": None}, {"data_class": "open"}, True),
        ({"personal_data": None}, {"personal_data": False}, False),
        ({"personal_data": None}, {"personal_data": True}, True),
        ({"ends_on": None}, {"ends_on": days(1)}, False),
        ({"auto_renewal": True}, {"auto_renewal": None}, False),
        ({"auto_renewal": True}, {"auto_renewal": True}, False),
    ],
)
def test_what_becomes_known(before, after, material):
    subscription = saved(**before)
    form, lines = typed(subscription, **after)
    assert is_material(subscription, form, lines, DAY) is material


def test_another_tool_or_agency_is_material():
    subscription = saved()
    form, lines = typed(subscription, product=ProductFactory())
    assert is_material(subscription, form, lines, DAY)
    form, lines = typed(subscription, agency=agency_at("KR/P1/C1"))
    assert is_material(subscription, form, lines, DAY)


def test_a_price_that_becomes_known_is_material():
    subscription = saved(lines=0)
    form, _lines = typed(subscription)
    assert is_material(subscription, form, [line()], DAY)
    assert not is_material(subscription, form, [], DAY)


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.APPROVED, Status.ACTIVE])
@pytest.mark.parametrize("what", ["more seats", "a later end", "a higher data class", "automatic renewal"])
def test_what_a_policy_blocks_does_not_grow(administrator, status, what):
    make_policy(BLOCKED)
    subscription = saved(status, personal_data=True, data_class="sensitive", ends_on=days(10))
    before = whole(subscription)
    recorded = change(subscription, administrator, **MATERIAL[what][0])
    assert recorded.refused
    assert whole(subscription) == before
    assert decisions() == [("change", "refused", "refused")]
    assert recorded.subscription.version == before["record"]["version"]


@pytest.mark.parametrize("what", ["fewer seats", "an earlier end", "a lower data class", "a department"])
def test_what_a_policy_blocks_may_shrink_and_be_described(administrator, what):
    make_policy(BLOCKED)
    subscription = saved(personal_data=True, data_class="sensitive", ends_on=days(10))
    assert not change(subscription, administrator, **MATERIAL[what][0]).refused
    assert decisions() == [("change", "done", "refused")]
    assert [f.verdict for f in Finding.objects.open()] == ["violation"]


def test_what_a_policy_blocks_may_be_put_right(administrator):
    make_policy(BLOCKED)
    subscription = saved(personal_data=True)
    assert not change(subscription, administrator, personal_data=False).refused
    assert [f.closed_because for f in Finding.objects.all()] == ["passes"]


def test_a_change_that_would_violate_is_refused(administrator):
    make_policy(BLOCKED)
    subscription = saved(personal_data=False)
    assert change(subscription, administrator, personal_data=True).refused
    assert Subscription.objects.get().personal_data is False


def test_what_a_waiver_excuses_may_grow(administrator):
    WaiverFactory(policy=make_policy(BLOCKED).policy)
    subscription = saved(personal_data=True)
    assert not change(subscription, administrator, seats=11).refused


def test_what_is_in_use_grows_once_an_officer_has_approved_it(administrator, officer):
    """What it is used for can be told before; what nobody declared, or lacks nothing so far, grows and is approved anew."""
    make_policy(BLOCKED, effect=Effect.APPROVAL)
    make_policy(("seats", "more_than", [50]), effect=Effect.APPROVAL)
    subscription = saved(personal_data=True, declared=True)
    before = whole(subscription)
    assert change(subscription, administrator, seats=11).refused
    assert (whole(subscription), decisions()) == (before, [("change", "refused", "needs_officer")])
    assert not change(subscription, administrator, data_class="sensitive").refused

    recording.approve_as_officer(subscription, by=officer, reason="accepted")
    assert not change(subscription, administrator, seats=11).refused
    assert change(subscription, administrator, seats=12).refused
    for other in (saved(personal_data=True), saved(personal_data=False, declared=True)):
        assert not change(other, administrator, seats=51).refused


def test_an_officers_approval_ends_with_a_material_change(administrator, officer):
    make_policy(BLOCKED, effect=Effect.APPROVAL)
    subscription = saved(personal_data=True)
    recording.approve_as_officer(subscription, by=officer, reason="accepted")

    change(subscription, administrator, plan="Team", seats=5)
    assert Approval.objects.get().ended_at is None
    assert [(f.verdict, f.cause) for f in Finding.objects.open()] == [("waived", "approved")]

    change(subscription, administrator, seats=11)
    assert Approval.objects.get().ended_at is not None
    assert [(f.verdict, f.cause) for f in Finding.objects.open()] == [("violation", "")]

    recording.approve_as_officer(subscription, by=officer, reason="again")
    assert list(Approval.objects.values_list("reason", flat=True).order_by("pk")) == ["accepted", "again"]


def test_an_officers_approval_does_not_outlive_a_refusal(administrator, approver, officer):
    """What comes back as a draft may be changed at will, so that it needs the officer anew."""
    make_policy(COST_OVER_100_MILLION, effect=Effect.APPROVAL)
    subscription = recording.request(unsaved(), [line(amount=DEAR)], by=administrator).subscription
    recording.approve_as_officer(subscription, by=officer, reason="accepted")
    recording.refuse(subscription, by=approver, reason="not now")
    recording.reopen(subscription, by=administrator)
    form, lines = typed(subscription, seats=1000)
    recorded = recording.change(form, lines, by=administrator, version=form.version, requesting=True)
    assert recorded.outcome == Outcome.NEEDS_OFFICER
    assert recording.approve(subscription, by=approver).refused


def test_the_live_check_says_what_saving_will():
    """A material change loses the approval; another one keeps it."""
    version = make_policy(BLOCKED, effect=Effect.APPROVAL)
    subscription = saved(personal_data=True)
    Approval.objects.create(
        subscription=subscription, policy_version=version, approved_by=person(), reason="accepted"
    )
    for fields, verdict in (({"plan": "Team"}, Verdict.WAIVED), ({"seats": 11}, Verdict.VIOLATION)):
        form, lines = typed(subscription, **fields)
        before = whole(subscription)
        (judgement,) = recording.check(form, lines)
        assert judgement.verdict == verdict
        assert whole(subscription) == before
    assert decisions() == []
    assert [j.verdict for j in recording.check(unsaved(personal_data=True), [line()])] == [Verdict.VIOLATION]


# --- stale edits ------------------------------------------------------------------------------------------------------


def test_the_second_of_two_editors_is_told(administrator):
    subscription = saved()
    first, first_lines = typed(subscription, plan="First")
    second, second_lines = typed(subscription, plan="Second")
    recording.change(first, first_lines, by=administrator, version=1)
    with pytest.raises(StaleEdit) as raised:
        recording.change(second, second_lines, by=administrator, version=1)
    assert raised.value.current == subscription
    assert (raised.value.current.plan, raised.value.current.version) == ("First", 2)
    assert Subscription.objects.get().plan == "First"
    assert len(decisions()) == 1


def test_a_refused_change_makes_nobody_stale(administrator):
    make_policy(BLOCKED)
    subscription = saved(personal_data=True)
    change(subscription, administrator, seats=11)
    form, lines = typed(subscription, plan="Team")
    assert not recording.change(form, lines, by=administrator, version=1).refused


@pytest.mark.parametrize("act", ["approve", "refuse", "void"])
def test_a_form_opened_before_an_act_of_another_is_stale(administrator, act):
    subscription = saved(Status.REQUESTED)
    form, lines = typed(subscription, plan="Team")
    do(act, subscription, person("sysadmin"))
    status = status_of(subscription)
    with pytest.raises(StaleEdit):
        recording.change(form, lines, by=administrator, version=form.version)
    assert (status_of(subscription), Subscription.objects.get().plan) == (status, "")


# --- price lines ------------------------------------------------------------------------------------------------------


def prices(subscription: Subscription) -> list[tuple[int, int | None]]:
    return list(subscription.price_lines.order_by("position").values_list("position", "amount"))


def test_price_lines_keep_their_order_and_their_history(administrator):
    by = administrator
    subscription = recording.save_draft(
        unsaved(), [line(amount=1), line(amount=2), line(amount=3)], by=by
    ).subscription
    one, two, three = subscription.price_lines.order_by("position")

    def store(*lines: PriceLine) -> None:
        form, _lines = typed(subscription)
        recording.change(form, list(lines), by=by, version=form.version)

    def history() -> list[tuple[int, str]]:
        rows = PriceLine.history.order_by("history_id").values_list("amount", "history_type")
        return list(rows)[3:]

    store(one, two, three)
    assert history() == []  # nothing changed, so nothing is told

    store(three, one, two)
    assert prices(subscription) == [(1, 3), (2, 1), (3, 2)]
    assert [change for _amount, change in history()] == ["~", "~", "~"]

    two.refresh_from_db()
    two.amount = 22
    three.refresh_from_db()
    store(line(amount=4), three, two)
    assert prices(subscription) == [(1, 4), (2, 3), (3, 22)]
    assert sorted(history()[3:]) == [(1, "-"), (3, "~"), (4, "+"), (22, "~")]

    store()
    assert prices(subscription) == []
    assert sorted(history()[7:]) == [(3, "-"), (4, "-"), (22, "-")]


def test_the_record_keeps_its_history_with_who(administrator, approver):
    subscription = recording.request(unsaved(), [line()], by=administrator).subscription
    change(subscription, administrator, plan="Team")
    recording.approve(subscription, by=approver)
    rows = subscription.history.order_by("history_id").values_list("status", "plan", "history_user__username")
    assert list(rows) == [
        ("draft", "", "administrator"),
        ("requested", "", "administrator"),
        ("requested", "Team", "administrator"),
        ("active", "Team", "approver"),
    ]


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "closed"),
    [
        (lambda s, by: recording.end(s, by=by, on=DAY), "not_judged"),
        (lambda s, by: recording.void(s, by=by, reason="twice"), "not_judged"),
    ],
)
def test_what_is_over_is_not_judged_any_more(administrator, act, closed):
    make_policy(BLOCKED)
    subscription = saved(personal_data=True)
    act(subscription, administrator)
    assert [f.closed_because for f in Finding.objects.all()] == [closed]
    assert not Subscription.objects.live().exists()
    assert not Subscription.objects.in_force(DAY).exists()
    assert not Facts.objects.judged().exists()


def test_what_was_void_can_be_reopened(administrator):
    make_policy(BLOCKED)
    subscription = saved(personal_data=True)
    recording.void(subscription, by=administrator, reason="twice")
    recording.reopen(subscription, by=administrator)
    assert status_of(subscription) == Status.DRAFT
    assert Finding.objects.open().count() == 0
    assert recording.declare(*typed(subscription), by=administrator).subscription.status == Status.ACTIVE
    assert [f.verdict for f in Finding.objects.open()] == ["violation"]
    assert Finding.objects.count() == 1
    assert [act for act, _result, _outcome in decisions()] == ["void", "reopen", "declare"]


def test_what_is_reopened_was_not_approved_yet(administrator):
    subscription = saved(approved_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    recording.void(subscription, by=administrator, reason="twice")
    recording.reopen(subscription, by=administrator)
    assert Subscription.objects.get().approved_at is None


# --- decisions --------------------------------------------------------------------------------------------------------


def test_decisions_are_append_only(administrator):
    decision = recording.save_draft(unsaved(), [], by=administrator).decision
    decision.reason = "another"
    for act in (
        decision.save,
        decision.delete,
        lambda: Decision.objects.update(reason="another"),
        lambda: Decision.objects.all().delete(),
        lambda: Decision.objects.bulk_update([decision], ["reason"]),
    ):
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            act()
    assert list(Decision.objects.values_list("reason", flat=True)) == [""]


def test_a_subscription_with_decisions_is_not_deleted(administrator):
    subscription = recording.save_draft(unsaved(), [], by=administrator).subscription
    with pytest.raises(ProtectedError):
        subscription.delete()


# --- what the database itself refuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"started_on": DAY, "ends_on": days(-1)},
        {"status": "active", "started_on": None},
        {"status": "approved", "started_on": None},
        {"provenance": "statement"},
        {"status": "unheard-of"},
        {"data_class": "secret"},
    ],
)
def test_the_database_refuses(fields):
    with pytest.raises(IntegrityError):
        SubscriptionFactory(**fields)


def test_a_statement_may_tell_of_a_subscription_without_its_first_day():
    subscription = SubscriptionFactory(provenance="statement", statement=a_statement(), started_on=None)
    assert Subscription.objects.in_force(DAY).get() == subscription


@pytest.mark.parametrize("status", ALL)
@pytest.mark.parametrize(
    ("started_on", "ends_on", "inside"),
    [
        (DAY, None, True),
        (days(1), None, False),
        (days(-5), DAY, True),
        (days(-5), days(-1), False),
        (days(-5), days(1), True),
    ],
)
def test_in_force_on_a_day(status, started_on, ends_on, inside):
    SubscriptionFactory(status=status, started_on=started_on, ends_on=ends_on)
    committed = status in (Status.APPROVED, Status.ACTIVE)
    assert Subscription.objects.in_force(DAY).exists() is (inside and committed)


def test_a_version_in_force_is_what_judges():
    """A control for the tests above: the policy they rely on is one."""
    version = make_policy(BLOCKED)
    assert list(PolicyVersion.objects.in_force(DAY)) == [version]
    assert [j.verdict for j in judge_saved(saved(personal_data=True), DAY)] == [Verdict.VIOLATION]
