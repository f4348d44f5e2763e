"""The tables of the pages of tools, vendors and countries: recorded use, the policies that concern them, and statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from catalog.models import Product, Vendor
from figures.formatting import number
from oversight.concerning import Concerning
from oversight.report_tables import anchor, badge
from oversight.tables import (
    UnknownLast,
    figure_cell,
    lines,
    not_visible,
    requested_text,
    total_cell,
    undetermined_text,
)
from oversight.use import Use
from policies.verdicts import Effect
from sources.models import Statement
from sources.tables import NOWRAP, NUMBER, WRAP, StatementTable


@dataclass(frozen=True)
class ToolUse:
    """A tool with what is recorded of it; None for somebody who sees no agency."""

    tool: Product
    use: Use | None


@dataclass(frozen=True)
class VendorUse:
    """A vendor with what is recorded of all its tools, likewise."""

    vendor: Vendor
    tools: int
    use: Use | None


def _use(row: Any) -> Use | None:
    return row if isinstance(row, Use) else row.use


def _by(key: Callable[[Use], Any]) -> Callable[[Any], Any]:
    return lambda row: None if (use := _use(row)) is None else key(use)


def _lowest(use: Use) -> float | None:
    ends = use.seat_cost_ends
    return float(ends[0]) if ends else None


USE_KEYS: dict[str, Callable[[Any], Any]] = {
    "tool": lambda row: str(row.tool),
    "vendor": lambda row: str(row.vendor),
    "tools": lambda row: row.tools,
    "agencies": _by(lambda use: use.agencies),
    "subscriptions": _by(lambda use: use.live),
    "seats": _by(lambda use: use.seats_low if use.seats_known else None),
    "annual_cost": _by(lambda use: use.cost_low if use.cost_known else None),
    "seat_cost": _by(_lowest),
    "findings": _by(lambda use: use.attention),
}


class ByUse(UnknownLast):
    keys = USE_KEYS


class UseTable(tables.Table):
    """What is recorded of each row: `Use`, or something with a `use`."""

    subscriptions = tables.Column(verbose_name=_("Recorded subscriptions"), attrs=NUMBER, empty_values=())
    seats = tables.Column(verbose_name=_("Seats"), attrs=NUMBER, empty_values=())
    annual_cost = tables.Column(verbose_name=_("Annual cost"), attrs=NUMBER, empty_values=())
    seat_cost = tables.Column(verbose_name=_("Annual cost per seat"), attrs=NUMBER, empty_values=())
    findings = tables.Column(verbose_name=_("Findings"), attrs=NUMBER, empty_values=())

    class Meta:
        template_name = "krds/table.html"
        order_by = "-annual_cost"

    def __init__(self, rows: Sequence[Any], caption: str, **kwargs: Any) -> None:
        super().__init__(ByUse(list(rows)), attrs={"caption": caption}, **kwargs)

    def render_subscriptions(self, record: Any) -> SafeString:
        use = _use(record)
        return lines(number(use.live), requested_text(use.requested)) if use else not_visible()

    def render_seats(self, record: Any) -> SafeString:
        use = _use(record)
        return total_cell(use.seats, money=False) if use else not_visible()

    def render_annual_cost(self, record: Any) -> SafeString:
        use = _use(record)
        return total_cell(use.annual_cost) if use else not_visible()

    def render_seat_cost(self, record: Any) -> SafeString:
        use = _use(record)
        return figure_cell(use.seat_cost) if use else not_visible()

    def render_findings(self, record: Any) -> SafeString:
        use = _use(record)
        return lines(number(use.attention), undetermined_text(use.undetermined)) if use else not_visible()


class AgencyUseTable(UseTable):
    """The rows are `Use` of agencies; `know` fetches those of the page that is shown."""

    agency = tables.Column(verbose_name=_("Agency"), empty_values=(), orderable=False, attrs=WRAP)

    class Meta(UseTable.Meta):
        sequence = ("agency", "...")

    def know(self) -> None:
        self.agencies = Agency.objects.in_bulk([row.record.of for row in self.page.object_list])

    def render_agency(self, record: Use) -> SafeString:
        assert record.of is not None
        return agency_link(self.agencies[record.of])


class ToolUseTable(UseTable):
    tool = tables.Column(verbose_name=_("AI tool"), empty_values=())
    agencies = tables.Column(verbose_name=_("Agencies"), attrs=NUMBER, empty_values=())

    class Meta(UseTable.Meta):
        sequence = ("tool", "agencies", "...")

    def render_tool(self, record: ToolUse) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("oversight:tool-use", args=[record.tool.code]), record.tool
        )

    def render_agencies(self, record: ToolUse) -> SafeString | str:
        return number(record.use.agencies) if record.use else not_visible()


class VendorUseTable(UseTable):
    vendor = tables.Column(verbose_name=_("Vendor"), empty_values=())
    tools = tables.Column(verbose_name=_("AI tools"), attrs=NUMBER, empty_values=())

    class Meta(UseTable.Meta):
        sequence = ("vendor", "tools", "...")

    def render_vendor(self, record: VendorUse) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("oversight:vendor", args=[record.vendor.code]), record.vendor
        )

    def render_tools(self, record: VendorUse) -> str:
        return number(record.tools)


class ConcerningTable(tables.Table):
    policy = tables.Column(verbose_name=_("Policy"), empty_values=(), attrs=WRAP)
    effect = tables.Column(verbose_name=_("Effect"), empty_values=(), attrs=NOWRAP)
    scope = tables.Column(verbose_name=_("Scope"), empty_values=())
    conditions = tables.Column(verbose_name=_("Conditions that speak of it"), empty_values=(), attrs=WRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Policies in force that concern it")}
        orderable = False

    def render_policy(self, record: Concerning) -> SafeString:
        version = record.version
        link = format_html(
            '<a href="{}">{}</a>', reverse("policies:detail", args=[version.policy.code]), version.title
        )
        if not version.demonstration:
            return link
        return format_html("{} {}", link, badge("demonstration", gettext("Demonstration")))

    def render_effect(self, record: Concerning) -> SafeString:
        effect = Effect(record.version.effect)
        return badge(effect.value, effect.label)

    def render_scope(self, record: Concerning) -> str:
        return gettext("%(agency)s and all below") % {"agency": record.version.scope.short}

    def render_conditions(self, record: Concerning) -> SafeString:
        phrases = format_html_join("", "<div>{}</div>", ((phrase,) for phrase in record.phrases))
        if not record.undecided:
            return phrases
        word = gettext("Cannot be decided: what it asks is not known")
        return format_html('{}<span class="gt-standing state-undetermined">{}</span>', phrases, word)


class StatementsTable(StatementTable):
    """Statements of several sources, fetched with them."""

    source = tables.Column(verbose_name=_("Source"), empty_values=())

    class Meta(StatementTable.Meta):
        attrs = {"caption": _("What published sources state")}
        sequence = ("source", "code", "...")
        row_attrs = {"id": lambda record: anchor(record)}

    def render_source(self, record: Statement) -> SafeString:
        address = f"{reverse('sources:detail', args=[record.source.code])}#{record.code}"
        return format_html('<a href="{}">{}</a>', address, record.source)


def agency_link(agency: Agency) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("oversight:agency", args=[agency.code]), agency.name)
