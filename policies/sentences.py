"""A policy read back as sentences in the reader's language: whom it concerns, what violates it, what follows, from when."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import reduce

from django.utils.translation import gettext

from agencies.models import Agency
from figures.formatting import day
from policies.models import PolicyVersion
from policies.reading import EFFECT_MEANING, condition_groups
from policies.verdicts import Effect


def conditions_sentence(groups: Sequence[Sequence[str]]) -> str:
    """Phrases in groups as one clause: any within a group, all groups together."""
    if not groups:
        return "…"
    told = []
    for phrases in groups:
        any_of = reduce(
            lambda left, right: gettext("%(left)s or %(right)s") % {"left": left, "right": right}, phrases
        )
        bracketed = len(phrases) > 1 and len(groups) > 1
        told.append(gettext("(%(conditions)s)") % {"conditions": any_of} if bracketed else any_of)
    return reduce(
        lambda left, right: gettext("%(left)s and %(right)s") % {"left": left, "right": right}, told
    )


def sentences(
    scope: Agency | None,
    groups: Sequence[Sequence[str]],
    effect: str,
    first: datetime.date | None,
    last: datetime.date | None,
) -> list[str]:
    """What is chosen so far; what is not chosen yet is an ellipsis or left out."""
    told = [
        gettext(
            "At %(agency)s and all agencies below, an AI subscription violates this policy when %(conditions)s."
        )
        % {"agency": scope.name if scope else "…", "conditions": conditions_sentence(groups)}
    ]
    if effect in Effect.values:
        told.append(str(EFFECT_MEANING[Effect(effect)]))
    if first and last:
        told.append(
            gettext("It is in force from %(first)s to %(last)s.") % {"first": day(first), "last": day(last)}
        )
    elif first:
        told.append(gettext("It is in force from %(first)s, with no end set.") % {"first": day(first)})
    return told


def sentences_of(version: PolicyVersion) -> list[str]:
    return sentences(
        version.scope,
        condition_groups(version),
        version.effect,
        version.effective_from,
        version.effective_until,
    )
