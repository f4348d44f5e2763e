"""The AI tools that agencies can subscribe to, and what is known of each."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.choosing import suggested
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from catalog.choosing import ProductField, VendorField
from catalog.describing import described
from catalog.filters import ToolFilter
from catalog.models import Product, Vendor
from catalog.proposing import proposer_for
from catalog.tables import ToolTable
from figures.naming import named

PER_PAGE = 50


@require_safe
def tool_list(request: HttpRequest) -> HttpResponse:
    tools = Product.objects.select_related("vendor", "category").order_by(named("name"), "pk")
    filterset = ToolFilter(request.GET, queryset=tools)
    table = ToolTable(filterset.qs if filterset.is_valid() else tools.none())
    configure(request, table, PER_PAGE)
    table.know(on=timezone.localdate())
    context = {
        "table": table,
        "filter": filterset,
        "filters_set": sum(bool(value) for value in filterset.form.cleaned_data.values()),
    }
    return render(request, "catalog/tool_list.html", context)


@require_safe
def tool_detail(request: SignedInRequest, code: str) -> HttpResponse:
    tools = Product.objects.select_related("vendor", "category", "proposed_by")
    tool = get_object_or_404(tools.prefetch_related("runs_in", "certifications"), code=code)
    today = timezone.localdate()
    certifications = [
        (certification, certification.is_in_force(today)) for certification in tool.certifications.all()
    ]
    context = {
        "tool": tool,
        "proposer": proposer_for(request.user, tool),
        "facts": described(tool, today),
        "certifications": certifications,
        "today": today,
    }
    return render(request, "catalog/tool_detail.html", context)


@require_safe
def options(request: HttpRequest) -> HttpResponse:
    """Suggestions for a typed tool; the text comes in any one parameter."""
    return _suggestions(request, Product.objects.all(), ProductField.names)


@require_safe
def vendor_options(request: HttpRequest) -> HttpResponse:
    """Suggestions for a typed vendor, likewise."""
    return _suggestions(request, Vendor.objects.all(), VendorField.names)


def _suggestions(request: HttpRequest, queryset: QuerySet, names: tuple[str, ...]) -> HttpResponse:
    text = str(next((value for value in request.GET.values() if value), "")).replace("\0", "")[:100]
    return render(request, "agencies/options.html", {"options": suggested(queryset, names, text)})
