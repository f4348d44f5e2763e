"""Every figure that follows from the report, from its first source alone and from all of them together."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from agencies.models import User
from figures.figure import Figure
from figures.interval import Interval
from oversight.report import Government, ReportPage, report_page, report_sources
from sources.models import Report, Source, Statement
from subscriptions.today import today
from tests.register import FIXTURES, load

pytestmark = pytest.mark.usefixtures("all_sources", "db", "in_english")


@pytest.fixture(scope="module")
def all_sources(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The report with its sources A to D, loaded once for these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        load(*FIXTURES, "other_sources")
        yield
        transaction.set_rollback(True)


def page_of(user: User, preferred: str = "a", together: bool = False) -> ReportPage:
    report = Report.objects.get()
    sources = report_sources(report, user)
    first = next(source for source in sources if source.code == preferred)
    return report_page(user, report, sources, first, together, today())


@pytest.fixture
def alone(committee: User) -> ReportPage:
    return page_of(committee)


@pytest.fixture
def together(committee: User) -> ReportPage:
    return page_of(committee, together=True)


def lines(page: ReportPage, measure: str) -> list[tuple[str, str, str, str]]:
    return [
        (line.label, line.value, line.lies, line.computed)
        for line in page.conclusions
        if line.measure == measure
    ]


def government(page: ReportPage, code: str) -> Government:
    return next(row for row in page.governments if row.agency.code == code)


class TestTheFirstSourceAlone:
    def test_spending(self, alone: ReportPage) -> None:
        assert lines(alone, "Spending") == [
            (
                "Stated for 5 governments one by one, in all",
                "₩259.3M",
                "between ₩259,050,000 and ₩259,549,995",
                "₩68,700,000 + ₩56,300,000 + ₩46,700,000 + ₩44,500,000 + ₩43,100,000 = ₩259,300,000",
            ),
            (
                "Their share of the total",
                "66.2%",
                "between 66.1% and 66.3%",
                "₩259,300,000 of ₩391,700,000",
            ),
            (
                "Left for the other 12 governments, in all",
                "₩132.4M (±₩300,000)",
                "between ₩132,100,005 and ₩132,699,999",
                "₩391,700,000 − ₩259,300,000 = ₩132,400,000",
            ),
            (
                "On average for each of them",
                "₩11.03M",
                "between ₩11,008,334 and ₩11,058,333",
                "₩132,400,000 ÷ 12 ≈ ₩11,033,333",
            ),
            ("Each of 12 of the others", "Not given", "between ₩0 and ₩43,149,999", ""),
        ]

    def test_users(self, alone: ReportPage) -> None:
        assert lines(alone, "Users") == [
            (
                "Stated for 4 governments one by one, in all",
                "2,847",
                "",
                "1,274 + 858 + 440 + 275 = 2,847",
            ),
            ("Their share of the total", "77.2%", "", "2,847 of 3,687"),
            ("Left for the other 12 governments, in all", "840", "", "3,687 − 2,847 = 840"),
            ("On average for each of them", "70", "", "840 ÷ 12 = 70"),
            ("Each of 12 of the others", "Not given", "between 0 and 275", ""),
            ("Gyeonggi, which is not part of that total", "Undetermined", "nothing bounds it", ""),
        ]

    def test_all_but_gyeonggi(self, alone: ReportPage) -> None:
        assert lines(alone, "Spending per user") == [
            (
                "Spending of the 16 governments without Gyeonggi",
                "₩345.0M (±₩100,000)",
                "between ₩344,900,001 and ₩345,099,999",
                "₩391,700,000 − ₩46,700,000 = ₩345,000,000",
            ),
            (
                "For each of their users",
                "₩93,570 (±₩27)",
                "between ₩93,545 and ₩93,599",
                "₩345,000,000 ÷ 3,687 ≈ ₩93,572",
            ),
        ]

    def test_programs(self, alone: ReportPage) -> None:
        assert lines(alone, "AI programs") == [
            ("Different AI programs in use", "at least 10", "at least 2 more are not named", "8 are named")
        ]

    def test_the_statements_that_each_line_rests_on(self, alone: ReportPage) -> None:
        found = [(line.measure, [s.code for s in line.statements]) for line in alone.conclusions]
        given, users = ["A2", "A3", "A4", "A5", "A6"], ["A10", "A11", "A12", "A13"]
        assert found == [
            ("Spending", given),
            ("Spending", ["A1"]),
            ("Spending", ["A1", *given]),
            ("Spending", []),
            ("Spending", ["A7"]),
            ("Users", users),
            ("Users", ["A8"]),
            ("Users", ["A8", *users]),
            ("Users", []),
            ("Users", ["A14"]),
            ("Users", ["A9"]),
            ("Spending per user", ["A1", "A4"]),
            ("Spending per user", ["A8"]),
            ("AI programs", ["A23"]),
        ]

    @pytest.mark.parametrize(
        ("code", "value", "ends"),
        [
            ("KR-44", 33_830, (33_791, 33_870)),
            ("KR-11", 127_955, (127_841, 128_068)),
            ("KR-49", None, (249_636, None)),
            ("KR-46", None, (161_636, None)),
        ],
    )
    def test_spending_per_user(
        self, alone: ReportPage, code: str, value: int | None, ends: tuple[int, int | None]
    ) -> None:
        figure = government(alone, code).per_user
        rounded = figure.interval.rounded()
        assert (figure.value and round(figure.value), (rounded.low, rounded.high)) == (value, ends)

    def test_each_government(self, alone: ReportPage) -> None:
        assert len(alone.governments) == 17
        open_ones = [row for row in alone.governments if not row.spending.is_known]
        assert {row.spending.interval for row in open_ones} == {Interval(0, 43_149_999)}
        assert len(open_ones) == 12
        assert government(alone, "KR-41").users == Figure.missing(government(alone, "KR-41").users.standing)
        bounded = [row for row in alone.governments if row.users.interval == Interval(0, 275)]
        assert len(bounded) == 12


class TestAllSourcesTogether:
    def test_spending(self, together: ReportPage) -> None:
        assert lines(together, "Spending") == [
            (
                "Stated for 7 governments one by one, in all",
                "₩262.75M",
                "between ₩262,726,500 and ₩262,769,493",
                "₩68,710,000 + ₩56,340,000 + ₩46,750,000 + ₩44,542,000 + ₩43,130,000 + ₩3,148,000 + ₩128,000 = "
                "₩262,748,000",
            ),
            ("Their share of the total", "67.1%", "", "₩262,748,000 of ₩391,686,165"),
            (
                "Left for the other 10 governments, in all",
                "₩128.94M (±₩21,000)",
                "between ₩128,916,672 and ₩128,959,665",
                "₩391,686,165 − ₩262,748,000 = ₩128,938,165",
            ),
            (
                "On average for each of them",
                "₩12.894M",
                "between ₩12,891,667 and ₩12,895,967",
                "₩128,938,165 ÷ 10 ≈ ₩12,893,817",
            ),
            ("Each of 10 of the others", "Not given", "between ₩127,500 and ₩43,134,999", ""),
            ("The places left around Gwangju, ranked 13", "7 above it and 3 below it", "", ""),
        ]

    def test_users(self, together: ReportPage) -> None:
        assert lines(together, "Users")[2:] == [
            ("Left for the other 10 governments, in all", "685", "", "3,687 − 3,002 = 685"),
            ("On average for each of them", "69", "", "685 ÷ 10 ≈ 69"),
            ("Each of 10 of the others", "Not given", "between 0 and 275", ""),
            ("Gyeonggi, which is not part of that total", "Undetermined", "nothing bounds it", ""),
        ]

    def test_governments_that_are_named(self, together: ReportPage) -> None:
        assert lines(together, "AI programs")[1:] == [
            (f"{tool}: subscribing governments that are named", f"1 of {count}", "", "Gwangju")
            for tool, count in (("Claude", 5), ("Midjourney", 5), ("Gamma", 4))
        ]

    def test_the_more_precise_figure_counts_whichever_source_is_preferred(self, committee: User) -> None:
        for preferred in "abcd":
            page = page_of(committee, preferred, together=True)
            assert government(page, "KR-49").spending.value == 68_710_000
            assert government(page, "KR-46").spending.value == 44_542_000
            assert page.spending.together is not None
            assert page.spending.together.left is not None
            assert page.spending.together.left.value == 128_938_165
            assert len(page.spending.together.left_agencies) == 10

    def test_where_sources_conflict_the_preferred_one_counts(self, committee: User) -> None:
        Statement.objects.filter(code="B2a").update(value=69_990_000)
        for preferred, value, aside in (("a", 68_700_000, ["B2a"]), ("b", 69_990_000, ["A2"])):
            page = page_of(committee, preferred, together=True)
            assert government(page, "KR-49").spending.value == value
            assert [s.code for s in page.spending.set_aside] == aside

    def test_a_total_that_conflicts_is_set_aside(self, committee: User) -> None:
        Statement.objects.filter(code="B1").update(value=400_000_000)
        page = page_of(committee, together=True)
        assert page.spending.together is not None
        assert page.spending.together.figure.value == 391_700_000
        assert [s.code for s in page.spending.set_aside] == ["B1"]


def test_statements_that_cannot_all_be_true_conclude_nothing(committee: User) -> None:
    Statement.objects.filter(code="A2").update(value=400_000_000)
    page = page_of(committee)
    assert lines(page, "Spending") == [
        ("Nothing is concluded", "These statements cannot all be true.", "", "")
    ]
    assert lines(page, "Spending per user") == []
    assert [flag.reason for flag in page.flags if "A2" in flag.reason] == [
        f"Jeju: about ₩400.0M (A2) is more than the total that it is part of, ₩391.7M ({total})."
        for total in ("A1", "B1")
    ]


def test_a_source_without_a_total_leaves_nothing_bounded(committee: User) -> None:
    page = page_of(committee, "c")
    assert [line.value for line in page.conclusions] == ["₩3.276M", "155", "at least 3"]
    assert [row.agency.code for row in page.governments] == ["KR-29", "KR-30", "KR-46"]


def test_a_new_source_raises_its_conflicts_by_itself(committee: User) -> None:
    report, jeju = Report.objects.get(), Statement.objects.get(code="A2").subject.get()
    source = Source.objects.create(
        code="new", report=report, label_ko="새 자료", label_en="New", published_at="2026-01-01T00:00:00Z"
    )
    statement = Statement.objects.create(
        source=source, code="N1", measure="spending", value=50_000_000, rank=3
    )
    statement.subject.set([jeju])
    line = next(line for line in page_of(committee).lines if line.statement.code == "A2")
    assert [(o.statement.code, o.relation, o.points) for o in line.others] == [
        ("B2a", "sharpens", ("period",)),
        ("N1", "conflicts", ("rank",)),
    ]


def test_another_ranking_that_fits_in_gives_its_places_too(committee: User) -> None:
    """The one that covers the most goes first; one that gives a place to another member counts nothing."""
    page = page_of(committee, "c", together=True)
    assert sorted(page.spending.account.ranks.values()) == [1, 2, 3, 4, 5, 13, 17]
    Statement.objects.filter(code="C1a").update(rank=5)
    clashing = page_of(committee, "c", together=True)
    assert sorted(clashing.spending.account.ranks.values()) == [1, 2, 3, 4, 5]
