"""The pages of imports: upload, choose columns, try, import, undo, each going on in the background where it takes long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agencies.signed_in import SignedInRequest
from audit.events import exported
from policies.verdicts import Outcome, Verdict
from subscriptions.importing import jobs
from subscriptions.importing.exporting import count_of
from subscriptions.importing.forms import ColumnsForm, FileForm
from subscriptions.importing.jobs import Progress
from subscriptions.importing.kinds import KINDS, Kind, kinds_for
from subscriptions.importing.report import Report
from subscriptions.listing import FILES, file_of
from subscriptions.models import Subscription
from subscriptions.upload_models import Upload

SHOWN, PER_PAGE = 20, 50
Step, State = Upload.Step, Upload.State


def _may_import(request: SignedInRequest) -> None:
    if not kinds_for(request.user):
        raise PermissionDenied


def _own(request: SignedInRequest, pk: int) -> Upload:
    """The upload, if it is the reader's; 404 otherwise, and 403 for an owner who may not import such files any more."""
    upload = get_object_or_404(_uploads(request), pk=pk)
    if not KINDS[upload.kind].may(request.user):
        raise PermissionDenied
    return upload


def _uploads(request: SignedInRequest) -> QuerySet[Upload]:
    return Upload.objects.filter(owner=request.user).select_related("file_import")


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: SignedInRequest) -> HttpResponse:
    """One's own imports, the newest first, and the form for the next file."""
    _may_import(request)
    sent = request.method == "POST"
    data, files = (request.POST, request.FILES) if sent else (None, None)
    form = FileForm(data, files, by=request.user, initial={"kind": request.GET.get("kind")})
    if sent and form.is_valid():
        name = form.cleaned_data["file"].name or ""
        upload = Upload.objects.create(
            owner=request.user,
            kind=form.cleaned_data["kind"],
            file_name=name[-200:],
            file=jobs.store(form.data_read),
            header=form.table.header,
            samples=form.samples,
            columns=form.table.columns,
        )
        return redirect("subscriptions:import-columns", upload.pk)
    uploads = list(_uploads(request).defer("report", "samples")[:SHOWN])
    return render(
        request,
        "subscriptions/imports/list.html",
        {
            "form": form,
            "uploads": [(upload, Progress(upload)) for upload in uploads],
            "kinds": kinds_for(request.user).values(),
            "days": jobs.days_kept(),
        },
    )


@require_safe
def example(request: SignedInRequest, kind: str, ending: str) -> HttpResponseBase:
    """A file to begin with."""
    rows = _kind(request, kind, ending).example()
    exported(request, len(rows) - 1, ending)
    return file_of(rows, f"example-{kind}", ending, _("Example"))


@require_safe
def records(request: SignedInRequest, kind: str, ending: str) -> HttpResponseBase:
    """What is recorded already, as a file that can be edited and imported again."""
    found = _kind(request, kind, ending)
    exported(request, count_of(kind, request.user), ending)
    return file_of(found.records(request.user), kind, ending, str(found.title)[:31])


def _kind(request: SignedInRequest, kind: str, ending: str) -> Kind:
    _may_import(request)
    if kind not in KINDS or ending not in FILES:
        raise Http404
    if not KINDS[kind].may(request.user):
        raise PermissionDenied
    return KINDS[kind]


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: SignedInRequest, pk: int) -> HttpResponse:
    """What each column means. Sent, the file is tried."""
    upload = _own(request, pk)
    if upload.file_import_id or Progress(upload).is_going_on:
        return redirect(upload)
    form = ColumnsForm(request.POST if request.method == "POST" else None, upload=upload)
    if request.method == "POST" and form.is_valid():
        if jobs.too_many_at_once(request.user):
            messages.error(request, _("Some of your imports are not done yet. Wait until one of them is."))
            return redirect("subscriptions:imports")
        form.remember()
        in_use = form.cleaned_data.get("in_use") == "in_use"
        jobs.start(upload, Step.TRIAL, columns=form.chosen, in_use=in_use, report=None)
        return redirect(upload)
    return render(request, "subscriptions/imports/columns.html", {"upload": upload, "form": form})


@require_safe
def upload(request: SignedInRequest, pk: int) -> HttpResponse:
    """How far an upload is, and what came of it; asked by htmx, only the part that changes."""
    upload = _own(request, pk)
    if upload.step == Step.COLUMNS:
        return redirect("subscriptions:import-columns", pk)
    progress = Progress(upload)
    context: dict[str, Any] = {"upload": upload, "progress": progress, "days": jobs.days_kept()}
    if not progress.is_going_on and upload.report:
        context |= _told(request, upload)
    part = getattr(request, "htmx", False)
    return render(request, f"subscriptions/imports/{'body' if part else 'import'}.html", context)


def _told(request: SignedInRequest, upload: Upload) -> dict[str, Any]:
    """What the page of a trial or of an import tells of its report."""
    kind, report = KINDS[upload.kind], Report.of_json(upload.report or {})
    told = {
        "report": report,
        "problems": _page(request, [(one, _column(kind, one.column)) for one in report.problems], "problems"),
        "rows": _page(
            request, [(one, ", ".join(_column(kind, f) for f in one.fields)) for one in report.rows], "rows"
        ),
        "verdicts": _page(
            request, [(one, Verdict(one.verdict).label) for one in report.verdicts], "verdicts"
        ),
        "outcomes": [(Outcome(code).label, count) for code, count in sorted(report.outcomes.items())],
        "is_imported": upload.file_import_id is not None,
        "has_prices": kind.has_status,
    }
    if upload.file_import is not None and upload.file_import.state == "done":
        told["touched"] = kind.touched(upload.file_import)
        if kind.has_status:
            told["touched_records"] = Subscription.objects.visible_to(request.user).filter(
                reference__in=told["touched"]
            )
    return told


def _page(request: SignedInRequest, rows: list[Any], field: str) -> Any:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get(field))


def _column(kind: Kind, name: str) -> str:
    column = kind.vocabulary.columns.get(name)
    return str(column.label) if column else ""


@require_safe
def problems(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The errors and warnings as a file, as many as are kept."""
    upload = _own(request, pk)
    if not upload.report:
        raise Http404
    exported(request, len(Report.of_json(upload.report).problems), "csv", about=upload)
    return file_of(_problem_rows(upload), f"import-{pk}-problems", "csv", _("Errors and warnings"))


def _problem_rows(upload: Upload) -> Iterator[list[Any]]:
    kind, report = KINDS[upload.kind], Report.of_json(upload.report or {})
    yield [_("Row of the file"), _("Severity"), _("Column"), _("Value"), _("Message"), _("Suggestion")]
    for one in report.problems:
        severity = _("Error") if one.is_error else _("Warning")
        yield [one.line, severity, _column(kind, one.column), one.value, one.message, one.suggestion]
    if report.problems_in_all > len(report.problems):
        told = _("The first %(shown)s of %(total)s; errors before warnings.")
        shown, total = f"{len(report.problems):,}", f"{report.problems_in_all:,}"
        yield ["", "", "", "", told % {"shown": shown, "total": total}, ""]


@require_POST
def start(request: SignedInRequest, pk: int) -> HttpResponse:
    """Import what was tried."""
    upload = _own(request, pk)
    if not jobs.start(upload, Step.IMPORT):
        messages.error(request, _("This file cannot be imported as it stands. Look at the dry run."))
    return redirect(upload)


@require_POST
def again(request: SignedInRequest, pk: int) -> HttpResponse:
    """Do the step again that failed, was stopped or was interrupted; when the register has changed, the trial."""
    upload = _own(request, pk)
    step = Step.TRIAL if upload.problem == Upload.Problem.CHANGED else Step(upload.step)
    if upload.state == State.DONE or not jobs.start(upload, step):
        messages.info(request, _("This import goes on, or is done already."))
    return redirect(upload)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, then take the whole import back."""
    upload = _own(request, pk)
    record = upload.file_import
    if record is None or record.state != "done":
        raise Http404
    if request.method == "POST":
        if not jobs.start(upload, Step.UNDO):
            messages.info(request, _("This import goes on, or is done already."))
        return redirect(upload)
    created = (
        _("%(count)s records that it created are declared void.")
        if KINDS[upload.kind].has_status
        else _("%(count)s records that it created are deleted.")
    )
    return render(
        request,
        "krds/confirm.html",
        {
            "title": _("Undo the import of %(file)s") % {"file": upload.file_name},
            "text": _(
                "The whole import is taken back, or nothing of it when somebody has worked on a record since."
            ),
            "items": [
                created % {"count": f"{record.new:,}"},
                _("%(count)s records that it changed become what they were before.")
                % {"count": f"{record.changed:,}"},
            ],
            "submit_text": _("Undo the import"),
            "cancel_url": reverse("subscriptions:import", args=[pk]),
            "danger": True,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, then delete an upload that nothing came of, with its file."""
    upload = _own(request, pk)
    if upload.file_import_id or Progress(upload).is_going_on:
        raise PermissionDenied
    if request.method == "POST":
        jobs.forget(upload)
        upload.delete()
        messages.success(request, _("The file was deleted. Nothing of it was imported."))
        return redirect("subscriptions:imports")
    return render(
        request,
        "krds/confirm.html",
        {
            "title": _("Delete %(file)s") % {"file": upload.file_name},
            "text": _("The uploaded file and its dry run are deleted. Nothing of it was imported."),
            "submit_text": _("Delete the file"),
            "cancel_url": reverse("subscriptions:imports"),
            "danger": True,
        },
    )
