"""A figure as it is shown: a value with its interval, or the reason why there is none; and totals of such figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from figures.interval import Interval, Number, round_half_up, sum_intervals
from figures.standing import Gap, Missing, Qualifier, Standing

UNKNOWN = Interval(0, None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    `value` is None unless the standing is "stated". `interval` holds the true value in every case: for a stated figure what
    its rounding and qualifier leave open, for any other what can be concluded from other figures. `unit` is the number
    that the value was rounded to (1 for a whole number), so that it is never shown with more digits than it has.
    """

    standing: Missing
    value: Number | None = None
    interval: Interval = UNKNOWN
    unit: int = 1
    qualifier: Qualifier = Qualifier.EXACT

    @classmethod
    def stated(cls, value: int, unit: int = 1, qualifier: Qualifier = Qualifier.EXACT) -> Figure:
        rounded = Interval.of_rounded(value, unit)
        interval = rounded
        if qualifier == Qualifier.AT_LEAST:
            interval = Interval(rounded.low, None)
        elif qualifier == Qualifier.AT_MOST:
            interval = Interval(0, rounded.high)
        return cls(Standing.STATED, value, interval, unit, qualifier)

    @classmethod
    def missing(cls, standing: Missing = Standing.NOT_GIVEN, interval: Interval = UNKNOWN) -> Figure:
        return cls(standing, None, interval)

    @classmethod
    def known_as(cls, interval: Interval, value: Number | None = None) -> Figure:
        """A computed figure: exact, "at least" when only its low end is known, or the middle of its interval."""
        if interval.high is None:
            return cls(Standing.STATED, round_half_up(interval.low), interval, 1, Qualifier.AT_LEAST)
        middle = Fraction(interval.low + interval.high) / 2 if value is None else value
        return cls(Standing.STATED, middle, interval, supported_unit(interval))

    @property
    def is_known(self) -> bool:
        return self.value is not None

    @property
    def shown(self) -> int | None:
        """The value with no more digits than its interval supports."""
        return None if self.value is None else round_half_up(Fraction(self.value) / self.unit) * self.unit

    @property
    def tolerance(self) -> int | None:
        """How far the true value may lie from the shown one, in whole units; None when unbounded."""
        half_width = self.interval.half_width
        return None if half_width is None else round_half_up(half_width)

    def per(self, other: Figure) -> Figure:
        """This figure over another one, such as spending per user, with the rounding of both carried through."""
        for part in (self, other):
            if not part.is_known and part.standing == Standing.NOT_APPLICABLE:
                return Figure.missing(part.standing)
        if other.interval.high == 0:
            return Figure.missing(
                Standing.NOT_APPLICABLE
            )  # nothing is spent per user where there are no users
        quotient = self.interval / other.interval
        if not (self.is_known and other.is_known):
            return Figure.missing(other.standing if self.is_known else self.standing, quotient)
        if quotient.high is None:
            return Figure.known_as(quotient) if quotient.low else Figure.missing(Standing.UNDETERMINED)
        if not quotient.low and self.interval.low:
            return Figure(Standing.STATED, quotient.high, quotient, 1, Qualifier.AT_MOST)
        return Figure.known_as(quotient, Fraction(self.value or 0) / Fraction(other.value or 1))


def supported_unit(interval: Interval) -> int:
    """The largest power of ten that is no wider than the interval: the last digit worth showing."""
    width, unit = 2 * (interval.half_width or 0), 1
    while unit * 10 <= width:
        unit *= 10
    return unit


def missing_figures(not_given: int, rate_missing: int = 0) -> Counter[Missing]:
    """What a sum leaves out, as `Total.missing` holds it."""
    counts: dict[Missing, int] = {Standing.NOT_GIVEN: not_given, Gap.RATE_MISSING: rate_missing}
    return Counter({why: count for why, count in counts.items() if count})


@dataclass(frozen=True, slots=True)
class Total:
    """A sum that says what it leaves out: what is known, and how many figures of which standing are missing."""

    known: Figure
    given: int = 0
    missing: Counter[Missing] = field(default_factory=Counter)

    @classmethod
    def of(cls, figures: Iterable[Figure]) -> Total:
        figures = list(figures)
        given = [figure for figure in figures if figure.is_known]
        # A figure that does not apply is no gap: there is nothing to be known.
        missing: Counter[Missing] = Counter(figure.standing for figure in figures if not figure.is_known)
        if not given:
            return cls(Figure.missing(), 0, missing)
        value = sum((Fraction(figure.value or 0) for figure in given), Fraction(0))
        known = Figure(
            Standing.STATED,
            value,
            sum_intervals(figure.interval for figure in given),
            max(figure.unit for figure in given),
            Qualifier.AT_LEAST if any(figure.interval.high is None for figure in given) else Qualifier.EXACT,
        )
        return cls(known, len(given), missing)

    @property
    def gaps(self) -> int:
        """How many figures are missing that could be known."""
        return sum(n for standing, n in self.missing.items() if standing != Standing.NOT_APPLICABLE)

    @property
    def is_complete(self) -> bool:
        return not self.gaps and self.known.qualifier != Qualifier.AT_LEAST
