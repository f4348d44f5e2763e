"""Exchange rates read from a file: each is of a currency and a day, and is checked by the form of the administration.

What hangs on a rate that an import changes, or its undo, is made anew at once: see `subscriptions.rates`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import Field, ModelForm, modelform_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agencies.models import User
from figures.entry import read_figure, write_figure
from sources.models import Source
from subscriptions.import_models import FileImport
from subscriptions.importing import plain
from subscriptions.importing.columns import Column, Vocabulary, headers_of, normal, without_brackets
from subscriptions.importing.plain import Line, Rows
from subscriptions.importing.running import Table
from subscriptions.importing.values import read_day
from subscriptions.importing.words import EMPTY
from subscriptions.models import ExchangeRate
from subscriptions.money import is_currency
from subscriptions.rates import DECIMALS, may_change_rates, rates_changed
from subscriptions.today import today
from subscriptions.upload_models import WrittenRow


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


COLUMNS: dict[str, Column] = {
    "currency": Column(gettext_lazy("Currency"), _split("currency code|code|통화|통화코드|통화명")),
    "day": Column(gettext_lazy("Day"), _split("date|published on|날짜|일자|기준일|고시일|고시일자")),
    "rate": Column(gettext_lazy("Won for one unit"), _split("won per unit|exchange rate|환율|매매기준율|기준환율|원/단위")),
    "source": Column(gettext_lazy("Code of the source"), _split("출처|출처코드")),
}  # fmt: skip
NEEDED = ("currency", "day", "rate")
# Banks in Korea give some currencies for a hundred units, and write so: JPY(100).
_CURRENCY = re.compile(r"([A-Z]{3}) ?(?:[(/]? ?(1|10|100|1000) ?\)?)?")
Key = tuple[str, datetime.date]


@cache
def _headers() -> dict[str, str]:
    return headers_of(COLUMNS)


def guess(header: str) -> str:
    return _headers().get(normal(header)) or _headers().get(normal(without_brackets(header)), "")


VOCABULARY = Vocabulary(COLUMNS, guess)


def missing(columns: Sequence[str]) -> str:
    if set(NEEDED) <= set(columns):
        return ""
    return _("There must be a column for the currency, one for the day and one for the rate.")


def example() -> list[list[str]]:
    return [
        [_("Currency"), _("Day"), _("Won for one unit")],
        ["USD", "2026-03-02", "1,449.5"],
        ["JPY(100)", "2026-03-02", "943.21"],
    ]


class ExchangeRates(Rows):
    kind, model, vocabulary = FileImport.Kind.RATES, ExchangeRate, VOCABULARY

    def __init__(self, by: User, mapped: Sequence[str], table: Table) -> None:
        super().__init__(by, mapped, table)
        self.on = today()
        self.Form = rate_form()
        readable = Source.objects.readable_by(by) if "source" in self.mapped else Source.objects.none()
        self._sources: dict[str, int] = dict(readable.values_list("code", "pk"))
        self._stored: dict[Key, ExchangeRate] = {}
        self._seen: dict[Key, tuple[int, int]] = {}

    @classmethod
    def may(cls, by: User) -> bool:
        return may_change_rates(by)

    @classmethod
    def changeable(cls, by: User) -> QuerySet:
        return ExchangeRate.objects.all() if may_change_rates(by) else ExchangeRate.objects.none()

    @classmethod
    def missing(cls, columns: Sequence[str]) -> str:
        return missing(columns)

    def prepare(self, lines: Sequence[Line], hold: bool) -> None:
        days, currencies = set(), set()
        for line in lines:
            try:
                days.add(read_day(line.texts.get("day", "")))
                currencies.add(read_currency(line.texts.get("currency", ""))[0])
            except ValidationError:
                continue  # which the line says
        stored = self.changeable(self.by).filter(currency__in=currencies, day__in=days).order_by("pk")
        if hold:
            stored = stored.select_for_update(of=("self",))
        self._stored = {(rate.currency, rate.day): rate for rate in stored}

    def form(self, line: Line) -> ModelForm | None:
        texts = {name: "" if text in EMPTY else text for name, text in line.texts.items()}
        currency, units = self._read(line, "currency", read_currency, texts) or ("", 1)
        day = self._read(line, "day", self._day, texts)
        rate = self._read(line, "rate", partial(read_rate, units=units), texts)
        source = self._read(line, "source", self._source, texts) if texts.get("source") else None
        if line.has_errors or day is None or rate is None:
            return None
        number, before = self._seen.setdefault((currency, day), (line.number, rate))
        if number != line.number:
            given = {"line": number, "currency": currency}
            if before != rate:
                line.wrong("rate", _("Line %(line)s gives another rate of %(currency)s of this day.") % given)
            else:
                line.warn("rate", _("Line %(line)s gives this rate already.") % given)
            return None
        stored = self._stored.get((currency, day))
        data: dict[str, Any] = {"currency": currency, "day": day, "rate": write_figure(rate, DECIMALS)}
        # Whose source a row does not say keeps the one it has, which the person may not even read.
        data["source"] = source or (stored and stored.source_id)
        return self.Form(data, instance=stored)

    def _read(self, line: Line, name: str, read: Any, texts: dict[str, str]) -> Any:
        """The value of a cell; None when it cannot be read, which is told to the line."""
        try:
            if not texts[name]:
                raise ValidationError(Field.default_error_messages["required"])
            return read(texts[name])
        except ValidationError as error:
            line.wrong(name, plain.cell_error(error))
            return None

    def _day(self, text: str) -> datetime.date:
        day = read_day(text)
        if day > self.on:
            raise ValidationError(_("%(day)s has not come yet.") % {"day": day})
        return day

    def _source(self, text: str) -> int:
        if text not in self._sources:
            raise ValidationError(_("There is no source “%(code)s”.") % {"code": text})
        return self._sources[text]

    @classmethod
    def finished(cls, run: FileImport, by: User) -> int:
        written = WrittenRow.objects.filter(file_import=run).values("record")
        currencies = ExchangeRate.history.filter(id__in=written).order_by().values_list("currency", flat=True)
        return rates_changed(currencies.distinct(), by)

    def label(self, record: ExchangeRate) -> str:
        return f"{record.currency} · {record.day}"


def read_currency(text: str) -> tuple[str, int]:
    """The code of a currency other than the won, and for how many of its units rates are given. Raises ValidationError."""
    match = _CURRENCY.fullmatch(" ".join(text.upper().split()))
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


@cache
def rate_form() -> type[ModelForm]:
    """The form of exchange rates, the same as in the administration."""
    from subscriptions.payment_admin import ExchangeRateForm

    return modelform_factory(ExchangeRate, form=ExchangeRateForm, fields=list(COLUMNS))


run = partial(plain.run, ExchangeRates)
