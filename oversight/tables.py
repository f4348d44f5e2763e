"""The table of spending by agency: every cell says what it knows, or which kind of unknown it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_tables2.data import TableListData

from figures.figure import Figure, Total
from figures.formatting import amount_text, bound_text, figure_html, gaps_text, known_text, number
from oversight.spending import Row, Spending, per_user_together

NUMBER = {"th": {"class": "num nowrap"}}

SORT_KEYS: dict[str, Callable[[Row], Any]] = {
    "agency": lambda row: row.name,
    "spending": lambda row: row.spending.value,
    "users": lambda row: row.users.value,
    "per_user": lambda row: row.per_user.value,
    "subscriptions": lambda row: row.recorded and row.recorded.subscriptions,
    "annual_cost": lambda row: row.recorded and row.recorded.annual_cost.known.value,
    "findings": lambda row: row.recorded and row.recorded.attention,
}


class UnknownLast(TableListData):
    """Rows that are ordered by what is known of them; what is not known comes last in either direction."""

    data: list[Any]
    keys: Mapping[str, Callable[[Any], Any]] = SORT_KEYS

    def order_by(self, aliases: Any) -> None:
        for alias in reversed(aliases):
            key = self.keys[alias.bare]
            known = [row for row in self.data if key(row) is not None]
            unknown = [row for row in self.data if key(row) is None]
            self.data = sorted(known, key=key, reverse=alias.is_descending) + unknown


class SpendingTable(tables.Table):
    """The rows of a `Spending` with its sums in the footer."""

    agency = tables.Column(verbose_name=_("Agency"), footer=_("Total"))
    spending = tables.Column(
        verbose_name=_("Stated spending"), attrs=NUMBER, footer=lambda table: table.foot_spending()
    )
    users = tables.Column(
        verbose_name=_("Stated users"), attrs=NUMBER, footer=lambda table: table.foot_users()
    )
    per_user = tables.Column(
        verbose_name=_("Spending per user"), attrs=NUMBER, footer=lambda table: table.foot_per_user()
    )
    subscriptions = tables.Column(
        verbose_name=_("Recorded subscriptions"),
        attrs=NUMBER,
        accessor="recorded",
        empty_values=(),
        footer=lambda table: table.foot_recorded("subscriptions"),
    )
    annual_cost = tables.Column(
        verbose_name=_("Recorded annual cost"),
        attrs=NUMBER,
        accessor="recorded",
        empty_values=(),
        footer=lambda table: table.foot_recorded("annual_cost"),
    )
    findings = tables.Column(
        verbose_name=_("Findings"),
        attrs=NUMBER,
        accessor="recorded",
        empty_values=(),
        footer=lambda table: table.foot_recorded("findings"),
    )

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Spending by agency")}
        order_by = "-spending"

    def __init__(self, spending: Spending, **kwargs: Any) -> None:
        self.of = spending
        super().__init__(UnknownLast(list(spending.rows)), **kwargs)
        if not self.order_by:  # type: ignore[has-type]  # asked for a column that is not there
            self.order_by = self._meta.order_by

    @property
    def ordered_rows(self) -> list[Row]:
        """The rows as the table shows them."""
        return list(self.data)

    def render_agency(self, record: Row) -> SafeString | str:
        if record.recorded is None:
            return record.name
        url = f"{reverse('subscriptions:list')}?agency={record.agency.code}"
        return format_html('<a href="{}">{}</a>', url, record.name)

    def render_spending(self, value: Figure) -> SafeString:
        return figure_cell(value)

    def render_users(self, value: Figure) -> SafeString:
        return figure_cell(value, money=False)

    def render_per_user(self, value: Figure) -> SafeString:
        return figure_cell(value)

    def render_subscriptions(self, record: Row) -> SafeString | str:
        if record.recorded is None:
            return not_visible()
        return lines(number(record.recorded.subscriptions), requested_text(record.recorded.requested))

    def render_annual_cost(self, record: Row) -> SafeString | str:
        return not_visible() if record.recorded is None else total_cell(record.recorded.annual_cost)

    def render_findings(self, record: Row) -> SafeString | str:
        if record.recorded is None:
            return not_visible()
        if not record.recorded.attention:
            return number(0)
        url = f"{reverse('subscriptions:findings')}?state=open&agency={record.agency.code}"
        link = format_html('<a href="{}">{}</a>', url, number(record.recorded.attention))
        return lines(link, undetermined_text(record.recorded.undetermined))

    def foot_spending(self) -> SafeString:
        spending = self.of.spending
        if spending.together is None or spending.together.left is None:
            return total_cell(spending.total)
        return lines(
            amount_text(spending.together.figure),
            gettext("%(amount)s given by agency") % {"amount": amount_text(spending.by_agency.known)},
            gettext("%(amount)s not given by agency") % {"amount": amount_text(spending.together.left)},
        )

    def foot_users(self) -> SafeString:
        return total_cell(self.of.users.total, money=False)

    def foot_per_user(self) -> SafeString:
        together = per_user_together(self.of)
        if together is None:
            return figure_cell(self.of.per_user)
        assert self.of.users.together is not None
        count = len(self.of.users.together.agencies)
        of_which = ngettext("of %(count)s government", "of %(count)s governments", count) % {"count": count}
        return lines(figure_html(together[2]), of_which if count < len(self.of.rows) else "")

    def foot_recorded(self, measure: str) -> SafeString | str:
        recorded, hidden = self.of.recorded, len(self.of.rows) - self.of.visible
        if not self.of.visible:
            return not_visible() if hidden else number(0)
        unseen = gettext("%(count)s not visible to you") % {"count": number(hidden)} if hidden else ""
        if measure == "annual_cost":
            return lines(total_cell(recorded.annual_cost), unseen)
        if measure == "findings":
            return lines(number(recorded.attention), undetermined_text(recorded.undetermined), unseen)
        return lines(number(recorded.subscriptions), requested_text(recorded.requested), unseen)


def lines(first: Any, *more: str) -> SafeString:
    """A cell with quiet lines under what it says first; empty ones are left out."""
    cell = format_html("{}", first)
    for line in more:
        if line:
            cell += format_html('<div class="gt-quiet">{}</div>', line)
    return cell


def figure_cell(figure: Figure, money: bool = True) -> SafeString:
    """A figure, or the kind of unknown with what bounds it under it."""
    if figure.is_known:
        return figure_html(figure, money)
    label = format_html(
        '<span class="gt-standing state-{}">{}</span>', figure.standing, figure.standing.label
    )
    return lines(label, bound_text(figure, money))


def total_cell(total: Total, money: bool = True) -> SafeString:
    """A total with what it leaves out under it."""
    return lines(known_text(total, money), gaps_text(total))


def requested_text(count: int) -> str:
    return gettext("%(count)s of them requested") % {"count": number(count)} if count else ""


def undetermined_text(count: int) -> str:
    return gettext("%(count)s undetermined") % {"count": number(count)} if count else ""


def not_visible() -> SafeString:
    return format_html('<span class="gt-standing state-not_visible">{}</span>', gettext("Not visible to you"))
