"""Cells as people type them, read into the values of a record; checked by the fields of the record page's own forms."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import override

from figures.standing import Standing
from policies.vocabulary import DataClass, PaymentRoute
from subscriptions.forms import PriceLineForm, SubscriptionForm
from subscriptions.importing.words import EMPTY, SYMBOLS, WORDS
from subscriptions.models import PriceLine, Status, Subscription
from subscriptions.money import is_currency

EXCEL_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!")
# Excel counts days from here, as far as dates matter to a register.
DAY_ZERO, FIRST_SERIAL, LAST_SERIAL = datetime.date(1899, 12, 30), 20_000, 80_000
_DATE = re.compile(r"(\d{4})\s*(?:[-./]|년)\s*(\d{1,2})\s*(?:[-./]|월)\s*(\d{1,2})\s*[.일]?")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_COUNTED = re.compile(r"(명|개|석|좌석|일|계정|인|seats?|users?|days?)\Z")
# No amount, day or count is longer, in characters as they are compared; of texts, the fields of the record say.
LONGEST_NUMBER = 100
CHOICES: dict[str, Any] = {
    "data_class": DataClass,
    "payment_route": PaymentRoute,
    "basis": PriceLine.Basis,
    "cycle": PriceLine.Cycle,
    "vat": PriceLine.Vat,
    "standing": Standing,
    "status": Status,
}
REMEMBERED = 20_000


class Cells:
    """Reads the cells of one import. What repeats is read once; choosing agencies and tools is `directory`'s."""

    def __init__(self, form: SubscriptionForm, line_form: PriceLineForm) -> None:
        self._form, self._line_form = form, line_form
        self._words = {name: _words_of(name) for name in WORDS}
        self._not_given = _in_both(lambda: str(Standing.NOT_GIVEN.label))
        self._known: dict[tuple[str, str, int], Any] = {}
        self._read: dict[str, Callable[[str], Any]] = {
            "version": lambda text: self._whole(text),
            "status": lambda text: self._word("status", text),
            "notice_days": lambda text: self._of_form("notice_days", str(self._whole(text))),
            "seats": lambda text: line_form.fields["seats"].clean(str(self._whole(text))),
            "started_on": lambda text: self._of_form("started_on", read_day(text)),
            "ends_on": lambda text: self._of_form("ends_on", read_day(text)),
            "line_from": lambda text: read_day(text),
            "line_until": lambda text: read_day(text),
            "personal_data": lambda text: self._of_form("personal_data", self._word("yes_no", text)),
            "auto_renewal": lambda text: self._of_form("auto_renewal", self._word("yes_no", text)),
            "currency": self._currency,
        }
        for name in ("data_class", "payment_route", "basis", "cycle", "vat", "standing"):
            self._read[name] = partial(self._word, name)

    def is_empty(self, text: str) -> bool:
        """Whether a cell says nothing: empty, a dash, or that it is not given."""
        return not text or text in EMPTY or text in self._not_given

    def read(self, name: str, text: str) -> Any:
        """The value of a cell that is not empty. Raises ValidationError."""
        key = (name, text, 0)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._attempt(name, text)
        found = self._known[key]
        if isinstance(found, ValidationError):
            raise found
        return found

    def _attempt(self, name: str, text: str) -> Any:
        try:
            if text in EXCEL_ERRORS:
                raise ValidationError(_("Excel could not work this cell out."))
            if name in self._read:
                return self._read[name](text)
            return self._of_form(name, text)
        except ValidationError as error:
            return error

    def _of_form(self, name: str, value: Any) -> Any:
        """What the record page's field and the model's own limits make of it."""
        cleaned = self._form.fields[name].clean(value)
        if cleaned is not None:
            field = Subscription._meta.get_field(name)
            field.run_validators(cleaned)  # type: ignore[union-attr]
        return cleaned

    def _word(self, name: str, text: str) -> str:
        found = self._words[name].get(_plain(text))
        if found is None:
            choices = CHOICES.get(name)
            allowed = ", ".join(str(choice.label) for choice in choices) if choices else _("yes, no")
            raise ValidationError(_("Write one of: %(choices)s.") % {"choices": allowed})
        return found

    def _currency(self, text: str) -> str:
        code = SYMBOLS.get(text.lower(), text.upper())
        if not (re.fullmatch(r"[A-Z]{3}", code) and is_currency(code)):
            raise ValidationError(_("“%(value)s” is not a currency of ISO 4217.") % {"value": text})
        return code

    def _whole(self, text: str) -> int:
        number = _COUNTED.sub("", _plain(text, spaces=True)).rstrip()
        if not _NUMBER.fullmatch(number):
            raise ValidationError(_("Write a whole number."))
        value = Decimal(number.replace(",", ""))
        if value != value.to_integral_value() or abs(value) > 10**18:
            raise ValidationError(_("Write a whole number."))
        return int(value)


def read_day(text: str) -> datetime.date:
    """A day as 2024-01-31, 2024.1.31., 2024/1/31, 20240131, 2024년 1월 31일 or Excel's number of it."""
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _DATE.fullmatch(plain) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", plain)
    try:
        if found:
            return datetime.date(int(found[1]), int(found[2]), int(found[3]))
        if plain.isascii() and plain.isdigit() and FIRST_SERIAL <= int(plain) <= LAST_SERIAL:
            return DAY_ZERO + datetime.timedelta(days=int(plain))
    except ValueError:
        pass
    raise ValidationError(_("Write the day as 2024-01-31."))


def read_amount(text: str, unit: int = 1) -> tuple[Decimal, str]:
    """An amount in whole units and the currency that stands beside it, if any: `1,200만원`, `1억 2천만 원`, `$20.50`.

    `unit` is what the header says, for numbers that name no unit of their own.
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace(" ", "")
    if len(plain) > LONGEST_NUMBER:
        raise ValidationError(_("Give a number, such as 1,200,000."))
    currency = ""
    for symbol, code in (
        *SYMBOLS.items(),
        *((code.lower(), code) for code in ("KRW", "USD", "EUR", "JPY", "GBP", "CNY")),
    ):
        if symbol == "원" and not plain.endswith("원"):
            continue
        if symbol in plain:
            currency, plain = code, plain.replace(symbol, "")
            break
    total, rest, unit_named = Decimal(0), plain, False
    for name, factor in (("억", 10**8), ("만", 10**4)):
        part, found, after = rest.partition(name)
        if found:
            total, rest, unit_named = total + _thousands(part) * factor, after, True
    if unit_named:
        total += _thousands(rest) if rest else 0
        return total, currency or "KRW"
    if re.search("[천백]", rest):
        return _thousands(rest), currency or "KRW"
    return _number(rest) * (1 if currency else unit), currency


def _thousands(text: str) -> Decimal:
    """`2천`, `3백` or a plain number."""
    for name, factor in (("천", 1000), ("백", 100)):
        part, found, after = text.partition(name)
        if found:
            return (_number(part) if part else Decimal(1)) * factor + (_thousands(after) if after else 0)
    return _number(text)


def _number(text: str) -> Decimal:
    try:
        if _NUMBER.fullmatch(text):
            return Decimal(text.replace(",", ""))
    except InvalidOperation:
        pass
    raise ValidationError(_("Give a number, such as 1,200,000."))


def _plain(text: str, spaces: bool = False) -> str:
    text = unicodedata.normalize("NFKC", text).strip().casefold()
    return text if spaces else re.sub(r"\s+", "", text)


def _in_both(text: Callable[[], str]) -> frozenset[str]:
    found = set()
    for language in ("ko", "en"):
        with override(language):
            found.add(text())
    return frozenset(found)


def _words_of(name: str) -> Mapping[str, str]:
    """Codes, labels in both languages and other words for the choices of a column."""
    words = {_plain(word): code for word, code in WORDS[name].items()}
    for choice in CHOICES.get(name, ()):
        words[_plain(choice.value)] = choice.value
        for label in _in_both(partial(str, choice.label)):
            words[_plain(label)] = choice.value
    return words
