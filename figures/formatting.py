"""How figures are written for a reader: won, counts, days and what is missing, in Korean and English."""

import datetime
from fractions import Fraction

from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from figures.figure import Figure, Total
from figures.interval import Interval, Number, round_half_up
from figures.standing import Qualifier, Standing

_LARGE = ((1_000_000_000, "B"), (1_000_000, "M"))


def number(value: Number) -> str:
    """A whole number with thousands separators."""
    return f"{round_half_up(value):,}"


def won_exact(won: Number) -> str:
    """All digits: `68,700,000원` or `₩68,700,000`."""
    return gettext("₩%(amount)s") % {"amount": number(won)}


def won(amount: Number, unit: int = 1) -> str:
    """As people write it: `68,700,000원` in Korean, `₩68.7M` in English. `unit` is the last digit that is known, in won."""
    amount = round_half_up(amount)
    if (get_language() or "ko").startswith("ko"):
        return won_exact(amount)
    for size, letter in _LARGE:
        if abs(amount) >= size:
            decimals = 1
            while unit > 1 and size // 10**decimals > unit and decimals < 6:
                decimals += 1
            if unit >= size:
                decimals = 0
            scaled = round_half_up(Fraction(amount * 10**decimals, size))
            digits = f"{scaled:0{decimals + 1}d}"
            return f"₩{digits[:-decimals]}.{digits[-decimals:]}{letter}" if decimals else f"₩{digits}{letter}"
    return won_exact(amount)


def day(value: datetime.date | None) -> str:
    """A date in the reader's form; an unknown one says so."""
    return formats.date_format(value, "DATE_FORMAT") if value else gettext("Not given")


def amount_text(figure: Figure, money: bool = True, in_full: bool = False) -> str:
    """A figure as plain text, for exports, titles and sentences: its value as far as it is known, or what it is instead.

    `in_full`: one that is not rounded in all its digits, for where sources are compared.
    """

    def write(value: Number, unit: int = 1) -> str:
        if not money:
            return number(value)
        return won_exact(value) if in_full and figure.unit == 1 else won(value, unit)

    if figure.is_known:
        text = write(figure.shown or 0, figure.unit)
        if figure.qualifier == Qualifier.ABOUT:
            return gettext("about %(amount)s") % {"amount": text}
        if figure.qualifier == Qualifier.AT_LEAST:
            return gettext("at least %(amount)s") % {"amount": text}
        if figure.qualifier == Qualifier.AT_MOST:
            return gettext("at most %(amount)s") % {"amount": text}
        return text
    label, bound = str(figure.standing.label), bound_text(figure, money)
    return gettext("%(standing)s (%(bound)s)") % {"standing": label, "bound": bound} if bound else label


def bound_text(figure: Figure, money: bool = True) -> str:
    """What is known of a figure all the same, in all digits; empty when that is nothing."""
    exact = won_exact if money else number
    low, high = figure.interval.low, figure.interval.high
    if low and high is not None:
        return gettext("between %(low)s and %(high)s") % {"low": exact(low), "high": exact(high)}
    if low:
        return gettext("at least %(amount)s") % {"amount": exact(low)}
    if high is not None:
        return gettext("at most %(amount)s") % {"amount": exact(high)}
    return ""


def interval_text(figure: Figure, money: bool = True) -> str:
    """Where the true value lies, in all digits; empty for an exact figure or one of which nothing is known."""
    exact = won_exact if money else number
    low, high = figure.interval.low, figure.interval.high
    if high is None or figure.interval.is_exact:
        return ""
    return gettext("between %(low)s and %(high)s") % {"low": exact(low), "high": exact(high)}


def with_tolerance(figure: Figure, money: bool = True) -> str:
    """`₩132.4M (±₩300,000)`: with how far the true value may lie from the middle, in two digits."""
    text, tolerance = amount_text(figure, money), figure.tolerance
    if not tolerance:
        return text
    unit = 10 ** max(0, len(str(tolerance)) - 2)
    written = (won if money else number)(round_half_up(Fraction(tolerance, unit)) * unit)
    return gettext("%(amount)s (±%(tolerance)s)") % {"amount": text, "tolerance": written}


def percent(part: Figure, whole: Figure) -> str:
    """A part of a whole that contains it, with one decimal where their intervals support it."""
    quotient = part.interval / whole.interval & Interval(0, 1)
    width = (1 if quotient.high is None else quotient.high) - quotient.low
    value = Fraction(part.value or 0) / Fraction(whole.value or 1) * 100
    return f"{float(value):.{1 if width * 1000 < 5 else 0}f}%"


def figure_html(figure: Figure, money: bool = True, in_full: bool = False) -> SafeString:
    """A figure for a page: the exact value or the interval is at hand in the title, and unknowns are marked as such."""
    text = amount_text(figure, money, in_full)
    if not figure.is_known:
        return format_html(
            '<span class="figure figure--missing" data-standing="{}">{}</span>', figure.standing, text
        )
    exact = (won_exact if money else number)(figure.value or 0)
    title = interval_text(figure, money) or exact
    return format_html(
        '<data class="figure" value="{}" title="{}">{}</data>', round_half_up(figure.value or 0), title, text
    )


def total_text(total: Total, money: bool = True) -> str:
    """A total with what it leaves out: `at least ₩259.3M; 12 not given`; "unknown" when nothing at all is known."""
    amount, gaps = known_text(total, money), gaps_text(total)
    if not total.given:
        return gettext("Unknown (%(gaps)s)") % {"gaps": gaps} if gaps else gettext("None")
    return gettext("%(amount)s; %(gaps)s") % {"amount": amount, "gaps": gaps} if gaps else amount


def known_text(total: Total, money: bool = True) -> str:
    """What is known of a total: `at least ₩259.3M`; "unknown" when nothing is, "none" when there is nothing to know."""
    if not total.given:
        return gettext("Unknown") if total.gaps else gettext("None")
    write = won if money else (lambda value, unit=1: number(value))
    text = write(total.known.shown or 0, total.known.unit)
    return text if total.is_complete else gettext("at least %(amount)s") % {"amount": text}


def gaps_text(total: Total) -> str:
    """What a total leaves out: `12 not given, 1 withheld`; empty when it is nothing."""
    return ", ".join(
        gettext("%(count)s %(standing)s") % {"count": number(count), "standing": standing.label.lower()}
        for standing, count in sorted(total.missing.items())
        if standing != Standing.NOT_APPLICABLE
    )
