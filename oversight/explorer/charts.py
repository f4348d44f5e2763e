"""The chart of an answer, as the data that the page's script draws: bars, stacked bars, or lines over time."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from figures.figure import Total
from figures.standing import Missing, Qualifier
from oversight.explorer.answer import Answer, Key, Row
from oversight.explorer.question import Dimension, Measure
from oversight.explorer.reading import figure_text
from oversight.explorer.sums import Sums
from oversight.explorer.wording import unit

BARS, SERIES = 20, 6
POINTS = 600  # beyond that a typing error is likelier than a long record


def chart(answer: Answer, still: bool = False) -> dict[str, Any]:
    """What `charts.js` draws; `note` says what is drawn together or left out, `has_gaps` whether something is hatched, `size`
    is for the template. `still`: drawn at once, for paper.
    """
    by, measure = answer.question.by, answer.question.measure
    times = [place for place, dimension in enumerate(by) if dimension.is_time]
    if times:
        drawn = _lines(answer, times[0])
    elif len(by) == 1:
        drawn = _bars(answer)
    else:
        drawn = _stacks(answer)
    has_gaps = any(any(series["unknown"]) or any(series["open"]) for series in drawn["datasets"])
    return {**drawn, "unit": unit(measure), "still": still, "has_gaps": has_gaps, "size": _size(drawn)}


def _size(drawn: dict[str, Any]) -> str:
    """How high the picture is, by the bars that stand one below the other."""
    if not drawn.get("horizontal"):
        return ""
    bars = len(drawn["labels"]) * (1 if drawn.get("stacked") else len(drawn["datasets"]))
    return "short" if bars <= 4 else "tall" if bars > 10 else ""


def _bars(answer: Answer) -> dict[str, Any]:
    shown, rest = _largest(answer.rows, BARS)
    labels = [row.keys[0].label for row in shown]
    totals: list[Total | None] = [row.total for row in shown]
    note = _left_out(answer.question.measure, len(rest))
    if rest and answer.question.measure.adds_up:
        labels.append(_others(len(rest)))
        totals.append(together(row.figure for row in rest))
    series = _series(str(answer.question.measure.label), totals, answer.question.measure)
    return {"labels": labels, "horizontal": True, "datasets": [series], "note": note}


def _stacks(answer: Answer) -> dict[str, Any]:
    """Bars of the first dimension's groups, cut into the second's: side by side where parts do not add up."""
    measure = answer.question.measure
    shown, rest = _largest(answer.subtotals, BARS)
    labels, columns = [row.keys[0].label for row in shown], [{row.keys[0].code} for row in shown]
    if rest and measure.adds_up:
        labels.append(_others(len(rest)))
        columns.append({row.keys[0].code for row in rest})
    datasets, note = _by_series(answer, 1, columns, lambda row: row.keys[0].code, absent="")
    notes = [_left_out(measure, len(rest)), note]
    return {
        "labels": labels,
        "horizontal": True,
        "stacked": measure.adds_up,
        "datasets": datasets,
        "note": " ".join(filter(None, notes)),
    }


def _lines(answer: Answer, time: int) -> dict[str, Any]:
    """A point for each time from the first to the last, a line for each group of the other dimension."""
    times = {row.keys[time].code: row.keys[time].label for row in answer.rows}
    between = _times_between(answer.question.by[time], min(times), max(times)) if times else {}
    times = {**between, **times}
    codes = sorted(times)
    drawn: dict[str, Any] = {"labels": [times[code] for code in codes], "kind": "line"}
    nothing = gettext("nothing recorded")
    if len(answer.question.by) == 1:
        at = {row.keys[0].code: row.total for row in answer.rows}
        series = _series(
            str(answer.question.measure.label),
            [at.get(code) for code in codes],
            answer.question.measure,
            nothing,
        )
        return {**drawn, "datasets": [series], "note": ""}
    datasets, note = _by_series(
        answer, 1 - time, [{code} for code in codes], lambda row: row.keys[time].code, absent=nothing
    )
    return {**drawn, "datasets": datasets, "note": note}


def _times_between(dimension: Dimension, first: str, last: str) -> dict[str, str]:
    """The codes and names of all times from `first` to `last`, so that one without records is no silent gap."""
    steps = {Dimension.MONTH: 12, Dimension.QUARTER: 4, Dimension.YEAR: 1}[dimension]

    def number(code: str) -> int:
        year, _dash, part = code.partition("-")
        return int(year) * steps + (int(part.removeprefix("Q")) - 1 if part else 0)

    found = {}
    for count in range(number(first), min(number(last), number(first) + POINTS) + 1):
        year, part = divmod(count, steps)
        if dimension == Dimension.MONTH:
            day = datetime.date(year, part + 1, 1)
            found[f"{day:%Y-%m}"] = date_format(day, "YEAR_MONTH_FORMAT")
        else:
            code = f"{year}-Q{part + 1}" if dimension == Dimension.QUARTER else f"{year}"
            found[code] = code
    return found


def _by_series(
    answer: Answer, place: int, columns: Sequence[set[str]], column_of: Callable[[Row], str], absent: str
) -> tuple[list[dict[str, Any]], str]:
    """A series for each of the largest groups at `place`, one for all others together, and what to say of these.

    `columns`: the codes that each place of a series holds; `absent`: the word for a place with no row, else nothing is drawn.
    """
    measure = answer.question.measure
    # A group may have a figure and no row: what was never paid belongs to no month.
    keys: dict[str, Key] = {row.keys[0].code: row.keys[0] for row in answer.subtotals} if place == 0 else {}
    cells: dict[tuple[str, int], list[Sums | Total]] = {}
    at = {code: number for number, codes in enumerate(columns) for code in codes}
    for row in answer.rows:
        key = row.keys[place]
        keys.setdefault(key.code, key)
        number = at.get(column_of(row))
        if number is not None:
            cells.setdefault((key.code, number), []).append(row.figure)
    whole = {
        code: together(figure for number in range(len(columns)) for figure in cells.get((code, number), []))
        for code in keys
    }
    largest = sorted(keys, key=lambda code: whole[code].known.value or -1, reverse=True)
    # One left over is drawn as itself rather than as "1 other".
    first = largest if len(largest) <= SERIES + 1 else largest[:SERIES]
    rest = [code for code in largest if code not in first]

    def totals(codes: Iterable[str]) -> list[Total | None]:
        codes = list(codes)
        found = [[one for code in codes for one in cells.get((code, n), [])] for n in range(len(columns))]
        return [together(some) if some else None for some in found]

    datasets = [_series(keys[code].label, totals([code]), measure, absent) for code in first]
    if rest and measure.adds_up:
        datasets.append(_series(_others(len(rest)), totals(rest), measure, absent))
    return datasets, _left_out(measure, len(rest))


def _series(label: str, totals: Sequence[Total | None], measure: Measure, absent: str = "") -> dict[str, Any]:
    """`data`: whole won or things, None where there is no figure; `unknown`: the word for that; `open`: at least so much."""
    return {
        "label": label,
        "data": [total.known.shown if total else None for total in totals],
        "unknown": [
            (absent or False)
            if total is None
            else False
            if total.known.is_known
            else figure_text(total, measure.money)
            for total in totals
        ],
        "open": [bool(total and total.known.is_known and not total.is_complete) for total in totals],
    }


def together(figures: Iterable[Sums | Total]) -> Total:
    """The sum of figures, with all that they leave out. Only for measures that add up."""
    figures = list(figures)
    sums = [figure for figure in figures if isinstance(figure, Sums)]
    if len(sums) == len(figures):
        return sum(sums, Sums()).total()
    totals = [figure.total() if isinstance(figure, Sums) else figure for figure in figures]
    known = [total.known for total in totals if total.known.is_known]
    missing: Counter[Missing] = Counter()
    for total in totals:
        missing.update(total.missing)
    figure = Total.of(known).known
    if any(one.qualifier == Qualifier.AT_LEAST for one in known):
        figure = replace(figure, qualifier=Qualifier.AT_LEAST)
    return Total(figure, sum(total.given for total in totals), missing)


def _largest(rows: Sequence[Row], count: int) -> tuple[list[Row], list[Row]]:
    """The rows by their figure, unknown ones last: the first `count`, and the rest."""
    known = [row for row in rows if row.value is not None]
    unknown = [row for row in rows if row.value is None]
    found = sorted(known, key=lambda row: row.value or 0, reverse=True) + unknown
    return (found, []) if len(found) <= count + 1 else (found[:count], found[count:])


def _others(count: int) -> str:
    return ngettext("%(count)s other", "%(count)s others", count) % {"count": f"{count:,}"}


def _left_out(measure: Measure, left: int) -> str:
    if not left:
        return ""
    count = {"count": f"{left:,}"}
    if measure.adds_up:
        return gettext("The %(count)s smallest are drawn together; the table has each.") % count
    return (
        gettext("The %(count)s smallest are left out, since they do not add up; the table has them.") % count
    )
