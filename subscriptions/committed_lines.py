"""The price lines of subscriptions as committed cost counts them, in SQL, and where days lie among their cycles."""

from __future__ import annotations

import datetime
import re

from django.db import connection

from subscriptions.money import Rates

# The amounts of the lines are multiplied by this for VAT: 10 or 11 tenths.
TENTHS = 10


def lines_of(subscriptions: str, rates: Rates) -> str:
    """The price lines of the rows that another statement selects: id, agency_id, started_on and ends_on of each subscription.

    One without lines is a row whose price is not known. `rate` / `scale` are won a smallest unit, for a tenth; `rate` is empty
    where the price is not known, which is for want of a rate where it is `rateless`.
    """
    return f"""
        SELECT s.id, s.agency_id, s.started_on, s.ends_on,
            CASE WHEN l.starts_on IS NULL OR l.starts_on < s.started_on THEN COALESCE(s.started_on, l.starts_on)
                ELSE l.starts_on END AS begins,
            CASE WHEN l.ends_on IS NULL OR l.ends_on > s.ends_on THEN COALESCE(s.ends_on, l.ends_on)
                ELSE l.ends_on END AS ends,
            {prices(rates)}
        FROM ({subscriptions}) AS s LEFT JOIN subscriptions_priceline AS l ON l.subscription_id = s.id"""


def prices(rates: Rates) -> str:
    """The columns of a price line `l` that its dates do not matter to."""
    # Won first: most lines are in them.
    known = sorted(rates.items(), key=lambda one: (one[0] != "KRW", one[0]))
    won = " ".join(f"WHEN '{_code(code)}' THEN {rate.numerator}" for code, rate in known)
    scale = " ".join(f"WHEN '{code}' THEN {TENTHS * rate.denominator}" for code, rate in known)
    return f"""
            l.vat,
            CASE l.cycle WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 WHEN 'one_off' THEN 0 ELSE 12 END AS months,
            CASE WHEN l.standing = 'stated' THEN l.amount ELSE 0 END AS amount,
            CASE l.standing WHEN 'not_applicable' THEN 0 WHEN 'stated' THEN CASE l.currency {won} END END AS rate,
            CASE l.currency {scale} ELSE {TENTHS} END AS scale,
            CASE l.vat WHEN 'excluded' THEN 11 ELSE 10 END AS least,
            CASE l.vat WHEN 'included' THEN 10 ELSE 11 END AS most,
            CASE WHEN l.basis = 'per_seat' THEN COALESCE(l.seats, 1) ELSE 1 END AS seats,
            CASE WHEN l.basis = 'per_seat' AND l.seats IS NULL AND l.standing = 'stated' AND l.amount <> 0
                THEN 0 ELSE 1 END AS counted,
            CASE WHEN l.standing = 'stated' AND CASE l.currency {won} END IS NULL THEN 1 ELSE 0 END AS rateless"""


def _code(currency: str) -> str:
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(currency)
    return currency


def day_sql(day: datetime.date) -> str:
    return f"DATE '{day}'" if connection.vendor == "postgresql" else f"'{day}'"


# A place in time, counted in cycles of so many months: whole ones since the year 0, days into the one that runs, and its length.
Place = tuple[int, int, int]


def place_of(day: datetime.date, months: int) -> Place:
    """Where the start of a day lies. A one-off's cycle is its day, of which there is only before and after."""
    if not months:
        return 1, 0, 1
    whole = (day.year * 12 + day.month - 1) // months
    first, after = _month(whole * months), _month(whole * months + months)
    return whole, (day - first).days, (after - first).days


def _month(number: int) -> datetime.date:
    """The first day of a month counted from the year 0; the last that can be written stands for what comes after it."""
    year, month = divmod(number, 12)
    return datetime.date(year, month + 1, 1) if year <= datetime.MAXYEAR else datetime.date.max
