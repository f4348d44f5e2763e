"""What verdicts together mean for starting a subscription."""

import itertools

import pytest

from policies.verdicts import Effect, Outcome, Verdict, outcome_of

ALONE = {
    ("violation", "block"): Outcome.REFUSED,
    ("violation", "approval"): Outcome.NEEDS_OFFICER,
    ("violation", "warn"): Outcome.WARNED,
    ("undetermined", "block"): Outcome.NEEDS_OFFICER,
    ("undetermined", "approval"): Outcome.NEEDS_OFFICER,
    ("undetermined", "warn"): Outcome.WARNED,
    **{
        (verdict, effect): Outcome.CLEAR
        for verdict in ("pass", "waived", "not_applicable")
        for effect in ("block", "approval", "warn")
    },
}
STRICTNESS = [Outcome.CLEAR, Outcome.WARNED, Outcome.NEEDS_OFFICER, Outcome.REFUSED]


def test_each_verdict_under_each_effect():
    pairs = itertools.product(Verdict.values, Effect.values)
    assert {pair: outcome_of([pair]) for pair in pairs} == ALONE


def test_without_policies_nothing_stands_against_it():
    assert outcome_of([]) == Outcome.CLEAR


@pytest.mark.parametrize("first", ALONE)
def test_the_strictest_of_several_wins_in_any_order(first):
    for second in ALONE:
        strictest = max(ALONE[first], ALONE[second], key=STRICTNESS.index)
        assert outcome_of([first, second]) == outcome_of([second, first]) == strictest
