"""The page of an agency."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.models import Agency
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from oversight.agency_page import (
    agencies_below,
    latest_users,
    narrowed_to,
    newest_findings,
    newest_subscriptions,
    openable,
    paid_by_year,
    stated_of,
    statements_about,
)
from oversight.agency_tables import BelowTable, NewestFindingsTable, NewestTable, PaidTable, StatedTable
from oversight.key_figures import Card, findings_card, subscriptions_card
from oversight.recorded import Recorded, recorded_below
from oversight.stated import sources_to_prefer
from oversight.use_tables import StatementsTable

PER_PAGE = 50


@require_safe
def agency(request: SignedInRequest, code: str) -> HttpResponse:
    """What is stated of an agency is everybody's; what is recorded there and below only of those who see all of it."""
    agencies = Agency.objects.select_related("parent", "successor")
    agency = get_object_or_404(agencies.prefetch_related("former_names", "predecessors"), code=code)
    others = [agency.parent, agency.successor, *agency.predecessors.all()]
    may_open = openable(request.user, [agency, *others])
    if agency.pk not in may_open:
        raise Http404
    as_of = timezone.now()
    on = timezone.localdate(as_of)
    sight = request.user.sight()
    visible = sight.covers(agency.path)

    below = BelowTable(agencies_below(request.user, agency))
    configure(request, below, PER_PAGE)
    paths = [one.path for one in below.shown if sight.covers(one.path)]
    paths += [agency.path] if visible else []
    within = narrowed_to(request.user, agency)
    recorded, _all = recorded_below(request.user, paths, on, within)
    below.know(recorded)

    governments = list(Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL))
    statements = list(statements_about(agency))
    stated = stated_of(agency, sources_to_prefer())
    context = {
        "agency": agency,
        "visible": visible,
        "openable": may_open,
        "predecessors": agency.predecessors.all(),
        "former_names": agency.former_names.all(),
        "stated": StatedTable(stated) if stated else None,
        "statements": StatementsTable(statements, governments=governments) if statements else None,
        "below": below if below.shown else None,
        "cards": _cards(agency, recorded.get(agency.path)),
        "as_of": as_of,
    }
    if visible:
        paid = paid_by_year(request.user, within)
        newest = newest_subscriptions(request.user, within)
        findings = newest_findings(request.user, within)
        context |= {
            "paid": PaidTable(paid) if paid else None,
            "users": latest_users(request.user, agency, on),
            "newest": NewestTable(newest) if newest else None,
            "findings": NewestFindingsTable(findings) if findings else None,
        }
    return render(request, "oversight/agency.html", context)


def _cards(agency: Agency, recorded: Recorded | None) -> list[Card]:
    """The same cards as on the page of spending, which lead to this agency's lists."""
    cards = [subscriptions_card(recorded), findings_card(recorded)]
    if recorded is None:
        return cards
    addresses = [
        f"{reverse('subscriptions:list')}?agency={agency.code}",
        f"{reverse('subscriptions:findings')}?state=open&agency={agency.code}",
    ]
    return [replace(card, url=address) for card, address in zip(cards, addresses, strict=True)]
