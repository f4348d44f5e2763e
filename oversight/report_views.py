"""The page of a report."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from agencies.models import Agency
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from oversight.report import report_page, report_sources
from oversight.report_form import ReportForm
from oversight.report_tables import ConclusionTable, GovernmentTable, LineTable, conflict_sentences
from sources.models import Report, Statement

# A report of a few hundred statements is one page, so that a link to any of them finds it.
PER_PAGE = 500
# Of more statements than these nothing is compared or concluded while somebody waits.
MOST_STATEMENTS = 5000


@require_safe
def report(request: SignedInRequest, code: str) -> HttpResponse:
    """What the sources of a report state: `?source=` prefers one, `?accounts=all` concludes from all of them."""
    report = get_object_or_404(Report, code=code)
    sources = report_sources(report, request.user)
    if not sources:
        raise Http404  # nothing that tells of it is published
    form = ReportForm(request.GET, sources)
    if not form.is_valid():
        return render(request, "oversight/report.html", {"report": report, "form": form})
    if Statement.objects.filter(source__in=sources).count() > MOST_STATEMENTS:
        context = {"report": report, "form": form, "too_many": form.preferred or sources[0]}
        return render(request, "oversight/report.html", context)
    as_of = timezone.now()
    preferred = form.preferred or sources[0]
    page = report_page(request.user, report, sources, preferred, form.together, timezone.localdate(as_of))
    governments = list(Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL))
    caption = gettext("%(source)s: what it states") % {"source": page.preferred}
    others = gettext("What only other sources state")
    table = LineTable(page.lines, caption, governments)
    configure(request, table, PER_PAGE)
    context = {
        "report": report,
        "form": form,
        "page": page,
        "as_of": as_of,
        "table": table,
        "conflicts": conflict_sentences(page.lines),
        "flags": [flag.reason for flag in page.flags],
        "conclusions": ConclusionTable(page.conclusions) if page.conclusions else None,
        "others": LineTable(page.others, others, governments, with_source=True) if page.others else None,
        "governments": GovernmentTable(page.governments) if page.governments else None,
    }
    return render(request, "oversight/report.html", context)
