"""Spending by agency: rows, sums, filters, and what each person sees of it, against figures computed by hand."""

import datetime
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from agencies.models import Agency, FormerName, User
from catalog.models import Product
from figures.figure import Figure, Total
from figures.interval import Interval
from figures.standing import Qualifier, Standing
from oversight.recorded import Recorded
from oversight.spending import Filters, Spending, per_user_together, spending_by_agency, stated_sums
from oversight.stated import default_source
from sources.models import Statement
from subscriptions.models import Subscription
from tests.subscriptions.factories import SubscriptionFactory, agency_at, kept, person

pytestmark = pytest.mark.usefixtures("register")

TODAY = datetime.date.today()
TENTH = 100_000
SPENDING_BOUND = Interval(0, 43_149_999)
USERS_BOUND = Interval(0, 275)
ONE_UNKNOWN = Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 1}))
CHATGPT = Recorded(subscriptions=1, requested=0, annual_cost=ONE_UNKNOWN, attention=3, undetermined=3)


def of(user: User, **filters: Any) -> Spending:
    return spending_by_agency(user, Filters(**filters), TODAY, default_source())


def city_at(path: str) -> Agency:
    """A city or county, which is no row of its own."""
    agency = agency_at(path)
    Agency.objects.filter(pk=agency.pk).update(kind=Agency.Kind.CITY)
    return agency


def shown(spending: Spending) -> list[str]:
    return [row.agency.code for row in spending.rows]


def stated_won(value: int, qualifier: Qualifier = Qualifier.EXACT) -> Figure:
    return Figure.stated(value, TENTH, qualifier)


def quotient(won: tuple[int, int], users: int, value: int, unit: int) -> Figure:
    return Figure(
        Standing.STATED,
        Fraction(value, users),
        Interval(Fraction(won[0], users), Fraction(won[1], users)),
        unit,
    )


def not_given(low: Fraction | int = 0, high: Fraction | int | None = None) -> Figure:
    return Figure.missing(Standing.NOT_GIVEN, Interval(low, high))


class TestRows:
    def test_all_seventeen_by_hand(self, committee: User) -> None:
        unknown = (not_given(0, 43_149_999), not_given(0, 275), not_given())
        by_hand = {
            "KR-11": (
                stated_won(56_300_000),
                Figure.stated(440),
                quotient((56_250_000, 56_349_999), 440, 56_300_000, 100),
            ),
            "KR-26": unknown,
            "KR-27": unknown,
            "KR-28": unknown,
            "KR-29": unknown,
            "KR-30": (
                not_given(0, 43_149_999),
                Figure.stated(275),
                not_given(0, Fraction(43_149_999, 275)),
            ),
            "KR-31": unknown,
            "KR-41": (
                stated_won(46_700_000),
                Figure.missing(Standing.UNDETERMINED),
                Figure.missing(Standing.UNDETERMINED),
            ),
            "KR-42": (
                not_given(0, 43_149_999),
                Figure.stated(858),
                not_given(0, Fraction(43_149_999, 858)),
            ),
            "KR-43": unknown,
            "KR-44": (
                stated_won(43_100_000),
                Figure.stated(1274),
                quotient((43_050_000, 43_149_999), 1274, 43_100_000, 10),
            ),
            "KR-45": unknown,
            "KR-46": (stated_won(44_500_000), not_given(0, 275), not_given(Fraction(44_450_000, 275))),
            "KR-47": unknown,
            "KR-48": unknown,
            "KR-49": (
                stated_won(68_700_000, Qualifier.ABOUT),
                not_given(0, 275),
                not_given(Fraction(68_650_000, 275)),
            ),
            "KR-50": unknown,
        }
        found = of(committee)
        rows = {row.agency.code: (row.spending, row.users, row.per_user) for row in found.rows}
        assert rows == by_hand
        assert [row.recorded for row in found.rows] == [CHATGPT] * 17

    def test_what_is_shown_of_spending_per_user(self, committee: User) -> None:
        """The check figures of the report, each with no more digits than its interval supports."""
        rows = {row.agency.short_en: row.per_user for row in of(committee).rows}
        figures = {
            name: (rows[name].shown, rows[name].interval.rounded())
            for name in ("South Chungcheong", "Seoul", "Jeju", "South Jeolla")
        }
        assert figures == {
            "South Chungcheong": (33_830, Interval(33_791, 33_870)),
            "Seoul": (128_000, Interval(127_841, 128_068)),
            "Jeju": (None, Interval(249_636, None)),
            "South Jeolla": (None, Interval(161_636, None)),
        }

    def test_names_are_those_in_force_at_the_end_of_the_period(self, committee: User) -> None:
        jeonbuk = Agency.objects.get(code="KR-45")
        jeonbuk.former_names.all().delete()
        for until, name in ((datetime.date(2024, 1, 17), "전라북도"), (datetime.date(2030, 1, 1), "전북")):
            FormerName.objects.create(agency=jeonbuk, used_until=until, name_ko=name, name_en=name)
        names = {row.agency.code: row.name for row in of(committee).rows}
        assert (names["KR-45"], names["KR-49"]) == ("전북", "제주특별자치도")

    def test_another_agency_that_the_source_names_is_a_row(self, committee: User) -> None:
        city = city_at("KR/KR-41/SUWON")
        city_at("KR/KR-41/OTHER")
        statement = Statement.objects.get(code="A5")
        statement.pk, statement.code, statement.rank, statement.value = None, "A25", None, 1_000_000
        statement.save()
        statement.subject.set([city])
        assert set(shown(of(committee))) == {
            "SUWON",
            *Agency.objects.filter(parent__code="KR").values_list("code", flat=True),
        }

    def test_a_government_that_is_abolished_and_not_named_is_no_row(self, committee: User) -> None:
        agency = agency_at("KR/OLD")
        assert "OLD" in shown(of(committee))
        Agency.objects.filter(pk=agency.pk).update(active_until=TODAY - datetime.timedelta(days=1))
        assert "OLD" not in shown(of(committee))


class TestSums:
    def test_of_the_stated_total_what_is_given_by_agency_and_what_is_not(self, committee: User) -> None:
        spending = of(committee).spending
        assert spending.total == Total(stated_won(391_700_000), 1, Counter())
        assert (spending.by_agency.known.shown, spending.by_agency.given) == (259_300_000, 5)
        assert spending.by_agency.known.interval == Interval(259_050_000, 259_549_995)
        assert spending.by_agency.missing == Counter({Standing.NOT_GIVEN: 12})
        assert spending.together is not None
        assert spending.together.left is not None
        assert spending.together.left.shown == 132_400_000
        assert spending.hidden == 0

    def test_users_leave_one_out(self, committee: User) -> None:
        users = of(committee).users
        assert users.total == Total(Figure.stated(3687), 1, Counter({Standing.UNDETERMINED: 1}))
        assert users.by_agency == Total(
            Figure.stated(2847), 4, Counter({Standing.NOT_GIVEN: 12, Standing.UNDETERMINED: 1})
        )

    def test_per_user_of_those_whose_users_are_stated_together(self, committee: User) -> None:
        together = per_user_together(of(committee))
        assert together is not None
        money, users, each = together
        assert (money.shown, money.interval) == (345_000_000, Interval(344_900_001, 345_099_999))
        assert users == Figure.stated(3687)
        assert (each.shown, each.interval.rounded(), each.tolerance) == (
            93_570,
            Interval(93_545, 93_599),
            27,
        )

    def test_recorded(self, committee: User) -> None:
        found = of(committee)
        assert found.recorded == Recorded(
            17, 0, Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 17})), 51, 51
        )
        assert found.visible == 17

    def test_the_stated_sums_alone_are_the_same(self, committee: User) -> None:
        found = of(committee)
        assert stated_sums(default_source(), TODAY) == (found.spending, found.users)


class TestFilters:
    def test_by_kind(self, committee: User) -> None:
        found = of(committee, kind=Agency.Kind.PROVINCE)
        assert shown(found) == ["KR-41", "KR-43", "KR-44", "KR-46", "KR-47", "KR-48"]
        assert found.recorded.subscriptions == 6

    def test_by_standing_of_the_spending(self, committee: User) -> None:
        assert shown(of(committee, standing=Standing.STATED)) == ["KR-11", "KR-41", "KR-44", "KR-46", "KR-49"]
        assert len(shown(of(committee, standing=Standing.NOT_GIVEN))) == 12
        assert shown(of(committee, standing=Standing.WITHHELD)) == []

    @pytest.mark.parametrize(
        ("text", "codes"),
        [
            ("제주", ["KR-49"]),
            ("jeju", ["KR-49"]),
            ("kr-49", ["KR-49"]),
            ("south  chung", ["KR-44"]),
            ("전남", ["KR-46"]),
            ("nowhere", []),
        ],
    )
    def test_by_text_in_either_language(self, committee: User, text: str, codes: list[str]) -> None:
        assert shown(of(committee, text=text)) == codes

    def test_by_a_tool_that_the_source_says_all_subscribe_to(self, committee: User) -> None:
        found = of(committee, product=Product.objects.get(code="chatgpt"))
        assert (len(found.rows), found.uncertain) == (17, [])

    def test_by_a_tool_of_which_the_source_does_not_say_who(self, committee: User) -> None:
        claude = Product.objects.get(code="claude")
        found = of(committee, product=claude)
        assert (shown(found), [statement.code for statement in found.uncertain]) == ([], ["A16"])
        kept(SubscriptionFactory(agency=city_at("KR/KR-41/CITY"), product=claude), TODAY)
        assert shown(of(committee, product=claude)) == ["KR-41"]

    def test_by_a_tool_counts_recorded_subscriptions_only_where_they_are_seen(
        self, committee: User, jeju: User
    ) -> None:
        claude = Product.objects.get(code="claude")
        for code in ("KR-49", "KR-11"):
            kept(SubscriptionFactory(agency=agency_at(f"KR/{code}"), product=claude), TODAY)
        assert shown(of(committee, product=claude)) == ["KR-11", "KR-49"]
        assert shown(of(jeju, product=claude)) == ["KR-49"]

    def test_a_filter_that_cuts_the_subject_of_a_total_hides_it(self, committee: User) -> None:
        found = of(committee, standing=Standing.STATED)
        spending, users = found.spending, found.users
        assert (spending.together, spending.hidden) == (None, 17)
        assert spending.total == spending.by_agency
        assert (spending.total.known.shown, spending.total.given, spending.total.missing) == (
            259_300_000,
            5,
            Counter(),
        )
        assert (users.together, users.hidden) == (None, 16)
        assert users.total == Total(
            Figure.stated(440 + 1274), 2, Counter({Standing.NOT_GIVEN: 2, Standing.UNDETERMINED: 1})
        )
        assert per_user_together(found) is None

    def test_what_remains_unknown_stays_unknown(self, committee: User) -> None:
        found = of(committee, standing=Standing.NOT_GIVEN)
        assert found.spending.total == Total(Figure.missing(), 0, Counter({Standing.NOT_GIVEN: 12}))
        assert not found.per_user.is_known

    def test_spending_per_user_over_rows_that_are_all_known(self, committee: User) -> None:
        found = of(committee, text="south chung")
        assert found.per_user == found.rows[0].per_user

    def test_without_rows(self, committee: User) -> None:
        found = of(committee, text="nowhere")
        assert found.spending.total == Total(Figure.missing(), 0, Counter())
        assert found.per_user == Figure.missing(Standing.NOT_APPLICABLE)


class TestWhoSeesWhat:
    def test_jeju_sees_what_is_stated_of_all_and_what_is_recorded_of_jeju(
        self, committee: User, jeju: User
    ) -> None:
        whole, found = of(committee), of(jeju)
        stated = [(row.agency, row.spending, row.users, row.per_user) for row in found.rows]
        assert stated == [(row.agency, row.spending, row.users, row.per_user) for row in whole.rows]
        recorded = {row.agency.code: row.recorded for row in found.rows}
        assert recorded == {code: CHATGPT if code == "KR-49" else None for code in shown(whole)}
        assert (found.visible, found.recorded) == (1, CHATGPT)
        assert found.spending == whole.spending

    def test_whoever_sees_a_part_of_a_government_does_not_take_it_for_the_whole(self) -> None:
        city = city_at("KR/KR-49/SEOGWIPO")
        kept(SubscriptionFactory(agency=city), TODAY)
        found = of(person("administrator", city))
        assert [row.recorded for row in found.rows] == [None] * 17
        assert found.recorded.subscriptions == 0

    def test_nothing_recorded_is_seen_without_a_role(self, make_user: Any) -> None:
        found = of(make_user())
        assert (len(found.rows), found.visible) == (17, 0)

    def test_a_new_subscription_is_counted_at_once(self, jeju: User) -> None:
        before = {row.agency.code: row.recorded for row in of(jeju).rows}
        kept(SubscriptionFactory(agency=agency_at("KR/KR-49"), started_on=TODAY), TODAY)
        after = {row.agency.code: row.recorded for row in of(jeju).rows}
        assert before["KR-49"] == CHATGPT
        assert after["KR-49"] is not None
        assert after["KR-49"].subscriptions == 2


def test_without_any_source_everything_stated_is_not_given(committee: User) -> None:
    found = spending_by_agency(committee, Filters(), TODAY, None)
    assert {row.spending for row in found.rows} == {Figure.missing()}
    assert found.spending.total.missing == Counter({Standing.NOT_GIVEN: 17})
    assert found.recorded.subscriptions == Subscription.objects.count() == 17
