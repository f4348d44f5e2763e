"""What cannot be right together is flagged with its reason, and nothing else is."""

from typing import Any

import pytest

from sources.models import Statement
from sources.plausibility import LEAST_PER_USER, MOST_PER_USER, by_statement, flags
from tests.register import load

pytestmark = pytest.mark.usefixtures("in_english")
YEAR = {"period_from": "2023-01-01", "period_until": "2023-12-31"}
NEXT = {"period_from": "2024-01-01", "period_until": "2024-12-31"}


def flagged() -> list[tuple[str, list[str]]]:
    """The reasons, and the codes of the statements that each is about."""
    statements = Statement.objects.filter(source__report__isnull=False).prefetch_related("subject")
    return [
        (flag.reason, [s.code for s in flag.statements]) for flag in flags(list(statements.order_by("pk")))
    ]


def test_the_report_alone_has_none(report_data: None) -> None:
    assert flagged() == []


def test_daejeon(report_data: None) -> None:
    load("other_sources")
    before = list(Statement.objects.order_by("pk").values_list("pk", "value", "standing"))
    assert flagged() == [
        (
            "Daejeon: ₩128,000 (C1b) for 275 users (A13) is about ₩465 for each. No subscription costs less than "
            "₩1,000 a user.",
            ["C1b", "A13"],
        )
    ]
    assert list(Statement.objects.order_by("pk").values_list("pk", "value", "standing")) == before


@pytest.mark.parametrize(
    ("spending", "users", "found"),
    [
        (LEAST_PER_USER * 10 - 1, 10, 1),
        (LEAST_PER_USER * 10, 10, 0),
        (MOST_PER_USER * 10, 10, 0),
        (MOST_PER_USER * 10 + 1, 10, 1),
        (0, 0, 0),
        (5_000, 0, 0),
    ],
)
def test_spending_per_user(tell: Any, spending: int, users: int, found: int) -> None:
    tell("a", "spending", ["KR-11"], value=spending)
    tell("b", "users", ["KR-11"], value=users)
    assert len(flagged()) == found


def test_what_rounding_leaves_open_is_not_flagged(tell: Any) -> None:
    tell("a", "spending", ["KR-11"], value=9_900, precision=1_000)  # up to 10,399
    tell("a", "users", ["KR-11"], value=10)
    assert flagged() == []


def test_a_part_above_its_total(tell: Any) -> None:
    tell("a", "spending", ["KR-11", "KR-49"], value=100, precision=10)
    tell("a", "spending", ["KR-11"], value=105)
    tell("a", "spending", ["KR-49"], value=104)
    assert flagged()[0] == (
        "KR-11 short en: ₩105 (A2) is more than the total that it is part of, ₩100 (A1).",
        ["A2", "A1"],
    )
    assert len(flagged()) == 1


def test_parts_that_add_up_to_more(tell: Any) -> None:
    tell("a", "spending", ["KR-11", "KR-49", "KR-50"], value=100)
    tell("a", "spending", ["KR-11"], value=60)
    tell("b", "spending", ["KR-49"], value=41)
    assert flagged() == [
        (
            "The 2 members whose own figures are stated have ₩101 at least, more than the total that they are part "
            "of, ₩100 (A1).",
            ["A2", "B1", "A1"],
        )
    ]


def test_parts_that_add_up_to_less_when_all_are_given(tell: Any) -> None:
    tell("a", "users", ["KR-11", "KR-49"], value=100)
    tell("a", "users", ["KR-11"], value=60)
    assert flagged() == []
    tell("a", "users", ["KR-49"], value=39)
    assert flagged() == [
        (
            "The own figures of all 2 members come to 99 at most, less than their total, 100 (A1).",
            ["A2", "A3", "A1"],
        )
    ]


def test_of_several_statements_on_a_part_the_sum_takes_what_any_allows(tell: Any) -> None:
    tell("a", "users", ["KR-11", "KR-49"], value=100)
    tell("a", "users", ["KR-11"], value=60)
    tell("b", "users", ["KR-11"], value=59)
    tell("a", "users", ["KR-49"], value=41)
    assert flagged() == []


def test_a_sum_over_another_period_of_the_same_source_says_nothing(tell: Any) -> None:
    tell("a", "spending", ["KR-11", "KR-49"], value=100, **YEAR)
    tell("a", "spending", ["KR-11"], value=105, **NEXT)
    assert flagged() == []
    tell("b", "spending", ["KR-11"], value=105, **NEXT)  # another account of the same figures
    assert [codes for _reason, codes in flagged()] == [["B1", "A1"]]


def test_programs_are_not_added_up(tell: Any) -> None:
    tell("a", "distinct_programs", ["KR-11", "KR-49"], value=10)
    tell("a", "distinct_programs", ["KR-11", "KR-49"], value=9, reading="each")
    assert flagged() == []


def test_more_governments_than_there_are(tell: Any) -> None:
    tell("a", "governments_subscribing", ["KR-11", "KR-49"], value=3)
    assert flagged() == [("3 are counted (A1), but the statement is about 2 agencies.", ["A1"])]


def test_ranks_that_contradict_amounts(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=10, rank=1)
    tell("a", "users", ["KR-49"], value=11, rank=2)
    tell("a", "users", ["KR-50"], value=9, rank=3)
    assert flagged() == [
        (
            "KR-11 short en is ranked 1 with 10 (A1), before KR-49 short en, which has more: 11 (A2).",
            ["A1", "A2"],
        )
    ]


def test_ranks_that_rounding_allows(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=10, precision=10, rank=1)
    tell("a", "users", ["KR-49"], value=14, rank=2)
    assert flagged() == []


def test_who_shares_a_rank_contradicts_nothing(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=10, rank=1)
    tell("a", "users", ["KR-49"], value=12, rank=1)
    assert flagged() == []


def test_another_source_gives_more_to_somebody_behind_the_ranking(tell: Any) -> None:
    """A list of the first ones: whoever is covered without a rank has at most what the last of them has."""
    tell("a", "users", ["KR-11"], value=10, rank=1)
    tell("a", "users", ["KR-49"], value=8, rank=2)
    tell("a", "users", ["KR-50"])
    tell("b", "users", ["KR-50"], value=9)
    assert flagged() == [
        (
            "KR-49 short en is ranked 2 with 8 (A2), before KR-50 short en, which has more: 9 (B1).",
            ["A2", "B1"],
        )
    ]


def test_somebody_whom_a_ranking_does_not_cover_contradicts_nothing(tell: Any) -> None:
    tell("a", "users", ["KR-11"], value=10, rank=1)
    tell("a", "users", ["KR-50"], standing="undetermined")
    tell("b", "users", ["KR-50"], value=99)
    assert flagged() == []


def test_the_flags_of_each_statement(tell: Any) -> None:
    one = tell("a", "users", ["KR-11"], value=10, rank=1)
    two = tell("a", "users", ["KR-49"], value=11, rank=2)
    tell("a", "users", ["KR-50"], value=9, rank=3)
    found = flags(list(Statement.objects.prefetch_related("subject")))
    assert by_statement(found) == {one.pk: found, two.pk: found}
