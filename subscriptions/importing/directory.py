"""Agencies and tools as a file names them: by code, by name in either language, with a suggestion for near misses."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

# Looking for the nearest of 20,000 agencies takes a tenth of a second, and a file in which hundreds are wrong is the wrong file.
MOST_SUGGESTIONS = 30
NEAR = 0.7
# Codes are much alike: comparing so many takes a tenth of a second.
MOST_COMPARED = 2_000


class Directory:
    """Finds the records that a person may choose, as `ByCodeField` does, without a query for each."""

    def __init__(self, records: Iterable[Any], names: tuple[str, ...]) -> None:
        self.by_key: dict[int, Any] = {}
        self._by_code: dict[str, Any] = {}
        self._by_name: dict[str, list[Any]] = {}
        self._asked = 0
        self._nearest: dict[str, str] = {}
        for record in records:
            self.by_key[record.pk] = record
            self._by_code[record.code.upper()] = record
            for name in {_plain(getattr(record, name)) for name in names}:
                self._by_name.setdefault(name, []).append(record)

    def find(self, text: str) -> Any:
        """The record that has this code or alone this name; also `Name (CODE)`. Raises ValidationError."""
        bracketed = re.search(r"\(([A-Za-z0-9-]+)\)\s*\Z", text)
        found = self._by_code.get((bracketed[1] if bracketed else text).upper())
        if found is not None:
            return found
        named = self._by_name.get(_plain(text), [])
        if not named:
            raise ValidationError(
                _("There is no “%(value)s” among those you can choose.") % {"value": text}, "unknown"
            )
        if len(named) > 1:
            codes = ", ".join(sorted(record.code for record in named)[:5])
            raise ValidationError(
                _("Several are called “%(value)s”. Write the code: %(codes)s.")
                % {"value": text, "codes": codes},
                "several",
            )
        return named[0]

    def by_code(self, text: str) -> Any | None:
        return self._by_code.get(text.upper())

    def is_called(self, record: Any, text: str) -> bool:
        """Whether the text names the record, whoever else bears that name."""
        return record in self._by_name.get(_plain(text), []) or self._by_code.get(text.upper()) is record

    def nearest(self, text: str) -> str:
        """What may have been meant, as `Name (CODE)`; empty when nothing is near."""
        if text not in self._nearest:
            self._asked += 1
            self._nearest[text] = "" if self._asked > MOST_SUGGESTIONS else self._near(text)
        return self._nearest[text]

    def _near(self, text: str) -> str:
        plain = _plain(text)[:100]
        pairs = {plain[at : at + 2] for at in range(max(1, len(plain) - 1))}
        likely = [name for name in self._by_name if any(pair in name for pair in pairs)]
        likely += [code for code in (code.casefold() for code in self._by_code) if code[:2] == plain[:2]]
        found = difflib.get_close_matches(plain, likely, n=1, cutoff=NEAR)
        if not found:
            return ""
        record = self._by_name.get(found[0], [None])[0] or self._by_code[found[0].upper()]
        return f"{record} ({record.code})"


class NearCodes:
    """What may have been meant by a code that none of the rows has: the nearest of theirs, for a few of an import."""

    def __init__(self, rows: QuerySet, field: str) -> None:
        self._rows, self._field = rows.order_by(field), field
        self._found: dict[str, str] = {}

    def of(self, text: str) -> str:
        """A code, or an empty text when nothing is near."""
        code = "".join(text.split()).upper()[:100]
        if code not in self._found:
            few = len(self._found) < MOST_SUGGESTIONS
            self._found[code] = self._near(code) if few and len(code) > 1 else ""
        return self._found[code]

    def _near(self, code: str) -> str:
        half = len(code) // 2  # what was mistyped is in one half, so that the other is right
        likely = {f"{self._field}__startswith": code[:half]}, {f"{self._field}__endswith": code[half:]}
        codes = self._rows.filter(Q(**likely[0]) | Q(**likely[1])).values_list(self._field, flat=True)
        # Codes of one place and year are alike but for a digit or two: near is what differs in one character.
        found = difflib.get_close_matches(code, codes[:MOST_COMPARED], n=1, cutoff=1 - 1.2 / len(code))
        return found[0] if found else ""


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
