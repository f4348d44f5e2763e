"""What the chart of an answer draws: bars, stacks and lines, with unknown as unknown and the small ones together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figures.figure import Total
from oversight.explorer.answer import Answer, Row
from oversight.explorer.charts import chart, together
from oversight.explorer.question import Dimension, Measure, Question
from tests.oversight.explorer.made import AS_OF, known, minimum, month, of_tools, place, tool, unknown

pytestmark = pytest.mark.usefixtures("in_english")


def test_bars() -> None:
    drawn = chart(of_tools(known(5), unknown(withheld=1), known(9, 2, not_given=1), known(0)))
    assert drawn == {
        "labels": ["도구 t02", "도구 t00", "도구 t03", "도구 t01"],
        "horizontal": True,
        "datasets": [
            {
                "label": "Spending paid",
                "data": [9, 5, 0, None],
                "unknown": [False, False, False, "Unknown"],
                "open": [True, False, False, False],
            }
        ],
        "note": "",
        "unit": "won",
        "still": False,
        "has_gaps": True,
        "size": "short",
    }


def test_the_smallest_bars_are_drawn_together() -> None:
    totals = [known(100 - number) for number in range(24)] + [unknown(not_given=2)]
    drawn = chart(of_tools(*totals))
    assert len(drawn["labels"]) == 21
    assert drawn["labels"][-1] == "5 others"
    series = drawn["datasets"][0]
    assert (series["data"][-1], series["open"][-1]) == (80 + 79 + 78 + 77, True)
    assert sum(series["data"]) == sum(100 - number for number in range(24))
    assert drawn["note"] == "The 5 smallest are drawn together; the table has each."


def test_one_more_is_drawn_as_itself() -> None:
    assert len(chart(of_tools(*[known(n) for n in range(21)]))["labels"]) == 21


def test_what_does_not_add_up_is_left_out_and_said() -> None:
    question = Question(measure=Measure.PRODUCTS, by=(Dimension.PRODUCT,))
    drawn = chart(of_tools(*[known(n) for n in range(30)], question=question))
    assert (len(drawn["labels"]), drawn["unit"]) == (20, "")
    assert drawn["note"] == "The 10 smallest are left out, since they do not add up; the table has them."


def grid(*by: Dimension, cells: dict[tuple[str, str], Total], measure: Measure = Measure.PAID) -> Answer:
    keys: dict[Dimension, Any] = {Dimension.PLACE: place, Dimension.PRODUCT: tool, Dimension.MONTH: month}
    rows = [Row((keys[by[0]](one), keys[by[1]](two)), total) for (one, two), total in cells.items()]
    firsts = list(dict.fromkeys(one for one, _two in cells))
    subtotals = [
        Row((keys[by[0]](first),), together(row.total for row in rows if row.keys[0].code == first))
        for first in firsts
    ]
    return Answer(Question(measure=measure, by=by), AS_OF, rows, subtotals, known(1))


def test_stacks() -> None:
    cells = {
        ("A", "x"): known(5),
        ("A", "y"): unknown(not_given=1),
        ("B", "y"): known(7, 1, not_given=1),
        ("C", "x"): unknown(undetermined=1),
    }
    drawn = chart(grid(Dimension.PLACE, Dimension.PRODUCT, cells=cells))
    assert (drawn["labels"], drawn["stacked"]) == (["기관 B", "기관 A", "기관 C"], True)
    assert drawn["datasets"] == [
        {
            "label": "도구 y",
            "data": [7, None, None],
            "unknown": [False, "Unknown", False],
            "open": [True, False, False],
        },
        {
            "label": "도구 x",
            "data": [None, 5, None],
            "unknown": [False, False, "Unknown"],
            "open": [False, False, False],
        },
    ]


def test_parts_of_a_stack_are_drawn_together() -> None:
    cells = {("A", f"t{number}"): known(10 * (number + 1)) for number in range(9)}
    drawn = chart(grid(Dimension.PLACE, Dimension.PRODUCT, cells=cells))
    assert [series["label"] for series in drawn["datasets"]][-1] == "3 others"
    assert drawn["datasets"][-1]["data"] == [60]
    assert drawn["note"] == "The 3 smallest are drawn together; the table has each."


def test_what_does_not_add_up_stands_side_by_side() -> None:
    cells = {("A", "x"): known(5), ("A", "y"): known(6)}
    drawn = chart(grid(Dimension.PLACE, Dimension.PRODUCT, cells=cells, measure=Measure.USERS))
    assert drawn["stacked"] is False


@pytest.mark.parametrize("turned", [False, True])
def test_lines(turned: bool) -> None:
    """Time runs along the axis whichever dimension it is; where nothing is recorded, that is said, not skipped."""
    cells = {
        ("2025-01", "x"): known(5),
        ("2025-02", "x"): unknown(not_given=1),
        ("2025-03", "x"): known(7, 1, not_given=1),
        ("2025-02", "y"): known(2),
    }
    by = (Dimension.MONTH, Dimension.PRODUCT)
    if turned:
        cells = {(two, one): total for (one, two), total in cells.items()}
        by = (Dimension.PRODUCT, Dimension.MONTH)
    drawn = chart(grid(*by, cells=cells), still=True)
    assert (drawn["kind"], drawn["labels"]) == ("line", ["2025-01월", "2025-02월", "2025-03월"])
    assert drawn["still"] is True
    assert drawn["datasets"] == [
        {
            "label": "도구 x",
            "data": [5, None, 7],
            "unknown": [False, "Unknown", False],
            "open": [False, False, True],
        },
        {
            "label": "도구 y",
            "data": [None, 2, None],
            "unknown": ["nothing recorded", False, "nothing recorded"],
            "open": [False, False, False],
        },
    ]


@pytest.mark.parametrize(
    ("dimension", "codes", "labels"),
    [
        (
            Dimension.MONTH,
            ["2024-11", "2025-02"],
            ["2024-11월", "December 2024", "January 2025", "2025-02월"],
        ),
        (Dimension.QUARTER, ["2024-Q3", "2025-Q1"], ["2024-Q3월", "2024-Q4", "2025-Q1월"]),
        (Dimension.YEAR, ["2023", "2025"], ["2023월", "2024", "2025월"]),
        (Dimension.YEAR, ["2023"], ["2023월"]),
    ],
)
def test_a_time_without_records_is_no_silent_gap(
    dimension: Dimension, codes: list[str], labels: list[str]
) -> None:
    rows = [Row((month(code),), known(1)) for code in codes]
    drawn = chart(Answer(Question(by=(dimension,)), AS_OF, rows, [], known(1)))
    assert drawn["labels"] == labels
    between = ["nothing recorded"] * (len(labels) - len(codes))
    assert drawn["datasets"][0]["unknown"] == [False, *between, *[False] * (len(codes) - 1)]


def test_a_line_of_which_no_time_is_known() -> None:
    answer = grid(Dimension.PRODUCT, Dimension.MONTH, cells={("x", "2025-01"): known(5)})
    silent = Row((tool("silent"),), unknown(not_given=3))
    drawn = chart(replace(answer, subtotals=[*answer.subtotals, silent]))
    assert [(series["label"], series["unknown"]) for series in drawn["datasets"]] == [
        ("도구 x", [False]),
        ("도구 silent", ["nothing recorded"]),
    ]


def test_a_line() -> None:
    rows = [
        Row((month(code),), total)
        for code, total in (("2025-01", known(3)), ("2025-02", unknown(withheld=1)))
    ]
    drawn = chart(Answer(Question(by=(Dimension.MONTH,)), AS_OF, rows, [], known(3)))
    assert drawn["datasets"] == [
        {"label": "Spending paid", "data": [3, None], "unknown": [False, "Unknown"], "open": [False, False]}
    ]


def test_together() -> None:
    sum_of = together([known(5, 2, not_given=1), minimum(10, 20), unknown(withheld=2)])
    assert (sum_of.known.value, sum_of.given) == (15, 3)
    assert sum_of.known.qualifier == "at_least"
    assert {standing.value: count for standing, count in sum_of.missing.items()} == {
        "not_given": 1,
        "withheld": 2,
    }
    assert not together([unknown(not_given=1)]).known.is_known
    assert together([replace(known(0))]).known.value == 0
