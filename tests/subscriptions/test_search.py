"""The search over subscriptions finds the same whichever way it takes, and rows of either kind can be paged and exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from agencies.models import Recheck
from subscriptions import search as searching
from subscriptions.models import Facts, Subscription
from subscriptions.search import search
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, agency_at, kept

PURPOSES = [
    "드론 촬영 업무",
    "민원 업무",
    "회의록 업무",
    "100% 절감",
    "C:\\temp_1",
    "드론",
    "Photogrammetry",
    "it's “quoted”",
]
WAYS = {"by keys": {}, "in order, being common": {"COMMON": 1}, "in order, being many": {"FEW": 0}}


@pytest.fixture
def purposes(db: None) -> None:
    agency_at("KR/KR-49")
    for purpose in PURPOSES:
        kept(SubscriptionFactory(agency__code="KR-49", purpose=purpose))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("드론", [0, 5]),
        ("업무", [0, 1, 2]),
        ("업무 드론", [0]),
        ("드", [0, 5]),  # one character is no pair
        ("론 촬", [0]),
        ("영업", []),  # both characters, but apart
        ("PHOTOgram", [6]),
        ("%", [3]),
        ("0%", [3]),
        ("\\temp_", [4]),
        ("p_", [4]),
        ("t's", [7]),
        ("“quoted”", [7]),
        ("없는낱말", []),
        ("  ", list(range(8))),
    ],
)
def test_finds_what_contains_every_word(
    purposes: None, monkeypatch: pytest.MonkeyPatch, way: str, text: str, found: list[int]
) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(searching, name, value)
    rows, _countable = search(Subscription.objects.order_by("pk"), text)
    assert [row.purpose for row in rows] == [PURPOSES[position] for position in found]


SHARED_NAMES = {**WAYS, "in order, as many agencies bear the name": {"MANY_BEARERS": 0}}


@pytest.mark.parametrize("way", SHARED_NAMES)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("한라", ["KR-49"]),
        ("시청 대화", ["KR-11", "KR-49"]),
        ("CITY hall", ["KR-11", "KR-49"]),
        ("만든이", ["KR-11", "KR-49"]),
        ("maker 한라산", ["KR-49"]),
        ("한라 회의", ["KR-49"]),
        ("한라 민원", []),
        ("회의록 한", ["KR-49"]),
        ("민원 청 m", ["KR-11"]),
        ("록\x1f한라", ["KR-49"]),
        ("록한라", []),
    ],
)
def test_finds_what_bears_the_name_of_its_agency_tool_or_vendor(
    db: None, monkeypatch: pytest.MonkeyPatch, way: str, text: str, found: list[str]
) -> None:
    """Names that many subscriptions share are not in the index, and a word may stand in them or in the rest."""
    tool = ProductFactory(name_ko="대화", name_en="Chat", vendor__name_ko="만든이", vendor__name_en="Maker")
    for code, name, purpose in (("KR-11", "서울시청", "민원"), ("KR-49", "한라산시청", "회의록\x1f")):
        agency = agency_at(f"KR/{code}")
        agency.name_ko, agency.name_en = name, f"City Hall {code}"
        agency.save()
        kept(SubscriptionFactory(agency=agency, product=tool, purpose=purpose))
    for limit, value in SHARED_NAMES[way].items():
        monkeypatch.setattr(searching, limit, value)
    rows, _countable = search(Subscription.objects.order_by("agency__code"), text)
    assert [row.agency.code for row in rows] == found


def test_finds_a_name_as_it_is_written_and_as_it_was(db: None) -> None:
    """An İ has no small letter of its own; what is renamed stands in the text under its old name until that is made anew."""
    agency = agency_at("KR/KR-11")
    agency.name_en = "İzmir Hall"
    agency.save()
    kept(SubscriptionFactory(agency=agency))
    Recheck.objects.all().delete()
    assert [search(Subscription.objects.all(), text).rows.count() for text in ("İzmir", "hall", "izmit")] == [
        1,
        1,
        0,
    ]
    agency.name_en = "Smyrna"
    agency.save()
    Recheck.ask(Recheck.About.AGENCY, agency.code)
    assert search(Subscription.objects.all(), "İzmir").rows.count() == 1


def test_says_whether_the_rows_can_be_counted(purposes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def countable(text: str) -> bool:
        return search(Subscription.objects.all(), text).countable

    monkeypatch.setattr(searching, "SMALL", 7)
    assert (countable("드론"), countable("드"), countable("")) == (True, False, True)
    monkeypatch.setattr(searching, "FEW", 2)
    assert (countable("드론"), countable("업무")) == (True, False)
    monkeypatch.setattr(searching, "COMMON", 2)
    assert (countable("드론"), countable("회의록")) == (False, True)
    monkeypatch.setattr(searching, "SMALL", 8)
    assert (countable("드론"), countable("드")) == (True, True)


class PairsTest(TestCase):
    """On PostgreSQL this compares the index's pairs with the text itself."""

    @given(
        text=st.text(st.sampled_from("가나다드론 ab\n%_\\'\"🙂é"), max_size=12),
        word=st.text(st.sampled_from("가나다드론ab%_\\'\"🙂é"), min_size=1, max_size=4),
    )
    def test_the_index_finds_what_the_text_contains(self, text: str, word: str) -> None:
        facts = kept(SubscriptionFactory()).facts
        Facts.objects.update(search=text)
        indexed = Facts.objects.filter(search__has_indexed_word=word)
        read = Facts.objects.filter(search__has_word=word)
        assert list(indexed) == list(read) == ([facts] if word in text else [])


@pytest.fixture
def many(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty subscriptions, which count as many, of which fifty-five are about drones."""
    monkeypatch.setattr(searching, "FEW", 10)
    monkeypatch.setattr(searching, "SMALL", 10)
    agency_at("KR/KR-49")
    for number in range(60):
        kept(SubscriptionFactory(agency__code="KR-49", purpose="드론" if number >= 5 else "회의록"))


def test_a_common_word_is_not_counted(many: None, signed_in: Callable[..., Any]) -> None:
    client = signed_in("committee_member", "KR", language="en")
    first, last = client.get("/subscriptions/?q=드론"), client.get("/subscriptions/?q=드론&page=2")
    assert "more than <strong>50</strong> subscriptions" in first.content.decode()
    assert "<strong>55</strong> subscriptions" in last.content.decode()
    shown = [page.content.decode().count('<th scope="row"') for page in (first, last)]
    assert shown == [50, 5]
    assert ('rel="next"' in first.content.decode(), 'rel="next"' in last.content.decode()) == (True, False)


@pytest.mark.parametrize("page", ["3", "0", "-1", "x", "9" * 30])
def test_a_page_that_is_not_there(many: None, signed_in: Callable[..., Any], page: str) -> None:
    assert signed_in("committee_member", "KR").get(f"/subscriptions/?q=드론&page={page}").status_code == 404


def test_all_of_a_common_word_is_exported(many: None, signed_in: Callable[..., Any]) -> None:
    response = signed_in("committee_member", "KR").get("/subscriptions/?q=드론&_export=csv")
    assert len(b"".join(response.streaming_content).splitlines()) == 56
