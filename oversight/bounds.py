"""What must hold of figures that a source leaves open, given a total, some members' own values and a ranking.

Everything here is about one measure (won, people) over explicit members, in whole numbers that are never negative. Each value
is an interval that already carries its rounding, and so does each result: the true value always lies in it. Nothing is
guessed: where the statements bound nothing, the interval is open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from figures.interval import Interval, Number, sum_intervals

Member = TypeVar("Member", bound=Hashable)


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
    """For each member, the whole numbers between which its value lies.

    These are the tightest bounds that the values, the total and the ranking imply, where the places given away are the
    first ones or the last ones. (Where a place in the middle is given away too, it is used as "between the first and the
    last ones", which is true but not always all that could be said.)

    Raises Contradiction.
    """
    above = _above(account)
    below: dict[Member, set[Member]] = {member: set() for member in above}
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


def _above(account: Account[Member]) -> dict[Member, set[Member]]:
    """For each member, those whose value is known to be at least as high."""
    ranks = account.ranks
    above = {
        member: {other for other in ranks if member in ranks and ranks[other] < ranks[member]}
        for member in account.members
    }
    unranked = [member for member in account.ranked_among if member not in ranks]
    # Members who share a rank take as many places as they are.
    taken = {rank + place for rank, sharing in Counter(ranks.values()).items() for place in range(sharing)}
    free = [place for place in range(1, len(unranked) + len(ranks) + 1) if place not in taken]
    if not unranked or len(free) != len(unranked):
        return above  # the places left over are not those of the members left over
    first, last = min(free), max(free)
    for member in unranked:
        above[member] |= {other for other, rank in ranks.items() if rank < first}
    for lower, rank in ranks.items():
        if rank > last:
            above[lower] |= set(unranked)
    return above


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
