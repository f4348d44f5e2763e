"""The explorer's files: columns and their meaning, harmless cells, and JSON as its schema says."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from oversight.explorer.address import Address
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.citing import citation
from oversight.explorer.files import TooManyRows, columns, json_chunks, rows, unknowns, xlsx
from oversight.explorer.question import Dimension, Measure, Question
from tests.oversight.explorer.made import AS_OF, EACH, NOTHING, known, of_governments, of_pairs, of_tools

pytestmark = pytest.mark.usefixtures("in_english")

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/explorer.schema.json").read_text())
LINK = "http://register.example/spending/explore/"


def cells(answer: Answer) -> list[list[Any]]:
    return list(rows(answer, Address(answer.question)))


def test_the_columns_of_a_figure() -> None:
    answer = of_tools(*EACH[:5], whole=EACH[2])
    assert cells(answer) == [
        [
            "Row",
            "AI tool",
            "AI tool: code",
            "Spending paid (won)",
            "Spending paid (won): standing",
            "Spending paid (won): at least",
            "Spending paid (won): at most",
            "Spending paid (won): figures known",
            "Spending paid (won): left out",
            "Share of total (%)",
        ],
        ["Row", "도구 t00", "t00", 56_300_001, "Stated", 56_300_001, 56_300_001, 1, "", None],
        ["Row", "도구 t01", "t01", 0, "Stated", 0, 0, 1, "", None],
        ["Row", "도구 t02", "t02", 12_345_678, "At least", 12_345_678, None, 3, "2 not given", None],
        ["Row", "도구 t03", "t03", 1, "At least", 1, None, 1, "1 undetermined, 1 withheld", None],
        ["Row", "도구 t04", "t04", None, "Not given", None, None, 0, "1 not given", None],
        ["Total", None, None, 12_345_678, "At least", 12_345_678, None, 3, "2 not given", None],
    ]


def test_pairs_with_their_subtotals() -> None:
    found = [row[:5] for row in cells(of_pairs())[1:4]]
    assert found == [
        ["Subtotal", "기관 KR-28", "KR-28", None, None],
        ["Row", "기관 KR-28", "KR-28", "도구 alpha", "alpha"],
        ["Row", "기관 KR-28", "KR-28", "도구 beta", "beta"],
    ]


def test_a_year_earlier() -> None:
    rows_of = [
        Row((Key("a", "A"),), known(10), known(4)),
        Row((Key("b", "B"),), known(10, 1, not_given=1), known(4)),
        Row((Key("c", "C"),), known(10)),
        Row((Key("d", "D"),), known(10), NOTHING),
    ]
    question = Question(by=(Dimension.PRODUCT,))
    table = cells(Answer(question, AS_OF, rows_of, [], known(40), known(8)))
    assert table[0][-9:] == [
        "Spending paid (won), a year earlier",
        "Spending paid (won), a year earlier: standing",
        "Spending paid (won), a year earlier: at least",
        "Spending paid (won), a year earlier: at most",
        "Spending paid (won), a year earlier: figures known",
        "Spending paid (won), a year earlier: left out",
        "Difference",
        "Difference: at least",
        "Difference: at most",
    ]
    assert [row[-9:] for row in table[1:]] == [
        [4, "Stated", 4, 4, 1, "", 6, 6, 6],
        [4, "Stated", 4, 4, 1, "", None, 6, None],
        [None] * 9,
        [None, "None", None, None, 0, "", None, None, None],
        [8, "Stated", 8, 8, 1, "", 32, 32, 32],
    ]


@pytest.mark.parametrize("measure", Measure)
def test_every_row_has_every_column(measure: Measure) -> None:
    answer = of_governments(Question(measure=measure), before=True)
    assert {len(row) for row in cells(answer)} == {len(columns(answer))}


def test_excel_is_typed_and_says_what_it_means() -> None:
    answer = of_pairs()
    cited = citation(answer, ["Status: Active"], LINK)
    book = load_workbook(io.BytesIO(xlsx(answer, Address(answer.question), cited)))
    sheet, notes = ([list(row) for row in sheet.values] for sheet in book.worksheets)
    assert sheet[2][5:7] == [56_300_001, "Stated"]
    assert [type(cell) for cell in sheet[2][5:10]] == [int, str, int, int, int]
    assert [cell.number_format for cell in book.worksheets[0][3]][5] == "#,##0"
    assert ["Permanent link", LINK] in notes
    assert ["Filters", "Status: Active"] in notes
    assert ["Note", "A note."] in notes
    described = {row[0] for row in notes}
    assert set(sheet[0]) <= described
    assert {name for name, _meaning in unknowns()} <= described
    used = {row[6] for row in sheet[1:]}
    assert used - {"Stated", "About", "At most"} <= described


def test_formulas_are_harmless() -> None:
    key = Key("=cmd()", "=HYPERLINK(1)")
    answer = Answer(Question(by=(Dimension.PRODUCT,)), AS_OF, [Row((key,), known(1))], [], known(1))
    cited = citation(answer, [], LINK)
    book = load_workbook(io.BytesIO(xlsx(answer, Address(answer.question), cited)))
    assert [cell.value for cell in book.worksheets[0][2]][1:3] == ["'=HYPERLINK(1)", "'=cmd()"]
    from figures.files import csv_lines

    text = "".join(csv_lines(rows(answer, Address(answer.question), cited)))
    assert list(csv.reader(io.StringIO(text)))[1][1:3] == ["'=HYPERLINK(1)", "'=cmd()"]


def test_a_spreadsheet_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oversight.explorer.files.XLSX_ROW_LIMIT", 5)
    answer = of_tools(known(1), known(2), known(3))
    xlsx(answer, Address(answer.question), citation(answer, [], LINK))
    more = of_tools(known(1), known(2), known(3), known(4))
    with pytest.raises(TooManyRows):
        xlsx(more, Address(more.question), citation(more, [], LINK))


@pytest.mark.parametrize("made", [of_governments(), of_governments(before=True), of_pairs(), of_tools()])
def test_json_is_as_its_schema_says(made: Answer) -> None:
    document = json.loads("".join(json_chunks(made, Address(made.question), citation(made, [], LINK))))
    assert faults(document, SCHEMA) == []
    assert len(document["rows"]) == len(made.rows)
    assert len(document["subtotals"]) == len(made.subtotals)


def test_json_of_a_figure() -> None:
    answer = of_tools(EACH[7], whole=EACH[3])
    document = json.loads("".join(json_chunks(answer, Address(answer.question), citation(answer, [], LINK))))
    assert document["rows"] == [
        {
            "keys": [{"code": "t00", "label": "도구 t00"}],
            "figure": {
                "value": None,
                "standing": "unknown",
                "qualifier": None,
                "at_least": None,
                "at_most": None,
                "given": 0,
                "missing": {"not_given": 1, "withheld": 1},
            },
            "share": None,
            "before": None,
            "change": None,
        }
    ]
    assert document["total"]["figure"]["value"] == 1
    assert document["total"]["keys"] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "other"),
        (("rows", 0, "figure", "value"), 1.5),
        (("rows", 0, "figure", "standing"), "zero"),
        (("rows", 0, "extra"), 1),
        (("unseen",), -1),
        (("by",), []),
        (("rows", 0, "figure", "missing"), {"nothing": 1}),
    ],
)
def test_the_schema_refuses(path: tuple[Any, ...], value: Any) -> None:
    answer = of_governments()
    document = json.loads("".join(json_chunks(answer, Address(answer.question), citation(answer, [], LINK))))
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert faults(document, SCHEMA) != []


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def faults(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """What of a value breaks a schema, as far as ours uses the language of schemas."""
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        tried = [faults(value, one, at) for one in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    found = []
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(isinstance(value, TYPES[name]) and not isinstance(value, bool) for name in types):
        found.append(f"{at}: not {types}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: not one of {schema['enum']}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        found.append(f"{at}: too small")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{at}: {len(value)} items")
        for number, item in enumerate(value):
            found += faults(item, schema.get("items", {}), f"{at}[{number}]")
    if isinstance(value, dict):
        found += [f"{at}.{name}: missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            found += faults(name, schema.get("propertyNames", {}), f"{at}.{name}")
            rest = schema.get("additionalProperties", {})
            part = schema.get("properties", {}).get(name, rest)
            if part is False:
                found.append(f"{at}.{name}: unheard of")
            else:
                found += faults(item, part if isinstance(part, dict) else {}, f"{at}.{name}")
    return found
