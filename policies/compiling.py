"""How a policy becomes a query: each condition compiles to what makes it true and what makes it false.

What is neither is unknown (Kleene's three values). Conditions describe the violation: any within a group, all across groups.
The same compiled policy judges rows of flat facts in the database and a candidate that is not saved, so that there is no
second implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, CharField, F, Q, Value, When

from policies.verdicts import Verdict
from policies.vocabulary import FACTS, Fact, Operator, Type

if TYPE_CHECKING:
    from policies.models import Condition


@dataclass(frozen=True)
class Truth:
    """When something holds, and when it does not; where neither does, it is unknown. The two never hold at once."""

    true: Q
    false: Q

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.true & other.true, self.false | other.false)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.true | other.true, self.false & other.false)

    def __invert__(self) -> Truth:
        return Truth(self.false, self.true)

    def as_case(self, true: str, false: str, unknown: str) -> Case:
        return Case(
            When(self.true, then=Value(true)),
            When(self.false, then=Value(false)),
            default=Value(unknown),
            output_field=CharField(),
        )


def compile_condition(condition: Condition, prefix: str = "") -> Truth:
    """The truth of one condition over the columns of its fact, each named with `prefix` before it."""
    fact = FACTS[condition.fact]
    operator, values = Operator(condition.operator), list(condition.values)
    negated = {Operator.IS_NOT: Operator.IS, Operator.NONE_OF: Operator.ONE_OF}.get(operator)
    if negated:
        return ~_COMPILERS[fact.type](fact, negated, values, prefix)
    return _COMPILERS[fact.type](fact, operator, values, prefix)


def compile_conditions(conditions: Iterable[Condition], prefix: str = "") -> Truth:
    """The truth of "this violates the policy". Without a condition nothing could ever violate it, so that is refused."""
    groups: dict[int, Truth] = {}
    for condition in conditions:
        truth = compile_condition(condition, prefix)
        groups[condition.group] = groups[condition.group] | truth if condition.group in groups else truth
    if not groups:
        raise ValueError("a policy without conditions cannot be evaluated")
    whole, *others = groups.values()
    for group in others:
        whole &= group
    return whole


def verdict_case(conditions: Iterable[Condition], prefix: str = "") -> Case:
    """The verdict before waivers of a subscription in scope: violation, pass or undetermined.

    A version without conditions cannot come into force through any page; one that did all the same decides nothing.
    """
    conditions = list(conditions)
    if not conditions:
        return Case(default=Value(Verdict.UNDETERMINED.value), output_field=CharField())
    return compile_conditions(conditions, prefix).as_case(
        Verdict.VIOLATION, Verdict.PASS, Verdict.UNDETERMINED
    )


def _single(fact: Fact, operator: Operator, values: Sequence[Any], prefix: str) -> Truth:
    column = prefix + fact.name
    known = Q(**{f"{column}__isnull": False})
    if operator is Operator.IS_UNKNOWN:
        return Truth(~known, known)
    if operator in (Operator.AT_MOST, Operator.LESS_THAN, Operator.AT_LEAST, Operator.MORE_THAN):
        values = _ranks(fact, operator, values[0])
    holds = Q(**{f"{column}__in": list(values)})
    return Truth(known & holds, known & ~holds)


def _ranks(fact: Fact, operator: Operator, limit: str) -> list[str]:
    """The codes of a ranked fact that lie on the asked side of `limit`."""
    assert fact.choices is not None
    codes = fact.choices.values
    at = codes.index(limit)
    return {
        Operator.AT_MOST: codes[: at + 1],
        Operator.LESS_THAN: codes[:at],
        Operator.AT_LEAST: codes[at:],
        Operator.MORE_THAN: codes[at + 1 :],
    }[operator]


def _set(fact: Fact, operator: Operator, values: Sequence[Any], prefix: str) -> Truth:
    complete = Q(**{f"{prefix}{fact.name}_known": True})
    if operator is Operator.IS_UNKNOWN:
        return Truth(~complete, complete)
    found = Q()
    for value in values:
        found |= Q(**{f"{prefix}{fact.name}__contains": f"|{value}|"})
    return Truth(found, complete & ~found)


def _range(fact: Fact, operator: Operator, values: Sequence[Any], prefix: str) -> Truth:
    low, high = f"{prefix}{fact.name}_min", f"{prefix}{fact.name}_max"
    exact = Q(**{low: F(high)})
    if operator is Operator.IS_UNKNOWN:
        known = Q(**{f"{low}__isnull": False, f"{high}__isnull": False}) & exact
        return Truth(~known, known)
    limit = values[0]

    def side(column: str, comparison: str, value: int) -> Q:
        # The explicit null test keeps a negation of this condition from being true for an unknown.
        return Q(**{f"{column}__isnull": False, f"{column}__{comparison}": value})

    match operator:
        case Operator.MORE_THAN:
            return Truth(side(low, "gt", limit), side(high, "lte", limit))
        case Operator.AT_LEAST:
            return Truth(side(low, "gte", limit), side(high, "lt", limit))
        case Operator.LESS_THAN:
            return Truth(side(high, "lt", limit), side(low, "gte", limit))
        case Operator.AT_MOST:
            return Truth(side(high, "lte", limit), side(low, "gt", limit))
        case Operator.WITHIN:
            return Truth(
                side(low, "gte", limit) & side(high, "lte", values[1]),
                side(high, "lt", limit) | side(low, "gt", values[1]),
            )
        case Operator.IS:
            return Truth(
                side(low, "exact", limit) & side(high, "exact", limit),
                side(low, "gt", limit) | side(high, "lt", limit),
            )
    raise ValueError(f"{operator} does not apply to {fact.name}")


_COMPILERS = {
    Type.CODE: _single,
    Type.CHOICE: _single,
    Type.RANKED: _single,
    Type.YES_NO: _single,
    Type.SET: _set,
    Type.RANGE: _range,
}
