"""Verdicts of subscriptions in words: the sentence, what excuses it, the legal basis and what can be done."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from figures import formatting
from policies.explaining import Names, Reason, comparison_text, deciding, explanation
from policies.verdicts import Verdict
from policies.vocabulary import FACTS
from subscriptions.evaluation import Judgement
from subscriptions.models import Finding


def judgement_text(judgement: Judgement, names: Names | None = None) -> str:
    """One sentence in the reader's language, with the values used."""
    if judgement.verdict == Verdict.NOT_APPLICABLE:
        return gettext("It does not apply: the agency is outside its scope (%(scope)s and all below).") % {
            "scope": judgement.version.scope
        }
    sentence = explanation(judgement.unwaived, judgement.reasons, names)
    if judgement.verdict == Verdict.WAIVED and judgement.waiver is not None:
        return gettext("A waiver until %(day)s excuses it. Without it: %(sentence)s") % {
            "day": formatting.day(judgement.waiver.valid_until),
            "sentence": sentence,
        }
    if judgement.verdict == Verdict.WAIVED:
        return gettext("A policy officer has approved it. Without that: %(sentence)s") % {
            "sentence": sentence
        }
    return sentence


# Where the form asks for what a fact needs, as anchors on its page.
ANCHORS = {"prices": "prices"}


def missing_fields(judgement: Judgement, page: str) -> list[tuple[str, str]]:
    """(address, label) of what would supply each missing fact: a field of the form on `page` ("#" for the page itself)."""
    return _supplying(judgement.unwaived, judgement.reasons, page)


def _supplying(verdict: str, reasons: Iterable[Reason], page: str) -> list[tuple[str, str]]:
    if not page or verdict != Verdict.UNDETERMINED:
        return []
    page = page.rstrip("#")
    found = {}
    for reason in deciding(list(reasons), verdict):
        fact = FACTS[reason.fact]
        if fact.field != "product":  # facts of a tool are supplied in the catalogue, by whoever reviews it
            found[f"{page}#{ANCHORS.get(fact.field, f'id_{fact.field}')}"] = str(fact.label)
    return list(found.items())


def reasons_from(kept: dict[str, Any]) -> list[Reason]:
    """The reasons that were kept with a finding or a decision."""
    return [Reason(**reason) for reason in kept.get("reasons", [])]


def finding_text(finding: Finding, names: Names | None = None) -> str:
    """The sentence of a finding, from the facts that decided it."""
    sentence = explanation(finding.unwaived_verdict, reasons_from(finding.deciding_facts), names)
    if finding.cause == Finding.Cause.WAIVER and finding.waiver is not None:
        return gettext("A waiver until %(day)s excuses it. Without it: %(sentence)s") % {
            "day": formatting.day(finding.waiver.valid_until),
            "sentence": sentence,
        }
    if finding.cause == Finding.Cause.APPROVED:
        return gettext("A policy officer has approved it. Without that: %(sentence)s") % {
            "sentence": sentence
        }
    return sentence


def missing_of_finding(finding: Finding, page: str) -> list[tuple[str, str]]:
    """(address, label) of what would supply each fact that a finding misses; see `missing_fields`."""
    return _supplying(finding.unwaived_verdict, reasons_from(finding.deciding_facts), page)


def would_pass_text(verdict: str, reasons: Iterable[Reason], names: Names) -> str:
    """What would make it pass, in one sentence; for a group it is enough that none of its conditions holds."""
    groups: dict[int, list[Reason]] = {}
    for reason in deciding(list(reasons), verdict):
        groups.setdefault(reason.group, []).append(reason)
    ways = [
        gettext(" and ").join(
            gettext("%(fact)s no longer %(comparison)s")
            % {"fact": FACTS[reason.fact].label, "comparison": comparison_text(reason, names)}
            for reason in group
        )
        for group in groups.values()
    ]
    if verdict == Verdict.UNDETERMINED:
        return gettext("Once what is missing is known, it is decided by itself.")
    return gettext("It passes when %(ways)s.") % {"ways": gettext(", or when ").join(ways)} if ways else ""


@dataclass(frozen=True)
class Event:
    """A step in a finding's life: when, by whom if anybody, a code for its tone, and what happened in words."""

    at: datetime.datetime
    who: str
    state: str
    text: str


def events_of(finding: Finding) -> list[Event]:
    """What happened to a finding, the latest first: opened, changed, waived, assigned, closed, reopened."""
    events = []
    before = None
    for entry in reversed(
        list(finding.history.select_related("history_user", "policy_version", "assigned_to"))
    ):
        verdict = str(Verdict(entry.verdict).label)
        version = {"verdict": verdict, "number": entry.policy_version.number}
        if before is None:
            text, state = gettext("Opened: %(verdict)s, by version %(number)s") % version, entry.verdict
        elif entry.closed_at and not before.closed_at:
            text, state = gettext("Closed: %(why)s") % {"why": entry.get_closed_because_display()}, "closed"
        elif before.closed_at and not entry.closed_at:
            text, state = gettext("Reopened: %(verdict)s, by version %(number)s") % version, entry.verdict
        elif entry.verdict != before.verdict:
            text, state = gettext("Changed to %(verdict)s, by version %(number)s") % version, entry.verdict
        elif entry.assigned_to_id != before.assigned_to_id:
            person = str(entry.assigned_to or gettext("nobody"))
            text, state = gettext("Assigned to %(person)s") % {"person": person}, "info"
        elif entry.escalated_at != before.escalated_at:
            text, state = gettext("Overdue: the policy officers were told"), "danger"
        else:
            text, state = gettext("The facts or the version that decide changed"), "info"
        events.append(Event(entry.history_date, str(entry.history_user or ""), state, text))
        before = entry
    return events[::-1]
