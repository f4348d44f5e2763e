"""What has been paid is tallied as it is written, by whatever path, and always equal to the sums of the payments."""

from __future__ import annotations

import datetime
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from agencies.models import Agency
from policies.vocabulary import DataClass
from subscriptions import tallies
from subscriptions.checking import check_everything
from subscriptions.models import (
    LARGEST_PAYMENT,
    PaidByAgency,
    PaidByAgencyMonth,
    PaidByProduct,
    PaidByProductMonth,
    PaidBySubscription,
    PaidChange,
    PaidInDetail,
    Payment,
    Status,
    Subscription,
)
from subscriptions.tallies import (
    Row,
    fold,
    paid_by_agency,
    paid_by_month,
    paid_by_place,
    paid_by_product,
    recount,
    silent_by_agency,
    silent_by_place,
    silent_by_product,
)
from tests.examples import examples
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, agency_at

pytestmark = pytest.mark.django_db
TALLIES = (PaidByAgency, PaidByAgencyMonth, PaidByProduct, PaidByProductMonth, PaidInDetail)
TO_BE_PAID = (Status.APPROVED, Status.ACTIVE, Status.ENDED)
JAN, FEB, MAR = (datetime.date(2025, month, 1) for month in (1, 2, 3))
JANUARY, FEBRUARY = (JAN, datetime.date(2025, 1, 31)), (FEB, datetime.date(2025, 2, 28))


def pay(subscription: Subscription, won: int | None, on: str = "2025-01-15", **fields: Any) -> Payment:
    currency = {"currency": "KRW", "amount": won} if won is not None else {"currency": "USD", "amount": 100}
    return Payment.objects.create(subscription=subscription, paid_on=on, won=won, **{**currency, **fields})


day_of = datetime.date.fromisoformat


def month_of(day: datetime.date) -> datetime.date:
    return day.replace(day=1)


# --- a plain recomputation --------------------------------------------------------------------------------------------


def expected(
    payments: Iterable[Payment], key: Callable[[Subscription], Any], by_month: bool, **asked: str
) -> dict[Any, tuple[int, int, int]]:
    """Won, payments of known won and payments of unknown won, added up one by one, of the subscriptions that are as asked."""
    sums: dict[Any, list[int]] = {}
    for payment in payments:
        if payment.subscription.status == Status.VOID:
            continue
        if any(as_known(getattr(payment.subscription, name)) != value for name, value in asked.items()):
            continue
        month = month_of(payment.paid_on) if by_month else None
        row = sums.setdefault((key(payment.subscription), month), [0, 0, 0])
        row[0] += payment.won or 0
        row[1] += payment.won is not None
        row[2] += payment.won is None
    return {key: tuple(row) for key, row in sums.items()}


def expected_silent(key: Callable[[Subscription], Any]) -> dict[Any, int]:
    silent = Subscription.objects.filter(status__in=TO_BE_PAID, payments=None)
    return dict(Counter(key(subscription) for subscription in silent))


def read(rows: Iterable[Row], by_data_class: bool = False) -> dict[Any, tuple[int, int, int]]:
    found = [
        (
            ((row.of, row.data_class) if by_data_class else row.of, row.month),
            (row.won, row.payments, row.unknown),
        )
        for row in rows
    ]
    assert len(found) == len(dict(found))
    return dict(found)


def as_known(data_class: str | None) -> str:
    return data_class or ""


def assert_detail_equal_to(payments: list[Payment]) -> None:
    def product_and_class(subscription: Subscription) -> tuple[int, str]:
        return subscription.product_id, as_known(subscription.data_class)

    each = [
        {},
        *({"status": status} for status in Status.values),
        *({"data_class": data_class} for data_class in ("", *DataClass.values)),
        *({"provenance": provenance, "status": "active"} for provenance in Subscription.Provenance.values),
    ]
    for number, asked in enumerate(each):
        for_months = number % 2 == 0
        rows = paid_by_product(None, for_months, by_data_class=True, **asked)
        assert read(rows, by_data_class=True) == expected(payments, product_and_class, for_months, **asked)
        rows = paid_by_product(None, not for_months, **asked)
        assert read(rows) == expected(payments, lambda s: s.product_id, not for_months, **asked)


def assert_equal_to_the_payments() -> None:
    payments = list(Payment.objects.select_related("subscription"))
    for by_month in (False, True):
        assert read(paid_by_agency(by_month=by_month)) == expected(payments, lambda s: s.agency_id, by_month)
        assert read(paid_by_product(by_month=by_month)) == expected(
            payments, lambda s: s.product_id, by_month
        )
    assert_detail_equal_to(payments)
    assert dict(silent_by_agency()) == expected_silent(lambda s: s.agency_id)
    assert dict(silent_by_product()) == expected_silent(lambda s: s.product_id)
    kept = {
        row.subscription_id: (
            *(row.won, row.payments, row.unknown),
            *(row.agency_id, row.product_id, row.status, row.data_class, row.provenance),
            *(row.started_on, row.ends_on),
        )
        for row in PaidBySubscription.objects.all()
    }
    sums = {
        s.pk: [
            *(0, 0, 0, s.agency_id, s.product_id, s.status, as_known(s.data_class), s.provenance),
            *(s.started_on, s.ends_on),
        ]
        for s in Subscription.objects.defer("purpose")
    }
    for pk, won in Payment.objects.values_list("subscription", "won"):
        sums[pk][0] += won or 0
        sums[pk][1] += won is not None
        sums[pk][2] += won is None
    assert kept == {pk: tuple(row) for pk, row in sums.items()}


# --- any order of anything --------------------------------------------------------------------------------------------

WON = st.none() | st.integers(-5, 5) | st.sampled_from([LARGEST_PAYMENT, -LARGEST_PAYMENT])
DAYS = st.dates(datetime.date(2024, 12, 30), datetime.date(2025, 3, 2)) | st.sampled_from(
    [JAN, FEB - datetime.timedelta(1), datetime.date(1999, 1, 31)]
)
PICK = st.integers(0, 10**6)
STATUSES = st.sampled_from(Status.values)
CLASSES = st.sampled_from([None, *DataClass.values])
# A third one, "statement", names the statement it is taken from.
PROVENANCES = st.sampled_from(["by_hand", "imported"])


class Writing(RuleBasedStateMachine):
    """Every example is undone at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.agencies = [agency_at(path) for path in ("KR/P1", "KR/P1/C1", "KR/P2")]
        self.products = [ProductFactory() for _number in range(2)]
        for number in range(3):
            SubscriptionFactory(agency=self.agencies[number], product=self.products[number % 2])

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    @staticmethod
    def one(rows: Any, pick: int) -> Any:
        found = list(rows.order_by("pk"))
        return found[pick % len(found)] if found else None

    @rule(status=STATUSES, agency=PICK, product=PICK, data_class=CLASSES, provenance=PROVENANCES)
    def record(self, status, agency, product, data_class, provenance):
        SubscriptionFactory(
            agency=self.agencies[agency % 3],
            product=self.products[product % 2],
            status=status,
            data_class=data_class,
            provenance=provenance,
        )

    @rule(pick=PICK, status=STATUSES, agency=PICK, product=PICK)
    def move(self, pick, status, agency, product):
        subscription = self.one(Subscription.objects, pick)
        if subscription:
            subscription.agency, subscription.product = self.agencies[agency % 3], self.products[product % 2]
            subscription.status = status
            subscription.save()

    @rule(pick=PICK, data_class=CLASSES, provenance=PROVENANCES)
    def describe(self, pick, data_class, provenance):
        subscription = self.one(Subscription.objects, pick)
        if subscription:
            subscription.data_class, subscription.provenance = data_class, provenance
            subscription.save()

    @rule(pick=PICK, started_on=DAYS, ends=st.booleans(), agency=PICK | st.none())
    def date(self, pick, started_on, ends, agency):
        """Alone, or together with a move."""
        subscription = self.one(Subscription.objects, pick)
        if subscription:
            subscription.started_on, subscription.ends_on = started_on, started_on if ends else None
            if agency is not None:
                subscription.agency = self.agencies[agency % 3]
            subscription.save()

    @rule(started_on=DAYS)
    def date_all(self, started_on):
        Subscription.objects.update(started_on=started_on, ends_on=started_on)

    @rule(agency=PICK, data_class=CLASSES, provenance=PROVENANCES)
    def describe_all_of_an_agency(self, agency, data_class, provenance):
        subscriptions = Subscription.objects.filter(agency=self.agencies[agency % 3])
        subscriptions.update(data_class=data_class, provenance=provenance)

    @rule(each=st.lists(st.tuples(STATUSES, CLASSES, PROVENANCES), max_size=4))
    def describe_many(self, each):
        subscriptions = list(Subscription.objects.order_by("pk"))[: len(each)]
        for subscription, (status, data_class, provenance) in zip(subscriptions, each, strict=False):
            subscription.status, subscription.data_class = status, data_class
            subscription.provenance = provenance
        Subscription.objects.bulk_update(subscriptions, ["status", "data_class", "provenance"])

    @rule(data_class=CLASSES, status=STATUSES)
    def describe_in_raw_sql(self, data_class, status):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE subscriptions_subscription SET data_class = %s, status = %s,"
                " provenance = CASE provenance WHEN 'imported' THEN 'by_hand' ELSE 'imported' END"
                " WHERE data_class IS NULL OR data_class <> 'open'",
                [data_class, status],
            )

    @rule(product=PICK, agency=PICK)
    def move_all_to_an_agency(self, product, agency):
        Subscription.objects.filter(product=self.products[product % 2]).update(
            agency=self.agencies[agency % 3]
        )

    @rule(status=STATUSES, agency=PICK)
    def all_of_an_agency_get_a_status(self, status, agency):
        Subscription.objects.filter(agency=self.agencies[agency % 3]).update(status=status)

    @rule(pick=PICK)
    def forget(self, pick):
        subscription = self.one(Subscription.objects.filter(payments=None), pick)
        if subscription:
            subscription.delete()

    @rule(pick=PICK, won=WON, on=DAYS)
    def pay(self, pick, won, on):
        subscription = self.one(Subscription.objects, pick)
        if subscription:
            pay(subscription, won, on)

    @rule(each=st.lists(st.tuples(PICK, WON, DAYS), max_size=6))
    def pay_many(self, each):
        subscriptions = list(Subscription.objects.order_by("pk"))
        Payment.objects.bulk_create(
            Payment(
                subscription=subscriptions[pick % len(subscriptions)],
                paid_on=on,
                won=won,
                amount=won or 0,
                currency="KRW" if won is not None else "USD",
            )
            for pick, won, on in (each if subscriptions else ())
        )

    @rule(pick=PICK, to=PICK, won=WON, on=DAYS)
    def correct(self, pick, to, won, on):
        payment = self.one(Payment.objects, pick)
        if payment:
            payment.subscription = self.one(Subscription.objects, to)
            payment.won, payment.paid_on, payment.amount = won, on, won or 0
            payment.currency = "KRW" if won is not None else "USD"
            payment.save()

    @rule(pick=PICK, won=WON, to=PICK)
    def write_again(self, pick, won, to):
        """The same key again, as an insertion that becomes an update."""
        payment, subscription = self.one(Payment.objects, pick), self.one(Subscription.objects, to)
        if payment:
            again = Payment(pk=payment.pk, subscription=subscription, paid_on=FEB, won=won, amount=won or 0)
            again.currency = "KRW" if won is not None else "USD"
            new = Payment(subscription=subscription, paid_on=MAR, won=1, amount=1)
            new.pk = Payment.objects.order_by("-pk")[0].pk + 1_000_000
            fields = ["subscription", "paid_on", "won", "amount", "currency"]
            Payment.objects.bulk_create(
                [again, new], update_conflicts=True, unique_fields=["id"], update_fields=fields
            )

    @rule(won=WON, on=DAYS, agency=PICK)
    def correct_all_of_an_agency(self, won, on, agency):
        payments = Payment.objects.filter(subscription__agency=self.agencies[agency % 3])
        payments.update(won=won, paid_on=on, amount=won or 0, currency="KRW" if won is not None else "USD")

    @rule(pick=PICK, to=PICK)
    def give_all_payments_to_another(self, pick, to):
        if Subscription.objects.exists():
            payments = Payment.objects.filter(subscription=self.one(Subscription.objects, pick))
            payments.update(subscription=self.one(Subscription.objects, to))

    @rule(pick=PICK)
    def take_back(self, pick):
        payment = self.one(Payment.objects, pick)
        if payment:
            payment.delete()

    @rule(on=DAYS)
    def take_back_all_before(self, on):
        Payment.objects.filter(paid_on__lt=on).delete()

    @rule(won=st.integers(-5, 5))
    def raw_sql(self, won):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE subscriptions_payment SET won = %s, amount = %s WHERE currency = 'KRW' AND won > %s",
                [won, won, won],
            )
            cursor.execute(
                "DELETE FROM subscriptions_payment WHERE id = (SELECT MAX(id) FROM subscriptions_payment)"
            )

    @rule(pick=PICK)
    def nothing_stays_of_what_is_undone(self, pick):
        with transaction.atomic():
            self.pay(pick, 5, JAN)
            self.move(pick, Status.VOID, pick, pick)
            fold()
            transaction.set_rollback(True)

    @rule()
    def fold(self):
        fold()
        assert not PaidChange.objects.exists()

    @invariant()
    def holds(self):
        assert_equal_to_the_payments()


def test_any_order_of_anything():
    run_state_machine_as_test(Writing, settings=examples(15, share=10))


# --- each path --------------------------------------------------------------------------------------------------------


@pytest.fixture
def subscription() -> Subscription:
    return SubscriptionFactory(agency=agency_at("KR/P1"))


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_what_is_kept_of_a_few_payments(subscription):
    agency = subscription.agency_id
    assert silent_by_agency() == [(agency, 1)]
    pay(subscription, 700, "2025-01-31")
    pay(subscription, -50, "2025-02-01")
    pay(subscription, None, "2025-02-28")
    assert silent_by_agency() == []
    whole = Row(agency, None, None, won=650, payments=2, unknown=1)
    january = Row(agency, None, JAN, won=700, payments=1, unknown=0)
    february = Row(agency, None, FEB, won=-50, payments=1, unknown=1)
    for _folded in range(2):
        assert paid_by_agency() == [whole]
        rows = sorted(paid_by_agency(by_month=True), key=lambda row: row.month)
        assert rows == [january, february]
        assert paid_by_agency(period=JANUARY, by_month=True) == [january]
        assert paid_by_agency(period=FEBRUARY) == [february._replace(month=None)]
        assert paid_by_agency(period=(MAR, MAR)) == []
        fold()
    assert PaidByAgencyMonth.objects.count() == 2


def test_only_the_agencies_that_are_asked_for(subscription):
    other = SubscriptionFactory(agency=agency_at("KR/P2"))
    pay(subscription, 5)
    pay(other, 7)
    SubscriptionFactory(agency=other.agency)
    for _folded in range(2):
        assert [row.won for row in paid_by_agency([other.agency_id])] == [7]
        assert [row.won for row in paid_by_agency([other.agency_id], (JAN, FEB), True)] == [7]
        assert paid_by_agency([]) == []
        assert silent_by_agency([subscription.agency_id]) == []
        assert silent_by_agency([other.agency_id]) == [(other.agency_id, 1)]
        fold()


def test_a_place_is_it_and_all_below_on_todays_tree():
    one, below, other = (
        SubscriptionFactory(agency=agency_at(path)) for path in ("KR/P1", "KR/P1/C1", "KR/P10")
    )
    for number, subscription in enumerate((one, below, other)):
        pay(subscription, 10**number)
        SubscriptionFactory(agency=subscription.agency)
    places = [("KR/P1/", 1), ("KR/P10/", 2), ("KR/P3/", 3)]

    def at_places() -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
        return (
            {row.of: row.won for row in paid_by_place(places)},
            {row.of: row.won for row in paid_by_place(places, JANUARY, by_month=True)},
            dict(silent_by_place(places)),
        )

    for _folded in range(2):
        assert at_places() == ({1: 11, 2: 100}, {1: 11, 2: 100}, {1: 2, 2: 1})
        fold()
    below.agency.parent = agency_at("KR/P10")
    below.agency.save()
    assert Agency.objects.get(pk=below.agency_id).path == "KR/P10/C1/"
    assert at_places() == ({1: 1, 2: 110}, {1: 1, 2: 110}, {1: 1, 2: 2})
    assert paid_by_place([]) == silent_by_place([]) == []


def test_what_a_tool_cost_is_told_apart_by_what_its_subscriptions_are(subscription):
    known = SubscriptionFactory(agency=agency_at("KR/P2"), product=subscription.product, status="ended")
    Subscription.objects.filter(pk=subscription.pk).update(data_class=None)
    Subscription.objects.filter(pk=known.pk).update(data_class="open", provenance="imported")
    pay(subscription, 5)
    pay(known, 70)
    pay(known, None, "2025-02-01")

    def won(**asked: Any) -> list[tuple[Any, ...]]:
        rows = paid_by_product(**asked)
        return sorted((row.data_class, row.won, row.payments, row.unknown) for row in rows)

    for _folded in range(2):
        assert won(by_data_class=True) == [("", 5, 1, 0), ("open", 70, 1, 1)]
        assert won(by_data_class=True, period=FEBRUARY) == [("open", 0, 0, 1)]
        assert won(data_class="") == won(status="active") == won(provenance="by_hand") == [(None, 5, 1, 0)]
        assert won(data_class="open") == won(status="ended") == won(provenance="imported")
        assert won(data_class="open", period=JANUARY) == [(None, 70, 1, 0)]
        assert won(data_class="open", status="active") == won(status="void") == []
        assert won() == [(None, 75, 2, 1)]
        fold()
    Subscription.objects.update(data_class="classified")
    assert won(by_data_class=True) == [("classified", 75, 2, 1)]
    fold()
    assert set(PaidInDetail.objects.values_list("data_class", flat=True)) == {"classified"}


@pytest.mark.parametrize(
    ("first", "last", "months", "around"),
    [
        ("2026-01-01", "2026-03-31", ("2026-01-01", "2026-03-01"), []),
        ("2026-01-10", "2026-03-31", ("2026-02-01", "2026-03-01"), [("2026-01-10", "2026-01-31")]),
        (
            "2025-12-31",
            "2026-03-01",
            ("2026-01-01", "2026-02-01"),
            [("2025-12-31", "2025-12-31"), ("2026-03-01", "2026-03-01")],
        ),
        ("2026-01-10", "2026-01-20", None, [("2026-01-10", "2026-01-20")]),
        ("2026-01-10", "2026-02-20", None, [("2026-01-10", "2026-02-20")]),
        ("0001-01-01", "2026-02-27", ("0001-01-01", "2026-01-01"), [("2026-02-01", "2026-02-27")]),
        ("0001-01-01", "0001-01-02", None, [("0001-01-01", "0001-01-02")]),
        ("9999-12-02", "9999-12-31", None, [("9999-12-02", "9999-12-31")]),
        ("0001-01-01", "9999-12-31", ("0001-01-01", "9999-12-01"), []),
        ("2026-03-10", "2026-01-20", None, [("2026-03-10", "2026-01-20")]),
    ],
)
def test_a_period_is_whole_months_and_the_days_around_them(first, last, months, around):
    def days(pair: tuple[str, str]) -> tuple[datetime.date, ...]:
        return tuple(map(day_of, pair))

    assert tallies.whole_months((day_of(first), day_of(last))) == (
        months and days(months),
        list(map(days, around)),
    )


def test_a_period_from_amid_a_month_to_amid_another(subscription):
    """Its days are read of the payments, by what their subscriptions are tallied as."""
    void = SubscriptionFactory(agency=subscription.agency, product=subscription.product, status="void")
    for paid_on, won in (("2024-12-09", 1), ("2024-12-10", 20), ("2025-02-15", 300), ("2025-02-15", None)):
        pay(subscription, won, paid_on)
    pay(subscription, 4_000, "2025-01-01")
    pay(subscription, 50_000, "2025-02-16")
    pay(void, 9, "2024-12-10")
    of, product, period = (
        subscription.agency_id,
        subscription.product_id,
        (day_of("2024-12-10"), day_of("2025-02-15")),
    )
    december = day_of("2024-12-01")
    by_month = [(december, 20, 1, 0), (JAN, 4_000, 1, 0), (FEB, 300, 1, 1)]
    for _folded in range(2):
        assert paid_by_agency(None, period) == [Row(of, None, None, 4_320, 3, 1)]
        assert paid_by_agency([of], period) == [Row(of, None, None, 4_320, 3, 1)]
        assert paid_by_agency([], period) == []
        assert sorted(paid_by_product(period, True)) == [Row(product, None, *row) for row in by_month]
        assert sorted(paid_by_place([("KR/", 7)], period, True)) == [Row(7, None, *row) for row in by_month]
        told = paid_by_product(period, by_data_class=True, status=subscription.status)
        assert told == [Row(product, subscription.data_class or "", None, 4_320, 3, 1)]
        assert paid_by_product(period, data_class="none of these") == []
        assert sorted(row[2:] for row in paid_by_month()) == sorted(row[2:] for row in paid_by_month([of]))
        fold()


@pytest.mark.parametrize("status", Status.values)
def test_a_void_subscription_counts_nowhere_and_silence_only_where_a_payment_is_due(status):
    silent, paid = (SubscriptionFactory(agency=agency_at("KR/P1"), status=status) for _number in range(2))
    pay(paid, 5)
    assert [row.won for row in paid_by_agency()] == ([] if status == "void" else [5])
    due = status in ("approved", "active", "ended")
    assert [silent for _agency, silent in silent_by_agency()] == ([1] if due else [])
    silent.delete()
    assert silent_by_agency() == []
    fold()
    assert_equal_to_the_payments()


def test_a_payment_may_come_before_its_subscription_within_a_transaction(subscription):
    """As in a fixture that is in any order."""
    pk = subscription.pk + 1_000_000
    with connection.constraint_checks_disabled():
        Payment(subscription_id=pk, paid_on=JAN, won=5, amount=5).save()
        Payment(subscription_id=pk, paid_on=JAN, won=None, amount=5, currency="USD").save()
        assert paid_by_agency() == []
        SubscriptionFactory(pk=pk, agency=subscription.agency)
    assert_equal_to_the_payments()
    pay(Subscription.objects.get(pk=pk), 7)
    assert_equal_to_the_payments()


def test_a_subscription_may_go_before_its_payments_within_a_transaction(subscription):
    pay(subscription, 5)
    pay(subscription, None)
    pk = subscription.pk
    with connection.constraint_checks_disabled():
        sql("DELETE FROM subscriptions_subscription WHERE id = %s", pk)
        assert paid_by_agency() == []
        Payment.objects.filter(subscription_id=pk)[0].delete()
        Payment.objects.filter(subscription_id=pk).delete()
    assert_equal_to_the_payments()
    fold()
    assert [model.objects.count() for model in TALLIES] == [0] * len(TALLIES)


def test_a_subscription_may_get_another_key(subscription):
    sql("UPDATE subscriptions_subscription SET id = id + 1000000 WHERE id = %s", subscription.pk)
    assert_equal_to_the_payments()


def test_fixtures_bring_what_is_paid_and_not_the_tallies(subscription):
    pay(subscription, 5)
    pay(subscription, 7, "2025-02-01")
    fold()
    pay(subscription, 9)
    paid = list(paid_by_agency(by_month=True))
    written = io.StringIO()
    call_command("dumpdata", "subscriptions", "--all", stdout=written)
    dumped = json.loads(written.getvalue())
    assert not [row for row in dumped if row["model"].startswith("subscriptions.paid")]
    Payment.objects.all().delete()
    Subscription.objects.all().delete()
    assert paid_by_agency() == []
    for row in serializers.deserialize("json", written.getvalue()):
        if "historical" not in row.object._meta.model_name:  # it is still there: nobody may write it anew
            row.save()
    assert sorted(map(str, paid_by_agency(by_month=True))) == sorted(map(str, paid))
    assert_equal_to_the_payments()


def test_an_agency_or_tool_may_go_when_its_payments_are_gone(subscription):
    payment = pay(subscription, 5)
    fold()
    agency, product = subscription.agency, subscription.product
    payment.delete()
    subscription.delete()
    agency.delete()
    product.delete()
    fold()
    assert [model.objects.count() for model in TALLIES] == [0] * len(TALLIES)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only on SQLite: its statement")
def test_a_payment_that_replaces_another(subscription):
    other = SubscriptionFactory(agency=agency_at("KR/P2"))
    payment = pay(subscription, 5)
    sql(
        "REPLACE INTO subscriptions_payment (id, subscription_id, paid_on, amount, currency, won, document_number)"
        " VALUES (%s, %s, '2025-03-03', 9, 'KRW', 9, '')",
        payment.pk,
        other.pk,
    )
    assert_equal_to_the_payments()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite writes one table in a statement"
)
@pytest.mark.parametrize("payment_first", [True, False])
def test_a_statement_that_writes_a_subscription_and_its_payment(subscription, payment_first):
    columns = ", ".join(
        f.column for f in Subscription._meta.concrete_fields if f.name not in ("id", "reference")
    )
    pk = subscription.pk + 1_000_000
    new = (
        f"INSERT INTO subscriptions_subscription (id, reference, {columns}) SELECT {pk}, 'NEW', {columns}"
        f" FROM subscriptions_subscription WHERE id = {subscription.pk} RETURNING id"
    )
    paid = (
        "INSERT INTO subscriptions_payment (subscription_id, paid_on, amount, currency, won, document_number)"
        f" VALUES ({pk}, '2025-01-01', 5, 'KRW', 5, '') RETURNING id"
    )
    first, second = (paid, new) if payment_first else (new, paid)
    with connection.constraint_checks_disabled():
        sql(f"WITH a AS ({first}), b AS ({second}) SELECT 1")
    assert_equal_to_the_payments()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite writes one table in a statement"
)
@pytest.mark.parametrize("payment_first", [True, False])
def test_a_statement_that_moves_a_subscription_and_pays_is_right_or_refused(subscription, payment_first):
    pay(subscription, 5)
    moved = (
        f"UPDATE subscriptions_subscription SET agency_id = {agency_at('KR/P2').pk} WHERE id = {subscription.pk}"
        " RETURNING id"
    )
    paid = (
        "INSERT INTO subscriptions_payment (subscription_id, paid_on, amount, currency, won, document_number)"
        f" VALUES ({subscription.pk}, '2025-01-01', 5, 'KRW', 5, '') RETURNING id"
    )
    first, second = (paid, moved) if payment_first else (moved, paid)
    with suppress(IntegrityError), transaction.atomic():
        sql(f"WITH a AS ({first}), b AS ({second}) SELECT 1")
    assert_equal_to_the_payments()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite writes one table in a statement"
)
def test_a_statement_that_takes_back_a_payment_and_makes_another(subscription):
    payment = pay(subscription, 5)
    sql(
        f"WITH a AS (DELETE FROM subscriptions_payment WHERE id = {payment.pk} RETURNING id)"
        " INSERT INTO subscriptions_payment (subscription_id, paid_on, amount, currency, won, document_number)"
        f" VALUES ({subscription.pk}, '2025-02-01', 8, 'KRW', 8, '')"
    )
    assert_equal_to_the_payments()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite keeps no plan of a trigger"
)
def test_many_payments_in_one_statement_after_a_few_small_ones(subscription):
    """A plan kept from the small ones, or made for a tally that was found empty, would join the many with themselves: a minute
    instead of a second.
    """
    for other in SubscriptionFactory.create_batch(3, agency=subscription.agency):
        other.delete()
    sql("DELETE FROM subscriptions_paidbysubscription")
    sql("ANALYZE subscriptions_paidbysubscription")
    recount()
    for _number in range(8):
        pay(subscription, 5)
    sql("SET LOCAL statement_timeout = '20s'")
    sql(
        "INSERT INTO subscriptions_subscription (reference, agency_id, product_id, status, started_on, declared, provenance,"
        " recorded_at, version, plan, reseller, contract_number, owner_department, purpose, imported_from)"
        " SELECT 'N' || n, %s, %s, 'ended', '2025-01-01', false, 'by_hand', now(), 1, '', '', '', '', '', ''"
        " FROM generate_series(1, 30000) AS n",
        subscription.agency_id,
        subscription.product_id,
    )
    # Otherwise PostgreSQL's own check of the foreign key keeps the plan that it made for the small table.
    sql("ANALYZE subscriptions_subscription")
    sql(
        "INSERT INTO subscriptions_payment (subscription_id, paid_on, amount, currency, won, document_number)"
        " SELECT id, '2025-02-01', 5, 'KRW', 5, '' FROM subscriptions_subscription"
    )
    assert [(row.won, row.payments) for row in paid_by_agency()] == [(30_001 * 5 + 40, 30_009)]
    assert silent_by_agency() == []


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite has no such statement"
)
def test_a_truncated_table(subscription):
    pay(subscription, 5)
    fold()
    pay(subscription, 5)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("TRUNCATE subscriptions_payment CASCADE")
    assert [silent for _agency, silent in silent_by_agency()] == [1]
    assert_equal_to_the_payments()


def test_a_payment_too_large_to_be_added_up_is_refused(subscription):
    pay(subscription, LARGEST_PAYMENT)
    for won in (LARGEST_PAYMENT + 1, -LARGEST_PAYMENT - 1):
        with pytest.raises(IntegrityError), transaction.atomic():
            pay(subscription, won)
    assert_equal_to_the_payments()


# --- folding and counting again ---------------------------------------------------------------------------------------


def test_what_has_come_to_nothing_leaves_no_row(subscription):
    payment = pay(subscription, 5)
    assert fold() > 0
    payment.delete()
    subscription.delete()
    fold()
    assert [model.objects.count() for model in TALLIES] == [0] * len(TALLIES)
    assert fold() == 0


def test_a_refund_of_all_is_not_nothing(subscription):
    pay(subscription, 5)
    pay(subscription, -5)
    fold()
    assert [(row.won, row.payments) for row in paid_by_agency(by_month=True)] == [(0, 2)]


def test_a_fold_that_fails_half_way_has_done_nothing(subscription, monkeypatch):
    pay(subscription, 5)
    fold()
    pay(subscription, 7)
    broken = {**tallies._SUMS, "no_such_table": ("agency_id", ("won",))}
    changes = PaidChange.objects.count()
    monkeypatch.setattr(tallies, "_SUMS", broken)
    with pytest.raises(DatabaseError), transaction.atomic():
        fold()
    monkeypatch.undo()
    assert PaidChange.objects.count() == changes
    assert [row.won for row in paid_by_agency()] == [12]
    fold()
    assert_equal_to_the_payments()


def test_the_check_of_everything_folds(subscription, clock):
    pay(subscription, 5)
    check_everything()
    assert not PaidChange.objects.exists()
    assert_equal_to_the_payments()


def command(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("fold_tallies", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command_folds_and_counts_again(subscription):
    pay(subscription, 5)
    changes = PaidChange.objects.count()
    assert command() == [f"{changes} changes added up"]
    pay(subscription, 6)
    assert command("--recount") == ["tallies equal to the payments"]
    assert not PaidChange.objects.exists()
    PaidByAgency.objects.update(won=9)
    PaidByProductMonth.objects.all().delete()
    PaidInDetail.objects.update(data_class="secret")
    PaidBySubscription.objects.update(unknown=3)
    assert command("--recount") == [
        "subscriptions_paidbysubscription: 1 rows differed",
        "subscriptions_paidbyagency: 1 rows differed",
        "subscriptions_paidbyproductmonth: 1 rows differed",
        "subscriptions_paidindetail: 1 rows differed",
        "tallies made anew",
    ]
    assert_equal_to_the_payments()
    assert command("--recount") == ["tallies equal to the payments"]


def test_what_is_tallied_wrongly_is_not_moved(subscription):
    """A subscription whose payments were written past the triggers: nothing is added up wrongly in silence."""
    pay(subscription, 5)
    PaidBySubscription.objects.update(won=4)
    subscription.status = Status.VOID
    with pytest.raises(IntegrityError, match="fold_tallies --recount"), transaction.atomic():
        subscription.save()
    recount()
    subscription.save()
    assert_equal_to_the_payments()


# --- the triggers -----------------------------------------------------------------------------------------------------


def test_all_triggers_are_there():
    """Also after migrations that make a table anew, which on SQLite drops its triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT DISTINCT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'tally_%' AND tgenabled = 'O'"
            )
        else:
            cursor.execute(
                "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tally_%'"
            )
        found = set(cursor.fetchall())
    payment, subscription = "subscriptions_payment", "subscriptions_subscription"
    every = {(payment, f"tally_payment_{event}") for event in ("insert", "update", "delete")}
    every |= {(subscription, f"tally_subscription_{event}") for event in ("moved", "dates")}
    if connection.vendor == "postgresql":
        every |= {(subscription, "tally_subscription")}
        every |= {(table, "tally_truncate") for table in (payment, subscription)}
    else:
        every |= {(subscription, f"tally_subscription_{event}") for event in ("insert", "delete")}
    assert found == every
