"""The tile map: a place for each government, classes of even size, words that fit."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency, User
from oversight.explorer.question import Dimension, Measure, Question
from oversight.explorer.tile_map import TILES, _levels, tile_map
from tests.oversight.explorer.made import known, of_governments, of_pairs, of_tools

pytestmark = pytest.mark.usefixtures("register")


def test_each_government_has_a_place_of_its_own() -> None:
    governments = Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL)
    assert set(TILES) == set(governments.values_list("code", flat=True))
    assert len(set(TILES.values())) == 17


def test_tiles_do_not_overlap(committee: User) -> None:
    found = tile_map(of_governments(), committee)
    assert found is not None
    corners = {(tile.x, tile.y) for tile in found.tiles}
    for axis in (0, 1):
        places = sorted({corner[axis] for corner in corners})
        assert min(b - a for a, b in pairwise(places)) > found.size
    assert max(x for x, _y in corners) + found.size < found.width
    assert max(y for _x, y in corners) + found.size < found.height


@given(st.lists(st.integers(0, 50), max_size=17))
def test_classes(values: list[int]) -> None:
    """Larger values are never in a lower class, equal ones are in the same, and classes hold as many values as others."""
    levels = _levels([known(value) for value in values])
    ordered = [levels[value] for value in sorted(set(values))]
    assert ordered == sorted(ordered)
    assert set(ordered) <= {1, 2, 3, 4, 5}
    sizes = Counter(ordered).values()
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_states(committee: User) -> None:
    found = tile_map(of_governments(), committee)
    assert found is not None
    states = Counter(tile.state for tile in found.tiles)
    assert states == {"known": 10, "unknown": 5, "nothing": 2}
    assert all(tile.url for tile in found.tiles)
    assert found.elsewhere == 0
    with_more = of_governments(Question(by=(Dimension.PLACE,)))
    more = tile_map(of_tools(*[known(1)] * 3, question=with_more.question), committee)
    assert more is not None
    assert more.elsewhere == 3


def test_pairs_are_shown_by_their_subtotals(committee: User) -> None:
    one, two = tile_map(of_governments(), committee), tile_map(of_pairs(), committee)
    assert one is not None
    assert two is not None
    assert [tile.label for tile in one.tiles] == [tile.label for tile in two.tiles]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ko", {"KR-28": "5,630만 원", "KR-11": "0원", "KR-41": "≥ 1,235만 원", "KR-26": "10,000.00억 원"}),
        ("en", {"KR-28": "₩56.3M", "KR-11": "₩0", "KR-41": "≥ ₩12.3M", "KR-26": "₩1000.0B"}),
    ],
)
def test_short_figures(committee: User, language: str, expected: dict[str, str]) -> None:
    with translation.override(language):
        answer = of_governments()
        answer.rows[15] = answer.rows[15].__class__(answer.rows[15].keys, answer.rows[16].total)
        found = tile_map(answer, committee)
    assert found is not None
    assert {tile.code: tile.figure.text for tile in found.tiles if tile.code in expected} == expected


def test_counts_are_written_as_they_are(committee: User) -> None:
    found = tile_map(of_governments(Question(measure=Measure.STATED_USERS)), committee)
    assert found is not None
    assert {tile.code: tile.figure.text for tile in found.tiles}["KR-28"] == "56,300,001"
