"""How many days before the last day to give notice a subscription's department is reminded."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from subscriptions.models import ReminderPlan, Subscription

LONGEST, MOST = 730, 6


def default_days() -> list[int]:
    """What the settings say, the longest first."""
    return sorted(set(settings.REMINDER_DAYS), reverse=True)


def days_of(subscription: Subscription) -> list[int]:
    """The days before, of one subscription, the longest first."""
    plan = ReminderPlan.objects.filter(subscription=subscription).first()
    return list(plan.days) if plan else default_days()


def check_days(days: Sequence[int]) -> None:
    """Raises ValidationError unless these are at most six whole numbers from 0 to 730, the longest first."""
    fine = isinstance(days, list) and all(type(day) is int and 0 <= day <= LONGEST for day in days)
    if not fine:
        raise ValidationError(_("Give whole numbers of days from 0 to %(most)s.") % {"most": LONGEST})
    if len(days) > MOST:
        raise ValidationError(_("A subscription has at most %(most)s reminders.") % {"most": MOST})
    if days != sorted(set(days), reverse=True):
        raise ValidationError(_("Give each number of days once, the longest first."))


def set_days(subscription: Subscription, days: list[int] | None) -> None:
    """Remind so many days before; None: as the settings say. Raises ValidationError, see `check_days`."""
    if days is None:
        ReminderPlan.objects.filter(subscription=subscription).delete()
        return
    check_days(days)
    ReminderPlan.objects.update_or_create(subscription=subscription, defaults={"days": days})
