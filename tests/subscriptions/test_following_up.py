"""Commenting on findings, taking them on, and hearing of the overdue ones."""

import pytest
from django.core.exceptions import PermissionDenied

from agencies.models import Notice, Recheck
from subscriptions.following_up import assign, assignable, comment, escalate_overdue
from subscriptions.models import Finding, FindingNote
from tests.subscriptions.factories import SubscriptionFactory, agency_at, days, kept, make_policy, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def findings() -> list[Finding]:
    """One finding at P1 and one at P2, due a week after DAY."""
    make_policy(("personal_data", "is_unknown", []), remedy_days=7)
    for path in ("KR/P1", "KR/P2"):
        kept(SubscriptionFactory(agency=agency_at(path)))
    return list(Finding.objects.order_by("subscription__agency__path"))


def test_a_comment_reaches_all_or_none(findings):
    officer = person("policy_officer", agency_at("KR"))
    assert comment(findings, by=officer, text="seen") == 2
    assert sorted(FindingNote.objects.values_list("finding", "text", "written_by")) == sorted(
        (finding.pk, "seen", officer.pk) for finding in findings
    )
    with pytest.raises(PermissionDenied):
        comment(findings, by=person("administrator", agency_at("KR/P1")), text="mine and yours")
    assert FindingNote.objects.count() == 2


def test_committee_members_read_and_do_not_write(findings):
    with pytest.raises(PermissionDenied):
        comment(findings, by=person("committee_member", agency_at("KR")), text="hm")


def test_a_finding_changes_hands_with_a_notice_and_its_history(findings):
    officer = person("policy_officer", agency_at("KR"))
    helper = person("administrator", agency_at("KR/P1"))
    stranger = person("committee_member", agency_at("KR"))
    assert assign(findings[:1], by=officer, to=helper) == 1
    assert assign(findings[:1], by=officer, to=helper) == 0
    assert [n.key for n in Notice.objects.filter(recipient=helper)] == ["finding_assigned"]
    assert [entry.assigned_to for entry in findings[0].history.all()] == [helper, None]
    with pytest.raises(PermissionDenied):
        assign(findings[:1], by=officer, to=stranger)
    assert assign(findings[:1], by=officer, to=None) == 1


def test_one_gives_findings_only_to_those_who_work_where_one_sees(findings):
    own = person("administrator", agency_at("KR/P1"), username="own")
    person("administrator", agency_at("KR/P2"), username="elsewhere")
    mate = person("approver", agency_at("KR/P1"), username="mate")
    assert assignable(own) == [mate, own]


def test_officers_hear_once_of_an_overdue_remedy(findings, clock):
    officer = person("policy_officer", agency_at("KR"))
    assert escalate_overdue(days(7)) == 0
    clock(days(8))
    assert escalate_overdue(days(8)) == 2
    assert escalate_overdue(days(9)) == 0
    assert [n.key for n in Notice.objects.filter(recipient=officer)] == ["finding_overdue"] * 2


def test_readers_do_not_learn_what_waits_elsewhere(client):
    """That something waits for its re-check concerns officers; how much, nobody: it is of the whole register."""
    people = [
        person(role, agency_at("KR/P1")) for role in ("administrator", "committee_member", "policy_officer")
    ]

    client.cookies["django_language"] = "en"

    def pages() -> list[bool]:
        found = []
        for one in people:
            client.force_login(one)
            page = client.get("/findings/").content.decode()
            found.append("Some changes wait" in page)
        return found

    assert pages() == [False, False, False]
    for n in range(3):
        Recheck.ask(Recheck.About.AGENCY, f"ELSEWHERE-{n}")
    assert pages() == [False, False, True]
