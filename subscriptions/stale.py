"""What an edit that came second collides with: which values changed since the form was opened, by whom and when."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from subscriptions.forms import NOT_GIVEN, SubscriptionForm
from subscriptions.models import PriceLine, Subscription
from subscriptions.money import amount_text


def changes_since(current: Subscription, form: SubscriptionForm, formset: Any) -> dict[str, Any]:
    """`by`, `at`, and for each field that somebody else changed: label, value before, stored now, typed here."""
    opened = current.history.filter(version__lte=form.cleaned_data.get("version") or 0).first()
    latest = current.history.first()
    changes = []
    for name in form.Meta.fields:
        field = Subscription._meta.get_field(name)
        assert isinstance(field, models.Field)
        before = getattr(opened, field.attname, None) if opened else None
        theirs = getattr(current, field.attname)
        if opened is None or before != theirs:
            mine = form.cleaned_data.get(name)
            changes.append(
                {
                    "label": form.fields[name].label or field.verbose_name,
                    "before": _shown(field, before) if opened else "–",
                    "theirs": _shown(field, theirs),
                    "mine": _shown(field, getattr(mine, "pk", mine)),
                }
            )
    stored = "; ".join(line_text(line) for line in current.price_lines.order_by("position"))
    typed = "; ".join(line_text(line) for line in formset.lines())
    if stored != typed:
        changes.append(
            {
                "label": gettext("Price lines"),
                "before": "–",
                "theirs": stored or str(NOT_GIVEN),
                "mine": typed or str(NOT_GIVEN),
            }
        )
    who = latest.history_user if latest else None
    when = timezone.localtime(latest.history_date) if latest else timezone.localtime()
    return {
        "by": str(who) if who else gettext("Somebody"),
        "at": date_format(when, "DATETIME_FORMAT"),
        "changes": changes,
    }


def line_text(line: PriceLine) -> str:
    """A price line in a few words."""
    amount = (
        amount_text(line.amount, line.currency)
        if line.amount is not None
        else str(line.get_standing_display())
    )
    seats = (
        gettext("%(count)s seats") % {"count": f"{line.seats:,}"}
        if line.seats
        else gettext("seats not given")
    )
    return f"{amount} ({line.get_basis_display()}, {line.get_cycle_display()}, {line.get_vat_display()}, {seats})"


def _shown(field: Any, value: Any) -> str:
    if value is None or value == "":
        return str(NOT_GIVEN)
    if field.is_relation:
        row = field.related_model._default_manager.filter(pk=value).first()
        return str(row) if row else str(value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return date_format(value, "DATE_FORMAT") if hasattr(value, "isoformat") else str(value)
