"""How a list becomes a page or a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.paginator import EmptyPage, PageNotAnInteger
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from figures.files import csv_lines, xlsx_bytes
from subscriptions.paging import DeepPaginator

PAGE_SIZE = 50
FILES = ("csv", "xlsx")


def paginate(request: HttpRequest, table: Any) -> None:
    """Page the table as asked; a page that is not there is 404, with a message that says so."""
    try:
        table.paginate(page=request.GET.get("page", 1), per_page=PAGE_SIZE, paginator_class=DeepPaginator)
    except (EmptyPage, PageNotAnInteger) as error:
        raise Http404(str(error)) from error


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
    response["Content-Disposition"] = (
        f'attachment; filename="govtrack-{name}-{timezone.localdate().isoformat()}.{kind}"'
    )
    return response
