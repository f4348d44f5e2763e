"""What differs between two versions of a policy, side by side: fields in words, texts word by word, conditions as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.translation import gettext

from agencies.models import User
from figures.formatting import day
from policies.models import PolicyVersion
from policies.reading import condition_groups
from sources.models import Statement

SAME, REMOVED, ADDED = "same", "removed", "added"
TEXTS = (
    "title_ko",
    "title_en",
    "rationale_ko",
    "rationale_en",
    "authority_ko",
    "authority_en",
    "legal_basis_ko",
    "legal_basis_en",
    "remedy_ko",
    "remedy_en",
)


@dataclass(frozen=True)
class Piece:
    """A part of one side: the same on both, only in the earlier version (removed), or only in the later (added)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """One field of two versions. `before` and `after` are running text, or a list of points when `listed`."""

    label: str
    before: list[Piece]
    after: list[Piece]
    listed: bool = False

    @property
    def changed(self) -> bool:
        return any(piece.kind != SAME for piece in [*self.before, *self.after])


def differences(earlier: PolicyVersion, later: PolicyVersion, reader: User) -> list[Difference]:
    """Every field of two versions of one policy, in the order of its page."""
    first, second = _values(earlier), _values(later)
    found = [
        words(label, before, after) if name in TEXTS else whole(label, before, after)
        for (name, label, before), (_name, _label, after) in zip(first, second, strict=True)
    ]
    conditions = points(gettext("Conditions of a violation"), _conditions(earlier), _conditions(later))
    cited = points(gettext("Statements cited"), _cited(earlier, reader), _cited(later, reader))
    at = next(place for place, (name, _label, _value) in enumerate(first) if name == "remedy_ko")
    return [*found[:at], conditions, cited, *found[at:]]


def _values(version: PolicyVersion) -> list[tuple[str, str, str]]:
    """(name, label, value in words) of the fields that are one value."""
    return [
        *[field_in_words(version, name) for name in TEXTS[:2]],
        ("effect", gettext("Effect"), version.get_effect_display()),
        ("scope", gettext("Applies to"), str(version.scope)),
        ("effective_from", gettext("In force from"), day(version.effective_from)),
        (
            "effective_until",
            gettext("In force until"),
            day(version.effective_until) if version.effective_until else gettext("No end set"),
        ),
        (
            "demonstration",
            gettext("Demonstration"),
            gettext("yes") if version.demonstration else gettext("no"),
        ),
        *[field_in_words(version, name) for name in TEXTS[2:]],
        (
            "remedy_days",
            gettext("Days to remedy"),
            "" if version.remedy_days is None else str(version.remedy_days),
        ),
    ]


def field_in_words(version: Any, name: str) -> tuple[str, str, str]:
    field = PolicyVersion._meta.get_field(name)
    label = str(field.verbose_name)  # type: ignore[union-attr]
    return name, label[:1].upper() + label[1:], getattr(version, name)


def _conditions(version: PolicyVersion) -> list[str]:
    """One point for each condition, with its group when there are several conditions."""
    groups = condition_groups(version)
    if sum(len(phrases) for phrases in groups) < 2:
        return [phrase for phrases in groups for phrase in phrases]
    return [
        gettext("Group %(at)s: %(condition)s") % {"at": at, "condition": phrase}
        for at, phrases in enumerate(groups, start=1)
        for phrase in phrases
    ]


def _cited(version: PolicyVersion, reader: User) -> list[str]:
    statements = Statement.objects.all() if reader.is_superuser else Statement.objects.published()
    return [
        f"{statement.source.label} {statement.code}: {statement.text}"
        for statement in statements.filter(cited_by=version).select_related("source")
    ]


def whole(label: str, before: str, after: str) -> Difference:
    if before == after:
        return Difference(label, _pieces([(SAME, before)]), _pieces([(SAME, after)]))
    return Difference(label, _pieces([(REMOVED, before)]), _pieces([(ADDED, after)]))


def words(label: str, before: str, after: str) -> Difference:
    """Running text, compared word by word; two texts with little in common are compared as wholes."""
    one, other = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if before == after or not before or not after or matcher.ratio() < 0.4:
        return whole(label, before, after)
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        left.append((SAME if tag == "equal" else REMOVED, "".join(one[a:b])))
        right.append((SAME if tag == "equal" else ADDED, "".join(other[c:d])))
    return Difference(label, _pieces(left), _pieces(right))


def points(label: str, before: Sequence[str], after: Sequence[str]) -> Difference:
    """Lists, compared point by point whatever their order."""
    return Difference(
        label,
        _pieces((SAME if point in after else REMOVED, point) for point in before),
        _pieces((SAME if point in before else ADDED, point) for point in after),
        listed=True,
    )


def _pieces(parts: Iterable[tuple[str, str]]) -> list[Piece]:
    return [Piece(kind, text) for kind, text in parts if text]
