"""Reminders and their e-mails, sent to a real mail server on this machine: to whom, when, once, and what a broken run leaves."""

from __future__ import annotations

import datetime
import email.policy
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import StringIO
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import CommandError, call_command

from agencies.models import Delivery, DepartmentContact, Notice, NoticePreferences
from agencies.notices import digests
from policies.notices import tell_of_expiring_waivers
from subscriptions.models import Renewal, Subscription
from subscriptions.renewals.deciding import let_end
from subscriptions.renewals.keeping import keep_many
from subscriptions.renewals.plans import set_days
from subscriptions.renewals.reminding import remind
from tests.subscriptions.factories import (
    DAY,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = pytest.mark.django_db


class Server:
    """What the mail server has taken, and what it answers to the next messages: a line of SMTP, or None to take them."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(str(message["To"]), str(message["Subject"])) for message in self.taken]


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    handler = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    settings.EMAIL_PORT = port
    settings.SITE_URL = "https://register.example"
    yield handler
    controller.stop()


def subscribed(path: str = "KR/P1", left: int = 30, **fields: Any) -> Subscription:
    """A subscription whose last day to give notice is so many days after DAY (a working day, so nothing moves)."""
    known = {
        "auto_renewal": True,
        "notice_days": 0,
        "ends_on": days(left),
        "owner_department": "정보화 담당관",
    }
    subscription = kept(SubscriptionFactory(agency=agency_at(path), **{**known, **fields}))
    keep_many([subscription.pk])
    return subscription


def send(*arguments: str) -> str:
    said = StringIO()
    call_command("send_reminders", *arguments, stdout=said)
    return said.getvalue()


def told() -> set[tuple[str, str]]:
    return {(str(n.recipient or n.contact.email), n.key) for n in Notice.objects.all()}


def test_the_department_is_reminded_and_nobody_else(clock: Callable[..., None], server: Server):
    """Once for each lead time, in the language of whoever reads it; run twice, nothing is sent twice."""
    near = person("administrator", agency_at("KR/P1"), username="near", email="near@p1.example")
    NoticePreferences.objects.create(user=near, language="en", not_by_email=["request"])
    person("administrator", agency_at("KR"), username="far", email="far@kr.example")
    person("approver", agency_at("KR/P1"), username="approver", email="approver@p1.example")
    reader = person("committee_member", agency_at("KR/P1"), username="reader", email="reader@p1.example")
    contact = DepartmentContact.objects.create(
        agency=agency_at("KR/P1"), department="정보화담당관 ", email="it@p1.example"
    )
    contact.people.add(reader)
    mine = subscribed(left=30)
    # No contact, or none at that agency: the nearest administrators.
    other = subscribed(left=7, owner_department="총무과", auto_renewal=False)
    subscribed("KR/P2", left=90, notice_days=None)
    subscribed(left=91)

    assert remind(DAY) == (4, 0)
    assert told() == {
        ("reader", "renewal_by_itself"),
        ("it@p1.example", "renewal_by_itself"),
        ("near", "renewal_to_decide"),
        ("far", "renewal_unclear"),
    }
    assert "4 e-mails made" in send("--on", DAY.isoformat())
    assert sorted(server.said) == [
        ("far@kr.example", "[govtrack] 알림 1건"),
        ("it@p1.example", "[govtrack] 알림 1건"),
        ("near@p1.example", "[govtrack] 1 notice"),
        ("reader@p1.example", "[govtrack] 알림 1건"),
    ]
    [english] = [m.get_content() for m in server.taken if m["To"] == "near@p1.example"]
    assert f"({other.reference}) ends on June 22, 2026. Decide by June 22, 2026" in english
    assert f"https://register.example/subscriptions/{other.reference}/" in english
    [korean] = [m.get_content() for m in server.taken if m["To"] == "it@p1.example"]
    assert mine.reference in korean
    assert "2026. 7. 15." in korean

    send()
    assert (len(server.taken), Notice.objects.count()) == (4, 4)
    send("--on", days(1).isoformat())
    # The one that was 91 days away is 90 days away now: its reader and its department are told.
    assert (len(server.taken), Notice.objects.count()) == (6, 6)


def test_lead_times_and_decisions(clock: Callable[..., None]):
    """Late, only the shortest lead time that has come is told; a plan of its own comes before the settings."""
    boss = person("administrator", agency_at("KR/P1"))
    subscription = subscribed(left=25)
    assert [remind(days(n)).told for n in (0, 1, 17, 18, 25, 26)] == [1, 0, 0, 1, 0, 0]
    assert Renewal.objects.get(subscription=subscription).reminded == 7
    own, silent = subscribed(left=60), subscribed(left=60)
    set_days(own, [45, 0])
    set_days(silent, [])
    assert [remind(days(n)).told for n in (0, 15, 60)] == [0, 1, 1]
    # What is not to be renewed is reminded of only while it would renew by itself and no notice is recorded.
    by_itself, over, given = (subscribed(left=30, auto_renewal=value) for value in (True, False, True))
    Notice.objects.all().delete()
    for one, day in ((by_itself, None), (over, None), (given, DAY)):
        let_end(one, by=boss, reason="too dear", notice_given_on=day)
    assert remind(DAY) == (1, 0)
    assert [n.key for n in Notice.objects.all()] == ["renewal_notice_missing"]


def test_what_reaches_nobody_is_due_until_somebody_is_there(clock: Callable[..., None]):
    subscription, said = subscribed(left=30), StringIO()
    call_command("send_reminders", "--on", DAY.isoformat(), stdout=StringIO(), stderr=said)
    assert said.getvalue().startswith("1 reminders of renewals reached nobody")
    assert Renewal.objects.get(subscription=subscription).reminded is None
    boss = person("administrator", agency_at("KR"), is_active=False)
    assert remind(days(1)) == (0, 1)
    boss.is_active = True
    boss.save()
    assert remind(days(2)) == (1, 0)
    assert remind(days(3)) == (0, 0)
    assert Renewal.objects.get(subscription=subscription).reminded == 30


def test_a_waiver_that_ends_is_told_once_for_each_lead_time(clock: Callable[..., None]):
    asker = person("administrator", agency_at("KR"))
    version = make_policy(("seats", "more_than", [5]))
    waiver = WaiverFactory(policy=version.policy, requested_by=asker, valid_until=days(20))
    assert [tell_of_expiring_waivers(days(n)) for n in (-20, 0, 0, 13, 14, 21)] == [0, 1, 0, 1, 0, 0]
    WaiverFactory(policy=version.policy, valid_until=days(400), renews=waiver, status="requested")
    Notice.objects.all().delete()
    assert tell_of_expiring_waivers(DAY) == 0


def test_people_get_what_they_want(clock: Callable[..., None], server: Server):
    """Not by e-mail: a kind that is switched off, what was read before, what is told to who has no address or has left."""
    unwanted = person(username="unwanted", email="same@p1.example")
    NoticePreferences.objects.create(user=unwanted, not_by_email=["finding"])
    same = person(username="same", email="SAME@p1.example")
    unreachable = person(username="unreachable")
    gone = person(username="gone", email="gone@p1.example", is_active=False)
    for one in (unwanted, same, unreachable, gone):
        for key in ("finding_overdue", "subscription_approved"):
            Notice.objects.create(recipient=one, key=key, parameters={"reference": "R", "by": "B"}, url="/x/")
    Notice.objects.create(recipient=same, key="waiver_granted", read_at=datetime.datetime.now(datetime.UTC))

    dry = send("--dry-run")
    assert "same@p1.example" in dry
    assert (Delivery.objects.count(), server.taken) == (0, [])

    send()
    # Two who share an address get an e-mail each: whose an address is, nobody knows.
    assert sorted(server.said) == [
        ("same@p1.example", "[govtrack] 알림 1건"),
        ("same@p1.example", "[govtrack] 알림 2건"),
    ]
    mails = Notice.objects.values_list("recipient__username", "key", "mail")
    assert {(who, key) for who, key, mail in mails if mail == "taken"} == {
        ("unwanted", "subscription_approved"),
        ("same", "finding_overdue"),
        ("same", "subscription_approved"),
    }
    assert not Notice.objects.filter(mail="waiting").exists()
    # What comes later on the same day waits for the next.
    Notice.objects.create(recipient=same, key="subscription_refused", parameters={"reference": "R"})
    assert "0 e-mails made" in send()
    assert "1 e-mails made" in send("--on", days(1).isoformat())


def test_a_server_that_refuses_is_tried_again_and_given_up(
    clock: Callable[..., None], server: Server, settings: Any
):
    settings.EMAIL_ATTEMPTS = 2
    for name in ("a", "b"):
        Notice.objects.create(recipient=person(username=name, email=f"{name}@p1.example"), key="x")
    server.answers = ["451 come back later"]
    with pytest.raises(CommandError, match="1 sent, 1 failed, 0 given up"):
        send()
    server.answers = ["554 no"]
    with pytest.raises(CommandError, match="0 sent, 0 failed, 1 given up"):
        send()
    send()
    log = Delivery.objects.order_by("pk").values_list("address", "state", "attempts", "in_doubt")
    assert list(log) == [("a@p1.example", "given_up", 2, False), ("b@p1.example", "sent", 1, False)]
    assert "554" in Delivery.objects.get(state="given_up").error

    settings.EMAIL_PORT = 1  # nobody answers there: after three, the others are not tried
    for number in range(5):
        Notice.objects.create(recipient=person(email=f"n{number}@p1.example"), key="x")
    with pytest.raises(CommandError, match="0 sent, 5 failed"):
        send()
    assert Delivery.objects.filter(state="failed").count() == 3


class Killed(BaseException):
    """Stands for a process that ends at once, whatever it was doing."""


@pytest.mark.parametrize("arrived", [False, True], ids=["before it left", "after it left"])
def test_a_run_that_is_killed_while_it_sends_leaves_a_doubt_that_is_said(
    clock: Callable[..., None], server: Server, monkeypatch: pytest.MonkeyPatch, arrived: bool
):
    """The attempt is noted before it is made, so no second e-mail goes out silently: it says that it may be one."""
    Notice.objects.create(recipient=person(email="a@p1.example"), key="x")
    real = EmailBackend.send_messages

    def killed(self: Any, messages: Any) -> Any:
        if arrived:
            real(self, messages)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", killed)
        with pytest.raises(Killed):
            send()
    assert [(d.state, d.attempts) for d in Delivery.objects.all()] == [("sending", 1)]

    with pytest.raises(CommandError, match="0 sent, 0 failed, 0 given up, 1 in doubt"):
        send()
    Delivery.objects.update(tried_at=Delivery.objects.get().tried_at - digests.IN_DOUBT_AFTER * 2)
    send()
    send()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.in_doubt) == ("sent", 2, True)
    subjects = [subject for _to, subject in server.said]
    assert subjects == ["[govtrack] 알림 1건"] * arrived + ["[govtrack] 알림 1건 (다시 보냄)"]
    assert {message["Message-ID"] for message in server.taken} == {delivery.message_id}
