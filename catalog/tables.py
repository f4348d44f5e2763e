"""AI tools as a table."""

from __future__ import annotations

import datetime
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from catalog.describing import FACT_COUNT, unknown_facts
from catalog.models import Product
from catalog.tool_facts import tool_facts
from figures.naming import named


def not_known() -> SafeString:
    return format_html('<span class="gt-standing state-unknown">{}</span>', gettext("Not known"))


class ToolTable(tables.Table):
    name = tables.Column(verbose_name=_("AI tool"))
    vendor = tables.Column(verbose_name=_("Vendor"))
    country = tables.Column(verbose_name=_("Vendor country"), accessor="vendor__country", empty_values=())
    category = tables.Column(verbose_name=_("Category"), empty_values=())
    reviewed = tables.Column(verbose_name=_("Review"))
    facts = tables.Column(
        verbose_name=_("Facts known"), empty_values=(), orderable=False, attrs={"th": {"class": "wrap"}}
    )

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("AI tools")}

    def know(self, on: datetime.date) -> None:
        """Fetch the facts of the tools on the page that is shown, all at once."""
        self.columns_of = tool_facts([row.record.pk for row in self.page.object_list], on)

    def render_name(self, record: Product) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("catalog:detail", args=[record.code]), record.name)

    def render_vendor(self, record: Product) -> SafeString:
        address = reverse("oversight:vendor", args=[record.vendor.code])
        return format_html('<a href="{}">{}</a>', address, record.vendor)

    def render_country(self, record: Product) -> SafeString:
        country = str(record.vendor.country or "")
        address = reverse("oversight:country", args=[country or "unknown"])
        text = countries.name(country) if country else not_known()
        return format_html('<a href="{}">{}</a>', address, text)

    def render_category(self, record: Product) -> SafeString | str:
        return str(record.category) if record.category else not_known()

    def render_reviewed(self, record: Product) -> SafeString:
        state, text = (
            ("success", gettext("Reviewed")) if record.reviewed else ("pending", gettext("Not reviewed yet"))
        )
        return format_html('<span class="krds-badge small state-{}">{}</span>', state, text)

    def render_facts(self, record: Product) -> SafeString | str:
        unknown = unknown_facts(self.columns_of[record.pk])
        known = gettext("%(known)s of %(all)s") % {"known": FACT_COUNT - len(unknown), "all": FACT_COUNT}
        if not unknown:
            return known
        missing = gettext("Not known: %(facts)s") % {"facts": ", ".join(unknown)}
        return format_html('{}<div class="gt-quiet">{}</div>', known, missing)

    def order_name(self, tools: Any, is_descending: bool) -> tuple[Any, bool]:
        return self._by(tools, is_descending, named("name"))

    def order_vendor(self, tools: Any, is_descending: bool) -> tuple[Any, bool]:
        return self._by(tools, is_descending, named("vendor__name"))

    def order_category(self, tools: Any, is_descending: bool) -> tuple[Any, bool]:
        return self._by(tools, is_descending, named("category__name"))

    def _by(self, tools: Any, is_descending: bool, field: str) -> tuple[Any, bool]:
        return tools.order_by(("-" if is_descending else "") + field, "pk"), True
