"""What people are told of rounds: what each message says, and the reminders of the nightly run."""

from __future__ import annotations

import datetime
from collections import Counter

from django.utils.translation import gettext_lazy as _

from agencies.models import Notice
from agencies.notices.telling import Kind, days_in_words, register, register_reminders, tell_all
from oversight.round_models import Round
from oversight.rounds.reminding import parameters_of, reminders

MESSAGES = {
    "round_opened": _("The round “%(round)s” asks for what is recorded; answer by %(due_on)s."),
    "round_due_changed": _("The round “%(round)s” is now to be answered by %(due_on)s."),
    "round_reminder": _("The round “%(round)s” is to be answered by %(due_on)s. Agencies of yours that have not: %(agencies)s."),
    "round_overdue": _("The round “%(round)s” was to be answered by %(due_on)s. Agencies of yours that have not: %(agencies)s."),
    "round_closed": _("The round “%(round)s” is closed."),
    "round_cancelled": _("The round “%(round)s” is cancelled. Nothing is to be answered any more."),
}  # fmt: skip


def titles(keys: set[str]) -> dict[str, str]:
    return {str(one.pk): str(one.title) for one in Round.objects.filter(pk__in=keys)}


def remind_by_date(on: datetime.date) -> int:
    """Tell once when an answer is due within days and once when it is overdue; returns how many notices that made."""

    rounds: dict[int, Round] = {}
    counted: Counter[tuple[int, bool, int]] = Counter()
    for reminder in reminders(on):
        rounds[reminder.round.pk] = reminder.round
        for person in reminder.recipients:
            counted[reminder.round.pk, reminder.is_overdue, person.pk] += 1
    return tell_all(
        Notice(
            recipient_id=person,
            key="round_overdue" if is_overdue else "round_reminder",
            parameters=parameters_of(rounds[pk], agencies),
            url=rounds[pk].get_absolute_url(),
            once=f"round {pk} {'over' if is_overdue else 'by'} {rounds[pk].due_on}",
        )
        for (pk, is_overdue, person), agencies in counted.items()
    )


def register_messages() -> None:
    register(Kind.OTHER, MESSAGES, {"round": titles, "due_on": days_in_words})
    register_reminders(_("rounds"), remind_by_date)
