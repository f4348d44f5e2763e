"""What every act on a round begins and ends with: the round held as it is now, and the act written down."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from audit.events import values_of
from oversight.round_models import Round, RoundEvent


def locked(round_: Round, by: User) -> Round:
    """The round as it is now, held until the transaction ends; by those who may run it. Raises PermissionDenied."""
    found = Round.objects.select_for_update(of=("self",)).select_related("scope").get(pk=round_.pk)
    require(found, by)
    return found


def log(round_: Round, act: str, by: User, reason: str = "", **details: Any) -> RoundEvent:
    return RoundEvent.objects.create(
        round=round_, act=act, done_by=by, done_at=timezone.now(), reason=reason, details=details
    )


WRITTEN = (
    "title_ko",
    "title_en",
    "explanation_ko",
    "explanation_en",
    "period_from",
    "period_until",
    "due_on",
    "scope",
    "kinds",
)


def said(round_: Round) -> dict[str, Any]:
    """What a draft says, by column; the event of its writing keeps it."""
    return values_of(round_, set(WRITTEN))


def require(round_: Round, by: User) -> None:
    if not round_.is_run_by(by):
        raise PermissionDenied


def require_status(round_: Round, *statuses: str) -> None:
    if round_.status not in statuses:
        raise ValidationError(
            _("The round does not allow this any more as it stands. Nothing was changed."), code="status"
        )
