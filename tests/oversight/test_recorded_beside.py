"""What is recorded for the subject and period of a statement, seen by each, and whether it agrees."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from agencies.models import Agency, User
from catalog.models import Product
from oversight.recorded_beside import Beside, Outcome, beside
from sources.models import Report, Source, Statement
from subscriptions.models import Payment, Subscription, UserCount

pytestmark = pytest.mark.usefixtures("register", "in_english")
TODAY = datetime.date(2026, 3, 1)
IN_2023 = datetime.date(2023, 5, 1)
YEAR = {"period_from": datetime.date(2023, 1, 1), "period_until": datetime.date(2023, 12, 31)}
Told = tuple[str, int | None, tuple[str, ...]]


def told(one: Beside) -> Told:
    return one.outcome.value, one.figure and one.figure.shown, one.notes


@pytest.fixture
def tell(register: None) -> Callable[..., Statement]:
    source = Source.objects.create(
        code="x",
        report=Report.objects.get(),
        label_ko="자료",
        label_en="Document",
        published_at="2026-01-01T00:00:00Z",
    )

    def tell(measure: str, subject: list[str], value: int | None = None, **fields: Any) -> Statement:
        fields = {"standing": "not_given" if value is None else "stated", **fields}
        code = f"X{source.statements.count()}"
        statement = Statement.objects.create(source=source, code=code, measure=measure, value=value, **fields)
        statement.subject.set(Agency.objects.filter(code__in=subject))
        return statement

    return tell


def seen(user: User, statement: Statement) -> list[Told]:
    fetched = Statement.objects.select_related("source", "product").prefetch_related("subject")
    return [told(one) for one in beside(user, [fetched.get(pk=statement.pk)], TODAY)[statement.pk]]


def subscription(code: str, product: str = "chatgpt", **fields: Any) -> Subscription:
    agency = Agency.objects.get(code=code)
    fields = {"status": "active", "started_on": IN_2023, **fields}
    reference = f"{code}-{product}-{Subscription.objects.count()}"
    return Subscription.objects.create(
        reference=reference, agency=agency, product=Product.objects.get(code=product), **fields
    )


def pay(code: str, won: int | None, on: datetime.date = IN_2023, **fields: Any) -> Payment:
    known = {"currency": "KRW", "amount": won} if won is not None else {"currency": "USD", "amount": 100}
    return Payment.objects.create(
        subscription=fields.get("of") or subscription(code), paid_on=on, won=won, **known
    )


class TestSpending:
    @pytest.mark.parametrize(
        ("paid", "expected"),
        [
            ([], ("nothing", None, ())),
            ([1000], ("agrees", 1000, ())),
            ([400, 649], ("agrees", 1049, ())),
            ([400, 650], ("more", 1050, ())),
            ([949], ("less", 949, ())),
            ([1000, None], ("open", 1000, ("1 payment without a won amount",))),
            ([1050, None], ("more", 1050, ("1 payment without a won amount",))),
            ([None, None], ("open", None, ("2 payments without a won amount",))),
            ([2000, -1000], ("agrees", 1000, ())),
            ([1000, -3000], ("less", -2000, ())),
        ],
    )
    def test_of_one_agency(self, tell: Any, committee: User, paid: list[int | None], expected: Told) -> None:
        for won in paid:
            pay("KR-49", won)
        statement = tell("spending", ["KR-49"], 1000, precision=100, **YEAR)
        assert seen(committee, statement) == [expected]

    @pytest.mark.parametrize(
        ("day", "counted"),
        [("2022-12-31", False), ("2023-01-01", True), ("2023-12-31", True), ("2024-01-01", False)],
    )
    def test_within_the_period(self, tell: Any, committee: User, day: str, counted: bool) -> None:
        pay("KR-49", 7, datetime.date.fromisoformat(day))
        statement = tell("spending", ["KR-49"], 7, **YEAR)
        assert seen(committee, statement) == [("agrees", 7, ()) if counted else ("nothing", None, ())]

    def test_with_all_below(self, tell: Any, committee: User) -> None:
        jeju = Agency.objects.get(code="KR-49")
        names = {f"{form}_{language}": "Office" for form in ("name", "short") for language in ("ko", "en")}
        office = Agency.objects.create(code="OFFICE", parent=jeju, kind=Agency.Kind.OFFICE, **names)
        pay("KR-49", 5)
        pay("OFFICE", 3)
        assert seen(committee, tell("spending", ["KR-49"], 8, **YEAR)) == [("agrees", 8, ())]
        # Whoever is named besides the one above is not counted twice.
        assert seen(committee, tell("spending", ["KR-49", "OFFICE"], 8, **YEAR)) == [("agrees", 8, ())]
        assert seen(committee, tell("spending", [office.code], 3, **YEAR)) == [("agrees", 3, ())]

    def test_of_one_tool(self, tell: Any, committee: User) -> None:
        pay("KR-49", 5)
        pay("KR-49", 3, of=subscription("KR-49", "claude"))
        claude = Product.objects.get(code="claude")
        assert seen(committee, tell("spending", ["KR-49"], 3, product=claude, **YEAR)) == [("agrees", 3, ())]

    def test_what_is_void_counts_nothing(self, tell: Any, committee: User) -> None:
        pay("KR-49", 5, of=subscription("KR-49", status="void"))
        assert seen(committee, tell("spending", ["KR-49"], 5, **YEAR)) == [("nothing", None, ())]

    def test_without_a_period(self, tell: Any, committee: User) -> None:
        pay("KR-49", 5)
        assert seen(committee, tell("spending", ["KR-49"], 5)) == [("no_period", None, ())]

    def test_where_nothing_is_stated(self, tell: Any, committee: User) -> None:
        pay("KR-49", 5)
        assert seen(committee, tell("spending", ["KR-49"], **YEAR)) == [("not_stated", 5, ())]

    def test_of_each(self, tell: Any, committee: User) -> None:
        pay("KR-49", 5)
        statement = tell("spending", ["KR-11", "KR-26", "KR-49"], 5, reading="each", **YEAR)
        assert seen(committee, statement) == [("agrees", 5, ()), ("nothing", None, ("2 of 3",))]


class TestUsers:
    def count(self, code: str, day: str, value: int | None, **fields: Any) -> None:
        standing = "stated" if value is not None else "undetermined"
        agency = Agency.objects.get(code=code)
        UserCount.objects.create(agency=agency, day=day, standing=standing, value=value, **fields)

    def test_the_latest_until_today(self, tell: Any, committee: User) -> None:
        for day, value in (("2025-01-01", 5), ("2026-03-01", 9), ("2026-03-02", 100)):
            self.count("KR-49", day, value)
        assert seen(committee, tell("users", ["KR-49"], 9)) == [("agrees", 9, ("Counted on March 1, 2026",))]
        assert seen(committee, tell("users", ["KR-49"], 8)) == [("more", 9, ("Counted on March 1, 2026",))]

    def test_the_latest_in_the_period(self, tell: Any, committee: User) -> None:
        for day, value in (("2022-12-31", 1), ("2023-06-01", 5), ("2024-01-01", 9)):
            self.count("KR-49", day, value)
        statement = tell("users", ["KR-49"], 6, **YEAR)
        assert seen(committee, statement) == [("less", 5, ("Counted on June 1, 2023",))]

    def test_some_without_a_number(self, tell: Any, committee: User) -> None:
        self.count("KR-49", "2023-06-01", 5)
        notes = ("Counted on June 1, 2023", "1 without a recorded number")
        assert seen(committee, tell("users", ["KR-49", "KR-11"], 9)) == [("open", 5, notes)]
        self.count("KR-11", "2023-06-01", None)
        assert seen(committee, tell("users", ["KR-49", "KR-11"], 9)) == [("open", 5, notes)]
        # An unknown number is never shown as none.
        assert seen(committee, tell("users", ["KR-11"], 9)) == [("open", None, notes)]

    def test_nobody_counted(self, tell: Any, committee: User) -> None:
        assert seen(committee, tell("users", ["KR-49"], 9)) == [("nothing", None, ())]

    def test_users_of_one_tool_are_not_users(self, tell: Any, committee: User) -> None:
        self.count("KR-49", "2023-06-01", 5, subscription=subscription("KR-49"))
        assert seen(committee, tell("users", ["KR-49"], 5)) == [("nothing", None, ())]


class TestSubscriptions:
    OWN = ("As of March 1, 2026", "All of it recorded from this report's own statements")

    def test_the_report_itself(self, committee: User) -> None:
        """All 17 ChatGPT subscriptions come from the statement, which they therefore do not confirm."""
        assert seen(committee, Statement.objects.get(code="A15")) == [("agrees", 17, self.OWN)]
        assert seen(committee, Statement.objects.get(code="A16")) == [("nothing", None, ())]
        assert seen(committee, Statement.objects.get(code="A24")) == [("agrees", 0, self.OWN[:1])]
        assert seen(committee, Statement.objects.get(code="A23")) == [("less", 1, self.OWN)] * 2
        assert seen(committee, Statement.objects.get(code="E1")) == [("not_kept", None, ())]

    def test_another_one_confirms(self, tell: Any, committee: User) -> None:
        subscription("KR-49", "claude")
        subscription("KR-11", "claude", status="requested")
        subscription("KR-26", "claude", status="draft")
        claude = Product.objects.get(code="claude")
        statement = tell("governments_subscribing", ["KR-49", "KR-11", "KR-26"], 2, product=claude)
        assert seen(committee, statement) == [("agrees", 2, self.OWN[:1])]

    def test_more_than_stated(self, committee: User) -> None:
        subscription("KR-49", "deepseek")
        assert seen(committee, Statement.objects.get(code="A24")) == [("more", 1, self.OWN[:1])]

    def test_in_the_period(self, tell: Any, committee: User) -> None:
        claude = Product.objects.get(code="claude")
        codes = ["KR-49", "KR-11", "KR-26", "KR-27", "KR-28"]
        days = [
            ("2023-12-31", None, "active"),
            ("2024-01-01", None, "active"),
            ("2022-01-01", "2023-01-01", "ended"),
            ("2022-01-01", "2022-12-31", "ended"),
            ("2023-02-01", None, "requested"),
        ]
        for code, (first, last, status) in zip(codes, days, strict=True):
            subscription(code, "claude", started_on=first, ends_on=last, status=status)
        statement = tell("governments_subscribing", codes, 2, product=claude, **YEAR)
        assert seen(committee, statement) == [("agrees", 2, ())]

    def test_programs_of_one(self, tell: Any, committee: User) -> None:
        subscription("KR-49", "claude")
        subscription("KR-49", "claude")
        note = "Some of it recorded from this report's own statements"
        statement = tell("distinct_programs", ["KR-49"], 2)
        assert seen(committee, statement) == [("agrees", 2, (self.OWN[0], note))]


class TestWhoSeesWhat:
    def test_only_the_part_in_sight(self, tell: Any, committee: User, jeju: User, make_user: Any) -> None:
        pay("KR-49", 5)
        pay("KR-11", 1_000)
        all_told = tell("spending", ["KR-11", "KR-49"], 1_005, **YEAR)
        seoul = tell("spending", ["KR-11"], 1_000, **YEAR)
        hidden = "1 of 2 not visible to you"
        assert seen(committee, all_told) == [("agrees", 1_005, ())]
        assert seen(jeju, all_told) == [("open", 5, (hidden,))]
        assert seen(jeju, seoul) == [("hidden", None, ())]
        assert seen(make_user(), all_told) == [("hidden", None, ())]

    def test_what_is_seen_can_exceed_what_is_stated(self, tell: Any, jeju: User) -> None:
        pay("KR-49", 5)
        pay("KR-11", 1_000)
        statement = tell("spending", ["KR-11", "KR-49"], 4, **YEAR)
        assert seen(jeju, statement) == [("more", 5, ("1 of 2 not visible to you",))]

    def test_an_office_does_not_see_its_province(self, tell: Any, make_user: Any) -> None:
        names = {f"{form}_{language}": "Office" for form in ("name", "short") for language in ("ko", "en")}
        parent = Agency.objects.get(code="KR-49")
        Agency.objects.create(code="OFFICE", parent=parent, kind=Agency.Kind.OFFICE, **names)
        pay("OFFICE", 5)
        clerk = make_user("committee_member", "OFFICE")
        assert seen(clerk, tell("spending", ["KR-49"], 5, **YEAR)) == [("hidden", None, ())]
        assert seen(clerk, tell("spending", ["OFFICE"], 5, **YEAR)) == [("agrees", 5, ())]

    def test_users_and_tools_too(self, tell: Any, jeju: User) -> None:
        for code in ("KR-49", "KR-11"):
            agency = Agency.objects.get(code=code)
            UserCount.objects.create(agency=agency, day="2023-06-01", value=5)
            subscription(code, "claude")
        claude = Product.objects.get(code="claude")
        both = ["KR-49", "KR-11"]
        day, hidden = "As of March 1, 2026", "1 of 2 not visible to you"
        assert seen(jeju, tell("users", both, 10)) == [("open", 5, ("Counted on June 1, 2023", hidden))]
        assert seen(jeju, tell("governments_subscribing", both, 2, product=claude)) == [
            ("open", 1, (day, hidden))
        ]
        each = tell("distinct_programs", both, 2, reading="each")
        note = "Some of it recorded from this report's own statements"
        assert seen(jeju, each) == [("agrees", 2, (day, note)), ("hidden", None, ("1 of 2",))]


def test_every_outcome_has_a_look_of_its_own_or_none() -> None:
    assert {outcome.value: outcome.state for outcome in Outcome} == {
        "agrees": "agrees",
        "less": "warning",
        "more": "conflicts",
        "open": "undetermined",
        "not_stated": "recorded",
        "nothing": "none",
        "hidden": "not_visible",
        "no_period": "none",
        "not_kept": "none",
    }
