"""An answer as a file: the lines of the table with every figure in parts, the total, and the citation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import get_language, gettext

from figures.figure import Total
from figures.files import XLSX_ROW_LIMIT, xlsx_bytes
from figures.formatting import gaps_text
from figures.interval import round_half_up
from figures.standing import Gap, Qualifier, Standing
from oversight.explorer.address import Address
from oversight.explorer.answer import Answer, Key
from oversight.explorer.lines import Kind, Line, has_shares, ordered, total_line
from oversight.explorer.reading import Change, parts, standing_label
from oversight.explorer.wording import column_name, title, unit
from oversight.exporting import Citation

SCHEMA = "govtrack-explorer-1"


def file_lines(answer: Answer, address: Address) -> list[Line]:
    """The lines of every file, in the order of the page, the total last."""
    return [*ordered(answer, address.sort), total_line(answer)]


def columns(answer: Answer) -> list[tuple[str, str]]:
    """(name, what it holds) of each column of CSV and XLSX."""
    measure, money = answer.question.measure, answer.question.measure.money
    name = gettext("%(measure)s (won)") % {"measure": measure.label} if money else str(measure.label)
    found = [(gettext("Row"), gettext("A row, the subtotal of a group, or the total of all."))]
    for dimension in answer.question.by:
        head = column_name(dimension)
        code = gettext("%(column)s: code") % {"column": head}
        found.append((head, gettext("The group's name; empty where all groups are together.")))
        found.append((code, gettext("The group's code, which stays the same in every language.")))
    found += _figure_columns(name)
    if has_shares(answer):
        found.append(
            (
                gettext("Share of total (%)"),
                gettext("Of the total, in percent; empty where it is not determined."),
            )
        )
    if answer.is_compared:
        found += _figure_columns(gettext("%(figure)s, a year earlier") % {"figure": name})
        difference = gettext("Difference")
        found += [
            (difference, gettext("From a year earlier; empty where it is not known exactly.")),
            (f"{difference}: {gettext('at least')}", gettext("The difference is no less than this.")),
            (f"{difference}: {gettext('at most')}", gettext("The difference is no more than this.")),
        ]
    return found


def _figure_columns(name: str) -> list[tuple[str, str]]:
    described = [
        (gettext("standing"), gettext("Whether there is a figure, and which kind of unknown it is if not.")),
        (gettext("at least"), gettext("The true value is no less than this; empty where nothing is known.")),
        (gettext("at most"), gettext("The true value is no more than this; empty where nothing bounds it.")),
        (gettext("figures known"), gettext("How many figures are added up.")),
        (gettext("left out"), gettext("How many figures are missing, by the kind of unknown.")),
    ]
    value = gettext("In whole numbers, as far as it is known; empty where there is none, which is not zero.")
    return [
        (name, value),
        *(
            (gettext("%(figure)s: %(part)s") % {"figure": name, "part": part}, what)
            for part, what in described
        ),
    ]


def rows(answer: Answer, address: Address, cited: Citation | None = None) -> Iterator[list[Any]]:
    """The header and every line. With `cited`, each row carries the citation."""
    names, values = zip(*cited.lines(), strict=True) if cited else ((), ())
    yield [*(name for name, _what in columns(answer)), *names]
    for line in file_lines(answer, address):
        yield [*_cells(answer, line), *values]


def _cells(answer: Answer, line: Line) -> list[Any]:
    cells: list[Any] = [_kind(line.kind)]
    for place in range(len(answer.question.by)):
        key = line.row.keys[place] if place < len(line.row.keys) else None
        cells += [key.label, key.code] if key else [None, None]
    cells += _figure(line.total)
    if has_shares(answer):
        cells.append(share_number(line))
    if answer.is_compared:
        cells += _figure(line.row.before) if line.row.before is not None else [None] * 6
        cells += _change(line.change)
    return cells


def _kind(kind: Kind) -> str:
    return {
        Kind.ROW: gettext("Row"),
        Kind.SUBTOTAL: gettext("Subtotal"),
        Kind.TOTAL: gettext("Total"),
    }[kind]


def _figure(total: Total) -> list[Any]:
    part = parts(total)
    standing = standing_label(part.standing)
    if part.qualifier and part.qualifier != Qualifier.EXACT:
        standing = str(Qualifier(part.qualifier).label)
    return [part.value, standing, part.at_least, part.at_most, part.given, gaps_text(total)]


def _change(change: Change | None) -> list[Any]:
    if change is None:
        return [None] * 3
    ends = (change.low, change.high)
    return [change.value, *(None if end is None else round_half_up(end) for end in ends)]


def share_number(line: Line) -> float | None:
    """The share as the table shows it, in percent."""
    return float(line.share[:-1]) if line.share else None


class TooManyRows(Exception):
    """A spreadsheet cannot hold so many rows."""


def xlsx(answer: Answer, address: Address, cited: Citation) -> bytes:
    """A workbook whose second sheet says what each column and each unknown means. Raises TooManyRows."""
    if len(answer.rows) + len(answer.subtotals) + 2 > XLSX_ROW_LIMIT:
        raise TooManyRows
    notes: list[tuple[str, str]] = [
        *cited.lines(),
        *((gettext("Note"), note) for note in answer.notes),
        ("", ""),
        (gettext("Column"), gettext("What it holds")),
        *columns(answer),
        ("", ""),
        (gettext("Unknown"), gettext("What it means")),
        *unknowns(),
    ]
    return xlsx_bytes(rows(answer, address), title(answer), notes, gettext("Citation"))


def unknowns() -> list[tuple[str, str]]:
    """Each thing that stands instead of a figure, and what it means. None of them is zero."""
    return [
        (str(Standing.NOT_GIVEN.label), gettext("Whoever should have given the figure did not.")),
        (
            str(Gap.RATE_MISSING.label),
            gettext("It is in another currency, without an exchange rate of its day."),
        ),
        (str(Standing.UNDETERMINED.label), gettext("Nobody could find the figure out.")),
        (str(Standing.WITHHELD.label), gettext("The figure exists but is kept back.")),
        (str(Standing.NOT_APPLICABLE.label), gettext("There is nothing to be known.")),
        (gettext("Unknown"), gettext("Several figures are missing, for different reasons.")),
        (gettext("None"), gettext("Nothing is recorded that would count.")),
        (str(Qualifier.AT_LEAST.label), gettext("What is known of a figure of which parts are missing.")),
    ]


def json_chunks(answer: Answer, address: Address, cited: Citation) -> Iterator[str]:
    """The answer as JSON, line by line: see docs/explorer-json.md. Codes are stable, labels in the reader's language."""
    question = answer.question
    head = {
        "schema": SCHEMA,
        "language": get_language() or "",
        "measure": {"code": question.measure.value, "label": str(question.measure.label)},
        "unit": "won" if question.measure.money else unit(question.measure),
        "by": [{"code": dimension.value, "label": column_name(dimension)} for dimension in question.by],
        "question": question.parameters(),
        "source": {"code": answer.source.code, "label": str(answer.source.label)} if answer.source else None,
        "as_of": answer.as_of.isoformat(),
        "unseen": answer.unseen,
        "notes": list(answer.notes),
        "citation": {
            "measure": cited.measure,
            "source": cited.source,
            "period": cited.period,
            "filters": cited.filters,
            "coverage": cited.coverage,
            "link": cited.link,
        },
        "total": json_line(total_line(answer)),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1]
    lines = ordered(answer, address.sort)
    yield from _array("subtotals", (line for line in lines if line.kind is Kind.SUBTOTAL))
    yield from _array("rows", (line for line in lines if line.kind is Kind.ROW))
    yield "\n}\n"


def _array(name: str, lines: Iterable[Line]) -> Iterator[str]:
    yield f',\n"{name}": ['
    for number, line in enumerate(lines):
        yield ("," if number else "") + "\n" + json.dumps(json_line(line), ensure_ascii=False)
    yield "]"


def json_line(line: Line) -> dict[str, Any]:
    before = line.row.before
    value, low, high = _change(line.change)
    return {
        "keys": [_json_key(key) for key in line.row.keys],
        "figure": json_figure(line.total),
        "share": share_number(line),
        "before": None if before is None else json_figure(before),
        "change": None if line.change is None else {"value": value, "at_least": low, "at_most": high},
    }


def _json_key(key: Key) -> dict[str, Any]:
    return {"code": key.code, "label": key.label, **({"path": key.path} if key.path else {})}


def json_figure(total: Total) -> dict[str, Any]:
    part = parts(total)
    return {
        "value": part.value,
        "standing": part.standing,
        "qualifier": part.qualifier or None,
        "at_least": part.at_least,
        "at_most": part.at_most,
        "given": part.given,
        "missing": part.missing,
    }
