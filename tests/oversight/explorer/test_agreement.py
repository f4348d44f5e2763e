"""Table, chart, map and every file of one answer agree to the won, with an unknown in every position."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from agencies.models import User
from oversight.explorer.answer import Answer, Row
from oversight.explorer.question import Question
from oversight.explorer.reading import parts
from tests.oversight.explorer.made import of_governments, of_pairs
from tests.pages import Element, read

pytestmark = pytest.mark.usefixtures("register")

PAGE = "/spending/explore/"
# A group is known by its codes; that of the total has none.
Figures = dict[tuple[str, ...], int | None]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """`shown(answer)`: the page answers every question so, whatever is recorded."""

    def show(answer: Answer) -> None:
        def answering(user: User, question: Question, *arguments: Any) -> Answer:
            assert question == answer.question
            return answer

        monkeypatch.setattr("oversight.explorer.views.answer", answering)

    return show


def codes(row: Row) -> tuple[str, ...]:
    return tuple(key.code for key in row.keys)


def expected(answer: Answer) -> Figures:
    lines = [*answer.rows, *answer.subtotals, Row((), answer.total)]
    return {codes(row): parts(row.total).value for row in lines}


def body(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response) if response.streaming else bytes(response.content)


def of_table(pages: list[Element], answer: Answer) -> Figures:
    names = {key.label: key.code for row in answer.rows for key in row.keys}
    found: Figures = {}
    for page in pages:
        rows = [*page.all("tbody")[0].all("tr"), *page.all("tfoot")[0].all("tr")]
        for row in rows:
            cells = row.all("th", "td")
            heads = [re.sub(r" \(.*\)$", "", cell.text) for cell in cells[: len(answer.question.by)]]
            groups = tuple(names[head] for head in heads if head in names)
            figure = cells[len(answer.question.by)].all("data")
            value = int(figure[0].attributes["value"]) if figure else None
            assert found.get(groups, value) == value
            found[groups] = value
    return found


def of_chart(page: Element, answer: Answer) -> Figures:
    script = page.by_id("explorer-data")
    assert script is not None
    drawn = json.loads(script.raw)
    names = {key.label: key.code for row in answer.rows for key in row.keys}
    found: Figures = {}
    for series in drawn["datasets"]:
        for label, value, unknown in zip(drawn["labels"], series["data"], series["unknown"], strict=True):
            groups = (names[label], *([names[series["label"]]] if len(answer.question.by) > 1 else []))
            assert (value is None) == bool(unknown)
            found[groups] = value
    return found


def of_map(page: Element) -> Figures:
    found: Figures = {}
    for tile in page.by_class("gt-tile"):
        if "data-code" in tile.attributes:
            amount = re.search(r"([\d,]+)원", tile.attributes["aria-label"])
            known = "level-" in tile.attributes["class"]
            found[(tile.attributes["data-code"],)] = (
                int(amount[1].replace(",", "")) if known and amount else None
            )
    return found


def of_rows(rows: list[list[Any]], answer: Answer) -> Figures:
    count = len(answer.question.by)
    found: Figures = {}
    for row in rows[1:]:
        groups = tuple(row[2 + 2 * number] for number in range(count) if row[2 + 2 * number])
        value = row[1 + 2 * count]
        found[groups] = None if value in (None, "") else int(value)
    return found


def of_json(document: Any) -> Figures:
    return {
        tuple(key["code"] for key in line["keys"]): line["figure"]["value"]
        for line in [*document["rows"], *document["subtotals"], document["total"]]
    }


@pytest.mark.parametrize("sort", ["", "-figure", "second"])
@pytest.mark.parametrize("made", [of_governments, of_pairs])
def test_all_agree(
    signed_in: Callable[..., Client],
    committee: User,
    shown: Callable[[Answer], None],
    made: Callable[[], Answer],
    sort: str,
) -> None:
    answer = made()
    shown(answer)
    client = signed_in(user=committee)
    query = {**answer.question.parameters(), **({"sort": sort} if sort else {})}
    pages = [read(client.get(PAGE, query))]
    for number in range(2, 1 + len(expected(answer)) // 50 + 1):
        pages.append(read(client.get(PAGE, {**query, "page": str(number)})))
    wanted = expected(answer)
    groups = {key: value for key, value in wanted.items() if len(key) == 1}
    rows = {key: value for key, value in wanted.items() if len(key) == len(answer.question.by)}
    text = body(client.get(PAGE, {**query, "_export": "csv"})).decode("utf-8-sig")
    book = load_workbook(io.BytesIO(body(client.get(PAGE, {**query, "_export": "xlsx"}))))
    sheet = [list(row) for row in book.worksheets[0].values]
    document = json.loads(body(client.get(PAGE, {**query, "_export": "json"})))
    table = list(csv.reader(io.StringIO(text)))
    assert of_table(pages, answer) == wanted
    assert of_chart(pages[0], answer) == rows
    assert of_map(pages[0]) == groups
    assert of_rows(table, answer) == wanted
    assert of_rows(sheet, answer) == wanted
    assert of_json(document) == wanted
    printed = read(client.get(f"{PAGE}print/", query))
    assert of_table([printed], answer) == wanted
    assert of_chart(printed, answer) == rows
    assert of_map(printed) == groups


def test_the_order_is_the_same_everywhere(
    signed_in: Callable[..., Client], committee: User, shown: Callable[[Answer], None]
) -> None:
    answer = of_governments()
    shown(answer)
    client = signed_in(user=committee)
    page = read(client.get(PAGE, {"sort": "-figure"}))
    names = {row.keys[0].label: row.keys[0].code for row in answer.rows}
    table = [names[row.all("th")[0].text] for row in page.all("tbody")[0].all("tr")]
    text = body(client.get(PAGE, {"sort": "-figure", "_export": "csv"})).decode("utf-8-sig")
    document = json.loads(body(client.get(PAGE, {"sort": "-figure", "_export": "json"})))
    assert [row[2] for row in csv.reader(io.StringIO(text))][1:-1] == table
    assert [row["keys"][0]["code"] for row in document["rows"]] == table
    values = [parts(row.total).value for code in table for row in answer.rows if row.keys[0].code == code]
    known = [value for value in values if value is not None]
    assert values == [*sorted(known, reverse=True), *[None] * (len(values) - len(known))]
