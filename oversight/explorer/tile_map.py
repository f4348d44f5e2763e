"""The 17 governments as equal tiles, laid out roughly as the country and coloured by the measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from django.utils.translation import gettext

from agencies.models import Agency, User
from figures.figure import Total
from figures.formatting import number, won, won_exact
from figures.naming import is_korean
from oversight.explorer.address import records_url
from oversight.explorer.answer import Answer
from oversight.explorer.lines import groups
from oversight.explorer.question import Dimension, Measure
from oversight.explorer.reading import figure_text, left_out_text

# Column and row of each tile, from the north-west.
TILES = {
    "KR-28": (0, 0),
    "KR-11": (1, 0),
    "KR-41": (2, 0),
    "KR-42": (3, 0),
    "KR-44": (0, 1),
    "KR-50": (1, 1),
    "KR-43": (2, 1),
    "KR-47": (3, 1),
    "KR-45": (0, 2),
    "KR-30": (1, 2),
    "KR-27": (2, 2),
    "KR-31": (3, 2),
    "KR-29": (0, 3),
    "KR-46": (1, 3),
    "KR-48": (2, 3),
    "KR-26": (3, 3),
    "KR-49": (0, 4),
}
CLASSES = 5
SIZE, GAP, EDGE = 100, 6, 4  # in the picture's own units
NAME_AT, LINE_HEIGHT, FIGURE_AT = 30, 19, 84


@dataclass(frozen=True)
class Word:
    """A line of text on a tile, at the middle of its width."""

    text: str
    x: int
    y: int


@dataclass(frozen=True)
class Tile:
    """`state`: "known" (then `level` 1 to 5), "unknown", "nothing" or "unseen". `url` leads to the records, none when unseen."""

    code: str
    state: str
    level: int
    x: int
    y: int
    name: list[Word]
    figure: Word
    label: str
    url: str = ""

    @property
    def classes(self) -> str:
        return f"gt-tile level-{self.level}" if self.state == "known" else f"gt-tile {self.state}"


@dataclass(frozen=True)
class TileMap:
    """`legend`: ("level-1", text) of each class that occurs, the smallest figures first. `elsewhere`: groups without a tile."""

    tiles: list[Tile]
    legend: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: int = 0
    width: int = 4 * (SIZE + GAP) - GAP + 2 * EDGE
    height: int = 5 * (SIZE + GAP) - GAP + 2 * EDGE
    size: int = SIZE

    @property
    def states(self) -> set[str]:
        return {tile.state for tile in self.tiles}


def tile_map(answer: Answer, user: User) -> TileMap | None:
    """None where the rows are not the governments: another grouping, or the view of an agency below the nation."""
    question = answer.question
    agency = question.filters.agency
    if question.by[0] != Dimension.PLACE or (agency is not None and agency.parent_id is not None):
        return None
    if question.filters.alone:
        return None
    found = {row.keys[0].code: row for row in groups(answer)}
    agencies = {found.code: found for found in Agency.objects.filter(code__in=TILES)}
    measure, sight = question.measure, user.sight()
    levels = _levels([row.total for code, row in found.items() if code in TILES])
    tiles = []
    for code, government in agencies.items():
        row, x, y = found.get(code), *_corner(code)
        seen = measure.is_stated or sight.covers(government.path) or sight.within(government.path).paths
        name = [
            Word(part, x + SIZE // 2, y + NAME_AT + LINE_HEIGHT * n)
            for n, part in enumerate(str(government.short).split(" "))
        ]
        if row is not None:
            value = row.total.known.shown
            state = "known" if value is not None else "unknown" if row.total.gaps else "nothing"
            text, url = _full(row.total, measure), records_url(question, row.keys)
            short = _short(row.total, measure)
        elif seen:
            value, state, url = None, "nothing", ""
            text = short = gettext("None")
        else:
            value, state, url = None, "unseen", ""
            text, short = gettext("Not visible to you"), ""
        tiles.append(
            Tile(
                code,
                state,
                levels.get(value, 0) if value is not None else 0,
                x,
                y,
                name,
                Word(short, x + SIZE // 2, y + FIGURE_AT),
                gettext("%(agency)s: %(figure)s") % {"agency": government.short, "figure": text},
                url,
            )
        )
    return TileMap(tiles, _legend(levels, measure), len(set(found) - set(TILES)))


def _corner(code: str) -> tuple[int, int]:
    column, row = TILES[code]
    return EDGE + column * (SIZE + GAP), EDGE + row * (SIZE + GAP)


def _levels(totals: Sequence[Total]) -> dict[int, int]:
    """The class of each known value: as many values in one as in another, equal values in the same."""
    values = sorted({total.known.shown for total in totals if total.known.shown is not None})
    count = len(values)
    return {value: 1 + place * CLASSES // count for place, value in enumerate(values)}


def _legend(levels: dict[int, int], measure: Measure) -> list[tuple[str, str]]:
    exact = won_exact if measure.money else number
    entries = []
    for level in range(1, CLASSES + 1):
        values = [value for value, its in levels.items() if its == level]
        if values:
            low, high = exact(min(values)), exact(max(values))
            both = gettext("%(low)s to %(high)s") % {"low": low, "high": high}
            entries.append((f"level-{level}", low if low == high else both))
    return entries


def _full(total: Total, measure: Measure) -> str:
    """`₩43.1M, at least`: the figure first, as it is heard among others."""
    text = figure_text(total, measure.money)
    if total.known.is_known and not total.is_complete:
        shown = (won if measure.money else number)(total.known.shown or 0)
        text = gettext("%(amount)s, at least") % {"amount": shown}
    left_out = left_out_text(total, measure.money)
    return gettext("%(amount)s; %(gaps)s") % {"amount": text, "gaps": left_out} if left_out else text


def _short(total: Total, measure: Measure) -> str:
    """What fits on a tile; the label and the table have the exact figure."""
    value = total.known.shown
    if value is None:
        return figure_text(total, measure.money)
    if not measure.money:
        text = number(value)
    elif is_korean() and value >= 100_000_000:
        text = gettext("%(amount)s hundred million won") % {"amount": f"{value / 100_000_000:,.2f}"}
    elif is_korean() and value >= 10_000:
        text = gettext("%(amount)s ten thousand won") % {"amount": number(Fraction(value, 10_000))}
    else:
        text = won(value)
    return text if total.is_complete else f"≥ {text}"
