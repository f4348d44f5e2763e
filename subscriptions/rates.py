"""Exchange rates: which one counts on a day, who keeps them, and how a file of them is taken in.

Whatever changes a rate asks for what hangs on it to be made anew: facts and verdicts through a re-check, payments at once.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from agencies.models import Recheck, Role, User
from figures.entry import read_figure, write_figure
from figures.interval import round_half_up
from sources.models import Source
from subscriptions.importing.reading import read_rows
from subscriptions.importing.values import read_day
from subscriptions.models import ExchangeRate, Payment, RegisterPricing
from subscriptions.money import is_currency, minor_units

DECIMALS = 6
CHUNK = 1000
# What a column may be called. Banks in Korea give some currencies for a hundred units, and write so: JPY(100).
HEADERS = {
    "currency": ("currency", "currency code", "code", "통화", "통화코드", "통화명"),
    "day": ("day", "date", "published on", "날짜", "일자", "기준일", "고시일", "고시일자"),
    "rate": ("rate", "won per unit", "exchange rate", "환율", "매매기준율", "기준환율", "원/단위"),
    "source": ("source", "출처", "출처코드"),
}
NEEDED = ("currency", "day", "rate")
_CURRENCY = re.compile(r"([A-Z]{3})\s*(?:[(/]?\s*(1|10|100|1000)\s*\)?)?")
MOST_ERRORS = 200


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


# --- a file of rates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line of the file."""

    line: int
    message: str


@dataclass
class Report:
    """What a file would do or did: nothing, when `problems` holds anything. `payments`: how many became others in won."""

    new: int = 0
    changed: int = 0
    left: int = 0
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    payments: int = 0
    currencies: list[str] = field(default_factory=list)
    done: bool = False

    def fault(self, line: int, message: str) -> None:
        if len(self.problems) < MOST_ERRORS:
            self.problems.append(Problem(line, message))
        else:
            self.more_problems += 1


def import_rates(
    data: bytes, by: User | None, on: datetime.date, source: Source | None = None, trial: bool = False
) -> Report:
    """Take in the rates of a CSV or XLSX file, all or none; `trial` only says what would come of it.

    `source` is that of rows which name none. Rates after the day `on` are refused. Raises importing's Refused where the file
    is no table, and PermissionDenied.
    """
    if by is not None and not may_change_rates(by):
        raise PermissionDenied
    report = Report()
    readable = Source.objects.all() if by is None else Source.objects.readable_by(by)
    read = _read(data, on, source, readable, report)
    if report.problems:
        return report
    with transaction.atomic():
        _keep(read, by, report)
        if report.currencies and not trial:
            report.payments = rates_changed(report.currencies, by)
        if trial:
            transaction.set_rollback(True)
    report.done = not trial
    return report


Read = dict[tuple[str, datetime.date], tuple[int, Source | None, int]]


def _read(
    data: bytes, on: datetime.date, source: Source | None, readable: Iterable[Source], report: Report
) -> Read:
    """The rates by currency and day, with their source and the line that they stand on."""
    rows = iter(read_rows(data))
    line, header = next(rows)
    columns = _columns(header)
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        names = ", ".join(HEADERS[name][0] for name in missing)
        report.fault(line, _("The first line must name the columns. Missing: %(names)s.") % {"names": names})
        return {}
    sources = {row.code: row for row in readable} if "source" in columns else {}
    read: Read = {}
    for line, cells in rows:
        cell = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        try:
            currency, units = read_currency(cell["currency"])
            day = read_day(cell["day"])
            if day > on:
                raise ValidationError(_("%(day)s has not come yet.") % {"day": day})
            rate = read_rate(cell["rate"], units)
            own = _source(cell["source"], sources) if cell.get("source") else source
            before = read.get((currency, day))
            if before and before[0] != rate:
                raise ValidationError(
                    _("Line %(line)s gives another rate of %(currency)s of this day.")
                    % {"line": before[2], "currency": currency}
                )
            read[currency, day] = (rate, own, line)
        except ValidationError as error:
            for message in error.messages:
                report.fault(line, message)
    return read


def _columns(header: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, title in enumerate(header):
        plain = title.strip().casefold()
        for name, titles in HEADERS.items():
            if plain in titles:
                found.setdefault(name, at)
    return found


def read_currency(text: str) -> tuple[str, int]:
    """The code of a currency other than the won, and for how many of its units rates are given. Raises ValidationError."""
    match = _CURRENCY.fullmatch(text.upper())
    if not match or not is_currency(match[1]):
        raise ValidationError(_("“%(value)s” is not a currency of ISO 4217.") % {"value": text})
    if match[1] == "KRW":
        raise ValidationError(_("Won need no rate."))
    return match[1], int(match[2] or 1)


def read_rate(text: str, units: int) -> int:
    """A rate that is given for so many units, as it is kept. Raises ValidationError."""
    rate = read_figure(text, DECIMALS)
    if rate <= 0:
        raise ValidationError(_("A rate is more than zero."))
    if rate % units:
        raise ValidationError(
            _("This rate for %(units)s units has more than six decimals for one.") % {"units": units}
        )
    return rate // units


def _source(code: str, sources: dict[str, Source]) -> Source:
    if code not in sources:
        raise ValidationError(_("There is no source “%(code)s”.") % {"code": code})
    return sources[code]


def _keep(read: Read, by: User | None, report: Report) -> None:
    stored = {
        (rate.currency, rate.day): rate
        for rate in ExchangeRate.objects.select_for_update(of=("self",)).filter(
            currency__in={currency for currency, _day in read},
            day__range=(min(day for _c, day in read), max(day for _c, day in read)),
        )
    } if read else {}  # fmt: skip
    new, changed = [], []
    for (currency, day), (rate, source, _line) in read.items():
        old = stored.get((currency, day))
        if old is None:
            new.append(ExchangeRate(currency=currency, day=day, rate=rate, source=source))
        elif old.rate != rate or (source is not None and old.source_id != source.pk):
            old.rate, old.source = rate, source or old.source
            changed.append(old)
    # Nobody else's rate of the same day is overwritten unseen: the constraint stops the second of two imports at once.
    bulk_create_with_history(new, ExchangeRate, batch_size=CHUNK, default_user=by)
    bulk_update_with_history(changed, ExchangeRate, ["rate", "source"], batch_size=CHUNK, default_user=by)
    report.new, report.changed = len(new), len(changed)
    report.left = len(read) - len(new) - len(changed)
    report.currencies = sorted({rate.currency for rate in (*new, *changed)})
