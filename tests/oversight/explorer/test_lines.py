"""The order of an answer's lines: unknown last either way, groups with their subtotals, pages that say where they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oversight.explorer.answer import Answer, Row
from oversight.explorer.lines import Kind, Line, lay_out, ordered, total_line
from oversight.explorer.question import Dimension, Measure, Question
from tests.oversight.explorer.made import (
    AS_OF,
    known,
    month,
    of_pairs,
    of_tools,
    place,
    tool,
    unknown,
)


def codes(lines: list[Line]) -> list[str]:
    return [" ".join(key.code for key in line.row.keys) for line in lines]


TOOLS = of_tools(known(5), unknown(not_given=1), known(0), known(9, 1, not_given=3), whole=known(14))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["t00", "t01", "t02", "t03"]),
        ("no-such", ["t00", "t01", "t02", "t03"]),
        ("first", ["t00", "t01", "t02", "t03"]),
        ("-first", ["t03", "t02", "t01", "t00"]),
        ("figure", ["t02", "t00", "t03", "t01"]),
        ("-figure", ["t03", "t00", "t02", "t01"]),
        ("share", ["t02", "t00", "t01", "t03"]),
        ("-share", ["t00", "t02", "t01", "t03"]),
        ("at_most", ["t02", "t00", "t01", "t03"]),
        ("-missing", ["t03", "t01", "t00", "t02"]),
        ("-known", ["t00", "t02", "t03", "t01"]),
        ("before", ["t00", "t01", "t02", "t03"]),
    ],
)
def test_order(sort: str, expected: list[str]) -> None:
    assert codes(ordered(TOOLS, sort)) == expected


def test_by_the_difference() -> None:
    rows = [
        Row((tool("a"),), known(5), known(9)),
        Row((tool("b"),), known(5), unknown(not_given=1)),
        Row((tool("c"),), known(5, 1, not_given=1), known(1)),
    ]
    answer = Answer(Question(by=(Dimension.PRODUCT,)), AS_OF, rows, [], known(15), known(10))
    assert codes(ordered(answer, "change")) == ["a", "c", "b"]
    assert codes(ordered(answer, "-change")) == ["c", "a", "b"]
    assert total_line(answer).change is not None


def pairs() -> Answer:
    rows = [
        Row((place("A"), tool("x")), known(1)),
        Row((place("A"), tool("y")), known(2)),
        Row((place("B"), tool("x")), unknown(not_given=1)),
        Row((place("B"), tool("z")), known(7)),
        Row((place("C"), tool("y")), unknown(not_given=1)),
    ]
    subtotals = [
        Row((place("A"),), known(3)),
        Row((place("B"),), known(7, 1, not_given=1)),
        Row((place("C"),), unknown(not_given=1)),
    ]
    question = Question(by=(Dimension.PLACE, Dimension.PRODUCT))
    return Answer(question, AS_OF, rows, subtotals, known(10, 3, not_given=2))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["A", "A x", "A y", "B", "B x", "B z", "C", "C y"]),
        ("-first", ["C", "C y", "B", "B x", "B z", "A", "A x", "A y"]),
        ("-second", ["A", "A y", "A x", "B", "B z", "B x", "C", "C y"]),
        ("-figure", ["B", "B z", "B x", "A", "A y", "A x", "C", "C y"]),
        ("figure", ["A", "A x", "A y", "B", "B z", "B x", "C", "C y"]),
    ],
)
def test_order_of_pairs(sort: str, expected: list[str]) -> None:
    lines = ordered(pairs(), sort)
    assert codes(lines) == expected
    kinds = [Kind.ROW if " " in code else Kind.SUBTOTAL for code in expected]
    assert [line.kind for line in lines] == kinds


def test_time_goes_by_its_code() -> None:
    """The name of a month would sort April first."""
    labelled = [
        replace(month(code), label=name) for code, name in (("2025-01", "January"), ("2025-04", "April"))
    ]
    rows = [Row((key,), known(1)) for key in labelled]
    answer = Answer(Question(by=(Dimension.MONTH,)), AS_OF, rows, [], known(2))
    assert codes(ordered(answer, "first")) == ["2025-01", "2025-04"]


def test_pages_repeat_the_subtotal() -> None:
    found = [
        (" ".join(key.code for key in line.row.keys), line.continued) for line in lay_out(ordered(pairs()), 3)
    ]
    assert found == [
        ("A", False),
        ("A x", False),
        ("A y", False),
        ("B", False),
        ("B x", False),
        ("B z", False),
        ("C", False),
        ("C y", False),
    ]
    found = [
        (" ".join(key.code for key in line.row.keys), line.continued) for line in lay_out(ordered(pairs()), 2)
    ]
    assert found == [
        ("A", False),
        ("A x", False),
        ("A", True),
        ("A y", False),
        ("B", False),
        ("B x", False),
        ("B", True),
        ("B z", False),
        ("C", False),
        ("C y", False),
    ]


def test_every_page_starts_with_a_subtotal() -> None:
    laid_out = list(lay_out(ordered(of_pairs()), 7))
    assert {line.kind for line in laid_out[::7]} == {Kind.SUBTOTAL}
    assert [line for line in laid_out if not line.continued] == ordered(of_pairs())


@pytest.mark.parametrize(
    ("measure", "expected"),
    [(Measure.PAID, "50.0%"), (Measure.STATED, "50.0%"), (Measure.USERS, ""), (Measure.PER_USER, "")],
)
def test_only_parts_have_a_share(measure: Measure, expected: str) -> None:
    question = Question(measure=measure, by=(Dimension.PRODUCT,))
    answer = of_tools(known(5), question=question, whole=known(10))
    assert [line.share for line in ordered(answer)] == [expected]
    assert total_line(answer).share == ""
