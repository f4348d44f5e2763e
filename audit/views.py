"""The pages on which auditors read events and changes; and the same as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe
from django_tables2 import Table

from audit.agreement import tracked
from audit.auditors import may_audit
from audit.changes import changes, history_of
from audit.events import exported
from audit.filters import ChangeFilter, EventFilter, TrailFilter
from audit.fixtures import readable
from audit.models import Event, Seal
from audit.tables import ChangeTable, EventTable, change_rows, event_rows
from figures.files import XLSX_ROW_LIMIT, csv_lines, xlsx_bytes

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PER_PAGE = 50


def auditors(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For those who audit, see `auditors.may_audit`; for nobody else."""

    @wraps(view)
    def allowed(request: HttpRequest) -> HttpResponseBase:
        if not may_audit(request.user):
            raise PermissionDenied
        return view(request)

    return allowed


@require_safe
@auditors
def events(request: HttpRequest) -> HttpResponseBase:
    """The events that the filter leaves, the latest first; `?_export=csv` or `xlsx` for the same as a file."""
    form = EventFilter(request.GET)
    found = form.narrow(Event.objects.order_by("-pk")) if form.is_valid() else Event.objects.none()
    found = readable(found)
    kind = request.GET.get("_export")
    if kind is not None:
        # Not the export itself: what the file holds was there before it.
        last = found.values_list("pk", flat=True).first() or 0
        rows = event_rows(found.filter(pk__lte=last).iterator(2000))
        return _file(request, form, found, rows, "audit", kind)
    table = _paged(request, EventTable(found))
    last_seal = Seal.objects.order_by("-number").values("number", "sealed_at", "hash").first()
    return render(request, "audit/event_list.html", {"form": form, "table": table, "last_seal": last_seal})


@require_safe
@auditors
def change_list(request: HttpRequest) -> HttpResponseBase:
    """The changes of one kind of record that the filter leaves, the latest first; files as of events."""
    given = request.GET.copy()
    given.setdefault("record", tracked()[0]._meta.label_lower)
    form = ChangeFilter(given)
    found = form.narrow() if form.is_valid() else history_of(tracked()[0]).none()
    kind = request.GET.get("_export")
    if kind is not None:
        rows = change_rows(changes(found.iterator(2000)))
        return _file(request, form, found, rows, "changes", kind)
    table = _paged(request, ChangeTable(found))
    table.page.object_list.data = list(changes(table.page.object_list.data))
    return render(request, "audit/change_list.html", {"form": form, "table": table})


def _paged(request: HttpRequest, table: Table) -> Table:
    try:
        table.paginate(page=request.GET.get("page", 1), per_page=PER_PAGE)
    except InvalidPage as error:
        raise Http404 from error
    return table


def _file(
    request: HttpRequest, form: TrailFilter, found: QuerySet, rows: Iterable[Any], name: str, kind: str
) -> HttpResponseBase:
    count = found.count()
    too_many = kind == "xlsx" and count >= XLSX_ROW_LIMIT
    if kind not in ("csv", "xlsx") or not form.is_valid() or too_many:
        context = {"form": form, "too_many": too_many}
        return render(request, "audit/export_refused.html", context, status=400)
    exported(request, count, kind)
    if kind == "csv":
        response: HttpResponseBase = StreamingHttpResponse(
            csv_lines(rows), content_type="text/csv; charset=utf-8"
        )
    else:
        response = HttpResponse(xlsx_bytes(rows, gettext("Audit trail")), content_type=XLSX)
    filename = f"govtrack-{name}-{timezone.localdate().isoformat()}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
