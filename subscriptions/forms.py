"""The forms in which a subscription is recorded and decided on. They check the shape; what may be done is in `recording`."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.db.models import Q
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet, inlineformset_factory
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency, Role, User
from catalog.choosing import ProductField
from catalog.models import Product
from catalog.proposing import known_product, propose, unsaved
from figures.standing import Standing
from subscriptions.models import LONG_TEXT, PriceLine, Subscription
from subscriptions.money import currencies, is_currency, minor_units

NOT_GIVEN = _("Not given")
YES_NO = [("", NOT_GIVEN), ("true", _("Yes")), ("false", _("No"))]


class YesNoField(forms.TypedChoiceField):
    """A choice of yes, no and not given; an unknown is None, never no."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(choices=YES_NO, required=False, empty_value=None)
        super().__init__(coerce=lambda value: value == "true", **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false"}.get(value, value)


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class SubscriptionForm(forms.ModelForm):
    """A subscription as an agency administrator types it; `by` is that person."""

    agency = AgencyField(label=_("Agency"), help_text=_("The agency that uses the tool."))
    product = ProductField(
        label=_("AI tool"),
        required=False,
        help_text=_("Not in the list? Propose it just below; it can be used at once."),
    )
    new_product = forms.CharField(label=_("Name of the tool"), max_length=100, required=False)
    new_vendor = forms.CharField(label=_("Name of its vendor"), max_length=100, required=False)
    payer = AgencyField(label=_("Payer"), required=False, help_text=_("Only when another agency pays."))
    personal_data = YesNoField(
        label=_("Personal data"), help_text=_("Whether personal data is put into the tool.")
    )
    auto_renewal = YesNoField(label=_("Automatic renewal"))
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    submission = forms.UUIDField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Subscription
        fields = [
            "agency",
            "product",
            "plan",
            "purpose",
            "owner_department",
            "data_class",
            "personal_data",
            "started_on",
            "ends_on",
            "auto_renewal",
            "notice_days",
            "payer",
            "payment_route",
            "reseller",
            "contract_number",
        ]
        widgets = {
            "started_on": DateInput,
            "ends_on": DateInput,
            "purpose": forms.Textarea(attrs={"rows": 3, "maxlength": LONG_TEXT}),
        }

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        payers = Agency.objects.visible_to(by)
        if self.instance.payer_id:  # one that is recorded stays, even out of the person's sight
            payers = Agency.objects.filter(Q(pk__in=payers.values("pk")) | Q(pk=self.instance.payer_id))
        self._offer("agency", Agency.objects.visible_to(by, Role.ADMINISTRATOR))
        self._offer("payer", payers)
        self._offer("product", Product.objects.all())
        for name in ("data_class", "payment_route"):
            self.fields[name].choices = [("", NOT_GIVEN), *list(self.fields[name].choices)[1:]]  # type: ignore[attr-defined]
        if self.instance.pk:
            self.fields["version"].initial = self.instance.version
            self.fields["agency"].disabled = True
            self.fields["agency"].help_text = _(
                "A record stays with its agency. End it and record a new one to move it."
            )
        else:
            self.fields["submission"].initial = uuid.uuid4

    def _offer(self, name: str, queryset: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, AgencyField | ProductField)
        field.offer(queryset)
        chosen = getattr(self.instance, name) if self.instance.pk else None
        if chosen is not None:
            self.initial[name] = chosen.code

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name, vendor = cleaned.get("new_product", "").strip(), cleaned.get("new_vendor", "").strip()
        if name or vendor:
            if cleaned.get("product"):
                self.add_error("new_product", _("Choose a tool from the list or propose one, not both."))
            elif not name:
                self.add_error("new_product", _("Give the name of the tool that you propose."))
            elif not vendor:
                self.add_error("new_vendor", _("Give the name of the vendor of the tool that you propose."))
            elif known := known_product(name):
                self.add_error(
                    "new_product", _("“%(name)s” is in the list already: choose it there.") % {"name": known}
                )
            else:
                cleaned["product"] = unsaved(name, vendor)
        elif not cleaned.get("product") and "product" not in self.errors:
            self.add_error("product", _("Choose the tool, or propose one that is not listed."))
        start, end = cleaned.get("started_on"), cleaned.get("ends_on")
        if start and end and end < start:
            self.add_error("ends_on", _("The subscription ends before it starts."))
        return cleaned

    def require_start(self, *, in_use: bool) -> None:
        """What starts must say when; what is in use already has started."""
        from subscriptions.today import today

        start = self.cleaned_data.get("started_on")
        if "started_on" in self.errors:
            return
        if start is None:
            self.add_error("started_on", _("Give the first day. Save a draft while it is not known."))
        elif in_use and start > today():
            self.add_error("started_on", _("What is in use already started today or before."))

    def _post_clean(self) -> None:
        """Keep a proposed tool out of the model's checks until it is saved: it has no row to refer to yet."""
        product = self.cleaned_data.get("product")
        if isinstance(product, Product) and product.pk is None:
            self.cleaned_data.pop("product")
            super()._post_clean()
            self.cleaned_data["product"] = product
            self.instance.product = product
        else:
            super()._post_clean()  # type: ignore[misc]

    def save_proposed_tool(self) -> None:
        """Add the tool that the person proposed to the catalogue."""
        product = self.cleaned_data["product"]
        if product.pk is None:
            self.instance.product = propose(product.name_en, product.vendor.name_en, by=self.by)


class AmountField(forms.CharField):
    """An amount as people type it: `68,700,000`, `₩1,200`, `12.34`. Cleaned to a Decimal in whole units, or None."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 30)
        super().__init__(
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **kwargs
        )

    def clean(self, value: Any) -> Decimal | None:
        text = re.sub(r"[\s,_₩$€¥£원]", "", super().clean(value) or "")
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            raise forms.ValidationError(_("Give a number, such as 1,200,000.")) from error
        if not amount.is_finite():
            raise forms.ValidationError(_("Give a number, such as 1,200,000."))
        if amount < 0:
            raise forms.ValidationError(_("An amount is not negative."))
        if amount >= Decimal(10) ** 15:
            raise forms.ValidationError(_("This amount is too large to be right."))
        return amount


class PriceLineForm(forms.ModelForm):
    amount = AmountField(
        label=_("Amount"), required=False, help_text=_("In whole units of the currency: 30,000 or 25.50.")
    )
    currency = forms.ChoiceField(
        label=_("Currency"),
        required=False,
        initial="KRW",
        error_messages={"invalid_choice": _("“%(value)s” is not a currency of ISO 4217.")},
    )
    seats = forms.IntegerField(
        label=_("Seats"),
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text=_("Bought, not used. Empty: not given."),
        error_messages={"min_value": _("Seats are 1 or more. Leave it empty when the number is not known.")},
    )

    class Meta:
        model = PriceLine
        fields = ["standing", "amount", "currency", "vat", "basis", "cycle", "seats", "starts_on", "ends_on"]
        widgets = {"starts_on": DateInput, "ends_on": DateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = currencies()
        typed = (
            str(self.data.get(self.add_prefix("currency"), "")) if self.is_bound else self.instance.currency
        )
        if is_currency(typed) and typed not in dict(choices):
            choices.append((typed, typed))
        self.fields["currency"].choices = [("", "---------"), *choices]  # type: ignore[attr-defined]
        line = self.instance
        if line.amount is not None:
            self.initial["amount"] = major_text(line.amount, line.currency)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount, currency, standing = cleaned.get("amount"), cleaned.get("currency"), cleaned.get("standing")
        if "amount" in self.errors or "standing" in self.errors:
            return cleaned
        try:
            cleaned["amount"] = settled_amount(amount, currency, standing)
        except forms.ValidationError as error:
            for name, errors in error.error_dict.items():
                if name not in self.errors:
                    self.add_error(name, errors)
        return cleaned

    def _post_clean(self) -> None:
        start, end = self.cleaned_data.get("starts_on"), self.cleaned_data.get("ends_on")
        if start and end and end < start:
            self.add_error("ends_on", _("The price line ends before it starts."))
        super()._post_clean()  # type: ignore[misc]


def settled_amount(amount: Decimal | None, currency: str | None, standing: str | None) -> int | None:
    """An amount in whole units of its currency as the price line keeps it: in the smallest unit, and only when it is stated.

    Raises ValidationError with the field that is wrong.
    """
    if standing == Standing.STATED and amount is None:
        raise forms.ValidationError({"amount": _("Give the amount, or say why there is none.")})
    if standing != Standing.STATED and amount is not None:
        raise forms.ValidationError(
            {"standing": _("An amount is given, so it is stated. Clear the amount otherwise.")}
        )
    if amount is None:
        return None
    if not currency:
        raise forms.ValidationError({"currency": _("Say in which currency the amount is.")})
    decimals = minor_units(str(currency))
    scaled = amount * 10**decimals
    if scaled != scaled.to_integral_value():
        text = _("%(currency)s has %(decimals)s decimals.") % {"currency": currency, "decimals": decimals}
        raise forms.ValidationError({"amount": text})
    return int(scaled)


def major_text(amount: int, currency: str) -> str:
    """An amount in whole units, as it is typed: 6870 cents are `68.70`."""
    decimals = minor_units(currency) if currency else 0
    return f"{Decimal(amount).scaleb(-decimals):,.{decimals}f}"


class PriceLines(BaseInlineFormSet):
    """The price lines of one subscription."""

    def get_queryset(self) -> Any:
        return super().get_queryset().order_by("position")

    def lines(self) -> list[PriceLine]:
        """The lines as typed, without those that are deleted, empty or not valid."""
        return [
            form.instance
            for form in self.forms
            if not form.errors
            and not (self.can_delete and form.cleaned_data.get(DELETION_FIELD_NAME))
            and (form.has_changed() or form.instance.pk)
        ]


PriceLineFormSet = inlineformset_factory(
    Subscription,
    PriceLine,
    form=PriceLineForm,
    formset=PriceLines,
    extra=1,
    can_delete=True,
    max_num=50,
    absolute_max=51,  # no more are even read, whatever number is sent
    validate_max=True,
)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONG_TEXT}),
    )


class OptionalReasonForm(ReasonForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


class EndForm(OptionalReasonForm):
    on = forms.DateField(label=_("Last day in force"), widget=DateInput())

    field_order = ["on", "reason"]
