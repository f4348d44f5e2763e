"""Payments as administrators keep them: recorded, corrected, refunded and removed; in won by the actual or register's rate."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from agencies.models import Role
from figures.formatting import amount_text
from subscriptions import paying
from subscriptions.committed_page import committed_of
from subscriptions.importing import exchange_rates
from subscriptions.models import ExchangeRate, Payment, RegisterPricing, Status
from subscriptions.payment_forms import PaymentForm
from subscriptions.payment_tables import rate_used
from subscriptions.rates import may_change_rates, reprice
from subscriptions.tables import annual_cost
from subscriptions.today import today
from tests.pages import errors_on, form_on, read, summary_on
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    person,
)
from tests.subscriptions.test_sent_twice import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english", "history_agrees")]


@pytest.fixture
def subscription() -> Any:
    return SubscriptionFactory(agency=agency_at("KR/KR-49"), started_on=days(-100))


@pytest.fixture
def clerk(subscription: Any) -> Any:
    return person(Role.ADMINISTRATOR, subscription.agency)


def usd(subscription: Any, **fields: Any) -> Payment:
    return Payment(
        **{"subscription": subscription, "paid_on": DAY, "amount": 1001, "currency": "USD", **fields}
    )


@pytest.mark.past_history
@pytest.mark.usefixtures("clock")
def test_the_life_of_a_payment_without_an_actual_rate(subscription: Any, clerk: Any) -> None:
    payment = paying.record(usd(subscription), by=clerk, on=DAY)
    assert (payment.won, rate_used(payment)) == (None, "No exchange rate of USD of this day")
    # The register's rate of the day comes later, and changes later still.
    officer = person(Role.POLICY_OFFICER, agency_at("KR"))
    report = exchange_rates.run(b"currency,date,rate\nUSD,2026-06-12,1449.5\n", "rates.csv", officer)
    assert (report.new, report.payments) == (1, 1)
    payment = Payment.objects.get()
    assert payment.won == 14_509  # 10.01 * 1449.5 = 14509.495
    assert rate_used(payment) == "1,449.5, the register's of June 12, 2026"
    # A refund of as much takes all of it back, though both are rounded.
    refund = paying.record(usd(subscription, amount=-1001), by=clerk, on=DAY)
    assert payment.won + refund.won == 0
    seen = paying.version_of(payment)
    payment.rate, payment.won = 1_500_000_000, None
    corrected = paying.correct(payment, by=clerk, on=DAY, reason="The card took 1,500.", version=seen)
    assert (corrected.won, RegisterPricing.objects.filter(payment=payment).exists()) == (15_015, False)
    ExchangeRate.objects.update(rate=1)
    assert (reprice(), Payment.objects.get(pk=payment.pk).won) == (1, 15_015)  # the refund alone follows it
    with pytest.raises(paying.StalePayment) as stale:
        paying.remove(payment, by=clerk, reason="Twice", version=seen)
    assert stale.value.current == payment
    paying.remove(payment, by=clerk, reason="Recorded twice", version=paying.version_of(payment))
    history = Payment.history.filter(id=payment.pk).order_by("-history_id")
    assert [(entry.history_type, entry.history_user, entry.history_change_reason) for entry in history] == [
        ("-", clerk, "Recorded twice"),
        ("~", clerk, "The card took 1,500."),
        ("~", officer, "The register's exchange rate of the day was changed."),
        ("+", clerk, None),
    ]
    with pytest.raises(paying.StalePayment) as gone:
        paying.correct(payment, by=clerk, on=DAY, reason="", version=0)
    assert gone.value.current is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"paid_on": days(1)}, "paid_on"),
        ({"amount": 0}, "amount"),
        ({"currency": "KRW", "amount": 100, "rate": 1}, "rate"),
        ({"won": -1}, "won"),
        ({"currency": "KRW", "amount": 10**15 + 1}, "amount"),
    ],
)
def test_what_cannot_be_a_payment(subscription: Any, clerk: Any, fields: Any, wrong: str) -> None:
    with pytest.raises(ValidationError) as problem:
        paying.record(usd(subscription, **fields), by=clerk, on=DAY)
    assert set(problem.value.error_dict) == {wrong}
    assert not Payment.objects.exists()


def test_a_draft_takes_no_payment(subscription: Any, clerk: Any, signed_in: Any) -> None:
    """Neither by the act nor in the administration, on its own or moved there; what was recorded before can be put right."""
    recorded = paying.record(usd(subscription), by=clerk, on=DAY)
    draft = SubscriptionFactory(agency=subscription.agency, status=Status.DRAFT)
    with pytest.raises(ValidationError) as problem:
        paying.record(usd(draft), by=clerk, on=DAY)
    assert set(problem.value.error_dict) == {"subscription"}
    typed = {"paid_on": "2026-06-12", "amount": "5", "currency": "KRW", "subscription": draft.pk}
    typed |= {"reason": "Another record", "seen": paying.version_of(recorded)}
    client = signed_in("sysadmin", language="en")
    add, change = (
        reverse("admin:subscriptions_payment_add"),
        reverse("admin:subscriptions_payment_change", args=[recorded.pk]),
    )
    for address in (add, change):
        form = client.post(address, typed).context["adminform"].form
        assert set(form.errors) == {"subscription"}
    subscription.status = Status.VOID
    subscription.save()
    assert client.post(change, {**typed, "subscription": subscription.pk}).status_code == 302
    assert Payment.objects.get().amount == 5


def test_the_pages(subscription: Any, clerk: Any, signed_in: Any) -> None:
    """Recorded on the subscription's page: errors keep what is typed, neither a second press nor a second clerk doubles it."""
    client = signed_in(user=clerk, language="en")
    new = reverse("subscriptions:record-payment", args=[subscription.reference])
    typed = {**form_on(client.get(new), "payment-form"), "amount": "12,34", "paid_on": "2026-06-15"}
    again = client.post(new, typed)
    assert set(errors_on(again)) == {"amount"}
    typed["csrfmiddlewaretoken"] = form_on(again, "payment-form")["csrfmiddlewaretoken"]
    assert form_on(again, "payment-form") == typed
    typed |= {"amount": "1,234,567", "document_number": "D-1"}
    typed["paid_on"] = str(today())
    assert client.post(new, typed)["Location"] == f"{subscription.get_absolute_url()}#payments"
    payment = Payment.objects.get()
    twice = client.post(new, typed, follow=True)
    assert twice.redirect_chain == [(reverse("subscriptions:payment", args=[payment.pk]), 302)]
    assert "This form was sent before. Nothing was doubled." in read(twice).text
    fresh = {
        **typed,
        **{k: v for k, v in form_on(client.get(new), "payment-form").items() if k == "submission"},
    }
    assert summary_on(client.post(new, fresh)) == [
        "It is another payment: record it all the same: A payment of this amount is recorded already."
        " Tick this if it is another one."
    ]
    assert client.post(new, {**fresh, "again": "on"}).status_code == 302
    assert Payment.objects.count() == 2
    refund = {
        **form_on(client.get(f"{new}?kind=refund"), "payment-form"),
        "amount": "567",
        "paid_on": "2026-06-15",
    }
    refund["paid_on"] = str(today())
    assert client.post(new, refund).status_code == 302
    page = read(client.get(subscription.get_absolute_url())).text
    assert "₩2.5M" in page.replace("\n", " ")
    correct = reverse("subscriptions:correct-payment", args=[payment.pk])
    opened = {**form_on(client.get(correct), "payment-form"), "amount": "1,000", "reason": "Misread"}
    paying.correct(payment, by=clerk, on=today(), reason="First", version=paying.version_of(payment))
    stale = client.post(correct, opened)
    assert "This record was changed while you were editing it." in read(stale).text
    assert client.post(correct, {**form_on(stale, "payment-form")}).status_code == 302
    assert Payment.objects.get(pk=payment.pk).won == 1_000
    shown = read(client.get(reverse("subscriptions:payment", args=[payment.pk]))).text
    assert "Misread" in shown
    assert "First" in shown
    listed = client.get(f"{reverse('subscriptions:payments')}?kind=refund&agency=KR-49")
    assert "together ₩-567, refunds taken off" in read(listed).text
    file = b"".join(client.get(f"{reverse('subscriptions:payments')}?_export=csv").streaming_content).decode()
    assert [line.split(",")[5:7] for line in file.splitlines()[1:]] == [
        ["Refund", "-567"], ["Payment", "1234567"], ["Payment", "1000"]
    ]  # fmt: skip
    stranger = signed_in("administrator", "KR-11", language="en")
    assert stranger.get(correct).status_code == 404
    assert "D-1" not in read(stranger.get(reverse("subscriptions:payments"))).text


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_at_once_records_one_payment(
    subscription: Any, clerk: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have passed the question whether the form was sent before, before either stores anything."""
    client = signed_in(user=clerk, language="en")
    new = reverse("subscriptions:record-payment", args=[subscription.reference])
    typed = {**form_on(client.get(new), "payment-form"), "amount": "1", "paid_on": str(today())}
    both_here = threading.Barrier(2, timeout=30)
    is_valid = PaymentForm.is_valid

    def valid_together(form: PaymentForm) -> bool:
        found = is_valid(form)
        both_here.wait()
        return found

    monkeypatch.setattr(PaymentForm, "is_valid", valid_together)
    answers = together(
        lambda one: one.post(new, typed), [signed_in(user=clerk, language="en") for _client in range(2)]
    )
    payment = Payment.objects.get()
    assert sorted(answer["Location"] for answer in answers) == sorted(
        [reverse("subscriptions:payment", args=[payment.pk]), f"{subscription.get_absolute_url()}#payments"]
    )


@pytest.mark.past_history
def test_a_missing_rate_reads_as_what_it_is(subscription: Any) -> None:
    """Only the rates that the day's cost hangs on: an old line in another currency is no reason."""
    PriceLineFactory(subscription=subscription, currency="EUR")
    assert amount_text(annual_cost(kept(subscription))) == "Rate missing"
    (told,) = committed_of(subscription, list(subscription.price_lines.all()), DAY)["open_lines"]
    assert told.endswith("there is no exchange rate of EUR of June 15, 2026 or the seven days before.")
    subscription.price_lines.update(ends_on=days(-1))
    PriceLineFactory(subscription=subscription, amount=None, standing="not_given")
    assert amount_text(annual_cost(kept(subscription))) == "Not given"


def test_who_changes_rates() -> None:
    nation = agency_at("KR")
    below = agency_at("KR/KR-49")
    people = {
        "officer": person(Role.POLICY_OFFICER, nation),
        "officer below": person(Role.POLICY_OFFICER, below),
        "administrator": person(Role.ADMINISTRATOR, nation),
        "sysadmin": person("sysadmin"),
    }
    assert [name for name, user in people.items() if may_change_rates(user)] == ["officer", "sysadmin"]
