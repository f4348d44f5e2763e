"""The sources, and what each states. Every signed-in user reads what is published."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from agencies.models import Agency, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from figures.naming import named
from sources.filters import StatementFilter
from sources.models import Source, Statement
from sources.plausibility import by_statement, flags
from sources.tables import SourceTable, StatementTable

PER_PAGE = 50
# A source of a few hundred statements is one page, so that a link to any of them finds it.
STATEMENTS_PER_PAGE = 500
# More statements than these are not held against each other when somebody opens the page.
MOST_FLAGGED = 5000


@require_safe
def source_list(request: SignedInRequest) -> HttpResponse:
    sources = (
        Source.objects.readable_by(request.user)
        .annotate(statement_count=Count("statements"))
        .order_by("code")
    )
    table = SourceTable(sources.select_related("report"))
    configure(request, table, PER_PAGE)
    return render(request, "sources/source_list.html", {"table": table})


@require_safe
def source_detail(request: SignedInRequest, code: str) -> HttpResponse:
    """A source with its statements, up to 500 on a page. Unless they are too many, what cannot be right among them is flagged."""
    source = get_object_or_404(Source.objects.readable_by(request.user).select_related("report"), code=code)
    statements = source.statements.select_related("product").prefetch_related("subject").order_by("pk")
    filterset = StatementFilter(request.GET, queryset=statements)
    governments = list(Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL))
    told = _told_with(source, request.user)
    unchecked = told.count() > MOST_FLAGGED
    table = StatementTable(
        filterset.qs if filterset.is_valid() else statements.none(),
        governments=governments,
        flags={} if unchecked else by_statement(flags(list(told.prefetch_related("subject")))),
    )
    configure(request, table, STATEMENTS_PER_PAGE)
    context = {
        "unchecked": unchecked,
        "source": source,
        "table": table,
        "filter": filterset,
        "filters_set": sum(bool(value) for value in filterset.form.cleaned_data.values()),
        "citations": citations(source),
    }
    return render(request, "sources/source_detail.html", context)


def _told_with(source: Source, user: User) -> QuerySet[Statement]:
    """Its statements and those of the other sources of its report, which may contradict them."""
    readable = Source.objects.readable_by(user)
    together = readable.filter(report=source.report_id) if source.report_id else readable.filter(pk=source.pk)
    return Statement.objects.filter(source__in=together).order_by("pk")


@dataclass
class Citation:
    """A policy that cites a source, and which of its statements."""

    policy: str
    title: str
    statements: list[str]


def citations(source: Source) -> list[Citation]:
    """By policy, in the words of its newest version that cites the source; drafts are not told of."""
    rows = (
        Statement.objects.filter(source=source, cited_by__status__in=["in_force", "retired"])
        .order_by("cited_by__policy__code", "-cited_by__number", "pk")
        .values_list("cited_by__policy__code", named("cited_by__title"), "code")
    )
    found: dict[str, Citation] = {}
    for policy, title, statement in rows:
        citation = found.setdefault(policy, Citation(policy, title, []))
        if statement not in citation.statements:
            citation.statements.append(statement)
    return list(found.values())
