"""How a round is prepared, opened, prolonged and cancelled: one function an act, one transaction each."""

from __future__ import annotations

import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, User
from oversight.round_models import OPENERS, Round, RoundAgency, RoundEvent
from oversight.rounds.holding import locked, log, require, require_status, said
from oversight.rounds.reminding import tell_asked

Act = RoundEvent.Act
ROWS_AT_ONCE = 1000


class StaleRound(ValidationError):
    """Somebody else has changed the round since the form was opened."""

    def __init__(self) -> None:
        super().__init__(
            _("Somebody else has changed this round meanwhile. Open the page again and repeat your change."),
            code="stale",
        )


def may_ask(user: User) -> bool:
    """Committee members and policy officers do, where their role holds."""
    return user.has_role(*OPENERS)


def offered_scopes(user: User) -> QuerySet[Agency]:
    return Agency.objects.visible_to(user, *OPENERS)


def chosen(round_: Round, on: datetime.date) -> QuerySet[Agency]:
    """The agencies that the round asks if it is opened on the day `on`: those of its scope that are active then."""
    agencies = Agency.objects.within(round_.scope).active_on(on)
    return agencies.filter(kind__in=round_.kinds) if round_.kinds else agencies


@transaction.atomic
def create(round_: Round, *, by: User) -> Round:
    require(round_, by)
    round_.created_by, round_.status = by, Round.Status.DRAFT
    round_.full_clean(exclude=["source"])
    round_.save()
    log(round_, Act.CREATED, by, said=said(round_))
    return round_


@transaction.atomic
def change(round_: Round, *, by: User, version: int) -> Round:
    """Change a draft. `version` is the one that the person saw. Raises StaleRound, and ValidationError once it is open."""
    before = locked(round_, by)
    if before.version != version:
        raise StaleRound
    require_status(before, Round.Status.DRAFT)
    require(round_, by)
    round_.version = version + 1
    round_.full_clean(exclude=["source"])
    round_.save()
    log(round_, Act.CHANGED, by, said=said(round_))
    return round_


@transaction.atomic
def open_round(round_: Round, *, by: User, on: datetime.date) -> Round:
    """Ask the agencies. Raises ValidationError where there are none, or the last day for an answer has passed."""
    round_ = locked(round_, by)
    require_status(round_, Round.Status.DRAFT)
    if round_.due_on < on:
        raise ValidationError(_("The due date has passed. Change it before you open the round."), code="past")
    agencies = list(chosen(round_, on).order_by("path").values_list("pk", "kind"))
    if not agencies:
        raise ValidationError(
            _("There is no agency of these kinds. Choose other kinds or another part of the tree."),
            code="none",
        )
    RoundAgency.objects.bulk_create(
        (RoundAgency(round=round_, agency_id=pk) for pk, _kind in agencies), batch_size=ROWS_AT_ONCE
    )
    governments = Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL).active_on(on)
    asked = {pk for pk, kind in agencies if kind in Agency.METROPOLITAN_AND_PROVINCIAL}
    everybody = set(governments.order_by().values_list("pk", flat=True))
    round_.asks_all_governments = bool(everybody) and everybody <= asked
    round_.status, round_.opened_at = Round.Status.OPEN, timezone.now()
    round_.save()
    log(round_, Act.OPENED, by, agencies=len(agencies), due_on=round_.due_on.isoformat())
    tell_asked(round_, "round_opened")
    return round_


@transaction.atomic
def change_due(round_: Round, *, by: User, due_on: datetime.date, reason: str, on: datetime.date) -> Round:
    """Give more or less time, with the reason. Raises ValidationError for a past day or a round that is not open."""
    round_ = locked(round_, by)
    require_status(round_, Round.Status.OPEN)
    if due_on < on:
        raise ValidationError({"due_on": _("Choose today or a later day.")}, code="past")
    if due_on == round_.due_on:
        raise ValidationError({"due_on": _("This is the due date already.")}, code="same")
    before, round_.due_on = round_.due_on, due_on
    round_.version += 1
    round_.save(update_fields=["due_on", "version"])
    log(round_, Act.DUE_CHANGED, by, reason, before=before.isoformat(), due_on=due_on.isoformat())
    tell_asked(round_, "round_due_changed")
    return round_


@transaction.atomic
def cancel(round_: Round, *, by: User, reason: str) -> Round:
    """Take the round back; what was answered is kept. Raises ValidationError once it is closed or cancelled."""
    round_ = locked(round_, by)
    require_status(round_, Round.Status.DRAFT, Round.Status.OPEN)
    was_open, round_.status = round_.is_open, Round.Status.CANCELLED
    round_.closed_at = timezone.now()
    round_.save(update_fields=["status", "closed_at"])
    log(round_, Act.CANCELLED, by, reason)
    if was_open:
        tell_asked(round_, "round_cancelled")
    return round_
