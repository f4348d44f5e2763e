"""Data entry for payments, users and exchange rates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    HistoryAdmin,
    ScopedTabularInline,
)
from figures.entry import FigureField, check_standing, read_figure, write_figure
from figures.formatting import number, won_exact
from subscriptions import paying
from subscriptions.models import (
    ExchangeRate,
    Payment,
    UserCount,
)
from subscriptions.money import amount_text, currencies, minor_units
from subscriptions.rates import DECIMALS, may_change_rates, rate_text, rates_changed
from subscriptions.today import today


class UserCountForm(forms.ModelForm):
    value = FigureField(label=_("people"), required=False, smallest=0)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        check_standing(self)
        agency, subscription = cleaned.get("agency"), cleaned.get("subscription")
        if agency and subscription and subscription.agency_id != agency.pk:
            self.add_error("subscription", _("This subscription belongs to another agency."))
        return cleaned


class UserCountInline(ScopedTabularInline):
    model = UserCount
    form = UserCountForm
    fields = ["day", "standing", "value"]


class PaymentForm(forms.ModelForm):
    amount = forms.CharField(
        label=_("amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"class": "figure-input", "inputmode": "decimal"}),
        help_text=_("As on the document, such as 1,234,567 or 12.34; a refund is negative."),
    )
    currency = forms.ChoiceField(label=_("currency"), choices=currencies, initial="KRW")
    rate = FigureField(
        label=_("rate used"),
        decimals=DECIMALS,
        smallest=1,
        required=False,
        help_text=_("Won for one unit of the currency, such as 1,449.5; empty for won."),
    )
    won = FigureField(
        label=_("won amount"),
        required=False,
        help_text=_("Empty: worked out from the rate used, or else from the register's of that day."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["amount"] = write_figure(self.instance.amount, minor_units(self.instance.currency))
            if hasattr(self.instance, "register_pricing"):
                self.initial["won"] = None  # it is worked out, not typed

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        currency = cleaned.get("currency")
        if currency and "amount" in cleaned:
            try:
                cleaned["amount"] = read_figure(cleaned["amount"], minor_units(currency))
            except ValidationError as problem:
                self.add_error("amount", problem)
        if currency == "KRW" and not {"amount", "won"} & self.errors.keys() and "amount" in cleaned:
            if cleaned.get("won") not in (None, cleaned["amount"]):
                self.add_error("won", _("A payment in won is its own won amount."))
            cleaned["won"] = cleaned["amount"]
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors and self.instance.paid_on:
            paying.price(self.instance)
            try:
                moved = "subscription" in self.changed_data
                paying.check(self.instance, today(), moved=moved)
            except ValidationError as problems:
                for name, errors in problems.error_dict.items():
                    field = self.fields.get(name)  # the subscription is none where its payments are rows
                    self.add_error(None if field is None or field.widget.is_hidden else name, errors)


class CorrectedPaymentForm(PaymentForm):
    """The same in the administration, where a payment that is recorded is corrected with a reason, as on its page.

    `seen` is the row of its history that the person saw last.
    """

    reason = forms.CharField(
        label=_("Why it is corrected"),
        max_length=500,
        required=False,
        help_text=_("Needed for a payment that is recorded already."),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "seen" in self.fields:
            self.fields["seen"].initial = paying.version_of(self.instance)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk and {*self.changed_data} - {"reason", "seen"}:
            if not cleaned.get("reason"):
                self.add_error("reason", _("Say why the payment is corrected."))
            held = Payment.objects.select_for_update(of=("self",)).filter(pk=self.instance.pk).first()
            if held is None or paying.version_of(held) != cleaned.get("seen"):
                text = _(
                    "Somebody has changed this payment since you opened it. Open it again to see how it stands."
                )
                self.add_error(None, text)
            self.instance._change_reason = cleaned.get("reason")
        return cleaned


def won_text(won: int | None) -> str:
    return gettext("rate missing") if won is None else won_exact(won)


class PaymentInline(ScopedTabularInline):
    model = Payment
    form = CorrectedPaymentForm
    can_delete = False  # with a reason, on its page
    readonly_fields = ["paid", "in_won"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["paid_on", "amount", "currency", "rate", "won", "document_number"]
        if self.has_change_permission(request, obj):
            return [*fields, "reason", "seen"]
        if self.has_add_permission(request, obj):
            return fields
        return ["paid_on", "paid", "in_won", "document_number"]

    @admin.display(description=_("amount"))
    def paid(self, payment: Payment) -> str:
        return amount_text(payment.amount, payment.currency)

    @admin.display(description=_("won amount"))
    def in_won(self, payment: Payment) -> str:
        return won_text(payment.won)


@admin.register(UserCount)
class UserCountAdmin(HistoryAdmin):
    form = UserCountForm
    list_display = ["agency", "subscription", "day", "people"]
    list_display_links = ["agency", "day"]
    list_filter = ["standing", "agency__kind"]
    list_select_related = ["agency", "subscription"]
    search_fields = ["agency__code", "agency__name_ko", "agency__name_en", "subscription__reference"]
    autocomplete_fields = ["agency", "subscription"]
    date_hierarchy = "day"
    show_full_result_count = False
    fields = ["agency", "subscription", "day", "standing", "value"]

    @admin.display(description=_("people"), ordering="value")
    def people(self, count: UserCount) -> str:
        return str(count.get_standing_display()) if count.value is None else number(count.value)


@admin.register(Payment)
class PaymentAdmin(HistoryAdmin):
    form = CorrectedPaymentForm
    list_display = ["subscription", "paid_on", "paid", "rate_used", "in_won", "document_number"]
    list_display_links = ["subscription", "paid_on"]
    list_filter = ["currency"]
    list_select_related = ["subscription"]
    search_fields = ["subscription__reference", "document_number"]
    autocomplete_fields = ["subscription"]
    date_hierarchy = "paid_on"
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["subscription", "paid_on", "amount", "currency", "rate", "won", "document_number"]
        corrected = obj is not None and self.has_change_permission(request, obj)
        return [*fields, "reason", "seen"] if corrected else fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # with a reason, on its page

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        paying.keep_pricing(obj)

    @admin.display(description=_("amount"))
    def paid(self, payment: Payment) -> str:
        return amount_text(payment.amount, payment.currency)

    @admin.display(description=_("rate used"))
    def rate_used(self, payment: Payment) -> str:
        return rate_text(payment.rate)

    @admin.display(description=_("won amount"), ordering="won")
    def in_won(self, payment: Payment) -> str:
        return won_text(payment.won)


def foreign_currencies() -> list[tuple[str, str]]:
    return [(code, label) for code, label in currencies() if code != "KRW"]


class ExchangeRateForm(forms.ModelForm):
    currency = forms.ChoiceField(label=_("currency"), choices=foreign_currencies)
    rate = FigureField(
        label=_("rate"),
        decimals=DECIMALS,
        smallest=1,
        help_text=_("Won for one unit of the currency, such as 1,449.5."),
    )


@admin.register(ExchangeRate)
class ExchangeRateAdmin(HistoryAdmin):
    form = ExchangeRateForm
    list_display = ["currency", "day", "won_per_unit", "source"]
    list_display_links = ["currency", "day"]
    list_filter = ["currency"]
    list_select_related = ["source"]
    search_fields = ["currency"]
    autocomplete_fields = ["source"]
    date_hierarchy = "day"
    fixed_after_creation = ["currency"]
    fields = ["currency", "day", "rate", "source"]

    @admin.display(description=_("won per unit"), ordering="rate")
    def won_per_unit(self, rate: ExchangeRate) -> str:
        return rate_text(rate.rate)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Checked anew where an import has stored a rate of the same day since the form was, so that the form says so."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            return super().changeform_view(request, *args, **kwargs)

    def tell(self, obj: ExchangeRate) -> None:
        rates_changed([obj.currency])

    # Every agency's figures hang on a rate; see `rates.may_change_rates`.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and may_change_rates(request.user)  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_change_rates(request.user)  # type: ignore[arg-type]
