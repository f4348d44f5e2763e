"""What the reader takes from files as agencies keep them, and what it refuses."""

from __future__ import annotations

import datetime
import io
import re
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from figures.files import csv_lines, xlsx_bytes
from subscriptions.importing import workbooks
from subscriptions.importing.reading import MOST_COLUMNS, read_rows
from subscriptions.importing.refusing import Refused
from tests.examples import examples

pytestmark = pytest.mark.usefixtures("in_english")

TEXT = "기관,도구,좌석\n서울,ChatGPT,10\n\n제주,클로바,\n"
ROWS = [(1, ["기관", "도구", "좌석"]), (2, ["서울", "ChatGPT", "10"]), (4, ["제주", "클로바"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_as_programs_save_it(encoding: str, separator: str, end: str) -> None:
    text = TEXT.replace(",", separator).replace("\n", end)
    assert list(read_rows(text.encode(encoding))) == ROWS


def test_a_quoted_cell_may_hold_separators_and_line_ends_and_the_line_is_where_a_row_begins() -> None:
    text = '"a;b;c;d;e",f\n"first\nsecond",1\nlast,2\n'
    assert list(read_rows(text.encode())) == [
        (1, ["a;b;c;d;e", "f"]),
        (2, ["first\nsecond", "1"]),
        (4, ["last", "2"]),
    ]


def test_what_an_export_made_harmless_is_read_back_as_it_was() -> None:
    row = ["=1+1", "-5", "@x", "'quoted'", "+82"]
    text = "".join(csv_lines([["a", "b", "c", "d", "e"], row]))
    assert list(read_rows(text.encode()))[1] == (2, row)


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_cells_of_a_workbook_come_as_they_would_be_typed() -> None:
    rows: list[list[Any]] = [
        ["Text", None, 3],
        [],
        [datetime.date(2026, 1, 31), datetime.datetime(2026, 2, 1), True],
        [1234567, 0.1 + 0.2, 1e21, " 1,200만원 ", -5],
    ]
    assert list(read_rows(workbook(rows))) == [
        (1, ["Text", "", "3"]),
        (3, ["2026-01-31", "2026-02-01", "true"]),
        (4, ["1234567", "0.3", "1000000000000000000000", "1,200만원", "-5"]),
    ]


def test_our_own_workbook_is_read() -> None:
    assert list(read_rows(xlsx_bytes([["a", "b"], ["x", 5]], "t"))) == [(1, ["a", "b"]), (2, ["x", "5"])]


def changed(change: Callable[[dict[str, bytes]], Any]) -> bytes:
    """A small workbook whose parts `change` has altered."""
    with zipfile.ZipFile(io.BytesIO(workbook([["a", "b"], ["1", "2"]]))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def with_part(name: str, content: bytes = b"<x/>") -> bytes:
    return changed(lambda parts: parts.update({name: content}))


def with_sheet(old: bytes, new: bytes) -> bytes:
    def change(parts: dict[str, bytes]) -> None:
        assert old in parts[SHEET]
        parts[SHEET] = parts[SHEET].replace(old, new, 1)

    return changed(change)


def elsewhere(parts: dict[str, bytes], name: str, before: bytes = b"") -> None:
    """The sheet moved to another name in the archive, with `before` at its start."""
    relations = "xl/_rels/workbook.xml.rels"
    parts[name] = before + parts.pop(SHEET)
    for old in (b"/" + SHEET.encode(), b"worksheets/sheet1.xml"):
        parts[relations] = parts[relations].replace(old, b"/" + name.encode())


def locked() -> bytes:
    data = bytearray(workbook([["a"]]))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def with_formula() -> bytes:
    book = load_workbook(io.BytesIO(workbook([["a"], ["1"], ["2"]])))
    book.active["A3"] = "=SUM(A1:A2)"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


TYPES = "[Content_Types].xml"
# Each entity is ten of the one before: a few letters that become a thousand million.
LAUGHS = (
    b"<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]>"
)
OTHER_TEXTS = b'<Override PartName="/xl/a.bin" ContentType="x/spreadsheetml.sharedStrings+xml"/><Override'
BOMB = b"<sst>" + b" " * 50_000_000 + b"</sst>"
LINK = b'<Relationships><Relationship Id="r" Type="x/oleObject" Target="http://a" TargetMode="External"/></Relationships>'
DAMAGED = "The workbook is damaged. Open it, and save it again."
NO_TABLE = "This is neither a CSV nor an XLSX file. Save it as one of them."
BOUNDS = "The file is packed so that it grows beyond bounds when it is opened."
REFERS = "The file refers to others or embeds them. Copy the sheet and paste its values only."
MACROS = "The file contains macros. Save it as XLSX without them."

REFUSED: dict[str, tuple[Callable[[], bytes], str, int | None]] = {
    "empty": (lambda: b"", "The file is empty.", None),
    "only empty lines": (lambda: b"\n,,\n", "The file is empty.", None),
    "pdf": (lambda: b"%PDF-1.7 text", NO_TABLE, None),
    "picture": (lambda: b"\x89PNG\r\n", NO_TABLE, None),
    "program": (lambda: b"MZ\0\0\1", NO_TABLE, None),
    "no encoding": (
        lambda: b"a,b\n\xff\xff,1\n",
        "The text is neither UTF-8 nor CP949. Save the file as “CSV UTF-8”.",
        None,
    ),
    "open quotation": (lambda: b'a,b\nx,"y\n', "This is no CSV file: unexpected end of data.", 2),
    "200 and one": (
        lambda: ",".join(["x"] * (MOST_COLUMNS + 1)).encode(),
        "There are more than 200 columns. Is it the right file?",
        1,
    ),
    "1,000 columns": (
        lambda: workbook([["a"], list(range(1000))]),
        "There are more than 200 columns. Is it the right file?",
        2,
    ),
    "formula in text": (lambda: b"a,b\n=1+1,2\n", "There is a formula: =1+1. Keep the values only.", 2),
    "formula": (with_formula, "There are formulas. Copy the sheet and paste its values only.", 3),
    "older Excel": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500,
        "This is a file of an older Excel. Save it as XLSX or CSV.",
        None,
    ),
    "password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "The file is protected by a password. Save it without one.",
        None,
    ),
    "locked parts": (locked, "The file is protected by a password. Save it without one.", None),
    "another archive": (lambda: changed(lambda parts: parts.pop("xl/workbook.xml")), NO_TABLE, None),
    "cut off": (lambda: workbook([["a"]])[:900], DAMAGED, None),
    "bomb": (lambda: with_part("xl/sharedStrings.xml", BOMB), BOUNDS, None),
    "bomb in a row": (
        lambda: with_sheet(b"<row ", b"<row><!--" + bytes(range(32, 127)).replace(b"-", b"") * 40_000 + b"--></row><row "),
        BOUNDS,
        None,
    ),
    "entities": (
        lambda: with_sheet(b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet'),
        "The workbook defines entities, which no table needs.",
        None,
    ),
    "entities in a part of another name": (
        lambda: changed(lambda parts: elsewhere(parts, "xl/sheet.bin", LAUGHS)),
        "The workbook defines entities, which no table needs.",
        None,
    ),
    "a sheet where none belongs": (lambda: changed(lambda parts: elsewhere(parts, "xl/drawings/a.xml")), DAMAGED, None),
    "texts where none belong": (
        lambda: changed(lambda parts: parts.update({TYPES: parts[TYPES].replace(b"<Override", OTHER_TEXTS, 1)})),
        DAMAGED,
        None,
    ),
    "macros": (lambda: with_part("xl/vbaProject.bin"), MACROS, None),
    "macros by type": (
        lambda: with_part("[Content_Types].xml", b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
        MACROS,
        None,
    ),
    "external links": (lambda: with_part("xl/externalLinks/externalLink1.xml"), REFERS, None),
    "embedded": (lambda: with_part("xl/embeddings/oleObject1.bin"), REFERS, None),
    "relation outside": (lambda: with_part("xl/worksheets/_rels/sheet1.xml.rels", LINK), REFERS, None),
    "far row": (lambda: with_sheet(b'<row r="2"', b'<row r="99999999999"'), DAMAGED, None),
    "no row number": (lambda: with_sheet(b'<row r="2"', b'<row r="x"'), DAMAGED, None),
    "no XML": (lambda: with_sheet(b"</sheetData>", b"<"), DAMAGED, None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    make, reason, line = REFUSED[name]
    with pytest.raises(Refused) as refused:
        list(read_rows(make()))
    assert (refused.value.reason, refused.value.line) == (reason, line)


@pytest.mark.parametrize("kind", ["laughs", "file"])
def test_entities_do_nothing_even_where_they_are_not_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """The control of the look at the archive, and the second line behind it: the parser neither expands nor fetches."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    doctype = (
        LAUGHS if kind == "laughs" else f"<!DOCTYPE x [<!ENTITY a9 SYSTEM '{secret.as_uri()}'>]>".encode()
    )
    text = b'<c r="A1" t="inlineStr"><is><t>%s</t></is></c>'
    old = next(cell for cell in re.findall(rb'<c r="A1".*?</c>', workbook_part()))
    data = changed(lambda parts: parts.update({SHEET: doctype + parts[SHEET].replace(old, text % b"&a9;")}))
    monkeypatch.setattr(workbooks, "_inspect", lambda data: None)
    started = time.monotonic()
    try:
        read = str(list(read_rows(data)))
    except Refused:
        read = ""
    assert (len(read) < 1000, "secret" in read, time.monotonic() - started < 5) == (True, False, True)


def workbook_part() -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook([["a", "b"], ["1", "2"]]))) as archive:
        return archive.read(SHEET)


def test_too_large_or_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subscriptions.importing.reading.LARGEST_FILE", 10)
    with pytest.raises(Refused):
        list(read_rows(b"x" * 11))
    monkeypatch.undo()
    monkeypatch.setattr("subscriptions.importing.reading.MOST_ROWS", 2)
    assert len(list(read_rows(b"h\n1\n2\n"))) == 3
    with pytest.raises(Refused) as refused:
        list(read_rows(b"h\n1\n2\n3\n"))
    assert (refused.value.reason, refused.value.line) == ("There are more than 2 rows. Divide the file.", 4)


def test_a_long_cell_is_refused_before_anything_looks_at_it() -> None:
    assert list(read_rows(b"h\n" + b"x" * 10_000))[1] == (2, ["x" * 10_000])
    workbook_of = workbook([["h"], ["x" * 10_001]])
    for data in (b"h\n" + b"x" * 10_001, workbook_of):
        with pytest.raises(Refused) as refused:
            list(read_rows(data))
        assert refused.value.reason == "A cell has more than 10,000 characters. Is it the right file?"


def read_or_refused(data: bytes) -> None:
    """The only two things that may come of a file."""
    last = 0
    with suppress(Refused):
        for line, cells in read_rows(data):
            assert line > last
            assert 0 < len(cells) <= MOST_COLUMNS
            assert all(isinstance(cell, str) for cell in cells)
            last = line


GOOD_BOOK = workbook(
    [["기관", "AI tool", "Seats"], ["서울", "ChatGPT", 10], [None, "x", datetime.date(2026, 1, 1)]]
)
with zipfile.ZipFile(io.BytesIO(GOOD_BOOK)) as good:
    PARTS = {name: good.read(name) for name in good.namelist()}
PIECES = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b'"',
        b"\0",
        b"99999999",
        b"<f>1</f>",
        b't="s"',
        b"<row>",
        b"-1",
        b"\xff",
        b"=",
        b",",
        b"\n",
    ]
)


def spoilt(data: bytes, spots: list[tuple[int, bytes]]) -> bytes:
    for at, piece in spots:
        at %= len(data) + 1
        data = data[:at] + piece + data[at + 1 :]
    return data


@examples(150)
@given(
    text=st.text(st.sampled_from("가서A1,;\t\"\n\r' =-\0\x1a"), max_size=60),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp949", "utf-16"]),
    noise=st.binary(max_size=60),
    part=st.sampled_from(sorted(PARTS)),
    spots=st.lists(st.tuples(st.integers(0, 10_000), PIECES), min_size=1, max_size=4),
)
def test_whatever_comes_is_read_or_refused(
    cases: list[int], text: str, encoding: str, noise: bytes, part: str, spots: list[tuple[int, bytes]]
) -> None:
    """Four files an example: text, noise, a workbook with bytes changed, and one with a changed part that is packed well."""
    files = (
        text.encode(encoding, "replace"),
        noise,
        spoilt(GOOD_BOOK, spots),
        with_part(part, spoilt(PARTS[part], spots)),
    )
    for data in files:
        read_or_refused(data)
        cases.append(1)
