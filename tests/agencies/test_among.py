"""Rows by many keys in one parameter are those that `in` finds."""

from __future__ import annotations

from typing import Any

import pytest

from agencies.models import Agency
from tests.subscriptions.factories import agency_at


@pytest.fixture
def codes(db: None) -> dict[str, int]:
    for path in ("KR/P1", "KR/P2", "KR/P2/C1"):
        agency_at(path)
    return dict(Agency.objects.values_list("code", "pk"))


@pytest.mark.parametrize(
    ("field", "among", "found"),
    [
        ("pk", ["P1", "C1"], ["C1", "P1"]),
        ("pk", [], []),
        ("parent", ["P2", "KR"], ["C1", "P1", "P2"]),
        ("parent", ["P1"], []),
        ("parent__parent", ["KR"], ["C1"]),
    ],
)
def test_by_keys(codes: dict[str, int], field: str, among: list[str], found: list[str]) -> None:
    keys = [codes[code] for code in among]
    for given in (keys, set(keys), dict.fromkeys(keys)):
        rows = Agency.objects.filter(**{f"{field}__among": given}).order_by("code")
        assert list(rows.values_list("code", flat=True)) == found
        assert list(rows) == list(Agency.objects.filter(**{f"{field}__in": keys}).order_by("code"))


@pytest.mark.parametrize("texts", [["P1", "P'2"], ["C1", "{P1,P2}"], ["없음", 'P1"'], []])
def test_by_texts(codes: dict[str, int], texts: list[Any]) -> None:
    rows = Agency.objects.filter(code__among=texts)
    assert {row.code for row in rows} == set(texts) & codes.keys()
