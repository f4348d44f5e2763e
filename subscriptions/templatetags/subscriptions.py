"""How the parts of a subscription are shown in templates."""

from typing import Any

from django import template
from django.utils.translation import gettext

from subscriptions.models import PriceLine
from subscriptions.money import amount_text

register = template.Library()


@register.filter
def yes_or_no(value: bool | None) -> str:
    """Yes, no, or nothing when it is not given."""
    return "" if value is None else gettext("Yes") if value else gettext("No")


@register.filter
def line_amount(line: PriceLine) -> str:
    """A price line's amount in its own currency, or why there is none."""
    return (
        amount_text(line.amount, line.currency)
        if line.amount is not None
        else str(line.get_standing_display())
    )


@register.filter
def passing(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of judgements with their sentences, those that pass or do not apply."""
    return [one for one in told if one["judgement"].passes]
