"""The table of spending as a file: the rows of the page, its sums, and the citation, in whole won."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from figures.figure import Figure, Total
from figures.formatting import day, gaps_text, total_text
from figures.interval import round_half_up
from figures.standing import Qualifier, Standing
from oversight.recorded import Recorded
from oversight.spending import Row, Spending, per_user_together


@dataclass(frozen=True)
class Citation:
    """What a page or file says of itself: what it shows, from where, of when, and how much of the whole is known."""

    measure: str
    source: str
    period: str
    filters: str
    as_of: str
    coverage: str
    link: str = ""  # the address that opens the same again, where there is one

    def lines(self) -> list[tuple[str, str]]:
        lines = [
            (gettext("Measure"), self.measure),
            (gettext("Source"), self.source),
            (gettext("Period"), self.period),
            (gettext("Filters"), self.filters),
            (gettext("As of"), self.as_of),
            (gettext("Coverage"), self.coverage),
        ]
        return [*lines, (gettext("Permanent link"), self.link)] if self.link else lines


def citation(spending: Spending, filters: Sequence[str], as_of: datetime.datetime) -> Citation:
    first, last = spending.period
    period = gettext("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}
    return Citation(
        measure=gettext(
            "Spending on AI subscriptions in won, as stated, with what the register has recorded"
        ),
        source=spending.source.label if spending.source else gettext("None"),
        period=period if first or last else gettext("Not given"),
        filters="; ".join(filters) or gettext("None"),
        as_of=date_format(timezone.localtime(as_of), "DATETIME_FORMAT"),
        coverage=coverage(spending),
    )


def coverage(spending: Spending) -> str:
    return gettext(
        "stated spending for %(spending)s, stated users for %(users)s, recorded data visible for %(visible)s of "
        "%(all)s governments"
    ) % {
        "spending": spending.spending.by_agency.given,
        "users": spending.users.by_agency.given,
        "visible": spending.visible,
        "all": len(spending.rows),
    }


def export_rows(spending: Spending, rows: Iterable[Row], cited: Citation | None = None) -> list[list[Any]]:
    """Header, one row for each government in the order given, and the sums. With `cited`, each row carries the citation.

    A figure takes four columns: its value, what it is (its standing), and the ends of the interval that holds the true value.
    The value is empty where there is none.
    """
    header = [
        gettext("Row"),
        gettext("Code"),
        gettext("Agency"),
        gettext("Kind of government"),
        *_figure_header(gettext("Stated spending (won)")),
        *_figure_header(gettext("Stated users")),
        *_figure_header(gettext("Spending per user (won)")),
        gettext("Recorded data"),
        gettext("Recorded subscriptions"),
        gettext("Of these requested"),
        gettext("Recorded annual cost (won)"),
        gettext("Recorded annual cost: coverage"),
        gettext("Findings needing attention"),
        gettext("Of these undetermined"),
    ]
    body = [
        [
            gettext("Agency"),
            row.agency.code,
            row.name,
            row.agency.get_kind_display(),
            *_figure(row.spending),
            *_figure(row.users),
            *_figure(row.per_user, computed=True),
            *_recorded(row.recorded),
        ]
        for row in rows
    ]
    cells = [header, *body, *_sums(spending)]
    if cited is None:
        return cells
    names, values = zip(*cited.lines(), strict=True)
    return [[*row, *(values if number else names)] for number, row in enumerate(cells)]


def _figure_header(name: str) -> list[str]:
    parts = (gettext("standing"), gettext("at least"), gettext("at most"))
    return [name, *(gettext("%(figure)s: %(part)s") % {"figure": name, "part": part} for part in parts)]


def _figure(figure: Figure, computed: bool = False) -> list[Any]:
    if not figure.is_known and figure.standing == Standing.NOT_APPLICABLE:
        return [None, str(figure.standing.label), None, None]
    ends = figure.interval.rounded()
    return [figure.shown, _standing(figure, computed), round_half_up(ends.low), ends.high]


def _standing(figure: Figure, computed: bool) -> str:
    if not figure.is_known:
        return str(figure.standing.label)
    label = gettext("Computed") if computed else str(figure.standing.label)
    if figure.qualifier == Qualifier.EXACT:
        return label
    return gettext("%(standing)s (%(bound)s)") % {"standing": label, "bound": figure.qualifier.label}


def _recorded(recorded: Recorded | None) -> list[Any]:
    if recorded is None:
        return [gettext("Not visible to you"), *[None] * 6]
    return [
        gettext("Recorded"),
        recorded.subscriptions,
        recorded.requested,
        recorded.annual_cost.known.shown,
        total_text(recorded.annual_cost),
        recorded.attention,
        recorded.undetermined,
    ]


def _sums(spending: Spending) -> list[list[Any]]:
    """The total row, and what of the stated total is given by agency and what is not."""
    nothing = [None] * 4
    together = per_user_together(spending)
    per_user = together[2] if together else spending.per_user
    hidden = len(spending.rows) - spending.visible
    recorded = _recorded(spending.recorded if spending.visible or not hidden else None)
    if hidden and spending.visible:
        recorded[0] = gettext("Recorded; %(count)s not visible to you") % {"count": hidden}
    rows = [
        [
            gettext("Total"),
            *[None] * 3,
            *_total(spending.spending.total, computed=spending.spending.together is None),
            *_total(spending.users.total, computed=spending.users.together is None),
            *_figure(per_user, computed=True),
            *recorded,
        ]
    ]
    for title, spent, used in (
        (gettext("Of the total: given by agency"), spending.spending.by_agency, spending.users.by_agency),
        (gettext("Of the total: not given by agency"), _left(spending.spending), _left(spending.users)),
    ):
        if spending.spending.together:
            rows.append([title, *[None] * 3, *_total(spent), *_total(used), *nothing, *[None] * 7])
    return rows


def _left(measured: Any) -> Total | None:
    left = measured.together and measured.together.left
    return Total.of([left]) if left else None


def _total(total: Total | None, computed: bool = True) -> list[Any]:
    """A sum's four columns; its standing names what it leaves out."""
    if total is None:
        return [None] * 4
    if not total.known.is_known:
        return [None, total_text(total), None, None]
    value, standing, low, high = _figure(total.known, computed)
    if total.is_complete:
        return [value, standing, low, high]
    least = str(Qualifier.AT_LEAST.label)
    return [value, f"{least}; {gaps_text(total)}" if total.gaps else least, low, None]
