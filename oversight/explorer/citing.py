"""What a view of the explorer says of itself, so that it can be quoted and found again."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from figures.formatting import day, gaps_text, number
from oversight.explorer.answer import Answer
from oversight.explorer.lines import groups
from oversight.explorer.question import Measure
from oversight.explorer.wording import title
from oversight.exporting import Citation


def citation(answer: Answer, filters: Sequence[str], link: str) -> Citation:
    """`link`: the absolute address that opens the same view."""
    return Citation(
        measure=title(answer),
        source=source(answer),
        period=period(answer),
        filters="; ".join(filters) or gettext("None"),
        as_of=date_format(timezone.localtime(answer.as_of), "DATETIME_FORMAT"),
        coverage=coverage(answer),
        link=link,
    )


def source(answer: Answer) -> str:
    if answer.source is not None:
        return str(answer.source.label)
    return gettext("None") if answer.question.measure.is_stated else gettext("The register's own records")


def period(answer: Answer) -> str:
    filters, measure = answer.question.filters, answer.question.measure
    if filters.first or filters.last:
        first = day(filters.first) if filters.first else gettext("the first record")
        last = day(filters.last) if filters.last else gettext("today")
        return gettext("%(first)s to %(last)s") % {"first": first, "last": last}
    if measure.is_stated:
        return gettext("As the source states it")
    if measure in (Measure.PAID, Measure.PER_USER):
        return gettext("All that is recorded")
    return gettext("On %(day)s") % {"day": day(timezone.localdate(answer.as_of))}


def coverage(answer: Answer) -> str:
    """`a figure for 5 of 17 groups, for 2 of them at least; 12 not given; 16 groups not visible to you`."""
    rows = groups(answer)
    known = [row.total for row in rows if row.total.known.is_known]
    partly = sum(not total.is_complete for total in known)
    counts = {"known": number(len(known)), "all": number(len(rows)), "partly": number(partly)}
    said = [
        gettext("a figure for %(known)s of %(all)s groups, for %(partly)s of them a minimum") % counts
        if partly
        else gettext("a figure for %(known)s of %(all)s groups") % counts
    ]
    if gaps := gaps_text(answer.total):
        said.append(gaps)
    if answer.unseen:
        said.append(
            ngettext(
                "%(count)s group not visible to you", "%(count)s groups not visible to you", answer.unseen
            )
            % {"count": number(answer.unseen)}
        )
    return "; ".join(said)
