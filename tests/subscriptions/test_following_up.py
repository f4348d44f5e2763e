"""Commenting on findings, taking them on, and hearing of the overdue ones."""

import pytest
from django.core.exceptions import PermissionDenied

from agencies.models import Notice, Recheck
from subscriptions.following_up import assign, assignable, comment, escalate_overdue
from subscriptions.models import Finding, FindingNote
from tests.subscriptions.factories import SubscriptionFactory, agency_at, days, kept, make_policy, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "in_english")]


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


def test_a_form_that_is_refused_keeps_what_was_typed_and_ticked(findings, client):
    """On the list and on the page of one finding: the error stands at its field, nothing is written, nothing typed is lost."""
    client.force_login(person("policy_officer", agency_at("KR")))
    helper = person("administrator", agency_at("KR/P1"))
    there, elsewhere = findings
    typed = {"text": "seen by me", "assigned_to": helper.pk}

    def error(answer):
        form = answer.context["form"]
        assert (answer.status_code, form["text"].value()) == (200, "seen by me")
        assert (FindingNote.objects.count(), Notice.objects.count()) == (0, 0)
        return [*form.errors.values()]

    both = {**typed, "finding": [there.pk, elsewhere.pk]}
    refused = client.post("/findings/?state=open", both)
    assert error(refused) == [[f"{helper} cannot work on the findings of: {_reference(elsewhere)}"]]
    assert refused.content.count(b" checked>") == 2
    page = f"/findings/{elsewhere.pk}/"
    assert error(client.post(page, typed)) == [
        [f"Select a valid choice. {helper.pk} is not one of the available choices."]
    ]
    for ticked in ([], [there.pk, "9" * 30], ["x"], [there.pk, Finding.objects.latest("pk").pk + 1]):
        missing = client.post("/findings/", {**typed, "finding": ticked})
        assert error(missing) == [["Tick at least one finding that you may work on."]]
    done = client.post("/findings/?state=open", {**typed, "finding": [there.pk]})
    assert (done.status_code, done.headers["Location"]) == (302, "/findings/?state=open")
    assert client.post(page, {"text": "and here"}).headers["Location"] == page
    assert [note.text for note in FindingNote.objects.order_by("pk")] == ["seen by me", "and here"]


def _reference(finding):
    return finding.subscription.reference


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
