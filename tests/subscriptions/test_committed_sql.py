"""What the database adds up of committed cost is what the rule in Python comes to, however the period is split."""

import datetime
from collections import defaultdict
from typing import Any

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from agencies.models import Role
from figures.interval import Interval, sum_intervals
from subscriptions.committed import committed_cost
from subscriptions.committed_sql import Committed, committed_by_agency, committing
from subscriptions.models import PriceLine, Status, Subscription
from subscriptions.money import rates_in_force
from tests.examples import examples
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    person,
    rate,
)

pytestmark = pytest.mark.django_db
date = datetime.date
ONE_DAY = datetime.timedelta(days=1)
DATES = st.dates(date(2025, 1, 1), date(2028, 12, 31))
NEARBY = st.dates(date(2025, 11, 1), date(2027, 2, 28))


def line_of(**fields: Any) -> dict[str, Any]:
    if fields["standing"] != "stated":
        fields["amount"] = None
    if fields["starts_on"] and fields["ends_on"]:
        fields["starts_on"], fields["ends_on"] = sorted((fields["starts_on"], fields["ends_on"]))
    return fields


LINES = st.builds(
    line_of,
    starts_on=st.none() | DATES,
    ends_on=st.none() | DATES,
    seats=st.sampled_from([None, 1, 7, 10_000_000]),
    amount=st.sampled_from([0, 1, 10**15]) | st.integers(0, 10**9),
    standing=st.sampled_from(["stated", "stated", "stated", "withheld", "not_applicable"]),
    basis=st.sampled_from(PriceLine.Basis.values),
    currency=st.sampled_from(["KRW", "KRW", "USD", "JPY", "EUR"]),
    vat=st.sampled_from(PriceLine.Vat.values),
    cycle=st.sampled_from(PriceLine.Cycle.values),
)


def subscription_of(**fields: Any) -> dict[str, Any]:
    if fields["started_on"] and fields["ends_on"]:
        fields["started_on"], fields["ends_on"] = sorted((fields["started_on"], fields["ends_on"]))
    return fields


SUBSCRIPTIONS = st.builds(
    subscription_of,
    started_on=st.none() | DATES,
    ends_on=st.none() | DATES,
    agency=st.sampled_from(["KR/P1", "KR/P1/C1", "KR/P2"]),
    status=st.sampled_from(["active", "active", "approved", "ended", "draft", "void"]),
    lines=st.lists(LINES, max_size=3),
)


def expected(
    found: list[tuple[Subscription, list[PriceLine]]], first: date, last: date, on: date
) -> dict[int, Committed]:
    """By the rule in Python, one subscription at a time."""
    sums: dict[int, Committed] = defaultdict(Committed)
    for subscription, lines in found:
        if (subscription.started_on or first) > last or (subscription.ends_on or last) < first:
            continue
        rates = rates_in_force(on)
        cost = committed_cost(subscription, lines, rates, first, last)
        if cost.high is None:
            rateless = not cost.low and any(
                line.amount is not None
                and line.currency not in rates
                and committed_cost(subscription, [line], rates, first, last).high is None
                for line in lines
            )
            sums[subscription.agency_id] += Committed(
                low=int(cost.low),
                given=bool(cost.low),
                open=bool(cost.low),
                unknown=not cost.low and not rateless,
                rateless=rateless,
            )
        else:
            sums[subscription.agency_id] += Committed(int(cost.low), int(cost.high), 1)
    return dict(sums)


@pytest.fixture
def register() -> dict[str, Any]:
    rate(1449.5)
    rate(9.4321, currency="JPY")
    rate(1600, day=DAY - datetime.timedelta(days=8), currency="EUR")  # too old to count
    places = {path: agency_at(path) for path in ("KR/P1", "KR/P1/C1", "KR/P2")}
    return {"places": places, "product": ProductFactory(), "user": person("sysadmin")}


@examples(12, share=4)
@hypothesis.given(
    subscriptions=st.lists(SUBSCRIPTIONS, min_size=1, max_size=6),
    days=st.sets(NEARBY, min_size=2, max_size=4),
)
def test_the_database_adds_up_as_the_rule_says(
    register: dict[str, Any], subscriptions: list[dict[str, Any]], days: set[date]
) -> None:
    """For each period, and for the periods together what the whole comes to."""
    starts = sorted(days)
    end = starts.pop()
    with transaction.atomic():
        found = []
        for number, fields in enumerate(subscriptions):
            lines = fields["lines"]
            subscription = Subscription.objects.bulk_create(
                [
                    Subscription(
                        reference=f"R{number}",
                        product=register["product"],
                        provenance="by_hand" if fields["started_on"] else "imported",
                        agency=register["places"][fields["agency"]],
                        started_on=fields["started_on"],
                        ends_on=fields["ends_on"],
                        status=fields["status"]
                        if fields["started_on"] or fields["status"] in ("draft", "void")
                        else "ended",
                    )
                ]
            )[0]
            made = PriceLine.objects.bulk_create(
                PriceLine(subscription=subscription, position=n, **line) for n, line in enumerate(lines, 1)
            )
            if subscription.status in (Status.ACTIVE, Status.APPROVED, Status.ENDED):
                found.append((subscription, made))
        rows = Subscription.objects.visible_to(register["user"])
        sums = committed_by_agency(rows, starts, end, DAY)
        whole = committed_by_agency(rows, starts[:1], end, DAY)
        keys = {path: place.pk for path, place in register["places"].items()}
        above = {keys["KR/P1"]: 1, keys["KR/P1/C1"]: 1}
        placed = committed_by_agency(rows, starts, end, DAY, above)
        below = [parts for key, parts in sums.items() if key in above]
        assert placed == (
            {1: [sum(parts, Committed()) for parts in zip(*below, strict=True)]} if below else {}
        )
        for n, first in enumerate(starts):
            last = (starts[n + 1] if n + 1 < len(starts) else end + ONE_DAY) - ONE_DAY
            period = {key: parts[n] for key, parts in sums.items() if parts[n] != Committed()}
            assert period == expected(found, first, last, DAY)
        assert {key: sum_intervals(part.interval for part in parts).low for key, parts in sums.items()} == {
            key: part.interval.low for key, (part,) in whole.items()
        }
        if all(subscription.started_on for subscription, _lines in found):
            together = sum_intervals(part.interval for parts in sums.values() for part in parts)
            assert together == sum_intervals(part.interval for (part,) in whole.values())
        transaction.set_rollback(True)


@pytest.mark.parametrize("vat", PriceLine.Vat.values)
def test_usual_lines_of_each_cycle(register: dict[str, Any], vat: str) -> None:
    """Begun long ago, last year, and in the year, with and without an end in it; by the year, its months and odd periods."""
    found = []
    begins = (date(2014, 5, 6), date(2024, 2, 29), date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 17))
    for begin in begins:
        lines = [
            PriceLine(
                position=n, seats=7, amount=14_999, currency="USD" if n % 2 else "KRW", vat=vat, cycle=cycle
            )
            for n, cycle in enumerate(PriceLine.Cycle.values, 1)
        ]
        for end in (None, date(2026, 5, 17), date(2026, 12, 30)):
            subscription = SubscriptionFactory(
                agency=register["places"]["KR/P1"], started_on=begin, ends_on=end, status="active"
            )
            found.append((subscription, lines))
            for line in lines:
                line.pk, line.subscription = None, subscription
                line.save()
    rows = Subscription.objects.visible_to(register["user"])
    months = [date(2026, month, 1) for month in range(1, 13)]
    for starts, end in (
        (months[:1], date(2026, 12, 31)),
        (months, date(2026, 12, 31)),
        ([date(2025, 11, 3), date(2026, 2, 10)], date(2026, 5, 17)),
    ):
        (sums,) = committed_by_agency(rows, starts, end, DAY).values()
        for first, after, part in zip(starts, [*starts[1:], end + ONE_DAY], sums, strict=True):
            assert [part] == list(expected(found, first, after - ONE_DAY, DAY).values())


def test_only_what_the_person_sees_is_added_up() -> None:
    for path in ("KR/P1", "KR/P2"):
        subscription = SubscriptionFactory(agency=agency_at(path), started_on=date(2026, 1, 1))
        PriceLineFactory(subscription=subscription)
    rows = Subscription.objects.visible_to(person(Role.COMMITTEE_MEMBER, agency_at("KR/P1")))
    sums = committed_by_agency(rows, [date(2026, 1, 1)], date(2026, 12, 31), DAY)
    assert sums == {agency_at("KR/P1").pk: [Committed(1_200_000, 1_200_000, 1)]}
    assert committing(rows, date(2027, 1, 1), date(2027, 12, 31)).count() == 1


def test_a_line_adds_to_its_days_alone() -> None:
    subscription = SubscriptionFactory(agency=agency_at("KR"), started_on=date(2026, 1, 1))
    PriceLineFactory(subscription=subscription, amount=31)
    user = person("sysadmin")

    def by_month() -> list[Interval]:
        starts = [date(2026, month, 1) for month in range(1, 13)]
        rows = Subscription.objects.visible_to(user)
        (sums,) = committed_by_agency(rows, starts, date(2026, 12, 31), DAY).values()
        return [part.interval for part in sums]

    before = by_month()
    PriceLineFactory(
        subscription=subscription, amount=3_100, starts_on=date(2026, 3, 31), ends_on=date(2026, 4, 30)
    )
    added = [after.low - part.low for part, after in zip(before, by_month(), strict=True)]
    assert added == [0, 0, 1_000, 31_000, *[0] * 8]
