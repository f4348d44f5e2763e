"""Pages of long lists that cost the same at any depth, as far as the database allows.

Three things make a plain paginator slow at a million rows: an exact count on every page, an OFFSET that walks over wide rows,
and one that walks from the far end. Here a large count is kept for a minute or not made at all, the walk is over keys alone,
and starts from the nearer end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django.core.cache import caches
from django.core.exceptions import EmptyResultSet
from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_tables2 import Table
from django_tables2.rows import BoundRows

# Up to here every page counts exactly; beyond, a count may be a minute old.
EXACT_UP_TO = 10_000
SECONDS_KEPT = 60
DEEPEST_UNCOUNTED = 100_000


class Rows(Sequence):
    """The rows of one page, each a list of finished cells; every column of the table has a `render_…(record)`.

    django-tables2's own rows look into the signature of each render function for each cell, which takes longer than all
    else that a cell needs.
    """

    def __init__(self, records: list[Any], table: Table) -> None:
        self.records, self.table = records, table

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def __iter__(self) -> Iterator[list[Any]]:
        cells = [getattr(self.table, f"render_{column.name}") for column in self.table.columns]
        for record in self.records:
            yield [cell(record) for cell in cells]


class DeepPaginator(Paginator):
    """Paginates the rows of a django-tables2 table over an ordered queryset.

    `counted` are the same rows in no order, since an order may join what a count need not. `records` tells what to fetch of
    the rows of a page, such as `Subscription.objects.with_list_columns()`; it need not be filtered.
    """

    def __init__(
        self, rows: BoundRows, per_page: int, counted: QuerySet, records: QuerySet, **options: Any
    ) -> None:
        super().__init__(rows, per_page, **options)
        self.table = rows.table
        self.queryset: QuerySet = rows.data.data
        self.counted, self.records = counted, records

    @cached_property
    def count(self) -> int:
        return count_of(self.counted)

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        keys = window(self.queryset, first, min(first + self.per_page, self.count), self.count)
        return Page(Rows(self.fetched(keys), self.table), number, self)

    def fetched(self, keys: list[Any]) -> list[Any]:
        """The records of the keys, in their order. They come from rows that started at visible_to(user), so that is enough."""
        found = self.records.order_by().in_bulk(keys)
        return [found[key] for key in keys if key in found]

    def validate_number(self, number: int | float | str) -> int:
        """Raises EmptyPage past the last page, with a message that names it."""
        try:
            return super().validate_number(number)
        except EmptyPage as error:
            raise EmptyPage(_("There is no page %(number)s.") % {"number": number}) from error


class UncountedPaginator(DeepPaginator):
    """Pages of rows of which counting takes longer than showing: only whether more follow is known.

    After a page is made, `count` is how many there are at least, and exact when `num_pages` is known.
    """

    num_pages: int | None = None  # type: ignore[assignment]
    count = 0

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        first, last = (number - 1) * self.per_page, number * self.per_page
        keys = window(self.queryset, first, last + 1)
        if not keys and number > 1:
            raise EmptyPage(_("There is no page %(number)s.") % {"number": number})
        self.count = first + min(len(keys), self.per_page)
        self.num_pages = None if len(keys) > self.per_page else number
        return UncountedPage(Rows(self.fetched(keys[: self.per_page]), self.table), number, self)

    def validate_number(self, number: int | float | str) -> int:
        try:
            number = int(number)
        except (TypeError, ValueError) as error:
            raise PageNotAnInteger(_("That page number is not an integer.")) from error
        if not 1 <= number <= DEEPEST_UNCOUNTED:
            raise EmptyPage(_("There is no page %(number)s.") % {"number": number})
        return number


class UncountedPage(Page):
    def has_next(self) -> bool:
        return self.paginator.num_pages is None

    def next_page_number(self) -> int:
        return self.number + 1


def count_of(rows: QuerySet) -> int:
    """How many rows there are: exact up to ten thousand, beyond that as counted within the last minute."""
    try:
        sql, params = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    key = "count:" + hashlib.sha256(f"{sql}{params}".encode()).hexdigest()
    kept = caches["pages"].get(key)
    if kept is not None:
        return kept
    counted = rows.order_by().count()
    if counted > EXACT_UP_TO:
        caches["pages"].set(key, counted, SECONDS_KEPT)
    return counted


def window(rows: QuerySet, first: int, last: int, count: int | None = None) -> list[Any]:
    """The keys of the rows from `first` up to `last` in their order, read from the nearer end when their count is known."""
    if count is not None and first > count // 2:
        return list(rows.reverse().values_list("pk", flat=True)[count - last : count - first])[::-1]
    return list(rows.values_list("pk", flat=True)[first:last])
