"""The explorer's figures: by hand with unknowns in every position, and equal to counting record by record."""

import datetime
import itertools
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Agency, User
from catalog.models import Product
from figures.formatting import total_text
from figures.standing import Standing
from oversight.explorer.answer import Answer
from oversight.explorer.answering import answer, total_of
from oversight.explorer.question import Dimension, Filters, Measure, Question
from subscriptions.models import Status
from subscriptions.tallies import fold
from tests.examples import examples
from tests.oversight.explorer.reference import PLACES, TOOLS, Record, build, counted
from tests.subscriptions.factories import DAY, agency_at, person

D = Dimension
COUNTED = (Measure.PAID, Measure.ANNUAL_COST, Measure.SEATS, Measure.SUBSCRIPTIONS, Measure.PRODUCTS)


@pytest.fixture
def everybody(db: None) -> User:
    return person("committee_member", agency_at("KR"))


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime.datetime.combine(DAY, datetime.time(12), tzinfo=timezone.get_default_timezone())
    monkeypatch.setattr(timezone, "now", lambda: noon)


def ask(user: User, measure: Measure, *by: Dimension, compare: bool = False, **filters: Any) -> Answer:
    return answer(user, Question(measure, by, Filters(**filters)), timezone.now(), compare)


def written(found: Answer) -> dict[str, str]:
    """Each row as "codes: figure with what it leaves out"."""
    money = found.question.measure.money
    return {" ".join(key.code for key in row.keys): total_text(row.total, money) for row in found.rows}


def day(year: int, month: int = 1, of: int = 15) -> datetime.date:
    return datetime.date(year, month, of)


@pytest.mark.usefixtures("in_english")
class TestByHand:
    """Provinces P1 (with cities C1 and C2) and P2; what each position leaves unknown is counted there and in the sums."""

    @pytest.fixture(autouse=True)
    def register(self, db: None) -> None:
        build(
            [
                Record(1, "chat", payments=((day(2025), 1_000), (day(2026), 2_000)), cost=(12_000, 12_000)),
                Record(2, "chat", payments=((day(2026), None),), cost=(5_000, None)),
                Record(2, "draw", cost=(None, None)),
                Record(3, "draw", payments=((day(2026, 4), 500), (day(2026, 5), -200)), cost=(0, 900)),
                Record(4, "code", status=Status.DRAFT),
                Record(4, "code", status=Status.VOID, payments=((day(2026), 99),)),
            ]
        )

    def test_paid_by_place(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.PLACE)
        assert written(found) == {"P1": "at least ₩3,300; 1 not given, 1 rate missing", "P2": "None"}
        assert total_text(found.total) == "at least ₩3,300; 1 not given, 1 rate missing"

    def test_one_level_down_tells_the_agency_itself_apart(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.PLACE, agency=Agency.objects.get(code="P1"))
        assert written(found) == {"P1": "₩3,000", "C1": "Unknown (1 not given, 1 rate missing)", "C2": "₩300"}
        assert [row.keys[0].filters for row in found.rows] == [
            {"agency": "P1", "alone": "on"},
            {"agency": "C1"},
            {"agency": "C2"},
        ]

    def test_only_unknowns_are_unknown_and_never_zero(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.PRODUCT, agency=Agency.objects.get(code="C1"))
        assert written(found) == {"chat": "Unknown (1 rate missing)", "draw": "Unknown (1 not given)"}
        assert total_text(found.total) == "Unknown (1 not given, 1 rate missing)"
        assert found.total.known.value is None

    def test_two_dimensions_with_their_subtotals(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.PRODUCT, D.PLACE)
        assert written(found) == {
            "chat P1": "at least ₩3,000; 1 rate missing",
            "draw P1": "at least ₩300; 1 not given",
        }
        assert {row.keys[0].code: total_text(row.total) for row in found.subtotals} == {
            "chat": "at least ₩3,000; 1 rate missing",
            "draw": "at least ₩300; 1 not given",
        }

    def test_by_month_a_subscription_without_payments_counts_in_the_total_alone(
        self, everybody: User
    ) -> None:
        found = ask(everybody, Measure.PAID, D.MONTH)
        assert written(found) == {
            "2025-01": "₩1,000",
            "2026-01": "at least ₩2,000; 1 rate missing",
            "2026-04": "₩500",
            "2026-05": "₩-200",
        }
        assert total_text(found.total) == "at least ₩3,300; 1 not given, 1 rate missing"

    def test_a_month_keeps_no_more_than_the_period(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.YEAR, first=day(2026, 1, 10), last=day(2026, 4, 20))
        assert [row.keys[0].filters for row in found.rows] == [{"first": "2026-01-10", "last": "2026-04-20"}]
        assert written(found) == {"2026": "at least ₩2,500; 1 rate missing"}

    def test_a_year_earlier(self, everybody: User) -> None:
        found = ask(everybody, Measure.PAID, D.MONTH, compare=True)
        before = {row.keys[0].code: row.before and total_text(row.before) for row in found.rows}
        assert before == {"2025-01": None, "2026-01": "₩1,000", "2026-04": None, "2026-05": None}
        found = ask(
            everybody, Measure.PAID, D.PLACE, compare=True, first=day(2026, 1, 1), last=day(2026, 12, 31)
        )
        assert found.rows[0].before is not None
        assert total_text(found.rows[0].before) == "at least ₩1,000; 1 not given"

    def test_cost_known_in_part_is_a_minimum(self, everybody: User) -> None:
        assert written(ask(everybody, Measure.ANNUAL_COST, D.AGENCY)) == {
            "P1": "₩12,000",
            "C1": "at least ₩5,000; 1 not given",
            "C2": "at least ₩0",
        }

    def test_tools_of_two_agencies_are_one_tool(self, everybody: User) -> None:
        found = ask(everybody, Measure.PRODUCTS, D.AGENCY)
        assert written(found) == {"P1": "1", "C1": "2", "C2": "1"}
        assert total_text(found.total, money=False) == "2"

    def test_what_has_no_country_is_a_group_of_its_own(self, everybody: User) -> None:
        found = ask(everybody, Measure.SUBSCRIPTIONS, D.COUNTRY, status="draft")
        assert [(row.keys[0].code, row.keys[0].filters) for row in found.rows] == [
            ("none", {"country": "none"})
        ]


@pytest.mark.usefixtures("in_english")
class TestUsers:
    def test_users_of_several_tools_are_bounded_and_a_count_of_all_tools_says_it_outright(
        self, everybody: User
    ) -> None:
        from subscriptions.models import Subscription, UserCount

        build([Record(1, "chat"), Record(1, "draw"), Record(4, "chat"), Record(4, "draw"), Record(3, "code")])
        p1, p2 = (
            list(Subscription.objects.filter(agency__code=code).order_by("pk")) for code in ("P1", "P2")
        )
        for subscription, old, value in ((p1[0], 9, 30), (p1[1], 9, 20), (p2[0], 9, 7)):
            for on, people in ((day(2025), old), (day(2026), value)):
                UserCount.objects.create(
                    agency=subscription.agency, subscription=subscription, day=on, value=people
                )
        found = ask(everybody, Measure.USERS, D.AGENCY)
        assert written(found) == {
            "P1": "at least 30",
            "P2": "at least 7; 1 not given",
            "C2": "Unknown (1 not given)",
        }
        assert found.rows[0].total.known.interval.high == 50
        UserCount.objects.create(agency=p2[0].agency, day=day(2026), value=11)
        UserCount.objects.create(agency=p1[0].agency, day=day(2026), standing=Standing.WITHHELD)
        found = ask(everybody, Measure.USERS, D.AGENCY)
        assert written(found) == {"P1": "at least 30", "P2": "11", "C2": "Unknown (1 not given)"}
        # Of one tool, only what is counted for it tells.
        assert written(ask(everybody, Measure.USERS, D.PRODUCT)) == {
            "chat": "37",
            "draw": "at least 20; 1 not given",
            "code": "Unknown (1 not given)",
        }


class TestSight:
    def test_nothing_of_another_province(self, everybody: User) -> None:
        build(
            [Record(1, "chat", payments=((day(2026), 10),)), Record(4, "draw", payments=((day(2026), 20),))]
        )
        own = person("committee_member", Agency.objects.get(code="P1"))
        for measure in (*COUNTED, Measure.FINDINGS, Measure.USERS, Measure.PER_USER):
            for dimension in (D.PLACE, D.AGENCY, D.KIND, D.PRODUCT, D.VENDOR, D.COUNTRY):
                codes = {key.code for row in ask(own, measure, dimension).rows for key in row.keys}
                assert not codes & {"P2", "draw", "brush", "CN", "metropolitan_city"}
        found = ask(own, Measure.PAID, D.PLACE)
        assert [row.total.known.value for row in found.rows] == [10]
        assert (found.total.known.value, found.unseen) == (10, 1)
        nobody = person()
        assert ask(nobody, Measure.PAID, D.PLACE).rows == []


def test_the_number_of_queries_does_not_depend_on_what_there_is(everybody: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(everybody, Measure.PAID, D.PLACE, D.PRODUCT)
        return len(captured)

    build([Record(1, "chat")])
    everybody.sight()  # asked once a request
    few = queries()
    build([Record(place, tool) for place in range(5) for tool in TOOLS])
    assert queries() == few


YEAR = {"first": day(2026, 1, 1), "last": day(2026, 12, 31)}


@pytest.mark.parametrize(
    ("by", "filters", "tallied"),
    [
        ((D.PRODUCT, D.MONTH), {"status": "active"}, True),
        ((D.COUNTRY, D.YEAR), {"data_class": "open", "provenance": "by_hand"}, True),
        ((D.DATA_CLASS, D.QUARTER), {}, True),
        ((D.VENDOR,), {"data_class": "none", **YEAR}, True),
        ((D.DATA_CLASS, D.CATEGORY), YEAR, True),
        ((D.DATA_CLASS,), {"country": "US"}, True),  # of any time: from what is kept of each subscription
        ((D.PRODUCT, D.MONTH), {"status": "void"}, False),
        ((D.AGENCY, D.MONTH), {"status": "active"}, False),
        ((D.PRODUCT, D.MONTH), {"status": "active", "first": day(2026, 1, 2)}, False),
    ],
    ids=str,
)
def test_no_payment_is_read_where_the_tallies_tell(
    everybody: User, by: tuple[D, ...], filters: dict[str, Any], tallied: bool
) -> None:
    build(
        [
            Record(place, tool, status, data_class, payments=((day(2026, place + 1), 7),))
            for place, tool in enumerate(TOOLS)
            for status in (Status.ACTIVE, Status.VOID)
            for data_class in (None, "open")
        ]
    )
    with CaptureQueriesContext(connection) as captured:
        found = ask(everybody, Measure.PAID, *by, **filters)
    assert found.rows
    assert any("subscriptions_payment" in query["sql"] for query in captured) != tallied


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize("period", [{}, YEAR], ids=["of any time", "of a year"])
def test_a_subscription_without_payments_counts_as_what_it_is(
    everybody: User, period: dict[str, Any]
) -> None:
    paid = ((day(2026), 10),)
    build(
        [
            Record(1, "chat", data_class="open", payments=paid),
            Record(2, "chat", data_class="open", provenance="imported", status=Status.ENDED),
            Record(3, "chat", provenance="imported"),
        ]
    )
    assert written(ask(everybody, Measure.PAID, D.DATA_CLASS, **period)) == {
        "open": "at least ₩10; 1 not given",
        "none": "Unknown (1 not given)",
    }
    for asked, text in (
        ({}, "at least ₩10; 2 not given"),
        ({"status": "active"}, "at least ₩10; 1 not given"),
        ({"status": "ended"}, "Unknown (1 not given)"),
        ({"data_class": "none"}, "Unknown (1 not given)"),
        ({"provenance": "by_hand"}, "₩10"),
        ({"provenance": "imported"}, "Unknown (2 not given)"),
    ):
        assert written(ask(everybody, Measure.PAID, D.PRODUCT, **asked, **period)) == {"chat": text}


def test_who_sees_a_part_gets_no_tally_of_tools(everybody: User) -> None:
    build([Record(1, "chat", payments=((day(2026), 10),)), Record(4, "chat", payments=((day(2026), 20),))])
    own = person("committee_member", Agency.objects.get(code="P1"))
    for user, won in ((everybody, 30), (own, 10)):
        found = ask(user, Measure.PAID, D.PRODUCT, D.MONTH, status="active")
        assert [row.total.known.value for row in found.rows] == [won]


RANGES = st.sampled_from([(None, None), (0, 0), (5, 5), (3, 8), (4, None), (1_000_000, 1_000_000)])
MONTHS = st.builds(day, st.sampled_from([2024, 2025, 2026]), st.integers(1, 12), st.integers(1, 28))
RECORDS = st.builds(
    Record,
    place=st.integers(0, len(PLACES) - 1),
    tool=st.sampled_from(TOOLS),
    status=st.sampled_from(list(Status)),
    data_class=st.sampled_from([None, "open", "sensitive"]),
    provenance=st.sampled_from(["by_hand", "imported"]),
    started=MONTHS,
    ends=st.sampled_from([None, day(2026, 12, 28), day(2026, 12, 30)]),
    seats=RANGES,
    cost=RANGES,
    payments=st.lists(st.tuples(MONTHS, st.sampled_from([None, 0, 7, 1_000, -300])), max_size=3).map(tuple),
)
GROUPINGS = [(d,) for d in D] + list(itertools.permutations(D, 2))


@pytest.mark.hypothesis
@pytest.mark.django_db
@examples(40, share=4)
@hypothesis.given(data=st.data(), records=st.lists(RECORDS, max_size=8))
def test_equal_to_counting_record_by_record(data: Any, records: list[Record]) -> None:
    with transaction.atomic():
        build(records)
        if data.draw(st.booleans()):
            fold()
        place = data.draw(st.sampled_from(["KR", "KR/P1"]))
        user = person("committee_member", agency_at(place))
        records = [record for record in records if record.path.startswith(f"{place}/")]
        filters = data.draw(some_filters())
        for measure in COUNTED:
            by = data.draw(st.sampled_from(GROUPINGS))
            if measure != Measure.PAID and any(dimension.is_time for dimension in by):
                continue
            question = Question(measure, by, filters)
            above = filters.agency.path if filters.agency else "KR/"
            found = answer(user, question, timezone.now())
            expected = counted(records, measure, by, filters, DAY, above)
            rows = {tuple(key.code for key in row.keys): row.total for row in found.rows}
            filled = {key: total for key, total in rows.items() if total.given or total.gaps}
            assert filled == {key: sums.total() for key, sums in expected.items()}
            whole = counted(records, measure, (), filters, DAY, above).get((), None)
            if whole is not None:
                assert found.total == total_of(user, question) == whole.total()
            firsts = counted(records, measure, by[:1], filters, DAY, above)
            if len(by) > 1 and expected:
                subtotals = {row.keys[0].code: row.total for row in found.subtotals}
                assert {key: subtotals[key[0]] for key in firsts if key[0] in subtotals} == {
                    key: sums.total() for key, sums in firsts.items() if key[0] in subtotals
                }
        transaction.set_rollback(True)


@st.composite
def some_filters(draw: Any) -> Filters:
    asked: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy] = {
        "product": st.sampled_from(TOOLS).map(lambda code: Product.objects.get(code=code)),
        "kind": st.sampled_from(["province", "city"]),
        "country": st.sampled_from(["US", "none"]),
        "data_class": st.sampled_from(["open", "none"]),
        "status": st.sampled_from(["active", "void", "ended"]),
        "provenance": st.sampled_from(["by_hand", "imported"]),
    }
    if draw(st.booleans()):
        asked["agency"] = Agency.objects.get(path=draw(st.sampled_from(PLACES)))
        asked["alone"] = draw(st.booleans())
    if draw(st.booleans()):
        names = ["product", "kind", "country", "data_class", "status", "provenance"]
        for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
            asked[name] = draw(values[name])
    if draw(st.booleans()):
        asked["first"] = draw(st.sampled_from([day(2025, 1, 1), day(2025, 7, 1)]))
        asked["last"] = draw(st.sampled_from([None, day(2025, 12, 31), day(2026, 6, 10)]))
    return Filters(**asked)
