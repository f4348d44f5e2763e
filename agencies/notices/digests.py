"""Notices as e-mail: one digest a day for each person and each department, each with a line in the log of deliveries.

Nobody shares one, whatever their addresses: an address is what somebody typed, and who typed another's would read in the log
what that one is told.

Each digest is made and each attempt is noted before it is made, in a transaction of its own, so that a run may be broken off
at any moment and two may run at once. An attempt whose end nobody knows is in doubt: the mail may have gone out. It is made
again, under the same message number and with a line that says so, since missing a notice day costs more than reading a mail
twice.
"""

from __future__ import annotations

import datetime
import smtplib
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from agencies.models import Delivery, DepartmentContact, Notice, User
from agencies.notices.telling import Kind, kind_of, texts_of

# An attempt that is older than this has no process left that makes it: a connection gives up much sooner (EMAIL_TIMEOUT).
IN_DOUBT_AFTER = datetime.timedelta(minutes=15)
# What befell an account longer ago than this, and was read, is told no more.
NEWS_FOR = datetime.timedelta(days=7)
# After so many failures of the connection in a row the server is taken to be down.
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class Reader:
    """A person, or a department, at an address. `kept`: what their notices keep of the address (`Notice.email`)."""

    address: str
    language: str
    person: User | None = None
    contact: DepartmentContact | None = None
    kept: tuple[str, ...] = ("",)


@dataclass
class Run:
    """What a run did: e-mails made, sent, failed (to be tried again), given up, and left in doubt by an earlier run."""

    made: int = 0
    sent: int = 0
    failed: int = 0
    given_up: int = 0
    in_doubt: int = 0

    @property
    def went_well(self) -> bool:
        return not (self.failed or self.given_up or self.in_doubt)


# --- making ---------------------------------------------------------------------------------------------------------------


def make_digests(on: datetime.date) -> list[Delivery]:
    """Gather what waits for e-mail into one digest for each reader who has none on this day yet."""
    broken_off = Q(mail=Notice.Mail.SENDING, mail_tried_at__lt=timezone.now() - IN_DOUBT_AFTER)
    Notice.objects.filter(broken_off).update(mail=Notice.Mail.WAITING)
    made = []
    for reader in sorted(_readers(), key=lambda reader: (reader.address, reader.language)):
        try:
            delivery = _make_digest(on, reader)
        except IntegrityError:
            continue  # another run has made it at this very moment; what waits now goes out tomorrow
        if delivery is not None:
            made.append(delivery)
    return made


def _readers() -> list[Reader]:
    """To whom the waiting notices go. Those of people without an address, or who left, are not for e-mail."""
    waiting = Notice.objects.filter(mail=Notice.Mail.WAITING).order_by()
    kept: dict[int | None, list[str]] = defaultdict(list)
    for pk, email in waiting.filter(recipient__isnull=False).values_list("recipient", "email").distinct():
        kept[pk].append(email)
    found: list[Reader] = []
    people = User.objects.filter(pk__in=waiting.filter(recipient__isnull=False).values("recipient"))
    left, nowhere = [], []
    for person in people.select_related("notice_preferences").order_by("pk"):
        preferences = getattr(person, "notice_preferences", None)
        language = preferences.language if preferences else settings.LANGUAGE_CODE
        if not person.is_active:
            left.append(person.pk)
            continue
        addresses: dict[str, list[str]] = defaultdict(list)
        for email in sorted(kept[person.pk]):
            addresses[(email or person.email).lower()].append(email)
        if addresses.pop("", None):
            nowhere.append(person.pk)
        for address, emails in addresses.items():
            found.append(Reader(address, language, person=person, kept=tuple(emails)))
    for start in range(0, max(len(left), len(nowhere)), 500):
        unreachable = Q(recipient__in=left[start : start + 500])
        unreachable |= Q(recipient__in=nowhere[start : start + 500], email="")
        waiting.filter(unreachable).update(mail=Notice.Mail.SKIPPED)
    contacts = DepartmentContact.objects.filter(
        pk__in=waiting.filter(contact__isnull=False).values("contact")
    )
    for contact in contacts.order_by("pk"):
        if contact.email:
            found.append(Reader(contact.email.lower(), contact.language, contact=contact))
        else:
            waiting.filter(contact=contact).update(mail=Notice.Mail.SKIPPED)
    return found


@transaction.atomic
def _make_digest(on: datetime.date, reader: Reader) -> Delivery | None:
    whose: dict[str, Any] = {"recipient": reader.person, "contact": reader.contact}
    where = {"day": on, "address": reader.address, "language": reader.language}
    if Delivery.objects.filter(**where, **whose).exists():
        return None
    waiting = Notice.objects.filter(mail=Notice.Mail.WAITING, email__in=reader.kept, **whose)
    wanted: list[Notice] = []
    unwanted: list[Notice] = []
    off = _unwanted_kinds(reader.person)
    for notice in waiting.select_for_update().order_by("pk"):
        # What befalls an account goes to the address that it had then, though whoever has the account now has read it.
        is_news = bool(notice.email) and notice.created_at > timezone.now() - NEWS_FOR
        is_wanted = is_news or (notice.read_at is None and kind_of(notice.key) not in off)
        (wanted if is_wanted else unwanted).append(notice)
    Notice.objects.filter(pk__in=[n.pk for n in unwanted]).update(mail=Notice.Mail.SKIPPED)
    if not wanted:
        return None
    with translation.override(reader.language):
        subject, body, count = _written(on, wanted)
    delivery = Delivery.objects.create(
        **where,
        **whose,
        subject=subject,
        body=body,
        message_id=f"<{uuid.uuid4()}@{urlsplit(settings.SITE_URL).hostname or 'govtrack'}>",
        notice_count=count,
    )
    taken = Notice.objects.filter(pk__in=[n.pk for n in wanted])
    taken.update(mail=Notice.Mail.TAKEN, delivery=delivery)
    return delivery


def _unwanted_kinds(person: User | None) -> list[str]:
    preferences = getattr(person, "notice_preferences", None)
    return list(preferences.not_by_email) if preferences else []


def _written(on: datetime.date, notices: list[Notice]) -> tuple[str, str, int]:
    """Subject, text and number of what is said; the same thing told twice is said once."""
    said = {(text, notice.url): notice for notice, text in zip(notices, texts_of(notices), strict=True)}
    sections: dict[Kind, list[dict[str, str]]] = {}
    for (text, url), notice in said.items():
        sections.setdefault(kind_of(notice.key), []).append({"text": text, "url": absolute(url)})
    count = len(said)
    subject = ngettext("[govtrack] %(count)s notice", "[govtrack] %(count)s notices", count) % {
        "count": count
    }
    body = render_to_string(
        "agencies/digest.txt",
        {
            "sections": [(kind.label, sections[kind]) for kind in Kind if kind in sections],
            "day": on,
            "notices_url": absolute(reverse("agencies:notices")),
            "preferences_url": absolute(reverse("agencies:notice-preferences")),
        },
    )
    return subject, body, count


def absolute(url: str) -> str:
    return f"{settings.SITE_URL.rstrip('/')}{url}" if url.startswith("/") else url


# --- sending --------------------------------------------------------------------------------------------------------------


def send_digests() -> Run:
    """Send what is ready, what failed before, and what is in doubt; each attempt is noted before it is made."""
    run = Run()
    to_do = Delivery.objects.exclude(state__in=[Delivery.State.SENT, Delivery.State.GIVEN_UP])
    in_a_row, connection = 0, get_connection()
    try:
        for pk in list(to_do.order_by("pk").values_list("pk", flat=True)):
            delivery = _claimed(pk)
            if delivery is None:
                # Another run is at it, or one was broken off less than a quarter of an hour ago.
                run.in_doubt += Delivery.objects.filter(pk=pk, state=Delivery.State.SENDING).count()
                continue
            try:
                _send(delivery, connection)
            except (OSError, smtplib.SMTPException) as error:
                connection.close()
                _failed(delivery, error, run)
                in_a_row = 0 if isinstance(error, OF_ONE_MESSAGE) else in_a_row + 1
                if in_a_row >= FAILURES_IN_A_ROW:
                    run.failed += to_do.filter(pk__gt=pk, state=Delivery.State.READY).count()
                    break
            else:
                in_a_row = 0
                delivery.state, delivery.sent_at, delivery.error = Delivery.State.SENT, timezone.now(), ""
                delivery.save(update_fields=["state", "sent_at", "error"])
                run.sent += 1
    finally:
        connection.close()
    return run


# What a server says against one message says nothing against the next.
OF_ONE_MESSAGE = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPSenderRefused,
)


def _claimed(pk: int) -> Delivery | None:
    """Note the beginning of an attempt, in one statement, so that of two runs only one makes it; None: it is not ours to make."""
    now = timezone.now()
    waiting = Q(state__in=[Delivery.State.READY, Delivery.State.FAILED])
    broken_off = Q(state=Delivery.State.SENDING, tried_at__lt=now - IN_DOUBT_AFTER)
    claim: dict[str, Any] = {
        "state": Delivery.State.SENDING,
        "tried_at": now,
        "attempts": F("attempts") + 1,
    }
    row = Delivery.objects.filter(pk=pk)
    if row.filter(broken_off).update(**claim, in_doubt=True) or row.filter(waiting).update(**claim):
        return row.get()
    return None


def _send(delivery: Delivery, connection: Any) -> None:
    subject, body = delivery.subject, delivery.body
    if delivery.in_doubt:
        with translation.override(delivery.language):
            subject = gettext("%(subject)s (sent again)") % {"subject": subject}
            again = gettext(
                "An earlier attempt to send this e-mail was broken off, so you may have received it already."
            )
        body = f"{again}\n\n{body}"
    headers = {"Message-ID": delivery.message_id, "Auto-Submitted": "auto-generated"}
    message = EmailMessage(subject, body, None, [delivery.address], connection=connection, headers=headers)
    message.send()


def _failed(delivery: Delivery, error: Exception, run: Run) -> None:
    """What the server has refused did not arrive; a connection lost in the middle leaves it in doubt all the same."""
    over = delivery.attempts >= settings.EMAIL_ATTEMPTS
    delivery.state = Delivery.State.GIVEN_UP if over else Delivery.State.FAILED
    delivery.error = f"{type(error).__name__}: {error}"[:1000]
    delivery.in_doubt = delivery.in_doubt or isinstance(error, smtplib.SMTPServerDisconnected | TimeoutError)
    delivery.save(update_fields=["state", "error", "in_doubt"])
    if over:
        run.given_up += 1
    else:
        run.failed += 1
