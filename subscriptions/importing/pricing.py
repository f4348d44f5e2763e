"""Price lines as a file has them, checked as the record page checks them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from figures.standing import Standing
from subscriptions.forms import PriceLineForm, settled_amount
from subscriptions.importing.columns import Implied
from subscriptions.importing.rows import Entry
from subscriptions.importing.values import Cells, read_amount
from subscriptions.importing.words import MISSING
from subscriptions.models import PriceLine

FIELDS = ("starts_on", "ends_on", "seats", "basis", "standing", "amount", "currency", "vat", "cycle")
AMOUNT = PriceLineForm.base_fields["amount"]
# The columns of a file that are called otherwise than the fields they fill.
_COLUMN = {"starts_on": "line_from", "ends_on": "line_until"}


class Pricing:
    """Reads the price lines of one import; `mapped` are the columns that the file has."""

    def __init__(self, cells: Cells, implied: Implied, mapped: Collection[str]) -> None:
        self.cells, self.implied, self.mapped = cells, implied, mapped

    def line(self, entry: Entry, at: int, texts: dict[str, str], old: PriceLine | None) -> PriceLine | None:
        """A line of the file; what it has no column for stays as in `old`. None when it is wrong, which `entry` is told."""
        wrong = len(entry.problems)
        values: dict[str, Any] = {}
        for name in FIELDS:
            column = _COLUMN.get(name, name)
            text = texts.get(column, "")
            if name == "amount":
                continue
            values[name] = None
            if not self.cells.is_empty(text):
                try:
                    values[name] = self.cells.read(column, text)
                except ValidationError as error:
                    entry.wrong(column, " ".join(error.messages), line=at, value=text)
            elif column not in self.mapped and old is not None:
                values[name] = getattr(old, name)
        self._amount(entry, at, texts.get("amount", ""), values, old)
        if any(problem.is_error for problem in entry.problems[wrong:]):
            return None
        start, end = values["starts_on"], values["ends_on"]
        if start and end and end < start:
            entry.wrong("line_until", _("The price line ends before it starts."), line=at, value=str(end))
            return None
        return PriceLine(**values)

    def _amount(
        self, entry: Entry, at: int, text: str, values: dict[str, Any], old: PriceLine | None
    ) -> None:
        """Settle the amount with all that says what it means."""
        standing, currency, amount = values["standing"], values["currency"], None
        if "amount" not in self.mapped and old is not None:
            values["amount"], values["standing"] = old.amount, standing or old.standing
            self._rest(entry, at, values, old.amount is not None)
            return
        if (word := "".join(text.split()).lower()) in MISSING:
            standing = standing or MISSING[word]
        elif not self.cells.is_empty(text):
            try:
                read, beside = read_amount(text, self.implied.unit)
                amount = AMOUNT.clean(str(read))
            except ValidationError as error:
                entry.wrong("amount", " ".join(error.messages), line=at, value=text)
                return
            if beside and currency and beside != currency:
                entry.wrong(
                    "currency",
                    _("The amount is in %(currency)s.") % {"currency": beside},
                    line=at,
                    value=currency,
                )
                return
            currency = currency or beside
        values["standing"] = standing or (Standing.STATED if amount is not None else Standing.NOT_GIVEN)
        values["currency"] = currency or self.implied.currency or "KRW"
        try:
            values["amount"] = settled_amount(amount, values["currency"], values["standing"])
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                entry.wrong(name, " ".join(messages), line=at, value=text)
            return
        self._rest(entry, at, values, amount is not None)

    def _rest(self, entry: Entry, at: int, values: dict[str, Any], is_stated: bool) -> None:
        """What a header says of all amounts, or what a line without an amount may leave open."""
        values["vat"] = values["vat"] or self.implied.vat or PriceLine.Vat.NOT_GIVEN
        values["currency"] = values["currency"] or self.implied.currency or "KRW"
        for name, default, message in (
            ("basis", PriceLine.Basis.PER_SEAT, _("Say whether the amount is per seat or for all together.")),
            ("cycle", PriceLine.Cycle.MONTHLY, _("Say how often the amount is billed.")),
        ):
            values[name] = values[name] or getattr(self.implied, name)
            if not values[name]:
                if is_stated:
                    entry.wrong(name, message, line=at)
                values[name] = default


def same_lines(lines: list[PriceLine], others: list[PriceLine]) -> bool:
    return [[getattr(line, name) for name in FIELDS] for line in lines] == [
        [getattr(line, name) for name in FIELDS] for line in others
    ]
