"""How a round ends: it is closed into a source, which states what each agency answered, and which the committee publishes."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from figures.formatting import day, number
from oversight.round_models import Answer, Round, RoundAgency, RoundEvent
from oversight.rounds.holding import locked, log
from oversight.rounds.reminding import tell_asked
from oversight.rounds.stating import lines_of, statements_from
from sources.models import Report, Source
from sources.writing import write_statements

# So many agencies without an answer are named in the source's note; of more, the first and how many others.
NAMED = 300


class ClosedAlready(ValidationError):
    """Somebody else has closed the round, perhaps a moment ago: there is one source, and no second one."""

    def __init__(self) -> None:
        super().__init__(
            _("This round was closed or cancelled already. Nothing was changed."), code="closed_already"
        )


@transaction.atomic
def close(round_: Round, *, by: User, on: datetime.date, report: Report | None = None) -> Source:
    """Close an open round; gives its source, which is not published.

    `report`: one whose sources it joins, so that they stand beside each other; None: a report of its own. Returns wait for the
    lock, and are filed before or refused. Raises ClosedAlready.
    """
    round_ = locked(round_, by)
    if not round_.is_open:
        raise ClosedAlready
    asked = list(
        RoundAgency.objects.filter(round=round_).select_related("agency", "current").order_by("agency__path")
    )
    source = _source(round_, asked, on, report or _report(round_))
    lines = lines_of(asked)
    write_statements(source, statements_from(lines, source, round_), by=by, reason=str(round_))
    round_.status, round_.closed_at, round_.source = Round.Status.CLOSED, timezone.now(), source
    round_.save(update_fields=["status", "closed_at", "source"])
    log(round_, RoundEvent.Act.CLOSED, by, answered=sum(row.answer != Answer.WAITING for row in asked))
    tell_asked(round_, "round_closed")
    return source


@transaction.atomic
def publish(round_: Round, *, by: User) -> Source:
    """Show the source of a closed round to every signed-in user. Raises ValidationError where it is published already."""
    round_ = locked(round_, by)
    if not round_.is_published_by(by):
        raise PermissionDenied
    if round_.source_id is None:
        raise ValidationError(
            _("The round is not closed yet, so there is nothing to publish."), code="status"
        )
    source = Source.objects.select_for_update().get(pk=round_.source_id)
    if source.published_at is not None:
        raise ValidationError(_("The source is published already."), code="published")
    source.published_at = timezone.now()
    source.save()
    log(round_, RoundEvent.Act.PUBLISHED, by)
    return source


def code_of(round_: Round) -> str:
    """The code of its source and report; of several reports the one on the latest period comes last."""
    return f"round-{round_.period_until:%Y-%m}-{round_.pk}"


def _report(round_: Round) -> Report:
    return Report.objects.create(
        code=code_of(round_),
        title_ko=round_.title_ko,
        title_en=round_.title_en,
        note_ko=round_.explanation_ko,
        note_en=round_.explanation_en,
    )


def _source(round_: Round, asked: list[RoundAgency], on: datetime.date, report: Report) -> Source:
    notes = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            notes[language] = _note(round_, asked)
    return Source.objects.create(
        code=code_of(round_),
        label_ko=round_.title_ko,
        label_en=round_.title_en,
        title=round_.title_ko,
        publisher=round_.scope.name_ko,
        dated=on,
        report=report,
        note_ko=notes["ko"],
        note_en=notes["en"],
        prepared_by=round_.scope,
    )


def _note(round_: Round, asked: list[RoundAgency]) -> str:
    """How it was collected, in the language that is active; who did not answer is named."""
    counts = {answer: sum(row.answer == answer for row in asked) for answer in Answer}
    text = gettext(
        "Collected in this register for the period from %(first)s to %(last)s. Of %(asked)s agencies asked, %(reported)s "
        "reported, %(nil)s filed a nil return, %(cannot_say)s could not say and %(silent)s did not answer."
    ) % {
        "first": day(round_.period_from),
        "last": day(round_.period_until),
        "asked": number(len(asked)),
        "reported": number(counts[Answer.REPORTED]),
        "nil": number(counts[Answer.NIL]),
        "cannot_say": number(counts[Answer.CANNOT_SAY]),
        "silent": number(counts[Answer.WAITING]),
    }
    silent = [str(row.agency.short) for row in asked if row.answer == Answer.WAITING]
    if silent:
        text += " " + gettext("Without an answer: %(agencies)s") % {"agencies": ", ".join(silent[:NAMED])}
        if len(silent) > NAMED:
            text += " " + gettext("and %(count)s more") % {"count": number(len(silent) - NAMED)}
        text += "."
    return text


def source_of(round_: Round, user: User) -> Source | None:
    """The round's source, where there is one and `user` may read it."""
    if round_.source_id is None:
        return None
    return Source.objects.readable_by(user).select_related("report").filter(pk=round_.source_id).first()
