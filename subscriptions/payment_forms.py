"""The forms in which payments are recorded, corrected and removed on pages."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from figures.entry import FigureField, read_figure, write_figure
from subscriptions.forms import DateInput, ReasonForm
from subscriptions.models import Payment, Subscription
from subscriptions.money import currencies, is_currency, minor_units
from subscriptions.rates import DECIMALS

PAYMENT, REFUND = "payment", "refund"


class PaymentForm(forms.Form):
    """One payment or refund; both are typed above zero. `payment` is the one that is corrected, or a new one.

    After `is_valid` the payment holds what was typed, with `won` empty where it is to be worked out.
    """

    kind = forms.ChoiceField(
        label=_("What it is"),
        choices=[(PAYMENT, _("A payment")), (REFUND, _("A refund: money that came back"))],
        widget=forms.RadioSelect,
        initial=PAYMENT,
    )
    paid_on = forms.DateField(
        label=_("Paid on"), widget=DateInput(), help_text=_("The day on which the money moved.")
    )
    amount = forms.CharField(
        label=_("Amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=_("As on the document, VAT included: 1,234,567 or 12.34."),
    )
    currency = forms.ChoiceField(label=_("Currency"), initial="KRW")
    rate = FigureField(
        label=_("Actual exchange rate"),
        decimals=DECIMALS,
        smallest=1,
        required=False,
        help_text=_(
            "Won for one unit, as the bank or the card took it. Empty: the register's rate of the day."
        ),
    )
    won = FigureField(
        label=_("Charged in won"),
        smallest=0,
        required=False,
        help_text=_("Only where the document gives it for a payment in another currency."),
    )
    document_number = forms.CharField(
        label=_("Document number"),
        max_length=60,
        required=False,
        help_text=_("Of the payment order, tax invoice or card slip."),
    )
    again = forms.BooleanField(label=_("It is another payment: record it all the same"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    submission = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, payment: Payment, kind: str = PAYMENT, version: int = 0) -> None:
        super().__init__(data, initial=_initial(payment, kind, version))
        self.payment = payment
        choices = currencies()
        typed = str(self.data.get("currency", "")) if self.is_bound else payment.currency
        if is_currency(typed) and typed not in dict(choices):
            choices.append((typed, typed))
        self.fields["currency"].choices = choices  # type: ignore[attr-defined]
        self.resembling: Payment | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        currency, sign = cleaned.get("currency"), -1 if cleaned.get("kind") == REFUND else 1
        if currency and "amount" in cleaned:
            try:
                amount = read_figure(cleaned["amount"], minor_units(currency))
                if amount < 0:
                    raise forms.ValidationError(_("Give the amount above zero, and say that it is a refund."))
                cleaned["amount"] = sign * amount
            except forms.ValidationError as error:
                self.add_error("amount", error)
        if currency == "KRW" and cleaned.get("won") == abs(cleaned.get("amount") or 0):
            cleaned["won"] = None  # the same said twice
        if self.errors:
            return cleaned
        for name in ("paid_on", "amount", "currency", "rate", "document_number"):
            setattr(self.payment, name, cleaned[name])
        self.payment.won = None if cleaned["won"] is None else sign * cleaned["won"]
        self._look_for_the_same(cleaned)
        return cleaned

    def _look_for_the_same(self, cleaned: dict[str, Any]) -> None:
        """A slip recorded twice is the commonest error: the same amount and document, or the same day and amount."""
        same = Payment.objects.filter(
            subscription=self.payment.subscription_id,
            amount=cleaned["amount"],
            currency=cleaned["currency"],
        ).exclude(pk=self.payment.pk)
        if cleaned["document_number"]:
            same = same.filter(document_number__in=("", cleaned["document_number"]))
        self.resembling = same.filter(paid_on=cleaned["paid_on"]).first()
        if self.resembling is None and cleaned["document_number"]:
            self.resembling = same.filter(document_number=cleaned["document_number"]).first()
        if self.resembling is not None and not cleaned.get("again"):
            self.add_error(
                "again",
                _("A payment of this amount is recorded already. Tick this if it is another one."),
            )


class CorrectionForm(PaymentForm):
    """The same with why it is put right."""

    reason = forms.CharField(
        label=_("Why it is corrected"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": 500}),
    )


class RemovalForm(ReasonForm):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


def _initial(payment: Payment, kind: str, version: int) -> dict[str, Any]:
    """What a form shows of a payment; the won amount only where somebody typed it."""
    if payment.pk is None:
        return {"kind": kind, "submission": uuid.uuid4(), "currency": payment.currency}
    typed = payment.currency != "KRW" and payment.rate is None and not hasattr(payment, "register_pricing")
    return {
        "kind": REFUND if payment.amount < 0 else PAYMENT,
        "paid_on": payment.paid_on,
        "amount": write_figure(abs(payment.amount), minor_units(payment.currency)),
        "currency": payment.currency,
        "rate": payment.rate,
        "won": abs(payment.won) if typed and payment.won is not None else None,
        "document_number": payment.document_number,
        "version": version,
    }


def a_payment_of(subscription: Subscription) -> Payment:
    """A new payment, in the currency that the subscription is priced in."""
    line = subscription.price_lines.exclude(currency="").order_by("-position").first()
    return Payment(subscription=subscription, currency=line.currency if line else "KRW")
