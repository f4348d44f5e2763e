"""The tables of a report's page: statements with what stands beside them, and the governments' figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from figures.formatting import amount_text, bound_text, figure_html, interval_text
from oversight.following import Following
from oversight.recorded_beside import Beside, Outcome
from oversight.report import Government, Line
from sources.comparing import Comparison, Point, Relation
from sources.models import Statement
from sources.tables import NOWRAP, NUMBER, WRAP, flags_html
from sources.wording import period_text, rounding_text, subject_text

WHOLE_NUMBER: dict[str, Any] = {"th": {"class": "num nowrap"}}


def anchor(statement: Statement) -> str:
    return f"{statement.source.code}-{statement.code}"


def statement_link(statement: Statement) -> SafeString:
    """Its code, which leads to it on its source's page and names the source."""
    address = f"{reverse('sources:detail', args=[statement.source.code])}#{statement.code}"
    return format_html(
        '<a class="gt-link" href="{}" title="{}">{}</a>', address, statement.source, statement.code
    )


def statement_links(statements: Iterable[Statement]) -> SafeString:
    return format_html_join(", ", "{}", ((statement_link(statement),) for statement in statements))


def badge(state: str, text: object) -> SafeString:
    return format_html('<span class="krds-badge small state-{}">{}</span>', state, text)


def quiet(parts: Iterable[object]) -> SafeString:
    shown = [str(part) for part in parts if part]
    return format_html('<div class="gt-quiet">{}</div>', " · ".join(shown)) if shown else SafeString("")


class LineTable(tables.Table):
    code = tables.Column(verbose_name=_("Code"), empty_values=(), attrs=NOWRAP)
    text = tables.Column(verbose_name=_("What is stated"), empty_values=(), attrs=WRAP)
    period = tables.Column(verbose_name=_("Period"), empty_values=(), attrs=NOWRAP)
    value = tables.Column(verbose_name=_("Value"), empty_values=(), attrs=NUMBER)
    recorded = tables.Column(verbose_name=_("Recorded for the same"), empty_values=())
    others = tables.Column(verbose_name=_("Other sources"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        row_attrs = {"id": lambda record: anchor(record.statement)}
        orderable = False

    def __init__(
        self, lines: Sequence[Line], caption: str, governments: Sequence[Agency], with_source: bool = False
    ) -> None:
        super().__init__(lines, attrs={"caption": caption})
        self.governments, self.with_source = governments, with_source

    def render_code(self, record: Line) -> SafeString:
        link = statement_link(record.statement)
        if not self.with_source:
            return link
        return format_html('{}<div class="gt-quiet">{}</div>', link, record.statement.source)

    def render_text(self, record: Line) -> SafeString:
        statement = record.statement
        subject = [
            subject_text(statement, self.governments),
            statement.get_measure_display(),
            statement.product,
        ]
        note = format_html('<p class="gt-quiet">{}</p>', statement.note) if statement.note else ""
        return format_html("<p>{}</p>{}{}", statement.text, quiet(subject), note)

    def render_period(self, record: Line) -> SafeString | str:
        statement = record.statement
        if statement.period_from or statement.period_until:
            return period_text(statement)
        return format_html('<span class="gt-standing state-not_given">{}</span>', period_text(statement))

    def render_value(self, record: Line) -> SafeString:
        statement = record.statement
        rank = gettext("rank %(rank)s") % {"rank": statement.rank} if statement.rank else ""
        standing = statement.get_standing_display() if statement.value is not None else ""
        return format_html(
            "{}{}{}",
            figure_html(statement.figure, money=statement.is_money, in_full=True),
            quiet([standing, rounding_text(statement), rank]),
            flags_html(record.flags),
        )

    def render_recorded(self, record: Line) -> SafeString:
        parts = ((recorded_html(one, record.statement.is_money),) for one in record.recorded)
        return format_html_join("", "<div>{}</div>", parts)

    def render_others(self, record: Line) -> SafeString | str:
        if not record.others:
            return "–"
        return format_html_join("", "<div>{}</div>", ((comparison_html(one),) for one in record.others))


def conflict_sentences(lines: Iterable[Line]) -> list[str]:
    """Where other sources contradict these statements: one sentence for each other period, value and rank."""
    periods: dict[tuple[str, str, str], list[str]] = {}
    sentences = []
    for line in lines:
        own = line.statement
        for comparison in line.others:
            other = comparison.statement
            pair = gettext("%(own)s and %(other)s") % {"own": own.code, "other": other.code}
            values = {"source": other.source, "pair": pair}
            if Point.PERIOD in comparison.points:
                key = (str(other.source), period_text(other), period_text(own))
                periods.setdefault(key, []).append(pair)
            if comparison.relation == Relation.CONFLICTS:
                sentences.append(
                    gettext("%(source)s states another value, %(theirs)s instead of %(own)s (%(pair)s).")
                    % {**values, "theirs": _words(other), "own": _words(own)}
                )
            if Point.RANK in comparison.points:
                sentences.append(
                    gettext("%(source)s gives another rank, %(theirs)s instead of %(own)s (%(pair)s).")
                    % {**values, "theirs": other.rank, "own": own.rank}
                )
    told = [
        gettext("%(source)s gives another period, %(theirs)s instead of %(own)s (%(pairs)s).")
        % {"source": source, "theirs": theirs, "own": own, "pairs": "; ".join(pairs)}
        for (source, theirs, own), pairs in periods.items()
    ]
    return [*told, *sentences]


def _words(statement: Statement) -> str:
    return amount_text(statement.figure, statement.is_money, in_full=True)


def recorded_html(recorded: Beside, money: bool) -> SafeString:
    """The recorded figure, whether it agrees, and what there is to know of it."""
    name = format_html("{}: ", recorded.agency.short) if recorded.agency else ""
    if recorded.outcome in (Outcome.NOT_KEPT, Outcome.NO_PERIOD, Outcome.NOTHING, Outcome.HIDDEN):
        word = format_html(
            '<span class="gt-standing state-{}">{}</span>', recorded.outcome.state, recorded.outcome.label
        )
        return format_html("{}{}{}", name, word, quiet(recorded.notes))
    figure = figure_html(recorded.figure, money, in_full=True) if recorded.figure else ""
    return format_html(
        "{}{} {}{}",
        name,
        figure,
        badge(recorded.outcome.state, recorded.outcome.label),
        quiet(recorded.notes),
    )


def comparison_html(comparison: Comparison) -> SafeString:
    """What the other source states, how its value stands to this one, and where else the two differ."""
    other = comparison.statement
    badges = [badge(_state(comparison.relation), comparison.relation.label)]
    badges += [badge("conflicts", point.label) for point in comparison.points]
    detail = [other.source, period_text(other) if comparison.points else ""]
    return format_html(
        "{} {} {}{}",
        statement_link(other),
        figure_html(other.figure, money=other.is_money, in_full=True),
        format_html_join(" ", "{}", ((one,) for one in badges)),
        quiet(detail),
    )


def _state(relation: Relation) -> str:
    return "info" if relation == Relation.GIVES else str(relation.value)


class ConclusionTable(tables.Table):
    measure = tables.Column(verbose_name=_("Measure"))
    label = tables.Column(verbose_name=_("What follows"), attrs=WRAP)
    value = tables.Column(verbose_name=_("Figure"), attrs=WHOLE_NUMBER)
    lies = tables.Column(verbose_name=_("The true value lies"), default="–")
    computed = tables.Column(verbose_name=_("How it is computed"), default="–")
    statements = tables.Column(verbose_name=_("Statements"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("What follows from the statements")}
        orderable = False

    def render_statements(self, record: Following) -> SafeString | str:
        return statement_links(record.statements) if record.statements else "–"


class GovernmentTable(tables.Table):
    agency = tables.Column(verbose_name=_("Agency"), attrs=NOWRAP)
    spending = tables.Column(verbose_name=_("Stated spending"), attrs=NUMBER)
    users = tables.Column(verbose_name=_("Stated users"), attrs=NUMBER)
    per_user = tables.Column(verbose_name=_("Spending per user"), attrs=NUMBER)
    statements = tables.Column(verbose_name=_("Statements"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Each agency, as far as it is known")}
        orderable = False

    def render_agency(self, value: Agency) -> SafeString:
        address = reverse("oversight:agency", args=[value.code])
        return format_html('<a class="gt-link" href="{}">{}</a>', address, value.short)

    def render_spending(self, record: Government) -> SafeString:
        return _with_ends(record.spending, money=True)

    def render_users(self, record: Government) -> SafeString:
        return _with_ends(record.users, money=False)

    def render_per_user(self, record: Government) -> SafeString:
        return _with_ends(record.per_user, money=True)

    def render_statements(self, record: Government) -> SafeString | str:
        if not record.statements:
            return "–"
        return format_html("{}{}", statement_links(record.statements), flags_html(record.flags))


def _with_ends(figure: Any, money: bool) -> SafeString:
    """The figure, and below it where the true value lies."""
    if not figure.is_known:
        word = format_html(
            '<span class="gt-standing state-{}">{}</span>', figure.standing, figure.standing.label
        )
        return format_html("{}{}", word, quiet([bound_text(figure, money)]))
    return format_html(
        "{}{}", figure_html(figure, money, in_full=True), quiet([interval_text(figure, money)])
    )
