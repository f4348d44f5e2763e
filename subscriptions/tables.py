"""The lists of subscriptions and findings, as tables for pages and files."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import django_tables2 as tables
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from figures.figure import Figure
from figures.formatting import amount_text, day
from figures.interval import Interval
from figures.standing import Gap, Missing, Qualifier, Standing
from policies.verdicts import Effect, Verdict
from subscriptions.models import Facts, Finding, Status, Subscription
from subscriptions.ordering import lowest_if_unknown
from subscriptions.origins import lacks_rate

NUMBER = {"th": {"class": "num"}}
NOWRAP = {"th": {"class": "nowrap"}}


def known(low: int | None, high: int | None, missing: Missing = Standing.NOT_GIVEN) -> Figure:
    """A flat fact's two columns as a figure: exact, "at least", between, or `missing`."""
    if low is None and high is None:
        return Figure.missing(missing)
    if high is None:
        return Figure(Standing.STATED, low, Interval(low or 0, None), 1, Qualifier.AT_LEAST)
    if low == high:
        return Figure.stated(high)
    return Figure(Standing.STATED, low, Interval(low or 0, high), 1, Qualifier.AT_LEAST)


def badge(state: str, label: Any) -> SafeString:
    return format_html('<span class="krds-badge state-{}">{}</span>', state, label)


def annual_cost(subscription: Subscription) -> Figure:
    facts = getattr(subscription, "facts", None)
    if facts is None:
        return Figure.missing()
    return known(facts.annual_cost_min, facts.annual_cost_max, why_cost_is_missing(subscription))


def why_cost_is_missing(subscription: Subscription) -> Missing:
    """What it is for want of, where nothing is known of a cost: a rate, if any is missing, else what nobody has given."""
    origin = getattr(subscription, "facts_origin", None)
    return Gap.RATE_MISSING if origin and lacks_rate(origin.rates) else Standing.NOT_GIVEN


def seats(subscription: Subscription) -> Figure:
    facts = getattr(subscription, "facts", None)
    return known(facts.seats_min, facts.seats_max) if facts else Figure.missing()


class SubscriptionTable(tables.Table):
    """Subscriptions; orders only by what an index serves."""

    reference = tables.Column(verbose_name=_("Reference"), orderable=False, attrs=NOWRAP)
    agency = tables.Column(verbose_name=_("Agency"), orderable=False)
    product = tables.Column(verbose_name=_("AI tool"), orderable=False)
    status = tables.Column(verbose_name=_("Status"), orderable=False)
    started_on = tables.Column(verbose_name=_("Starts"), attrs=NOWRAP, empty_values=())
    ends_on = tables.Column(verbose_name=_("Ends"), attrs=NOWRAP, empty_values=())
    seats = tables.Column(verbose_name=_("Seats"), attrs=NUMBER, empty_values=())
    annual_cost = tables.Column(verbose_name=_("Annual cost"), attrs=NUMBER, empty_values=())
    findings = tables.Column(verbose_name=_("Findings"), orderable=False, empty_values=())

    class Meta:
        template_name = "krds/table.html"
        order_by = ("-recorded",)
        sequence = (
            "reference",
            "agency",
            "product",
            "status",
            "started_on",
            "ends_on",
            "seats",
            "annual_cost",
            "findings",
        )

    # The newest first, until the reader asks for another order; no column shows it.
    recorded = tables.Column(accessor="pk", visible=False)

    def __init__(self, data: Any, **kwargs: Any) -> None:
        self.finding_counts: dict[int, dict[str, int]] = {}
        kwargs.setdefault("attrs", {"caption": _("Subscriptions")})
        super().__init__(data, **kwargs)

    def count_findings(self) -> None:
        """Fetch the open findings of the page's rows, in one query."""
        keys = [record.pk for record in self.paginated_rows.records]
        found = Finding.objects.open().filter(subscription__in=keys).order_by()
        for pk, verdict, count in found.values_list("subscription", "verdict").annotate(Count("pk")):
            self.finding_counts.setdefault(pk, {})[verdict] = count

    def render_reference(self, record: Subscription) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.reference)

    def render_agency(self, record: Subscription) -> str:
        return str(record.agency.short)

    def render_product(self, record: Subscription) -> str:
        return str(record.product)

    def render_status(self, record: Subscription) -> SafeString:
        return badge(record.status, STATUS_LABELS[record.status])

    def render_started_on(self, record: Subscription) -> str:
        return day(record.started_on)

    def render_ends_on(self, record: Subscription) -> str:
        return day(record.ends_on)

    def render_seats(self, record: Subscription) -> str:
        return amount_text(seats(record), money=False)

    def render_annual_cost(self, record: Subscription) -> SafeString | str:
        return amount_text(annual_cost(record))

    def render_findings(self, record: Subscription) -> SafeString | str:
        counts = self.finding_counts.get(record.pk)
        if not counts:
            return gettext("None")
        return format_html(
            "{}",
            SafeString(
                " ".join(
                    badge(verdict.value, f"{verdict.label} {counts[verdict.value]}")
                    for verdict in (Verdict.VIOLATION, Verdict.UNDETERMINED, Verdict.WAIVED)
                    if verdict.value in counts
                )
            ),
        )

    def order_recorded(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return rows.order_by("-pk" if descending else "pk"), True

    def order_started_on(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return by_date(rows, "started_on", descending), True

    def order_ends_on(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return by_date(rows, "ends_on", descending), True

    def order_seats(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return by_fact(rows, "seats", descending), True

    def order_annual_cost(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return by_fact(rows, "annual_cost", descending), True


STATUS_LABELS = {status.value: status.label for status in Status}


def _by(rows: QuerySet, value: Coalesce, key: str, descending: bool) -> QuerySet:
    order = (value.desc(), F(key).desc()) if descending else (value.asc(), F(key).asc())
    return rows.order_by(*order)


def by_date(rows: QuerySet, field: str, descending: bool) -> QuerySet:
    """Order by a date of the subscription; served by its index."""
    return _by(rows, lowest_if_unknown(field), "pk", descending)


def by_fact(rows: QuerySet, fact: str, descending: bool) -> QuerySet:
    """Order by a flat fact's known minimum; served by its index."""
    # Without a subscription that has no facts, since an index cannot serve those.
    rows = rows.filter(facts__isnull=False)
    return _by(rows, lowest_if_unknown(f"{fact}_min", "facts__"), "facts__subscription", descending)


class FindingTable(tables.Table):
    """Findings with what is at stake; orders only by when they were first seen."""

    policy = tables.Column(verbose_name=_("Policy"), orderable=False, accessor="policy_version")
    subscription = tables.Column(verbose_name=_("Subscription"), orderable=False)
    agency = tables.Column(verbose_name=_("Agency"), orderable=False, empty_values=())
    product = tables.Column(verbose_name=_("AI tool"), orderable=False, empty_values=())
    verdict = tables.Column(verbose_name=_("Verdict"), orderable=False)
    effect = tables.Column(verbose_name=_("Effect"), orderable=False)
    first_seen = tables.Column(verbose_name=_("Since"), attrs=NOWRAP)
    at_stake = tables.Column(verbose_name=_("Annual cost"), orderable=False, attrs=NUMBER, empty_values=())
    remedy_due = tables.Column(verbose_name=_("Remedy due"), orderable=False, attrs=NOWRAP, empty_values=())
    waiver = tables.Column(verbose_name=_("Waiver"), orderable=False, attrs=NOWRAP, empty_values=())
    assigned_to = tables.Column(verbose_name=_("Assigned to"), orderable=False, empty_values=())
    tick = tables.Column(
        verbose_name=_("Tick"), orderable=False, attrs={"th": {"class": "center"}}, empty_values=()
    )

    class Meta:
        template_name = "krds/table.html"
        order_by = ("-first_seen",)

    def __init__(self, data: Any, *, ticked: Collection[str] = (), **kwargs: Any) -> None:
        """`ticked`: the keys of findings whose boxes are ticked, since they were before a form came back."""
        kwargs.setdefault("attrs", {"caption": _("Findings")})
        self.ticked = ticked
        super().__init__(data, **kwargs)

    def render_policy(self, record: Finding) -> SafeString:
        url = reverse("subscriptions:finding", args=[record.pk])
        return format_html('<a href="{}">{}</a>', url, record.policy_version.title)

    def render_waiver(self, record: Finding) -> SafeString | str:
        if record.waiver is None:
            return record.get_cause_display() if record.cause else "–"
        url = reverse("subscriptions:waiver", args=[record.waiver.pk])
        until = gettext("until %(day)s") % {"day": day(record.waiver.valid_until)}
        return format_html('<a href="{}">{}</a>', url, until)

    def render_assigned_to(self, record: Finding) -> str:
        return str(record.assigned_to or "–")

    def render_tick(self, record: Finding) -> SafeString:
        label = gettext("Tick the finding on %(reference)s by %(policy)s") % {
            "reference": record.subscription.reference,
            "policy": record.policy_version.title,
        }
        return format_html(
            '<input type="checkbox" name="finding" value="{}" form="follow-up" aria-label="{}"{}>',
            record.pk,
            label,
            " checked" if str(record.pk) in self.ticked else "",
        )

    def render_subscription(self, record: Finding) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', record.subscription.get_absolute_url(), record.subscription.reference
        )

    def render_agency(self, record: Finding) -> str:
        return str(record.subscription.agency.short)

    def render_product(self, record: Finding) -> str:
        return str(record.subscription.product)

    def render_verdict(self, record: Finding) -> SafeString | str:
        if record.closed_at:
            return gettext("Closed: %(why)s") % {"why": record.get_closed_because_display()}
        return badge(record.verdict, Verdict(record.verdict).label)

    def render_effect(self, record: Finding) -> SafeString:
        return badge(record.effect, Effect(record.effect).label)

    def render_first_seen(self, record: Finding) -> str:
        return day(timezone.localdate(record.first_seen))

    def render_at_stake(self, record: Finding) -> str:
        return amount_text(annual_cost(record.subscription))

    def render_remedy_due(self, record: Finding) -> str:
        return day(record.remedy_due) if record.remedy_due else "–"

    def order_first_seen(self, rows: QuerySet, descending: bool) -> tuple[QuerySet, bool]:
        return (
            rows.order_by("-first_seen", "-pk") if descending else rows.order_by("first_seen", "pk")
        ), True


EXPORT_HEADER = [
    _("Reference"),
    _("Agency code"),
    _("Agency"),
    _("AI tool"),
    _("Vendor"),
    _("Status"),
    _("Starts"),
    _("Ends"),
    _("Seats, known minimum"),
    _("Seats, known maximum"),
    _("Annual cost in won, known minimum"),
    _("Annual cost in won, known maximum"),
    _("Annual cost"),
    _("Highest data class"),
    _("Owner department"),
]


def export_rows(rows: QuerySet) -> Any:
    """A header, then a row for each subscription: unknown cells are empty, and the cost in words says which unknown."""
    yield [str(title) for title in EXPORT_HEADER]
    for subscription in rows.select_related("agency", "product__vendor", "facts", "facts_origin").iterator(
        chunk_size=2000
    ):
        facts: Facts | None = getattr(subscription, "facts", None)
        yield [
            subscription.reference,
            subscription.agency.code,
            str(subscription.agency),
            str(subscription.product),
            str(subscription.product.vendor),
            str(STATUS_LABELS[subscription.status]),
            subscription.started_on,
            subscription.ends_on,
            facts.seats_min if facts else None,
            facts.seats_max if facts else None,
            facts.annual_cost_min if facts else None,
            facts.annual_cost_max if facts else None,
            amount_text(annual_cost(subscription)),
            subscription.get_data_class_display() or gettext("Not given"),
            subscription.owner_department or gettext("Not given"),
        ]
