"""The tables of snapshots: their list, the figures of one, and these beside today's with what has changed them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from figures.figure import Total
from figures.formatting import number
from oversight.explorer.answer import Answer, Key
from oversight.explorer.lines import Kind, Line
from oversight.explorer.question import Dimension
from oversight.explorer.tables import NUMBER, AnswerTable, figure_cell
from oversight.explorer.wording import column_name
from oversight.models import Snapshot
from oversight.snapshots.causes import Told
from oversight.snapshots.comparing import ComparedLine
from oversight.snapshots.document import in_language
from oversight.tables import lines as cell_lines

PER_PAGE = 50


class SnapshotTable(tables.Table):
    """The newest first; whether each is intact is told on its own page, since it takes reading it all."""

    class Meta:
        model = Snapshot
        template_name = "krds/table.html"
        fields = ("title", "scope", "frozen_at", "frozen_by")
        order_by = "-frozen_at"
        attrs = {"caption": _("Frozen snapshots")}
        per_page = PER_PAGE

    scope = tables.Column(verbose_name=_("Scope"), empty_values=())

    def render_title(self, record: Snapshot) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.title)

    def render_scope(self, record: Snapshot) -> str:
        return str(record.scope) if record.scope else gettext("Everything")


class FrozenTable(AnswerTable):
    """Without links: what lies behind a number today is not what it was counted from."""

    class Meta(AnswerTable.Meta):
        """Without it, django-tables2 would take its own defaults."""

    def _group(self, key: Key, dimension: Dimension) -> SafeString | str:
        return key.label

    def render_figure(self, record: Line) -> SafeString:
        return figure_cell(record.total, self.money)


class ComparisonTable(tables.Table):
    """Every column is drawn from a `ComparedLine`."""

    class Meta:
        template_name = "krds/table.html"
        row_attrs = {
            "class": lambda record: (
                "subtotal" if record.kind is not Kind.ROW else "attention" if record.is_changed else ""
            )
        }
        attrs = {"class": "gt-answer"}

    def __init__(self, lines: Iterable[ComparedLine], answer: Answer, content: dict[str, Any]) -> None:
        self.money = answer.question.measure.money
        self.places = len(answer.question.by)
        names = ["first", "second"][: self.places]
        groups = [
            (name, _column(column_name(dimension)))
            for name, dimension in zip(names, answer.question.by, strict=True)
        ]
        super().__init__(
            list(lines),
            orderable=False,
            extra_columns=[
                *groups,
                ("frozen", _column(gettext("In the snapshot"), NUMBER)),
                ("today", _column(gettext("Today"), NUMBER)),
                ("difference", _column(gettext("Difference"), NUMBER)),
                ("causes", _column(gettext("What has changed"), {"th": {"class": "wrap"}})),
            ],
            attrs={
                **self.Meta.attrs,
                "caption": gettext("%(measure)s, in the snapshot and today")
                % {"measure": in_language(content["measure"]["label"])},
            },
        )

    def render_first(self, record: ComparedLine) -> SafeString | str:
        if not record.keys:
            return gettext("Total")
        called = record.called if len(record.keys) == 1 else ""
        return _named(record.keys[0].label, called)

    def render_second(self, record: ComparedLine) -> SafeString | str:
        if len(record.keys) < 2:
            return gettext("All together")
        return _named(record.keys[1].label, record.called)

    def render_frozen(self, record: ComparedLine) -> SafeString | str:
        return self._figure(record.frozen)

    def render_today(self, record: ComparedLine) -> SafeString | str:
        return self._figure(record.today)

    def _figure(self, total: Total | None) -> SafeString | str:
        return gettext("No such row") if total is None else figure_cell(total, self.money)

    def render_difference(self, record: ComparedLine) -> str:
        if not record.is_changed:
            return gettext("No change")
        if record.frozen is None:
            return gettext("Only today")
        if record.today is None:
            return gettext("Only in the snapshot")
        if record.was_nothing:
            return gettext("Nothing was recorded then")
        difference = record.difference
        return gettext("Nothing is recorded any more") if difference is None else difference.text(self.money)

    def render_causes(self, record: ComparedLine) -> SafeString | str:
        if not record.is_changed:
            return ""
        if not record.causes:
            return gettext(
                "No recorded change explains it. It may follow from the date alone, or from a record whose history begins later."
            )
        return format_html(
            '<ul class="gt-causes">{}</ul>',
            format_html_join("", "<li>{}</li>", ((_cause(cause),) for cause in record.causes)),
        )


def _named(label: str, called: str) -> SafeString | str:
    if not called:
        return label
    return cell_lines(label, gettext("Called “%(name)s” in the snapshot") % {"name": called})


def _cause(cause: Told) -> SafeString | str:
    if not cause.records:
        return cause.text
    links = format_html_join(", ", '<a href="{1}">{0}</a>', cause.records)
    if not cause.more:
        return format_html("{}: {}", cause.text, links)
    more = gettext("and %(count)s more") % {"count": number(cause.more)}
    return format_html("{}: {} {}", cause.text, links, more)


def _column(name: str, attrs: dict[str, Any] | None = None) -> tables.Column:
    return tables.Column(verbose_name=name, accessor="kind", empty_values=(), attrs=attrs or {})
