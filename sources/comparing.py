"""How sources of one report stand together on the same subject: one agrees with another, sharpens it, or conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from figures.standing import Standing
from sources.models import Statement

Period = tuple[object, object]


class Relation(models.TextChoices):
    """What another source's statement is to one's own."""

    AGREES = "agrees", _("Agrees")
    SHARPENS = "sharpens", _("Sharpens")
    GIVES = "gives", _("Gives what is missing")
    CONFLICTS = "conflicts", _("Conflicts")


class Point(models.TextChoices):
    """What two statements on one subject can differ in besides the value."""

    PERIOD = "period", pgettext_lazy("sources differ", "Another period")
    RANK = "rank", pgettext_lazy("sources differ", "Another rank")


@dataclass(frozen=True)
class Comparison:
    """What another source says of a statement's subject. `relation` is about the value, `points` about the rest."""

    statement: Statement
    relation: Relation
    points: tuple[Point, ...] = ()

    @property
    def conflicts(self) -> bool:
        return self.relation == Relation.CONFLICTS or bool(self.points)


def compare(mine: Statement, other: Statement) -> Comparison | None:
    """How the other statement stands to mine, on the same subject; None when it says nothing that mine does not."""
    relation = _relation(mine, other)
    if relation is None:
        return None
    points = []
    if None not in (*_period(mine), *_period(other)) and _period(mine) != _period(other):
        points.append(Point.PERIOD)
    if None not in (mine.rank, other.rank) and mine.rank != other.rank:
        points.append(Point.RANK)
    return Comparison(other, relation, tuple(points))


def compared(statements: Sequence[Statement]) -> dict[int, list[Comparison]]:
    """For each statement (by its id) what the other sources among them say of the same subject, in their order.

    Sources of one report speak of the same figures, so a period does not keep two statements apart: it may be what they
    disagree on. Only where a source gives a subject's figure for several periods, each goes with those of its own.
    The statements come with their subjects.
    """
    by_topic: dict[Hashable, list[Statement]] = defaultdict(list)
    for statement in statements:
        for topic in topics(statement):
            by_topic[topic].append(statement)
    found: dict[int, list[Comparison]] = {}
    for mine in statements:
        others: dict[int, Comparison | None] = {}
        for topic in topics(mine):
            for other in by_topic[topic]:
                if other.source_id != mine.source_id and _go_together(mine, other, by_topic[topic]):
                    others.setdefault(other.pk, compare(mine, other))
        found[mine.pk] = [comparison for comparison in others.values() if comparison]
    return found


def _go_together(mine: Statement, other: Statement, on_topic: Sequence[Statement]) -> bool:
    """In one period, or neither source has a statement of its own for the other's period."""
    periods = {(s.source_id, _period(s)) for s in on_topic}
    counterparts = {(mine.source_id, _period(other)), (other.source_id, _period(mine))}
    return _period(mine) == _period(other) or not periods & counterparts


def topics(statement: Statement) -> list[Hashable]:
    """What it speaks of, apart from the period: the members together, or each of them."""
    members = [agency.pk for agency in statement.subject.all()]
    subjects: Iterable[frozenset[int]] = [frozenset(members)]
    if statement.reading == Statement.Reading.EACH:
        subjects = [frozenset([member]) for member in members]
    return [(statement.measure, statement.product_id, subject) for subject in subjects]


def _period(statement: Statement) -> Period:
    return statement.period_from, statement.period_until


def _relation(mine: Statement, other: Statement) -> Relation | None:
    if Standing.NOT_APPLICABLE in (mine.standing, other.standing):
        return Relation.AGREES if mine.standing == other.standing else Relation.CONFLICTS
    if other.value is None:
        same = mine.value is None and mine.standing == other.standing
        return Relation.AGREES if same else None
    if mine.value is None:
        return Relation.GIVES
    own, theirs = mine.figure.interval, other.figure.interval
    if not own.overlaps(theirs):
        return Relation.CONFLICTS
    # Of two bounds without an end (at least 3, at least 4) the one within the other says more.
    says_more = theirs.is_narrower_than(own) or (theirs.high is None and own.low < theirs.low)
    return Relation.SHARPENS if says_more else Relation.AGREES
