"""The table of payments behind a figure."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from figures.figure import Figure
from figures.formatting import day, figure_html
from figures.standing import Gap
from subscriptions.models import Payment
from subscriptions.money import amount_text

NUMBER = {"th": {"class": "num"}}
NOWRAP = {"th": {"class": "nowrap"}}


class PaymentTable(tables.Table):
    """Payments, the newest first."""

    paid_on = tables.Column(verbose_name=_("Paid on"), orderable=False, attrs=NOWRAP)
    reference = tables.Column(verbose_name=_("Subscription"), orderable=False, attrs=NOWRAP, empty_values=())
    agency = tables.Column(verbose_name=_("Agency"), orderable=False, empty_values=())
    product = tables.Column(verbose_name=_("AI tool"), orderable=False, empty_values=())
    won = tables.Column(verbose_name=_("Amount in won"), orderable=False, attrs=NUMBER, empty_values=())
    amount = tables.Column(verbose_name=_("As paid"), orderable=False, attrs=NUMBER)
    document_number = tables.Column(verbose_name=_("Document number"), orderable=False, empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Payments")}

    def render_paid_on(self, record: Payment) -> str:
        return day(record.paid_on)

    def render_reference(self, record: Payment) -> SafeString:
        subscription = record.subscription
        return format_html('<a href="{}">{}</a>', subscription.get_absolute_url(), subscription.reference)

    def render_agency(self, record: Payment) -> str:
        return str(record.subscription.agency.short)

    def render_product(self, record: Payment) -> str:
        return str(record.subscription.product)

    def render_won(self, record: Payment) -> SafeString:
        return figure_html(
            Figure.missing(Gap.RATE_MISSING) if record.won is None else Figure.stated(record.won),
            in_full=True,
        )

    def render_amount(self, record: Payment) -> str:
        return amount_text(record.amount, record.currency)

    def render_document_number(self, record: Payment) -> Any:
        return record.document_number or "–"
