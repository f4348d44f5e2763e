"""Figures in templates: `{{ amount|won }}`, `{{ figure|money }}`, `{{ figure|count }}`, `{{ total|money_total }}`."""

import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from figures import formatting
from figures.figure import Figure, Total

register = template.Library()


@register.filter
def won(amount: int | None) -> SafeString | str:
    """Whole won, with all digits at hand. None is left to the page, which knows why."""
    if amount is None:
        return ""
    exact = formatting.won_exact(amount)
    return format_html(
        '<data class="figure" value="{}" title="{}">{}</data>', amount, exact, formatting.won(amount)
    )


@register.filter
def money(figure: Figure) -> SafeString:
    return formatting.figure_html(figure, money=True)


@register.filter
def count(figure: Figure) -> SafeString:
    return formatting.figure_html(figure, money=False)


@register.filter
def money_total(total: Total) -> str:
    return formatting.total_text(total, money=True)


@register.filter
def count_total(total: Total) -> str:
    return formatting.total_text(total, money=False)


@register.filter
def day(value: datetime.date | None) -> str:
    return formatting.day(value)
