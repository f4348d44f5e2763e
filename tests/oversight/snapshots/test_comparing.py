"""A snapshot beside today: the differences of each row, and the recorded changes that explain them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Agency, Role, User
from catalog.models import Product, Vendor
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.models import Snapshot
from oversight.snapshots.causes import told
from oversight.snapshots.comparing import CannotBeAsked, Comparison, compare
from oversight.snapshots.freezing import freeze
from policies.verdicts import Effect, Verdict
from sources.models import Report, Source, Statement
from subscriptions.facts import refresh
from subscriptions.models import (
    ExchangeRate,
    Finding,
    Payment,
    PriceLine,
    Subscription,
    UserCount,
)
from tests.subscriptions.factories import (
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    make_policy,
    person,
)

D = Dimension
START = datetime.datetime(2026, 6, 15, 3, tzinfo=datetime.UTC)


class Clock:
    """The time that everything is written and read at."""

    def __init__(self) -> None:
        self.now = START

    def pass_by(self, **span: Any) -> None:
        self.now += datetime.timedelta(**span)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def nation(db: None) -> User:
    for path in ("KR/P1/C1", "KR/P1/C2", "KR/P2"):
        agency_at(path)
    Agency.objects.filter(code__in=["C1", "C2"]).update(kind=Agency.Kind.CITY)
    return person(Role.COMMITTEE_MEMBER, agency_at("KR"))


def subscribed(path: str, product: Product | None = None, **fields: Any) -> Subscription:
    tool = product or Product.objects.filter(code="chat").first() or ProductFactory(code="chat")
    made: Subscription = SubscriptionFactory(agency=agency_at(path), product=tool, **fields)
    priced(made, 1_000)
    return made


def priced(subscription: Subscription, amount: int) -> None:
    line = subscription.price_lines.first()
    if line is None:
        PriceLineFactory(
            subscription=subscription, basis="flat", amount=amount, vat="included", cycle="annual"
        )
    else:
        line.amount = amount
        line.save()
    refresh([subscription.pk], timezone.localdate())


def pay(subscription: Subscription, won: int, day: datetime.date | None = None) -> Payment:
    return Payment.objects.create(
        subscription=subscription, paid_on=day or days(-10), amount=won, currency="KRW", won=won
    )


@pytest.fixture
def frozen(nation: User, clock: Clock) -> Callable[..., Snapshot]:
    """`frozen(measure, *by, **filters)`: a snapshot, an hour after what came before and an hour before what follows."""

    def freezing(measure: Measure, *by: Dimension, **filters: Any) -> Snapshot:
        clock.pass_by(hours=1)
        snapshot = freeze(nation, Question(measure, by or (D.PLACE,), Filters(**filters)), "Frozen")
        clock.pass_by(hours=1)
        return snapshot

    return freezing


def differences(snapshot: Snapshot, user: User) -> dict[str, tuple[str, list[str]]]:
    """Of each row that differs: "codes: (difference, causes with their records)"."""
    found = compare(snapshot, user, timezone.now())
    return {" ".join(line.group) or "total": _written(line, found, user) for line in found.changed}


def _written(line: Any, found: Comparison, user: User) -> tuple[str, list[str]]:
    causes = told(found.causes, [line.group], user).get(line.group, [])
    nothing = "only today" if line.frozen is None or line.was_nothing else "only frozen"
    difference = line.difference.text(found.frozen.question.measure.money) if line.difference else nothing
    return difference, [
        " ".join([cause.text, *(reference for reference, _url in cause.records)]) for cause in causes
    ]


pytestmark = pytest.mark.usefixtures("in_english")


def test_nothing_has_changed(nation: User, frozen: Callable[..., Snapshot], clock: Clock) -> None:
    subscribed("KR/P1")
    for measure in Measure:
        snapshot = frozen(measure)
        clock.pass_by(days=2)
        assert differences(snapshot, nation) == {}


def test_a_new_record(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P1")
    snapshot = frozen(Measure.SUBSCRIPTIONS, D.PLACE, D.PRODUCT)
    new = subscribed("KR/P2")
    text = f"1 new record {new.reference}"
    assert differences(snapshot, nation) == {
        "P2": ("only today", [text]),
        "P2 chat": ("only today", [text]),
        "total": ("+1", [text]),
    }


def test_a_draft_is_no_cause(nation: User, frozen: Callable[..., Snapshot]) -> None:
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    counted = subscribed("KR/P2")
    subscribed("KR/P2", status="draft")
    text = f"1 new record {counted.reference}"
    assert differences(snapshot, nation) == {"P2": ("only today", [text]), "total": ("only today", [text])}


def test_an_ended_record(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P1")
    ended = subscribed("KR/P1")
    snapshot = frozen(Measure.ANNUAL_COST)
    ended.status = "ended"
    ended.save()
    text = f"1 record ended, refused or void {ended.reference}"
    assert differences(snapshot, nation) == {"P1": ("−₩1,000", [text]), "total": ("−₩1,000", [text])}


def test_other_dates(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P1")
    later = subscribed("KR/P1")
    snapshot = frozen(Measure.ANNUAL_COST)
    later.started_on = days(100)
    later.save()
    text = f"1 record with another status, dates or data class {later.reference}"
    assert differences(snapshot, nation) == {"P1": ("−₩1,000", [text]), "total": ("−₩1,000", [text])}


def test_a_record_moved_to_another_agency(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P2")
    subscribed("KR/P1/C1")
    moved = subscribed("KR/P1/C1")
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    moved.agency = Agency.objects.get(code="P2")
    moved.save()
    text = f"1 record moved to another agency or tool {moved.reference}"
    assert differences(snapshot, nation) == {"P1": ("−1", [text]), "P2": ("+1", [text])}  # the total stands


def test_a_move_explains_no_group_that_it_stays_within(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P2")
    moved = subscribed("KR/P1/C1")
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    moved.agency = Agency.objects.get(code="C2")
    moved.save()
    new = subscribed("KR/P1/C1")
    text = f"1 new record {new.reference}"
    assert differences(snapshot, nation) == {"P1": ("+1", [text]), "total": ("+1", [text])}


def test_a_record_moved_to_another_tool(nation: User, frozen: Callable[..., Snapshot]) -> None:
    moved = subscribed("KR/P1")
    subscribed("KR/P1")
    snapshot = frozen(Measure.SUBSCRIPTIONS, D.PRODUCT)
    moved.product = ProductFactory(code="draw")
    moved.save()
    text = f"1 record moved to another agency or tool {moved.reference}"
    assert differences(snapshot, nation) == {"chat": ("−1", [text]), "draw": ("only today", [text])}


def test_a_record_that_left_the_scope_is_counted_but_not_named(
    nation: User, frozen: Callable[..., Snapshot]
) -> None:
    moved = subscribed("KR/P1")
    subscribed("KR/P1")
    snapshot = frozen(Measure.SUBSCRIPTIONS, agency=Agency.objects.get(code="P1"))
    moved.agency = Agency.objects.get(code="P2")
    moved.save()
    reader = person(Role.COMMITTEE_MEMBER, Agency.objects.get(code="P1"))
    text = "1 record moved to another agency or tool"
    assert differences(snapshot, reader) == {"P1": ("−1", [text]), "total": ("−1", [text])}
    assert differences(snapshot, nation)["P1"] == ("−1", [f"{text} {moved.reference}"])


def test_a_changed_price(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P2")
    dearer = subscribed("KR/P1/C1")
    snapshot = frozen(Measure.ANNUAL_COST)
    priced(dearer, 3_500)
    text = f"1 record with changed prices {dearer.reference}"
    assert differences(snapshot, nation) == {"P1": ("+₩2,500", [text]), "total": ("+₩2,500", [text])}


def test_a_price_that_is_not_known_any_more(nation: User, frozen: Callable[..., Snapshot]) -> None:
    hidden = subscribed("KR/P1")
    snapshot = frozen(Measure.ANNUAL_COST)
    PriceLine.objects.get(subscription=hidden).delete()
    refresh([hidden.pk], timezone.localdate())
    text = f"1 record with changed prices {hidden.reference}"
    assert differences(snapshot, nation) == {"P1": ("Unknown", [text]), "total": ("Unknown", [text])}


def test_payments_added_changed_and_removed(nation: User, frozen: Callable[..., Snapshot]) -> None:
    added, altered, removed = (subscribed(f"KR/P1/C{n}") for n in (1, 1, 2))
    for one in (added, altered, removed):
        pay(one, 100)
    refunded, gone = altered.payments.get(), removed.payments.get()
    other = pay(removed, 50, days(-40))
    snapshot = frozen(Measure.PAID, D.AGENCY)
    pay(added, 7)
    refunded.won = refunded.amount = 90
    refunded.save()
    gone.delete()
    assert differences(snapshot, nation) == {
        "C1": ("−₩3", [f"1 payment added {added.reference}", f"1 payment changed {altered.reference}"]),
        "C2": ("−₩100", [f"1 payment removed {removed.reference}"]),
        "total": (
            "−₩103",
            [
                f"1 payment added {added.reference}",
                f"1 payment changed {altered.reference}",
                f"1 payment removed {removed.reference}",
            ],
        ),
    }
    other.refresh_from_db()


def test_payments_by_month_and_tool(nation: User, frozen: Callable[..., Snapshot]) -> None:
    one = subscribed("KR/P1")
    pay(one, 100, datetime.date(2026, 3, 1))
    pay(one, 100, datetime.date(2026, 4, 1))
    snapshot = frozen(Measure.PAID, D.PRODUCT, D.MONTH, first=datetime.date(2026, 1, 1))
    pay(one, 5, datetime.date(2026, 4, 30))
    pay(one, 6, datetime.date(2025, 12, 31))  # before the period
    text = f"1 payment added {one.reference}"
    assert differences(snapshot, nation) == {
        "chat": ("+₩5", [text]),
        "chat 2026-04": ("+₩5", [text]),
        "total": ("+₩5", [text]),
    }


def test_user_counts(nation: User, frozen: Callable[..., Snapshot]) -> None:
    one = subscribed("KR/P1")
    UserCount.objects.create(agency=one.agency, subscription=one, day=days(-30), value=10)
    snapshot = frozen(Measure.USERS)
    UserCount.objects.create(agency=one.agency, subscription=one, day=days(-1), value=12)
    text = "1 user count added, changed or removed"
    assert differences(snapshot, nation) == {
        "P1": ("+2", [f"{text} {one.reference}"]),
        "total": ("+2", [f"{text} {one.reference}"]),
    }
    UserCount.objects.create(agency=agency_at("KR/P1/C1"), day=days(-1), value=5)  # of all its tools
    assert differences(snapshot, nation)["P1"] == (
        "+7",
        [f"2 user counts added, changed or removed {one.reference}"],
    )


def test_findings_opened_and_closed(nation: User, frozen: Callable[..., Snapshot]) -> None:
    version = make_policy()
    old, waived, new = (subscribed(f"KR/{place}") for place in ("P1", "P1", "P2"))

    def find(subscription: Subscription, **fields: Any) -> Finding:
        return Finding.objects.create(
            policy=version.policy,
            policy_version=version,
            subscription=subscription,
            effect=Effect.WARN,
            **{
                "verdict": Verdict.VIOLATION,
                "unwaived_verdict": Verdict.VIOLATION,
                "first_seen": timezone.now(),
                "last_seen": timezone.now(),
                **fields,
            },
        )

    closed, excused = find(old), find(waived)
    snapshot = frozen(Measure.FINDINGS)
    closed.closed_at, closed.closed_because = timezone.now(), Finding.Closing.PASSES
    closed.save()
    excused.verdict, excused.cause = Verdict.WAIVED, Finding.Cause.APPROVED
    excused.save()
    find(new)
    opened = f"1 finding opened {new.reference}"
    over = f"2 findings closed or waived {waived.reference} {old.reference}"
    assert differences(snapshot, nation) == {
        "P1": ("only frozen", [over]),
        "P2": ("only today", [opened]),
        "total": ("−1", [opened, over]),
    }


def test_statements(nation: User, frozen: Callable[..., Snapshot]) -> None:
    report = Report.objects.create(code="report", title_ko="보고", title_en="Report")
    source = Source.objects.create(
        code="a", report=report, label_ko="가", label_en="A", published_at=timezone.now()
    )

    def state(code: str, value: int) -> Statement:
        told = Statement.objects.create(
            source=source, code=code, measure=Statement.Measure.SPENDING, value=value
        )
        told.subject.set([Agency.objects.get(code=code)])
        return told

    first = state("P1", 100)
    snapshot = frozen(Measure.STATED)
    first.value = 150
    first.save()
    state("P2", 30)
    assert differences(snapshot, nation) == {
        "P1": ("+₩50", ["1 changed statement"]),
        "P2": ("Unknown", ["1 new statement"]),  # it was not given
        "total": ("at most +₩80", ["1 new statement", "1 changed statement"]),
    }


def test_another_preferred_source(nation: User, frozen: Callable[..., Snapshot]) -> None:
    report = Report.objects.create(code="report", title_ko="보고", title_en="Report")
    for code, value in (("a", 100), ("b", 120)):
        source = Source.objects.create(
            code=code, report=report, label_ko=code, label_en=code, published_at=timezone.now()
        )
        told = Statement.objects.create(
            source=source, code=code, measure=Statement.Measure.SPENDING, value=value
        )
        told.subject.set([Agency.objects.get(code="P1")])
    snapshot = frozen(Measure.STATED)
    assert snapshot.content["source"]["code"] == "a"
    Source.objects.filter(code="a").update(published_at=None)
    assert differences(snapshot, nation)["P1"] == ("+₩20", ["1 other source is preferred"])


def test_an_agency_moved_in_the_tree(nation: User, frozen: Callable[..., Snapshot]) -> None:
    subscribed("KR/P2")
    subscribed("KR/P1")
    below = subscribed("KR/P1/C1/O1")
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    city = Agency.objects.get(code="C1")
    city.parent = Agency.objects.get(code="P2")
    city.save()
    text = f"1 record of an agency that moved in the tree {below.reference}"
    assert differences(snapshot, nation) == {"P1": ("−1", [text]), "P2": ("+1", [text])}


def test_a_renamed_agency_changes_no_figure_and_is_told(
    nation: User, frozen: Callable[..., Snapshot]
) -> None:
    subscribed("KR/P1")
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    agency = Agency.objects.get(code="P1")
    agency.short_en = "New name"
    agency.save()
    found = compare(snapshot, nation, timezone.now())
    assert found.changed == []
    assert [(line.keys[0].label, line.called) for line in found.lines if line.keys and line.called] == [
        ("New name", "P1")
    ]


def test_a_tool_whose_vendor_moved(nation: User, frozen: Callable[..., Snapshot]) -> None:
    one = subscribed("KR/P1")
    snapshot = frozen(Measure.SUBSCRIPTIONS, D.COUNTRY)
    vendor = Vendor.objects.get(pk=one.product.vendor_id)
    vendor.country = "FR"
    vendor.save()
    text = f"1 record of a tool whose vendor, category or country changed {one.reference}"
    assert differences(snapshot, nation) == {"US": ("only frozen", [text]), "FR": ("only today", [text])}


def test_dates_that_passed(nation: User, frozen: Callable[..., Snapshot], clock: Clock) -> None:
    ends, starts = subscribed("KR/P1", ends_on=days(3)), subscribed("KR/P2", started_on=days(5))
    stays = subscribed("KR/P1")
    snapshot = frozen(Measure.ANNUAL_COST)
    clock.pass_by(days=10)
    refresh([ends.pk, starts.pk, stays.pk], timezone.localdate())
    text = "1 record that started or ended by its dates"
    assert differences(snapshot, nation) == {
        "P1": ("−₩1,000", [f"{text} {ends.reference}"]),
        "P2": ("only today", [f"{text} {starts.reference}"]),
    }


def test_a_new_exchange_rate(nation: User, frozen: Callable[..., Snapshot]) -> None:
    one = subscribed("KR/P1")
    PriceLineFactory(
        subscription=one, basis="flat", amount=100, currency="USD", vat="included", cycle="annual"
    )
    refresh([one.pk], timezone.localdate())
    snapshot = frozen(Measure.ANNUAL_COST)
    ExchangeRate.objects.create(currency="USD", day=timezone.localdate(), rate=1_300 * ExchangeRate.SCALE)
    refresh([one.pk], timezone.localdate())
    causes = differences(snapshot, nation)["P1"][1]
    assert causes == [f"1 record in a currency with a new exchange rate {one.reference}"]


def test_what_no_history_explains(nation: User, frozen: Callable[..., Snapshot], client: Any) -> None:
    one = subscribed("KR/P1")
    snapshot = frozen(Measure.SEATS)
    type(one.facts).objects.filter(subscription=one).update(seats_min=4, seats_max=4)
    assert differences(snapshot, nation)["P1"][1] == []
    client.force_login(nation)
    client.cookies["django_language"] = "en"
    page = client.get(f"/spending/snapshots/{snapshot.pk}/compare/").content.decode()
    assert page.count("No recorded change explains it.") == 2  # of the row and of the total


def test_the_newest_five_are_named(nation: User, frozen: Callable[..., Snapshot], client: Any) -> None:
    snapshot = frozen(Measure.SUBSCRIPTIONS)
    new = [subscribed("KR/P1") for _number in range(7)]
    newest = " ".join(one.reference for one in new[:1:-1])
    assert differences(snapshot, nation)["P1"] == ("only today", [f"7 new records {newest}"])
    client.force_login(nation)
    client.cookies["django_language"] = "en"
    page = client.get(f"/spending/snapshots/{snapshot.pk}/compare/?changed=on").content.decode()
    assert f'<a href="{new[-1].get_absolute_url()}">{new[-1].reference}</a>' in page
    assert page.count("and 2 more") == 2
    assert new[1].reference not in page


def test_a_question_that_cannot_be_asked_any_more(
    nation: User, frozen: Callable[..., Snapshot], client: Any
) -> None:
    tool = ProductFactory(code="gone")
    snapshot = frozen(Measure.SUBSCRIPTIONS, D.PLACE, product=tool)
    tool.delete()
    with pytest.raises(CannotBeAsked):
        compare(snapshot, nation, timezone.now())
    client.force_login(nation)
    client.cookies["django_language"] = "en"
    page = client.get(f"/spending/snapshots/{snapshot.pk}/compare/")
    assert page.status_code == 200
    assert "cannot be asked any more" in page.content.decode()


@pytest.mark.parametrize("measure", [Measure.PAID, Measure.ANNUAL_COST, Measure.PER_USER, Measure.FINDINGS])
def test_as_many_queries_for_much_as_for_little(
    nation: User, frozen: Callable[..., Snapshot], measure: Measure
) -> None:
    def queries() -> int:
        nation.__dict__.pop("_sights", None)
        with CaptureQueriesContext(connection) as ran:
            found = compare(snapshot, nation, timezone.now())
            told(found.causes, [line.group for line in found.changed], nation)
        return len(ran)

    for path in ("KR/P1", "KR/P2"):
        subscribed(path)
    snapshot = frozen(measure, D.AGENCY)
    pay(subscribed("KR/P1/M"), 5)
    little = queries()
    for number in range(20):
        pay(subscribed(f"KR/P1/N{number}"), 5)
    assert queries() == little
