"""How a long list becomes a page or a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.paginator import EmptyPage, PageNotAnInteger
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from agencies.paging import MissingPage
from agencies.signed_in import SignedInRequest
from figures.files import csv_lines, xlsx_bytes
from subscriptions.filters import OfferingFilterSet
from subscriptions.paging import DeepPaginator, UncountedPaginator

PAGE_SIZE = 50
FILES = ("csv", "xlsx")


def paginate(request: SignedInRequest, table: Any, filters: OfferingFilterSet, records: QuerySet) -> None:
    """Page the table as asked; a page that is not there is 404, with a message that says so."""
    counted = filters.qs if filters.is_valid() else table.data.data
    try:
        table.paginate(
            page=request.GET.get("page", 1),
            per_page=PAGE_SIZE,
            paginator_class=DeepPaginator if filters.countable else UncountedPaginator,
            counted=counted,
            records=records,
        )
    except (EmptyPage, PageNotAnInteger) as error:
        raise MissingPage(str(error)) from error


def file_of(rows: Iterable[Sequence[Any]], name: str, kind: str, title: str) -> HttpResponseBase:
    """The rows as a file called `govtrack-<name>-<today>`; `kind` is one of FILES. CSV is streamed."""
    if kind == "csv":
        response: HttpResponseBase = StreamingHttpResponse(
            csv_lines(rows), content_type="text/csv; charset=utf-8"
        )
    else:
        response = HttpResponse(
            xlsx_bytes(rows, title),
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="govtrack-{name}-{day}.{kind}"'
    return response
