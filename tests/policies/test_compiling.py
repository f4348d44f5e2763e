"""How each fact and operator is judged: below, at, above, missing, partly known, out of scope; saved and as a candidate."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from policies.compiling import compile_condition, compile_conditions
from policies.models import Condition
from policies.verdicts import Verdict
from policies.vocabulary import FACTS, OPERATORS, Fact, Operator, Type
from subscriptions.evaluation import (
    FACT_COLUMNS,
    OF_AGENCY,
    judge,
    judgement_of_row,
    rows_judged_by,
    with_truths,
)
from subscriptions.models import AgencyTotals, Facts
from tests.subscriptions.factories import (
    DAY,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    make_policy,
)

TRUTHS = {"t": "true", "f": "false", "?": "unknown"}
VERDICTS = {"true": Verdict.VIOLATION, "false": Verdict.PASS, "unknown": Verdict.UNDETERMINED}

Question = tuple[Operator, list[Any]]
# The questions, and for what may be known of a fact (its columns) the answers to them in the same order.
Table = tuple[list[Question], dict[tuple[Any, ...], str]]

CODES: Table = (
    [
        (Operator.IS, ["aa"]),
        (Operator.IS_NOT, ["aa"]),
        (Operator.ONE_OF, ["aa", "bb"]),
        (Operator.NONE_OF, ["aa", "bb"]),
        (Operator.IS_UNKNOWN, []),
    ],
    {
        ("aa",): "tf tf f",
        ("bb",): "ft tf f",
        ("cc",): "ft ft f",
        (None,): "?? ?? t",
    },
)
RANKS: Table = (
    [
        (Operator.IS, ["sensitive"]),
        (Operator.IS_NOT, ["sensitive"]),
        (Operator.ONE_OF, ["open", "classified"]),
        (Operator.NONE_OF, ["open", "classified"]),
        *((Operator.AT_MOST, [limit]) for limit in ("open", "sensitive", "classified")),
        *((Operator.LESS_THAN, [limit]) for limit in ("open", "sensitive", "classified")),
        *((Operator.AT_LEAST, [limit]) for limit in ("open", "sensitive", "classified")),
        *((Operator.MORE_THAN, [limit]) for limit in ("open", "sensitive", "classified")),
        (Operator.IS_UNKNOWN, []),
    ],
    {
        ("open",): "ft tf  ttt ftt tff fff f",
        ("sensitive",): "tf ft  ftt fft ttf tff f",
        ("classified",): "ft tf  fft fff ttt ttf f",
        (None,): "?? ??  ??? ??? ??? ??? t",
    },
)
YES_NO: Table = (
    [(Operator.IS, [True]), (Operator.IS, [False]), (Operator.IS_UNKNOWN, [])],
    {(True,): "tf f", (False,): "ft f", (None,): "?? t"},
)
SETS: Table = (
    [
        (Operator.ONE_OF, ["aa"]),
        (Operator.NONE_OF, ["aa"]),
        (Operator.ONE_OF, ["aa", "bb"]),
        (Operator.NONE_OF, ["aa", "bb"]),
        (Operator.IS_UNKNOWN, []),
    ],
    {
        # Known to be complete. The code "aax" begins like a wanted one and is another.
        ("|aa|", True): "tf tf f",
        ("|aa|cc|", True): "tf tf f",
        ("|bb|", True): "ft tf f",
        ("|cc|", True): "ft ft f",
        ("|aax|", True): "ft ft f",
        ("|", True): "ft ft f",
        # Perhaps there are others.
        ("|aa|", False): "tf tf t",
        ("|aa|cc|", False): "tf tf t",
        ("|bb|", False): "?? tf t",
        ("|cc|", False): "?? ?? t",
        ("|aax|", False): "?? ?? t",
        ("|", False): "?? ?? t",
    },
)
RANGES: Table = (
    [
        (Operator.IS, [10]),
        (Operator.IS_NOT, [10]),
        (Operator.AT_MOST, [10]),
        (Operator.LESS_THAN, [10]),
        (Operator.AT_LEAST, [10]),
        (Operator.MORE_THAN, [10]),
        (Operator.WITHIN, [10, 20]),
        (Operator.IS_UNKNOWN, []),
    ],
    {
        # is, is not; at most, less; at least, more; within; unknown
        (0, 0): "ft tt ff f f",
        (9, 9): "ft tt ff f f",
        (10, 10): "tf tf tf t f",
        (11, 11): "ft ff tt t f",
        (20, 20): "ft ff tt t f",
        (21, 21): "ft ff tt f f",
        (5, 9): "ft tt ff f t",
        (5, 10): "?? t? ?f ? t",
        (9, 11): "?? ?? ?? ? t",
        (10, 15): "?? ?f t? t t",
        (11, 20): "ft ff tt t t",
        (11, 21): "ft ff tt ? t",
        (20, 25): "ft ff tt ? t",
        (21, 25): "ft ff tt f t",
        (9, None): "?? ?? ?? ? t",
        (10, None): "?? ?f t? ? t",
        (11, None): "ft ff tt ? t",
        (20, None): "ft ff tt ? t",
        (21, None): "ft ff tt f t",
        (None, None): "?? ?? ?? ? t",
    },
)
TABLES: dict[Type, Table] = {
    Type.CODE: CODES,
    Type.CHOICE: CODES,
    Type.RANKED: RANKS,
    Type.YES_NO: YES_NO,
    Type.SET: SETS,
    Type.RANGE: RANGES,
}
# Of these something is always known: their columns hold no null.
ALWAYS_KNOWN = {"product": "zz", "vendor": "zz", "agency_kind": "zz"}
UNKNOWN = {Type.SET: ("|", False), Type.RANGE: (None, None)}
NOTHING_KNOWN = {
    column: value
    for fact in FACTS.values()
    for column, value in zip(fact.columns, UNKNOWN.get(fact.type, (None,)), strict=True)
} | ALWAYS_KNOWN


def flat(fact: Fact, known: Sequence[Any]) -> dict[str, Any]:
    """The columns of facts of which this one alone is known."""
    return {**NOTHING_KNOWN, **dict(zip(fact.columns, known, strict=True))}


@pytest.mark.parametrize("type_", Type)
def test_every_operator_of_a_type_has_its_cases(type_):
    questions, answers = TABLES[type_]
    assert {operator for operator, _values in questions} == set(OPERATORS[type_])
    assert {len(row.replace(" ", "")) for row in answers.values()} == {len(questions)}


@pytest.mark.django_db
@pytest.mark.parametrize("name", FACTS)
def test_each_fact_by_each_operator(name):
    fact = FACTS[name]
    questions, answers = TABLES[fact.type]
    # A place whose code begins alike is out of scope, and so is what stands above.
    agency, outside, product = agency_at("KR/P1"), [agency_at("KR/P10"), agency_at("KR")], ProductFactory()
    versions = [make_policy((name, operator, values), scope=agency) for operator, values in questions]
    cases = [known for known in answers if known != (None,) or name not in ALWAYS_KNOWN]
    expected = {
        (known, number): TRUTHS[letter]
        for known in cases
        for number, letter in enumerate(answers[known].replace(" ", ""))
    }

    as_candidates = {}
    for known in cases:
        facts = {**flat(fact, known), "agency_path": agency.path}
        judgements = {judgement.version.pk: judgement for judgement in judge(facts, agency, DAY)}
        for number, version in enumerate(versions):
            judgement = judgements[version.pk]
            (reason,) = judgement.reasons
            assert judgement.verdict == judgement.unwaived == VERDICTS[reason.truth]
            assert tuple(reason.known) == known
            as_candidates[known, number] = reason.truth
        for elsewhere in outside:
            found = judge({**facts, "agency_path": elsewhere.path}, elsewhere, DAY)
            assert [(j.verdict, j.unwaived, j.reasons) for j in found] == [
                (Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, ())
            ] * len(versions)
    assert as_candidates == expected

    rows = {}
    for number, known in enumerate(cases):
        for own in (agency_at(f"KR/P1/I{number}"), agency_at(f"KR/P10/O{number}")):
            columns = flat(fact, known)
            totals = {column: columns.pop(column) for column in OF_AGENCY}
            subscription = SubscriptionFactory(agency=own, product=product)
            AgencyTotals.objects.create(agency=own, **totals)
            Facts.objects.create(
                subscription=subscription, day=DAY, status="active", agency_path=own.path, **columns
            )
            if own.code.startswith("I"):  # the others are to have no row below
                rows[subscription.pk] = known
    as_saved = {}
    for number, version in enumerate(versions):
        for row in with_truths(rows_judged_by(version, DAY), version).values():
            judgement = judgement_of_row(version, row, {})
            (reason,) = judgement.reasons
            assert judgement.verdict == judgement.unwaived == VERDICTS[reason.truth]
            as_saved[rows[row["subscription_id"]], number] = reason.truth
    assert as_saved == expected


BOOLEANS = {"t": True, "f": False, "?": None}
ANY = {"tt": "t", "tf": "t", "t?": "t", "ft": "t", "ff": "f", "f?": "?", "?t": "t", "?f": "?", "??": "?"}
ALL = {"tt": "t", "tf": "f", "t?": "?", "ft": "f", "ff": "f", "f?": "f", "?t": "?", "?f": "f", "??": "?"}


def verdict_of(version, **known: Any) -> Verdict:
    facts = {**NOTHING_KNOWN, **known, "agency_path": version.scope.path}
    (judgement,) = judge(facts, version.scope, DAY)
    return judgement.verdict


@pytest.mark.django_db
@pytest.mark.parametrize(("groups", "table"), [((1, 1), ANY), ((1, 2), ALL)])
def test_any_condition_of_a_group_and_all_groups(groups, table):
    version = make_policy(
        (groups[0], "personal_data", "is", [True]), (groups[1], "auto_renewal", "is", [True])
    )
    found = {
        first + second: verdict_of(version, personal_data=BOOLEANS[first], auto_renewal=BOOLEANS[second])
        for first, second in itertools.product("tf?", repeat=2)
    }
    assert found == {case: VERDICTS[TRUTHS[letter]] for case, letter in table.items()}


@pytest.mark.django_db
def test_groups_need_not_stand_together():
    """(personal data or owner unnamed) and automatic renewal, with the groups' conditions interleaved."""
    version = make_policy(
        (1, "personal_data", "is", [True]),
        (2, "auto_renewal", "is", [True]),
        (1, "owner_named", "is", [False]),
    )
    assert verdict_of(version, personal_data=False, auto_renewal=True, owner_named=False) == Verdict.VIOLATION
    assert verdict_of(version, personal_data=False, auto_renewal=True, owner_named=True) == Verdict.PASS
    assert verdict_of(version, personal_data=True, auto_renewal=False, owner_named=None) == Verdict.PASS
    assert (
        verdict_of(version, personal_data=None, auto_renewal=True, owner_named=True) == Verdict.UNDETERMINED
    )


def test_a_policy_without_conditions_is_refused():
    with pytest.raises(ValueError, match="without conditions"):
        compile_conditions([])


@pytest.mark.django_db
def test_a_version_that_came_into_force_without_conditions_decides_nothing():
    assert verdict_of(make_policy()) == Verdict.UNDETERMINED


@pytest.mark.parametrize(
    ("fact", "operator"), [("annual_cost", Operator.ONE_OF), ("seats", Operator.NONE_OF)]
)
def test_an_operator_that_does_not_apply_is_refused(fact, operator):
    with pytest.raises(ValueError, match="does not apply"):
        compile_condition(Condition(fact=fact, operator=operator, values=[1]))


def test_the_candidate_has_a_column_for_every_fact():
    assert set(FACT_COLUMNS) == set(NOTHING_KNOWN)
