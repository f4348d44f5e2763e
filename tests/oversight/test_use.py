"""Who uses a tool, as recorded: sums with what is not known of them, by agency and by tool, and the spread of a seat's cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import User
from catalog.models import Product
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from oversight.use import Spread, Use, added, spread_of_seat_costs, use_by_agency, use_by_tool
from policies.verdicts import Effect
from policies.vocabulary import Operator
from subscriptions.models import PriceLine, Status
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    kept,
    make_policy,
    person,
)

YEARLY = {"seats": 1, "amount": 1000, "cycle": "annual"}


def subscribed(place: str, tool: Product, *lines: dict[str, Any], **fields: Any) -> Any:
    """A subscription at a place in the tree to the tool with these price lines, judged."""
    made = SubscriptionFactory(agency=agency_at(place), product=tool, **fields)
    for line in lines:
        PriceLineFactory(subscription=made, **line)
    return kept(made)


@pytest.fixture
def everybody(db: None) -> User:
    return person("committee_member", agency_at("KR"))


@pytest.fixture
def tool(db: None) -> Product:
    return ProductFactory(code="t")  # type: ignore[no-any-return]


@pytest.fixture
def world(everybody: User, tool: Product) -> dict[str, int]:
    """Agencies with every kind of cost that there is; their ids by their codes."""
    subscribed("KR/P1", tool, {"seats": 10, "amount": 10_000})  # 1,200,000 a year
    subscribed("KR/P1", tool, {"seats": 5, "amount": 8_000})  # 480,000
    subscribed("KR/P1/C1", tool, {"seats": 10, "amount": 20_000})  # 2,400,000
    subscribed("KR/P2", tool, {**YEARLY, "vat": PriceLine.Vat.NOT_GIVEN})  # 1000 to 1100
    subscribed("KR/P2/C2", tool)  # nothing is known
    subscribed("KR/P3", tool, {**YEARLY, "seats": None})  # at least 1000, of an unknown number of seats
    subscribed("KR/P4", tool, YEARLY, status=Status.REQUESTED)
    subscribed("KR/P5", tool, YEARLY, status=Status.ENDED)
    subscribed("KR/P1", ProductFactory(code="other"), YEARLY)
    codes = ("P1", "C1", "P2", "C2", "P3", "P4")
    return {
        code: agency_at({"C1": "KR/P1/C1", "C2": "KR/P2/C2"}.get(code, f"KR/{code}")).pk for code in codes
    }


def by_code(uses: Sequence[Use], world: dict[str, int]) -> dict[str, Use]:
    codes = {pk: code for code, pk in world.items()}
    return {codes[use.of]: use for use in uses if use.of is not None}


def minimum(low: int | Fraction, high: int | None) -> Figure:
    return Figure(Standing.STATED, low, Interval(low, high), 1, Qualifier.AT_LEAST)


def exact(value: int) -> Figure:
    return Figure(Standing.STATED, value, Interval(value, value))


NOTHING = Total(Figure.missing(), 0, Counter())
ONE_UNKNOWN = Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 1}))


def test_each_agency_by_hand(world: dict[str, int], everybody: User, tool: Product) -> None:
    uses = by_code(use_by_agency(everybody, [tool.pk], DAY), world)
    told = {
        code: (use.live, use.requested, use.seats, use.annual_cost, use.seat_cost)
        for code, use in uses.items()
    }
    assert told == {
        "P1": (2, 0, Total(exact(15), 2), Total(exact(1_680_000), 2), exact(112_000)),
        "C1": (1, 0, Total(exact(10), 1), Total(exact(2_400_000), 1), exact(240_000)),
        "P2": (1, 0, Total(exact(1), 1), Total(minimum(1000, 1100), 1), minimum(1000, 1100)),
        "C2": (1, 0, ONE_UNKNOWN, ONE_UNKNOWN, Figure.missing()),
        "P3": (1, 0, ONE_UNKNOWN, Total(minimum(1000, None), 1), Figure.missing()),
        "P4": (1, 1, NOTHING, NOTHING, Figure.missing(Standing.NOT_APPLICABLE)),
    }


def test_all_together(world: dict[str, int], everybody: User, tool: Product) -> None:
    by_agency = added(use_by_agency(everybody, [tool.pk], DAY))
    by_tool = use_by_tool(everybody, [tool.pk], DAY, agencies=True)
    assert by_tool == {tool.pk: replace(by_agency, of=tool.pk, agencies=6)}
    assert (by_agency.live, by_agency.requested, by_agency.in_force) == (7, 1, 6)
    assert by_agency.seats == Total(exact(26), 4, Counter({Standing.NOT_GIVEN: 2}))
    assert by_agency.annual_cost == Total(minimum(4_082_000, None), 5, Counter({Standing.NOT_GIVEN: 1}))
    assert by_agency.seat_cost == Figure.missing()


def test_the_spread_by_hand(world: dict[str, int], everybody: User, tool: Product) -> None:
    spread = spread_of_seat_costs(use_by_agency(everybody, [tool.pk], DAY))
    assert spread == Spread(minimum(1000, 1100), exact(112_000), exact(240_000), known=3, unknown=2)


def test_a_cost_that_is_at_least_so_much_for_a_known_number_of_seats(everybody: User, tool: Product) -> None:
    withheld = {"standing": Standing.WITHHELD, "amount": None, "currency": "", "basis": "flat", "seats": None}
    subscribed("KR/P1", tool, {**YEARLY, "seats": 4}, withheld)
    (use,) = use_by_agency(everybody, [tool.pk], DAY)
    assert use.annual_cost == Total(minimum(4000, None), 1)
    assert use.seat_cost == minimum(1000, None)
    assert spread_of_seat_costs([use]) is None


def test_several_tools_count_together(world: dict[str, int], everybody: User, tool: Product) -> None:
    other = Product.objects.get(code="other")
    uses = by_code(use_by_agency(everybody, [tool.pk, other.pk], DAY), world)
    assert (uses["P1"].live, uses["P1"].annual_cost) == (3, Total(exact(1_681_000), 3))
    assert {pk: use.live for pk, use in use_by_tool(everybody, [tool.pk, other.pk], DAY, False).items()} == {
        tool.pk: 7,
        other.pk: 1,
    }
    assert use_by_agency(everybody, [], DAY) == []


def test_findings_that_nothing_excuses(everybody: User, tool: Product) -> None:
    version = make_policy(("product", Operator.ONE_OF, ["t"]), effect=Effect.WARN)
    make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.WARN)
    WaiverFactory(policy=version.policy, agency=agency_at("KR/P2"))
    subscribed("KR/P1", tool)  # a violation, and the data class is not given
    subscribed("KR/P2", tool, data_class="open")  # waived
    subscribed("KR/P1", ProductFactory(code="other"))
    found = {use.of: (use.attention, use.undetermined) for use in use_by_agency(everybody, [tool.pk], DAY)}
    assert found == {agency_at("KR/P1").pk: (2, 1), agency_at("KR/P2").pk: (0, 0)}
    assert use_by_tool(everybody, [tool.pk], DAY, False)[tool.pk].attention == 2


@pytest.mark.parametrize(("place", "codes"), [("KR/P1", {"P1", "C1"}), ("KR/P2/C2", {"C2"}), (None, set())])
def test_no_more_than_is_seen(
    world: dict[str, int], tool: Product, place: str | None, codes: set[str]
) -> None:
    user = person("committee_member", agency_at(place)) if place else person()
    uses = by_code(use_by_agency(user, [tool.pk], DAY), world)
    assert set(uses) == codes
    by_tool = use_by_tool(user, [tool.pk], DAY, agencies=True)
    assert by_tool == (
        {tool.pk: replace(added(uses.values()), of=tool.pk, agencies=len(codes))} if codes else {}
    )


def test_as_many_queries_whatever_there_is(everybody: User, tool: Product) -> None:
    def asked() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            uses = use_by_agency(everybody, [tool.pk], DAY)
            use_by_tool(everybody, [tool.pk], DAY, agencies=True)
        return len(uses), len(captured)

    everybody.sight()
    subscribed("KR/P1", tool, YEARLY)
    few = asked()
    for number in range(29):
        subscribed(f"KR/Q{number}", tool, YEARLY)
    assert (few, asked()) == ((1, 6), (30, 6))


def use_of(cost: tuple[int, int], seats: tuple[int, int]) -> Use:
    return Use(
        of=1, live=1, in_force=1,
        cost_known=1, cost_bounded=1, cost_low=cost[0], cost_high=cost[1],
        seats_known=1, seats_bounded=1, seats_low=seats[0], seats_high=seats[1],
    )  # fmt: skip


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    spread = spread_of_seat_costs([use_of((cost, cost), (2, 2)) for cost in (10, 41, 20, 1000)])
    assert spread is not None
    assert spread.median == Figure(
        Standing.STATED, Fraction(61, 4), Interval(Fraction(61, 4), Fraction(61, 4))
    )
    assert spread_of_seat_costs([]) is None
    assert spread_of_seat_costs([Use(of=1, live=1, requested=1)]) is None


RANGE = st.tuples(st.integers(1, 50), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(st.tuples(RANGE, RANGE), min_size=1, max_size=7), st.data())
def test_the_true_spread_lies_in_what_is_shown(
    agencies: list[tuple[tuple[int, int], tuple[int, int]]], data: st.DataObject
) -> None:
    """Whatever the true costs and seats of each agency are within what is known of them."""
    true = sorted(
        Fraction(data.draw(st.integers(*cost)), data.draw(st.integers(*seats))) for cost, seats in agencies
    )
    middle = len(true) // 2
    median = true[middle] if len(true) % 2 else (true[middle - 1] + true[middle]) / 2
    spread = spread_of_seat_costs([use_of(cost, seats) for cost, seats in agencies])
    assert spread is not None
    assert spread.known == len(agencies)
    assert true[0] in spread.lowest.interval
    assert median in spread.median.interval
    assert true[-1] in spread.highest.interval
