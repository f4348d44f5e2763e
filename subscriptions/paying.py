"""Payments: how one is recorded, corrected and removed, and what it is in won. One function an act, one transaction each."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from agencies.models import Role, User
from subscriptions.models import (
    LARGEST_PAYMENT,
    ExchangeRate,
    Payment,
    PaymentSubmission,
    RegisterPricing,
    Status,
    Subscription,
)
from subscriptions.rates import in_won, rate_on

# What was approved to start is paid for, also when it is over. A draft, a request or a refusal is not paid yet.
PAYABLE = (Status.APPROVED, Status.ACTIVE, Status.ENDED)
FIELDS = ("paid_on", "amount", "currency", "rate", "won", "document_number")


class StalePayment(Exception):
    """Somebody else has changed the payment since the form was opened. `current` is as it is now, None when it is gone."""

    def __init__(self, current: Payment | None) -> None:
        super().__init__(current and current.pk)
        self.current = current


class SentBefore(Exception):
    """The form has recorded a payment already; `payment` is its key."""

    def __init__(self, payment: int) -> None:
        super().__init__(payment)
        self.payment = payment


def may_pay_at(user: User, subscription: Subscription) -> bool:
    """Administrators of the agency, or of one above it, keep its payments."""
    return user.has_role(Role.ADMINISTRATOR, at=subscription.agency)


def may_record(user: User, subscription: Subscription) -> bool:
    return subscription.status in PAYABLE and may_pay_at(user, subscription)


def version_of(payment: Payment) -> int:
    """What a form carries to tell whether somebody has changed the payment meanwhile."""
    latest = payment.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return latest or 0


def check_payable(payment: Payment, *, moved: bool = False) -> None:
    """That a new payment, or one that is `moved` to another record, is of a record that takes payments.

    Raises ValidationError. What is recorded already can be corrected, also when the record was declared void since.
    """
    new = payment._state.adding or moved
    if new and payment.subscription.status not in PAYABLE:
        text = _("Only a subscription that was approved, is in use or has ended takes payments.")
        raise ValidationError({"subscription": text})


def check(payment: Payment, on: datetime.date, *, moved: bool = False) -> None:
    """That a payment can be: the same on the page, in the admin and in a file. Raises ValidationError by field."""
    problems: dict[str, Any] = {}
    try:
        check_payable(payment, moved=moved)
    except ValidationError as problem:
        problems.update(problem.error_dict)
    if payment.paid_on and payment.paid_on > on:
        problems["paid_on"] = _("A payment is recorded once it is made: not after today.")
    if payment.amount == 0:
        problems["amount"] = _("Nothing was paid: give an amount other than zero.")
    if payment.currency == "KRW" and payment.rate is not None:
        problems["rate"] = _("A payment in won takes no rate.")
    if payment.won is not None:
        if payment.currency == "KRW" and payment.won != payment.amount:
            problems["won"] = _("A payment in won is its own won amount.")
        elif payment.amount and payment.won * payment.amount < 0:
            problems["won"] = _("The won amount of a refund is below zero, that of a payment above.")
        if abs(payment.won) > LARGEST_PAYMENT:
            problems["amount"] = _("A payment is at most 1,000 trillion won.")
    if problems:
        raise ValidationError(problems)


def price(payment: Payment) -> ExchangeRate | None:
    """Work out the won amount where it is not given: in won itself, by the actual rate, or else by the register's of the day.

    Says by `follows_register` whether the last of these counts; returns that rate, None when there is none of the day.
    """
    payment.__dict__["follows_register"] = False
    if payment.currency == "KRW":
        payment.won = payment.amount
    elif payment.won is None and payment.rate is not None:
        payment.won = in_won(payment.amount, payment.currency, payment.rate)
    elif payment.won is None:
        payment.__dict__["follows_register"] = True
        rate = rate_on(payment.currency, payment.paid_on)
        if rate is not None:
            payment.won = in_won(payment.amount, payment.currency, rate.rate)
        return rate
    return None


def price_as(payment: Payment, *, follows: bool) -> None:
    """Give a payment the register's won of its day where it follows the register, or else leave them as they are."""
    if follows:
        payment.won = None
        price(payment)
    else:
        payment.__dict__["follows_register"] = False


def follows_register(payment: Payment) -> bool:
    """Whether its won amount follows the register's rate: as it was priced just now, or else as it is stored."""
    if "follows_register" in payment.__dict__:
        return bool(payment.__dict__["follows_register"])
    return payment.currency != "KRW" and (payment.won is None or hasattr(payment, "register_pricing"))


def is_typed(payment: Payment) -> bool:
    """Whether the won amount of a stored payment was given, and not worked out from the rest of it."""
    if payment.won is None or payment.currency == "KRW" or follows_register(payment):
        return False
    return payment.rate is None or payment.won != in_won(payment.amount, payment.currency, payment.rate)


def keep_pricing(payment: Payment) -> None:
    """Note whether the won amount of a payment that was priced and saved follows the register's rate."""
    if payment.__dict__.get("follows_register"):
        rate = rate_on(payment.currency, payment.paid_on)
        RegisterPricing.objects.update_or_create(payment=payment, defaults={"rate": rate})
    elif "follows_register" in payment.__dict__:
        RegisterPricing.objects.filter(payment=payment).delete()


# --- the acts ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def record(payment: Payment, *, by: User, on: datetime.date, submission: uuid.UUID | None = None) -> Payment:
    """Record a payment or, below zero, a refund. `won` and `rate` may be missing: see `price`.

    Raises SentBefore, and ValidationError by field.
    """
    subscription = _held(payment.subscription_id)
    if not may_pay_at(by, subscription):
        raise PermissionDenied
    if submission is not None:  # the subscription is held, so that two of one form come one after the other
        sent = PaymentSubmission.objects.filter(pk=submission).first()
        if sent is not None:
            raise SentBefore(sent.payment)
    payment.subscription = subscription
    price(payment)
    check(payment, on)
    payment._history_user = by  # type: ignore[attr-defined]
    payment.save()
    keep_pricing(payment)
    if submission is not None:
        PaymentSubmission.objects.create(submission=submission, payment=payment.pk, by=by)
    return payment


@transaction.atomic
def correct(payment: Payment, *, by: User, on: datetime.date, reason: str, version: int) -> Payment:
    """Put right what was recorded, with the reason. `version` is the one that the person saw.

    Raises StalePayment and ValidationError by field.
    """
    _current(payment, by, version)
    price(payment)
    check(payment, on)
    payment._history_user = by  # type: ignore[attr-defined]
    payment._change_reason = reason  # type: ignore[attr-defined]
    payment.save()
    keep_pricing(payment)
    return payment


@transaction.atomic
def remove(payment: Payment, *, by: User, reason: str, version: int) -> None:
    """Take away a payment that was recorded in error; its history stays, with the reason. Raises StalePayment."""
    current = _current(payment, by, version)
    current._history_user = by  # type: ignore[attr-defined]
    current._change_reason = reason  # type: ignore[attr-defined]
    current.delete()


def _held(subscription: int) -> Subscription:
    rows = Subscription.objects.select_for_update(of=("self",), no_key=True).select_related("agency")
    return rows.get(pk=subscription)


def _current(payment: Payment, by: User, version: int) -> Payment:
    """The payment as it is stored now, held until the transaction ends."""
    rows = Payment.objects.select_for_update(of=("self",)).select_related("subscription__agency")
    current = rows.filter(pk=payment.pk).first()
    if current is None:
        raise StalePayment(None)
    if not may_pay_at(by, current.subscription):
        raise PermissionDenied
    if version_of(current) != version:
        raise StalePayment(current)
    return current
