"""What is decided at the end of a term: renewing, letting it end, deciding anew; and that the ends of terms are kept in step."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command

from agencies.models import User
from policies.verdicts import Effect
from subscriptions import recording
from subscriptions.models import Decision, PriceLine, Renewal, Status, Subscription
from subscriptions.renewals.deciding import let_end, reconsider, renew
from subscriptions.renewals.keeping import keep_all
from subscriptions.renewals.prices import Prices, lines_of_next_term
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

END, NEXT = datetime.date(2026, 12, 31), datetime.date(2027, 12, 31)


@pytest.fixture
def administrator() -> User:
    return person("administrator", agency_at("KR/P1"), username="administrator")


def declared(by: User, seats: int = 10, **fields: Any) -> Subscription:
    known = {"agency": agency_at("KR/P1"), "started_on": days(-100), "ends_on": END, "auto_renewal": True}
    subscription = Subscription(product=ProductFactory(), **{**known, "notice_days": 30, **fields})
    line = PriceLine(amount=10_000, seats=seats, vat=PriceLine.Vat.INCLUDED)
    return recording.declare(subscription, [line], by=by).subscription


def terms(subscription: Subscription) -> list[tuple[str, Any, Any, Any]]:
    """Each term of a subscription: its state, its last day, the last day to give notice, and until when it was renewed."""
    rows = Renewal.objects.filter(subscription=subscription).order_by("ends_on")
    return list(rows.values_list("state", "ends_on", "notice_by", "renewed_until"))


def test_a_term_is_renewed_for_more_seats(administrator: User):
    """The old term stays as it was, a new one begins, and the price of the old seats ends with the old term."""
    subscription = declared(administrator)
    assert terms(subscription) == [("open", END, datetime.date(2026, 12, 1), None)]

    recorded = renew(
        subscription,
        by=administrator,
        version=subscription.version,
        ends_on=NEXT,
        pricing=lambda lines: lines_of_next_term(lines, END, NEXT, Prices.SEATS, seats=25),
        terms={"notice_days": 60},
        reason="It is used every day.",
    )

    assert not recorded.refused
    assert terms(subscription) == [
        ("renewed", END, datetime.date(2026, 12, 1), NEXT),
        ("open", NEXT, datetime.date(2027, 11, 1), None),
    ]
    lines = subscription.price_lines.values_list("position", "seats", "amount", "starts_on", "ends_on")
    assert list(lines) == [
        (1, 10, 10_000, None, END),
        (2, 25, 10_000, datetime.date(2027, 1, 1), None),
    ]
    assert (recorded.decision.act, recorded.decision.result) == (Decision.Act.RENEW, "done")
    renewed = Renewal.objects.get(state="renewed")
    assert (renewed.reason, renewed.decided_by) == ("It is used every day.", administrator)

    with pytest.raises(recording.StaleEdit):  # a second click
        renew(subscription, by=administrator, version=subscription.version, ends_on=NEXT)

    after = recorded.subscription
    after.ends_on, after.notice_days = END, 30  # taken back
    recording.change(after, list(after.price_lines.all()[:1]), by=administrator, version=after.version)
    assert terms(subscription) == [("open", END, datetime.date(2026, 12, 1), None)]


@pytest.mark.past_history
def test_what_a_policy_blocks_is_not_renewed(administrator: User):
    """Neither is a declared tool that waits for an officer's approval; the attempt is kept, and nothing else has changed."""
    make_policy(("personal_data", "is", [True]), scope=agency_at("KR"), effect=Effect.BLOCK)
    make_policy(("seats", "more_than", [50]), scope=agency_at("KR"), effect=Effect.APPROVAL)
    for fields in ({"personal_data": True}, {"personal_data": False, "seats": 51}):
        subscription = declared(administrator, **fields)
        before = terms(subscription)
        recorded = renew(subscription, by=administrator, version=subscription.version, ends_on=NEXT)
        subscription.refresh_from_db()
        assert (recorded.refused, recorded.decision.act) == (True, Decision.Act.RENEW)
        assert (subscription.ends_on, terms(subscription)) == (END, before)
        assert Renewal.objects.get(subscription=subscription).decided_by is None


def test_a_term_is_let_end_and_decided_anew(administrator: User, clock: Any):
    subscription = declared(administrator)
    with pytest.raises(ValidationError):
        let_end(subscription, by=administrator, reason="Too dear.", notice_given_on=days(1))
    let_end(subscription, by=administrator, reason="Too dear.", notice_given_on=DAY)
    with pytest.raises(recording.NotPossible):
        let_end(subscription, by=administrator, reason="Again.")
    assert [state for state, *_rest in terms(subscription)] == ["ending"]
    reconsider(subscription, by=administrator)
    assert [state for state, *_rest in terms(subscription)] == ["open"]
    let_end(subscription, by=administrator, reason="Too dear after all.")
    assert list(subscription.decisions.values_list("act", flat=True)[:3]) == [
        "let_end",
        "reconsider",
        "let_end",
    ]
    clock(END)
    recording.end(subscription, by=administrator, on=END)
    assert terms(subscription) == [("ended", END, datetime.date(2026, 12, 1), None)]


def test_who_does_not_administer_decides_nothing(administrator: User):
    subscription = declared(administrator)
    for other in (person("approver", agency_at("KR/P1")), person("administrator", agency_at("KR/P2"))):
        for act in (
            lambda by: renew(subscription, by=by, version=1, ends_on=NEXT),
            lambda by: let_end(subscription, by=by, reason="x"),
            lambda by: reconsider(subscription, by=by),
        ):
            with pytest.raises(PermissionDenied):
                act(other)


def test_a_new_price_follows_or_comes_on_top(administrator: User):
    base = PriceLineFactory.build(position=1, seats=5, ends_on=END, subscription=None)
    past = PriceLineFactory.build(position=2, ends_on=days(-1), subscription=None)
    base.pk, past.pk = 1, 2

    def next_term(prices: Prices, **given: Any) -> list[tuple[int, Any, Any]]:
        base.ends_on = END
        made = lines_of_next_term([base, past], END, NEXT, prices, **given)
        return [(line.amount, line.starts_on, line.ends_on) for line in made]

    new, first = PriceLine(amount=7), datetime.date(2027, 1, 1)
    assert next_term(Prices.AS_SO_FAR) == [(10_000, None, NEXT), (10_000, None, days(-1))]
    assert next_term(Prices.NEW, line=new) == [
        (10_000, None, END), (10_000, None, days(-1)), (7, first, None),
    ]  # fmt: skip
    assert next_term(Prices.ADDED, line=new) == [
        (10_000, None, NEXT), (10_000, None, days(-1)), (7, first, None),
    ]  # fmt: skip
    for prices in (Prices.NEW, Prices.SEATS):
        with pytest.raises(ValidationError):
            next_term(prices)
    base.basis = PriceLine.Basis.FLAT
    with pytest.raises(ValidationError):  # there is no price per seat
        next_term(Prices.SEATS, seats=5)


@pytest.mark.past_history
def test_whatever_slipped_past_is_put_right(administrator: User):
    """Fixtures and bulk writes know nothing of ends of terms; the nightly check finds exactly what differs."""
    subscription = declared(administrator)
    let_end(subscription, by=administrator, reason="Too dear.")
    same = declared(administrator)
    kept(SubscriptionFactory(agency=agency_at("KR/P1"), ends_on=None))
    assert Renewal.objects.count() == 2
    Subscription.objects.filter(pk=subscription.pk).update(ends_on=NEXT)
    Renewal.objects.filter(subscription=same).update(
        notice_by=days(3)
    )  # as if a holiday had been added since

    assert keep_all() == 3
    assert terms(subscription) == [("open", NEXT, datetime.date(2027, 12, 1), None)]
    assert terms(same) == [("open", END, datetime.date(2026, 12, 1), None)]
    assert Renewal.objects.filter(ends_on=None, notice_by=None).count() == 1
    assert keep_all() == 0

    Subscription.objects.filter(pk=same.pk).update(status=Status.VOID)
    call_command("check_policies", verbosity=0)
    assert terms(same) == []
