"""Budgets: what is left of them, by the agency itself and with all below it, and until when it lasts at today's rate."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agencies.models import Role
from figures.figure import Total
from figures.formatting import total_text
from figures.standing import Gap, Qualifier
from oversight.explorer.answering import answer
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.plan import plan_of
from oversight.recorded import recorded_below
from oversight.use import use_by_tool
from subscriptions import budgets, paying
from subscriptions.budgets import Paid, account, accounts, last_day
from subscriptions.committed_page import committed_of
from subscriptions.committed_sql import Committed
from subscriptions.models import Budget, Payment, PriceLine, Subscription
from subscriptions.tables import annual_cost
from tests.pages import form_on, read
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english", "clock", "history_agrees")]
NEW_YEAR, LAST = datetime.date(2026, 1, 1), datetime.date(2026, 12, 31)
A_YEAR = 1_200_000  # what a price line of the factory costs: 10 seats at 10,000 won a month


def running(**fields: Any) -> Committed:
    return Committed(**{"low": 365_000, "high": 365_000, "given": 1, **fields})


@pytest.mark.parametrize(
    ("left", "cost", "less", "on", "expected"),
    [
        (1_000, running(), False, DAY, (days(1), False, False)),  # a thousand won a day, from tomorrow
        (1_999, running(), False, DAY, (days(1), False, False)),
        (999, running(), False, DAY, (DAY, False, False)),
        (0, running(), False, DAY, (DAY, False, False)),
        (-1, running(), False, DAY, (None, False, False)),
        (198_999, running(), False, DAY, (days(198), False, False)),  # 30 December
        (199_000, running(), False, DAY, (None, False, True)),
        (200_000, running(), False, DAY, (None, False, True)),
        (1_000, running(), False, datetime.date(2025, 6, 1), (NEW_YEAR, False, False)),  # not begun yet
        (1_000, running(), False, datetime.date(2027, 1, 1), (None, False, False)),  # over
        (1_000, running(), True, DAY, (days(1), True, False)),
        (1_000, running(unknown=1), False, DAY, (days(1), True, False)),
        (1_000, running(high=400_000), False, DAY, (days(1), True, False)),
        (1_000, running(low=0, high=0, given=0, unknown=1), False, DAY, (None, True, False)),
        (1_000, Committed(), False, DAY, (None, False, True)),
    ],
)
def test_until_when_it_lasts(left: int, cost: Committed, less: bool, on: Any, expected: Any) -> None:
    assert last_day(left, cost, less, 2026, on) == expected


@pytest.mark.parametrize("gaps", [{"rateless": 1}, {"silent": 1}, {}])
def test_what_is_not_known_to_be_paid_makes_both_a_bound(gaps: Any) -> None:
    found = account([2_000], 0, Committed(), Paid(1_000, 1, **gaps), running(), 2026, DAY)
    assert (found.left.qualifier == Qualifier.AT_MOST, found.bound) == (bool(gaps), bool(gaps))
    assert (found.left.value, found.lasts_until) == (1_000, days(1))


def test_an_agency_by_itself_and_with_all_below(signed_in: Any) -> None:
    province, city = agency_at("KR/P1"), agency_at("KR/P1/C1")
    clerk = person(Role.ADMINISTRATOR, province)
    for agency in (province, city):
        subscription = SubscriptionFactory(agency=agency, started_on=NEW_YEAR, ends_on=LAST)
        PriceLineFactory(subscription=subscription)
        kept(subscription)
        paying.record(
            Payment(subscription=subscription, paid_on=DAY, amount=500_000, currency="KRW"), by=clerk, on=DAY
        )
    budgets.enter(Budget(agency=province, year=2026, won=800_000), by=clerk)
    own = accounts(clerk, [province], 2026, DAY)[province.pk]
    assert (own.budget.known.value, own.lacking) == (800_000, 0)
    assert (own.committed.known.value, own.paid.known.value) == (A_YEAR, 500_000)
    assert (own.left.value, own.uncommitted.value) == (300_000, 800_000 - A_YEAR)
    assert own.lasts_until == days(91)  # 300,000 * 365 / 1,200,000
    together = accounts(clerk, [province], 2026, DAY, below=True)[province.pk]
    assert (together.committed.known.value, together.paid.known.value) == (2 * A_YEAR, 1_000_000)
    assert (together.lacking, together.budget.gaps) == (1, 1)  # the city spends without a budget
    assert (together.left, together.lasts_until) == (None, None)
    client = signed_in(user=clerk, language="en")
    page = read(client.get(reverse("subscriptions:budget", args=["P1", 2026]))).text
    assert "₩800,000; not given of 1 agency that spends" in page
    assert "Until Sept. 14, 2026" in page
    listed = client.get(reverse("subscriptions:budgets"))
    assert [row.text for row in read(listed).all("tbody")[0].all("th")] == ["P1", "C1"]


def test_the_forms(signed_in: Any) -> None:
    """One budget a year: a form sent twice makes one, a second is refused, and an edit that comes second is told."""
    province = agency_at("KR/P1")
    clerk = person(Role.ADMINISTRATOR, province)
    client = signed_in(user=clerk, language="en")
    new = reverse("subscriptions:enter-budget")
    typed = {**form_on(client.get(new), "budget-form"), "won": "1,000,000", "note": "Page 12"}
    address = reverse("subscriptions:budget", args=["P1", 2026])
    assert [client.post(new, typed)["Location"] for _time in range(2)] == [address] * 2
    refused = client.post(new, {**typed, "won": "2"})
    assert "This agency has a budget of this year already. Correct that one." in read(refused).text
    opened = {**form_on(client.get(f"{address}correct/"), "budget-form"), "won": "3"}
    budget = Budget.objects.get()
    budget.won = 2
    budgets.correct(budget, by=clerk, version=1)
    stale = client.post(f"{address}correct/", opened)
    assert "This record was changed while you were editing it." in read(stale).text
    assert Budget.objects.get().won == 2
    assert client.post(f"{address}correct/", form_on(stale, "budget-form")).status_code == 302
    assert Budget.objects.get().won == 3
    assert client.post(f"{address}remove/", {"version": 3}).status_code == 302
    assert [entry.won for entry in Budget.history.order_by("history_id")] == [1_000_000, 2, 3, 3]
    assert "No budget of this year is recorded" in read(client.get(address)).text


def test_what_is_paid_says_what_it_leaves_out() -> None:
    assert Paid(10, 1, 2, 3).total().gaps == 5
    assert not Paid(rateless=1).total().given


def test_plan_against_actual(signed_in: Any) -> None:
    """By agency and by part of the year; parts come to the whole, gaps are said, and more agencies ask no more queries."""
    nation = agency_at("KR")
    for path in ("KR/P1", "KR/P1/C1", "KR/P2"):
        subscription = SubscriptionFactory(agency=agency_at(path), started_on=NEW_YEAR, ends_on=LAST)
        PriceLineFactory(subscription=subscription)
    unpriced = SubscriptionFactory(agency=agency_at("KR/P2"), started_on=NEW_YEAR)
    Payment.objects.create(subscription=subscription, paid_on=DAY, amount=700_000, won=700_000)
    Payment.objects.create(subscription=unpriced, paid_on=DAY, amount=100, currency="USD")
    client = signed_in(user=person(Role.COMMITTEE_MEMBER, nation), language="en")
    url = reverse("oversight:plan")
    with CaptureQueriesContext(connection) as few:
        page = read(client.get(f"{url}?year=2026"))
    by_agency, by_part = (
        [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")[1:]]
        for table in page.all("table")
    )
    assert by_agency == [
        ["P1", "Not given", "₩2.4M", "Unknown (2 not given)", "Not known in full"],
        [
            "P2",
            "Not given",
            "at least ₩1.2M; 1 not given",
            "at least ₩700,000; 1 rate missing",
            "Not known in full",
        ],
        [
            "Together",
            "Not given",
            "at least ₩3.6M; 1 not given",
            "at least ₩700,000; 2 not given, 1 rate missing",
            "Not known in full",
        ],
    ]
    assert by_part[1] == [
        "Q2 2026",
        "at least ₩900,000; 1 not given",
        "at least ₩700,000; 1 rate missing",
        "Not known in full",
    ]
    for number in range(3, 9):
        more = SubscriptionFactory(agency=agency_at(f"KR/P{number}"), started_on=NEW_YEAR)
        PriceLineFactory(subscription=more, cycle=PriceLine.Cycle.ANNUAL)
    with CaptureQueriesContext(connection) as many:
        client.get(f"{url}?year=2026")
    assert len(many) == len(few) < 30
    file = b"".join(client.get(f"{url}?year=2026&by=year&_export=csv").streaming_content).decode()
    assert "P1,Agency P1,Yes,2026-01-01,2026-12-31,2400000,2400000,₩2.4M,0,0,,0,0" in file


def test_the_chart_of_the_plan_goes_below_zero_where_more_was_refunded_than_paid(signed_in: Any) -> None:
    subscription = SubscriptionFactory(agency=agency_at("KR/P1"), started_on=NEW_YEAR)
    for day, amount in ((NEW_YEAR, 500_000), (DAY, 200_000), (DAY, -300_000)):
        Payment.objects.create(subscription=subscription, paid_on=day, amount=amount, won=amount)
    Payment.objects.create(subscription=subscription, paid_on=DAY, amount=100, currency="USD")
    client = signed_in(user=person(Role.COMMITTEE_MEMBER, agency_at("KR")), language="en")
    answer = client.get(f"{reverse('oversight:plan')}?year=2026")
    paid = answer.context["chart"]["datasets"][1]
    assert (paid["data"], paid["open"]) == ([500_000, -100_000, None, None], [False, True, False, False])
    assert paid["unknown"] == [False, False, "None", "None"]
    assert answer.context["parts"][1]["paid"] == "at least ₩-100,000; 1 rate missing"


def test_a_missing_rate_is_told_from_a_price_that_is_not_given() -> None:
    """Of exactly those, in every sum of annual and of committed cost, and on each of them alone."""
    province, tool = agency_at("KR/P1"), ProductFactory()
    costs = [
        {"currency": "EUR"},
        {"standing": "not_given", "amount": None},
        {},
        # With another line something is known of it; of one whose other line is not given, nothing, also for want of a rate.
        ({"currency": "EUR"}, {}),
        ({"currency": "EUR"}, {"standing": "not_given", "amount": None}),
    ]
    made = []
    for lines in costs:
        subscription = SubscriptionFactory(agency=province, product=tool, started_on=NEW_YEAR, ends_on=LAST)
        for line in lines if isinstance(lines, tuple) else (lines,):
            PriceLineFactory(subscription=subscription, **line)
        kept(subscription)
        made.append(Subscription.objects.with_list_columns().get(pk=subscription.pk))
    user = person(Role.COMMITTEE_MEMBER, agency_at("KR"))
    on = timezone.localdate()
    year = Question(Measure.ANNUAL_COST, (Dimension.PRODUCT,), Filters())
    whole = {
        "list": Total.of(annual_cost(one) for one in made),
        "by place": recorded_below(user, [province.path], DAY)[1].annual_cost,
        "by tool": use_by_tool(user, [tool.pk], DAY, agencies=False)[tool.pk].annual_cost,
        "explorer": answer(user, year, timezone.now()).total,
        "today's rate": accounts(user, [province], 2026, DAY)[province.pk].today,
        "committed": accounts(user, [province], 2026, DAY)[province.pk].committed,
        "plan": plan_of(user, None, 2026, "quarter", on).total.committed_in_all,
    }
    said = {where: total_text(total) for where, total in whole.items()}
    assert said == dict.fromkeys(whole, "at least ₩2.4M; 1 not given, 2 rate missing")
    page = [committed_of(one, list(one.price_lines.all()), DAY)["committed"][0]["figure"] for one in made]
    expected = [Gap.RATE_MISSING, "not_given", "stated", "stated", Gap.RATE_MISSING]
    assert [figure.standing for figure in page] == expected
    assert [annual_cost(one).standing for one in made] == expected
