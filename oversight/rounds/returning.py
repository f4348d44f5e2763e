"""How an agency answers a round: it confirms what is recorded, files a nil return, or says why it cannot say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from figures.formatting import amount_text, number
from oversight.round_models import Answer, Return, Round, RoundAgency
from oversight.rounds.records import Records, records_of

SCHEMA = "govtrack-return-1"


class RoundNotOpen(ValidationError):
    """The round takes no returns: it is not open yet, closed (perhaps a moment ago) or cancelled."""

    def __init__(self) -> None:
        super().__init__(
            _("This round does not take answers any more: it was closed or cancelled. Nothing was filed."),
            code="not_open",
        )


class RecordsChanged(ValidationError):
    """What is recorded is not what the person saw."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The records have changed since you opened this page. Look at the figures again, then confirm."
            ),
            code="changed",
        )


def canonical(content: dict[str, Any]) -> str:
    """JSON with sorted keys and without spaces: equal contents make equal text."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(records: Records) -> str:
    """The hash of what is recorded, by which a form knows whether it is still what it showed."""
    return hashlib.sha256(canonical(records.document()).encode()).hexdigest()


def confirm(asked: RoundAgency, *, by: User, seen: str | None = None) -> Return:
    """The records stand as they are: their figures are frozen into the return.

    `seen`: the digest of what the person was shown. Raises RoundNotOpen, RecordsChanged, and ValidationError where nothing is
    recorded that could be confirmed.
    """
    return _file(asked, Answer.REPORTED, by, seen=seen)


def file_nil(asked: RoundAgency, *, by: User) -> Return:
    """There was nothing. Raises RoundNotOpen, and ValidationError where the register says otherwise."""
    return _file(asked, Answer.NIL, by)


def cannot_say(asked: RoundAgency, *, by: User, category: str, reason: str) -> Return:
    """The agency cannot say, and why. Raises RoundNotOpen."""
    return _file(asked, Answer.CANNOT_SAY, by, category=category, reason=reason)


def why_not_nil(records: Records) -> str:
    """Why there cannot be a nil return; empty where there can."""
    if records.is_empty:
        return ""
    parts = [
        (len(records.subscriptions), gettext("Subscriptions in force in the period: %(count)s.")),
        (records.requested, gettext("Subscriptions that are requested: %(count)s.")),
        (
            records.payments + records.payments_without_won,
            gettext("Payments recorded in the period: %(count)s."),
        ),
        (records.users.low, gettext("People who are counted as users: %(count)s.")),
    ]
    refused = gettext("A nil return is not possible, since the register says otherwise.")
    return " ".join([refused, *_counted(*parts)])


@transaction.atomic
def _file(asked: RoundAgency, answer: Answer, by: User, *, seen: str | None = None, **reason: str) -> Return:
    """The round is locked, so that a return is filed before it is closed or not at all; and two returns one after the other."""
    if not asked.is_answered_by(by):
        raise PermissionDenied
    round_ = Round.objects.select_for_update().get(pk=asked.round_id)
    if not round_.is_open:
        raise RoundNotOpen
    asked = RoundAgency.objects.select_related("agency").get(pk=asked.pk)
    records = records_of(by, round_, [asked])[asked.agency_id]
    if seen is not None and seen != digest(records):
        raise RecordsChanged
    if answer == Answer.REPORTED and records.is_empty:
        raise ValidationError(
            _("Nothing is recorded for the period. File a nil return, or record what is missing."),
            code="empty",
        )
    if answer == Answer.NIL and not records.is_empty:
        raise ValidationError(why_not_nil(records), code="not_nil")
    filed = Return(
        asked=asked,
        number=asked.returns.count() + 1,
        answer=answer,
        filed_by=by,
        filed_at=timezone.now(),
        **reason,
    )
    filed.document = canonical(
        {
            **filed.repeated(),
            "schema": SCHEMA,
            "period": [round_.period_from.isoformat(), round_.period_until.isoformat()],
            "filed_by_name": str(by),
            "records": records.document(),
        }
    )
    filed.sha256 = hashlib.sha256(filed.document.encode()).hexdigest()
    filed.save()
    asked.answer, asked.current = answer, filed
    asked.save(update_fields=["answer", "current"])
    return filed


def frozen(filed: Return) -> Records | None:
    """What was recorded when the return was filed; None where its document cannot be read any more."""
    try:
        return Records.read(filed.content["records"])
    except (KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Difference:
    """A figure that is recorded otherwise today than when the return was filed."""

    label: str
    then: str
    now: str


def changed_since(filed: Return, now: Records) -> list[Difference]:
    """What differs between the return and the records as they are now; nothing while they are equal.

    Where the figures are equal but not what they come from (another subscription at the same cost), that is told too.
    """
    then = frozen(filed)
    if then is None or then.document() == now.document():
        return []
    found = [
        Difference(label, before, after)
        for (label, before), (_label, after) in zip(figures(then), figures(now), strict=True)
        if before != after
    ]
    if not found:
        found = [
            Difference(
                gettext("Subscriptions"),
                ", ".join(then.subscriptions) or "–",
                ", ".join(now.subscriptions) or "–",
            )
        ]
    return found


def figures(records: Records) -> list[tuple[str, str]]:
    """The figures that a return states, with their names, as text."""
    return [
        (gettext("Spending paid"), amount_text(records.spending, in_full=True)),
        (gettext("Users"), amount_text(records.people, money=False)),
        (gettext("AI tools"), amount_text(records.tools, money=False)),
        (gettext("Subscriptions in force in the period"), number(len(records.subscriptions))),
    ]


def gaps(records: Records) -> list[str]:
    """What the figures leave out, in sentences."""
    requested = gettext("Subscriptions that are only requested, and count nowhere: %(count)s.")
    return [*spending_gaps(records), *people_gaps(records), *_counted((records.requested, requested))]


def spending_gaps(records: Records) -> list[str]:
    said = _counted(
        (records.payments_without_won, gettext("Payments whose won amount is not known: %(count)s.")),
        (records.unpaid, gettext("Subscriptions without any payment: %(count)s.")),
    )
    return [*said, gettext("More was refunded in the period than paid.")] if records.won < 0 else said


def people_gaps(records: Records) -> list[str]:
    uncounted = gettext("Subscriptions whose users are not counted: %(count)s.")
    said = _counted((records.users.unknown, uncounted))
    if records.users.given and records.users.high != records.users.low:
        several = gettext("People may use several tools: between %(low)s and %(high)s of them are counted.")
        said.append(several % {"low": number(records.users.low), "high": number(records.users.high)})
    return said


def _counted(*parts: tuple[int, str]) -> list[str]:
    return [text % {"count": number(count)} for count, text in parts if count]
