"""The lists of payments and of exchange rates, as tables for pages and files, and what they can be narrowed to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.models import Product
from figures.figure import Figure
from figures.formatting import amount_text as figure_text
from figures.formatting import day, figure_html
from figures.standing import Gap
from subscriptions.filters import AgencyFilter, OfferingFilterSet, ProductFilter, SearchFilter
from subscriptions.forms import DateInput, major_text
from subscriptions.models import ExchangeRate, Payment, Status
from subscriptions.money import amount_text, currencies
from subscriptions.rates import rate_text
from subscriptions.tables import NOWRAP, NUMBER


def won_of(payment: Payment) -> Figure:
    """In whole won; without an exchange rate of its day it is unknown, and says so."""
    return Figure.missing(Gap.RATE_MISSING) if payment.won is None else Figure.stated(payment.won)


def rate_used(payment: Payment) -> str:
    """By which rate the won amount came about, in words."""
    if payment.currency == "KRW":
        return "–"
    if payment.rate is not None:
        return gettext("%(rate)s, actual") % {"rate": rate_text(payment.rate)}
    pricing = getattr(payment, "register_pricing", None)
    if pricing is not None and pricing.rate is not None:
        return gettext("%(rate)s, the register's of %(day)s") % {
            "rate": rate_text(pricing.rate.rate),
            "day": day(pricing.rate.day),
        }
    if payment.won is None:
        return gettext("No exchange rate of %(currency)s of this day") % {"currency": payment.currency}
    return gettext("As charged in won")


def kind_of(payment: Payment) -> str:
    return gettext("Refund") if payment.amount < 0 else gettext("Payment")


class PaymentTable(tables.Table):
    """Payments, the newest first."""

    paid_on = tables.Column(verbose_name=_("Paid on"), orderable=False, attrs=NOWRAP)
    kind = tables.Column(verbose_name=_("Kind"), orderable=False, empty_values=())
    subscription = tables.Column(verbose_name=_("Subscription"), orderable=False, attrs=NOWRAP)
    agency = tables.Column(verbose_name=_("Agency"), orderable=False, empty_values=())
    product = tables.Column(verbose_name=_("AI tool"), orderable=False, empty_values=())
    won = tables.Column(verbose_name=_("Amount in won"), orderable=False, attrs=NUMBER, empty_values=())
    amount = tables.Column(verbose_name=_("As paid"), orderable=False, attrs=NUMBER)
    rate = tables.Column(verbose_name=_("Exchange rate"), orderable=False, empty_values=())
    document_number = tables.Column(verbose_name=_("Document number"), orderable=False, empty_values=())

    class Meta:
        template_name = "krds/table.html"

    def __init__(self, data: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"caption": pgettext_lazy("list", "Payments")})
        super().__init__(data, **kwargs)

    def render_paid_on(self, record: Payment) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("subscriptions:payment", args=[record.pk]), day(record.paid_on)
        )

    def render_kind(self, record: Payment) -> str:
        return kind_of(record)

    def render_subscription(self, record: Payment) -> SafeString:
        subscription = record.subscription
        return format_html('<a href="{}">{}</a>', subscription.get_absolute_url(), subscription.reference)

    def render_agency(self, record: Payment) -> str:
        return str(record.subscription.agency.short)

    def render_product(self, record: Payment) -> str:
        return str(record.subscription.product)

    def render_won(self, record: Payment) -> SafeString:
        return figure_html(won_of(record), in_full=True)

    def render_amount(self, record: Payment) -> str:
        return amount_text(record.amount, record.currency)

    def render_rate(self, record: Payment) -> str:
        return rate_used(record)

    def render_document_number(self, record: Payment) -> str:
        return record.document_number or "–"


WITH_ALL = (
    "subscription__agency",
    "subscription__product",
    "register_pricing__rate",
)


class PaymentFilter(OfferingFilterSet):
    """Counting ten million payments takes longer than showing a page of them."""

    countable = False

    q = SearchFilter(method="search")
    agency = AgencyFilter(label=_("Agency and all below"), method="kept")
    product = ProductFilter(label=_("AI tool"), method="of_product")
    first = django_filters.DateFilter(
        label=_("Paid from"), field_name="paid_on", lookup_expr="gte", widget=DateInput()
    )
    last = django_filters.DateFilter(
        label=_("Paid until"), field_name="paid_on", lookup_expr="lte", widget=DateInput()
    )
    kind = django_filters.ChoiceFilter(
        label=_("Kind"),
        choices=[("payment", pgettext_lazy("list", "Payments")), ("refund", _("Refunds"))],
        method="of_kind",
        empty_label=_("Payments and refunds"),
    )
    won = django_filters.ChoiceFilter(
        label=_("Amount in won"),
        choices=[("known", _("Known")), ("missing", _("Rate missing"))],
        method="of_won",
    )
    currency = django_filters.ChoiceFilter(label=_("Currency"), choices=currencies)

    class Meta:
        model = Payment
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """An agency narrows what the reader sees; see `SubscriptionFilter`."""
        agency = self.form.cleaned_data.get("agency")
        if agency is not None:
            queryset = Payment.objects.visible_to(self.request.user, within=agency)
        if self.form.cleaned_data.get("q"):
            self.countable = True
        return super().filter_queryset(queryset)

    def search(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        """The reference of the subscription or the number of the document, from its beginning."""
        return rows.filter(
            Q(subscription__reference__istartswith=text) | Q(document_number__istartswith=text)
        )

    def kept(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows

    def of_product(self, rows: QuerySet, name: str, product: Product) -> QuerySet:
        return rows.filter(subscription__product=product)

    def of_kind(self, rows: QuerySet, name: str, kind: str) -> QuerySet:
        return rows.filter(amount__lt=0) if kind == "refund" else rows.filter(amount__gte=0)

    def of_won(self, rows: QuerySet, name: str, won: str) -> QuerySet:
        return rows.filter(won__isnull=won == "missing")


PAYMENT_HEADER = [
    _("Subscription"),
    _("Agency code"),
    _("Agency"),
    _("AI tool"),
    _("Paid on"),
    _("Kind"),
    _("Amount in won"),
    _("Amount in won is"),
    _("Amount as paid"),
    _("Currency"),
    _("Actual exchange rate"),
    _("Exchange rate"),
    _("Document number"),
    _("Subscription's status"),
]
CHUNK = 2000


def payment_rows(rows: QuerySet) -> Iterator[list[Any]]:
    """A header, then a row for each payment; a won amount that is not known is empty, and the next cell says why."""
    yield [str(title) for title in PAYMENT_HEADER]
    stated = str(Figure.stated(0).standing.label)
    statuses = {status.value: str(status.label) for status in Status}
    for payment in rows.select_related(*WITH_ALL).iterator(chunk_size=CHUNK):
        subscription = payment.subscription
        yield [
            subscription.reference,
            subscription.agency.code,
            str(subscription.agency),
            str(subscription.product),
            payment.paid_on,
            kind_of(payment),
            payment.won,
            stated if payment.won is not None else figure_text(won_of(payment)),
            in_units(payment),
            payment.currency,
            rate_text(payment.rate) if payment.rate is not None else None,
            rate_used(payment),
            payment.document_number or None,
            statuses[subscription.status],
        ]


def in_units(payment: Payment) -> int | str:
    """The amount in whole units of its currency: a number in won, else as it is typed."""
    return payment.amount if payment.currency == "KRW" else major_text(payment.amount, payment.currency)


# --- exchange rates ---------------------------------------------------------------------------------------------------


class RateTable(tables.Table):
    """Exchange rates, the newest first."""

    day = tables.Column(verbose_name=_("Published on"), orderable=False, attrs=NOWRAP)
    currency = tables.Column(verbose_name=_("Currency"), orderable=False)
    rate = tables.Column(verbose_name=_("Won for one unit"), orderable=False, attrs=NUMBER)
    source = tables.Column(verbose_name=_("Source"), orderable=False, empty_values=())

    class Meta:
        template_name = "krds/table.html"

    def __init__(self, data: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"caption": _("Exchange rates")})
        super().__init__(data, **kwargs)

    def render_day(self, record: ExchangeRate) -> str:
        return day(record.day)

    def render_currency(self, record: ExchangeRate) -> str:
        return record.currency

    def render_rate(self, record: ExchangeRate) -> str:
        return rate_text(record.rate)

    def render_source(self, record: ExchangeRate) -> Any:
        source = record.source
        if source is None:
            return gettext("Not given")
        if source.published_at is None:  # it is not everybody's to read
            return gettext("Not published yet")
        return format_html('<a href="{}">{}</a>', reverse("sources:detail", args=[source.code]), source)


def currencies_with_rates() -> list[tuple[str, str]]:
    names = dict(currencies())
    kept = ExchangeRate.objects.order_by("currency").values_list("currency", flat=True).distinct()
    return [(code, names.get(code, code)) for code in kept]


class RateFilter(OfferingFilterSet):
    currency = django_filters.ChoiceFilter(label=_("Currency"), choices=currencies_with_rates)
    first = django_filters.DateFilter(
        label=_("From"), field_name="day", lookup_expr="gte", widget=DateInput()
    )
    last = django_filters.DateFilter(
        label=_("Until"), field_name="day", lookup_expr="lte", widget=DateInput()
    )

    class Meta:
        model = ExchangeRate
        fields: list[str] = []
