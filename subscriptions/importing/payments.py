"""Payments read from a file: each belongs to the record whose reference its row gives, and is checked by the form of payments.

A row means the payment of that record with the same document number; without one, the payment without a number of the same
day and amount.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from functools import cache, partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm, modelform_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agencies.models import Role, User
from figures.entry import read_figure
from subscriptions import paying
from subscriptions.import_models import FileImport
from subscriptions.importing import plain
from subscriptions.importing.columns import (
    Column,
    Vocabulary,
    headers_of,
    implied_by,
    normal,
    without_brackets,
)
from subscriptions.importing.directory import NearCodes
from subscriptions.importing.plain import Line, Rows
from subscriptions.importing.running import Table
from subscriptions.importing.values import read_amount, read_day
from subscriptions.importing.words import EMPTY, SYMBOLS
from subscriptions.models import Payment, Status, Subscription
from subscriptions.money import is_currency, minor_units


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


COLUMNS: dict[str, Column] = {
    "reference": Column(gettext_lazy("Reference"), _split("참조 번호|관리번호|구독번호|구독 번호|등록번호|subscription|ref")),
    "paid_on": Column(gettext_lazy("Paid on"), _split("지급일|지급 일자|지출일|결제일|결제 일자|납부일|집행일|일자|date|payment date|paid")),
    "amount": Column(gettext_lazy("Amount"), _split("금액|지급액|지급 금액|지출액|결제 금액|납부액|집행액|amount paid|sum")),
    "currency": Column(gettext_lazy("Currency"), _split("통화|화폐|통화 단위")),
    "rate": Column(gettext_lazy("Rate used"), _split("환율|적용 환율|exchange rate")),
    "won": Column(gettext_lazy("Amount in won"), _split("원화 금액|원화 환산액|원화|won|krw amount")),
    "document_number": Column(gettext_lazy("Document number"), _split("문서 번호|문서번호|지출결의서 번호|지출결의번호|전표번호|전표 번호|증빙 번호|영수증 번호|document|voucher|invoice|invoice number")),
}  # fmt: skip
FIELDS = [name for name in COLUMNS if name != "reference"]
# What the history of a payment says after the file's name where the import changed one that followed the register's rate.
FOLLOWED = "; until then at the register's rate"
Key = tuple[Any, ...]


@cache
def _headers() -> dict[str, str]:
    return headers_of(COLUMNS)


def guess(header: str) -> str:
    return _headers().get(normal(header)) or _headers().get(normal(without_brackets(header)), "")


VOCABULARY = Vocabulary(COLUMNS, guess)


def missing(columns: Sequence[str]) -> str:
    if {"reference", "paid_on"} <= set(columns) and {"amount", "won"} & set(columns):
        return ""
    return _(
        "There must be a column for the reference of the subscription, one for the day and one for the amount."
    )


def example() -> list[list[str]]:
    return [
        [_("Reference"), _("Paid on"), _("Amount"), _("Currency"), _("Rate used"), _("Document number")],
        ["KR-49-2026-0001", "2026-01-31", "418,000", "KRW", "", "2026-0131"],
        ["KR-49-2026-0001", "2026-02-28", "-38,000", "KRW", "", "2026-0228"],
        ["KR-49-2026-0002", "2026-02-28", "150.00", "USD", "1,449.5", "2026-0229"],
    ]


class Payments(Rows):
    kind, model, vocabulary = FileImport.Kind.PAYMENTS, Payment, VOCABULARY

    def __init__(self, by: User, mapped: Sequence[str], table: Table) -> None:
        super().__init__(by, mapped, table)
        self.amount = "amount" if "amount" in self.mapped else "won"
        self.implied = implied_by(table.header[table.columns.index(self.amount)])
        self.Form = payment_form()
        self._subscriptions: dict[str, Subscription] = {}
        self._stored: dict[Key, list[Payment]] = {}
        self._seen: dict[Key, int] = {}
        self._near = NearCodes(Subscription.objects.visible_to(by, Role.ADMINISTRATOR), "reference")

    @classmethod
    def may(cls, by: User) -> bool:
        return by.has_role(Role.ADMINISTRATOR)

    @classmethod
    def changeable(cls, by: User) -> QuerySet:
        return Payment.objects.visible_to(by, Role.ADMINISTRATOR)

    @classmethod
    def missing(cls, columns: Sequence[str]) -> str:
        return missing(columns)

    def prepare(self, lines: Sequence[Line], hold: bool) -> None:
        references = {line.texts.get("reference", "") for line in lines}
        seen = Subscription.objects.visible_to(self.by, Role.ADMINISTRATOR).filter(reference__in=references)
        if hold:
            seen = seen.select_for_update(of=("self",), no_key=True)
        self._subscriptions = {one.reference: one for one in seen.order_by("pk")}
        self._stored = defaultdict(list)
        paid = self.changeable(self.by).filter(subscription__in=self._subscriptions.values())
        for payment in paid.select_related("subscription", "register_pricing").order_by("pk"):
            for key in {_key(payment), _key(payment, numbered=False)}:
                self._stored[key].append(payment)

    def form(self, line: Line) -> ModelForm | None:
        subscription = self._subscriptions.get(line.texts["reference"])
        if subscription is None:
            message = _("There is no such record among those you may change.")
            line.wrong("reference", message, self._near.of(line.texts["reference"]))
            return None
        data = self._data(line, subscription)
        if line.has_errors:
            return None
        payment = self._meant(line, subscription, data)
        if payment is None:
            return None
        try:
            paying.check_payable(payment)
        except ValidationError as error:
            line.wrong("reference", plain.cell_error(error))
            return None
        return self.Form(data, instance=payment)

    def _data(self, line: Line, subscription: Subscription) -> dict[str, Any]:
        """What the form is sent; what cannot be read is told to the line."""
        if subscription.status == Status.VOID:
            line.warn("reference", _("This record is void: what is paid for it counts nowhere."))
        data: dict[str, Any] = {name: _plain(line.texts.get(name, "")) for name in FIELDS}
        try:
            data["paid_on"] = read_day(data["paid_on"]).isoformat() if data["paid_on"] else ""
        except ValidationError as error:
            line.wrong("paid_on", plain.cell_error(error))
        currency = SYMBOLS.get(data["currency"].lower(), data["currency"].upper())
        data["currency"] = currency or self.implied.currency or "KRW"
        if currency and not is_currency(currency):
            line.wrong("currency", _("“%(value)s” is not a currency of ISO 4217.") % {"value": currency})
        if data[self.amount]:
            try:
                amount, beside = _signed(data[self.amount], self.implied.unit)
            except ValidationError as error:
                line.wrong(self.amount, plain.cell_error(error))
                return data
            data[self.amount] = f"{amount:f}"
            if beside and currency and beside != currency:
                line.wrong("currency", _("The amount is in %(currency)s.") % {"currency": beside})
            data["currency"] = currency or beside or data["currency"]
        if self.amount == "won":  # a list of what was paid in won
            data["amount"], data["currency"] = data["won"], "KRW"
        return data

    def _meant(self, line: Line, subscription: Subscription, data: dict[str, Any]) -> Payment | None:
        """The payment that the line means, or a new one; each only once in a file."""
        number = data["document_number"]
        try:
            amount = read_figure(data["amount"], minor_units(data["currency"])) if data["amount"] else None
        except ValidationError:
            amount = None  # which the form says
        key: Key = (subscription.pk, number, data["paid_on"], data["currency"], amount)
        if number:
            key = (subscription.pk, number)
        found = self._stored.get(key, [])
        if not number and "document_number" in self.mapped:
            found = [payment for payment in found if not payment.document_number]
        if len(found) > 1:
            line.wrong("document_number", _("Several payments are like this one. Give the document number."))
            return None
        before = self._seen.setdefault(key, line.number)
        if before != line.number:
            message = _("Line %(line)s is the same payment. Give document numbers to tell them apart.")
            line.wrong("document_number", message % {"line": before})
            return None
        if not found:
            return Payment(subscription=subscription)
        payment = found[0]
        self._keep(payment, data)
        return payment

    def _keep(self, payment: Payment, data: dict[str, Any]) -> None:
        """What the file has no column for stays as it is."""
        sent = self.Form(instance=payment).initial
        for name in ("rate", "document_number", "won"):
            if name in self.mapped:
                continue
            value = sent.get(name)
            # The won of another amount or rate are worked out anew.
            if name != "won" or not {"amount", "rate"} & self.mapped or payment.currency != "KRW":
                data[name] = self.Form.base_fields[name].prepare_value(value) if value is not None else ""
        if "won" not in self.mapped and _is_changed(payment, data):
            data["won"] = ""

    def column_of(self, field: str) -> str:
        return super().column_of("won" if field == "follows_register" else field)

    @classmethod
    def values(cls, record: Payment) -> dict[str, Any]:
        return {**super().values(record), "follows_register": paying.follows_register(record)}

    @classmethod
    def note(cls, before: dict[str, Any]) -> str:
        return FOLLOWED if before["follows_register"] else ""

    @classmethod
    def restore(cls, record: Payment, note: str) -> None:
        """What followed the register does so again, at the rate that it has of the day by now."""
        paying.price_as(record, follows=note == FOLLOWED)

    @classmethod
    def after_save(cls, record: Payment) -> None:
        paying.keep_pricing(record)

    def label(self, record: Payment) -> str:
        number = f" · {record.document_number}" if record.document_number else ""
        return f"{record.subscription.reference} · {record.paid_on}{number}"


def _is_changed(payment: Payment, data: dict[str, Any]) -> bool:
    """Whether the amount, the currency or the rate are others than they were."""
    try:
        amount = read_figure(data["amount"], minor_units(data["currency"]))
        rate = payment_form().base_fields["rate"].clean(data["rate"])
    except ValidationError:
        return True
    return (amount, data["currency"], rate) != (payment.amount, payment.currency, payment.rate)


def _key(payment: Payment, numbered: bool = True) -> Key:
    if numbered and payment.document_number:
        return (payment.subscription_id, payment.document_number)
    day = payment.paid_on.isoformat()
    return (payment.subscription_id, "", day, payment.currency, payment.amount)


def _plain(text: str) -> str:
    return "" if text in EMPTY else text


def _signed(text: str, unit: int) -> tuple[Decimal, str]:
    """As `read_amount`; a refund is negative, written with a minus, △ or in brackets."""
    plain_text = text.strip()
    if plain_text.startswith("(") and plain_text.endswith(")"):
        rest = plain_text[1:-1]
    elif plain_text.startswith(("-", "−", "△", "▲")):
        rest = plain_text[1:].strip()
    else:
        return read_amount(plain_text, unit)
    amount, currency = read_amount(rest, unit)
    return -amount, currency


@cache
def payment_form() -> type[ModelForm]:
    """The form of payments, the same as in the administration."""
    from subscriptions.payment_admin import PaymentForm

    return modelform_factory(Payment, form=PaymentForm, fields=FIELDS)


run = partial(plain.run, Payments)
