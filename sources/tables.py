"""Sources and their statements as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from figures.formatting import day, figure_html
from figures.naming import named
from sources.models import Source, Statement
from sources.plausibility import Flag
from sources.wording import period_text, rounding_text, subject_text

WRAP: dict[str, Any] = {"th": {"class": "wrap"}}
NUMBER: dict[str, Any] = {"th": {"class": "num"}}
NOWRAP: dict[str, Any] = {"th": {"class": "nowrap"}}


def missing(text: object) -> SafeString:
    return format_html('<span class="gt-standing state-not_given">{}</span>', text)


def flags_html(flags: Sequence[Flag]) -> SafeString:
    """What cannot be right about a figure, for beside it; nothing where nothing is."""
    return format_html_join(
        "",
        '<div class="gt-flag"><span class="krds-badge small state-warning">{}</span> {}</div>',
        ((gettext("To be checked"), flag.reason) for flag in flags),
    )


class SourceTable(tables.Table):
    label = tables.Column(verbose_name=_("Source"), attrs=WRAP)
    report = tables.Column(verbose_name=_("Report it tells of"), orderable=False, empty_values=(), attrs=WRAP)
    publisher = tables.Column(verbose_name=_("Publisher"), empty_values=())
    dated = tables.Column(verbose_name=_("Date of the document"), empty_values=(), attrs=NOWRAP)
    statement_count = tables.Column(verbose_name=_("Statements"), attrs=NUMBER)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Sources")}
        empty_text = _("There is no source yet.")

    def render_label(self, record: Source) -> SafeString | str:
        link = format_html('<a href="{}">{}</a>', reverse("sources:detail", args=[record.code]), record.label)
        if record.published_at:
            return link
        badge = format_html('<span class="krds-badge small state-draft">{}</span>', gettext("Not published"))
        return format_html("{} {}", link, badge)

    def order_label(self, queryset: Any, is_descending: bool) -> tuple[Any, bool]:
        return queryset.order_by(("-" if is_descending else "") + named("label"), "pk"), True

    def render_report(self, record: Source) -> SafeString | str:
        if record.report is None:
            return gettext("None")
        address = f"{reverse('oversight:report', args=[record.report.code])}?source={record.code}"
        return format_html('<a href="{}">{}</a>', address, record.report)

    def render_publisher(self, value: str) -> SafeString | str:
        return value or missing(gettext("Not given"))

    def render_dated(self, value: Any) -> SafeString | str:
        return day(value) if value else missing(gettext("Not given"))


class StatementTable(tables.Table):
    code = tables.Column(verbose_name=_("Code"), attrs=NOWRAP)
    subject = tables.Column(verbose_name=_("Of whom"), empty_values=())
    measure = tables.Column(verbose_name=_("Measure"))
    product = tables.Column(verbose_name=_("AI tool"), default="–")
    period_from = tables.Column(verbose_name=_("Period"), empty_values=(), attrs=NOWRAP)
    value = tables.Column(verbose_name=_("Value"), empty_values=(), attrs=NUMBER)
    rank = tables.Column(verbose_name=_("Rank"), default="–", attrs=NUMBER)
    text = tables.Column(verbose_name=_("In our words"), empty_values=(), attrs=WRAP)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Statements of this source")}
        # Policies and figures link to a statement by its code.
        row_attrs = {"id": lambda record: record.code}
        orderable = False

    def __init__(
        self,
        *args: Any,
        governments: Sequence[Agency],
        flags: Mapping[int, Sequence[Flag]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.governments, self.flags = governments, flags or {}

    def render_subject(self, record: Statement) -> str:
        return subject_text(record, self.governments)

    def render_product(self, record: Statement) -> SafeString:
        assert record.product is not None
        address = reverse("catalog:detail", args=[record.product.code])
        return format_html('<a href="{}">{}</a>', address, record.product)

    def render_period_from(self, record: Statement) -> SafeString | str:
        given = record.period_from or record.period_until
        return period_text(record) if given else missing(period_text(record))

    def render_value(self, record: Statement) -> SafeString:
        figure = figure_html(record.figure, money=record.is_money)
        rounding = rounding_text(record)
        below = format_html('<div class="gt-quiet">{}</div>', rounding) if rounding else ""
        return format_html("{}{}{}", figure, below, flags_html(self.flags.get(record.pk, ())))

    def render_text(self, record: Statement) -> SafeString:
        if not record.note:
            return format_html("<p>{}</p>", record.text)
        return format_html('<p>{}</p><p class="gt-quiet">{}</p>', record.text, record.note)
