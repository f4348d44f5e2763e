"""The tables of rounds: their list, what is to be answered, how far one has come, and each agency's answer, also as a file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import django_tables2 as tables
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from figures.figure import Figure
from figures.formatting import day, number
from figures.interval import round_half_up
from oversight.round_models import Answer, Return, Round, RoundAgency
from oversight.rounds.coverage import TONES, Coverage, Line, State, share, state_of
from oversight.rounds.returning import frozen
from oversight.tables import figure_cell, lines
from subscriptions.tables import badge

WRAP: dict[str, Any] = {"th": {"class": "wrap"}}
NUMBER: dict[str, Any] = {"th": {"class": "num"}}
NOWRAP: dict[str, Any] = {"th": {"class": "nowrap"}}

STATUS_TONES = {"draft": "draft", "open": "info", "closed": "closed", "cancelled": "void"}


def status_badge(round_: Round) -> SafeString:
    return badge(STATUS_TONES[round_.status], round_.get_status_display())


def period(round_: Round) -> str:
    return gettext("%(first)s to %(last)s") % {
        "first": day(round_.period_from),
        "last": day(round_.period_until),
    }


class RoundTable(tables.Table):
    """Rounds that a reader sees; `count` fills in how many of the agencies in sight have answered."""

    title = tables.Column(verbose_name=_("Round"), empty_values=(), attrs=WRAP)
    status = tables.Column(verbose_name=_("Status"))
    scope = tables.Column(verbose_name=_("Asked"), empty_values=())
    period = tables.Column(verbose_name=_("Period"), empty_values=(), attrs=NOWRAP)
    due_on = tables.Column(verbose_name=_("Due on"), attrs=NOWRAP)
    answered = tables.Column(verbose_name=_("Answered"), empty_values=(), attrs=NUMBER)

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Collection rounds")}
        orderable = False

    answers: dict[int, tuple[int, int]] = {}

    def count(self, user: User) -> None:
        """One query for the rows of the page."""
        shown = [row.record.pk for row in self.page.object_list]
        rows = RoundAgency.objects.visible_to(user).filter(round__in=shown).order_by()
        counted = rows.values_list("round").annotate(
            all=Count("pk"), answered=Count("pk", filter=~Q(answer=Answer.WAITING))
        )
        self.answers = {pk: (answered, whole) for pk, whole, answered in counted}

    def render_title(self, record: Round) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), record)

    def render_status(self, record: Round) -> SafeString:
        return status_badge(record)

    def render_scope(self, record: Round) -> SafeString:
        return lines(record.scope, ", ".join(record.kind_labels))

    def render_period(self, record: Round) -> str:
        return period(record)

    def render_due_on(self, value: datetime.date) -> str:
        return day(value)

    def render_answered(self, record: Round) -> SafeString | str:
        if record.is_draft:
            return "–"
        answered, whole = self.answers.get(record.pk, (0, 0))
        counted = gettext("%(answered)s of %(asked)s") % {
            "answered": number(answered),
            "asked": number(whole),
        }
        return lines(counted, share(answered, whole))


class ToAnswerTable(tables.Table):
    """Agencies that a reader answers for and that have not answered yet."""

    agency = tables.Column(verbose_name=_("Agency"), attrs=WRAP)
    round = tables.Column(verbose_name=_("Round"), attrs=WRAP)
    period = tables.Column(verbose_name=_("Period"), empty_values=(), attrs=NOWRAP)
    due_on = tables.Column(verbose_name=_("Due on"), accessor="round__due_on", attrs=NOWRAP)
    state = tables.Column(verbose_name=pgettext_lazy("round", "State"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Agencies that you answer for")}
        orderable = False
        prefix = "answer-"

    def __init__(self, rows: QuerySet[RoundAgency], on: datetime.date) -> None:
        super().__init__(rows)
        self.on = on

    def render_agency(self, record: RoundAgency) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.agency)

    def render_round(self, record: RoundAgency) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.round.get_absolute_url(), record.round)

    def render_period(self, record: RoundAgency) -> str:
        return period(record.round)

    def render_due_on(self, value: datetime.date) -> str:
        return day(value)

    def render_state(self, record: RoundAgency) -> SafeString:
        state = state_of(record, record.round, self.on)
        return badge(TONES[state], state.label)


class CoverageTable(tables.Table):
    """How many agencies of each kind are in each state, with the share of their kind."""

    label = tables.Column(verbose_name=_("Kind of agency"), footer=_("All agencies"))

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Answers by kind of agency")}
        orderable = False

    def __init__(self, covered: Coverage) -> None:
        total = number(covered.total.whole)
        columns = [("whole", tables.Column(verbose_name=_("Asked"), attrs=NUMBER, footer=total))]
        columns += [(state.value, _StateColumn(state, covered.total)) for state in covered.states]
        super().__init__(covered.by_kind, extra_columns=columns)

    def render_whole(self, value: int) -> str:
        return number(value)


class _StateColumn(tables.Column):
    """The agencies in one state, of each kind and, in the footer, of all."""

    def __init__(self, state: State, total: Line) -> None:
        self.state = state
        super().__init__(
            verbose_name=state.label,
            accessor="label",
            attrs=NUMBER,
            empty_values=(),
            footer=_share_cell(total, state),
        )

    def render(self, record: Line) -> SafeString:
        return _share_cell(record, self.state)


def _share_cell(line: Line, state: State) -> SafeString:
    count = line.counts.get(state, 0)
    return lines(number(count), share(count, line.whole))


class AskedTable(tables.Table):
    """Each agency with its answer and the figures that it gave."""

    agency = tables.Column(verbose_name=_("Agency"), attrs=WRAP)
    kind = tables.Column(verbose_name=_("Kind"), accessor="agency__get_kind_display")
    state = tables.Column(verbose_name=pgettext_lazy("round", "State"), empty_values=())
    spending = tables.Column(verbose_name=_("Spending"), empty_values=(), attrs=NUMBER)
    users = tables.Column(verbose_name=_("Users"), empty_values=(), attrs=NUMBER)
    programs = tables.Column(verbose_name=_("AI tools"), empty_values=(), attrs=NUMBER)
    filed = tables.Column(verbose_name=_("Filed"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Answers of the agencies")}
        orderable = False

    def __init__(self, rows: QuerySet[RoundAgency], round_: Round, on: datetime.date) -> None:
        super().__init__(rows)
        self.round, self.on = round_, on

    def render_agency(self, record: RoundAgency) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.agency)

    def render_state(self, record: RoundAgency) -> SafeString:
        state = state_of(record, self.round, self.on)
        reason = ""
        if record.current is not None and record.answer == Answer.CANNOT_SAY:
            reason = str(Return.Category(record.current.category).label)
        return lines(badge(TONES[state], state.label), reason)

    def render_spending(self, record: RoundAgency) -> SafeString | str:
        return _cell(record.current, 0, money=True)

    def render_users(self, record: RoundAgency) -> SafeString | str:
        return _cell(record.current, 1)

    def render_programs(self, record: RoundAgency) -> SafeString | str:
        return _cell(record.current, 2)

    def render_filed(self, record: RoundAgency) -> SafeString | str:
        filed = record.current
        if filed is None:
            return "–"
        at = date_format(timezone.localtime(filed.filed_at), "DATETIME_FORMAT")
        return lines(at, str(filed.filed_by))


def stated_figures(filed: Return) -> tuple[Figure, Figure, Figure]:
    """Spending in won, users and tools as a return states them: unknown, in its own way, where the agency cannot say."""
    records = frozen(filed)
    if records is None or filed.answer == Answer.CANNOT_SAY:
        missing = Figure.missing(filed.standing)
        return missing, missing, missing
    return records.spending, records.people, records.tools


def _cell(filed: Return | None, which: int, money: bool = False) -> SafeString | str:
    return "–" if filed is None else figure_cell(stated_figures(filed)[which], money)


def asked_lines(rows: QuerySet[RoundAgency], round_: Round, on: datetime.date) -> Iterator[Sequence[Any]]:
    """The agencies with their answers for a file, the header first. Each figure has its standing beside it."""
    yield [
        gettext("Code"),
        gettext("Agency"),
        gettext("Kind"),
        pgettext("round", "State"),
        gettext("Spending (won)"),
        gettext("Spending: standing"),
        gettext("Users"),
        gettext("Users: standing"),
        gettext("AI tools"),
        gettext("AI tools: standing"),
        gettext("Kind of reason"),
        gettext("Reason"),
        gettext("Filed at"),
        gettext("Filed by"),
        gettext("Hash"),
    ]
    for row in rows.iterator(chunk_size=1000):
        filed = row.current
        cells: list[Any] = [
            row.agency.code,
            str(row.agency),
            str(row.agency.get_kind_display()),
            str(state_of(row, round_, on).label),
        ]
        if filed is None:
            yield [*cells, *[None] * 11]
            continue
        for figure in stated_figures(filed):
            value = None if figure.value is None else round_half_up(figure.value)
            label = figure.qualifier.label if figure.is_known else figure.standing.label
            cells += [value, str(label)]
        yield [
            *cells,
            str(Return.Category(filed.category).label) if filed.category else None,
            filed.reason or None,
            timezone.localtime(filed.filed_at).isoformat(timespec="seconds"),
            str(filed.filed_by),
            filed.sha256,
        ]
