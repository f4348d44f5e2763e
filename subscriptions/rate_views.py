"""The page of exchange rates, which everybody reads."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from agencies.signed_in import SignedInRequest
from subscriptions.listing import paginate
from subscriptions.models import ExchangeRate
from subscriptions.payment_tables import RateFilter, RateTable
from subscriptions.rates import may_change_rates


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
