"""The pages of snapshots: freeze a view, the list, one as it was frozen, and beside today."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import csv_lines
from oversight.explorer.address import Address
from oversight.explorer.files import rows
from oversight.explorer.form import ExplorerForm
from oversight.explorer.lines import groups
from oversight.explorer.tables import column_choices
from oversight.explorer.wording import title as view_title
from oversight.models import Snapshot
from oversight.snapshots.causes import told
from oversight.snapshots.comparing import CannotBeAsked, compare
from oversight.snapshots.document import CITED, FrozenCitation, frozen_answer, in_language
from oversight.snapshots.freezing import FreezeForm, may_freeze
from oversight.snapshots.tables import PER_PAGE, ComparisonTable, FrozenTable, SnapshotTable

FILES = ("csv", "json")


@require_http_methods(["GET", "HEAD", "POST"])
def freeze_view(request: SignedInRequest) -> HttpResponse:
    """Ask for a title, and freeze the explorer's view at this address."""
    asked = ExplorerForm(request.GET, request.user)
    if not asked.is_valid():
        return render(request, "oversight/explorer/refused.html", {"form": asked}, status=400)
    question = asked.question
    if not may_freeze(request.user, question):
        raise PermissionDenied
    form = FreezeForm(request.POST if request.method == "POST" else None, request.user, question)
    snapshot = form.save() if form.is_valid() else None
    if snapshot:
        messages.success(request, _("The snapshot “%(title)s” is kept.") % {"title": snapshot.title})
        return redirect(snapshot)
    back = reverse("oversight:explore")
    context = {
        "form": form,
        "asked": asked,
        "question": question,
        "back": f"{back}?{question.query_string()}" if question.query_string() else back,
    }
    return render(request, "oversight/snapshots/freeze.html", context)


@require_safe
def snapshot_list(request: SignedInRequest) -> HttpResponse:
    """The snapshots whose whole scope the reader sees."""
    seen = Snapshot.objects.visible_to(request.user).defer("document").select_related("scope", "frozen_by")
    table = SnapshotTable(seen)
    configure(request, table, PER_PAGE)
    return render(request, "oversight/snapshots/list.html", {"table": table})


@require_safe
def snapshot_page(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The figures as they were frozen, and whether they still have their hash; `?_export=json` gives the document, or `csv`."""
    snapshot = _seen(request, pk)
    export = request.GET.get("_export")
    if export is not None and export not in FILES:
        return render(
            request, "oversight/export_refused.html", {"form": ExplorerForm({}, request.user)}, status=400
        )
    if export:
        count = len(snapshot.content["rows"]) if snapshot.is_intact else None
        exported(request, count, export, about=snapshot)
    if export == "json":  # the very text that was hashed, whatever it holds
        response = HttpResponse(snapshot.document, content_type="application/json; charset=utf-8")
        return _attached(response, snapshot, export)
    context: dict[str, Any] = {"snapshot": snapshot, "intact": snapshot.is_intact}
    try:
        found = frozen_answer(snapshot.content)
        cited = _cited(request, snapshot)
        address = Address.read(found.question, False, request.GET)
        table = FrozenTable(found, address)
    except (
        AssertionError,
        KeyError,
        TypeError,
        ValueError,
    ):  # not what was written down: only the hash can be shown
        return render(request, "oversight/snapshots/snapshot.html", {**context, "unreadable": True})
    if export == "csv":
        lines = csv_lines(rows(found, address, cited))
        return _attached(
            StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), snapshot, export
        )
    configure(request, table, PER_PAGE)
    context |= {
        "answer": found,
        "view_title": view_title(found),
        "count": len(groups(found)),
        "table": table,
        "columns": column_choices(found, address),
        "kept": [("sort", address.sort)] if address.sort else [],
        "cited": cited,
        "today_url": f"{reverse('oversight:explore')}?{urlencode(snapshot.question)}",
    }
    return render(request, "oversight/snapshots/snapshot.html", context)


@require_safe
def snapshot_compare(request: SignedInRequest, pk: int) -> HttpResponse:
    """Frozen and today, row by row; `?changed=on` for the rows that differ."""
    snapshot = _seen(request, pk)
    context: dict[str, Any] = {"snapshot": snapshot, "intact": snapshot.is_intact}
    template = "oversight/snapshots/compare.html"
    now = timezone.now()
    try:
        found = compare(snapshot, request.user, now)
    except CannotBeAsked as gone:
        return render(request, template, {**context, "form": gone.form})
    except (AssertionError, KeyError, TypeError, ValueError):
        if context["intact"]:
            raise
        return render(request, template, {**context, "unreadable": True})
    only_changed = "changed" in request.GET
    shown = found.changed if only_changed else found.lines
    table = ComparisonTable(shown, found.frozen, snapshot.content)
    configure(request, table, PER_PAGE)
    of_page = [row.record for row in table.page.object_list]
    causes = told(found.causes, [line.group for line in of_page if line.is_changed], request.user)
    for line in of_page:
        line.causes = causes.get(line.group, [])
    context |= {
        "comparison": found,
        "table": table,
        "rows": len(found.lines) - 1,
        "changed": sum(1 for line in found.changed if line.keys),
        "only_changed": only_changed,
        "now": now,
        "today_url": f"{reverse('oversight:explore')}?{urlencode(snapshot.question)}",
    }
    return render(request, template, context)


def _seen(request: SignedInRequest, pk: int) -> Snapshot:
    snapshots = Snapshot.objects.visible_to(request.user).select_related("scope", "frozen_by")
    return get_object_or_404(snapshots, pk=pk)


def _cited(request: SignedInRequest, snapshot: Snapshot) -> FrozenCitation:
    said = in_language(snapshot.content["citation"])
    return FrozenCitation(
        **{name: said[name] for name in CITED},
        link=request.build_absolute_uri(snapshot.get_absolute_url()),
        title=snapshot.title,
        frozen_by=snapshot.content["frozen_by_name"],
        sha256=snapshot.sha256,
    )


def _attached(response: HttpResponseBase, snapshot: Snapshot, kind: str) -> HttpResponseBase:
    day = date_format(timezone.localtime(snapshot.frozen_at), "Y-m-d")
    response["Content-Disposition"] = f'attachment; filename="govtrack-snapshot-{snapshot.pk}-{day}.{kind}"'
    return response
