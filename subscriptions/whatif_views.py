"""The page that shows a policy officer what a draft would hit, before it takes effect."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from agencies.models import Agency, Role
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from audit.events import exported
from catalog.models import Product
from figures.formatting import amount_text
from policies.models import PolicyVersion
from policies.reading import versions_readable_by
from policies.verdicts import Verdict
from subscriptions.filters import AgencyFilter, OfferingFilterSet, ProductFilter
from subscriptions.listing import FILES, PAGE_SIZE, file_of
from subscriptions.models import Facts
from subscriptions.tables import NUMBER, annual_cost, badge
from subscriptions.whatif import preview, rows_changing

VERDICTS = [(verdict.value, verdict.label) for verdict in Verdict]


class ChangeFilter(OfferingFilterSet):
    agency = AgencyFilter(label=_("Agency and all below"), method="within")
    product = ProductFilter(label=_("AI tool"), method="of_product")
    before = django_filters.ChoiceFilter(label=_("Now"), choices=VERDICTS)
    after = django_filters.ChoiceFilter(label=_("Then"), choices=VERDICTS)

    class Meta:
        model = Facts
        fields: list[str] = []

    def within(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows.filter(agency_path__within=agency.path)

    def of_product(self, rows: QuerySet, name: str, product: Product) -> QuerySet:
        return rows.filter(product=product.code)


class ChangeTable(tables.Table):
    """The subscriptions whose verdict would change."""

    subscription = tables.Column(verbose_name=_("Subscription"))
    agency = tables.Column(verbose_name=_("Agency"), empty_values=())
    product = tables.Column(verbose_name=_("AI tool"))
    before = tables.Column(verbose_name=_("Now"))
    after = tables.Column(verbose_name=_("Then"))
    annual_cost = tables.Column(verbose_name=_("Annual cost"), attrs=NUMBER, empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Subscriptions whose verdict would change")}
        orderable = False

    def render_subscription(self, record: Facts) -> SafeString:
        subscription = record.subscription
        return format_html('<a href="{}">{}</a>', subscription.get_absolute_url(), subscription.reference)

    def render_agency(self, record: Facts) -> str:
        return str(record.subscription.agency.short)

    def render_product(self, record: Facts) -> str:
        return str(record.subscription.product)

    def render_before(self, value: str) -> SafeString:
        return badge(value, Verdict(value).label)

    def render_after(self, value: str) -> SafeString:
        return badge(value, Verdict(value).label)

    def render_annual_cost(self, record: Facts) -> str:
        return amount_text(annual_cost(record.subscription))


@require_GET
def what_if(request: SignedInRequest, code: str, number: int) -> HttpResponseBase:
    """For policy officers of the policy's owner; the subscriptions listed are those that they may see."""
    version = get_object_or_404(
        versions_readable_by(request.user)
        .select_related("policy__owner", "scope")
        .prefetch_related("conditions"),
        policy__code=code,
        number=number,
    )
    if not request.user.has_role(Role.POLICY_OFFICER, at=version.policy.owner):
        raise PermissionDenied
    today = timezone.localdate()
    if version.status == PolicyVersion.Status.RETIRED or not version.conditions.all():
        raise Http404(gettext("Nothing to preview: the version is retired, or has no condition."))
    rows = rows_changing(version, today).visible_to(request.user)
    rows = rows.select_related(
        "subscription__agency", "subscription__product", "subscription__facts_origin"
    ).order_by("-pk")
    filters = ChangeFilter(request.GET, queryset=rows, request=request)
    if "_export" in request.GET:
        if not filters.is_valid() or request.GET["_export"] not in FILES:
            return render(request, "subscriptions/export_refused.html", {"form": filters.form}, status=400)
        exported(request, filters.qs.order_by().count(), request.GET["_export"])
        return file_of(_export(filters.qs), f"what-if-{code}", request.GET["_export"], gettext("What-if"))
    table = ChangeTable(filters.qs if filters.is_valid() else rows.none())
    configure(request, table, PAGE_SIZE)
    result = preview(version, today)
    cards = [
        (_("Newly in violation"), result.newly_violating, "danger"),
        (_("Newly undetermined"), result.newly_undetermined, "warning"),
        (_("Newly passing"), result.newly_passing, "success"),
    ]
    return render(
        request,
        "subscriptions/what_if.html",
        {
            "version": version,
            "preview": result,
            "cards": cards,
            "table": table,
            "filter": filters,
            "on": today,
        },
    )


def _export(rows: QuerySet) -> Any:
    yield [
        gettext("Reference"),
        gettext("Agency code"),
        gettext("Agency"),
        gettext("AI tool"),
        gettext("Now"),
        gettext("Then"),
        gettext("Annual cost in won, known minimum"),
        gettext("Annual cost in won, known maximum"),
    ]
    for row in rows.iterator(chunk_size=2000):
        agency = row.subscription.agency
        yield [
            row.subscription.reference,
            agency.code,
            str(agency),
            str(row.subscription.product),
            str(Verdict(row.before).label),
            str(Verdict(row.after).label),
            row.annual_cost_min,
            row.annual_cost_max,
        ]
