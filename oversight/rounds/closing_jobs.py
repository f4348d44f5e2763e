"""How a large round is closed by a worker in the background: all at once or not at all, and again where it was interrupted.

The round and the note that it is done are one transaction: a worker that is killed leaves neither. Until then answers are taken.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext
from django_tasks import task

from agencies.models import User
from audit.origin import asked_from, handed_on
from oversight.closing_models import RoundClosing
from oversight.round_models import Round, RoundAgency
from oversight.rounds import closing
from oversight.rounds.holding import locked
from sources.models import Report

logger = logging.getLogger(__name__)
State = RoundClosing.State
# A round that asks no more agencies is closed while somebody waits, in about a second.
AT_ONCE = 1_000


def is_large(round_: Round) -> bool:
    return RoundAgency.objects.filter(round=round_)[: AT_ONCE + 1].count() > AT_ONCE


@transaction.atomic
def start(round_: Round, *, by: User, report: Report | None = None) -> RoundClosing:
    """Have a worker close the round. Where that goes on already, it does. Raises ClosedAlready, PermissionDenied."""
    round_ = locked(round_, by)
    if not round_.is_open:
        raise closing.ClosedAlready
    job = RoundClosing.objects.select_for_update().filter(round=round_).first()
    if job is not None and job.is_going_on:
        return job
    job = job or RoundClosing(round=round_, attempt=0)
    job.by, job.report, job.state, job.problem = by, report, State.WAITING, ""
    job.language = translation.get_language() or settings.LANGUAGE_CODE
    job.attempt, job.changed_at = job.attempt + 1, timezone.now()
    job.save()
    close_round.enqueue(job.pk, job.attempt, handed_on())
    return job


@task()
def close_round(job: int, attempt: int, origin: dict[str, Any] | None = None) -> None:
    with asked_from(origin, "close_round"):
        run(job, attempt)


def run(pk: int, attempt: int) -> None:
    """Close the round of a job that waits. Whatever stops it is written down in the job."""
    mine = RoundClosing.objects.filter(pk=pk, attempt=attempt)
    if not mine.filter(state=State.WAITING).update(state=State.RUNNING, changed_at=timezone.now()):
        return
    job = mine.select_related("round", "by", "report").get()
    try:
        with translation.override(job.language), transaction.atomic():
            closing.close(job.round, by=job.by, on=timezone.localdate(), report=job.report)
            _finish(job, State.DONE)
    except ValidationError as error:
        _finish(job, State.FAILED, " ".join(error.messages))
    except PermissionDenied:
        with translation.override(job.language):
            _finish(job, State.FAILED, gettext("Whoever asked for it may not close this round any more."))
    except Exception:
        logger.exception("Closing round %s failed", job.round_id)
        with translation.override(job.language):
            _finish(job, State.FAILED, gettext("Something went wrong. Nothing was changed; try again."))
    except BaseException:  # the worker is told to stop at once
        with translation.override(job.language):
            _finish(job, State.FAILED, gettext("It was interrupted. Nothing was changed; try again."))
        raise


def _finish(job: RoundClosing, state: RoundClosing.State, problem: str = "") -> None:
    mine = RoundClosing.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)
    mine.update(state=state, problem=problem, changed_at=timezone.now())


def under_way(round_: Round) -> RoundClosing | None:
    """The order to close a round that is still open, however it stands."""
    return RoundClosing.objects.filter(round=round_).first() if round_.is_open else None
