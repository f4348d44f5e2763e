"""The renewal list: what it can be narrowed to, its columns, and the same as a file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.models import Product
from figures.formatting import amount_text, day
from subscriptions.filters import AgencyFilter, OfferingFilterSet, ProductFilter
from subscriptions.forms import DateInput
from subscriptions.models import Renewal
from subscriptions.tables import NOWRAP, NUMBER, annual_cost, badge

SOON = "90"
STATES = {"open": "pending", "ending": "ended", "renewed": "success", "ended": "ended"}
# What the list shows when nothing was asked: what is to be decided within ninety days.
UNASKED = {"when": SOON, "state": Renewal.State.OPEN.value}


class RenewalFilter(OfferingFilterSet):
    when = django_filters.ChoiceFilter(
        label=_("Last day to give notice"),
        choices=[
            ("30", _("Within 30 days")),
            ("90", _("Within 90 days")),
            ("180", _("Within 180 days")),
            ("passed", _("Passed, the term still runs")),
            ("over", _("The term is over")),
            ("unknown", _("No end is given")),
        ],
        method="falls",
        empty_label=_("Any day"),
    )
    since = django_filters.DateFilter(
        label=_("Last day from"), field_name="notice_by", lookup_expr="gte", widget=DateInput()
    )
    until = django_filters.DateFilter(
        label=_("Last day until"), field_name="notice_by", lookup_expr="lte", widget=DateInput()
    )
    agency = AgencyFilter(label=_("Agency and all below"), method="kept")
    product = ProductFilter(label=_("AI tool"), method="of_product")
    department = django_filters.CharFilter(
        label=_("Owner department"),
        field_name="subscription__owner_department",
        lookup_expr="icontains",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    auto_renewal = django_filters.ChoiceFilter(
        label=_("Automatic renewal"),
        choices=[("yes", _("Yes")), ("no", _("No")), ("unknown", _("Not given"))],
        method="by_itself",
    )
    state = django_filters.ChoiceFilter(label=_("Decision"), choices=Renewal.State.choices)

    class Meta:
        model = Renewal
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.on: datetime.date = kwargs.pop("on", None) or timezone.localdate()
        super().__init__(*args, **kwargs)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """An agency narrows what the reader sees, as in the list of subscriptions."""
        agency = self.form.cleaned_data.get("agency")
        if agency is not None:
            queryset = Renewal.objects.visible_to(self.request.user, within=agency)
        rows = super().filter_queryset(queryset)
        if self.form.cleaned_data.get("when") != "unknown":
            rows = rows.filter(notice_by__isnull=False)
        return rows

    def kept(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows

    def falls(self, rows: QuerySet, name: str, when: str) -> QuerySet:
        if when == "unknown":
            return without_end(rows)
        if when == "passed":
            return passed(rows, self.on)
        if when == "over":
            return rows.filter(ends_on__lt=self.on, state__in=Renewal.CURRENT)
        return rows.filter(notice_by__range=(self.on, self.on + datetime.timedelta(days=int(when))))

    def of_product(self, rows: QuerySet, name: str, product: Product) -> QuerySet:
        return rows.filter(subscription__product=product)

    def by_itself(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(auto_renewal={"yes": True, "no": False}.get(value))


def passed(rows: QuerySet, on: datetime.date) -> QuerySet:
    """Undecided although the last day to give notice is over, while the term still runs."""
    return rows.filter(state=Renewal.State.OPEN, notice_by__lt=on, ends_on__gte=on)


def without_end(rows: QuerySet) -> QuerySet:
    """Those of which nobody can say when they are to be renewed."""
    return rows.filter(notice_by__isnull=True, state__in=Renewal.CURRENT)


def asked(query: QueryDict) -> Any:
    """The filters of an address; one without any asks for what is to be decided soon."""
    if set(query) - {"page", "sort", "_export"}:
        return query
    given = query.copy()
    given.update(UNASKED)
    return given


def with_columns() -> QuerySet:
    """What the list shows of each."""
    return Renewal.objects.select_related(
        "agency", "decided_by", "subscription__product", "subscription__facts", "subscription__facts_origin"
    )


def notice_text(renewal: Renewal) -> str:
    """The last day to give notice; “at the latest” where the notice days are not known."""
    if renewal.notice_by is None:
        return gettext("Not given")
    if renewal.is_exact:
        return day(renewal.notice_by)
    return gettext("%(day)s at the latest") % {"day": day(renewal.notice_by)}


def yes_no(value: bool | None) -> str:
    return gettext("Not given") if value is None else gettext("Yes") if value else gettext("No")


def state_text(renewal: Renewal) -> str:
    """What was decided, in words: “Renewed until Dec. 31, 2027”."""
    if renewal.renewed_until:
        return gettext("Renewed until %(day)s") % {"day": day(renewal.renewed_until)}
    return str(renewal.get_state_display())


class RenewalTable(tables.Table):
    """Ends of terms by the last day to give notice; orders only by what an index serves."""

    reference = tables.Column(verbose_name=_("Reference"), orderable=False, attrs=NOWRAP, empty_values=())
    agency = tables.Column(verbose_name=_("Agency"), orderable=False)
    product = tables.Column(verbose_name=_("AI tool"), orderable=False, empty_values=())
    department = tables.Column(verbose_name=_("Owner department"), orderable=False, empty_values=())
    notice_by = tables.Column(verbose_name=_("Last day to give notice"), attrs=NOWRAP, empty_values=())
    ends_on = tables.Column(verbose_name=_("Ends"), orderable=False, attrs=NOWRAP, empty_values=())
    auto_renewal = tables.Column(verbose_name=_("Automatic renewal"), orderable=False, empty_values=())
    annual_cost = tables.Column(verbose_name=_("Annual cost"), orderable=False, attrs=NUMBER, empty_values=())
    state = tables.Column(verbose_name=_("Decision"), orderable=False)

    class Meta:
        template_name = "krds/table.html"
        order_by = ("notice_by",)

    def __init__(self, data: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"caption": _("Renewals")})
        super().__init__(data, **kwargs)

    def render_reference(self, record: Renewal) -> SafeString:
        one = record.subscription
        return format_html('<a href="{}#renewal">{}</a>', one.get_absolute_url(), one.reference)

    def render_agency(self, record: Renewal) -> str:
        return str(record.agency.short)

    def render_product(self, record: Renewal) -> str:
        return str(record.subscription.product)

    def render_department(self, record: Renewal) -> str:
        return record.subscription.owner_department or gettext("Not given")

    def render_notice_by(self, record: Renewal) -> str:
        return notice_text(record)

    def render_ends_on(self, record: Renewal) -> str:
        return day(record.ends_on)

    def render_auto_renewal(self, record: Renewal) -> str:
        return yes_no(record.auto_renewal)

    def render_annual_cost(self, record: Renewal) -> str:
        return amount_text(annual_cost(record.subscription))

    def render_state(self, record: Renewal) -> SafeString:
        return badge(STATES[record.state], state_text(record))

    def order_notice_by(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return rows.order_by(*(("-notice_by", "-pk") if descending else ("notice_by", "pk"))), True


HEADER = [
    _("Reference"),
    _("Agency code"),
    _("Agency"),
    _("AI tool"),
    _("Owner department"),
    _("Last day to give notice"),
    _("At the latest"),
    _("Ends"),
    _("Automatic renewal"),
    _("Notice days"),
    _("Annual cost in won, known minimum"),
    _("Annual cost in won, known maximum"),
    _("Decision"),
    _("Renewed until"),
    _("Notice given on"),
    _("Reason"),
]


def file_rows(rows: QuerySet) -> Iterator[list[Any]]:
    """A header, then a row for each end of a term; unknown cells are empty or say so."""
    yield [str(title) for title in HEADER]
    related = rows.select_related("agency", "subscription__product", "subscription__facts")
    for renewal in related.iterator(chunk_size=2000):
        one = renewal.subscription
        facts = getattr(one, "facts", None)
        yield [
            one.reference,
            renewal.agency.code,
            str(renewal.agency),
            str(one.product),
            one.owner_department or gettext("Not given"),
            renewal.notice_by,
            "" if renewal.is_exact or not renewal.notice_by else gettext("Yes"),
            renewal.ends_on,
            yes_no(renewal.auto_renewal),
            renewal.notice_days,
            facts.annual_cost_min if facts else None,
            facts.annual_cost_max if facts else None,
            str(renewal.get_state_display()),
            renewal.renewed_until,
            renewal.notice_given_on,
            renewal.reason,
        ]
