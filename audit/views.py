"""The page on which auditors, who are system administrators, read the events; and the same as a file."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from audit.events import exported
from audit.filters import EventFilter
from audit.models import Event, Seal
from audit.tables import EventTable, event_rows
from figures.files import XLSX_ROW_LIMIT, csv_lines, xlsx_bytes

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PER_PAGE = 50


@require_safe
def events(request: HttpRequest) -> HttpResponseBase:
    """The events that the filter leaves, the latest first; `?_export=csv` or `xlsx` for the same as a file."""
    if not request.user.is_superuser:
        raise PermissionDenied
    form = EventFilter(request.GET)
    found = form.narrow(Event.objects.order_by("-pk")) if form.is_valid() else Event.objects.none()
    kind = request.GET.get("_export")
    if kind is not None:
        return _file(request, form, found, kind)
    table = EventTable(found)
    try:
        table.paginate(page=request.GET.get("page", 1), per_page=PER_PAGE)
    except InvalidPage as error:
        raise Http404 from error
    last = Seal.objects.order_by("-number").values("number", "sealed_at", "hash").first()
    context = {"form": form, "table": table, "last_seal": last, "as_of": timezone.now()}
    return render(request, "audit/event_list.html", context)


def _file(request: HttpRequest, form: EventFilter, found: QuerySet[Event], kind: str) -> HttpResponseBase:
    count = found.count()
    too_many = kind == "xlsx" and count >= XLSX_ROW_LIMIT
    if kind not in ("csv", "xlsx") or not form.is_valid() or too_many:
        context = {"form": form, "too_many": too_many}
        return render(request, "audit/export_refused.html", context, status=400)
    # Not this one itself: what the file holds was there before it.
    rows = event_rows(found.filter(pk__lte=found.values_list("pk", flat=True).first() or 0).iterator(2000))
    exported(request, count, kind)
    if kind == "csv":
        response: HttpResponseBase = StreamingHttpResponse(
            csv_lines(rows), content_type="text/csv; charset=utf-8"
        )
    else:
        response = HttpResponse(xlsx_bytes(rows, gettext("Audit trail")), content_type=XLSX)
    name = f"govtrack-audit-{timezone.localdate().isoformat()}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
