"""How a statement is written for a reader: of whom, for when, and how its value is rounded."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext

from agencies.models import Agency
from figures.formatting import day, number, won_exact
from sources.models import Statement

# Beyond this many, those left out are not easier to read than those that are in.
FEW = 3
# Of more members than these, the first are named and the others counted.
NAMED = 40


def subject_text(statement: Statement, governments: Sequence[Agency]) -> str:
    """The member agencies by their short names; `governments` are the metropolitan and provincial ones, all of them."""
    members = list(statement.subject.all())
    text = _members_text(members, governments)
    if statement.reading == Statement.Reading.EACH and len(members) > 1:
        return gettext("Each of: %(agencies)s") % {"agencies": text}
    return text


def _members_text(members: Sequence[Agency], governments: Sequence[Agency]) -> str:
    if not members:
        return gettext("Not given")
    chosen = {agency.pk for agency in members}
    left_out = [agency for agency in governments if agency.pk not in chosen]
    if len(members) > FEW and len(members) + len(left_out) == len(governments):
        if not left_out:
            return gettext("All %(count)s metropolitan and provincial governments") % {"count": len(members)}
        if len(left_out) <= FEW:
            return gettext("%(count)s metropolitan and provincial governments, all but %(agencies)s") % {
                "count": len(members),
                "agencies": _listed(left_out),
            }
    return _listed(members)


def _listed(agencies: Sequence[Agency]) -> str:
    text = ", ".join(str(agency.short) for agency in agencies[:NAMED])
    if len(agencies) <= NAMED:
        return text
    return f"{text} " + gettext("and %(count)s more") % {"count": number(len(agencies) - NAMED)}


def period_text(statement: Statement) -> str:
    """The days that the statement speaks of, the last included; open ends and no period at all say so."""
    first, last = statement.period_from, statement.period_until
    if first is None and last is None:
        return gettext("Not given")
    if first == last:
        return day(first)
    if last is None:
        return gettext("From %(first)s") % {"first": day(first)}
    if first is None:
        return gettext("Until %(last)s") % {"last": day(last)}
    return gettext("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}


def rounding_text(statement: Statement) -> str:
    """The unit that the value was rounded to, where it was: "rounded to ₩100,000"."""
    if statement.value is None or statement.precision == 1:
        return ""
    unit = won_exact(statement.precision) if statement.is_money else number(statement.precision)
    return gettext("rounded to %(unit)s") % {"unit": unit}
