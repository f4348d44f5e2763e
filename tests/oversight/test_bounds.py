"""What follows from the report's figures, and that bounds always hold the truth and are as tight as can be."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.interval import Interval, round_half_up
from oversight.bounds import (
    Account,
    Contradiction,
    at_least_distinct,
    average,
    member_bounds,
    places_left,
    rest,
    share,
)

TENTH_OF_A_MILLION = 100_000
SEVENTEEN = [
    *["Seoul", "Busan", "Daegu", "Incheon", "Gwangju", "Daejeon", "Ulsan", "Sejong", "Gyeonggi", "Gangwon"],
    *["North Chungcheong", "South Chungcheong", "Jeonbuk", "South Jeolla", "North Gyeongsang"],
    *["South Gyeongsang", "Jeju"],
]
SPENDING = {
    "Jeju": 68_700_000,
    "Seoul": 56_300_000,
    "Gyeonggi": 46_700_000,
    "South Jeolla": 44_500_000,
    "South Chungcheong": 43_100_000,
}
USERS = {"South Chungcheong": 1274, "Gangwon": 858, "Seoul": 440, "Daejeon": 275}


def won(value: int) -> Interval:
    return Interval.of_rounded(value, TENTH_OF_A_MILLION)


def in_order(stated: dict[str, int]) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(stated, 1)}


@pytest.fixture
def spending() -> Account:
    return Account(
        values={name: won(value) for name, value in SPENDING.items()},
        ranks=in_order(SPENDING),
        ranked_among=SEVENTEEN,
        subject=SEVENTEEN,
        total=won(391_700_000),
    )


@pytest.fixture
def users() -> Account:
    """The ranking and the total cover 16: Gyeonggi could not determine its number."""
    covered = [name for name in SEVENTEEN if name != "Gyeonggi"]
    return Account(
        values={name: Interval.exactly(value) for name, value in USERS.items()},
        ranks=in_order(USERS),
        ranked_among=covered,
        subject=covered,
        total=Interval.exactly(3687),
    )


def nearest(interval: Interval) -> tuple[int, int | None]:
    rounded = interval.rounded()
    return rounded.low, rounded.high


class TestTheReport:
    def test_each_of_the_twelve_lies_below_the_fifth(self, spending: Account) -> None:
        bounds = member_bounds(spending)
        assert bounds == {name: spending.values.get(name, Interval(0, 43_149_999)) for name in SEVENTEEN}

    def test_132_4_million_is_left_for_the_twelve(self, spending: Account) -> None:
        left = rest(spending, member_bounds(spending))
        # 391.7 - 259.3 = 132.4, within six times 0.05 million.
        assert left == Interval(132_100_005, 132_699_999)
        assert nearest(average(left, 12)) == (11_008_334, 11_058_333)

    def test_66_2_percent_is_given_one_by_one(self, spending: Account) -> None:
        given = Interval(259_050_000, 259_549_995)
        part = share(given, won(391_700_000))
        assert round_half_up(Fraction(259_300_000 * 1000, 391_700_000)) == 662
        assert (round_half_up(part.low * 1000), round_half_up(part.high * 1000)) == (661, 663)

    def test_each_of_the_other_twelve_has_at_most_275_users(self, users: Account) -> None:
        bounds = member_bounds(users)
        assert bounds == {
            name: users.values.get(name, Interval(0, 275)) for name in SEVENTEEN if name != "Gyeonggi"
        }

    def test_840_users_are_left_for_the_twelve(self, users: Account) -> None:
        left = rest(users, member_bounds(users))
        assert left == Interval.exactly(840)
        assert average(left, 12) == Interval.exactly(70)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("South Chungcheong", (33_791, 33_870)),
            ("Seoul", (127_841, 128_068)),
            ("Jeju", (249_636, None)),
            ("South Jeolla", (161_636, None)),
        ],
    )
    def test_spending_per_user(
        self, spending: Account, users: Account, name: str, expected: tuple[int, int | None]
    ) -> None:
        quotient = member_bounds(spending)[name] / member_bounds(users)[name]
        assert nearest(quotient) == expected

    def test_all_but_gyeonggi_spend_93_572_per_user(self, spending: Account) -> None:
        without = won(391_700_000) - won(46_700_000)
        assert without == Interval(344_900_001, 345_099_999)
        quotient = without / Interval.exactly(3687)
        assert nearest(quotient) == (93_545, 93_599)
        assert round_half_up(Fraction(345_000_000, 3687)) == 93_572
        assert round_half_up(quotient.half_width) == 27

    def test_at_least_ten_programs_of_which_eight_are_named(self) -> None:
        assert at_least_distinct([Interval.exactly(10), Interval.exactly(10)], named=8) == 10
        assert at_least_distinct([Interval.exactly(3)], named=8) == 8
        assert at_least_distinct([], named=0) == 0


class TestTheCoverage:
    """Sources A to D taken as accounts of one report: the last places are given too."""

    def test_the_unknown_ten_lie_between_the_lowest_and_the_fifth(self) -> None:
        def hundredths(value: int) -> Interval:
            return Interval.of_rounded(value, 10_000)

        values = {
            "Jeju": hundredths(68_710_000),
            "Seoul": hundredths(56_340_000),
            "Gyeonggi": hundredths(46_750_000),
            "South Jeolla": Interval.of_rounded(44_542_000, 1000),
            "South Chungcheong": hundredths(43_130_000),
            "Gwangju": Interval.of_rounded(3_148_000, 1000),
            "Daejeon": Interval.of_rounded(128_000, 1000),
        }
        account = Account(
            values,
            {**in_order(SPENDING), "Gwangju": 13, "Daejeon": 17},
            SEVENTEEN,
            SEVENTEEN,
            Interval.exactly(391_686_165),
        )
        bounds = member_bounds(account)
        unknown = [name for name in SEVENTEEN if name not in values]
        assert len(unknown) == 10
        assert {bounds[name] for name in unknown} == {Interval(127_500, 43_134_999)}
        left = rest(account, bounds)
        assert (left.low, left.high) == (128_916_672, 128_959_665)  # 128.938 million, within 0.022
        assert places_left(account) == [
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            14,
            15,
            16,
        ]  # seven above Gwangju, three below

    def test_users_are_unknown_of_ten_besides_gyeonggi(self, users: Account) -> None:
        values = {**users.values, "Gwangju": Interval.exactly(37), "South Jeolla": Interval.exactly(118)}
        account = Account(values, users.ranks, users.ranked_among, users.subject, users.total)
        bounds = member_bounds(account)
        unknown = [name for name in users.subject if name not in values]
        assert len(unknown) == 10
        assert rest(account, bounds) == Interval.exactly(685)
        assert {bounds[name] for name in unknown} == {Interval(0, 275)}


class TestContradictions:
    @pytest.mark.parametrize(
        "account",
        [
            pytest.param(
                Account({"a": Interval.exactly(5), "b": Interval.exactly(7)}, {"a": 1, "b": 2}, ["a", "b"]),
                id="the values are not in the order of the ranks",
            ),
            pytest.param(
                Account({"a": Interval.exactly(5)}, subject=["a", "b"], total=Interval.exactly(4)),
                id="a part exceeds the total",
            ),
            pytest.param(
                Account(
                    {"a": Interval.exactly(5)},
                    {"a": 1},
                    ["a", "b"],
                    subject=["a", "b"],
                    total=Interval.exactly(11),
                ),
                id="the total needs more than the ranking allows",
            ),
        ],
    )
    def test_they_are_reported(self, account: Account) -> None:
        with pytest.raises(Contradiction):
            member_bounds(account)

    def test_no_contradiction_at_the_limit(self) -> None:
        account = Account({"a": Interval.exactly(5)}, {"a": 1}, ["a", "b"], ["a", "b"], Interval.exactly(10))
        assert member_bounds(account) == {"a": Interval.exactly(5), "b": Interval.exactly(5)}


class TestWhatBoundsNothing:
    def test_nobody_known(self) -> None:
        assert member_bounds(Account(subject=["a", "b"])) == {"a": Interval(), "b": Interval()}

    def test_a_part_is_at_most_the_whole(self) -> None:
        account = Account({"a": Interval.exactly(3)}, subject=["a", "b", "c"], total=Interval.exactly(10))
        assert member_bounds(account) == {
            "a": Interval.exactly(3),
            "b": Interval(0, 7),
            "c": Interval(0, 7),
        }

    def test_a_total_that_is_a_minimum_bounds_below_only(self) -> None:
        account = Account({"a": Interval.exactly(3)}, subject=["a", "b"], total=Interval(10, None))
        assert member_bounds(account) == {"a": Interval.exactly(3), "b": Interval(7, None)}

    def test_a_member_that_the_ranking_does_not_cover_has_no_bound(self) -> None:
        account = Account({"a": Interval.exactly(3), "b": Interval(0, None)}, {"a": 1}, ["a", "c"])
        assert member_bounds(account) == {
            "a": Interval.exactly(3),
            "b": Interval(0, None),
            "c": Interval(0, 3),
        }

    def test_places_that_do_not_fit_the_members_bound_nobody(self) -> None:
        """A rank beyond the number of members: what the ranking covers is not known."""
        account = Account({"a": Interval.exactly(3)}, {"a": 9}, ["a", "b"])
        assert member_bounds(account) == {"a": Interval.exactly(3), "b": Interval()}

    def test_members_who_share_a_rank_take_as_many_places(self) -> None:
        account = Account(
            {"a": Interval.exactly(9), "b": Interval.exactly(4), "c": Interval.exactly(4)},
            {"a": 1, "b": 2, "c": 2},
            ["a", "b", "c", "d"],
        )
        assert member_bounds(account)["d"] == Interval(0, 4)


class TestPlacesInTheMiddle:
    """A rank in the middle says of the others that so many are above it and so many below."""

    def test_one_above_and_one_below(self) -> None:
        account = Account({"b": Interval.exactly(10)}, {"b": 2}, "abc", "abc", Interval.exactly(40))
        # One of the two has at least 10, the other at most 10, and both have 30 together.
        assert member_bounds(account) == {
            "a": Interval(0, 30),
            "b": Interval.exactly(10),
            "c": Interval(0, 30),
        }
        assert places_left(account) == [1, 3]

    def test_who_has_too_little_to_be_above_is_below(self) -> None:
        values = {"b": Interval.exactly(10), "c": Interval(0, 9)}
        account = Account(values, {"b": 2}, "abc", "abc", Interval.exactly(40))
        assert member_bounds(account) == {
            "a": Interval(21, 30),
            "b": Interval.exactly(10),
            "c": Interval(0, 9),
        }

    def test_no_way_to_give_the_places_away(self) -> None:
        values = {"a": Interval(0, 9), "b": Interval.exactly(10), "c": Interval(0, 9)}
        with pytest.raises(Contradiction):
            member_bounds(Account(values, {"b": 2}, "abc"))

    def test_places_that_do_not_fit_are_none(self) -> None:
        assert places_left(Account({}, {"a": 9}, ["a", "b"])) == []

    def test_too_many_ways_still_hold_the_truth(self) -> None:
        """Twelve members with a value of their own between ranks in the middle: looked at together."""
        truth = {f"m{number:02}": 1000 - number * 40 for number in range(24)}
        ranks = {name: place for place, name in enumerate(truth, 1) if place % 2 == 0}
        values = {
            name: Interval(value - 30 - place, value + 30 + place)
            for place, (name, value) in enumerate(truth.items())
        }
        account = Account(values, ranks, list(truth), list(truth), Interval.exactly(sum(truth.values())))
        bounds = member_bounds(account)
        assert {name: value in bounds[name] for name, value in truth.items()} == dict.fromkeys(truth, True)
        # What a place in the middle says of its own member holds as ever.
        assert bounds["m01"].high == values["m01"].high


@st.composite
def told(
    draw: st.DrawFn,
    largest: int,
    members: int,
    gaps: bool = False,
    units: tuple[int, ...] = (1, 2, 5, 10),
    sums: tuple[int, ...] = (1, 3, 10),
) -> tuple[Account, dict[str, int]]:
    """Some true values, and an account that tells of them: rounded, in part, with ranks and a total or without."""
    names = [chr(ord("a") + number) for number in range(draw(st.integers(1, members)))]
    truth = {name: draw(st.integers(0, largest)) for name in names}
    order = sorted(names, key=lambda name: -truth[name])
    unit = draw(st.sampled_from(units))

    def rounded(value: int, to: int) -> Interval:
        return Interval.of_rounded(round_half_up(Fraction(value, to)) * to, to)

    covered = order if draw(st.booleans()) else [n for n in order if draw(st.booleans())]
    if gaps:
        places = {place for place in range(1, len(covered) + 1) if draw(st.booleans())}
    else:
        places = set(range(1, draw(st.integers(0, len(covered))) + 1))
    ranks = {name: place for place, name in enumerate(covered, 1) if place in places}
    values = {name: rounded(truth[name], unit) for name in names if name in ranks or draw(st.booleans())}
    subject = names if draw(st.booleans()) else [name for name in names if draw(st.booleans())]
    total = rounded(sum(truth[n] for n in subject), draw(st.sampled_from(sums)))
    known_total = draw(st.sampled_from([total, Interval(total.low, None), None])) if subject else None
    return Account(values, ranks, covered, subject, known_total), truth


@given(told(largest=10_000, members=17, gaps=True))
def test_the_bounds_always_hold_the_truth(case: tuple[Account, dict[str, int]]) -> None:
    account, truth = case
    bounds = member_bounds(account)
    assert {name: value in bounds[name] for name, value in truth.items() if name in bounds} == dict.fromkeys(
        bounds, True
    )
    left = sum(truth[name] for name in account.subject if name not in account.values)
    assert left in rest(account, bounds)


def possible(account: Account, largest: int) -> list[dict[str, int]]:
    """Every assignment of values up to `largest` that the statements allow, by trying all of them."""
    members = sorted(account.members)
    found = []
    for values in itertools.product(range(largest + 1), repeat=len(members)):
        truth = dict(zip(members, values, strict=True))
        if any(truth[name] not in interval for name, interval in account.values.items()):
            continue
        if account.total is not None and sum(truth[name] for name in account.subject) not in account.total:
            continue
        # The places of a ranking: those without a rank take what is left over, in some order.
        unranked = [name for name in account.ranked_among if name not in account.ranks]
        places = list(range(1, len(account.ranked_among) + 1))
        free = [place for place in places if place not in account.ranks.values()]
        for taken in itertools.permutations(free):
            order = sorted(
                [*account.ranks.items(), *zip(unranked, taken, strict=True)], key=lambda item: item[1]
            )
            heights = [truth[name] for name, _place in order]
            if heights == sorted(heights, reverse=True):
                found.append(truth)
                break
    return found


def assert_as_tight_as_trying_everything(account: Account, truth: dict[str, int], largest: int) -> None:
    """`largest` is above every total, so that stopping there leaves nothing out."""
    cases = possible(account, largest)
    assert {name: truth[name] for name in sorted(account.members)} in cases
    for name, bound in member_bounds(account).items():
        values = {case[name] for case in cases}
        # What nothing bounds runs to the end of what was tried.
        assert (bound.low, largest if bound.high is None else min(bound.high, largest)) == (
            min(values),
            max(values),
        ), name


@given(told(largest=4, members=3, gaps=True))
def test_the_bounds_are_as_tight_as_trying_everything(case: tuple[Account, dict[str, int]]) -> None:
    assert_as_tight_as_trying_everything(*case, largest=18)


@given(told(largest=2, members=5, gaps=True, units=(1, 2), sums=(1,)))
def test_the_bounds_of_five_are_as_tight_too(case: tuple[Account, dict[str, int]]) -> None:
    """With more than one gap between the ranks given, and several members without one in each."""
    assert_as_tight_as_trying_everything(*case, largest=5 if case[0].total is None else 11)
