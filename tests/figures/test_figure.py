"""Figures and totals: an unknown is never zero, never left out of a sum, and nothing shows more digits than it has."""

from collections import Counter
from fractions import Fraction

import pytest

from figures.figure import Figure, Total, supported_unit
from figures.interval import Interval
from figures.standing import Qualifier, Standing

UNKNOWN = Interval(0, None)
M = 1_000_000
TENTH = 100_000


@pytest.mark.parametrize(
    ("qualifier", "interval"),
    [
        (Qualifier.EXACT, Interval(43_050_000, 43_149_999)),
        (Qualifier.ABOUT, Interval(43_050_000, 43_149_999)),
        (Qualifier.AT_LEAST, Interval(43_050_000, None)),
        (Qualifier.AT_MOST, Interval(0, 43_149_999)),
    ],
)
def test_a_stated_figure_carries_its_rounding_and_qualifier(qualifier: Qualifier, interval: Interval) -> None:
    figure = Figure.stated(43_100_000, TENTH, qualifier)
    assert figure == Figure(Standing.STATED, 43_100_000, interval, TENTH, qualifier)
    assert (figure.is_known, figure.shown) == (True, 43_100_000)


@pytest.mark.parametrize("standing", [s for s in Standing if s != Standing.STATED])
def test_a_missing_figure_has_no_value(standing: Standing) -> None:
    figure = Figure.missing(standing)
    assert (figure.value, figure.shown, figure.is_known, figure.interval) == (None, None, False, UNKNOWN)


@pytest.mark.parametrize(
    ("interval", "unit"),
    [
        (Interval(7, 7), 1),
        (Interval(0, 9), 1),
        (Interval(0, 10), 10),
        (Interval(33_791, 33_870), 10),
        (Interval(127_841, 128_068), 100),
        (Interval(344_900_001, 345_099_999), TENTH),
        (Interval(132_100_005, 132_699_999), TENTH),
        (Interval(5, None), 1),
    ],
)
def test_the_last_digit_worth_showing(interval: Interval, unit: int) -> None:
    assert supported_unit(interval) == unit


def test_a_computed_figure_is_the_middle_of_its_interval() -> None:
    assert Figure.known_as(Interval(10, 21)) == Figure(Standing.STATED, Fraction(31, 2), Interval(10, 21), 10)
    assert Figure.known_as(Interval(10, 21)).shown == 20


def test_a_computed_figure_without_an_upper_end_is_a_minimum() -> None:
    assert Figure.known_as(Interval(10, None)) == Figure(
        Standing.STATED, 10, Interval(10, None), 1, Qualifier.AT_LEAST
    )


@pytest.mark.parametrize(
    ("interval", "tolerance"), [(Interval(0, 60), 30), (Interval(0, None), None), (Interval(5, 5), 0)]
)
def test_tolerance(interval: Interval, tolerance: int | None) -> None:
    assert Figure.missing(interval=interval).tolerance == tolerance


class TestPer:
    """One figure over another, such as spending per user."""

    def test_the_rounding_of_both_is_carried_through(self) -> None:
        figure = Figure.stated(43_100_000, TENTH).per(Figure.stated(1274))
        assert figure == Figure(
            Standing.STATED,
            Fraction(43_100_000, 1274),
            Interval(Fraction(43_050_000, 1274), Fraction(43_149_999, 1274)),
            10,
        )
        assert (figure.shown, figure.interval.rounded()) == (33_830, Interval(33_791, 33_870))

    def test_no_more_digits_than_supported(self) -> None:
        figure = Figure.stated(56_300_000, TENTH).per(Figure.stated(440))
        assert (figure.shown, figure.interval.rounded()) == (128_000, Interval(127_841, 128_068))

    @pytest.mark.parametrize(
        ("dividend", "divisor", "quotient"),
        [
            pytest.param(
                Figure.stated(68_700_000, TENTH),
                Figure.missing(interval=Interval(0, 275)),
                Figure.missing(interval=Interval(Fraction(68_650_000, 275), None)),
                id="a bounded divisor gives a minimum",
            ),
            pytest.param(
                Figure.missing(interval=Interval(0, 43_149_999)),
                Figure.stated(858),
                Figure.missing(interval=Interval(0, Fraction(43_149_999, 858))),
                id="a bounded dividend gives a maximum",
            ),
            pytest.param(
                Figure.stated(46_700_000, TENTH),
                Figure.missing(Standing.UNDETERMINED),
                Figure.missing(Standing.UNDETERMINED),
                id="the divisor's standing is that of the quotient",
            ),
            pytest.param(
                Figure.missing(Standing.WITHHELD),
                Figure.missing(Standing.UNDETERMINED),
                Figure.missing(Standing.WITHHELD),
                id="the dividend's standing comes first",
            ),
            pytest.param(
                Figure.stated(100),
                Figure.missing(Standing.NOT_APPLICABLE),
                Figure.missing(Standing.NOT_APPLICABLE),
                id="not applicable",
            ),
            pytest.param(
                Figure.stated(100),
                Figure.stated(0),
                Figure.missing(Standing.NOT_APPLICABLE),
                id="nothing per user where there are no users",
            ),
            pytest.param(
                Figure.missing(),
                Figure.stated(0),
                Figure.missing(Standing.NOT_APPLICABLE),
                id="nor where the spending is unknown",
            ),
            pytest.param(
                Figure.stated(100, 1, Qualifier.AT_LEAST),
                Figure.stated(10),
                Figure(Standing.STATED, 10, Interval(10, None), 1, Qualifier.AT_LEAST),
                id="at least",
            ),
            pytest.param(
                Figure.stated(100),
                Figure.stated(10, 1, Qualifier.AT_LEAST),
                Figure(Standing.STATED, 10, Interval(0, 10), 1, Qualifier.AT_MOST),
                id="at most",
            ),
            pytest.param(
                Figure.stated(100, 1, Qualifier.AT_LEAST),
                Figure.stated(10, 1, Qualifier.AT_LEAST),
                Figure.missing(Standing.UNDETERMINED),
                id="two minimums say nothing of their quotient",
            ),
        ],
    )
    def test_what_is_not_known(self, dividend: Figure, divisor: Figure, quotient: Figure) -> None:
        assert dividend.per(divisor) == quotient


class TestTotal:
    def test_of_known_figures_carries_their_rounding(self) -> None:
        total = Total.of([Figure.stated(2 * M, TENTH), Figure.stated(3 * M, TENTH), Figure.stated(5)])
        known = Figure(
            Standing.STATED,
            5 * M + 5,
            Interval(5 * M + 5 - TENTH, 5 * M + 5 + TENTH - 2),
            TENTH,
        )
        assert total == Total(known, 3, Counter())
        assert (total.is_complete, total.gaps, total.known.shown) == (True, 0, 5 * M)

    def test_says_what_is_missing_and_of_which_kind(self) -> None:
        total = Total.of(
            [
                Figure.stated(4),
                Figure.missing(),
                Figure.missing(),
                Figure.missing(Standing.WITHHELD),
                Figure.missing(Standing.NOT_APPLICABLE),
            ]
        )
        assert total == Total(
            Figure.stated(4),
            1,
            Counter({Standing.NOT_GIVEN: 2, Standing.WITHHELD: 1, Standing.NOT_APPLICABLE: 1}),
        )
        assert (total.is_complete, total.gaps) == (False, 3)

    def test_what_does_not_apply_is_no_gap(self) -> None:
        total = Total.of([Figure.stated(4), Figure.missing(Standing.NOT_APPLICABLE)])
        assert (total.is_complete, total.gaps) == (True, 0)

    def test_of_nothing_known_is_unknown_and_not_zero(self) -> None:
        total = Total.of([Figure.missing(), Figure.missing()])
        assert total == Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 2}))
        assert (total.is_complete, total.known.is_known) == (False, False)

    def test_with_a_minimum_is_a_minimum(self) -> None:
        total = Total.of([Figure.stated(4), Figure.stated(6, 1, Qualifier.AT_LEAST)])
        assert total.known == Figure(Standing.STATED, 10, Interval(10, None), 1, Qualifier.AT_LEAST)
        assert not total.is_complete
