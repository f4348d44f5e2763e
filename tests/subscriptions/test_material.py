"""What a change reopens: the cases that a day's facts do not show, and what becomes of an approval that is open again."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from agencies.models import Notice, User
from policies.verdicts import Effect
from subscriptions import recording
from subscriptions.differences import content_of, differences
from subscriptions.material import Material, labels, material_changes
from subscriptions.models import (
    Approval,
    DecidedRecord,
    Finding,
    PriceLine,
    Reopening,
    Status,
    Subscription,
)
from subscriptions.recording import NotPossible, StaleEdit
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "history_agrees")]

SEAT = {"seats": 10, "amount": 10_000, "currency": "KRW", "vat": "included"}


@pytest.fixture
def people() -> dict[str, User]:
    place = agency_at("KR/P1")
    return {
        role: person(role, place, username=role) for role in ("administrator", "approver", "policy_officer")
    }


def saved(status: Status = Status.ACTIVE, **fields: Any) -> Subscription:
    known = {"agency": agency_at("KR/P1"), "personal_data": False, "started_on": DAY, "ends_on": days(300)}
    subscription = SubscriptionFactory(status=status, **{**known, **fields})
    PriceLineFactory(subscription=subscription, **SEAT)
    return kept(subscription)


def change(subscription: Subscription, by: User, lines: list[PriceLine] | None = None, **fields: Any):
    form = Subscription.objects.select_related("agency", "product__vendor").get(pk=subscription.pk)
    for name, value in fields.items():
        setattr(form, name, value)
    stored = list(form.price_lines.order_by("position"))
    return recording.change(form, stored if lines is None else lines, by=by, version=form.version)


def waiting(subscription: Subscription) -> Reopening | None:
    return Reopening.objects.filter(subscription=subscription, closed_at=None).first()


LATER: dict[str, tuple[list[dict[str, Any]], set[Material]]] = {
    "the same from a later day": ([SEAT, {**SEAT, "starts_on": days(900)}], set()),
    "another line from next month": (
        [SEAT, {**SEAT, "starts_on": days(30)}],
        {Material.SEATS, Material.COST},
    ),
    "a higher price from next month": (
        [{**SEAT, "ends_on": days(29)}, {**SEAT, "amount": 10_001, "starts_on": days(30)}],
        {Material.COST, Material.PRICE},
    ),
    "a lower price from next month": (
        [{**SEAT, "ends_on": days(29)}, {**SEAT, "amount": 9_999, "starts_on": days(30)}],
        set(),
    ),
    "fewer seats, each dearer": ([{**SEAT, "seats": 5, "amount": 10_001}], {Material.PRICE}),
    "a fee once, later": (
        [SEAT, {"amount": 5, "basis": "flat", "cycle": "one_off", "starts_on": days(60), "vat": "included"}],
        {Material.COST},
    ),
    "a line of the past": ([SEAT, {**SEAT, "starts_on": days(-90), "ends_on": days(-1)}], set()),
    "an end before the year is over": ([{**SEAT, "ends_on": days(60)}], set()),
}


@pytest.mark.parametrize("what", LATER)
def test_what_price_lines_bring_later(what):
    typed, expected = LATER[what]
    subscription = saved()
    found = material_changes(subscription, subscription, [PriceLine(**line) for line in typed], DAY)
    assert set(found) == expected


def test_a_change_of_what_goes_on_is_approved_anew(people):
    """Grown by the administrator, who does not approve it; looked at, and approved as it was looked at."""
    subscription = saved()
    change(subscription, people["administrator"], plan="Team")
    assert waiting(subscription) is None
    more = [PriceLine(**{**SEAT, "seats": 25})]
    assert not change(
        subscription, people["administrator"], more, ends_on=days(400), data_class="open"
    ).refused
    opened = waiting(subscription)
    assert opened is not None
    assert opened.causes == ["seats", "cost", "data_class", "end"]
    assert labels(opened.causes)[0] == str(Material.SEATS.label)
    subscription.refresh_from_db()
    assert (subscription.status, subscription.ends_on) == (Status.ACTIVE, days(400))
    assert list(Notice.objects.values_list("recipient__username", "key")) == [
        ("approver", "approval_reopened")
    ]
    with pytest.raises(PermissionDenied):
        recording.approve(subscription, by=people["administrator"])
    with pytest.raises(StaleEdit):
        recording.approve(subscription, by=people["approver"], seen=subscription.version - 1)
    done = recording.approve(subscription, by=people["approver"], seen=subscription.version)
    assert (done.subscription.status, done.refused) == (Status.ACTIVE, False)
    assert waiting(subscription) is None
    assert Reopening.objects.get().closed_as == Reopening.Closing.APPROVED
    record = DecidedRecord.objects.get(decision=done.decision)
    assert (record.content["ends_on"], record.content["lines"][0]["seats"]) == (days(400).isoformat(), 25)
    with pytest.raises(NotPossible):
        recording.approve(subscription, by=people["approver"])


def test_a_refused_change_is_put_back(people):
    """With its price lines and the officer's approval that the change had ended."""
    make_policy(("personal_data", "is", [True]), effect=Effect.APPROVAL)
    subscription = saved(personal_data=True)
    recording.approve_as_officer(subscription, by=people["policy_officer"], reason="fine")
    before = content_of(subscription, subscription.price_lines.all())
    lines = [PriceLine(**{**SEAT, "seats": 25}), PriceLine(**{**SEAT, "amount": 5})]
    change(subscription, people["administrator"], lines, plan="Team", ends_on=None)
    assert Approval.objects.get().ended_at is not None
    assert [f.verdict for f in Finding.objects.open()] == ["violation"]
    assert recording.approve(subscription, by=people["approver"]).refused  # the officer goes first

    done = recording.refuse(subscription, by=people["approver"], reason="too many")
    now = Subscription.objects.get()
    assert content_of(now, now.price_lines.order_by("position")) == before
    assert (now.status, waiting(now), done.decision.reason) == (Status.ACTIVE, None, "too many")
    assert [f.verdict for f in Finding.objects.open()] == ["waived"]
    assert now.facts.seats_max == 10
    told = Notice.objects.filter(recipient=people["administrator"])
    assert list(told.values_list("key", flat=True)) == ["subscription_refused"]


def test_a_change_that_is_taken_back_waits_no_more(people):
    subscription = saved()
    by = people["administrator"]
    change(subscription, by, ends_on=days(400))
    change(subscription, by, [PriceLine(**{**SEAT, "seats": 11})])
    opened = waiting(subscription)
    assert opened is not None
    assert opened.causes == ["seats", "cost", "end"]
    change(subscription, by, [PriceLine(**{**SEAT, "seats": 9})])
    opened.refresh_from_db()
    assert opened.causes == ["end"]
    change(subscription, by, ends_on=days(299))
    opened.refresh_from_db()
    assert opened.closed_as == Reopening.Closing.UNDONE


def test_what_waits_does_not_start_and_ends_with_the_subscription(people):
    subscription = saved(Status.APPROVED)
    change(subscription, people["administrator"], ends_on=days(400))
    with pytest.raises(NotPossible):
        recording.activate(subscription, by=people["administrator"])
    recording.void(subscription, by=people["administrator"], reason="twice")
    assert Reopening.objects.get().closed_as == Reopening.Closing.OVER
    assert Subscription.objects.get().status == Status.VOID


def test_who_changed_it_does_not_approve_it_and_who_asked_for_it_before_may(people):
    """The one who asked for it is an approver too; the change is somebody else's."""
    both = person("approver", agency_at("KR/P1"))
    both.memberships.create(role="administrator", agency=agency_at("KR/P1"))
    subscription = saved(Status.DRAFT)
    form = Subscription.objects.get()
    recording.change(form, list(form.price_lines.all()), by=both, version=form.version, requesting=True)
    with pytest.raises(PermissionDenied):
        recording.approve(subscription, by=both)
    recording.approve(subscription, by=people["approver"])
    change(subscription, people["administrator"], ends_on=days(400))
    recording.approve(subscription, by=both)
    change(subscription, both, ends_on=days(500))
    with pytest.raises(PermissionDenied):
        recording.approve(subscription, by=User.objects.get(pk=both.pk))


def test_what_differs_is_told_field_by_field(in_english):
    subscription = saved(plan="Team", auto_renewal=False)
    before = content_of(subscription, subscription.price_lines.all())
    tool = ProductFactory(name_en="Other tool")
    subscription.product, subscription.plan, subscription.auto_renewal = tool, "", None
    lines = [PriceLine(**{**SEAT, "seats": 12, "amount": 20_000}), PriceLine(**SEAT)]
    assert [(d.label, d.before, d.after) for d in differences(before, subscription, lines)] == [
        ("AI tool", str(Subscription.objects.get().product), "Other tool"),
        ("Plan", "Team", "Not given"),
        ("Automatic renewal", "No", "Not given"),
        ("Price line 1: amount", "₩10,000", "₩20,000"),
        ("Price line 1: seats", "10", "12"),
        ("Price line 2", "None", "₩10,000 (Per seat, Monthly, VAT included, 10 seats)"),
    ]
