"""Pages of the list of subscriptions: every row once and in order, from whichever end they are read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches

from subscriptions import listing, paging
from subscriptions.models import Subscription
from subscriptions.paging import count_of
from tests.subscriptions.factories import PriceLineFactory, SubscriptionFactory, agency_at, days, kept

# In the order of recording: first day, last day, seats.
RECORDED: list[tuple[datetime.date | None, datetime.date | None, int | None]] = [
    (days(-30), days(300), 10),
    (days(-10), None, None),
    (days(-20), days(100), 30),
    (days(-10), days(200), 10),
    (days(-40), None, 20),
]


@pytest.fixture
def five(db: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five subscriptions on pages of two; their references, in the order of recording."""
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    agency_at("KR/KR-49")
    references = []
    for starts, ends, seats in RECORDED:
        subscription = SubscriptionFactory(agency__code="KR-49", started_on=starts, ends_on=ends)
        if seats:
            PriceLineFactory(subscription=subscription, seats=seats)
        references.append(kept(subscription).reference)
    return references


@pytest.mark.parametrize("role", ["administrator", "committee_member"])
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", [4, 3, 2, 1, 0]),
        ("started_on", [4, 0, 2, 1, 3]),
        ("-started_on", [3, 1, 2, 0, 4]),
        ("ends_on", [1, 4, 2, 3, 0]),  # what is not known comes last from the top down, so first from below
        ("-ends_on", [0, 3, 2, 4, 1]),
        ("seats", [1, 0, 3, 4, 2]),
        ("-seats", [2, 4, 3, 0, 1]),
        ("annual_cost", [1, 0, 3, 4, 2]),
        ("-annual_cost", [2, 4, 3, 0, 1]),
    ],
)
def test_pages_hold_every_row_once_and_in_order(
    five: list[str], signed_in: Callable[..., Any], role: str, sort: str, order: list[int]
) -> None:
    client = signed_in(role, "KR-49" if role == "administrator" else "KR")
    pages = [
        client.get("/subscriptions/", {"sort": sort, "page": page}).content.decode() for page in (1, 2, 3)
    ]
    shown = [re.findall(r'<th scope="row"><a href="/subscriptions/([^/]+)/"', page) for page in pages]
    expected = [five[position] for position in order]
    assert shown == [expected[:2], expected[2:4], expected[4:]]


@pytest.fixture
def empty_cache() -> Iterator[None]:
    caches["pages"].clear()
    yield
    caches["pages"].clear()


def test_a_large_count_is_kept_for_a_while_and_a_small_one_is_not(
    five: list[str], empty_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Subscription.objects.all()
    assert count_of(rows) == 5
    SubscriptionFactory()
    assert count_of(rows) == 6
    monkeypatch.setattr(paging, "EXACT_UP_TO", 3)
    assert count_of(rows) == 6
    SubscriptionFactory()
    assert (count_of(rows), count_of(rows.filter(status="active"))) == (6, 7)
    caches["pages"].clear()
    assert (count_of(rows), count_of(rows.none())) == (7, 0)
