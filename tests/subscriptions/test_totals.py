"""What an agency comes to with all below it, and policies that cap it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from policies.verdicts import Verdict
from subscriptions import recording
from subscriptions.checking import check_everything
from subscriptions.evaluation import judge_candidate, judge_saved, rows_judged_by
from subscriptions.models import AgencyTotals, Finding, PriceLine, Status, Subscription
from subscriptions.totals import COLUMNS, refresh_all_totals, refresh_totals
from tests.examples import examples
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    kept,
    make_policy,
    person,
)


def recorded(path: str, won: int | None, product=None, status: Status = Status.ACTIVE) -> Subscription:
    """A subscription with that annual cost (None: not given), with facts and totals in step."""
    subscription = SubscriptionFactory(
        agency=agency_at(path), product=product or ProductFactory(), status=status
    )
    standing = {"amount": won} if won is not None else {"amount": None, "standing": "not_given"}
    PriceLineFactory(subscription=subscription, basis="flat", cycle="annual", **standing)
    fresh = kept(subscription)
    refresh_totals(fresh.agency)
    return fresh


def totals(path: str) -> tuple[int | None, ...]:
    row = AgencyTotals.objects.get(agency=agency_at(path))
    return tuple(getattr(row, column) for column in COLUMNS)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_an_agency_counts_itself_and_all_below():
    tool = ProductFactory()
    recorded("KR/P1", 100, tool)
    recorded("KR/P1/C1", 20, tool)
    recorded("KR/P1/C1", 3)
    recorded("KR/P2", 1_000)
    recorded("KR/P1/C1", 50_000, status=Status.DRAFT)
    assert totals("KR/P1") == (123, 123, 2, 2)
    assert totals("KR/P1/C1") == (23, 23, 2, 2)
    assert totals("KR/P2") == (1_000, 1_000, 1, 1)
    assert not AgencyTotals.objects.filter(agency=agency_at("KR")).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_an_unknown_cost_leaves_the_total_open():
    recorded("KR/P1", 100)
    recorded("KR/P1/C1", None)
    assert totals("KR/P1") == (100, None, 2, 2)
    assert totals("KR/P1/C1") == (None, None, 1, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("below", "verdict"),
    [(899, Verdict.PASS), (900, Verdict.PASS), (901, Verdict.VIOLATION), (None, Verdict.UNDETERMINED)],
)
def test_a_cap_on_the_total_is_judged_alike_on_every_path(below, verdict):
    version = make_policy(("agency_annual_cost", "more_than", [1_000]))
    own = recorded("KR/P1", 100)
    recorded("KR/P1/C1", below)
    row = rows_judged_by(version, DAY).get(pk=own.pk)
    saved = judge_saved(own, DAY)[0].verdict
    candidate = judge_candidate(own, list(own.price_lines.all()), DAY)[0].verdict
    assert (row.unwaived, saved, candidate) == (verdict, verdict, verdict)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_candidate_counts_with_what_is_there_already():
    make_policy(("agency_annual_cost", "more_than", [1_000]))
    recorded("KR/P1/C1", 950)
    candidate = Subscription(agency=agency_at("KR/P1"), product=ProductFactory(), started_on=DAY)
    line = PriceLine(basis="flat", cycle="annual", vat="included")
    verdicts = []
    for amount in (50, 51):
        line.amount = amount
        verdicts.append(judge_candidate(candidate, [line], DAY)[0].verdict)
    assert verdicts == [Verdict.PASS, Verdict.VIOLATION]


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_change_below_reaches_the_findings_above():
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    above = recorded("KR/P1", 900)
    by = person("administrator", agency_at("KR/P1"))
    below = Subscription(agency=agency_at("KR/P1/C1"), product=ProductFactory(), started_on=DAY)
    done = recording.declare(
        below, [PriceLine(basis="flat", cycle="annual", vat="included", amount=101)], by=by
    )
    assert Finding.objects.get(subscription=above).verdict == Verdict.VIOLATION
    recording.void(done.subscription, by=by, reason="wrong")
    assert Finding.objects.get(subscription=above).closed_because == Finding.Closing.PASSES


def seen_by(subscription: Subscription) -> list[int]:
    """The total that decided, as the finding keeps it."""
    (reason,) = Finding.objects.get(subscription=subscription).deciding_facts["reasons"]
    return reason["known"]


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_finding_keeps_the_total_of_today_also_where_its_verdict_stands():
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    above = recorded("KR/P1", 2_000)
    check_everything()
    assert seen_by(above) == [2_000, 2_000]
    below = Subscription(agency=agency_at("KR/P1/C1"), product=ProductFactory(), started_on=DAY)
    line = PriceLine(basis="flat", cycle="annual", vat="included", amount=30)
    recording.declare(below, [line], by=person("administrator", agency_at("KR/P1")))
    assert seen_by(above) == [2_030, 2_030]
    PriceLine.objects.filter(pk=line.pk).update(amount=31)
    check_everything()
    assert seen_by(above) == [2_031, 2_031]


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_subscription_that_goes_to_another_agency_counts_there_and_no_more_here():
    make_policy(("agency_annual_cost", "more_than", [1_000]), effect="warn")
    stays, moves = recorded("KR/P1", 900), recorded("KR/P1", 200)
    there = recorded("KR/P2", 900)
    check_everything()
    assert {f.subscription for f in Finding.objects.open()} == {stays, moves}
    moves.agency = agency_at("KR/P2")
    recording.change(moves, list(moves.price_lines.all()), by=person("sysadmin"), version=moves.version)
    assert (totals("KR/P1"), totals("KR/P2")) == ((900, 900, 1, 1), (1_100, 1_100, 2, 2))
    assert {f.subscription for f in Finding.objects.open()} == {moves, there}


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_a_price_that_changes_changes_the_totals():
    own, below = recorded("KR/P1", 100), recorded("KR/P1/C1", 20)
    line = PriceLine(basis="flat", cycle="annual", vat="included", amount=30)
    recording.change(below, [line], by=person("sysadmin"), version=below.version)
    assert (totals("KR/P1"), totals("KR/P1/C1")) == ((130, 130, 2, 2), (30, 30, 1, 1))
    recording.change(own, [], by=person("sysadmin"), version=own.version)
    assert totals("KR/P1") == (30, None, 2, 2)


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_what_moved_with_its_agency_counts_before_its_facts_are_made_anew():
    """The path among the facts is the old one until then, which may take until the next check."""
    recorded("KR/P1/C1", 900)
    agency, there = agency_at("KR/P1/C1"), agency_at("KR/P2")
    agency.parent = there
    agency.save()
    agency.refresh_from_db()
    assert agency.path == "KR/P2/C1/"
    refresh_totals(agency)
    assert totals("KR/P2/C1") == (900, 900, 1, 1)
    refresh_all_totals()
    assert totals("KR/P2/C1") == (900, 900, 1, 1)


class TotalsStayEqual(TestCase):
    """Kept totals equal their recomputation after any order of changes."""

    @examples(25)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["KR", "KR/P1", "KR/P1/C1", "KR/P2"]),
                st.one_of(st.none(), st.integers(0, 1_000)),
                st.booleans(),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_after_any_changes(self, changes):
        made = [recorded(path, won) for path, won, _void in changes]
        for subscription, (_path, _won, voided) in zip(made, changes, strict=True):
            if voided:
                subscription.status = Status.VOID
                subscription.save()
                refresh_totals(kept(subscription).agency)
        before = list(AgencyTotals.objects.order_by("agency").values())
        assert refresh_all_totals() == []
        assert list(AgencyTotals.objects.order_by("agency").values()) == before
