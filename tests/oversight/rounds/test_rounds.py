"""Rounds from a draft to a published source, and what stands in the way of what should not be."""

from __future__ import annotations

import datetime
import hashlib
import json

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from agencies.models import Agency, Notice, Role, User
from audit.agreement import disagreements
from oversight.explorer.answering import total_of
from oversight.explorer.question import Dimension, Filters, Measure, Question
from oversight.explorer.sums import as_figure
from oversight.round_models import Return, Round, RoundAgency, RoundEvent
from oversight.rounds import asking, closing, reminding, returning
from oversight.rounds.coverage import State, coverage, share, state_of
from oversight.rounds.records import records_of
from oversight.stated import default_source
from sources.models import Report, Source, Statement
from subscriptions.models import Status, UserCount
from tests.oversight.rounds.conftest import FIRST, LAST, asked, paid, subscribed
from tests.subscriptions.factories import DAY, ProductFactory, agency_at, days, person

pytestmark = pytest.mark.usefixtures("noon")


def told(source: Source) -> list[tuple]:
    """What a source states: code, members, measure, tool, standing, value, qualifier."""
    return [
        (
            s.code,
            " ".join(sorted(s.subject.values_list("code", flat=True))),
            s.measure,
            s.product.code if s.product else "",
            s.standing,
            s.value,
            s.qualifier,
        )
        for s in source.statements.select_related("product").order_by("pk")
    ]


def test_a_round_from_draft_to_a_published_source(draft, member, clerk, in_english):
    chat, image = ProductFactory(code="chat"), ProductFactory(code="image")
    own, below = subscribed("KR/P1", product=chat), subscribed("KR/P1/C1", product=image)
    paid(own, 1_000_000)
    paid(below, 200_000, LAST)
    paid(below, 999, days(1, LAST))  # after the period
    UserCount.objects.create(agency=agency_at("KR/P1"), subscription=own, day=FIRST, value=30)
    UserCount.objects.create(agency=agency_at("KR/P1/C1"), subscription=below, day=FIRST, value=5)
    silent = subscribed("KR/P4", product=chat)
    paid(silent, 500_000)
    subscribed("KR/P4", product=chat)  # without any payment

    round_ = draft()
    assert (round_.status, RoundAgency.objects.count()) == (Round.Status.DRAFT, 0)
    round_ = asking.open_round(round_, by=member, on=DAY)
    assert [row.agency.code for row in round_.asked.select_related("agency")] == ["P1", "P2", "P3", "P4"]
    assert round_.asks_all_governments
    with pytest.raises(ValidationError, match="does not allow"):
        asking.open_round(round_, by=member, on=DAY)

    p1 = asked(round_, "P1")
    records = records_of(clerk, round_, [p1])[p1.agency_id]
    assert (records.won, records.payments, records.programs) == (1_200_000, 2, ["chat", "image"])
    assert records.subscriptions == sorted([own.reference, below.reference])
    filed = returning.confirm(p1, by=clerk, seen=returning.digest(records))
    assert filed.is_intact
    assert filed.sha256 == hashlib.sha256(filed.document.encode()).hexdigest()
    assert returning.frozen(filed) == records
    returning.file_nil(asked(round_, "P2"), by=clerk)
    returning.cannot_say(asked(round_, "P3"), by=clerk, category="withheld", reason="Secret by law.")
    returning.confirm(asked(round_, "P4"), by=clerk)

    # What the agency confirmed is stated, whatever is recorded later.
    paid(own, 7)
    source = closing.close(round_, by=member, on=DAY)
    assert [one for one in disagreements() if one.table.startswith("sources_")] == []
    round_.refresh_from_db()
    assert (round_.status, round_.source, source.published_at) == (Round.Status.CLOSED, source, None)
    assert source.report.title_en == "First quarter of 2026"
    stated, exact, least = "stated", "exact", "at_least"
    assert told(source) == [
        ("S1", "P1 P2 P4", "spending", "", stated, 1_700_000, least),
        ("U1", "P1 P2", "users", "", stated, 35, exact),
        ("P1", "P1 P2 P4", "distinct_programs", "", stated, 2, exact),
        ("G1", "P1 P2 P4", "governments_subscribing", "", stated, 2, exact),
        ("G2", "P1 P2 P4", "governments_subscribing", "chat", stated, 2, exact),
        ("G3", "P1 P4", "governments_subscribing", "chat", stated, 1, exact),
        ("G4", "P1 P2 P4", "governments_subscribing", "image", stated, 1, exact),
        ("G5", "P1", "governments_subscribing", "image", stated, 1, exact),
        ("S2", "P1", "spending", "", stated, 1_200_000, exact),
        ("U2", "P1", "users", "", stated, 35, exact),
        ("P2", "P1", "distinct_programs", "", stated, 2, exact),
        ("S3", "P2", "spending", "", stated, 0, exact),
        ("U3", "P2", "users", "", stated, 0, exact),
        ("P3", "P2", "distinct_programs", "", stated, 0, exact),
        ("S4", "P3", "spending", "", "withheld", None, exact),
        ("U4", "P3", "users", "", "withheld", None, exact),
        ("P4", "P3", "distinct_programs", "", "withheld", None, exact),
        ("S5", "P4", "spending", "", stated, 500_000, least),
        ("U5", "P4", "users", "", "not_given", None, exact),
        ("P5", "P4", "distinct_programs", "", stated, 1, exact),
    ]
    statement = source.statements.get(code="S5")
    assert (statement.text_en, statement.note_en) == (
        "Agency P4 confirmed what is recorded: at least ₩500,000.",
        "Subscriptions without any payment: 1.",
    )
    assert source.statements.get(code="S4").note_ko == "Secret by law."
    assert [(h.history_type, h.subject.count()) for h in statement.history.all()] == [("+", 1)]

    with pytest.raises(ValidationError, match="already"):
        closing.close(round_, by=member, on=DAY)
    with pytest.raises(returning.RoundNotOpen):
        returning.file_nil(asked(round_, "P2"), by=clerk)

    # Until the committee publishes it, only those who run rounds there see it.
    readers = {
        "committee": member,
        "officer": person(Role.POLICY_OFFICER, agency_at("KR")),
        "committee of P1": person(Role.COMMITTEE_MEMBER, agency_at("KR/P1")),
        "administrator": clerk,
    }
    seen = {
        title: Source.objects.readable_by(who).filter(pk=source.pk).exists() for title, who in readers.items()
    }
    assert seen == {
        "committee": True,
        "officer": True,
        "committee of P1": False,
        "administrator": False,
    }
    with pytest.raises(PermissionDenied):
        closing.publish(round_, by=readers["officer"])
    assert default_source() is None
    closing.publish(round_, by=member)
    assert Source.objects.readable_by(clerk).filter(pk=source.pk).exists()
    assert default_source() == source
    with pytest.raises(ValidationError, match="already"):
        closing.publish(round_, by=member)
    acts = list(round_.events.order_by("pk").values_list("act", flat=True))
    assert acts == ["created", "opened", "closed", "published"]


def test_who_did_not_answer_is_named_and_has_no_statement(opened, member, clerk, in_english):
    report = Report.objects.create(code="a-report", title_ko="보고서", title_en="Report")
    round_ = opened(scope=agency_at("KR/P1"), kinds=[], by=None)
    returning.file_nil(asked(round_, "O1"), by=clerk)
    source = closing.close(round_, by=member, on=DAY, report=report)
    assert [row[1] for row in told(source)] == ["O1"] * 3  # of one agency there are no sums
    assert source.report == report
    assert (
        "1 filed a nil return, 0 could not say and 2 did not answer. Without an answer: P1, C1."
        in source.note_en
    )
    with translation.override("ko"):
        assert "P1, C1" in source.note_ko
    closing.publish(round_, by=member)
    assert default_source() is None  # three agencies alone are no report on all governments


def test_an_agency_answers_for_those_below_that_are_not_asked(opened, clerk):
    for place in ("KR/P1", "KR/P1/C1", "KR/P1/O1"):
        paid(subscribed(place), 100)
    with_city = opened(kinds=["province", "city"])
    rows = [asked(with_city, code) for code in ("P1", "C1", "P2")]
    found = records_of(clerk, with_city, rows)
    assert [(found[r.agency_id].won, found[r.agency_id].without) for r in rows] == [
        (200, 1),
        (100, 0),
        (0, 0),
    ]


def test_figures_are_those_of_the_explorer(opened, clerk):
    """Spending and users of a return and of the explorer for the same agency and period, with what both leave out."""
    one, two, three = subscribed("KR/P1"), subscribed("KR/P1/C1"), subscribed("KR/P1/C1", ends_on=days(400))
    paid(one, 5_000)
    paid(one, None)
    paid(two, 700, LAST)
    UserCount.objects.create(agency=two.agency, subscription=two, day=FIRST, value=10)
    UserCount.objects.create(agency=two.agency, subscription=three, day=FIRST, value=4)
    UserCount.objects.create(agency=two.agency, subscription=three, day=LAST, value=6)
    UserCount.objects.create(agency=one.agency, day=FIRST, value=40)
    round_ = opened()
    p1 = asked(round_, "P1")
    records = records_of(clerk, round_, [p1])[p1.agency_id]
    filters = Filters(agency=p1.agency, first=FIRST, last=LAST)

    def explored(measure: Measure):
        return as_figure(total_of(clerk, Question(measure, (Dimension.PLACE,), filters)))

    assert records.spending == explored(Measure.PAID)
    assert records.people == explored(Measure.USERS)
    assert (records.won, records.payments_without_won, records.unpaid) == (5_700, 1, 1)
    assert (records.users.low, records.users.high) == (50, 56)


def test_more_refunded_than_paid_is_no_figure_and_in_no_sum(opened, member, clerk, in_english):
    for place, won in (("KR/P1", 100), ("KR/P2", -30), ("KR/P3", 5)):
        paid(subscribed(place), won)
    round_ = opened()
    for code in ("P1", "P2", "P3"):
        filed = returning.confirm(asked(round_, code), by=clerk)
        assert json.loads(filed.document)["records"]["won"] == {"P1": 100, "P2": -30, "P3": 5}[code]
    source = closing.close(round_, by=member, on=DAY)
    assert [row[1:2] + row[4:6] for row in told(source) if row[2] == "spending"] == [
        ("P1 P3", "stated", 105),
        ("P1", "stated", 100),
        ("P2", "not_given", None),
        ("P3", "stated", 5),
    ]
    statement = source.statements.get(code="S3")
    assert statement.text_en == "Agency P2 confirmed what is recorded: Not given."
    assert statement.note_en == "More was refunded in the period than paid."
    assert "of 2 agencies that gave a figure" in source.statements.get(code="S1").text_en


def test_for_whom_nobody_is_told_is_counted(opened, member):
    person(Role.ADMINISTRATOR, agency_at("KR/P1/C1"))
    round_ = opened(kinds=[])
    assert reminding.untold(round_) == round_.asked.count() - 1
    of_p1 = person(Role.ADMINISTRATOR, agency_at("KR/P1"))
    assert reminding.untold(round_) == round_.asked.count() - 3
    User.objects.filter(pk=of_p1.pk).update(is_active=False)
    assert reminding.untold(round_) == round_.asked.count() - 1
    person(Role.ADMINISTRATOR, round_.scope)
    assert reminding.untold(round_) == 0


def test_a_nil_return_does_not_contradict_the_register(opened, clerk, in_english):
    subscribed("KR/P1")
    subscribed("KR/P2", status=Status.REQUESTED)
    UserCount.objects.create(agency=agency_at("KR/P3"), day=FIRST, value=3)
    subscribed("KR/P4", started_on=days(1, LAST))  # begins after the period
    round_ = opened()
    refused = {}
    for code in ("P1", "P2", "P3"):
        with pytest.raises(ValidationError) as error:
            returning.file_nil(asked(round_, code), by=clerk)
        refused[code] = error.value.messages[0].removeprefix(
            "A nil return is not possible, since the register says otherwise. "
        )
    assert refused == {
        "P1": "Subscriptions in force in the period: 1.",
        "P2": "Subscriptions that are requested: 1.",
        "P3": "People who are counted as users: 3.",
    }
    with pytest.raises(ValidationError, match="Nothing is recorded"):
        returning.confirm(asked(round_, "P4"), by=clerk)
    assert returning.file_nil(asked(round_, "P4"), by=clerk).number == 1
    assert Return.objects.count() == 1


def test_a_return_is_replaced_and_kept_and_what_changed_is_told(opened, clerk, in_english):
    subscription = subscribed("KR/P1")
    paid(subscription, 100)
    round_ = opened()
    p1 = asked(round_, "P1")
    seen = returning.digest(records_of(clerk, round_, [p1])[p1.agency_id])
    first = returning.confirm(p1, by=clerk, seen=seen)

    def changed(filed: Return) -> list[tuple[str, str, str]]:
        now = records_of(clerk, round_, [p1])[p1.agency_id]
        return [(d.label, d.then, d.now) for d in returning.changed_since(filed, now)]

    assert changed(first) == []
    paid(subscription, 50)
    assert changed(first) == [("Spending paid", "₩100", "₩150")]
    with pytest.raises(returning.RecordsChanged):
        returning.confirm(p1, by=clerk, seen=seen)
    second = returning.confirm(p1, by=clerk)
    assert changed(second) == []
    p1 = asked(round_, "P1")
    assert (p1.current, [r.number for r in p1.returns.all()]) == (second, [2, 1])
    third = returning.cannot_say(p1, by=clerk, category="undetermined", reason="The receipts are lost.")
    assert (asked(round_, "P1").answer, third.standing) == ("cannot_say", "undetermined")
    assert json.loads(first.document)["records"]["won"] == 100


@pytest.mark.parametrize("table", ["oversight_return", "oversight_roundevent"])
def test_returns_and_events_are_append_only(opened, clerk, table):
    round_ = opened()
    filed = returning.file_nil(asked(round_, "P2"), by=clerk)
    for row in (filed, round_.events.first()):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()
        with pytest.raises(TypeError):
            type(row).objects.filter(pk=row.pk).delete()
    for statement in (f"UPDATE {table} SET reason = 'x'", f"DELETE FROM {table}"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_return_that_somebody_changed_is_not_stated(opened, member, clerk, monkeypatch, in_english):
    round_ = opened()
    returning.file_nil(asked(round_, "P2"), by=clerk)
    monkeypatch.setattr(Return, "computed_hash", "another")
    with pytest.raises(ValidationError, match="The return of Agency P2 is not what was filed"):
        closing.close(round_, by=member, on=DAY)
    assert (Source.objects.count(), Statement.objects.count()) == (0, 0)


def test_who_may_do_what(draft, opened, member, clerk):
    round_ = opened()
    officer, approver = (
        person(Role.POLICY_OFFICER, agency_at("KR")),
        person(Role.APPROVER, agency_at("KR/P1")),
    )
    of_p1 = person(Role.ADMINISTRATOR, agency_at("KR/P1"))
    committee = person(Role.COMMITTEE_MEMBER, agency_at("KR/P1"))
    for who in (clerk, committee, approver):
        with pytest.raises(PermissionDenied):
            draft(who)
        with pytest.raises(PermissionDenied):
            closing.close(round_, by=who, on=DAY)
    assert draft(officer).created_by == officer
    assert draft(committee, scope=agency_at("KR/P1")).scope.code == "P1"
    for who in (member, approver, committee):
        with pytest.raises(PermissionDenied):
            returning.file_nil(asked(round_, "P1"), by=who)
    with pytest.raises(PermissionDenied):
        returning.file_nil(asked(round_, "P2"), by=of_p1)
    returning.file_nil(asked(round_, "P1"), by=of_p1)
    # Drafts are for those who run them; the others see rounds that ask an agency in their sight.
    draft_of_p1 = Round.objects.get(scope__code="P1")
    everybody = {"member": member, "of P1": of_p1, "committee of P1": committee, "nobody": person()}
    seen = {
        title: [
            pk in set(Round.objects.visible_to(who).values_list("pk", flat=True))
            for pk in (round_.pk, draft_of_p1.pk)
        ]
        for title, who in everybody.items()
    }
    assert seen == {
        "member": [True, True],
        "of P1": [True, False],
        "committee of P1": [True, True],
        "nobody": [False, False],
    }


def test_a_draft_changes_and_an_open_round_only_by_its_acts(draft, member, in_english):
    round_ = draft(kinds=["district"])
    with pytest.raises(ValidationError, match="no agency of these kinds"):
        asking.open_round(round_, by=member, on=DAY)
    round_.kinds = ["province"]
    round_ = asking.change(round_, by=member, version=1)
    with pytest.raises(asking.StaleRound):
        asking.change(round_, by=member, version=1)
    with pytest.raises(ValidationError, match="due date has passed"):
        asking.open_round(round_, by=member, on=days(11))
    round_ = asking.open_round(round_, by=member, on=DAY)
    with pytest.raises(ValidationError, match="does not allow"):
        asking.change(round_, by=member, version=2)
    for day, said in ((days(-1), "today or a later day"), (days(10), "already")):
        with pytest.raises(ValidationError, match=said):
            asking.change_due(round_, by=member, due_on=day, reason="x", on=DAY)
    round_ = asking.change_due(round_, by=member, due_on=days(20), reason="Holidays", on=DAY)
    event = round_.events.first()
    assert (event.act, event.reason, event.details) == (
        "due_changed",
        "Holidays",
        {"before": "2026-06-25", "due_on": "2026-07-05"},
    )
    asking.cancel(round_, by=member, reason="Asked in vain")
    with pytest.raises(ValidationError, match="already"):
        closing.close(round_, by=member, on=DAY)
    with pytest.raises(ValidationError, match="does not allow"):
        asking.cancel(round_, by=member, reason="again")


def test_who_is_told_and_reminded(opened, member, clerk, in_english):
    """Administrators of an agency are told; where it has none, those of the nearest above; each person once."""
    of_p1, gone = (
        person(Role.ADMINISTRATOR, agency_at("KR/P1")),
        person(Role.ADMINISTRATOR, agency_at("KR/P2")),
    )
    gone.is_active = False
    gone.save()
    round_ = opened()

    def notices(key: str) -> list[tuple]:
        rows = Notice.objects.filter(key=key).order_by("recipient")
        return [(n.recipient, n.parameters["agencies"], n.url) for n in rows]

    url = round_.get_absolute_url()
    assert notices("round_opened") == [(clerk, 3, url), (of_p1, 1, url)]
    returning.file_nil(asked(round_, "P3"), by=clerk)
    on = days(4)

    def awaiting(on: datetime.date) -> list[tuple[str, bool]]:
        rows = RoundAgency.objects.awaiting(on).select_related("agency").order_by("agency__path")
        return [(row.agency.code, row.is_overdue) for row in rows]

    late = {day: awaiting(day) for day in (on, days(11))}
    assert late == {
        on: [("P1", False), ("P2", False), ("P4", False)],
        days(11): [("P1", True), ("P2", True), ("P4", True)],
    }
    assert reminding.reminders(days(2)) == []  # eight days before
    found = [(r.round, r.agency.code, r.recipients, r.is_overdue) for r in reminding.reminders(days(3))]
    assert found == [
        (round_, "P1", (of_p1,), False),
        (round_, "P2", (clerk,), False),
        (round_, "P4", (clerk,), False),
    ]
    assert reminding.remind(round_, by=member, on=DAY) == 2
    assert notices("round_reminder") == [(clerk, 2, url), (of_p1, 1, url)]
    with pytest.raises(ValidationError, match="today already"):
        reminding.remind(round_, by=member, on=DAY)
    for code in ("P1", "P2", "P4"):
        returning.file_nil(asked(round_, code), by=clerk)
    with pytest.raises(ValidationError, match="Every agency has answered"):
        reminding.remind(round_, by=member, on=days(1))
    assert reminding.reminders(days(11)) == []


def test_coverage_by_kind_as_far_as_one_sees(opened, member, clerk, django_assert_num_queries):
    round_ = opened(kinds=[])
    returning.file_nil(asked(round_, "P1"), by=clerk)
    returning.cannot_say(asked(round_, "C1"), by=clerk, category="other", reason="Later.")
    member.sight()
    with django_assert_num_queries(1):
        found = coverage(member, round_, days(11))
    assert [(line.label, dict(line.counts)) for line in found.by_kind] == [
        (str(Agency.Kind.NATION.label), {State.OVERDUE: 1}),
        (str(Agency.Kind.PROVINCE.label), {State.NIL: 1, State.OVERDUE: 3}),
        (str(Agency.Kind.CITY.label), {State.CANNOT_SAY: 1}),
        (str(Agency.Kind.OFFICE.label), {State.OVERDUE: 1}),
    ]
    assert (found.total.answered, found.total.whole, share(2, 7), share(0, 0)) == (2, 7, "28.6%", "–")
    shares = [share(part, 20_000) for part in (0, 1, 10_010, 19_999, 20_000)]
    assert shares == ["0.0%", "0.1%", "50.1%", "99.9%", "100.0%"]
    of_p1 = person(Role.ADMINISTRATOR, agency_at("KR/P1"))
    assert dict(coverage(of_p1, round_, DAY).total.counts) == {
        State.NIL: 1,
        State.CANNOT_SAY: 1,
        State.WAITING: 1,
    }
    round_.status = Round.Status.CLOSED
    assert state_of(asked(round_, "P2"), round_, days(11)) == State.UNANSWERED


def test_events_and_periods_hold_in_the_database(draft):
    round_ = draft()
    written = RoundEvent.objects.get().details["said"]
    assert (written["title_en"], written["scope_id"]) == (round_.title_en, round_.scope_id)
    assert written["due_on"] == round_.due_on.isoformat()
    for wrong in ({"period_from": days(1, LAST)}, {"status": "closed"}, {"status": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Round.objects.filter(pk=round_.pk).update(**wrong)


def test_opening_for_many_and_reading_them_takes_few_queries(
    opened, member, clerk, django_assert_max_num_queries
):
    parent = agency_at("KR/P1")
    Agency.objects.bulk_create(
        Agency(
            code=f"D{n}",
            name_ko=f"구 {n}",
            name_en=f"District {n}",
            short_ko=f"구{n}",
            short_en=f"D{n}",
            kind="district",
            parent=parent,
            path=f"KR/P1/D{n}/",
        )
        for n in range(2500)
    )
    with django_assert_max_num_queries(40):
        round_ = opened(kinds=["district"])
    assert round_.asked.count() == 2500
    rows = list(round_.asked.select_related("agency")[:50])
    with django_assert_max_num_queries(12):
        records_of(clerk, round_, rows)
    with django_assert_max_num_queries(40):
        closing.close(round_, by=member, on=datetime.date(2026, 7, 1))
