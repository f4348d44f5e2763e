"""How statements of two sources on one subject stand together."""

from typing import Any

import pytest

from sources.comparing import Comparison, Point, Relation, compared
from sources.models import Statement
from tests.register import load

YEAR = {"period_from": "2023-01-01", "period_until": "2023-12-31"}
NEXT = {"period_from": "2024-01-01", "period_until": "2024-12-31"}


def all_told() -> list[Statement]:
    told = Statement.objects.filter(source__report__isnull=False).prefetch_related("subject")
    return list(told.order_by("source__code", "pk"))


def comparisons() -> dict[str, list[tuple[str, Relation, tuple[Point, ...]]]]:
    """By code, what other sources say of the same; statements that nobody else speaks of are left out."""
    statements = all_told()
    found = compared(statements)
    return {
        s.code: [(c.statement.code, c.relation, c.points) for c in found[s.pk]]
        for s in statements
        if found[s.pk]
    }


@pytest.mark.parametrize(
    ("mine", "other", "relation"),
    [
        pytest.param({"value": 5}, {"value": 5}, "agrees", id="the same"),
        pytest.param({"value": 5}, {"value": 6}, "conflicts", id="another number"),
        pytest.param({"value": 700, "precision": 100}, {"value": 712}, "sharpens", id="more digits"),
        pytest.param({"value": 712}, {"value": 700, "precision": 100}, "agrees", id="fewer digits"),
        pytest.param({"value": 700, "precision": 100}, {"value": 649}, "conflicts", id="just below"),
        pytest.param({"value": 700, "precision": 100}, {"value": 650}, "sharpens", id="the lower end"),
        pytest.param({"value": 700, "precision": 100}, {"value": 749}, "sharpens", id="the upper end"),
        pytest.param({"value": 700, "precision": 100}, {"value": 750}, "conflicts", id="just above"),
        # 46.7 beside 46.75: one article has cut off what another rounded.
        pytest.param(
            {"value": 700, "precision": 100}, {"value": 750, "precision": 10}, "sharpens", id="overlapping"
        ),
        pytest.param({"value": 3, "qualifier": "at_least"}, {"value": 4}, "sharpens", id="a minimum"),
        pytest.param({"value": 3, "qualifier": "at_least"}, {"value": 2}, "conflicts", id="below it"),
        pytest.param(
            {"value": 3, "qualifier": "at_least"},
            {"value": 4, "qualifier": "at_least"},
            "sharpens",
            id="a higher minimum",
        ),
        pytest.param(
            {"value": 4, "qualifier": "at_least"},
            {"value": 3, "qualifier": "at_least"},
            "agrees",
            id="a lower minimum",
        ),
        pytest.param({}, {"value": 5}, "gives", id="what is not given"),
        pytest.param({"standing": "undetermined"}, {"value": 5}, "gives", id="what was undetermined"),
        pytest.param({}, {}, "agrees", id="given by neither"),
        pytest.param({"value": 5}, {}, None, id="the other says nothing"),
        pytest.param({"standing": "withheld"}, {}, None, id="another reason for nothing"),
        pytest.param({"standing": "not_applicable"}, {"value": 5}, "conflicts", id="not applicable"),
    ],
)
def test_values(tell: Any, mine: dict[str, Any], other: dict[str, Any], relation: str | None) -> None:
    own = tell("a", "users", ["KR-11"], **mine)
    tell("b", "users", ["KR-11"], **other)
    found = compared(all_told())[own.pk]
    assert [comparison.relation for comparison in found] == ([relation] if relation else [])


def test_a_period_is_what_two_sources_disagree_on(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=5, **YEAR)
    tell("b", "users", ["KR-11"], value=5, **NEXT)
    assert comparisons() == {
        "A1": [("B1", Relation.AGREES, (Point.PERIOD,))],
        "B1": [("A1", Relation.AGREES, (Point.PERIOD,))],
    }


def test_a_period_that_is_not_given_contradicts_none(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=5, **YEAR)
    tell("b", "users", ["KR-11"], value=5)
    assert comparisons()["A1"] == [("B1", Relation.AGREES, ())]


def test_each_period_goes_with_its_own_where_a_source_tells_of_several(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=5, **YEAR)
    tell("a", "users", ["KR-11"], value=9, **NEXT)
    tell("b", "users", ["KR-11"], value=9, **NEXT)
    assert comparisons() == {"A2": [("B1", Relation.AGREES, ())], "B1": [("A2", Relation.AGREES, ())]}


def test_another_rank(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=5, rank=1)
    tell("b", "users", ["KR-11"], value=5, rank=2)
    assert comparisons()["A1"] == [("B1", Relation.AGREES, (Point.RANK,))]


def test_what_each_of_several_has_is_compared_one_by_one(tell: Any) -> None:
    tell("a", "users", ["KR-11", "KR-49"], reading="each")
    tell("b", "users", ["KR-49"], value=5)
    assert comparisons() == {"A1": [("B1", Relation.GIVES, ())]}


@pytest.mark.parametrize(
    ("measure", "subject", "fields"),
    [
        ("spending", ["KR-11"], {}),
        ("users", ["KR-49"], {}),
        ("users", ["KR-11", "KR-49"], {}),
    ],
)
def test_what_speaks_of_something_else_is_not_compared(
    tell: Any, measure: str, subject: list[str], fields: dict[str, Any]
) -> None:
    tell("a", "users", ["KR-11"], value=5)
    tell("b", measure, subject, value=6, **fields)
    assert comparisons() == {}


def test_a_source_does_not_contradict_itself_here(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=5)
    tell("a", "users", ["KR-11"], value=6)
    assert comparisons() == {}


def test_conflicting() -> None:
    """What a page marks as a conflict: another value, or another period or rank."""
    statement = Statement()
    assert [
        Comparison(statement, relation, points).conflicts
        for relation, points in [
            (Relation.CONFLICTS, ()),
            (Relation.SHARPENS, (Point.PERIOD,)),
            (Relation.AGREES, (Point.RANK,)),
            (Relation.SHARPENS, ()),
            (Relation.GIVES, ()),
        ]
    ] == [True, True, True, False, False]


def test_the_articles_on_the_report(report_data: None) -> None:
    load("other_sources")
    period = (Point.PERIOD,)
    found = comparisons()
    assert {code: others for code, others in found.items() if code.startswith("A")} == {
        "A0": [("B1", "sharpens", ())],
        "A1": [("B1", "sharpens", period)],
        "A2": [("B2a", "sharpens", period)],
        "A3": [("B2b", "sharpens", period)],
        "A4": [("B2c", "sharpens", period)],
        "A5": [("B2d", "sharpens", period), ("D1a", "sharpens", ())],
        "A6": [("B2e", "sharpens", period)],
        "A7": [("C1a", "gives", ()), ("C1b", "gives", ())],
        "A14": [("C2a", "gives", ()), ("C2b", "gives", ())],
        "A16": [("B3a", "agrees", ())],
        "A17": [("B3b", "agrees", ())],
    }
    assert found["B1"] == [("A0", "agrees", ()), ("A1", "agrees", period)]
    assert found["D1a"] == [("A5", "agrees", ()), ("B2d", "agrees", period)]
