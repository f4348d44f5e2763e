"""What is recorded as files that can be edited and imported again: every column that an import reads, a row a price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from agencies.models import Agency, Role, User
from sources.models import Source
from subscriptions import paying
from subscriptions.importing import agencies, exchange_rates, payments
from subscriptions.importing.columns import COLUMNS, Column
from subscriptions.models import ExchangeRate, FileImport, Payment, PriceLine, Subscription
from subscriptions.money import minor_units

AT_ONCE = 2_000
PLAIN = (
    "reference", "version", "plan", "started_on", "ends_on", "owner_department", "purpose", "notice_days", "reseller",
    "contract_number",
)  # fmt: skip
CHOSEN = ("status", "data_class", "payment_route")
YES_NO = ("personal_data", "auto_renewal")


def subscription_rows(by: User) -> Iterator[list[Any]]:
    """What the person may change, a row for each price line, or one without a price."""
    yield _header(COLUMNS)
    lines = Prefetch("price_lines", PriceLine.objects.order_by("position"))
    mine = Subscription.objects.visible_to(by, Role.ADMINISTRATOR)
    for one in (
        mine.select_related("agency", "payer", "product")
        .prefetch_related(lines)
        .order_by("pk")
        .iterator(AT_ONCE)
    ):
        record = _record(one)
        for line in [_line(line) for line in one.price_lines.all()] or [{}]:
            cells = {**record, **line}
            yield [cells.get(name) for name in COLUMNS]


def count_of(kind: str, by: User) -> int:
    """How many rows of records a file of that kind holds for the person."""
    if kind == FileImport.Kind.SUBSCRIPTIONS:  # each price line is one, and each record without a price
        mine = Subscription.objects.visible_to(by, Role.ADMINISTRATOR).order_by()
        return int(mine.values_list("pk", "price_lines").count())
    if kind == FileImport.Kind.PAYMENTS:
        return Payment.objects.visible_to(by, Role.ADMINISTRATOR).count()
    if kind == FileImport.Kind.RATES:
        return ExchangeRate.objects.count()
    return Agency.objects.visible_to(by).count()


def _header(columns: Mapping[str, Column]) -> list[str]:
    return [str(column.label) for column in columns.values()]


def _record(one: Subscription) -> dict[str, Any]:
    cells: dict[str, Any] = {name: getattr(one, name) for name in PLAIN}
    cells.update({name: getattr(one, f"get_{name}_display")() for name in CHOSEN})
    words = {True: _("Yes"), False: _("No"), None: None}
    cells.update({name: words[getattr(one, name)] for name in YES_NO})
    cells["agency_code"], cells["agency"] = one.agency.code, str(one.agency)
    cells["product"] = f"{one.product} ({one.product.code})"
    cells["payer"] = f"{one.payer} ({one.payer.code})" if one.payer else None
    return cells


def _line(line: PriceLine) -> dict[str, Any]:
    return {
        "seats": line.seats,
        "amount": money(line.amount, line.currency),
        "currency": line.currency,
        "basis": line.get_basis_display(),
        "cycle": line.get_cycle_display(),
        "vat": line.get_vat_display(),
        "standing": line.get_standing_display(),
        "line_from": line.starts_on,
        "line_until": line.ends_on,
    }


def payment_rows(by: User) -> Iterator[list[Any]]:
    """The payments that the person may change. Won amounts that follow from the rest are left out, so that they do so again."""
    yield _header(payments.COLUMNS)
    mine = Payment.objects.visible_to(by, Role.ADMINISTRATOR).order_by("pk")
    for one in mine.select_related("subscription", "register_pricing").iterator(AT_ONCE):
        rate = None if one.rate is None else Decimal(one.rate) / ExchangeRate.SCALE
        yield [
            one.subscription.reference,
            one.paid_on,
            money(one.amount, one.currency),
            one.currency,
            rate,
            one.won if paying.is_typed(one) else None,
            one.document_number,
        ]


def agency_rows(by: User) -> Iterator[list[Any]]:
    """The agencies in sight, by their place in the tree."""
    yield _header(agencies.COLUMNS)
    for one in Agency.objects.visible_to(by).select_related("parent", "successor").order_by("path"):
        cells = {name: getattr(one, name) for name in agencies.COLUMNS}
        cells["kind"] = one.get_kind_display()
        for name in ("parent", "successor"):
            cells[name] = cells[name].code if cells[name] else None
        yield list(cells.values())


def rate_rows(by: User) -> Iterator[list[Any]]:
    """All exchange rates, which belong to no agency; the codes only of sources that the person may read."""
    yield _header(exchange_rates.COLUMNS)
    readable = dict(Source.objects.readable_by(by).values_list("pk", "code"))
    for one in ExchangeRate.objects.order_by("day", "currency").iterator(AT_ONCE):
        rate = Decimal(one.rate) / ExchangeRate.SCALE
        yield [one.currency, one.day, rate, readable.get(one.source_id)]


def money(amount: int | None, currency: str) -> int | Decimal | None:
    """An amount in whole units of its currency, a number for the file."""
    decimals = minor_units(currency) if currency else 0
    if amount is None or not decimals:
        return amount
    return Decimal(amount).scaleb(-decimals)
