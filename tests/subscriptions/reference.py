"""A naive reference of the checks, written in plain Python over one row at a time, and generated cases to hold it against.

It shares nothing with the compiled policies but the vocabulary. Truth is True, False or None for unknown.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from catalog.models import Vendor
from policies.models import Condition, Policy, PolicyVersion, Waiver
from policies.verdicts import Effect, Verdict
from policies.vocabulary import FACTS, OPERATORS, DataClass, Fact, Operator, Type
from subscriptions.models import LIVE, Approval, Facts, Finding, Status, Subscription
from subscriptions.totals import refresh_all_totals
from tests.subscriptions.factories import ProductFactory, UserFactory, VendorFactory, agency_at, days

TREE = ["KR", "KR/P1", "KR/P1/C1", "KR/P1/C2", "KR/P1/C1/O1", "KR/P2", "KR/P2/C3", "KR/P10"]
TOOLS = {"tool1": "vendor1", "tool2": "vendor1", "tool3": "vendor2"}
CODES = ["aa", "bb", "cc", "aax"]
NUMBERS = st.integers(0, 6)
# Larger than any generated number and any sum of them: stands for "as large as you like".
ENOUGH = 50


@dataclass(frozen=True)
class Question:
    """A condition as it is generated."""

    group: int
    fact: str
    operator: Operator
    values: list[Any]


@dataclass(frozen=True)
class Rule:
    """A policy with one version."""

    effect: Effect
    status: str
    scope: str
    first: int
    last: int | None
    questions: list[Question]


@dataclass(frozen=True)
class Excuse:
    """A waiver of one of the rules."""

    rule: int
    agency: str
    product: str | None
    vendor: str | None
    status: str
    first: int
    last: int


@dataclass(frozen=True)
class Row:
    """The facts of one subscription, without the totals of its agency. `approvals` are (rule, still standing)."""

    agency: str
    tool: str
    status: Status
    facts: dict[str, Any]
    approvals: dict[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What the reference says of a row and a rule."""

    verdict: Verdict
    unwaived: Verdict
    cause: str = ""
    waiver: int | None = None
    truths: tuple[str, ...] = ()


# --- generated cases --------------------------------------------------------------------------------------------------


def values_of(fact: Fact) -> st.SearchStrategy[Any]:
    if fact.type is Type.RANGE:
        return NUMBERS
    if fact.type is Type.YES_NO:
        return st.booleans()
    if fact.type is Type.RANKED:
        return st.sampled_from(DataClass.values)
    if fact.name == "product":
        return st.sampled_from([*TOOLS, "no-tool"])
    if fact.name == "vendor":
        return st.sampled_from([*TOOLS.values(), "no-vendor"])
    return st.sampled_from(CODES[:3])


# What belongs to the subscription itself; the totals of its agency follow from all of them.
OWN_FACTS = {name: fact for name, fact in FACTS.items() if not fact.of_agency}


@st.composite
def questions(draw: st.DrawFn, facts: list[str]) -> Question:
    fact = FACTS[draw(st.sampled_from(facts))]
    operator = draw(st.sampled_from(OPERATORS[fact.type]))
    if operator is Operator.IS_UNKNOWN:
        values = []
    elif operator in (Operator.ONE_OF, Operator.NONE_OF):
        values = draw(st.lists(values_of(fact), min_size=1, max_size=2, unique=True))
    elif operator is Operator.WITHIN:
        values = sorted([draw(NUMBERS), draw(NUMBERS)])
    else:
        values = [draw(values_of(fact))]
    return Question(draw(st.integers(1, 3)), fact.name, operator, values)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    # A few facts a rule, so that its conditions meet on the same ones; the totals more often than the others.
    names = sorted(FACTS) + 2 * [name for name, fact in FACTS.items() if fact.of_agency]
    facts = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    first = draw(st.sampled_from([-100, -1, 0, 0, 0, 1]))
    asked = draw(st.lists(questions(facts), min_size=1, max_size=4))
    return Rule(
        effect=draw(st.sampled_from(Effect)),
        status=draw(st.sampled_from(["in_force"] * 10 + ["draft", "retired"])),
        scope=draw(st.sampled_from(["KR"] * 8 + TREE)),
        first=first,
        last=draw(st.sampled_from([None, *(last for last in (-1, 0, 0, 1, 100) if last >= first)])),
        questions=sorted(asked, key=lambda question: question.group),
    )


@st.composite
def excuses(draw: st.DrawFn, rule_count: int) -> Excuse:
    named = draw(st.sampled_from(["neither", "neither", "product", "vendor"]))
    first = draw(st.sampled_from([-10, 0, 0, 1]))
    return Excuse(
        rule=draw(st.integers(0, rule_count - 1)),
        agency=draw(st.sampled_from(["KR"] * 6 + TREE)),
        product=draw(st.sampled_from(sorted(TOOLS))) if named == "product" else None,
        vendor=draw(st.sampled_from(["vendor1", "vendor2"])) if named == "vendor" else None,
        status=draw(st.sampled_from(["granted"] * 8 + ["requested", "refused", "revoked"])),
        first=first,
        last=draw(st.sampled_from([last for last in (-1, 0, 0, 1, 10) if last >= first])),
    )


@st.composite
def rows(draw: st.DrawFn, rule_count: int) -> Row:
    tool = draw(st.sampled_from(sorted(TOOLS)))
    facts: dict[str, Any] = {}
    for fact in OWN_FACTS.values():
        if fact.type is Type.RANGE:
            low = draw(st.none() | NUMBERS)
            high = None if low is None else draw(st.just(low) | st.none() | st.integers(low, 7))
            facts |= {f"{fact.name}_min": low, f"{fact.name}_max": high}
        elif fact.type is Type.SET:
            found = draw(st.lists(st.sampled_from(sorted(TOOLS) + CODES), max_size=2, unique=True))
            facts[fact.name] = f"|{'|'.join(sorted(found))}|" if found else "|"
            facts[f"{fact.name}_known"] = draw(st.booleans())
        elif fact.name in ("product", "vendor"):
            facts[fact.name] = tool if fact.name == "product" else TOOLS[tool]
        elif fact.name == "agency_kind":
            facts[fact.name] = draw(values_of(fact))
        else:
            facts[fact.name] = draw(st.none() | values_of(fact))
    return Row(
        agency=draw(st.sampled_from(TREE)),
        tool=tool,
        status=draw(st.sampled_from([*LIVE, *LIVE, *Status])),
        facts=facts,
        approvals=draw(st.dictionaries(st.integers(0, rule_count - 1), st.booleans(), max_size=2)),
    )


@st.composite
def registers(draw: st.DrawFn) -> tuple[list[Rule], list[Excuse], list[Row]]:
    made = draw(st.lists(rules(), min_size=1, max_size=3))
    return (
        made,
        draw(st.lists(excuses(len(made)), min_size=draw(st.integers(0, 3)), max_size=4)),
        draw(st.lists(rows(len(made)), min_size=1, max_size=4)),
    )


# --- the reference ----------------------------------------------------------------------------------------------------


def truth_of(question: Question, facts: dict[str, Any]) -> bool | None:
    fact = FACTS[question.fact]
    match fact.type:
        case Type.RANGE:
            return _of_range(question, facts[f"{fact.name}_min"], facts[f"{fact.name}_max"])
        case Type.SET:
            found = {code for code in facts[fact.name].split("|") if code}
            return _of_set(question, found, facts[f"{fact.name}_known"])
        case _:
            return _of_one(question, facts[fact.name])


def _of_one(question: Question, value: Any) -> bool | None:
    if question.operator is Operator.IS_UNKNOWN:
        return value is None
    if value is None:
        return None
    return _holds(question, DataClass.values.index(value) if value in DataClass.values else value)


def _of_range(question: Question, low: int | None, high: int | None) -> bool | None:
    """True when it holds for every number it may be, False when for none."""
    if question.operator is Operator.IS_UNKNOWN:
        return low is None or low != high
    if low is None:
        return None
    answers = {_holds(question, number) for number in range(low, (ENOUGH if high is None else high) + 1)}
    return answers.pop() if len(answers) == 1 else None


def _of_set(question: Question, found: set[str], complete: bool) -> bool | None:
    """True when it holds for the list with whatever may be missing from it, False when for none."""
    if question.operator is Operator.IS_UNKNOWN:
        return not complete
    wanted = set(question.values)
    lists = [found] if complete else [found, found | wanted]
    answers = {bool(codes & wanted) for codes in lists}
    one_of = answers.pop() if len(answers) == 1 else None
    return one_of if question.operator is Operator.ONE_OF or one_of is None else not one_of


def _holds(question: Question, value: Any) -> bool:
    values = [DataClass.values.index(v) if v in DataClass.values else v for v in question.values]
    return {
        Operator.IS: lambda: value == values[0],
        Operator.IS_NOT: lambda: value != values[0],
        Operator.ONE_OF: lambda: value in values,
        Operator.NONE_OF: lambda: value not in values,
        Operator.AT_MOST: lambda: value <= values[0],
        Operator.LESS_THAN: lambda: value < values[0],
        Operator.AT_LEAST: lambda: value >= values[0],
        Operator.MORE_THAN: lambda: value > values[0],
        Operator.WITHIN: lambda: values[0] <= value <= values[1],
    }[question.operator]()


def any_of(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def all_of(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def is_inside(agency: str, scope: str) -> bool:
    """Whether a place in the tree is the scope or below it."""
    return f"{agency}/".startswith(f"{scope}/")


def facts_of(place: int, all_rows: list[Row]) -> dict[str, Any]:
    """The facts of a row with the totals of its agency and all below; a row that is not live counts as if it were."""
    row = all_rows[place]
    counted = [
        other.facts
        for number, other in enumerate(all_rows)
        if number == place or (other.status in LIVE and is_inside(other.agency, row.agency))
    ]
    low = sum(facts["annual_cost_min"] or 0 for facts in counted)
    highs = [facts["annual_cost_max"] for facts in counted]
    tools = len({facts["product"] for facts in counted})
    return row.facts | {
        "agency_annual_cost_min": None if low == 0 and None in highs else low,
        "agency_annual_cost_max": None if None in highs else sum(highs),
        "agency_products_min": tools,
        "agency_products_max": tools,
    }


def is_in_force(rule: Rule) -> bool:
    return rule.status == PolicyVersion.Status.IN_FORCE and rule.first <= 0 <= (
        ENOUGH if rule.last is None else rule.last
    )


def covers(excuse: Excuse, row: Row) -> bool:
    return (
        excuse.status == Waiver.Status.GRANTED
        and excuse.first <= 0 <= excuse.last
        and is_inside(row.agency, excuse.agency)
        and excuse.product in (None, row.tool)
        and excuse.vendor in (None, TOOLS[row.tool])
    )


def expected(
    number: int, rule: Rule, all_excuses: list[Excuse], place: int, all_rows: list[Row]
) -> Expected | None:
    """What a rule says of the row at a place; None when it is not in force. The waiver is given by its place in the list."""
    row, facts = all_rows[place], facts_of(place, all_rows)
    if not is_in_force(rule):
        return None
    if not is_inside(row.agency, rule.scope):
        return Expected(Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE)
    truths = [truth_of(question, facts) for question in rule.questions]
    groups: dict[int, list[bool | None]] = {}
    for question, truth in zip(rule.questions, truths, strict=True):
        groups.setdefault(question.group, []).append(truth)
    violates = all_of([any_of(group) for group in groups.values()])
    unwaived = {True: Verdict.VIOLATION, False: Verdict.PASS, None: Verdict.UNDETERMINED}[violates]
    words = tuple({True: "true", False: "false", None: "unknown"}[truth] for truth in truths)
    if unwaived == Verdict.PASS:
        return Expected(unwaived, unwaived, truths=words)
    covering = [
        (excuse.last, place)
        for place, excuse in enumerate(all_excuses)
        if excuse.rule == number and covers(excuse, row)
    ]
    if covering:
        return Expected(Verdict.WAIVED, unwaived, Finding.Cause.WAIVER.value, max(covering)[1], words)
    blocked = rule.effect == Effect.BLOCK and unwaived == Verdict.VIOLATION
    if row.approvals.get(number) and not blocked:
        return Expected(Verdict.WAIVED, unwaived, Finding.Cause.APPROVED.value, truths=words)
    return Expected(unwaived, unwaived, truths=words)


def day(offset: int | None) -> datetime.date | None:
    return None if offset is None else days(offset)


# --- the same in the database -----------------------------------------------------------------------------------------


class Ground:
    """The agencies, tools and people that all generated cases share."""

    def __init__(self) -> None:
        self.agencies = {path: agency_at(path) for path in TREE}
        self.tools = {
            code: ProductFactory(code=code, vendor=VendorFactory(code=vendor))
            for code, vendor in TOOLS.items()
        }
        self.asker, self.officer = UserFactory(), UserFactory()


@dataclass
class Built:
    """A generated register in the database, each list in the order of the generated one."""

    versions: list[PolicyVersion]
    waivers: list[Waiver]
    subscriptions: list[Subscription]


def build(ground: Ground, made: list[Rule], all_excuses: list[Excuse], all_rows: list[Row]) -> Built:
    policies = Policy.objects.bulk_create(
        Policy(code=f"policy{number}", owner=ground.agencies["KR"]) for number, _rule in enumerate(made)
    )
    versions = PolicyVersion.objects.bulk_create(
        PolicyVersion(
            policy=policy,
            scope=ground.agencies[rule.scope],
            status=rule.status,
            effect=rule.effect,
            effective_from=day(rule.first),
            effective_until=day(rule.last),
            remedy_days=30,
        )
        for policy, rule in zip(policies, made, strict=True)
    )
    Condition.objects.bulk_create(
        Condition(
            version=version,
            position=position,
            group=question.group,
            fact=question.fact,
            operator=question.operator,
            values=question.values,
        )
        for version, rule in zip(versions, made, strict=True)
        for position, question in enumerate(rule.questions, start=1)
    )
    waivers = Waiver.objects.bulk_create(
        Waiver(
            policy=policies[excuse.rule],
            agency=ground.agencies[excuse.agency],
            product=ground.tools[excuse.product] if excuse.product else None,
            vendor=Vendor.objects.get(code=excuse.vendor) if excuse.vendor else None,
            status=excuse.status,
            requested_by=ground.asker,
            decided_by=ground.officer,
            decided_at=timezone.now(),
            valid_from=day(excuse.first),
            valid_until=day(excuse.last),
        )
        for excuse in all_excuses
    )
    subscriptions = Subscription.objects.bulk_create(
        Subscription(
            reference=f"R{number}",
            agency=ground.agencies[row.agency],
            product=ground.tools[row.tool],
            status=row.status,
            started_on=days(-100),
        )
        for number, row in enumerate(all_rows)
    )
    Facts.objects.bulk_create(
        Facts(
            subscription=subscription,
            day=days(0),
            status=row.status,
            agency_path=subscription.agency.path,
            **row.facts,
        )
        for subscription, row in zip(subscriptions, all_rows, strict=True)
    )
    Approval.objects.bulk_create(
        Approval(
            subscription=subscription,
            policy_version=versions[number],
            approved_by=ground.officer,
            reason="approved",
            ended_at=None if stands else timezone.now(),
        )
        for subscription, row in zip(subscriptions, all_rows, strict=True)
        for number, stands in row.approvals.items()
    )
    refresh_all_totals()
    return Built(versions, waivers, subscriptions)
