"""What people are told of policies and waivers, and of waivers that are about to end."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agencies.models import Notice
from agencies.notices.departments import nearest_administrators
from agencies.notices.telling import Kind, agency_names, days_in_words, register, tell_all
from agencies.sights import sights_of
from policies.models import PolicyVersion, Waiver

MESSAGES = {
    "waiver_requested": _("%(by)s asks for a waiver from “%(policy)s” for %(agency)s."),
    "waiver_granted": _("The waiver from “%(policy)s” for %(agency)s was granted by %(by)s."),
    "waiver_refused": _("The waiver from “%(policy)s” for %(agency)s was refused by %(by)s."),
    "waiver_revoked": _("The waiver from “%(policy)s” for %(agency)s was revoked by %(by)s."),
    "waiver_expires": _(
        "The waiver from “%(policy)s” for %(agency)s ends on %(day)s. Renewing it is a new decision."
    ),
}


def policy_titles(codes: set[str]) -> dict[str, str]:
    """The title of each policy's latest version."""
    versions = PolicyVersion.objects.filter(policy__code__in=codes).select_related("policy")
    return {version.policy.code: str(version.title) for version in versions.order_by("number")}


def register_messages() -> None:
    register(Kind.WAIVER, MESSAGES, {"policy": policy_titles, "agency": agency_names, "day": days_in_words})


def tell_of_expiring_waivers(on: datetime.date) -> int:
    """Tell who asked for a waiver, and its agency's administrators, that its last day is near; once for each lead time.

    Returns how many notices that made. Run late, only the shortest lead time that has come is told.
    """
    leads = sorted(set(settings.WAIVER_REMINDER_DAYS))
    if not leads:
        return 0
    last = on + datetime.timedelta(days=leads[-1])
    ending = Waiver.objects.filter(status=Waiver.Status.GRANTED, valid_until__range=(on, last))
    # One that has been asked for again is known to end.
    ending = ending.exclude(renewals__status__in=[Waiver.Status.REQUESTED, Waiver.Status.GRANTED])
    waivers = list(ending.select_related("policy", "agency", "requested_by").order_by("pk"))
    administrators = nearest_administrators({waiver.agency for waiver in waivers})
    sights = sights_of({waiver.requested_by for waiver in waivers})
    notices = []
    for waiver in waivers:
        lead = next(days for days in leads if waiver.valid_until <= on + datetime.timedelta(days=days))
        people = {person.pk: person for person in administrators[waiver.agency_id]}
        asker = sights.get(waiver.requested_by_id)
        if asker is not None and asker.covers(waiver.agency.path):
            people[waiver.requested_by_id] = waiver.requested_by
        notices += [
            Notice(
                recipient=person,
                key="waiver_expires",
                parameters={
                    "policy": waiver.policy.code,
                    "agency": waiver.agency.code,
                    "day": waiver.valid_until.isoformat(),
                },
                url=reverse("subscriptions:waiver", args=[waiver.pk]),
                once=f"waiver-expires:{waiver.pk}:{waiver.valid_until}:{lead}",
            )
            for person in people.values()
        ]
    return tell_all(notices)
