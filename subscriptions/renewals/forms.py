"""The forms at the end of a term: renew it, let it end, and when to remind."""

from __future__ import annotations

import datetime
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from figures.numbers import whole
from subscriptions.forms import DateInput, PriceLineForm, ReasonForm, YesNoField
from subscriptions.models import LONG_TEXT, PriceLine, Renewal, Subscription
from subscriptions.renewals.plans import check_days, days_of, default_days
from subscriptions.renewals.prices import Prices

ONE_DAY = datetime.timedelta(days=1)


def next_end(subscription: Subscription) -> datetime.date | None:
    """The last day of a term as long as the one that ends: a year where it is not known when that began.

    None where no calendar reaches that far.
    """
    try:
        return _next_end(subscription)
    except OverflowError:
        return None


def _next_end(subscription: Subscription) -> datetime.date:
    assert subscription.ends_on is not None
    start, end = subscription.started_on, subscription.ends_on
    last = subscription.renewals.filter(state=Renewal.State.RENEWED).order_by("-ends_on").first()
    begun = last.ends_on + ONE_DAY if last and last.ends_on else start
    if begun is None:
        return _years_later(end, 1)
    after = end + ONE_DAY
    months = (after.year - begun.year) * 12 + after.month - begun.month
    if after.day == begun.day and months and months % 12 == 0:
        return _years_later(end, months // 12)
    return end + (after - begun)


def _years_later(day: datetime.date, years: int) -> datetime.date:
    after = day + ONE_DAY
    if after.year + years > datetime.MAXYEAR:
        raise OverflowError
    try:
        return after.replace(year=after.year + years) - ONE_DAY
    except ValueError:  # the 29th of February
        return after.replace(year=after.year + years, day=28) - ONE_DAY


class RenewForm(forms.Form):
    """What the next term is like. Its price, where it is a new one, is in `line`, a form beside it."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    ends_on = forms.DateField(label=gettext_lazy("The new term ends on"), widget=DateInput())
    auto_renewal = YesNoField(label=gettext_lazy("Automatic renewal"))
    notice_days = forms.IntegerField(
        label=gettext_lazy("Notice days"),
        required=False,
        min_value=0,
        max_value=32_767,
        help_text=gettext_lazy("How many days before the end notice must be given."),
    )
    prices = forms.ChoiceField(
        label=gettext_lazy("Prices of the new term"), choices=Prices.choices, widget=forms.RadioSelect
    )
    seats = forms.IntegerField(
        label=gettext_lazy("Seats of the new term"),
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text=gettext_lazy("Only for another number of seats at the price so far."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONG_TEXT}),
    )

    def __init__(self, data: Any, *, subscription: Subscription) -> None:
        self.subscription = subscription
        initial = {
            "version": subscription.version,
            "ends_on": next_end(subscription),
            "auto_renewal": subscription.auto_renewal,
            "notice_days": subscription.notice_days,
            "prices": Prices.AS_SO_FAR,
        }
        super().__init__(data, initial=initial)
        # Without script the new price is on the page all the time; it counts only when it is asked for.
        typed = data if self.wants_line else None
        self.line = PriceLineForm(typed, instance=PriceLine(), prefix="line", use_required_attribute=False)
        for name in ("starts_on", "ends_on"):
            del self.line.fields[name]

    @property
    def wants_line(self) -> bool:
        return self.data.get("prices") in (Prices.NEW, Prices.ADDED)

    def clean_ends_on(self) -> datetime.date:
        ends_on: datetime.date = self.cleaned_data["ends_on"]
        assert self.subscription.ends_on is not None
        if ends_on <= self.subscription.ends_on:
            raise ValidationError(_("The new term ends after the old one."))
        return ends_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("prices") == Prices.SEATS and not cleaned.get("seats") and "seats" not in self.errors:
            self.add_error("seats", _("Give the number of seats of the new term."))
        return cleaned

    def is_valid(self) -> bool:
        valid = super().is_valid()
        if not self.wants_line or self.line.is_valid():
            return valid
        if not self.has_error(None):
            for name, errors in self.line.errors.items():
                label = self.line.fields[name].label if name in self.line.fields else ""
                self.add_error(None, [f"{label}: {error}" if label else str(error) for error in errors])
        return False


class LetEndForm(ReasonForm):
    notice_given_on = forms.DateField(
        label=gettext_lazy("Notice given on"),
        required=False,
        widget=DateInput(),
        help_text=gettext_lazy(
            "Empty: not given yet. What renews by itself is reminded of until notice is given."
        ),
    )

    field_order = ["reason", "notice_given_on"]


class PlanForm(forms.Form):
    """How many days before the last day to give notice the department is reminded."""

    days = forms.CharField(
        label=gettext_lazy("Days before the last day to give notice"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("Numbers with commas, such as 90, 30, 7. Empty: no reminders."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    as_usual = forms.BooleanField(label=gettext_lazy("As usual"), required=False)

    def __init__(self, data: Any, *, subscription: Subscription) -> None:
        has_own = hasattr(subscription, "reminder_plan")
        days = ", ".join(str(day) for day in days_of(subscription))
        super().__init__(data, initial={"days": days, "as_usual": not has_own})
        usual = ", ".join(str(day) for day in default_days()) or "–"
        self.fields["as_usual"].help_text = _("As the register does it: %(days)s days before.") % {
            "days": usual
        }

    def clean_days(self) -> list[int]:
        parts = [part for part in re.split(r"[\s,·、，]+", self.cleaned_data["days"]) if part]
        numbers = [number for part in parts if (number := whole(part, digits=6)) is not None]
        if len(numbers) < len(parts):
            raise ValidationError(_("Give whole numbers of days, such as 90, 30, 7."))
        days = sorted(set(numbers), reverse=True)
        check_days(days)
        return days
