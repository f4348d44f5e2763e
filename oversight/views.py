"""The pages of oversight: spending by agency, and the same as a file."""

from __future__ import annotations

import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import csv_lines, xlsx_bytes
from oversight.charts import spending_chart
from oversight.conclusions import conclusions
from oversight.exporting import citation, export_rows
from oversight.filters import SpendingFilter
from oversight.key_figures import spending_cards
from oversight.spending import Spending, spending_by_agency
from oversight.stated import sources_to_prefer
from oversight.tables import SpendingTable

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_GET
def spending(request: SignedInRequest) -> HttpResponse:
    """Spending by agency: `?sort=` and the filters of `SpendingFilter`; `?_export=csv` or `xlsx` for the same as a file.

    `?source=` prefers one of the report's sources, `?accounts=all` takes all of them together.
    """
    form = SpendingFilter(request.GET, sources_to_prefer())
    kind = request.GET.get("_export")
    if kind is not None and (kind not in ("csv", "xlsx") or not form.is_valid()):
        return render(request, "oversight/export_refused.html", {"form": form}, status=400)
    if not form.is_valid():
        return render(request, "oversight/spending.html", {"form": form})
    as_of = timezone.now()
    found = spending_by_agency(
        request.user, form.filters, timezone.localdate(as_of), form.preferred, form.others
    )
    table = SpendingTable(found, order_by=request.GET.get("sort") or None)
    if kind:
        exported(request, len(found.rows), kind)
        return _file(kind, found, table, form, as_of)
    return render(
        request,
        "oversight/spending.html",
        {
            "form": form,
            "spending": found,
            "table": table,
            "chart": spending_chart(table.ordered_rows),
            "key_figures": spending_cards(found),
            "conclusions": conclusions(found),
            "cited": citation(found, form.in_use, as_of),
        },
    )


def _file(
    kind: str, found: Spending, table: SpendingTable, form: SpendingFilter, as_of: datetime.datetime
) -> HttpResponse:
    cited = citation(found, form.in_use, as_of)
    if kind == "csv":
        text = "".join(csv_lines(export_rows(found, table.ordered_rows, cited)))
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    else:
        data = xlsx_bytes(
            export_rows(found, table.ordered_rows),
            gettext("Spending by agency"),
            cited.lines(),
            gettext("Citation"),
        )
        response = HttpResponse(data, content_type=XLSX)
    name = f"govtrack-spending-{timezone.localdate(as_of).isoformat()}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
