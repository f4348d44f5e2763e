"""The page of the records behind a figure, and the same as a file of any length."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

import django_tables2 as tables
from django.core.paginator import EmptyPage, PageNotAnInteger
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.paging import MissingPage
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import ROWS_AT_ONCE, csv_lines
from oversight.explorer.answering import total_of
from oversight.explorer.form import ExplorerForm
from oversight.explorer.question import Question
from oversight.explorer.record_tables import PaymentTable
from oversight.explorer.records import Kind, cells, columns, kind_asked, records
from oversight.exports.jobs import LONGEST
from oversight.exports.views import refused, too_long
from oversight.stated import default_source
from subscriptions.models import Finding, Payment, Subscription
from subscriptions.paging import DeepPaginator, count_of
from subscriptions.tables import FindingTable, SubscriptionTable

PER_PAGE = 50
STREAMED = ("csv", "json")
FILES = (*STREAMED, "xlsx")


@require_safe
def record_list(request: SignedInRequest) -> HttpResponseBase:
    """The records that the figure of a group is counted from: the explorer's parameters, `?without_payment=on` for those that
    spending paid leaves out, `?_export=csv` or `json` for the same as a file, and `xlsx` for the page that starts one in the
    background. What is stated is shown at its source.
    """
    form = ExplorerForm(request.GET, request.user)
    export = request.GET.get("_export")
    if not form.is_valid() or (export is not None and export not in FILES):
        template = "oversight/explorer/records.html" if export is None else "oversight/export_refused.html"
        return render(request, template, {"form": form}, status=200 if export is None else 400)
    question = form.question
    if question.measure.is_stated:
        source = question.source or default_source()
        return redirect("sources:detail", source.code) if source else redirect("sources:list")
    kind = kind_asked(question, request.GET)
    missing = kind == Kind.WITHOUT_PAYMENT
    rows = records(request.user, question, kind)
    as_of = timezone.now()
    if export == "xlsx":
        return _start_page(request, form, rows.order_by().count())
    if export:
        exported(request, rows.order_by().count(), export)
        return _file(rows, kind, export, form, as_of)
    table = _table(request, rows, kind)
    total = None if missing else total_of(request.user, question)
    context = {
        "form": form,
        "question": question,
        "kind": kind.value,
        "table": table,
        "total": total,
        "silent": _silent(request, question) if kind == Kind.PAYMENTS else 0,
        "explorer_query": question.query_string(),
        "as_of": as_of,
    }
    return render(request, "oversight/explorer/records.html", context)


def _start_page(request: SignedInRequest, form: ExplorerForm, count: int) -> HttpResponseBase:
    """Says how many records it will be before a worker is asked for them; that they are too many, at once."""
    if count > LONGEST:
        return refused(request, form, too_long(count))
    given = request.GET.copy()
    for name in ("_export", "page"):
        given.pop(name, None)
    query = given.urlencode()
    context = {"form": form, "count": count, "query": query}
    return render(request, "oversight/exports/start.html", context)


def _silent(request: SignedInRequest, question: Question) -> int:
    return count_of(records(request.user, question, Kind.WITHOUT_PAYMENT))


def _table(request: SignedInRequest, rows: QuerySet, kind: Kind) -> tables.Table:
    """Paged, the newest first."""
    make, fetched, order = TABLES[kind]
    table = make(rows.order_by(*order))
    try:
        table.paginate(
            page=request.GET.get("page", 1),
            per_page=PER_PAGE,
            paginator_class=DeepPaginator,
            counted=rows,
            records=fetched(),
        )
    except (EmptyPage, PageNotAnInteger) as error:
        raise MissingPage(str(error)) from error
    if isinstance(table, SubscriptionTable):
        table.count_findings()
    return table


def _subscriptions(rows: QuerySet) -> tables.Table:
    return SubscriptionTable(rows, orderable=False)


def _findings(rows: QuerySet) -> tables.Table:
    return FindingTable(rows, orderable=False, exclude=("tick",))


def _shown_findings() -> QuerySet:
    subscription = (f"subscription__{name}" for name in ("agency", "product", "facts"))
    return Finding.objects.select_related("policy_version", "waiver", "assigned_to", *subscription)


def _shown_payments() -> QuerySet:
    return Payment.objects.select_related("subscription__agency", "subscription__product")


# How each kind is shown: its table, what to fetch of the rows of a page, and their order.
TABLES: dict[Kind, tuple[Callable[[QuerySet], tables.Table], Callable[[], QuerySet], tuple[str, ...]]] = {
    Kind.PAYMENTS: (PaymentTable, _shown_payments, ("-paid_on", "-pk")),
    Kind.SUBSCRIPTIONS: (_subscriptions, Subscription.objects.with_list_columns, ("-pk",)),
    Kind.WITHOUT_PAYMENT: (_subscriptions, Subscription.objects.with_list_columns, ("-pk",)),
    Kind.FINDINGS: (_findings, _shown_findings, ("-first_seen", "-pk")),
}


def _file(
    rows: QuerySet, kind: Kind, export: str, form: ExplorerForm, as_of: datetime.datetime
) -> HttpResponseBase:
    """Streamed: a million rows take no more memory than a page."""
    if export == "csv":
        lines = csv_lines(_with_header(rows, kind))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    else:
        response = StreamingHttpResponse(
            json_lines(rows, kind, form, as_of), content_type="application/json; charset=utf-8"
        )
    name = f"govtrack-{kind.value.replace('_', '-')}-{timezone.localdate(as_of).isoformat()}.{export}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _with_header(rows: QuerySet, kind: Kind) -> Iterator[Any]:
    yield [title for _code, title in columns(kind)]
    yield from cells(rows, kind)


def json_lines(rows: QuerySet, kind: Kind, form: ExplorerForm, as_of: datetime.datetime) -> Iterator[str]:
    """One JSON document, a row a line; see docs/exports.md. Days are written as YYYY-MM-DD, what is not known is null."""
    head = {
        "records": kind.value,
        "as_of": as_of.isoformat(),
        "filters": form.in_use,
        "question": form.question.parameters(),
        "columns": [{"code": code, "title": title} for code, title in columns(kind)],
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": ['
    codes = [code for code, _title in columns(kind)]
    write = json.JSONEncoder(ensure_ascii=False, default=str).encode
    before, lines = "\n", []
    for row in cells(rows, kind):
        lines.append(before + write(dict(zip(codes, row, strict=True))))
        before = ",\n"
        if len(lines) == ROWS_AT_ONCE:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)
    yield "\n]}\n"
