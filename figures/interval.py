"""What is known of a number: the closed interval that holds its true value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction


def round_half_up(value: Number) -> int:
    """The nearest whole number; a half goes up."""
    if isinstance(value, int):
        return value
    return (2 * Fraction(value) + 1).__floor__() // 2


@dataclass(frozen=True, slots=True)
class Interval:
    """A true value between `low` and `high`, both included; `high=None` means that nothing bounds it above.

    Quantities in govtrack are never negative, so a value of which nothing is known lies in [0, None].
    """

    low: Number = 0
    high: Number | None = None

    def __post_init__(self) -> None:
        if self.high is not None and self.high < self.low:
            raise ValueError(f"empty interval: {self.low} to {self.high}")

    @classmethod
    def exactly(cls, value: Number) -> Interval:
        return cls(value, value)

    @classmethod
    def of_rounded(cls, value: int, unit: int) -> Interval:
        """The whole numbers that round half up to `value`, a multiple of `unit`."""
        return cls(max(0, value - unit // 2), value + (unit - 1) // 2) if unit > 1 else cls(value, value)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    @property
    def half_width(self) -> Fraction | None:
        """How far the true value may lie from the middle; None when it is unbounded."""
        return None if self.high is None else Fraction(self.high - self.low, 2)

    def overlaps(self, other: Interval) -> bool:
        """Whether some value lies in both."""
        return (self.high is None or other.low <= self.high) and (
            other.high is None or self.low <= other.high
        )

    def is_narrower_than(self, other: Interval) -> bool:
        """Whether it says more: a bounded one says more than an unbounded one."""
        width, others = self.half_width, other.half_width
        return width is not None and (others is None or width < others)

    def __contains__(self, value: Number) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)

    def __add__(self, other: Interval) -> Interval:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Interval(self.low + other.low, high)

    def __sub__(self, other: Interval) -> Interval:
        """The difference of two quantities of which the second is part of the first: never below zero."""
        low = 0 if other.high is None else max(0, self.low - other.high)
        high = None if self.high is None else max(low, self.high - other.low)
        return Interval(low, high)

    def __truediv__(self, other: Interval) -> Interval:
        """The quotient, such as won per user. A divisor that may be zero leaves it unbounded above."""
        low = Fraction(0) if not other.high else Fraction(self.low) / other.high
        high = None if self.high is None or not other.low else Fraction(self.high) / other.low
        return Interval(low, high)

    def __and__(self, other: Interval) -> Interval:
        """What both say. Raises ValueError when they contradict each other."""
        highs = [high for high in (self.high, other.high) if high is not None]
        return Interval(max(self.low, other.low), min(highs) if highs else None)

    def rounded(self) -> Interval:
        """Both ends to the nearest whole number, for showing."""
        return Interval(round_half_up(self.low), None if self.high is None else round_half_up(self.high))


def sum_intervals(intervals: Iterable[Interval]) -> Interval:
    total = Interval(0, 0)
    for interval in intervals:
        total += interval
    return total
