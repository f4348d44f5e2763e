"""Pages of exchange rates: the list that everybody reads, and the file by which those who may change them bring in more."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from agencies.signed_in import SignedInRequest
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.refusing import Refused
from subscriptions.listing import paginate
from subscriptions.models import ExchangeRate
from subscriptions.payment_tables import RateFileForm, RateFilter, RateTable
from subscriptions.rates import Report, import_rates, may_change_rates
from subscriptions.recording import today


@require_GET
def rate_list(request: SignedInRequest) -> HttpResponse:
    """The rates by which amounts in other currencies are counted; they belong to no agency."""
    rates = ExchangeRate.objects.select_related("source")
    filters = RateFilter(request.GET, queryset=rates, request=request)
    table = RateTable((filters.qs if filters.is_valid() else rates.none()).order_by("-day", "currency"))
    paginate(request, table, filters, rates)
    may_change = may_change_rates(request.user)
    context = {
        "table": table,
        "filter": filters,
        "may_change": may_change,
        "import_url": f"{reverse('subscriptions:imports')}?kind=rates" if may_change else "",
    }
    return render(request, "subscriptions/rate_list.html", context)


@require_http_methods(["GET", "POST"])
def import_file(request: SignedInRequest) -> HttpResponse:
    """Check a file of rates, or take it in: all of it or nothing."""
    if not may_change_rates(request.user):
        raise PermissionDenied
    form = RateFileForm(request.POST or None, request.FILES or None, by=request.user)
    report: Report | None = None
    if request.method == "POST" and form.is_valid():
        trial = request.POST.get("act") == "check"
        data = form.cleaned_data["file"].read(LARGEST_FILE + 1)
        try:
            report = import_rates(data, request.user, today(), form.cleaned_data["source"], trial=trial)
        except Refused as refused:
            line = _("Line %(line)s: ") % {"line": refused.line} if refused.line else ""
            form.add_error("file", f"{line}{refused.reason}")
        except IntegrityError:
            form.add_error(
                None,
                _("Somebody has taken in rates of the same days just now. Nothing was changed; try again."),
            )
        if report is not None and report.done:
            messages.success(request, said(report))
            return redirect("subscriptions:rates")
    context = {"form": form, "report": report, "said": said(report) if report else ""}
    return render(request, "subscriptions/rate_import.html", context)


def said(report: Report) -> str:
    """What a file did or would do, in words."""
    text = _("%(new)s new, %(changed)s changed, %(left)s as they were.") % {
        "new": report.new,
        "changed": report.changed,
        "left": report.left,
    }
    if report.payments:
        text += " " + ngettext(
            "%(count)s payment got another amount in won.",
            "%(count)s payments got other amounts in won.",
            report.payments,
        ) % {"count": report.payments}
    return text
