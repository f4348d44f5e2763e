"""What the tests of rounds share: a small nation, its people, and rounds in it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from agencies.models import Agency, Role, User
from oversight.round_models import Round, RoundAgency
from oversight.rounds import asking
from subscriptions.models import Payment, Subscription
from tests.subscriptions.factories import DAY, SubscriptionFactory, agency_at, days, person

FIRST, LAST = datetime.date(2026, 1, 1), datetime.date(2026, 3, 31)


def paid(subscription: Subscription, won: int | None, on: datetime.date = FIRST) -> Payment:
    currency = {"currency": "KRW"} if won is not None else {"currency": "USD"}
    return Payment.objects.create(
        subscription=subscription, paid_on=on, amount=won if won is not None else 100, won=won, **currency
    )


def subscribed(place: str, **fields: Any) -> Subscription:
    return SubscriptionFactory(agency=agency_at(place), **{"started_on": FIRST, **fields})


@pytest.fixture
def nation(db: None) -> Agency:
    """Four provinces; below the first a city and an office."""
    for place in ("KR/P1/C1", "KR/P1/O1", "KR/P2", "KR/P3", "KR/P4"):
        agency_at(place)
    Agency.objects.filter(code="C1").update(kind=Agency.Kind.CITY)
    Agency.objects.filter(code="O1").update(kind=Agency.Kind.OFFICE)
    return agency_at("KR")


@pytest.fixture
def member(nation: Agency) -> User:
    return person(Role.COMMITTEE_MEMBER, nation)


@pytest.fixture
def clerk(nation: Agency) -> User:
    """The nation's administrator, who may file for everybody below."""
    return person(Role.ADMINISTRATOR, nation)


@pytest.fixture
def draft(nation: Agency, member: User) -> Callable[..., Round]:
    def make(by: User = member, **fields: Any) -> Round:
        given = {
            "title_ko": "2026년 1분기 현황 조사",
            "title_en": "First quarter of 2026",
            "scope": nation,
            "kinds": [Agency.Kind.PROVINCE],
            "period_from": FIRST,
            "period_until": LAST,
            "due_on": days(10),
        }
        return asking.create(Round(**{**given, **fields}), by=by)

    return make


@pytest.fixture
def opened(draft: Callable[..., Round], member: User) -> Callable[..., Round]:
    """`opened(kinds=[])`: a round that has asked its agencies on DAY."""
    return lambda by=None, **fields: asking.open_round(draft(by or member, **fields), by=by or member, on=DAY)


def asked(round_: Round, code: str) -> RoundAgency:
    return RoundAgency.objects.select_related("agency", "current", "round__scope").get(
        round=round_, agency__code=code
    )
