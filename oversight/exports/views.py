"""The pages of files made in the background: start one, see how far it is, run it again, take it away."""

from __future__ import annotations

import re

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agencies.signed_in import SignedInRequest
from audit.events import exported
from oversight.explorer.form import ExplorerForm
from oversight.explorer.records import kind_asked, records
from oversight.exports import jobs
from oversight.models import ExportJob

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: SignedInRequest) -> HttpResponse:
    """One's own exports, the newest first; POST starts one of the records that `query`, a page's address, asks for."""
    if request.method != "POST":
        own = ExportJob.objects.filter(owner=request.user)[:SHOWN]
        return render(request, "oversight/exports/list.html", {"jobs": own})
    query = request.POST.get("query", "")
    given = QueryDict(query)
    form = ExplorerForm(given, request.user)
    if not form.is_valid() or form.question.measure.is_stated:
        return refused(request, form)
    if jobs.too_many_at_once(request.user):
        messages.error(request, _("Some of your exports are not done yet. Wait until one of them is."))
        return redirect("oversight:exports")
    count = records(request.user, form.question, kind_asked(form.question, given)).order_by().count()
    if count > jobs.LONGEST:
        return refused(request, form, too_long(count))
    return redirect(jobs.start(request.user, query, count))


def refused(request: SignedInRequest, form: ExplorerForm, reason: str = "") -> HttpResponse:
    """Nothing was made, and why."""
    return render(request, "oversight/explorer/refused.html", {"form": form, "reason": reason}, status=400)


def too_long(count: int) -> str:
    return _(
        "These are %(count)s records, and a sheet holds %(limit)s. Narrow the filters, or take CSV or JSON, which have no limit."
    ) % {
        "count": number_format(count, force_grouping=True),
        "limit": number_format(jobs.LONGEST, force_grouping=True),
    }


@require_safe
def export(request: SignedInRequest, pk: int) -> HttpResponse:
    """How far one's own export is; asked by htmx, only the part that changes."""
    job = _own(request, pk)
    part = getattr(request, "htmx", False)
    template = "oversight/exports/progress.html" if part else "oversight/exports/export.html"
    return render(request, template, {"job": job, "limit": jobs.LONGEST, "days": jobs.days_kept()})


@require_POST
def export_again(request: SignedInRequest, pk: int) -> HttpResponse:
    """Run one's own export again that was interrupted, failed, stopped or removed."""
    job = _own(request, pk)
    if not jobs.start_again(job):
        messages.info(request, _("This export goes on, or is done already."))
    return redirect(job)


@require_safe
def export_file(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The file, for its owner alone, as long as they see what it holds."""
    job = _own(request, pk)
    if job.is_out_of_sight:
        raise Http404
    if job.state != ExportJob.State.DONE or not re.fullmatch(r"[0-9a-f]{32}\.xlsx", job.file):
        raise Http404
    try:
        file = jobs.path_of(job).open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    exported(request, job.rows_done, "xlsx", filters=job.query, about=job)
    day = timezone.localdate(job.finished_at or job.created_at).isoformat()
    response = FileResponse(
        file, as_attachment=True, filename=f"govtrack-records-{day}.xlsx", content_type=XLSX
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _own(request: SignedInRequest, pk: int) -> ExportJob:
    job = get_object_or_404(ExportJob, pk=pk, owner=request.user)
    job.owner = request.user  # whose sight is known already
    return job
