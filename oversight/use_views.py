"""The pages of who uses a tool, the tools of a vendor, and those of a country."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe
from django_countries import countries

from agencies.models import Agency, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from catalog.models import Product, Vendor
from oversight.concerning import (
    Codes,
    codes_of_country,
    codes_of_tool,
    codes_of_vendors,
    policies_concerning,
)
from oversight.key_figures import use_cards
from oversight.use import Use, added, spread_of_seat_costs, use_by_agency, use_by_tool
from oversight.use_tables import (
    AgencyUseTable,
    ConcerningTable,
    StatementsTable,
    ToolUse,
    ToolUseTable,
    VendorUse,
    VendorUseTable,
)
from sources.models import Statement

PER_PAGE = 50
UNKNOWN = "unknown"


@require_safe
def tool_use(request: SignedInRequest, code: str) -> HttpResponse:
    """Which agencies use a tool, at what cost for a seat, and what policies and sources say of it."""
    tool = get_object_or_404(Product.objects.select_related("vendor", "category"), code=code)
    as_of = timezone.now()
    on = timezone.localdate(as_of)
    uses = use_by_agency(request.user, [tool.pk], on)
    table = AgencyUseTable(uses, gettext("Agencies that use it"))
    configure(request, table, PER_PAGE)
    table.know()
    total = replace(added(uses), agencies=len(uses))
    return render(
        request,
        "oversight/tool_use.html",
        {
            "tool": tool,
            "table": table,
            "use": total,
            "cards": use_cards(_seen(request.user, total), f"?product={tool.code}"),
            "spread": spread_of_seat_costs(uses),
            **_around(codes_of_tool(tool, on), on, Statement.objects.filter(product=tool)),
            "as_of": as_of,
        },
    )


@require_safe
def vendor(request: SignedInRequest, code: str) -> HttpResponse:
    """The tools of a vendor with their use, and what policies and sources say of them."""
    company = get_object_or_404(Vendor, code=code)
    as_of = timezone.now()
    on = timezone.localdate(as_of)
    tools = list(company.products.all())
    found = use_by_tool(request.user, [tool.pk for tool in tools], on, agencies=True)
    rows = [ToolUse(tool, _seen(request.user, found.get(tool.pk, Use()))) for tool in tools]
    table = ToolUseTable(rows, gettext("Its AI tools"))
    configure(request, table, PER_PAGE)
    known = str(company.country or "") or None
    codes = codes_of_vendors([company], tools, known)
    return render(
        request,
        "oversight/vendor.html",
        {
            "vendor": company,
            "country": known or UNKNOWN,
            "country_name": country_name(known),
            "table": table,
            "cards": use_cards(_seen(request.user, added(found.values())), f"?vendor={company.code}"),
            **_around(codes, on, Statement.objects.filter(product__in=tools)),
            "as_of": as_of,
        },
    )


@require_safe
def country(request: SignedInRequest, code: str) -> HttpResponse:
    """The vendors under a country's jurisdiction ("unknown": those whose country is not known) with the use of their tools."""
    if code != UNKNOWN and not countries.name(code):
        raise Http404
    known = None if code == UNKNOWN else code
    there = Q(country=code) if known else Q(country__isnull=True) | Q(country="")
    vendors = list(Vendor.objects.filter(there))
    as_of = timezone.now()
    on = timezone.localdate(as_of)
    tools = list(Product.objects.filter(vendor__in=vendors))
    found = use_by_tool(request.user, [tool.pk for tool in tools], on, agencies=False)
    table = VendorUseTable(_by_vendor(request.user, vendors, tools, found), gettext("Vendors"))
    configure(request, table, PER_PAGE)
    return render(
        request,
        "oversight/country.html",
        {
            "code": code,
            "name": country_name(known),
            "known": known is not None,
            "table": table,
            "cards": use_cards(_seen(request.user, added(found.values()))),
            **_around(codes_of_country(vendors, tools, known), on),
            "as_of": as_of,
        },
    )


def country_name(code: str | None) -> str:
    return str(countries.name(code)) if code else gettext("Country not known")


def _by_vendor(
    user: User, vendors: Sequence[Vendor], tools: Sequence[Product], found: dict[int, Use]
) -> list[VendorUse]:
    theirs: dict[int, list[Product]] = defaultdict(list)
    for tool in tools:
        theirs[tool.vendor_id].append(tool)
    return [
        VendorUse(
            company,
            len(theirs[company.pk]),
            _seen(user, added(found[tool.pk] for tool in theirs[company.pk] if tool.pk in found)),
        )
        for company in vendors
    ]


def _seen(user: User, use: Use) -> Use | None:
    """None for somebody who sees no agency at all."""
    sight = user.sight()
    return use if sight.everything or sight.paths else None


def _around(codes: Codes, on: datetime.date, statements: QuerySet[Statement] | None = None) -> dict[str, Any]:
    """The tables of policies and of statements."""
    policies = policies_concerning(codes, on)
    found: dict[str, Any] = {"policies": ConcerningTable(policies) if policies else None}
    if statements is not None:
        published = statements.filter(pk__in=Statement.objects.published().values("pk"))
        shown = published.select_related("source", "product").prefetch_related("subject")
        rows = list(shown.order_by("source", "pk"))
        governments = list(Agency.objects.filter(kind__in=Agency.METROPOLITAN_AND_PROVINCIAL))
        found["statements"] = StatementsTable(rows, governments=governments) if rows else None
    return found
