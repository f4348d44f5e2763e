"""What must hold of figures that a source leaves open, given a total, some members' own values and a ranking.

Everything here is about one measure (won, people) over explicit members, in whole numbers that are never negative. Each value
is an interval that already carries its rounding, and so does each result: the true value always lies in it. Nothing is
guessed: where the statements bound nothing, the interval is open.

How it is done. A ranking leaves places to those whom it covers without naming theirs. Each way of giving these places away
is an order in which some members are known to be at least as high as others; within one order, what a member can have is
bounded by its own value, by those above and below it, and by what the total leaves when all others are as low, or as high,
as they can be. A member's bounds are the lowest and the highest value that it can have in any of these ways.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Generic, TypeVar

from figures.interval import Interval, Number, sum_intervals

Member = TypeVar("Member", bound=Hashable)

# So many ways to give the places of a ranking away are looked at one by one; it takes many members of different known values
# and many gaps between the ranks given to have more.
WAYS = 500


class Contradiction(ValueError):
    """The statements cannot all be true: no values satisfy them."""


@dataclass(frozen=True)
class Account(Generic[Member]):
    """What is stated of one measure.

    `values` are the members' own values. `ranks` are places in the order from the highest down (1 is the highest), and
    `ranked_among` are the members that this order covers, which is to say: who has no rank there has one of the places left
    over. `total` is the sum over `subject`; the two go together.
    """

    values: Mapping[Member, Interval] = field(default_factory=dict)
    ranks: Mapping[Member, int] = field(default_factory=dict)
    ranked_among: Collection[Member] = ()
    subject: Collection[Member] = ()
    total: Interval | None = None

    @property
    def members(self) -> set[Member]:
        return {*self.values, *self.ranks, *self.ranked_among, *self.subject}


def member_bounds(account: Account[Member]) -> dict[Member, Interval]:
    """For each member, the whole numbers between which its value lies: no tighter ones follow from the account.

    Of a ranking with more than `WAYS` ways to give away the places it leaves, those between its first and its last free
    place count as one: the bounds then hold the true value as well, but tighter ones may exist.

    Raises Contradiction.
    """
    found: dict[Member, Interval] = {}
    contradiction: Contradiction | None = None
    for above in _orders(account):
        try:
            bounds = _bounds_in_order(account, above)
        except Contradiction as error:
            contradiction = error
            continue
        for member, interval in bounds.items():
            found[member] = _either(found[member], interval) if member in found else interval
    if contradiction is not None and not found:
        raise contradiction
    # One order stands for all in which members of whom the same is known change places.
    for alike in _alike(account, account.members):
        shared = found[alike[0]]
        for member in alike:
            shared = _either(shared, found[member])
        found |= dict.fromkeys(alike, shared)
    return found


def rest(account: Account[Member], bounds: Mapping[Member, Interval]) -> Interval:
    """What is left of the total for those of its subject that have no value of their own. Raises Contradiction."""
    if account.total is None:
        return Interval()
    given = sum_intervals(account.values[m] for m in account.subject if m in account.values)
    left = sum_intervals(bounds[m] for m in account.subject if m not in account.values)
    if account.total.high is not None and given.low > account.total.high:
        raise Contradiction("the members' values exceed the total")
    try:
        return (account.total - given) & left
    except ValueError as error:
        raise Contradiction("the total leaves more than the members can have") from error


def places_left(account: Account[Member]) -> list[int]:
    """The places of the ranking that it leaves to those without a rank; none when these are not as many as they."""
    ranks = account.ranks
    # Members who share a rank take as many places as they are.
    taken = {rank + place for rank, sharing in Counter(ranks.values()).items() for place in range(sharing)}
    unranked = _unranked(account)
    free = [place for place in range(1, len(unranked) + len(ranks) + 1) if place not in taken]
    return free if len(free) == len(unranked) else []


def average(total: Interval, count: int) -> Interval:
    """The mean of `count` members that share `total`."""
    return total / Interval.exactly(count)


def share(part: Interval, whole: Interval) -> Interval:
    """The part in parts of one of the whole that contains it."""
    quotient = part / whole
    return quotient & Interval(0, 1)


def at_least_distinct(numbers: Iterable[Interval], named: int) -> int:
    """How many different things there are at least, when members have these numbers of them and `named` are named."""
    return max([int(number.low) for number in numbers] + [named])


Order = dict[Member, set[Member]]  # for each member, those whose value is known to be at least as high


def _unranked(account: Account[Member]) -> list[Member]:
    return [member for member in account.ranked_among if member not in account.ranks]


def _alike(account: Account[Member], members: Iterable[Member]) -> list[list[Member]]:
    """The members in groups of whom the same is known; who has a rank is alone."""
    subject, covered = set(account.subject), set(account.ranked_among)
    groups: dict[Hashable, list[Member]] = {}
    for member in members:
        own = account.values.get(member, Interval())
        known = (own.low, own.high, member in subject, member in covered)
        groups.setdefault(("rank", member) if member in account.ranks else known, []).append(member)
    return list(groups.values())


def _orders(account: Account[Member]) -> Iterator[Order]:
    """The orders that the ranking allows: the places it leaves, given in every way to those without a rank."""
    ranks = account.ranks
    free = places_left(account)
    if not free:
        yield _ordered(account, [])
        return
    # Between two given ranks it does not matter who has which place.
    gaps = [list(places) for _, places in groupby(free, lambda place: sum(r < place for r in ranks.values()))]
    groups = _alike(account, _unranked(account))
    ways = list(islice(_ways([len(gap) for gap in gaps], groups), WAYS + 1))
    if len(ways) > WAYS:
        ways = [[[member for group in groups for member in group]]]
        gaps = [free]
    for way in ways:
        yield _ordered(account, list(zip(gaps, way, strict=True)))


def _ways(sizes: list[int], groups: list[list[Member]]) -> Iterator[list[list[Member]]]:
    """Every way to fill gaps of these sizes with the members, where those of one group are as good as each other."""
    if not sizes:
        yield []
        return
    for chosen, others in _choices(sizes[0], groups):
        for rest_of_it in _ways(sizes[1:], others):
            yield [chosen, *rest_of_it]


def _choices(size: int, groups: list[list[Member]]) -> Iterator[tuple[list[Member], list[list[Member]]]]:
    """Every choice of so many members, with what it leaves of each group."""
    if not groups:
        if size == 0:
            yield [], []
        return
    group, *others = groups
    for count in range(min(size, len(group)) + 1):
        for chosen, left in _choices(size - count, others):
            yield [*group[:count], *chosen], [group[count:], *left]


def _ordered(account: Account[Member], placed: list[tuple[list[int], list[Member]]]) -> Order:
    """The order when those without a rank have these places: of each, somewhere between the first and the last of its own."""
    places = {member: (rank, rank) for member, rank in account.ranks.items()}
    for gap, members in placed:
        places |= dict.fromkeys(members, (gap[0], gap[-1]))
    return {
        member: {other for other in places if member in places and places[other][1] < places[member][0]}
        for member in account.members
    }


def _bounds_in_order(account: Account[Member], above: Order) -> dict[Member, Interval]:
    below: Order = {member: set() for member in above}
    for member, higher in above.items():
        for other in higher:
            below[other].add(member)

    own = {member: account.values.get(member, Interval()) for member in above}
    low = {m: max(int(own[other].low) for other in (m, *below[m])) for m in above}
    high = {m: _least(_whole(own[other].high) for other in (m, *above[m])) for m in above}
    try:
        bounds = {member: Interval(low[member], high[member]) for member in above}
    except ValueError as error:
        raise Contradiction("the values do not agree with the ranking") from error
    return bounds if account.total is None else _within_total(account, above, below, low, high)


def _either(one: Interval, other: Interval) -> Interval:
    """The smallest interval that holds both."""
    highs = [high for high in (one.high, other.high) if high is not None]
    return Interval(min(one.low, other.low), max(highs) if len(highs) == 2 else None)


def _within_total(
    account: Account[Member],
    above: Mapping[Member, set[Member]],
    below: Mapping[Member, set[Member]],
    low: Mapping[Member, int],
    high: Mapping[Member, int | None],
) -> dict[Member, Interval]:
    """The bounds narrowed by the total.

    Raising one member raises those above it with it, and lowering one lowers those below. So a member can have a value when
    the least sum with it there does not exceed the total, and the greatest does not fall short of it; every sum between
    these two can be had, one step at a time.
    """
    assert account.total is not None
    subject = set(account.subject)
    smallest, largest = int(account.total.low), account.total.high

    def fits(member: Member, value: int) -> bool:
        raised = above[member] | {member}
        return (
            largest is None or sum(max(low[m], value) if m in raised else low[m] for m in subject) <= largest
        )

    def reaches(member: Member, value: int) -> bool:
        lowered = below[member] | {member}
        parts = [_least((high[m], value)) if m in lowered else high[m] for m in subject]
        return None in parts or sum(part for part in parts if part is not None) >= smallest

    narrowed = {}
    for member in above:
        lowest, highest = low[member], high[member]
        if highest is None:
            # Nothing bounds it but the total, if it or one above it is part of that: a part is at most the whole.
            bounded = largest is not None and not subject.isdisjoint(above[member] | {member})
            limit = max(lowest, int(largest) if largest is not None else smallest)
        else:
            bounded, limit = True, highest
        if not fits(member, lowest) or not reaches(member, limit):
            raise Contradiction("the members' values do not add up to the total")
        narrowed[member] = Interval(
            _first(lambda value, m=member: reaches(m, value), lowest, limit),  # type: ignore[misc]
            _last(lambda value, m=member: fits(m, value), lowest, limit) if bounded else None,  # type: ignore[misc]
        )
    return narrowed


def _last(holds: Callable[[int], bool], first: int, last: int) -> int:
    """The last whole number up to `last` for which the condition holds; it does for `first`, and ceases at most once."""
    if holds(last):
        return last
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if holds(middle) else (first, middle)
    return first


def _first(holds: Callable[[int], bool], first: int, last: int) -> int:
    """The first whole number from `first` for which the condition holds; it does for `last`."""
    return last - _last(lambda back: holds(last - back), 0, last - first)


def _whole(value: Number | None) -> int | None:
    return None if value is None else int(value)


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)
