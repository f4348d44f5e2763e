"""What the timeline of a subscription is made of: an entry, the names that entries need, and a table that it tells of."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.functional import cached_property

from agencies.models import Agency, User
from catalog.models import Product
from sources.models import Statement
from subscriptions.differences import Difference
from subscriptions.models import Subscription


@dataclass(frozen=True)
class Entry:
    """One thing that happened: when, who if anybody, a code for its tone, in words, with what differs and where to read on."""

    at: datetime.datetime
    who: str
    state: str
    what: str
    text: str = ""
    url: str = ""
    differences: Sequence[Difference] = ()


@dataclass
class Names:
    """The names that the entries of a page need, one query for each model."""

    wanted: dict[type[models.Model], set[int]] = field(default_factory=lambda: defaultdict(set))

    def want(self, model: type[models.Model], key: int | None) -> None:
        if key is not None:
            self.wanted[model].add(key)

    @cached_property
    def found(self) -> dict[type[models.Model], dict[int, str]]:
        return {
            model: {pk: str(row) for pk, row in model._default_manager.in_bulk(self.wanted[model]).items()}
            for model in (Agency, Product, Statement, User)
        }

    def of(self, model: type[models.Model], key: int | None) -> str:
        return self.found.get(model, {}).get(key, "") if key is not None else ""


@dataclass(frozen=True)
class Source:
    """A table that the timeline tells of: its rows of a subscription, when each happened, how to fetch and to tell them."""

    rows: Callable[[Subscription], QuerySet]
    at: str
    key: str
    fetch: Callable[[list[int]], Iterable[tuple[int, Any]]]
    want: Callable[[Any, Names], None]
    tell: Callable[[Any, Names], Entry]


def with_before(history: Any, keys: list[int]) -> list[tuple[int, tuple[Any, Any]]]:
    """Rows of a history, each with the one before it of the same record (None for its first)."""
    earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    found = history.filter(history_id__in=keys).annotate(before_id=Subquery(earlier.values("history_id")[:1]))
    rows = list(found)
    before = history.in_bulk([row.before_id for row in rows if row.before_id])
    return [(row.history_id, (row, before.get(row.before_id))) for row in rows]


def want_user_of_history(row: tuple[Any, Any], names: Names) -> None:
    names.want(User, row[0].history_user_id)


def in_bulk(rows: QuerySet) -> Callable[[list[int]], Iterable[tuple[int, Any]]]:
    return lambda keys: rows.in_bulk(keys).items()


def wanting(attribute: str) -> Callable[[Any, Names], None]:
    """Wants the name of the person whose key stands in that attribute, which may be another row's."""

    def want(row: Any, names: Names) -> None:
        *path, last = attribute.split(".")
        for step in path:
            row = getattr(row, step)
        names.want(User, getattr(row, last))

    return want
