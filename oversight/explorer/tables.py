"""The table of an answer: groups with their figures, what these leave out, subtotals and the total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django_tables2.data import TableListData

from figures.figure import Total
from figures.formatting import number, won_exact
from figures.interval import round_half_up
from oversight.explorer.address import Address, records_url
from oversight.explorer.answer import Answer, Key
from oversight.explorer.lines import Kind, Line, has_shares, lay_out, ordered, total_line
from oversight.explorer.question import Dimension
from oversight.explorer.reading import figure_text, interval, left_out_text, parts
from oversight.explorer.wording import column_name, title
from oversight.tables import lines as cell_lines

PER_PAGE = 50
NUMBER = {"th": {"class": "num nowrap"}}


def column_labels() -> dict[str, str]:
    """The names of the columns that a reader may choose."""
    return {
        "share": gettext("Share of total"),
        "before": gettext("A year earlier"),
        "change": gettext("Difference"),
        "at_least": gettext("At least"),
        "at_most": gettext("At most"),
        "known": gettext("Figures known"),
        "missing": gettext("Figures not known"),
    }


class Lines(TableListData):
    """An answer's lines in any order, laid out so that every page says which group it is in."""

    def __init__(self, answer: Answer, per_page: int, sort: str) -> None:
        self.answer, self.per_page = answer, per_page
        super().__init__(list(lay_out(ordered(answer, sort), per_page)))

    def order_by(self, aliases: Any) -> None:
        alias = next(iter(aliases), "")
        self.data = list(lay_out(ordered(self.answer, str(alias)), self.per_page))


class AnswerTable(tables.Table):
    """`per_page` lines a page; the columns that `address` asks for."""

    class Meta:
        template_name = "krds/table.html"
        row_attrs = {"class": lambda record: "subtotal" if record.kind is Kind.SUBTOTAL else ""}
        attrs = {"class": "gt-answer"}

    def __init__(self, answer: Answer, address: Address, per_page: int = PER_PAGE, **kwargs: Any) -> None:
        self.answer, self.address, self.money = answer, address, answer.question.measure.money
        self.whole = total_line(answer)
        names = ["first", "second"][: len(answer.question.by)]
        labels = column_labels()
        wanted = [name for name, _label, shown in column_choices(answer, address) if shown]
        super().__init__(
            Lines(answer, per_page, address.sort),
            extra_columns=[
                *(
                    (name, _column(column_name(dimension), name, place=True))
                    for name, dimension in zip(names, answer.question.by, strict=True)
                ),
                ("figure", _column(str(answer.question.measure.label), "figure")),
                *((name, _column(labels[name], name)) for name in wanted),
            ],
            attrs={**self.Meta.attrs, "caption": title(answer)},
            **kwargs,
        )

    def render_first(self, record: Line) -> SafeString | str:
        assert record.first is not None
        text = self._group(record.first, self.answer.question.by[0])
        return format_html(gettext("{} (continued)"), text) if record.continued else text

    def render_second(self, record: Line) -> SafeString | str:
        if record.second is None:
            return gettext("All together")
        return self._group(record.second, self.answer.question.by[1])

    def _group(self, key: Key, dimension: Dimension) -> SafeString | str:
        if dimension == Dimension.PLACE and key.opens:
            return format_html('<a href="{}">{}</a>', self.address.one_level_down(key), key.label)
        return key.label

    def render_figure(self, record: Line) -> SafeString:
        return figure_cell(record.total, self.money, records_url(self.answer.question, record.row.keys))

    def render_share(self, record: Line) -> str:
        return record.share

    def render_before(self, record: Line) -> SafeString | str:
        if record.row.before is not None:
            return figure_cell(record.row.before, self.money)
        return "" if record.kind is Kind.TOTAL else gettext("None")

    def render_change(self, record: Line) -> str:
        if record.change is not None:
            return record.change.text(self.money)
        return "" if record.kind is Kind.TOTAL else gettext("Unknown")

    def render_at_least(self, record: Line) -> str:
        return self._exact(parts(record.total).at_least)

    def render_at_most(self, record: Line) -> str:
        return self._exact(parts(record.total).at_most)

    def render_known(self, record: Line) -> str:
        return number(record.total.given)

    def render_missing(self, record: Line) -> str:
        return number(record.total.gaps)

    def _exact(self, value: int | None) -> str:
        if value is None:
            return ""
        return won_exact(value) if self.money else number(value)

    def foot(self, name: str) -> SafeString | str:
        if name == "first":
            return gettext("Total")
        if name == "second":
            return ""
        cell: SafeString | str = getattr(self, f"render_{name}")(self.whole)
        return cell


def _column(name: str, part: str, place: bool = False) -> tables.Column:
    return tables.Column(
        verbose_name=name,
        accessor="row",
        empty_values=(),
        attrs={} if place else NUMBER,
        footer=lambda table: table.foot(part),
    )


def figure_cell(total: Total, money: bool, url: str = "") -> SafeString:
    """The figure with its exact value or interval at hand, what it leaves out under it, and a link to its records."""
    text: SafeString | str = figure_text(total, money)
    if total.known.is_known:
        exact = won_exact if money else number
        span = interval(total)
        at_hand = exact(total.known.shown or 0)
        if span.high is not None and not span.is_exact:
            at_hand = gettext("between %(low)s and %(high)s") % {
                "low": exact(round_half_up(span.low)),
                "high": exact(round_half_up(span.high)),
            }
        text = format_html(
            '<data class="figure" value="{}" title="{}">{}</data>', total.known.shown, at_hand, text
        )
    else:
        text = format_html('<span class="figure figure--missing">{}</span>', text)
    if url:
        text = format_html('<a href="{}">{}</a>', url, text)
    return cell_lines(text, left_out_text(total, money))


def column_choices(answer: Answer, address: Address) -> Sequence[tuple[str, str, bool]]:
    """(name, label, whether it is shown) of each column that can be chosen for this answer."""
    offered = []
    for name, label in column_labels().items():
        if name in ("before", "change") and not (address.compare and answer.is_compared):
            continue
        if name == "share" and not has_shares(answer):
            continue
        offered.append((name, label, name in address.shown_columns))
    return offered
