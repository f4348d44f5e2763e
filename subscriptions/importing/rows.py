"""Rows of a file put together into records: one row a record, or several next to each other, one a price line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from subscriptions.importing.columns import COLUMNS, LINE, RECORD


@dataclass(frozen=True)
class Problem:
    """What is wrong (or, unless `is_error`, to be looked at) in a row: `column` is a name of COLUMNS or empty."""

    line: int
    column: str
    value: str
    message: str
    suggestion: str = ""
    is_error: bool = True


@dataclass
class Entry:
    """One record as the file has it: the texts of its cells by column, and those of its price lines with their lines."""

    line: int
    record: dict[str, str]
    lines: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return any(problem.is_error for problem in self.problems)

    def wrong(self, column: str, message: str, suggestion: str = "", line: int = 0, value: str = "") -> None:
        given = value or self.record.get(column, "")
        self.problems.append(Problem(line or self.line, column, given, message, suggestion))

    def warn(self, column: str, message: str, line: int = 0, value: str = "") -> None:
        given = value or self.record.get(column, "")
        self.problems.append(Problem(line or self.line, column, given, message, is_error=False))


def entries(rows: Iterable[tuple[int, list[str]]], names: Sequence[str]) -> Iterator[Entry]:
    """The records of the rows below the header; `names` says what each column means, empty for none.

    A row belongs to the record above it when it says the same reference, or the same contract number of the same agency and
    tool, or the same in all columns of the record, or nothing in them, and has a price.
    """
    current: Entry | None = None
    for line, cells in rows:
        if len(cells) > len(names):
            extra = Entry(line, {})
            extra.wrong(
                "",
                _("There are %(cells)s cells where the header has %(count)s.")
                % {"cells": len(cells), "count": len(names)},
            )
            if current is not None:
                yield current
            yield extra
            current = None
            continue
        given = {name: text for name, text in zip(names, cells, strict=False) if name}
        record = {name: given.get(name, "") for name in names if name in RECORD}
        price = {name: given.get(name, "") for name in names if name in LINE}
        has_price = any(price.values())
        if not has_price and not any(record.values()):
            continue  # only columns that nobody asked for
        if current is not None and has_price and current.lines and _continues(current.record, record):
            _add(current, line, record, price)
            continue
        if current is not None:
            yield current
        current = Entry(line, record, [(line, price)] if has_price else [])
    if current is not None:
        yield current


def _continues(record: dict[str, str], other: dict[str, str]) -> bool:
    if not any(other.values()) or record == other:
        return True
    if record.get("reference") or other.get("reference"):
        return record.get("reference") == other.get("reference")
    same = ("contract_number", "agency", "agency_code", "product")
    return bool(record.get("contract_number")) and all(record.get(n) == other.get(n) for n in same)


def _add(entry: Entry, line: int, record: dict[str, str], price: dict[str, str]) -> None:
    for name, text in record.items():
        if text and text != entry.record[name]:
            message = _("Line %(line)s says “%(value)s” for the same record.") % {
                "line": entry.line,
                "value": entry.record[name],
            }
            entry.wrong(name, message, line=line, value=text)
    known = record.get("reference") or record.get("contract_number")
    if price in [before for _line, before in entry.lines]:
        entry.warn("", _("This line says the same as one above it. It counts twice."), line=line)
    elif any(record.values()) and not known:
        entry.warn(
            "",
            _("Taken as a further price of the record of line %(line)s.") % {"line": entry.line},
            line=line,
        )
    entry.lines.append((line, price))


def column_label(name: str) -> str:
    return str(COLUMNS[name].label) if name else ""
