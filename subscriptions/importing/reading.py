"""From the bytes of a file to rows of text, each with its line; what is no plain table is refused with the reason."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from figures.files import harmless
from subscriptions.importing.refusing import Refused
from subscriptions.importing.workbooks import OLE, ZIP, rows_of_ole, rows_of_workbook

LARGEST_FILE = 30 * 1024 * 1024
MOST_COLUMNS = 200
MOST_ROWS = 200_000
LONGEST_CELL = 10_000  # characters; no field of a record holds as many
SEPARATORS = ",;\t"
PIECE = 64 * 1024  # characters
# How the files of other programs begin that are text in part, so that no NUL gives them away.
OTHER_PROGRAMS = (
    b"%PDF",
    b"{\\rtf",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
)

# The line that a row begins on (XLSX: its number) and its cells as text, without empty ones at the end.
Row = tuple[int, list[str]]


def read_rows(data: bytes) -> Iterator[Row]:
    """The rows of a file that are not empty. Raises Refused, also half-way, when it cannot be taken.

    Dates come as `2024-01-31`, numbers without separators from XLSX and as they are typed from CSV.
    """
    if len(data) > LARGEST_FILE:
        raise Refused(
            _("The file has more than %(size)s MB. Divide it.") % {"size": LARGEST_FILE // 1024 // 1024}
        )
    if data.startswith(OLE):
        rows: Iterator[Row] = rows_of_ole(data)
    elif data.startswith(ZIP):
        rows = rows_of_workbook(data)
    else:
        rows = _rows_of_text(data)
    return _limited(rows)


def _limited(rows: Iterator[Row]) -> Iterator[Row]:
    count = 0
    for line, cells in rows:
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if len(cells) > MOST_COLUMNS:
            raise Refused(
                _("There are more than %(count)s columns. Is it the right file?") % {"count": MOST_COLUMNS},
                line,
            )
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise Refused(
                _("A cell has more than %(count)s characters. Is it the right file?")
                % {"count": f"{LONGEST_CELL:,}"},
                line,
            )
        count += 1
        if count > MOST_ROWS + 1:
            raise Refused(
                _("There are more than %(count)s rows. Divide the file.") % {"count": f"{MOST_ROWS:,}"}, line
            )
        yield line, cells
    if not count:
        raise Refused(_("The file is empty."))


def _rows_of_text(data: bytes) -> Iterator[Row]:
    encoding = _encoding(data)
    reader = csv.reader(_text(data, encoding), delimiter=_separator(_text(data, encoding)), strict=True)
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            yield line, [_typed(cell.strip(), line) for cell in cells]
    except csv.Error as error:
        raise Refused(_("This is no CSV file: %(error)s.") % {"error": error}, start) from error


def _typed(cell: str, line: int) -> str:
    """The cell without the apostrophe that an export put before it so that no spreadsheet runs it."""
    if not cell.startswith(("=", "'")):
        return cell
    if cell.startswith("="):
        raise Refused(_("There is a formula: %(cell)s. Keep the values only.") % {"cell": cell[:40]}, line)
    if len(cell) > 1 and harmless(cell[1:]) == cell:
        return cell[1:]
    return cell


def _encoding(data: bytes) -> str:
    """UTF-8 with or without its mark, UTF-16 with it as Excel's Unicode text, or CP949 as Excel in Korea saves."""
    not_a_table = Refused(_("This is neither a CSV nor an XLSX file. Save it as one of them."))
    if data.startswith(OTHER_PROGRAMS):
        raise not_a_table
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp949"):
        text = _text(data, encoding)
        try:
            while piece := text.read(PIECE):  # never the whole of it: texts take up to four times the file
                if "\0" in piece:
                    raise not_a_table
        except UnicodeError:
            continue
        return encoding
    raise Refused(_("The text is neither UTF-8 nor CP949. Save the file as “CSV UTF-8”."))


def _text(data: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


def _separator(text: Iterable[str]) -> str:
    """The separator that the first line with any holds most often outside quotation marks."""
    counts = dict.fromkeys(SEPARATORS, 0)
    for line in itertools.islice(text, 20):
        for part in line.split('"')[::2]:
            for separator in SEPARATORS:
                counts[separator] += part.count(separator)
        if any(counts.values()):
            break
    return max(SEPARATORS, key=lambda separator: counts[separator])
