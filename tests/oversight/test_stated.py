"""What a source states, for each agency and together, and what follows for those it leaves open."""

import datetime
from fractions import Fraction
from typing import Any

import pytest

from agencies.models import Agency
from catalog.models import Product
from figures.figure import Figure
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from oversight.stated import (
    Measure,
    Stated,
    default_source,
    governments_subscribing,
    stated,
    statements_of,
)
from sources.models import Report, Source, Statement

TENTH = 100_000
REPORT_PERIOD = (datetime.date(2023, 1, 1), datetime.date(2024, 1, 31))


def by_code(told: Stated) -> dict[str, Figure]:
    codes = dict(Agency.objects.values_list("pk", "code"))
    return {codes[pk]: figure for pk, figure in sorted(told.figures.items(), key=lambda item: codes[item[0]])}


def codes(ids: frozenset[int]) -> set[str]:
    return set(Agency.objects.filter(pk__in=ids).values_list("code", flat=True))


@pytest.mark.usefixtures("register")
class TestTheReport:
    def test_spending(self) -> None:
        told = stated(statements_of(default_source(), Measure.SPENDING), Measure.SPENDING)
        given = {
            "KR-49": Figure.stated(68_700_000, TENTH, Qualifier.ABOUT),
            "KR-11": Figure.stated(56_300_000, TENTH),
            "KR-41": Figure.stated(46_700_000, TENTH),
            "KR-46": Figure.stated(44_500_000, TENTH),
            "KR-44": Figure.stated(43_100_000, TENTH),
        }
        all_codes = Agency.objects.exclude(code="KR").values_list("code", flat=True)
        unknown = Figure.missing(Standing.NOT_GIVEN, Interval(0, 43_149_999))
        assert by_code(told) == {code: given.get(code, unknown) for code in all_codes}
        assert (told.period, told.contradictory) == (REPORT_PERIOD, False)

    def test_spending_together_and_what_is_left_of_it(self) -> None:
        together = stated(statements_of(default_source(), Measure.SPENDING), Measure.SPENDING).together
        assert together is not None
        assert together.figure == Figure.stated(391_700_000, TENTH)
        assert len(together.agencies) == 17
        assert together.left == Figure(
            Standing.STATED, Fraction(132_400_000), Interval(132_100_005, 132_699_999), TENTH
        )
        assert len(together.left_agencies) == 12
        assert together.left_on_average == Figure(
            Standing.STATED,
            Fraction(132_400_000, 12),
            Interval(Fraction(132_100_005, 12), Fraction(132_699_999, 12)),
            10_000,
        )
        assert together.left_on_average.shown == 11_030_000

    def test_users(self) -> None:
        told = stated(statements_of(default_source(), Measure.USERS), Measure.USERS)
        given = {
            "KR-44": Figure.stated(1274),
            "KR-42": Figure.stated(858),
            "KR-11": Figure.stated(440),
            "KR-30": Figure.stated(275),
            # The ranks cover 16 governments: nothing bounds the one that could not determine its number.
            "KR-41": Figure.missing(Standing.UNDETERMINED),
        }
        all_codes = Agency.objects.exclude(code="KR").values_list("code", flat=True)
        unknown = Figure.missing(Standing.NOT_GIVEN, Interval(0, 275))
        assert by_code(told) == {code: given.get(code, unknown) for code in all_codes}

    def test_users_together_leave_out_the_one_that_is_undetermined(self) -> None:
        told = stated(statements_of(default_source(), Measure.USERS), Measure.USERS)
        together = told.together
        assert together is not None
        assert (together.figure, len(together.agencies)) == (Figure.stated(3687), 16)
        assert "KR-41" not in codes(together.agencies)
        assert (together.left, len(together.left_agencies)) == (Figure.stated(840), 12)
        assert together.left_on_average == Figure.stated(70)
        assert told.period == (None, None)

    def test_who_subscribes_to_what(self) -> None:
        statements = statements_of(default_source(), Measure.GOVERNMENTS_SUBSCRIBING)
        told = {
            product: (len(known), [statement.code for statement in uncertain])
            for product in Product.objects.values_list("code", flat=True)
            for known, uncertain in [governments_subscribing(statements, product)]
        }
        assert told == {
            "chatgpt": (17, []),
            "claude": (0, ["A16"]),
            "midjourney": (0, ["A17"]),
            "gamma": (0, ["A18"]),
            "suno": (0, ["A19"]),
            "perplexity": (0, ["A20"]),
            "clova-dubbing": (0, ["A21"]),
            "bluedot": (0, ["A22"]),
            "deepseek": (0, []),
        }

    def test_the_loose_total_of_another_period_is_not_taken_for_the_total(self) -> None:
        assert Statement.objects.get(code="A0").value == 400_000_000
        together = stated(statements_of(default_source(), Measure.SPENDING), Measure.SPENDING).together
        assert together is not None
        assert together.figure.value == 391_700_000

    def test_what_is_not_published_tells_nothing(self) -> None:
        source = default_source()
        assert source is not None
        assert source.code == "a"
        Source.objects.update(published_at=None)
        assert default_source() is None
        assert statements_of(source, Measure.SPENDING) == []

    def test_the_newest_report_comes_first_and_its_first_source(self) -> None:
        report = Report.objects.create(code="next", title_ko="다음", title_en="Next")
        for code in ("n2", "n1"):
            source = Source.objects.create(code=code, report=report, published_at="2026-01-01T00:00:00Z")
            Statement.objects.create(source=source, code="N", measure=Measure.SPENDING, value=1)
        assert default_source() == Source.objects.get(code="n2")


@pytest.fixture
def tell(make_agency: Any) -> Any:
    """`tell("users", ["P1"], value=5)`: a statement of one source; without a value, the figure is not given."""
    source = Source.objects.create(
        code="s",
        report=Report.objects.create(code="r", title_ko="보고서", title_en="Report"),
        published_at="2026-01-01T00:00:00Z",
    )

    def tell(measure: str, subject: list[str], **fields: Any) -> Statement:
        standing = Standing.STATED if "value" in fields else Standing.NOT_GIVEN
        code = f"S{source.statements.count()}"
        fields = {"standing": standing, **fields}
        statement = Statement.objects.create(source=source, code=code, measure=measure, **fields)
        statement.subject.set([make_agency(code) for code in subject])
        return statement

    return tell


def told_of(measure: str) -> Stated:
    return stated(statements_of(Source.objects.get(code="s"), measure), measure)


class TestReading:
    def test_nothing_stated(self, db: None) -> None:
        assert stated([], Measure.USERS) == Stated()
        assert Stated().of(1) == Figure.missing()

    def test_a_statement_for_each_member_is_everybodys_own(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2"], value=7, reading="each")
        told = told_of(Measure.USERS)
        assert by_code(told) == {"P1": Figure.stated(7), "P2": Figure.stated(7)}
        assert told.together is None

    def test_a_given_value_goes_before_a_missing_one(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2"], reading="each")
        tell(Measure.USERS, ["P1"], value=7)
        assert by_code(told_of(Measure.USERS)) == {"P1": Figure.stated(7), "P2": Figure.missing()}

    def test_the_widest_statement_together_is_the_total(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2"], value=10)
        tell(Measure.USERS, ["P1", "P2", "P3"], value=15)
        told = told_of(Measure.USERS)
        assert told.together is not None
        assert (told.together.figure, len(told.together.agencies)) == (Figure.stated(15), 3)

    def test_the_period_with_the_most_figures_counts_and_of_several_the_latest(self, tell: Any) -> None:
        of_2024 = {"period_from": "2024-01-01", "period_until": "2024-12-31"}
        of_2025 = {"period_from": "2025-01-01", "period_until": "2025-12-31"}
        tell(Measure.USERS, ["P1"], value=1, **of_2025)
        tell(Measure.USERS, ["P1"], value=2, **of_2024)
        assert by_code(told_of(Measure.USERS)) == {"P1": Figure.stated(1)}
        tell(Measure.USERS, ["P2"], value=3, **of_2024)
        assert by_code(told_of(Measure.USERS)) == {"P1": Figure.stated(2), "P2": Figure.stated(3)}

    def test_what_does_not_apply_is_no_part_of_what_is_left(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2", "P3"], value=10)
        tell(Measure.USERS, ["P1"], standing=Standing.NOT_APPLICABLE)
        tell(Measure.USERS, ["P2"], value=4)
        told = told_of(Measure.USERS)
        assert told.together is not None
        assert (told.together.left, codes(told.together.left_agencies)) == (Figure.stated(6), {"P3"})
        assert by_code(told)["P1"] == Figure.missing(Standing.NOT_APPLICABLE)
        assert by_code(told)["P3"] == Figure.missing(Standing.NOT_GIVEN, Interval(6, 6))

    def test_when_everybody_has_a_figure_nothing_is_left(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2"], value=10)
        tell(Measure.USERS, ["P1"], value=4)
        tell(Measure.USERS, ["P2"], value=6)
        together = told_of(Measure.USERS).together
        assert together is not None
        assert (together.left, together.left_on_average, together.left_agencies) == (None, None, frozenset())

    def test_statements_that_cannot_all_be_true_stand_and_conclude_nothing(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1", "P2"], value=10)
        tell(Measure.USERS, ["P1"], value=11)
        tell(Measure.USERS, ["P2"])
        told = told_of(Measure.USERS)
        assert told.contradictory
        assert by_code(told) == {"P1": Figure.stated(11), "P2": Figure.missing()}
        assert told.together is not None
        assert (told.together.figure, told.together.left) == (Figure.stated(10), None)

    def test_a_government_withholding_its_figure_is_not_ranked(self, tell: Any) -> None:
        tell(Measure.USERS, ["P1"], value=11, rank=1)
        tell(Measure.USERS, ["P2"], standing=Standing.WITHHELD)
        tell(Measure.USERS, ["P3"])
        assert by_code(told_of(Measure.USERS)) == {
            "P1": Figure.stated(11),
            "P2": Figure.missing(Standing.WITHHELD),
            "P3": Figure.missing(Standing.NOT_GIVEN, Interval(0, 11)),
        }
