"""How lists are ordered where a figure may be unknown: last from the highest down, first from the lowest up, on both databases.

A stand-in below every known value makes it so. It is in the expression that an index keeps, and never leaves the ordering.
"""

from __future__ import annotations

from typing import Any

from django.db.models import DateField, F, Value
from django.db.models.functions import Coalesce
from django.utils.deconstruct import deconstructible


@deconstructible(path="subscriptions.ordering.Literal")
class Literal(Value):
    """A value that stands in the statement itself: SQLite does not know an index's expression by a value sent beside it."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        return repr(self.value), ()


LOWEST = {
    "annual_cost_min": Literal(-1),
    "seats_min": Literal(-1),
    "started_on": Literal("0001-01-01", DateField()),
    "ends_on": Literal("0001-01-01", DateField()),
}


def lowest_if_unknown(column: str, prefix: str = "") -> Coalesce:
    """The column, reached from the query's model with `prefix`, with its stand-in where it is null."""
    return Coalesce(F(prefix + column), LOWEST[column])
