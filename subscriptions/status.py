"""Where a subscription is in its life, and what follows from that alone."""

from __future__ import annotations

import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where a subscription is in its life. It records decisions; whether it is in force on a day follows from its dates."""

    DRAFT = "draft", _("Draft")
    REQUESTED = "requested", _("Requested")
    APPROVED = "approved", _("Approved")
    ACTIVE = "active", _("Active")
    ENDED = "ended", _("Ended")
    REFUSED = "refused", _("Refused")
    VOID = "void", _("Void")


# What policies judge, and what the register counts as recorded.
LIVE = (Status.REQUESTED, Status.APPROVED, Status.ACTIVE)


# What is approved to start: its cost is committed.
COMMITTED = (Status.APPROVED, Status.ACTIVE)


def in_force_on(day: datetime.date) -> Q:
    """Approved to start, started on or before the day, and not ended before it. An unknown start counts as started."""
    started = Q(started_on__isnull=True) | Q(started_on__lte=day)
    not_ended = Q(ends_on__isnull=True) | Q(ends_on__gte=day)
    return started & not_ended & Q(status__in=COMMITTED)
