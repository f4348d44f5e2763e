"""What a check can conclude, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Verdict(models.TextChoices):
    """How a subscription stands with one policy. A missing fact never passes: it leaves the verdict undetermined."""

    PASS = "pass", _("Pass")
    VIOLATION = "violation", _("Violation")
    WAIVED = "waived", _("Waived")
    UNDETERMINED = "undetermined", _("Undetermined")
    NOT_APPLICABLE = "not_applicable", _("Not applicable")


class Effect(models.TextChoices):
    """What a policy does about a subscription that does not pass."""

    BLOCK = "block", _("Block")
    APPROVAL = "approval", _("Officer's approval")
    WARN = "warn", _("Warning")


class Outcome(models.TextChoices):
    """What the verdicts together mean for starting a subscription; the strictest policy wins."""

    CLEAR = "clear", _("May start")
    WARNED = "warned", _("May start, with warnings")
    NEEDS_OFFICER = "needs_officer", _("A policy officer must approve it")
    REFUSED = "refused", pgettext_lazy("outcome of a check", "Refused")


def outcome_of(verdicts: Iterable[tuple[str, str]]) -> Outcome:
    """The outcome of (verdict, effect) pairs, one for each policy.

    A violation under "block" refuses. Under "approval", and undetermined under either, a policy officer decides. Everything
    else that does not pass under "warn" is shown.
    """
    outcome = Outcome.CLEAR
    order = list(Outcome)
    for verdict, effect in verdicts:
        if verdict not in (Verdict.VIOLATION, Verdict.UNDETERMINED):
            continue
        if effect == Effect.WARN:
            found = Outcome.WARNED
        elif effect == Effect.BLOCK and verdict == Verdict.VIOLATION:
            found = Outcome.REFUSED
        else:
            found = Outcome.NEEDS_OFFICER
        outcome = max(outcome, found, key=order.index)
    return outcome
