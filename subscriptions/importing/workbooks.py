"""Rows of an XLSX workbook's first sheet. The archive is looked at before anything in it is opened."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from figures.files import harmless
from subscriptions.importing.refusing import Refused

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Tables compress to a twentieth or a fiftieth; what comes out a thousand times as large is made to fill the memory.
LARGEST_RATIO, SMALL = 200, 1024 * 1024
LARGEST_PART, LARGEST_IN_ALL, LARGEST_STRINGS = 300 * SMALL, 400 * SMALL, 40 * SMALL
MOST_PARTS = 1000
# A row of 200 columns that are all as long as Excel lets them is not a table either.
LONGEST_ROW = 2 * SMALL
LAST_ROW = 1_048_576
PIECE = 256 * 1024
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^<>]*>")
_TYPE = re.compile(rb"<(?:\w+:)?Override\b[^<>]*>")
# Where sheets and their texts are, in every program's files; elsewhere they would escape what is asked of them.
SHEETS = "xl/worksheets/"
_STRINGS = re.compile(rb"""\bPartName=["']/xl/sharedStrings\.xml["']""")


def rows_of_ole(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The older container: a workbook with a password, or one of before 2007. Both are refused."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Refused(_("The file is protected by a password. Save it without one."))
    raise Refused(_("This is a file of an older Excel. Save it as XLSX or CSV."))


def rows_of_workbook(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet, empty ones too. Raises Refused."""
    _inspect(data)
    try:
        yield from _rows(data)
    except Refused:
        raise
    # The library raises whatever comes up where a workbook is not as it should be.
    except Exception as error:
        raise Refused(_("The workbook is damaged. Open it, and save it again.")) from error


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that do not matter here
        book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    try:
        if not book.worksheets:
            raise Refused(_("The workbook has no sheet."))
        sheet = book.worksheets[0]
        if not sheet._worksheet_path.startswith(SHEETS):
            raise Refused(_("The workbook is damaged. Open it, and save it again."))
        sheet.reset_dimensions()  # a sheet may claim any size
        for line, cells in enumerate(sheet.iter_rows(), start=1):
            if line > LAST_ROW:
                raise Refused(_("The workbook is damaged. Open it, and save it again."))
            if any(cell.data_type == "f" for cell in cells):
                raise Refused(_("There are formulas. Copy the sheet and paste its values only."), line)
            yield line, [text_of(cell.value) for cell in cells]
    finally:
        book.close()


def text_of(value: Any) -> str:
    """A cell's value as it would be typed into a CSV file."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        # The apostrophe that an export put before it so that no spreadsheet runs it.
        return text[1:] if text.startswith("'") and len(text) > 1 and harmless(text[1:]) == text else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float):
        # 0.1 + 0.2 is kept by Excel as 0.30000000000000004 and shown as 0.3.
        return f"{Decimal(f'{value:.15g}'):f}"
    return str(value)


def _inspect(data: bytes) -> None:
    """Raises Refused for what is no workbook, is locked, would grow beyond bounds, or holds more than a table."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            _inspect_directory(parts)
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) or _is_xml(archive, part):
                    _inspect_part(archive, part)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise Refused(_("The workbook is damaged. Open it, and save it again.")) from error


def _is_xml(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether the part could be read as XML whatever its name says: the first letter of that is `<`."""
    with archive.open(part) as stream:
        return stream.read(200).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<")


def _inspect_directory(parts: list[zipfile.ZipInfo]) -> None:
    names = {part.filename for part in parts}
    if any(part.flag_bits & 1 for part in parts):
        raise Refused(_("The file is protected by a password. Save it without one."))
    if "xl/workbook.xml" not in names:
        raise Refused(_("This is neither a CSV nor an XLSX file. Save it as one of them."))
    sizes = {part.filename: part.file_size for part in parts}
    if (
        len(parts) > MOST_PARTS
        or len(names) < len(parts)
        or sum(part.file_size for part in parts) > LARGEST_IN_ALL
        or any(part.file_size > LARGEST_PART for part in parts)
        or sizes.get("xl/sharedStrings.xml", 0) > LARGEST_STRINGS
        or any(
            part.file_size > SMALL and part.file_size > LARGEST_RATIO * part.compress_size for part in parts
        )
    ):
        raise Refused(_("The file is packed so that it grows beyond bounds when it is opened."))
    if any("vbaproject" in name.lower() or "/macrosheets/" in name.lower() for name in names):
        raise Refused(_("The file contains macros. Save it as XLSX without them."))
    foreign = ("xl/externalLinks/", "xl/embeddings/", "xl/activeX/", "xl/queryTables/", "xl/connections.xml")
    if any(name.startswith(foreign) for name in names):
        raise Refused(
            _("The file refers to others or embeds them. Copy the sheet and paste its values only.")
        )


def _inspect_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Reads a part in pieces, so that no more of it is ever in memory."""
    is_sheet = part.filename.startswith(SHEETS)
    since_row, before = 0, b""
    relations = b""
    with archive.open(part) as stream:
        while piece := stream.read(PIECE):
            if not before and b"\0" in piece[:4]:
                raise Refused(_("The workbook is damaged. Open it, and save it again."))
            seen = before[-16:] + piece
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise Refused(_("The workbook defines entities, which no table needs."))
            if part.filename == "[Content_Types].xml" and b"macroEnabled" in seen:
                raise Refused(_("The file contains macros. Save it as XLSX without them."))
            if is_sheet:
                last = piece.rfind(b"row>")
                since_row = since_row + len(piece) if last < 0 else len(piece) - last
                if since_row > LONGEST_ROW:
                    raise Refused(_("The file is packed so that it grows beyond bounds when it is opened."))
            if part.filename.endswith(".rels") or part.filename == "[Content_Types].xml":
                relations += piece
                if len(relations) > SMALL:
                    raise Refused(_("The workbook is damaged. Open it, and save it again."))
            before = piece
    if any(b"sharedStrings+xml" in kind and not _STRINGS.search(kind) for kind in _TYPE.findall(relations)):
        raise Refused(_("The workbook is damaged. Open it, and save it again."))
    for relation in _RELATION.findall(relations):
        if b'TargetMode="External"' in relation and b"/hyperlink" not in relation:
            raise Refused(
                _("The file refers to others or embeds them. Copy the sheet and paste its values only.")
            )
