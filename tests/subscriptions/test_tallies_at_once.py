"""Payments, moves of subscriptions and folds at the same moment, on PostgreSQL: none is lost or added up twice.

SQLite has one writer at a time, and its transactions begin as writers, so that there is nothing to interleave.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from subscriptions.models import PaidChange, Payment, Status, Subscription
from subscriptions.storing import locked
from subscriptions.tallies import fold, paid_by_agency, recount, silent_by_agency
from subscriptions.tally_sql import BY_AGENCY, CHANGES
from tests.subscriptions.factories import SubscriptionFactory, agency_at
from tests.subscriptions.test_at_once import Done, in_thread, somebody_waits
from tests.subscriptions.test_tallies import assert_equal_to_the_payments, pay

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only on PostgreSQL: SQLite has one writer at a time: nothing can be interleaved",
    ),
]

# What one would write without thinking of anybody else: it takes the subscription as it finds it.
PLAIN = """
CREATE OR REPLACE FUNCTION govtrack_tally_payment_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscriptions_paidchange (
        agency_id, product_id, status, data_class, provenance, month, won, payments, unknown, silent
    )
    SELECT s.agency_id, s.product_id, s.status, COALESCE(s.data_class, ''), s.provenance,
        date_trunc('month', paid_on)::date, won, 1, 0, 0
    FROM added JOIN subscriptions_subscription AS s ON s.id = added.subscription_id;
    INSERT INTO subscriptions_paidchange (
        agency_id, product_id, status, data_class, provenance, month, won, payments, unknown, silent
    )
    SELECT s.agency_id, s.product_id, s.status, COALESCE(s.data_class, ''), s.provenance,
        NULL, 0, 0, 0, -1
    FROM added JOIN subscriptions_subscription AS s ON s.id = added.subscription_id
    WHERE (SELECT count(*) FROM subscriptions_payment AS p WHERE p.subscription_id = s.id) = 1;
    RETURN NULL;
END $$;
"""


def definition(function: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        return cursor.fetchone()[0]


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture(params=[True, False], ids=["as it is", "plain"])
def as_it_is(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[bool]:
    """Whether payments are tallied by our trigger; the control shows what happens otherwise."""
    own = definition("govtrack_tally_payment_insert")
    if not request.param:
        run(PLAIN)
    yield request.param
    run(own)


@pytest.fixture
def subscription(transactional_db: None) -> Subscription:
    return SubscriptionFactory(agency=agency_at("KR/P1"))


def at_once(first: Callable[[], Any], second: Callable[[], Any]) -> bool:
    """Do the first and, before its transaction ends, the second, until that waits for a lock or is done; whether it waited."""
    written, go_on = threading.Event(), threading.Event()

    def first_of_all() -> None:
        with transaction.atomic():
            first()
            written.set()
            assert go_on.wait(30)

    def then() -> None:
        with transaction.atomic():
            second()

    one, first_done = in_thread(first_of_all)
    assert written.wait(30), first_done.error
    two, second_done = in_thread(then)
    waited = False
    for _attempt in range(3000):
        waited = somebody_waits()
        if waited or not two.is_alive():
            break
        time.sleep(0.01)
    go_on.set()
    for thread in (one, two):
        thread.join(30)
        assert not thread.is_alive()
    assert [first_done.error, second_done.error] == [None, None]
    return waited


def is_right() -> bool:
    try:
        assert_equal_to_the_payments()
    except AssertionError:
        return False
    return True


def move(subscription: Subscription, **changes: Any) -> Callable[[], Any]:
    return lambda: Subscription.objects.filter(pk=subscription.pk).update(**changes)


def paid(subscription: Subscription, won: int = 5) -> Callable[[], Any]:
    return lambda: pay(subscription, won)


@pytest.mark.parametrize("first_is", ["the move", "the payment"])
@pytest.mark.parametrize("before", ["silent", "paid"])
def test_a_payment_while_its_subscription_moves(as_it_is, subscription, first_is, before):
    if before == "paid" and as_it_is:
        pay(subscription, 7)
    acts = [move(subscription, agency=agency_at("KR/P2")), paid(subscription)]
    waited = at_once(*(acts if first_is == "the move" else reversed(acts)))
    assert (waited, is_right()) == (as_it_is, as_it_is)


@pytest.mark.parametrize(
    "changes",
    [{"status": Status.VOID}, {"status": Status.DRAFT}, {"data_class": None}, {"provenance": "imported"}],
    ids=str,
)
def test_a_payment_while_its_subscription_becomes_something_else(as_it_is, subscription, changes):
    Subscription.objects.update(data_class="open")
    assert at_once(paid(subscription), move(subscription, **changes)) == as_it_is
    assert is_right() == as_it_is


def test_two_first_payments(as_it_is, subscription):
    assert at_once(paid(subscription, 5), paid(subscription, 7)) == as_it_is
    assert is_right() == as_it_is
    assert [row.won for row in paid_by_agency()] == [12]
    assert [silent for _agency, silent in silent_by_agency()] == ([] if as_it_is else [-1])


def test_two_last_payments_taken_back(subscription):
    one, two = pay(subscription, 5), pay(subscription, 7)
    assert at_once(one.delete, two.delete)
    assert_equal_to_the_payments()
    assert [silent for _agency, silent in silent_by_agency()] == [1]


def test_a_first_payment_while_the_last_other_one_is_taken_back(subscription):
    payment = pay(subscription, 5)
    assert at_once(paid(subscription), payment.delete)
    assert_equal_to_the_payments()


def test_payments_exchanged_between_two_subscriptions(subscription):
    """Both statements write both subscriptions' rows, which they lock in one order."""
    other = SubscriptionFactory(agency=agency_at("KR/P2"))
    one, two = pay(subscription, 5), pay(other, 7)
    waited = at_once(
        lambda: Payment.objects.filter(pk=one.pk).update(subscription=other),
        lambda: Payment.objects.filter(pk=two.pk).update(subscription=subscription),
    )
    assert waited
    assert_equal_to_the_payments()


def test_a_payment_need_not_wait_for_an_act_on_its_subscription(subscription):
    """Nor for a check, which locks a thousand in the same way: only a change of what is tallied counts."""
    assert not at_once(lambda: locked(subscription), paid(subscription))
    assert not at_once(move(subscription, purpose="drones"), paid(subscription))
    assert_equal_to_the_payments()


def test_payments_of_different_subscriptions_of_one_agency_do_not_wait(subscription):
    other = SubscriptionFactory(agency=subscription.agency, product=subscription.product)
    assert not at_once(paid(subscription), paid(other))
    assert_equal_to_the_payments()


# --- folds ------------------------------------------------------------------------------------------------------------


def plain_fold() -> None:
    """The first of its two statements."""
    run(
        f"UPDATE {BY_AGENCY} AS t SET won = t.won + c.won, payments = t.payments + c.payments"
        f" FROM (SELECT agency_id, SUM(won) AS won, SUM(payments) AS payments FROM {CHANGES} GROUP BY 1) AS c"
        " WHERE c.agency_id = t.agency_id"
    )


@pytest.mark.parametrize("one_statement", [True, False])
def test_a_payment_comes_while_changes_are_folded(subscription, one_statement):
    pay(subscription, 5)
    fold()
    pay(subscription, 7)
    if one_statement:
        assert not at_once(fold, paid(subscription, 9))
        assert_equal_to_the_payments()
    else:  # the control: what comes between adding up and taking away is lost
        with transaction.atomic():
            plain_fold()
            thread, done = in_thread(paid(subscription, 9))
            thread.join(30)
            assert done.error is None
            PaidChange.objects.all().delete()
            assert [row.won for row in paid_by_agency()] == [12]
            transaction.set_rollback(True)


def test_a_fold_leaves_what_is_not_committed(subscription):
    pay(subscription, 5)
    assert not at_once(paid(subscription, 7), fold)
    assert PaidChange.objects.count() == 1
    assert_equal_to_the_payments()
    fold()
    assert_equal_to_the_payments()


def test_two_folds(subscription):
    pay(subscription, 5)
    assert at_once(fold, fold)
    assert_equal_to_the_payments()


def test_a_fold_that_is_undone_gives_way_to_another(subscription):
    pay(subscription, 5)

    def undone() -> None:
        fold()
        transaction.set_rollback(True)

    assert at_once(undone, fold)
    assert not PaidChange.objects.exists()
    assert_equal_to_the_payments()


def test_nobody_pays_while_all_is_counted_again(subscription):
    pay(subscription, 5)
    assert at_once(recount, paid(subscription))
    assert at_once(paid(subscription), recount)
    assert at_once(recount, move(subscription, status=Status.VOID))
    assert at_once(recount, recount)
    assert_equal_to_the_payments()


def test_many_at_once_come_to_the_right_sums(subscription):
    others = [subscription, *(SubscriptionFactory(agency=agency_at(f"KR/P{n}")) for n in range(3))]

    def work(seed: int) -> Done:
        for step in range(25):
            target = others[(seed + step) % 4]
            if step % 5 == 4:
                move(target, agency=agency_at(f"KR/P{(seed + step) % 3}"))()
            elif step % 7 == 6:
                fold()
            else:
                pay(target, seed * 100 + step)
        return Done()

    threads = [in_thread(lambda seed=seed: work(seed)) for seed in range(4)]
    for thread, _done in threads:
        thread.join(60)
    assert [done.error for _thread, done in threads] == [None] * 4
    assert_equal_to_the_payments()
    fold()
    assert_equal_to_the_payments()
