"""Pages of long lists that cost the same at any depth, as far as the database allows.

Three things make a plain paginator slow at a million rows: an exact count on every page, an OFFSET that walks over wide rows,
and one that walks from the far end. Here a large count is kept for a minute, the walk is over keys alone, and starts from the
nearer end.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

from django.core.cache import cache
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRows

# Up to here every page counts exactly; beyond, a count may be a minute old.
EXACT_UP_TO = 10_000
SECONDS_KEPT = 60


class DeepPaginator(Paginator):
    """Paginates the rows of a django-tables2 table over an ordered queryset."""

    def __init__(self, rows: BoundRows, per_page: int, **options: Any) -> None:
        super().__init__(rows, per_page, **options)
        self.table = rows.table
        self.queryset: QuerySet = rows.data.data

    @cached_property
    def count(self) -> int:
        return count_of(self.queryset)

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        records = window(self.queryset, first, min(first + self.per_page, self.count), self.count)
        return Page(BoundRows(records, table=self.table), number, self)

    def validate_number(self, number: int | float | str) -> int:
        """Raises EmptyPage past the last page, with a message that says how many there are."""
        try:
            return super().validate_number(number)
        except EmptyPage as error:
            raise EmptyPage(_("There is no page %(number)s.") % {"number": number}) from error


def count_of(rows: QuerySet) -> int:
    """How many rows there are: exact up to ten thousand, beyond that as counted within the last minute."""
    small = rows.order_by()[: EXACT_UP_TO + 1].count()
    if small <= EXACT_UP_TO:
        return small
    sql, params = rows.order_by().values("pk").query.sql_with_params()
    key = "count:" + hashlib.sha256(f"{sql}{params}".encode()).hexdigest()
    counted = cache.get(key)
    if counted is None:
        counted = rows.order_by().count()
        cache.set(key, counted, SECONDS_KEPT)
    return max(counted, small)


def window(rows: QuerySet, first: int, last: int, count: int) -> list[Any]:
    """The rows from `first` up to `last` in their order: their keys from the nearer end, then the rows themselves."""
    if first > count // 2:
        keys = list(rows.reverse().values_list("pk", flat=True)[count - last : count - first])[::-1]
    else:
        keys = list(rows.values_list("pk", flat=True)[first:last])
    # `in_bulk` would evaluate the filters again; the keys are enough, and they started at visible_to(user).
    found = {
        row.pk: row for row in rows.model._default_manager.filter(pk__in=keys).select_related(*_joined(rows))
    }
    return [found[key] for key in keys if key in found]


def _joined(rows: QuerySet) -> list[str]:
    """The relations that the queryset selects along, as `select_related` takes them."""

    def paths(tree: Any, prefix: str = "") -> list[str]:
        found = []
        for name, below in tree.items():
            found += paths(below, f"{prefix}{name}__") or [prefix + name]
        return found

    chosen = rows.query.select_related
    return paths(chosen) if isinstance(chosen, dict) else []
