"""What is recorded, rolled up: live and requested, cost with what is not known of it, findings; only where it is visible."""

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import User
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from oversight.recorded import Recorded, recorded_below, recorded_in_sight, subscribing
from policies.verdicts import Effect
from policies.vocabulary import Operator
from subscriptions.models import Facts, PriceLine, Status
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

P1, P2 = "KR/P1/", "KR/P2/"
NOTHING = Total(Figure.missing(), 0, Counter())


@pytest.fixture
def everybody(db: None) -> User:
    return person("committee_member", agency_at("KR"))


def subscription(place: str, lines: list[dict[str, Any]] | None = None, **fields: Any) -> Any:
    """A subscription at a place in the tree with these price lines, judged."""
    made = SubscriptionFactory(agency=agency_at(place), **fields)
    for line in lines or []:
        PriceLineFactory(subscription=made, **line)
    return kept(made)


def exact(won: int, count: int = 1, unknown: int = 0) -> Total:
    missing = Counter({Standing.NOT_GIVEN: unknown} if unknown else {})
    return Total(Figure.stated(won), count, missing)


def below(user: User, *paths: str) -> dict[str, Recorded]:
    return recorded_below(user, paths, DAY)[0]


class TestCounting:
    def test_what_is_live_counts_and_of_it_what_is_only_requested(self, everybody: User) -> None:
        for status in Status:
            subscription("KR/P1", status=status)
        recorded = below(everybody, P1)[P1]
        assert (recorded.subscriptions, recorded.requested) == (3, 1)

    def test_an_agency_counts_with_all_below_it(self, everybody: User) -> None:
        subscription("KR/P1")
        subscription("KR/P1/C1")
        subscription("KR/P1/C1/O1")
        subscription("KR/P10")  # the path begins like P1's, and is another agency
        subscription("KR/P2")
        subscription("KR")
        counted = {path: recorded.subscriptions for path, recorded in below(everybody, P1, P2).items()}
        assert counted == {P1: 3, P2: 1}

    def test_a_place_below_another_counts_in_both_and_once_in_the_sum(self, everybody: User) -> None:
        subscription("KR/P1")
        subscription("KR/P1/C1")
        parts, whole = recorded_below(everybody, [P1, "KR/P1/C1/"], DAY)
        assert {path: part.subscriptions for path, part in parts.items()} == {P1: 2, "KR/P1/C1/": 1}
        assert whole.subscriptions == 2

    def test_where_nothing_is_recorded(self, everybody: User) -> None:
        agency_at("KR/P1")
        nothing = Recorded(0, 0, NOTHING, 0, 0)
        assert recorded_below(everybody, [P1], DAY) == ({P1: nothing}, nothing)
        assert recorded_below(everybody, [], DAY) == ({}, nothing)

    def test_a_subscription_without_facts_yet_counts_and_its_cost_is_not_known(self, everybody: User) -> None:
        SubscriptionFactory(agency=agency_at("KR/P1"))
        recorded = below(everybody, P1)[P1]
        assert (recorded.subscriptions, recorded.annual_cost) == (
            1,
            Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 1})),
        )


class TestCost:
    def test_of_what_is_in_force(self, everybody: User) -> None:
        line = {"seats": 10, "amount": 10_000, "cycle": "monthly"}
        subscription("KR/P1", [line])
        subscription("KR/P1/C1", [line], status=Status.APPROVED)
        subscription("KR/P1", [line], status=Status.REQUESTED)
        subscription("KR/P1", [line], started_on=days(1), status=Status.APPROVED)
        subscription("KR/P1", [line], ends_on=days(-1))
        assert below(everybody, P1)[P1].annual_cost == exact(2_400_000, 2)

    def test_the_last_day_is_in_force(self, everybody: User) -> None:
        subscription("KR/P1", [{"seats": 1, "amount": 1000, "cycle": "annual"}], ends_on=DAY)
        assert below(everybody, P1)[P1].annual_cost == exact(1000)

    def test_what_is_not_known_is_counted_and_never_zero(self, everybody: User) -> None:
        subscription("KR/P1", [{"seats": 1, "amount": 1000, "cycle": "annual"}])
        subscription("KR/P1")
        subscription("KR/P1", [{"standing": Standing.NOT_GIVEN, "amount": None, "currency": ""}])
        assert below(everybody, P1)[P1].annual_cost == exact(1000, 1, unknown=2)
        subscription("KR/P2")
        assert below(everybody, P2)[P2].annual_cost == Total(
            Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 1})
        )

    @pytest.mark.parametrize(
        ("line", "interval"),
        [
            pytest.param({"seats": None}, Interval(1000, None), id="how many seats is not given"),
            pytest.param({"vat": PriceLine.Vat.NOT_GIVEN}, Interval(1000, 1100), id="VAT is not given"),
        ],
    )
    def test_a_cost_that_is_known_in_part_makes_the_sum_a_minimum(
        self, everybody: User, line: dict[str, Any], interval: Interval
    ) -> None:
        subscription("KR/P1", [{"seats": 1, "amount": 1000, "cycle": "annual", **line}])
        figure = Figure(Standing.STATED, 1000, interval, 1, Qualifier.AT_LEAST)
        assert below(everybody, P1)[P1].annual_cost == Total(figure, 1, Counter())

    def test_a_known_cost_of_nothing_is_zero(self, everybody: User) -> None:
        subscription("KR/P1", [{"standing": Standing.NOT_APPLICABLE, "amount": None, "currency": ""}])
        assert below(everybody, P1)[P1].annual_cost == exact(0)


class TestFindings:
    def test_open_ones_that_nothing_excuses(self, everybody: User) -> None:
        tool = ProductFactory(code="bad")
        version = make_policy(("product", Operator.ONE_OF, ["bad"]), effect=Effect.WARN)
        make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.WARN)
        WaiverFactory(policy=version.policy, agency=agency_at("KR/P2"))
        subscription("KR/P1", product=tool)  # a violation; the data class is not given
        subscription("KR/P1/C1", product=tool, data_class="open")  # a violation alone
        subscription("KR/P1", product=tool, status=Status.ENDED)
        subscription("KR/P2", product=tool, data_class="open")  # waived
        found = {path: (r.attention, r.undetermined) for path, r in below(everybody, P1, P2).items()}
        assert found == {P1: (3, 1), P2: (0, 0)}


class TestVisibility:
    @pytest.fixture(autouse=True)
    def world(self, db: None) -> None:
        make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.WARN)
        for place in ("KR", "KR/P1", "KR/P1/C1", "KR/P2", "KR/P2/C2"):
            subscription(place, [{"seats": 1, "amount": 1000, "cycle": "annual"}])

    @pytest.mark.parametrize(
        ("place", "expected"),
        [("KR", 5), ("KR/P1", 2), ("KR/P2/C2", 1)],
    )
    def test_no_more_than_is_seen(self, place: str, expected: int) -> None:
        user = person("administrator", agency_at(place))
        recorded = recorded_in_sight(user, DAY)
        assert recorded == Recorded(expected, 0, exact(1000 * expected, expected), expected, expected)
        assert recorded_below(user, ["KR/"], DAY)[1] == recorded

    def test_for_somebody_without_a_role_nothing_is_in_sight(self) -> None:
        assert recorded_in_sight(person(), DAY) is None
        assert below(person(), P1)[P1] == Recorded(0, 0, NOTHING, 0, 0)

    def test_who_subscribes(self) -> None:
        tool = ProductFactory(code="t")
        subscription("KR/P1", product=tool)
        subscription("KR/P2/C2", product=tool)
        subscription("KR/P2", product=tool, status=Status.ENDED)
        everything = person("committee_member", agency_at("KR"))
        assert subscribing(everything, "t") == {P1, "KR/P2/C2/"}
        assert subscribing(person("approver", agency_at("KR/P2")), "t") == {"KR/P2/C2/"}


def test_the_number_of_queries_does_not_depend_on_what_there_is(everybody: User) -> None:
    def queries(paths: list[str]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            recorded_below(everybody, paths, DAY)
        return len(captured)

    everybody.sight()
    subscription("KR/P1")
    few = queries([P1])
    for number in range(30):
        subscription(f"KR/Q{number}")
    assert Facts.objects.count() == 31
    assert (few, queries([f"KR/Q{number}/" for number in range(30)])) == (4, 4)
