"""Who is reminded of which renewal, and when: the owner department, some days before the last day to give notice."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agencies.models import Notice
from agencies.notices.departments import Responsible, Told
from agencies.notices.telling import tell_all
from subscriptions.models import Renewal, Subscription
from subscriptions.renewal_models import RenewalQuerySet
from subscriptions.renewals.plans import LONGEST, days_of, default_days

CHUNK = 500


class Reminded(NamedTuple):
    """How many notices were made, and how many reminders are due that nobody is there to be told."""

    told: int
    nobody: int


def remind(on: datetime.date) -> Reminded:
    """Write the reminders that are due on a day and were not given.

    What reaches nobody is not given: it is due again until somebody answers for the agency, or the day has passed. Run late,
    only the shortest lead time that has come is told. Safe to run twice, at once, and to interrupt: a reminder and the note
    that it was given are written together, while the end of the term is held.
    """
    keys = list(due(on).order_by("pk").values_list("pk", flat=True))
    told = nobody = 0
    for start in range(0, len(keys), CHUNK):
        part = _remind_chunk(keys[start : start + CHUNK], on)
        told, nobody = told + part.told, nobody + part.nobody
    return Reminded(told, nobody)


def due(on: datetime.date) -> RenewalQuerySet:
    """The ends of terms that may have a reminder due: those with a plan of their own are looked at one by one later."""
    near = Q()
    for days in default_days():
        not_yet = Q(reminded__isnull=True) | Q(reminded__gt=days)
        near |= Q(notice_by__range=(on, on + datetime.timedelta(days=days))) & not_yet
    by_default = Q(subscription__reminder_plan__isnull=True) & near if near else Q(pk__in=[])
    planned = Q(
        subscription__reminder_plan__isnull=False,
        notice_by__range=(on, on + datetime.timedelta(days=LONGEST)),
    )
    return to_remind().filter(by_default | planned)


def to_remind() -> RenewalQuerySet:
    """What is to be decided, and what is not to be renewed but would renew by itself, since no notice is recorded."""
    by_itself = Q(auto_renewal=True) | Q(auto_renewal__isnull=True)
    silent = Q(state=Renewal.State.ENDING, notice_given_on=None) & by_itself
    return Renewal.objects.filter(Q(state=Renewal.State.OPEN) | silent)


def lead_due(renewal: Renewal, days: Sequence[int], on: datetime.date) -> int | None:
    """The shortest lead time that has come and was not told yet; None: nothing is due."""
    if renewal.notice_by is None or renewal.notice_by < on:
        return None
    left = (renewal.notice_by - on).days
    come = [lead for lead in days if left <= lead and (renewal.reminded is None or lead < renewal.reminded)]
    return min(come, default=None)


@transaction.atomic
def _remind_chunk(keys: Sequence[int], on: datetime.date) -> Reminded:
    held = to_remind().filter(pk__in=keys).order_by("pk").select_for_update(of=("self",))
    renewals = list(held.select_related("agency", "subscription", "subscription__reminder_plan"))
    responsible = Responsible({renewal.agency for renewal in renewals})
    default, now = default_days(), timezone.now()
    notices: list[Notice] = []
    reminded: list[Renewal] = []
    nobody = 0
    for renewal in renewals:
        plan = getattr(renewal.subscription, "reminder_plan", None)
        lead = lead_due(renewal, plan.days if plan else default, on)
        if lead is None:
            continue
        told = responsible.of(renewal.agency, renewal.subscription.owner_department)
        if not (told.people or told.contacts):
            nobody += 1
            continue
        notices += _notices(renewal, told, lead)
        renewal.reminded, renewal.reminded_at = lead, now
        reminded.append(renewal)
    Renewal.objects.bulk_update(reminded, ["reminded", "reminded_at"], batch_size=500)
    return Reminded(tell_all(notices), nobody)


def _notices(renewal: Renewal, told: Told, lead: int) -> list[Notice]:
    assert renewal.ends_on is not None
    assert renewal.notice_by is not None
    if renewal.state == Renewal.State.ENDING:
        key = "renewal_notice_missing"
    elif not renewal.is_exact:
        key = "renewal_unclear"
    else:
        key = "renewal_by_itself" if renewal.auto_renewal else "renewal_to_decide"
    same = {
        "key": key,
        "parameters": {
            "reference": renewal.subscription.reference,
            "ends_on": renewal.ends_on.isoformat(),
            "notice_by": renewal.notice_by.isoformat(),
        },
        "url": renewal.subscription.get_absolute_url(),
        "once": f"renewal:{renewal.subscription_id}:{renewal.notice_by}:{lead}:{renewal.state}",
    }
    people = [Notice(recipient=person, **same) for person in told.people]
    return people + [Notice(contact=contact, **same) for contact in told.contacts]


def reminder_days(subscription: Subscription, renewal: Renewal | None) -> list[tuple[int, datetime.date]]:
    """When the department is reminded of the term that the subscription is in: days before, and the day."""
    if renewal is None or renewal.notice_by is None:
        return []
    first = renewal.notice_by.toordinal() - 1  # what lies before the calendar's first day is left out
    return [
        (days, renewal.notice_by - datetime.timedelta(days=days))
        for days in days_of(subscription)
        if days <= first
    ]
