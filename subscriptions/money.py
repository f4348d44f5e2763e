"""Money: currencies, amounts in their smallest unit, and amounts in won with what is not known of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from fractions import Fraction

from babel import numbers
from django.utils.translation import get_language

from figures.interval import Interval
from figures.standing import Standing
from subscriptions.models import ExchangeRate, PriceLine

VAT_FACTOR = Fraction(11, 10)
UNKNOWN = Interval(0, None)
NOTHING = Interval(0, 0)

# Won for the smallest unit of each currency; a currency that is absent has no rate for the day.
Rates = dict[str, Fraction]


def currencies() -> list[tuple[str, str]]:
    """The currencies of ISO 4217 in use, named in the reader's language, the likeliest first."""
    language = get_language() or "ko"
    likely = ["KRW", "USD", "EUR", "JPY", "GBP", "CNY"]
    in_use = sorted({c for t in _territories() for c in numbers.get_territory_currencies(t)} - set(likely))
    return [
        (code, f"{code} – {numbers.get_currency_name(code, locale=language)}") for code in [*likely, *in_use]
    ]


def _territories() -> list[str]:
    from django_countries.data import COUNTRIES

    return list(COUNTRIES)


def is_currency(code: str) -> bool:
    return code in numbers.list_currencies()


def minor_units(currency: str) -> int:
    """How many decimals a currency has: 0 for won, 2 for dollars."""
    return 0 if currency == "KRW" else numbers.get_currency_precision(currency)


def amount_text(amount: int, currency: str) -> str:
    """An amount in its own currency, all digits: `₩68,700,000`, `12.34 USD`; a refund is negative."""
    from figures.formatting import won_exact

    if currency == "KRW":
        return won_exact(amount)
    decimals = minor_units(currency)
    whole, rest = divmod(abs(amount), 10**decimals)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "") + f" {currency}"


def rates_on(currencies: Iterable[str], day: datetime.date) -> Rates:
    """Won per smallest unit of each currency on a day: the latest published on or before it, at most 7 days old."""
    rates: Rates = {"KRW": Fraction(1)}
    foreign = {currency for currency in currencies if currency and currency != "KRW"}
    if foreign:
        oldest = day - datetime.timedelta(days=ExchangeRate.DAYS_VALID)
        published = ExchangeRate.objects.filter(currency__in=foreign, day__lte=day, day__gte=oldest).order_by(
            "day"
        )
        for currency, rate in published.values_list("currency", "rate"):
            rates[currency] = Fraction(rate, ExchangeRate.SCALE * 10 ** minor_units(currency))
    return rates


def rates_in_force(day: datetime.date) -> Rates:
    """As `rates_on`, of every currency that has a rate on the day."""
    oldest = day - datetime.timedelta(days=ExchangeRate.DAYS_VALID)
    published = ExchangeRate.objects.filter(day__lte=day, day__gte=oldest)
    return rates_on(published.order_by().values_list("currency", flat=True).distinct(), day)


def in_won(line: PriceLine, rates: Rates) -> Interval:
    """A line's amount in won including VAT, for one seat or flat, for one cycle; exact, so that costs are rounded once.

    An amount that does not apply adds nothing; any other missing amount, or one without a rate, is unknown. Where VAT is not
    given the amount is a known minimum, and at most the VAT is missing.
    """
    if line.standing == Standing.NOT_APPLICABLE:
        return NOTHING
    if line.standing != Standing.STATED or line.amount is None or line.currency not in rates:
        return UNKNOWN
    net = line.amount * rates[line.currency]
    gross = net * VAT_FACTOR
    if line.vat == PriceLine.Vat.INCLUDED:
        return Interval.exactly(net)
    if line.vat == PriceLine.Vat.EXCLUDED:
        return Interval.exactly(gross)
    return Interval(net, gross)
