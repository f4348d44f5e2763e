"""Verdicts of subscriptions in words: the sentence, what excuses it, the legal basis and what can be done."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from figures import formatting
from policies.explaining import Names, Reason, deciding, explanation
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
    if not page or judgement.unwaived != Verdict.UNDETERMINED:
        return []
    page = page.rstrip("#")
    found = {}
    for reason in deciding(judgement.reasons, judgement.unwaived):
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
