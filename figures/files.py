"""How figures and text are written to files: CSV and XLSX that no spreadsheet program will execute."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

# What a spreadsheet program takes for the start of a formula, full-width forms included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# What XML or UTF-8 cannot hold: a single one would make the whole file unreadable.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Spaces, some of no width, that a formula could hide behind.
SPACES = " \u00a0\u3000\u200b\u2060\ufeff"
XLSX_ROW_LIMIT = 1_048_576


def harmless(value: Any) -> Any:
    """The value, with a leading apostrophe where a spreadsheet would run it as a formula. Numbers stay numbers."""
    if isinstance(value, str):
        value = UNWRITABLE.sub("", value)
        if value.lstrip(SPACES).startswith(FORMULA_STARTS):
            return "'" + value
    return value


# So many rows are handed on at once, and so many texts that are known to be harmless are remembered.
ROWS_AT_ONCE, REMEMBERED = 200, 20_000


def csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """CSV text, some hundred lines at a time, with a byte order mark so that Excel reads Korean; None becomes an empty cell."""
    buffer, known = io.StringIO(), dict[str, str]()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    for number, row in enumerate(rows, start=1):
        writer.writerow([_known_harmless(cell, known) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _known_harmless(value: Any, known: dict[str, str]) -> Any:
    """As `harmless`; names of agencies and tools come back in every row."""
    if not isinstance(value, str):
        return value
    found = known.get(value)
    if found is None:
        if len(known) >= REMEMBERED:
            known.clear()
        found = known[value] = harmless(value)
    return found


def xlsx_bytes(
    rows: Iterable[Sequence[Any]], title: str, notes: Iterable[Sequence[Any]] = (), notes_title: str = ""
) -> bytes:
    """An XLSX workbook, see `write_xlsx`."""
    buffer = io.BytesIO()
    write_xlsx(buffer, rows, title, notes, notes_title)
    return buffer.getvalue()


def write_xlsx(
    file: IO[bytes],
    rows: Iterable[Sequence[Any]],
    title: str,
    notes: Iterable[Sequence[Any]] = (),
    notes_title: str = "",
) -> None:
    """An XLSX workbook in constant memory: the first row is the header; `notes` go to a second sheet.

    Text is typed as text, whole numbers and days as such; None leaves its cell empty.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    cells = _Cells(sheet)
    for number, row in enumerate(rows):
        if number == 0:
            for column in range(1, len(row) + 1):
                sheet.column_dimensions[get_column_letter(column)].width = 24
            sheet.append([cells.header(value) for value in row])
        else:
            sheet.append([cells.of(column, value) for column, value in enumerate(row)])
    notes = list(notes)
    if notes:
        second = book.create_sheet(notes_title[:31] or "Notes")
        second.column_dimensions["A"].width = 28
        second.column_dimensions["B"].width = 100
        noted = _Cells(second)
        for row in notes:
            second.append([noted.of(column, value) for column, value in enumerate(row)])
    book.save(file)


class _Cells:
    """Cells for the rows of a sheet. A row is written before the next one is made, so that each column's cells serve again:
    to make and style a cell anew takes longer than to write it.
    """

    def __init__(self, sheet: Any) -> None:
        self.sheet = sheet
        self.made: dict[tuple[int, type], Any] = {}

    def of(self, column: int, value: Any) -> Any:
        if value is None:
            return None
        cell = self.made.get((column, type(value)))
        if cell is None:
            cell = self.made[column, type(value)] = WriteOnlyCell(self.sheet)
            if isinstance(value, int):
                cell.number_format = "#,##0"
        cell.value = harmless(value)
        if isinstance(value, str):
            cell.data_type = "s"
        return cell

    def header(self, value: str) -> Any:
        cell = WriteOnlyCell(self.sheet, value=harmless(value))
        cell.data_type = "s"
        cell.font = Font(bold=True)
        return cell
