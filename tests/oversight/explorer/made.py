"""Answers made by hand: every kind of figure and unknown, in the 17 governments and in pairs with tools."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import replace
from typing import Any

from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.question import Dimension, Question
from oversight.explorer.tile_map import TILES

AS_OF = datetime.datetime(2026, 6, 15, 3, 0, tzinfo=datetime.UTC)


def known(value: int, given: int = 1, **missing: int) -> Total:
    """An exact figure; with `not_given=2` and the like, one that leaves so many out."""
    return Total(Figure.stated(value), given, counted(missing))


def minimum(low: int, high: int | None = None) -> Total:
    figure = Figure(Standing.STATED, low, Interval(low, high), 1, Qualifier.AT_LEAST)
    return Total(figure, 1, Counter())


def unknown(high: int | None = None, **missing: int) -> Total:
    return Total(Figure.missing(Standing.NOT_GIVEN, Interval(0, high)), 0, counted(missing))


def counted(missing: dict[str, int]) -> Counter[Standing]:
    return Counter({Standing(name): count for name, count in missing.items()})


NOTHING = Total(Figure.missing(), 0, Counter())
# One of each, in the order of the tiles.
EACH: list[Total] = [
    known(56_300_001),
    known(0),
    known(12_345_678, 3, not_given=2),
    known(1, 1, withheld=1, undetermined=1),
    unknown(not_given=1),
    unknown(undetermined=2),
    unknown(withheld=1),
    unknown(not_given=1, withheld=1),
    unknown(not_applicable=1),
    NOTHING,
    unknown(43_149_999, not_given=1),
    minimum(700_000),
    minimum(700_000, 900_000),
    Total(Figure.stated(68_700_000, 100_000, Qualifier.ABOUT), 1, Counter()),
    Total(Figure.stated(46_700_000, 100_000), 1, Counter()),
    Total(Figure.stated(5_000_000, 1, Qualifier.AT_MOST), 1, Counter()),
    known(999_999_999_999),
]


def place(code: str, **fields: Any) -> Key:
    return Key(code, f"기관 {code}", {"agency": code}, f"KR/{code}/", **fields)


def tool(code: str) -> Key:
    return Key(code, f"도구 {code}", {"product": code})


def month(code: str) -> Key:
    return Key(code, f"{code}월", {"first": f"{code}-01", "last": f"{code}-28"})


def of_governments(question: Question | None = None, before: bool = False) -> Answer:
    """`EACH` for the 17 governments; with `before`, the same turned round for a year earlier."""
    rows = [
        Row((place(code),), total, earlier if before else None)
        for code, total, earlier in zip(TILES, EACH, reversed(EACH), strict=True)
    ]
    whole = known(1_000_000_000_000, 12, not_given=4, undetermined=3, withheld=3)
    return Answer(
        question=question or Question(),
        as_of=AS_OF,
        rows=rows,
        subtotals=[],
        total=whole,
        before=whole if before else None,
        notes=("A note.",),
    )


def of_pairs(question: Question | None = None) -> Answer:
    """Each government with two tools: its own figure and the next one's; its subtotal is of the first alone."""
    one = of_governments()
    rows = []
    for number, row in enumerate(one.rows):
        for code, total in (("alpha", row.total), ("beta", EACH[(number + 1) % len(EACH)])):
            rows.append(Row((row.keys[0], tool(code)), total))
    question = question or Question(by=(Dimension.PLACE, Dimension.PRODUCT))
    return replace(one, question=question, rows=rows, subtotals=one.rows)


def of_tools(*totals: Total, question: Question | None = None, whole: Total | None = None) -> Answer:
    """A tool for each total: t00, t01 and so on."""
    rows = [Row((tool(f"t{number:02}"),), total) for number, total in enumerate(totals)]
    return Answer(question or Question(by=(Dimension.PRODUCT,)), AS_OF, rows, [], whole or Total.of([]))
