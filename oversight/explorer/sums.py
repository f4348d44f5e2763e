"""What is added up for one group, and the total that a reader is shown of it."""

from __future__ import annotations

from typing import NamedTuple

from figures.figure import Figure, Total, missing_figures
from figures.interval import Interval
from figures.standing import Qualifier, Standing


class Sums(NamedTuple):
    """`low`: the sum of what is known at least. `given`: how many figures are in it, `bounded` how many of these have an upper
    end, and `high` is the sum of the upper ends. `unknown`: how many are missing
    altogether, `rateless`: how many more because no exchange rate is known.
    """

    low: int = 0
    high: int = 0
    given: int = 0
    bounded: int = 0
    unknown: int = 0
    rateless: int = 0

    @classmethod
    def exactly(cls, value: int, given: int, unknown: int = 0, rateless: int = 0) -> Sums:
        return cls(value, value, given, given, unknown, rateless)

    def __add__(self, other: Sums) -> Sums:  # type: ignore[override]
        # Written out, since it is done for each of twenty thousand agencies.
        return Sums(
            self.low + other.low,
            self.high + other.high,
            self.given + other.given,
            self.bounded + other.bounded,
            self.unknown + other.unknown,
            self.rateless + other.rateless,
        )

    def total(self) -> Total:
        """Unknown, not zero, when nothing is given."""
        missing = missing_figures(self.unknown, self.rateless)
        if not self.given:
            return Total(Figure.missing(), 0, missing)
        interval = Interval(self.low, self.high if self.bounded == self.given else None)
        qualifier = Qualifier.EXACT if interval.is_exact else Qualifier.AT_LEAST
        return Total(Figure(Standing.STATED, self.low, interval, 1, qualifier), self.given, missing)


def as_figure(total: Total) -> Figure:
    """A total as one figure: "at least" where it leaves something out."""
    if not total.given:
        only = set(total.missing) or {Standing.NOT_APPLICABLE}
        return Figure.missing(only.pop() if len(only) == 1 else Standing.NOT_GIVEN)
    if total.is_complete:
        return total.known
    return Figure.known_as(Interval(total.known.interval.low, None))
