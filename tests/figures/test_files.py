"""Files: what a spreadsheet would run as a formula is harmless, and numbers stay numbers."""

import io

import pytest
from openpyxl import load_workbook

from figures.files import csv_lines, harmless, xlsx_bytes


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+82-2-123", "'+82-2-123"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("\u3000=1", "'\u3000=1"),
        ("\u200b=1", "'\u200b=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\x00=1", "'=1"),
        ("a=1", "a=1"),
        ("서울특별시", "서울특별시"),
        ("a\x07b\ufffec\ud800d", "abcd"),
        ("", ""),
        (-5, -5),
        (None, None),
    ],
)
def test_formulas_are_harmless(value: object, written: object) -> None:
    assert harmless(value) == written


def test_csv_is_utf_8_with_a_byte_order_mark() -> None:
    text = "".join(csv_lines([["기관", "won"], ["서울, 'x'", 5], ["=cmd()", None]]))
    assert text.encode() == "\ufeff기관,won\r\n\"서울, 'x'\",5\r\n'=cmd(),\r\n".encode()


def test_xlsx_holds_the_rows_and_the_notes() -> None:
    data = xlsx_bytes(
        [["기관", "won"], ["=1+1", 68_700_000], ["b\uffff", None]], "지출", [["Source", "=x"]], "Citation"
    )
    book = load_workbook(io.BytesIO(data))
    sheets = {
        sheet.title: [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
        for sheet in book
    }
    assert sheets == {
        "지출": [
            [("기관", "s"), ("won", "s")],
            [("'=1+1", "s"), (68_700_000, "n")],
            [("b", "s"), (None, "n")],
        ],
        "Citation": [[("Source", "s"), ("'=x", "s")]],
    }
    assert book["지출"]["B2"].number_format == "#,##0"
