"""What an import of subscriptions does: all of a file or nothing, once, by the rules of the record page."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from agencies.models import Notice, User
from policies.verdicts import Effect
from subscriptions import recording
from subscriptions.facts import refresh
from subscriptions.importing.refusing import Refused
from subscriptions.importing.running import Changed, Report, run
from subscriptions.models import Decision, Facts, Finding, PriceLine, Status, Subscription
from subscriptions.origins import stale
from subscriptions.totals import refresh_all_totals
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = pytest.mark.usefixtures("clock", "in_english")

HEADER = "기관,AI 도구,플랜,시작일,종료일,담당부서,좌석 수,월 단가(만원),VAT\n"
TWO = (
    HEADER
    + "P1,tool-a,Team,2026-01-01,2026-12-31,정보화담당관,10,3,포함\nP1 기관,Tool tool-b,,2026. 2. 1.,,,,,\n"
)


@pytest.fixture
def by(db: None) -> User:
    """The administrator of P1, next to whom there is P2."""
    agency_at("KR/P2")
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    return person("administrator", agency_at("KR/P1"), username="kim")


def take(text: str, by: User, **options: Any) -> Report:
    return run(text.encode(), "구독.csv", by, **options)


def told(report: Report) -> list[tuple[int, str, str, str]]:
    return [(p.line, p.column, p.value, p.message) for p in report.problems if p.is_error]


def counts(report: Report) -> tuple[int, int, int, int]:
    return (report.new, report.changed, report.left, report.errors)


def in_step() -> None:
    """Facts, totals and what tells whether they hold are as if every record had been entered by hand."""
    assert stale(DAY) == []
    assert refresh(Subscription.objects.values_list("pk", flat=True), DAY) == []
    assert refresh_all_totals() == []


def test_what_an_import_writes(by: User) -> None:
    report = take(TWO, by, new_as=Status.ACTIVE)
    assert counts(report) == (2, 0, 0, 0)
    first, second = Subscription.objects.order_by("pk")
    values = {
        "reference": "P1-2026-0001",
        "agency_id": by.memberships.get().agency_id,
        "plan": "Team",
        "status": Status.ACTIVE,
        "declared": True,
        "started_on": datetime.date(2026, 1, 1),
        "ends_on": datetime.date(2026, 12, 31),
        "owner_department": "정보화담당관",
        "provenance": "imported",
        "imported_from": "구독.csv",
        "imported_line": 2,
        "recorded_by": by,
        "version": 1,
    }
    assert {name: getattr(first, name) for name in values} == values
    assert (second.reference, second.started_on, second.ends_on) == (
        "P1-2026-0002",
        datetime.date(2026, 2, 1),
        None,
    )
    line = PriceLine.objects.get()
    assert (line.subscription, line.position, line.seats, line.amount, line.currency) == (
        first,
        1,
        10,
        30_000,
        "KRW",
    )
    assert (line.basis, line.cycle, line.vat, line.standing) == ("per_seat", "monthly", "included", "stated")
    assert first.facts.annual_cost_max == 12 * 10 * 30_000
    assert [(h.history_type, h.history_user, h.history_change_reason) for h in first.history.all()] == [
        ("+", by, "Imported from 구독.csv")
    ]
    assert line.history.count() == 1
    decision = first.decisions.get()
    assert (decision.act, decision.result, decision.outcome, decision.decided_by) == (
        "declare",
        "done",
        "clear",
        by,
    )
    in_step()


def test_the_same_file_twice_changes_nothing(by: User) -> None:
    take(TWO, by)
    before = list(Subscription.objects.order_by("pk").values())
    assert counts(take(TWO, by)) == (0, 0, 2, 0)
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert Decision.objects.count() == 2


def test_a_trial_says_what_would_be_and_keeps_nothing(by: User) -> None:
    report = take(TWO, by, trial=True)
    assert counts(report) == (2, 0, 0, 0)
    assert (Subscription.objects.count(), Facts.objects.count(), Decision.objects.count()) == (0, 0, 0)
    assert counts(take(TWO, by, expected=report.digest)) == (2, 0, 0, 0)
    with pytest.raises(Changed):
        take(TWO, by, expected=report.digest)


def test_a_change_of_a_record_and_of_its_prices(by: User) -> None:
    take(TWO, by)
    changed = TWO.replace("Team,2026-01-01,2026-12-31", "Team,2026-01-01,2027-06-30").replace(
        "10,3,", "20,3,"
    )
    assert counts(take(changed, by)) == (0, 1, 1, 0)
    first = Subscription.objects.order_by("pk")[0]
    assert (first.version, first.ends_on, first.price_lines.get().seats) == (
        2,
        datetime.date(2027, 6, 30),
        20,
    )
    assert [h.history_type for h in first.history.order_by("history_id")] == ["+", "~"]
    assert [h.seats for h in first.price_lines.get().history.order_by("history_id")] == [10, 20]
    assert [d.act for d in first.decisions.order_by("pk")] == ["record", "change"]
    in_step()


def test_rows_next_to_each_other_are_price_lines_of_one_record(by: User) -> None:
    text = "참조번호,기관,도구,계약번호,좌석,금액,기준,주기\n,P1,tool-a,C-1,5,1000원,인당,월\n,P1,tool-a,C-1,,50만원,정액,연\n"
    assert counts(take(text, by)) == (1, 0, 0, 0)
    kept_lines = PriceLine.objects.order_by("position").values_list("seats", "amount", "basis", "cycle")
    assert list(kept_lines.all()) == [(5, 1000, "per_seat", "monthly"), (None, 500_000, "flat", "annual")]
    assert counts(take(text, by)) == (0, 0, 1, 0)
    shorter = "\n".join(text.splitlines()[::2]) + "\n"  # the header and the second price alone
    assert counts(take(shorter, by)) == (0, 1, 0, 0)
    assert list(kept_lines.all()) == [(None, 500_000, "flat", "annual")]
    in_step()


def test_all_errors_are_told_and_nothing_is_kept(by: User) -> None:
    text = HEADER + (
        "P1,tool-a,Team,2026-01-01,,,10,3,포함\n"
        "P2,tool-a,,2026-01-01,,,,,\n"
        "KR-X,tool-aa,,2026-13-01,,,,,\n"
        "P1,tool-b,,2026-03-01,2026-01-01,,0,,\n"
        ",,,,,x,,abc,\n"
        "P1,tool-b,,,,,,-3,maybe\n"
    )
    report = take(text, by, new_as=Status.ACTIVE)
    assert told(report) == [
        (3, "agency", "P2", "There is no “P2” among those you can choose."),
        (4, "started_on", "2026-13-01", "Write the day as 2024-01-31."),
        (4, "agency", "KR-X", "There is no “KR-X” among those you can choose."),
        (4, "product", "tool-aa", "There is no “tool-aa” among those you can choose."),
        (5, "seats", "0", "Seats are 1 or more. Leave it empty when the number is not known."),
        (6, "agency", "", "Give the agency."),
        (6, "product", "", "Give the AI tool."),
        (6, "amount", "abc", "Give a number, such as 1,200,000."),
        (7, "vat", "maybe", "Write one of: VAT included, VAT excluded, VAT not given."),
        (7, "amount", "-3", "An amount is not negative."),
    ]
    assert Subscription.objects.count() == 0
    suggestions = {p.line: p.suggestion for p in report.problems if p.column == "product"}
    assert suggestions[4] == "Tool tool-a (tool-a)"


def test_what_several_fields_together_must_be(by: User) -> None:
    text = (
        "agency,tool,starts,ends,status,amount\n"
        "P1,tool-a,2026-05-01,2026-04-30,,\n"
        "P1,tool-b,2026-07-01,,active,\n"
        "P1,tool-a,,,active,\n"
        "P1,tool-b,,,approved,\n"
        "P1,tool-b,2025-01-01,,,5\n"
    )
    assert told(take(text, by)) == [
        (2, "ends_on", "2026-04-30", "The subscription ends before it starts."),
        (3, "started_on", "2026-07-01", "What is in use already started today or before."),
        (4, "started_on", "", "Give the first day. Save a draft while it is not known."),
        (
            5,
            "status",
            "approved",
            "A new record is a draft or, when the tool is in use already, active. Approval comes here.",
        ),
        (6, "basis", "", "Say whether the amount is per seat or for all together."),
        (6, "cycle", "", "Say how often the amount is billed."),
    ]


def test_a_reference_out_of_sight_is_one_that_is_not_there(by: User) -> None:
    other = SubscriptionFactory(agency=agency_at("KR/P2"))
    messages = [told(take(f"reference,plan\n{name},x\n", by)) for name in (other.reference, "NO-2026-0001")]
    assert messages[0][0][3] == messages[1][0][3]
    assert messages[0][0][3].startswith("There is no such record among those you may change.")
    with pytest.raises(Refused):
        take(TWO, person("approver", agency_at("KR/P1")))


def test_verdicts_of_every_row_and_findings_of_what_is_in_use(by: User) -> None:
    make_policy(("product", "is", ["tool-a"]), effect=Effect.BLOCK)
    make_policy(("agency_annual_cost", "more_than", [1_000_000]), effect=Effect.WARN)
    trial = take(TWO, by, new_as=Status.ACTIVE, trial=True)
    assert Finding.objects.count() == 0
    report = take(TWO, by, new_as=Status.ACTIVE)
    assert trial.verdicts == report.verdicts
    assert [(v.line, v.verdict, v.effect) for v in report.verdicts] == [
        (2, "violation", "block"),
        (2, "violation", "warn"),
        (3, "violation", "warn"),
    ]
    assert report.outcomes == {"refused": 1, "warned": 1}
    assert Finding.objects.open().count() == 3
    for subscription in Subscription.objects.all():
        judged = recording.judge_saved(subscription, DAY, explain_passes=False)
        kept_verdicts = subscription.decisions.get().verdicts
        assert [(v["policy"], v["verdict"]) for v in kept_verdicts] == [
            (j.version.policy.code, j.verdict) for j in judged
        ]


def test_verdicts_of_drafts_are_those_of_the_record_page(by: User) -> None:
    make_policy(("agency_annual_cost", "more_than", [3_000_000]), effect=Effect.WARN)
    make_policy(("agency_products", "at_least", [2]), effect=Effect.WARN)
    other = SubscriptionFactory(agency=agency_at("KR/P1"), product__code="tool-c")
    PriceLineFactory(subscription=other, seats=1, amount=1_000, vat="not_given")
    kept(other)
    refresh_all_totals()
    take(TWO, by)
    for subscription in Subscription.objects.filter(status=Status.DRAFT).select_related(
        "agency", "product__vendor"
    ):
        lines = list(subscription.price_lines.all())
        expected = [
            (j.version.policy.code, j.verdict) for j in recording.judge_candidate(subscription, lines, DAY)
        ]
        assert [(v["policy"], v["verdict"]) for v in subscription.decisions.get().verdicts] == expected


def test_what_a_policy_blocks_does_not_grow_by_a_file(by: User) -> None:
    make_policy(("product", "is", ["tool-a"]), effect=Effect.BLOCK)
    take(TWO, by, new_as=Status.ACTIVE)
    longer = TWO.replace("2026-12-31", "2027-12-31")
    report = take(longer, by)
    assert [(line, message.split(":")[0]) for line, _c, _v, message in told(report)] == [
        (2, "A policy does not allow this change")
    ]
    assert Subscription.objects.order_by("pk")[0].ends_on == datetime.date(2026, 12, 31)
    shorter = TWO.replace("2026-12-31", "2026-10-31")
    assert counts(take(shorter, by)) == (0, 1, 1, 0)
    in_step()


def test_what_is_in_use_grows_by_a_file_once_an_officer_has_approved_it(by: User) -> None:
    """Of several policies that it fails, the one that stands against the change is named."""
    make_policy(("product", "is", ["tool-a"]), effect=Effect.WARN)
    asks = make_policy(("product", "is", ["tool-a"]), effect=Effect.APPROVAL)
    take(TWO, by, new_as=Status.ACTIVE)
    subscription = Subscription.objects.order_by("pk")[0]
    longer, longest = (TWO.replace("2026-12-31", f"{year}-12-31") for year in (2027, 2028))
    wants = f"What was declared as in use is not renewed or grown until a policy officer approves it: {asks.title}."
    for is_trial in (True, False):
        assert [(p[0], p[3]) for p in told(take(longer, by, trial=is_trial))] == [(2, wants)]
    recording.approve_as_officer(subscription, by=person("policy_officer", agency_at("KR")), reason="Seen.")
    assert counts(take(longer, by)) == (0, 1, 1, 0)
    assert [p[3] for p in told(take(longest, by))] == [wants]
    in_step()


def test_an_edit_since_the_export_is_not_overwritten(by: User) -> None:
    take(TWO, by)
    first = Subscription.objects.order_by("pk")[0]
    text = f"reference,version,plan\n{first.reference},1,Enterprise\n"
    Subscription.objects.filter(pk=first.pk).update(version=2, purpose="edited")
    assert [line[1] for line in told(take(text, by))] == ["version"]
    assert counts(take(text.replace(",1,", ",2,"), by)) == (0, 1, 0, 0)


def test_records_that_are_over_are_left_and_not_changed(by: User) -> None:
    ended = SubscriptionFactory(agency=agency_at("KR/P1"), status=Status.ENDED, ends_on=days(-1))
    kept(ended)
    text = f"reference,status,plan\n{ended.reference},Ended,\n"
    assert counts(take(text, by)) == (0, 0, 1, 0)
    assert told(take(text.replace("Ended,", "Ended,Team"), by)) == [
        (2, "", ended.reference, "The record is “Ended” and can no longer be changed.")
    ]
    assert [line[1] for line in told(take(text.replace("Ended", "Active"), by))] == ["status"]


def test_the_same_record_in_two_places_and_one_that_may_be_several(by: User) -> None:
    text = "agency,tool,starts\nP1,tool-a,2026-01-01\nP1,tool-b,2026-01-01\nP1,Tool tool-a,2026-01-01\n"
    assert [(line, message) for line, _c, _v, message in told(take(text, by))] == [
        (4, "Line 2 is the same record. Put the rows of one record next to each other.")
    ]
    for number in range(2):
        SubscriptionFactory(
            agency=agency_at("KR/P1"),
            product__code=f"tool-c{number}",
            started_on=days(0),
            reference=f"R-{number}",
        )
    Subscription.objects.update(product=ProductFactory(code="tool-d"))
    text = "agency,tool,starts\nP1,tool-d,2026-06-15\n"
    assert told(take(text, by)) == [(2, "reference", "", "It may be any of R-0, R-1. Give the reference.")]


def test_columns_that_are_missing(by: User) -> None:
    with pytest.raises(Refused) as refused:
        take("tool,plan\ntool-a,x\n", by)
    assert "column for the agency" in refused.value.reason


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_list_as_a_file_can_be_edited_and_imported_again(
    by: User, signed_in: Any, language: str, kind: str
) -> None:
    take(TWO, by, new_as=Status.ACTIVE)
    refused = SubscriptionFactory(agency=agency_at("KR/P1"), status=Status.REFUSED, data_class="sensitive")
    kept(refused)
    response = signed_in(user=by, language=language).get("/subscriptions/", {"_export": kind})
    data = response.getvalue() if response.streaming else response.content
    before = list(PriceLine.objects.values())
    assert counts(run(data, "export", by)) == (0, 0, 3, 0)
    if kind == "csv":
        edited = data.decode().replace("정보화담당관", "=데이터과".replace("=", "'=")).encode()
        assert counts(run(edited, "export", by)) == (0, 1, 2, 0)
        assert Subscription.objects.order_by("pk")[0].owner_department == "=데이터과"
    assert list(PriceLine.objects.values()) == before


def test_approvers_are_told_once_of_all_that_an_import_has_reopened(by: User) -> None:
    near, far = person("approver", agency_at("KR/P1")), person("approver", agency_at("KR"))
    person("approver", agency_at("KR/P2"))
    made = [SubscriptionFactory(agency=agency_at("KR/P1")) for _number in range(3)]
    for subscription in made:
        PriceLineFactory(subscription=subscription)
        kept(subscription)
    rows = [
        f"{one.reference},{seats},10000,포함,1인당,월\n"
        for one, seats in zip(made, (11, 12, 10), strict=True)
    ]
    text = "reference,좌석 수,금액,VAT,단가 기준,결제 주기\n" + "".join(rows)
    for trial in (True, False, False):  # the same file again changes nothing
        assert take(text, by, trial=trial).errors == 0
    told = Notice.objects.order_by("recipient").values_list("recipient", "key", "parameters", "url")
    several = ("approvals_reopened", {"count": "2", "by": "kim"}, "/subscriptions/?reopened=yes")
    assert list(told) == [(near.pk, *several), (far.pk, *several)]
    take(text.splitlines(keepends=True)[0] + rows[2].replace(",10,", ",13,"), by)
    one = Notice.objects.filter(recipient=near).latest("pk")
    assert (one.key, one.url) == ("approval_reopened", made[2].get_absolute_url())
