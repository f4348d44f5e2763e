"""What price lines commit to, worked out by functions of this process, since SQLite's numbers are of 64 bits."""

from __future__ import annotations

import datetime
import functools
import itertools
from collections.abc import Sequence
from typing import Any

from subscriptions.committed import LARGEST
from subscriptions.committed_lines import Place, place_of


def create_functions(connection: Any) -> None:
    """Make the functions known to a connection of SQLite's own."""
    connection.create_function("govtrack_committed", 11, _committed, deterministic=True)
    connection.create_function("govtrack_runs", 5, _runs, deterministic=True)


def each_line(lines: str, cuts: Sequence[datetime.date]) -> str:
    """`low`, `high` and `open` of each line and period."""
    costs, known = [], []
    for n, (first, after) in enumerate(itertools.pairwise(cuts)):
        days = f"months, begins, ends, '{first}', '{after}'"
        costs.append(
            f"govtrack_committed(amount, COALESCE(rate, 0), least, seats, scale, {days}, 0) AS low{n},"
            f" CASE WHEN counted = 1 THEN"
            f" govtrack_committed(amount, rate, most, seats, scale, {days}, 1) END AS high{n}"
        )
        known.append(
            f"low{n}, high{n}, CASE WHEN high{n} IS NULL THEN govtrack_runs({days}) ELSE 0 END AS open{n}"
        )
    return (
        f"SELECT id, agency_id, started_on, ends_on, rateless, {', '.join(known)}"
        f" FROM (SELECT l.*, {', '.join(costs)} FROM ({lines}) AS l) AS c"
    )


def _committed(
    amount: int, rate: int | None, tenths: int, seats: int, scale: int, months: int,
    begins: str | None, ends: str | None, first: str, after: str, at_most: int,
) -> int | None:  # fmt: skip
    """A line's part of a period in whole won, at least or at most; None where nothing bounds it."""
    if rate is None:
        return None
    price, most = amount * rate * tenths * seats, LARGEST * scale
    if at_most and price > most:
        return None
    if begins is None and not at_most:
        return 0
    price, start = min(price, most), begins or first
    until, before = (_cycles(months, start, ends, day) for day in (after, first))
    return _rounded_half_up(price, until, scale) - _rounded_half_up(price, before, scale)


def _runs(months: int, begins: str | None, ends: str | None, first: str, after: str) -> int:
    """Whether some of a line's cycles lie in a period."""
    start = begins or first
    (until, length), (before, other) = (_cycles(months, start, ends, day) for day in (after, first))
    return int(until * other != before * length)


def _rounded_half_up(price: int, cycles: tuple[int, int], scale: int) -> int:
    run, length = cycles
    return (2 * price * run + scale * length) // (2 * scale * length)


def _cycles(months: int, begins: str, ends: str | None, before: str) -> tuple[int, int]:
    """How many cycles a line has run from its first day until just before a day: a numerator and its denominator."""
    if (ends is not None and ends < begins) or before <= begins:
        return 0, 1
    over = ends is not None and ends < before
    whole, days, length = _place_of(ends or "" if over else before, months, over)
    whole_begun, days_begun, length_begun = _place_of(begins, months, False) if months else (0, 0, 1)
    run = (whole - whole_begun) * length * length_begun + days * length_begun - days_begun * length
    return run, length * length_begun


@functools.lru_cache(maxsize=20_000)
def _place_of(day: str, months: int, after: bool) -> Place:
    """The place of a day as SQLite keeps it, or of the day after it."""
    date = datetime.date.fromisoformat(day)
    whole, days, length = place_of(date, months)
    return (whole, days + after, length) if months else (whole, days, length)
