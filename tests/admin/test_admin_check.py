"""A subscription saved in the Django admin is judged as one from the record form is, in the transaction that saves it."""

import datetime

import pytest
from django.utils import timezone

from agencies.models import Notice
from policies.models import PolicyVersion
from subscriptions import recording
from subscriptions.evaluation import judge_saved
from subscriptions.facts import candidate_facts
from subscriptions.models import Approval, Decision, Finding, PriceLine, Responsible, Subscription
from subscriptions.today import today
from tests.admin import rows
from tests.admin.conftest import errors_of, told
from tests.admin.test_admin_pages import address

LINE = {
    "standing": "stated",
    "amount": "30,000",
    "currency": "KRW",
    "vat": "included",
    "basis": "per_seat",
    "cycle": "monthly",
    "seats": "10",
}


@pytest.fixture
def blocked(db):
    """A policy that blocks tool-1 at every agency."""
    return rows.policy_version(
        1,
        effect="block",
        condition=("product", "one_of", [rows.product(1).code]),
        remedy_en="Choose another tool.",
    )


@pytest.fixture
def seat_cap(db):
    """A policy that blocks more than 100 seats."""
    return rows.policy_version(2, effect="block", condition=("seats", "more_than", [100]))


def new(n=1, **fields):
    return {
        "agency": rows.province(1).pk,
        "product": rows.product(n).pk,
        "started_on": "2025-03-03",
        "status": "requested",
        **fields,
    }


def verdicts(judgements):
    return {(j.version.policy.code, j.verdict, j.unwaived) for j in judgements}


def test_the_admin_and_the_form_come_to_the_same(blocked, seat_cap, sysadmin, make_user, send):
    rows.policy_version(3, condition=("data_class", "more_than", ["open"]))
    answer = send(
        sysadmin,
        address(Subscription, "add"),
        new(2, status="requested"),
        {"price_lines": [{**LINE, "seats": ""}]},
    )
    assert answer.status_code == 302, errors_of(answer)
    entered = Subscription.objects.get()
    like_it = Subscription(
        agency=entered.agency, product=entered.product, started_on=entered.started_on, status="requested"
    )
    line = PriceLine(amount=30_000, vat="included")
    recorded = recording.request(like_it, [line], by=make_user("administrator", "KR-P1"))
    on = today()
    assert verdicts(judge_saved(entered, on)) == verdicts(recorded.judgements)
    kept = {(v["policy"], v["verdict"], v["unwaived"]) for v in entered.decisions.get().verdicts}
    assert (
        kept
        == verdicts(recorded.judgements)
        == {
            ("policy-1", "pass", "pass"),
            ("policy-2", "undetermined", "undetermined"),
            ("policy-3", "undetermined", "undetermined"),
        }
    )
    assert {(f.policy.code, f.verdict) for f in entered.findings.all()} == {
        ("policy-2", "undetermined"),
        ("policy-3", "undetermined"),
    }
    expected = candidate_facts(entered, list(entered.price_lines.all()), on)
    assert {name: getattr(entered.facts, name) for name in expected} == expected


def test_what_is_saved_is_reported(seat_cap, sysadmin, send):
    send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [LINE]})
    assert "It complies with all policies in force." in told(sysadmin)
    subscription = Subscription.objects.get()
    assert (subscription.reference, subscription.recorded_by, subscription.version) == (
        f"KR-P1-{today().year}-0001",
        sysadmin.user,
        1,
    )
    decision = subscription.decisions.get()
    assert (decision.act, decision.result, decision.outcome, decision.decided_by) == (
        "request",
        "done",
        "clear",
        sysadmin.user,
    )


@pytest.mark.parametrize("status", ["requested", "approved", "active"])
def test_what_is_blocked_is_not_saved_and_not_lost(status, blocked, sysadmin, send):
    line = {**LINE, "amount": "68,700,000"}
    page = send(
        sysadmin, address(Subscription, "add"), new(status=status, plan="Team"), {"price_lines": [line]}
    )
    errors = errors_of(page)
    assert list(errors) == ["status"]
    (refusal,) = errors["status"]
    assert refusal.startswith("Not saved: “Policy 1”. It violates the policy – AI tool")
    assert refusal.endswith("Legal basis: Article 1. What can be done: Choose another tool.")
    text = page.content.decode()
    assert ('value="Team"' in text, 'value="68,700,000"' in text) == (True, True)
    assert (Subscription.objects.count(), Decision.objects.count(), PriceLine.objects.count()) == (0, 0, 0)


def test_a_blocked_tool_is_kept_as_a_draft_or_as_in_use(blocked, sysadmin, send, make_user):
    officer = make_user("policy_officer", "KR")
    send(sysadmin, address(Subscription, "add"), new(status="draft"), {"price_lines": [LINE]})
    send(sysadmin, address(Subscription, "add"), new(status="active", declared="on"), {"price_lines": [LINE]})
    draft, in_use = Subscription.objects.order_by("pk")
    assert [(s.status, s.decisions.get().act, s.decisions.get().outcome) for s in (draft, in_use)] == [
        ("draft", "record", "refused"),
        ("active", "declare", "refused"),
    ]
    assert [(f.subscription, f.verdict) for f in Finding.objects.open()] == [(in_use, "violation")]
    assert [notice.key for notice in officer.notices.all()] == ["subscription_declared"]
    assert any("Policy 1: Violation." in message for message in told(sysadmin))


def test_in_use_means_started(blocked, sysadmin, send):
    tomorrow = str(today() + datetime.timedelta(days=1))
    page = send(
        sysadmin, address(Subscription, "add"), new(status="active", declared="on", started_on=tomorrow)
    )
    assert errors_of(page) == {"started_on": ["What is in use already started today or before."]}


def test_a_refused_step_stays_with_the_record_as_a_decision(blocked, sysadmin, send):
    send(sysadmin, address(Subscription, "add"), new(status="draft"), {"price_lines": [LINE]})
    subscription = Subscription.objects.get()
    page = send(
        sysadmin, address(Subscription, "change", subscription.pk), {"status": "active", "plan": "Team"}
    )
    assert list(errors_of(page)) == ["status"]
    subscription.refresh_from_db()
    assert (subscription.status, subscription.plan, subscription.version) == ("draft", "", 1)
    latest = subscription.decisions.first()
    assert (latest.act, latest.result, latest.outcome) == ("activate", "refused", "refused")
    assert subscription.decisions.count() == 2
    assert not Finding.objects.exists()


def test_the_price_lines_of_the_same_form_count(seat_cap, sysadmin, send):
    page = send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [{**LINE, "seats": "101"}]})
    assert list(errors_of(page)) == ["status"]
    answer = send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [{**LINE, "seats": "100"}]})
    assert answer.status_code == 302


def test_what_is_blocked_does_not_grow(seat_cap, sysadmin, send):
    declared = new(2, status="active", declared="on")
    send(sysadmin, address(Subscription, "add"), declared, {"price_lines": [{**LINE, "seats": "150"}]})
    subscription = Subscription.objects.get()
    page = address(Subscription, "change", subscription.pk)
    assert list(errors_of(send(sysadmin, page, {"price_lines-0-seats": "200"}))) == ["status"]
    assert subscription.price_lines.get().seats == 150
    assert send(sysadmin, page, {"owner_department": "Data office"}).status_code == 302
    assert send(sysadmin, page, {"price_lines-0-seats": "90"}).status_code == 302
    assert not Finding.objects.open().exists()
    assert [d.act for d in subscription.decisions.order_by("pk")] == ["declare", "change", "change", "change"]


def test_what_is_in_use_grows_once_an_officer_has_approved_it(sysadmin, send, make_user):
    rows.policy_version(3, effect="approval", condition=("personal_data", "is", [True]))
    in_use = new(2, status="active", declared="on", personal_data="true")
    send(sysadmin, address(Subscription, "add"), in_use, {"price_lines": [{**LINE, "seats": "150"}]})
    subscription = Subscription.objects.get()
    page = address(Subscription, "change", subscription.pk)
    assert list(errors_of(send(sysadmin, page, {"price_lines-0-seats": "200"}))) == ["status"]
    assert subscription.price_lines.get().seats == 150
    recording.approve_as_officer(subscription, by=make_user("policy_officer", "KR"), reason="Seen.")
    assert send(sysadmin, page, {"price_lines-0-seats": "200"}).status_code == 302


def test_what_needs_an_officer_does_not_start_before(sysadmin, signed_in, send, db):
    rows.policy_version(3, effect="approval", condition=("personal_data", "is", [True]))
    send(sysadmin, address(Subscription, "add"), new(2, personal_data="true"), {"price_lines": [LINE]})
    subscription = Subscription.objects.get()
    page = address(Subscription, "change", subscription.pk)
    assert list(errors_of(send(sysadmin, page, {"status": "active"}))) == ["status"]
    Approval.objects.create(
        subscription=subscription,
        policy_version=PolicyVersion.objects.get(),
        approved_by=rows.user(9),
        reason="Seen.",
    )
    other = signed_in("sysadmin", language="en")
    assert send(other, page, {"status": "active"}).status_code == 302
    subscription.refresh_from_db()
    assert (subscription.status, subscription.approved_at is not None) == ("active", True)
    assert subscription.decisions.first().act == "approve"
    # A material change ends the approval.
    send(sysadmin, page, {"price_lines-0-seats": "20"})
    assert Approval.objects.get().ended_at is not None


def test_what_goes_back_to_draft_is_approved_no_more(sysadmin, signed_in, send, db):
    """As in the acts: neither an officer's approval nor the agency's outlives what may be changed at will."""
    version = rows.policy_version(3, effect="approval", condition=("personal_data", "is", [True]))
    send(sysadmin, address(Subscription, "add"), new(2, personal_data="true"), {"price_lines": [LINE]})
    subscription, other = Subscription.objects.get(), signed_in("sysadmin", language="en")
    page = address(Subscription, "change", subscription.pk)
    approval = {"policy_version": version, "approved_by": rows.user(9), "reason": "Seen."}
    for left in ("requested", "refused", "active"):
        subscription.approvals.create(**approval)
        if left != "requested":
            assert send(other, page, {"status": left}).status_code == 302
        subscription.refresh_from_db()
        assert (subscription.approved_at is not None) == (left == "active")
        assert send(other, page, {"status": "draft", "purpose": left}).status_code == 302
        subscription.refresh_from_db()
        assert (subscription.status, subscription.approved_at) == ("draft", None)
        assert not subscription.approvals.filter(ended_at=None).exists()
        assert send(sysadmin, page, {"status": "requested"}).status_code == 302
        assert list(errors_of(send(other, page, {"status": "active"}))) == ["status"]
    assert subscription.approvals.count() == 3


@pytest.mark.parametrize("status", ["ended", "refused", "void"])
def test_what_is_over_is_not_changed_but_for_its_texts(status, db, sysadmin, send):
    subscription = rows.subscription(1, status=status)
    page = address(Subscription, "change", subscription.pk)
    stands = [
        "What is ended, refused or void is not changed, except for its texts. Make it a draft again first."
    ]
    another = "void" if status == "ended" else "ended"
    changes = {"ends_on": "2030-01-01"}, {"price_lines-0-seats": "500"}, {"data_class": "open"}
    for change in (*changes, {"price_lines-0-amount": "9", "status": another}):
        assert errors_of(send(sysadmin, page, change)) == {"status": stands}
    assert send(sysadmin, page, {"purpose": "Drafts", "contract_number": "7"}).status_code == 302
    subscription.refresh_from_db()
    kept = (
        subscription.status,
        subscription.ends_on,
        subscription.purpose,
        subscription.price_lines.get().seats,
    )
    assert kept == (status, None, "Drafts", 10)
    back = {"status": "draft", "price_lines-0-seats": "500"}
    assert send(sysadmin, page, back).status_code == 302


def test_the_same_are_told_as_by_the_acts(db, sysadmin, signed_in, make_user, send):
    rows.policy_version(3, effect="approval", condition=("personal_data", "is", [True]))
    agency = rows.province(1).code
    approver, officer, taker = (
        make_user(role, agency) for role in ("approver", "policy_officer", "administrator")
    )
    other = signed_in("sysadmin", language="en")

    def notices():
        told = Notice.objects.exclude(key__startswith="finding")
        found = sorted(told.values_list("recipient__username", "key", "parameters__by"))
        Notice.objects.all().delete()
        return found

    send(sysadmin, address(Subscription, "add"), new(2, personal_data="true"), {"price_lines": [LINE]})
    subscription, asker = Subscription.objects.get(), str(sysadmin.user)
    page = address(Subscription, "change", subscription.pk)
    asked = sorted((who.username, "subscription_requested", asker) for who in (approver, officer))
    assert notices() == asked
    Responsible.objects.create(subscription=subscription, person=taker)
    send(other, page, {"status": "refused"})
    assert notices() == [(taker.username, "subscription_refused", str(other.user))]
    send(sysadmin, page, {"status": "draft", "personal_data": "false"})
    send(sysadmin, page, {"status": "requested"})
    assert notices() == [(approver.username, "subscription_requested", asker)]
    assert not Responsible.objects.exists()
    send(other, page, {"status": "active"})
    assert notices() == [(sysadmin.user.username, "subscription_approved", str(other.user))]
    Responsible.objects.create(subscription=subscription, person=taker)
    send(other, page, {"price_lines-0-seats": "20"})
    assert notices() == [(approver.username, "approval_reopened", str(other.user))]
    assert not Responsible.objects.exists()
    # Whoever made the change that waits hears of the approval, not whoever asked for the subscription once.
    recording.approve(subscription, by=approver)
    assert notices() == [(other.user.username, "subscription_approved", str(approver))]


def test_nobody_decides_here_on_their_own_request(seat_cap, sysadmin, signed_in, send):
    own = ["A request is decided by another person than the one who made it."]
    first = ["Request it first. Another person then decides on the request."]
    other = signed_in("sysadmin", language="en")
    add = address(Subscription, "add")
    for status in ("approved", "active", "refused"):
        page = send(sysadmin, add, new(2, status=status), {"price_lines": [LINE]})
        assert errors_of(page) == {"status": first}
    assert not Subscription.objects.exists()
    send(sysadmin, add, new(2, status="draft"), {"price_lines": [LINE]})
    subscription = Subscription.objects.get()
    page = address(Subscription, "change", subscription.pk)
    assert errors_of(send(other, page, {"status": "approved"})) == {"status": first}
    send(sysadmin, page, {"status": "requested"})
    for status in ("approved", "active", "refused"):
        assert errors_of(send(sysadmin, page, {"status": status})) == {"status": own}
    # Who changes it while deciding would decide on what nobody else has seen; who changed it before, on their own change.
    for change in ({"plan": "Team"}, {"price_lines-0-seats": "9"}):
        answer = send(other, page, {"status": "approved", **change})
        assert errors_of(answer) == {
            "status": ["Save the change first. Another person then decides on the request."]
        }
    send(other, page, {"plan": "Team"})
    assert errors_of(send(other, page, {"status": "approved"})) == {"status": own}
    subscription.refresh_from_db()
    assert (subscription.status, subscription.approved_at) == ("requested", None)
    assert send(signed_in("sysadmin"), page, {"status": "approved"}).status_code == 302
    # What is approved starts, also by whoever asked for it; but not while a change of it waits.
    send(sysadmin, page, {"price_lines-0-seats": "20"})
    assert errors_of(send(sysadmin, page, {"status": "active"})) == {
        "status": ["A change of it waits for approval. It starts when that is given."]
    }
    subscription.reopenings.update(closed_at=timezone.now(), closed_as="approved")
    assert send(sysadmin, page, {"status": "active"}).status_code == 302
    assert [d.act for d in subscription.decisions.order_by("pk")] == [
        *("record", "request", "change", "approve", "change", "activate")
    ]


def test_bad_input_names_the_field(seat_cap, sysadmin, send):
    bad = {**LINE, "seats": "0"}
    page = send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [bad]})
    assert list(errors_of(page)) == ["price_lines-0-seats"]
    page = send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [{**LINE, "currency": ""}]})
    assert errors_of(page) == {"price_lines-0-currency": ["Say in which currency the amount is."]}
    page = send(sysadmin, address(Subscription, "add"), new(2, ends_on="2025-01-01"))
    assert errors_of(page) == {"__all__": ["The subscription ends before it starts."]}
    page = send(sysadmin, address(Subscription, "add"), new(2, status="active", started_on=""))
    assert errors_of(page) == {
        "__all__": ["Give the first day of a subscription that is approved or active."]
    }


def test_the_second_of_two_writers_is_told_what_changed(seat_cap, sysadmin, signed_in, send):
    send(sysadmin, address(Subscription, "add"), new(2), {"price_lines": [LINE]})
    subscription = Subscription.objects.get()
    page = address(Subscription, "change", subscription.pk)
    opened = {"seen_version": "1", "plan": "Mine"}
    other = signed_in("sysadmin", language="en")
    send(other, page, {"plan": "Theirs"})
    answer = send(sysadmin, page, opened)
    (errors,) = errors_of(answer).values()
    assert errors[0].startswith(f"{other.user} changed this record after you opened it (")
    assert "Plan: – → Theirs" in errors
    subscription.refresh_from_db()
    assert subscription.plan == "Theirs"
    assert 'value="Mine"' in answer.content.decode()
    assert answer.context["adminform"].form["seen_version"].value() == "2"
    send(sysadmin, page, {"plan": "Mine"})
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.version) == ("Mine", 3)


def test_a_subscription_is_not_deleted(seat_cap, sysadmin):
    made = rows.subscription(2)
    answers = [
        sysadmin.post(address(Subscription, "delete", made.pk), {"post": "yes"}).status_code,
        sysadmin.post(
            address(Subscription, "changelist"),
            {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"},
        ).status_code,
    ]
    assert (answers[0], Subscription.objects.filter(pk=made.pk).exists()) == (403, True)


def test_data_entry_staff_do_not_approve_here(seat_cap, staff, send):
    client = staff("KR-P1")
    page = send(client, address(Subscription, "add"), new(2, status="active"), {"price_lines": [LINE]})
    assert errors_of(page) == {
        "status": [
            "Request it, and an approver approves it on its page; or declare that it is in use already."
        ]
    }
    page = send(client, address(Subscription, "add"), new(2, status="approved"), {"price_lines": [LINE]})
    assert errors_of(page) == {
        "status": ["Select a valid choice. approved is not one of the available choices."]
    }
    assert send(client, address(Subscription, "add"), new(2), {"price_lines": [LINE]}).status_code == 302
    made = Subscription.objects.get()
    send(client, address(Subscription, "change", made.pk), {"status": "active", "plan": "Team"})
    made.refresh_from_db()
    assert (made.status, made.plan) == ("requested", "Team")


def test_search_finds_words_of_two_syllables(db, sysadmin):
    made = rows.subscription(1, owner_department="드론정책과")
    rows.subscription(2, owner_department="총무과")
    found = sysadmin.get(address(Subscription, "changelist"), {"q": "드론"}).context["cl"].result_list
    assert list(found) == [made]
