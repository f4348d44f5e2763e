"""Forms sent twice, and edits that come second: nothing is doubled, nothing is overwritten unseen, nothing typed is lost."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from subscriptions import views
from subscriptions.forms import SubscriptionForm
from subscriptions.models import Subscription
from tests.pages import form_on, read, summary_on
from tests.subscriptions.entering import NEW, filled_in, kept_of, record, said, typed_of

pytestmark = pytest.mark.usefixtures("clock")
LANGUAGES = pytest.mark.parametrize("language", ["ko", "en"])


@LANGUAGES
@pytest.mark.parametrize("act", ["draft", "request", "declare"])
def test_a_form_sent_twice_makes_one_record(client, jeju, speak, act, language):
    sent = {**filled_in(speak(client, language)), "act": act}
    first = client.post(NEW, sent)
    second = client.post(NEW, sent, follow=True)
    made = Subscription.objects.get(recorded_by=jeju)
    assert first["Location"] == made.get_absolute_url()
    assert second.redirect_chain == [(made.get_absolute_url(), 302)]
    told = "This form was sent before. Here is the record that it made; nothing was doubled."
    assert said(language, told) in read(second).text
    assert made.decisions.count() == 1


def test_a_broken_mark_of_the_form_is_no_reason_to_lose_it(client):
    response = client.post(NEW, {**filled_in(client), "submission": "not-a-uuid\0", "act": "draft"})
    assert response.status_code == 200
    assert summary_on(response) == ["Enter a valid UUID."]


def test_the_mark_of_somebody_elses_form_opens_nothing(client, make_user, jeju):
    other = make_user("administrator", "KR-11")
    theirs = record(other, "KR-11")
    mark = uuid.uuid4()
    Subscription.objects.filter(pk=theirs.pk).update(submission=mark)
    response = client.post(NEW, {**filled_in(client), "submission": str(mark), "act": "draft"})
    assert response.status_code in (200, 302)
    assert theirs.reference not in response.headers.get("Location", "") + response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_record(client, jeju, signed_in, monkeypatch):
    """Both requests have passed the question whether the form was sent before, before either stores anything."""
    sent = {**filled_in(client), "act": "declare"}
    both_here = threading.Barrier(2, timeout=30)
    is_valid = SubscriptionForm.is_valid

    def valid_together(form: SubscriptionForm) -> bool:
        found = is_valid(form)
        both_here.wait()
        return found

    monkeypatch.setattr(SubscriptionForm, "is_valid", valid_together)
    answers = together(lambda one: one.post(NEW, sent), [signed_in(user=jeju), signed_in(user=jeju)])
    made = Subscription.objects.get(recorded_by=jeju)
    assert [answer["Location"] for answer in answers] == [made.get_absolute_url()] * 2
    assert made.price_lines.count() == made.decisions.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["change", "draft", "request", "declare"])
def test_two_edits_at_once_are_not_lost(client, jeju, signed_in, monkeypatch, act):
    """Both have opened the same version: one is stored, the other is told, whichever comes first."""
    subscription = record(jeju, draft=act != "change")
    address = f"/subscriptions/{subscription.reference}/edit/"
    sent = filled_in(client, address)
    both_here = threading.Barrier(2, timeout=30)
    is_valid = SubscriptionForm.is_valid

    def valid_together(form: SubscriptionForm) -> bool:
        found = is_valid(form)
        if not hasattr(form, "met"):
            form.met = True
            both_here.wait()
        return found

    monkeypatch.setattr(SubscriptionForm, "is_valid", valid_together)
    people = [signed_in(user=jeju), signed_in(user=jeju)]
    plans = {people[0]: "first", people[1]: "second"}
    answers = together(lambda one: one.post(address, {**sent, "plan": plans[one], "act": act}), people)
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    stored = next(
        plans[one] for one, answer in zip(people, answers, strict=True) if answer.status_code == 302
    )
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.version) == (stored, 2)


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_was_just_changed_is_not_declared_over(client, jeju, signed_in, monkeypatch):
    """One saves the draft while the other, who has seen the old one, declares it to be in use."""
    subscription = record(jeju, draft=True)
    address = f"/subscriptions/{subscription.reference}/edit/"
    sent = filled_in(client, address)
    both_here, saved, store = threading.Barrier(2, timeout=30), threading.Event(), views._store

    def in_turn(request: Any, form: Any, formset: Any, act: str) -> Any:
        both_here.wait()
        if act == "declare":
            assert saved.wait(30)
        try:
            return store(request, form, formset, act)
        finally:
            saved.set()

    monkeypatch.setattr(views, "_store", in_turn)
    people = [signed_in(user=jeju), signed_in(user=jeju)]
    typed = {people[0]: {"plan": "Saved", "act": "draft"}, people[1]: {"plan": "Declared", "act": "declare"}}
    answers = together(lambda one: one.post(address, {**sent, **typed[one]}), people)
    assert [answer.status_code for answer in answers] == [302, 200]
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.status, subscription.version) == ("Saved", "draft", 2)


def together(send: Callable[[Client], Any], clients: list[Client]) -> list[Any]:
    """The answers to what all clients send at the same time."""
    answers: dict[int, Any] = {}

    def run(number: int) -> None:
        try:
            answers[number] = send(clients[number])
        except BaseException as error:  # told to the test's own thread
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for answer in answers.values():
        if isinstance(answer, BaseException):
            raise answer
    return [answers[number] for number in range(len(clients))]


@LANGUAGES
def test_the_second_writer_is_told_what_changed_and_by_whom(
    client, jeju, signed_in, make_user, speak, language
):
    subscription = record(jeju, plan="Team")
    address = f"/subscriptions/{subscription.reference}/edit/"
    sent = filled_in(speak(client, language), address)
    colleague = make_user("administrator", "KR-49", first_name="Lee", last_name="Colleague")
    other = signed_in(user=colleague)
    theirs = filled_in(other, address)
    quicker = {"plan": "Business", "lines-0-seats": "8", "auto_renewal": "true", "act": "change"}
    assert other.post(address, {**theirs, **quicker}).status_code == 302

    mine = {
        **sent,
        "plan": "Enterprise",
        "reseller": "My reseller",
        "lines-0-amount": "25,000",
        "act": "change",
    }
    response = client.post(address, mine)
    assert response.status_code == 200
    page = read(response)
    (compare,) = page.by_class("gt-compare")
    assert str(colleague) in compare.text
    rows = [[cell.text for cell in row.all("th", "td")] for row in compare.all("tr")][1:]
    with translation.override(language):
        labels = {str(SubscriptionForm.base_fields[name].label) for name in ("plan", "auto_renewal")}
        assert {row[0] for row in rows} == {*labels, gettext("Price lines")}
        by_label = {row[0]: row[1:] for row in rows}
        plan = str(SubscriptionForm.base_fields["plan"].label)
        renewal = str(SubscriptionForm.base_fields["auto_renewal"].label)
        unknown, yes = gettext("Not given"), gettext("Yes")
        assert by_label[plan] == ["Team", "Business", "Enterprise"]
        assert by_label[renewal] == [unknown, yes, unknown]
        theirs_line, my_line = by_label[gettext("Price lines")][1:]
        assert "30,000" in theirs_line
        assert gettext("%(count)s seats") % {"count": 8} in theirs_line
        assert "25,000" in my_line
    # Nothing typed is lost, nothing stored is touched, and the record says both.
    assert kept_of(response, typed_of(mine)) == {**typed_of(mine), "version": "2"}
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.reseller, subscription.version) == ("Business", "", 2)

    assert client.post(address, {**form_on(response), "act": "change"}).status_code == 302
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.reseller, subscription.version) == (
        "Enterprise",
        "My reseller",
        3,
    )
    assert subscription.price_lines.get().amount == 25_000


def test_a_stale_edit_of_lines_that_are_gone_can_be_saved_again(client, jeju, signed_in, make_user):
    """The quicker one has deleted the very line that the other still has in the form."""
    subscription = record(jeju)
    address = f"/subscriptions/{subscription.reference}/edit/"
    sent = filled_in(client, address)
    other = signed_in(user=make_user("administrator", "KR-49"))
    theirs = {**filled_in(other, address), "lines-0-DELETE": "on", "act": "change"}
    assert other.post(address, theirs).status_code == 302
    assert subscription.price_lines.count() == 0

    response = client.post(address, {**sent, "lines-0-amount": "20,000", "act": "change"})
    assert response.status_code == 200
    assert len(read(response).by_class("gt-compare")) == 1
    assert form_on(response)["lines-0-amount"] == "20,000"
    again = client.post(address, {**form_on(response), "act": "change"})
    assert again.status_code == 302, summary_on(again)
    assert subscription.price_lines.get().amount == 20_000


def test_a_version_typed_by_hand_is_stale(client, jeju):
    subscription = record(jeju)
    address = f"/subscriptions/{subscription.reference}/edit/"
    for version in ("", "0", "99", "-1", "x", "9" * 30):
        response = client.post(address, {**filled_in(client, address), "version": version, "act": "change"})
        assert response.status_code == 200, version
    subscription.refresh_from_db()
    assert subscription.version == 1
