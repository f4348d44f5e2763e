"""The pages of the spending explorer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agencies.models import SavedView
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import csv_lines
from oversight.explorer import saving
from oversight.explorer.address import Address, way_up
from oversight.explorer.answer import Answer
from oversight.explorer.answering import answer
from oversight.explorer.charts import chart
from oversight.explorer.citing import citation
from oversight.explorer.files import TooManyRows, json_chunks, rows, xlsx
from oversight.explorer.form import ExplorerForm
from oversight.explorer.lines import groups
from oversight.explorer.tables import PER_PAGE, AnswerTable, column_choices
from oversight.explorer.tile_map import tile_map
from oversight.explorer.wording import title
from oversight.exporting import Citation
from oversight.snapshots.freezing import freeze_url

FILES = ("csv", "xlsx", "json")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PRINTED = 2000  # lines; more is for a file


@require_safe
def explore(request: SignedInRequest) -> HttpResponseBase:
    """A question and its answer; `?_export=csv`, `xlsx` or `json` for the same as a file."""
    form = ExplorerForm(request.GET, request.user)
    kind = request.GET.get("_export")
    if kind is not None and (kind not in FILES or not form.is_valid()):
        return _refused(request, form)
    if not form.is_valid():
        return render(request, "oversight/explorer/explore.html", {"form": form, **_saved(request)})
    address = Address.read(form.question, form.cleaned_data["compare"], request.GET)
    found = answer(request.user, form.question, timezone.now(), address.compare)
    if kind:
        return _file(request, kind, found, address, form)
    table = AnswerTable(found, address)
    configure(request, table, PER_PAGE)
    return render(
        request,
        "oversight/explorer/explore.html",
        {
            **_shown(request, found, address, form),
            **_saved(request),
            "form": form,
            "table": table,
            "columns": column_choices(found, address),
            "kept": [pair for pair in address.pairs() if pair[0] != "columns"],
            "way_up": way_up(address, request.user),
            "files": [(name, address.file_url(name)) for name in FILES],
            "freeze_url": freeze_url(request.user, address),
        },
    )


@require_safe
def print_page(request: SignedInRequest) -> HttpResponse:
    """The same for paper: title, citation, table, chart and map, and nothing else."""
    form = ExplorerForm(request.GET, request.user)
    if not form.is_valid():
        return _refused(request, form)
    address = Address.read(form.question, form.cleaned_data["compare"], request.GET)
    found = answer(request.user, form.question, timezone.now(), address.compare)
    if len(found.rows) + len(found.subtotals) > PRINTED:
        too_many = _("This view has more than %(count)s rows. Narrow it, or take it away as a file.")
        return _refused(request, form, too_many % {"count": f"{PRINTED:,}"})
    table = AnswerTable(found, address, per_page=PRINTED + 1, orderable=False)
    context = {**_shown(request, found, address, form, still=True), "table": table}
    return render(request, "oversight/explorer/print.html", context)


def _shown(
    request: SignedInRequest, found: Answer, address: Address, form: ExplorerForm, still: bool = False
) -> dict[str, Any]:
    return {
        "answer": found,
        "address": address,
        "title": title(found),
        "count": len(groups(found)),
        "chart": chart(found, still) if found.rows else None,
        "map": tile_map(found, request.user) if found.rows else None,
        "cited": _cited(request, found, address, form),
        "not_compared": address.compare and not found.is_compared,
        "print_url": address.url("oversight:explore-print"),
        "save_url": address.url("oversight:explore-save"),
    }


def _cited(request: SignedInRequest, found: Answer, address: Address, form: ExplorerForm) -> Citation:
    return citation(found, form.in_use, request.build_absolute_uri(address.url()))


def _file(
    request: SignedInRequest, kind: str, found: Answer, address: Address, form: ExplorerForm
) -> HttpResponseBase:
    cited = _cited(request, found, address, form)
    response: HttpResponseBase
    if kind == "xlsx":
        try:
            response = HttpResponse(xlsx(found, address, cited), content_type=XLSX)
        except TooManyRows:
            return _refused(request, form, _("A spreadsheet cannot hold so many rows. Take CSV or JSON."))
    elif kind == "csv":
        lines = csv_lines(rows(found, address, cited))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    else:
        response = StreamingHttpResponse(
            json_chunks(found, address, cited), content_type="application/json; charset=utf-8"
        )
    exported(request, len(found.rows) + len(found.subtotals), kind)
    name = f"govtrack-{found.question.measure.value}-{timezone.localdate(found.as_of).isoformat()}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _refused(request: SignedInRequest, form: ExplorerForm, reason: str = "") -> HttpResponse:
    context = {"form": form, "reason": reason}
    return render(request, "oversight/explorer/refused.html", context, status=400)


def _saved(request: SignedInRequest) -> dict[str, Any]:
    return {"own": saving.own(request.user), "shared": saving.shared(request.user)}


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: SignedInRequest) -> HttpResponse:
    """Keep the view of this address under a name, for oneself or a committee."""
    asked = ExplorerForm(request.GET, request.user)
    if not asked.is_valid():
        return _refused(request, asked)
    address = Address.read(asked.question, asked.cleaned_data["compare"], request.GET)
    form = saving.SaveForm(request.POST if request.method == "POST" else None, request.user, address)
    if form.is_valid():
        view = form.save()
        messages.success(request, _("The view “%(title)s” is saved.") % {"title": view.title})
        return redirect("oversight:explore-saved", view.pk)
    context = {"form": form, "asked": asked, "back": address.url()}
    return render(request, "oversight/explorer/save.html", context)


@require_safe
def saved(request: SignedInRequest, pk: int) -> HttpResponse:
    """A saved view by its own address, which opens it for whoever may see its whole scope."""
    view = get_object_or_404(SavedView, pk=pk)
    if not saving.may_open(view, request.user):
        raise Http404
    return redirect(f"{reverse(saving.PAGE)}?{view.query}")
