"""The tables of an agency's page: what each source states of it, what it paid, and the agencies below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from figures.formatting import day, number
from oversight.agency_page import PaidInYear, StatedOfIt
from oversight.recorded import Recorded
from oversight.report_tables import badge
from oversight.tables import (
    figure_cell,
    lines,
    not_visible,
    requested_text,
    total_cell,
    undetermined_text,
)
from oversight.use_tables import agency_link
from policies.verdicts import Verdict
from sources.tables import NOWRAP, NUMBER, WRAP
from subscriptions.models import Finding, Subscription
from subscriptions.tables import SubscriptionTable


class StatedTable(tables.Table):
    source = tables.Column(verbose_name=_("Source"), attrs=WRAP)
    period = tables.Column(verbose_name=_("Period"), empty_values=(), attrs=NOWRAP)
    spending = tables.Column(verbose_name=_("Stated spending"), attrs=NUMBER)
    users = tables.Column(verbose_name=_("Stated users"), attrs=NUMBER)
    per_user = tables.Column(verbose_name=_("Spending per user"), attrs=NUMBER)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Spending and users, as each source states them")}
        orderable = False

    def render_source(self, record: StatedOfIt) -> SafeString:
        address = reverse("sources:detail", args=[record.source.code])
        return format_html('<a href="{}">{}</a>', address, record.source)

    def render_period(self, record: StatedOfIt) -> SafeString | str:
        first, last = record.period
        if not (first or last):
            return format_html('<span class="gt-standing state-not_given">{}</span>', gettext("Not given"))
        return gettext("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}

    def render_spending(self, record: StatedOfIt) -> SafeString:
        return figure_cell(record.spending)

    def render_users(self, record: StatedOfIt) -> SafeString:
        return figure_cell(record.users, money=False)

    def render_per_user(self, record: StatedOfIt) -> SafeString:
        return figure_cell(record.per_user)


class PaidTable(tables.Table):
    year = tables.Column(verbose_name=_("Year"))
    total = tables.Column(verbose_name=_("Paid"), attrs=NUMBER)
    payments = tables.Column(verbose_name=_("Payments"), attrs=NUMBER)
    without_won = tables.Column(verbose_name=_("Without a won amount"), attrs=NUMBER)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Paid in each year")}
        orderable = False

    def render_total(self, record: PaidInYear) -> SafeString:
        return total_cell(record.total)

    def render_payments(self, value: int) -> str:
        return number(value)

    def render_without_won(self, value: int) -> str:
        return number(value)


class NewestTable(SubscriptionTable):
    """The newest subscriptions, as the list shows them; their findings are on their own pages."""

    class Meta(SubscriptionTable.Meta):
        orderable = False
        exclude = ("findings",)

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        super().__init__(list(subscriptions), attrs={"caption": _("The newest subscriptions")})


class NewestFindingsTable(tables.Table):
    policy = tables.Column(verbose_name=_("Policy"), accessor="policy_version", attrs=WRAP)
    subscription = tables.Column(verbose_name=_("Subscription"), attrs=NOWRAP)
    product = tables.Column(verbose_name=_("AI tool"), empty_values=())
    verdict = tables.Column(verbose_name=_("Verdict"))
    first_seen = tables.Column(verbose_name=_("Since"), attrs=NOWRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("The newest findings that need attention")}
        orderable = False

    def render_policy(self, record: Finding) -> SafeString:
        address = reverse("subscriptions:finding", args=[record.pk])
        return format_html('<a href="{}">{}</a>', address, record.policy_version.title)

    def render_subscription(self, record: Finding) -> SafeString:
        subscription = record.subscription
        return format_html('<a href="{}">{}</a>', subscription.get_absolute_url(), subscription.reference)

    def render_product(self, record: Finding) -> str:
        return str(record.subscription.product)

    def render_verdict(self, record: Finding) -> SafeString:
        return badge(record.verdict, Verdict(record.verdict).label)

    def render_first_seen(self, record: Finding) -> str:
        return day(timezone.localdate(record.first_seen))


class BelowTable(tables.Table):
    """Rows are agencies; `know` gives those of the page that is shown what is recorded of them, by their paths."""

    agency = tables.Column(verbose_name=_("Agency"), empty_values=(), attrs=WRAP)
    kind = tables.Column(verbose_name=_("Kind"), accessor="get_kind_display")
    subscriptions = tables.Column(verbose_name=_("Recorded subscriptions"), empty_values=(), attrs=NUMBER)
    annual_cost = tables.Column(verbose_name=_("Recorded annual cost"), empty_values=(), attrs=NUMBER)
    findings = tables.Column(verbose_name=_("Findings"), empty_values=(), attrs=NUMBER)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Agencies below it, each with all below")}
        orderable = False

    def __init__(self, agencies: QuerySet[Agency]) -> None:
        super().__init__(agencies)
        self.recorded: dict[str, Recorded] = {}

    @property
    def shown(self) -> list[Agency]:
        """The agencies of the page that is shown."""
        return [row.record for row in self.page.object_list]

    def know(self, recorded: dict[str, Recorded]) -> None:
        self.recorded = recorded

    def render_agency(self, record: Agency) -> SafeString:
        return agency_link(record)

    def render_subscriptions(self, record: Agency) -> Any:
        found = self.recorded.get(record.path)
        return lines(number(found.subscriptions), requested_text(found.requested)) if found else not_visible()

    def render_annual_cost(self, record: Agency) -> Any:
        found = self.recorded.get(record.path)
        return total_cell(found.annual_cost) if found else not_visible()

    def render_findings(self, record: Agency) -> Any:
        found = self.recorded.get(record.path)
        return (
            lines(number(found.attention), undetermined_text(found.undetermined)) if found else not_visible()
        )
