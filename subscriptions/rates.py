"""Exchange rates: which one counts on a day, who keeps them, and what hangs on them.

Whatever changes a rate asks for what hangs on it to be made anew: facts and verdicts through a re-check, payments at once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from fractions import Fraction

from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from agencies.models import Recheck, Role, User
from figures.entry import write_figure
from figures.interval import round_half_up
from subscriptions.models import ExchangeRate, Payment, RegisterPricing
from subscriptions.money import minor_units

DECIMALS = 6
CHUNK = 1000


def may_change_rates(user: User) -> bool:
    """Every agency's figures hang on a rate, so only policy officers of the whole register and system administrators."""
    return user.sight(Role.POLICY_OFFICER).everything


def rate_on(currency: str, day: datetime.date) -> ExchangeRate | None:
    """The rate that counts on a day: the latest published on or before it, at most 7 days old."""
    oldest = day - datetime.timedelta(days=ExchangeRate.DAYS_VALID)
    rates = ExchangeRate.objects.filter(currency=currency, day__lte=day, day__gte=oldest)
    return rates.order_by("-day").first()


def in_won(amount: int, currency: str, rate: int) -> int:
    """Whole won of an amount in the currency's smallest unit; a refund comes to as much as the payment that it takes back."""
    won = round_half_up(abs(amount) * Fraction(rate, ExchangeRate.SCALE * 10 ** minor_units(currency)))
    return -won if amount < 0 else won


def rate_text(rate: int | None) -> str:
    """Won per unit, without idle zeros."""
    return "–" if rate is None else write_figure(rate, DECIMALS).rstrip("0").rstrip(".")


# --- what hangs on a rate ---------------------------------------------------------------------------------------------


def rates_changed(currencies: Iterable[str], by: User | None = None) -> int:
    """Make anew what hangs on the rates of these currencies, in the caller's transaction; how many payments that changed.

    `by` is who changed the rates; the request's account, where none is named.
    """
    changed = 0
    for currency in sorted(set(currencies)):
        Recheck.ask(Recheck.About.EXCHANGE_RATE, currency)
        changed += reprice(currency, by)
    return changed


@transaction.atomic
def reprice(currency: str | None = None, by: User | None = None) -> int:
    """Give the payments that follow the register's rate the won of the rate of their day; how many had another.

    Of one currency, or of all.
    """
    priced = Payment.objects.filter(register_pricing__isnull=False).exclude(currency="KRW")
    if currency is not None:
        priced = priced.filter(currency=currency)
    keys = list(priced.order_by("pk").values_list("pk", flat=True))
    changed = 0
    for start in range(0, len(keys), CHUNK):
        some = Payment.objects.select_for_update(of=("self",)).filter(pk__in=keys[start : start + CHUNK])
        changed += _reprice(list(some.order_by("pk")), by)
    return changed


def _reprice(payments: Sequence[Payment], by: User | None) -> int:
    pricings = RegisterPricing.objects.in_bulk([payment.pk for payment in payments])
    days: dict[tuple[str, datetime.date], ExchangeRate | None] = {}
    changed, moved = [], []
    for payment in payments:
        of_day = (payment.currency, payment.paid_on)
        if of_day not in days:
            days[of_day] = rate_on(*of_day)
        rate, pricing = days[of_day], pricings.get(payment.pk)
        if pricing is None:  # somebody has just given the actual rate
            continue
        won = None if rate is None else in_won(payment.amount, payment.currency, rate.rate)
        if won != payment.won:
            payment.won = won
            changed.append(payment)
        if pricing.rate_id != (rate.pk if rate else None):
            pricing.rate = rate
            moved.append(pricing)
    RegisterPricing.objects.bulk_update(moved, ["rate"])
    if changed:
        reason = _("The register's exchange rate of the day was changed.")
        bulk_update_with_history(changed, Payment, ["won"], default_change_reason=reason, default_user=by)
    return len(changed)
