"""What the explorer calls its columns, units and groups."""

from __future__ import annotations

from django.utils.translation import gettext, pgettext

from oversight.explorer.answer import Answer
from oversight.explorer.question import Dimension, Measure


def column_name(dimension: Dimension) -> str:
    """A dimension as the head of a column."""
    if dimension == Dimension.PLACE:
        return gettext("Agency")
    if dimension == Dimension.AGENCY:
        return gettext("Single agency")
    return str(dimension.label)


def unit(measure: Measure) -> str:
    """What a chart's script takes for a unit: "won", a word, or nothing."""
    if measure.money:
        return "won"
    return {
        Measure.USERS: pgettext("unit", "people"),
        Measure.STATED_USERS: pgettext("unit", "people"),
        Measure.SEATS: pgettext("unit", "seats"),
    }.get(measure, "")


def title(answer: Answer) -> str:
    """The view in a phrase: `Spending paid by AI tool and month`."""
    question = answer.question
    names = [column_name(dimension) for dimension in question.by]
    if len(names) == 1:
        return gettext("%(measure)s by %(group)s") % {
            "measure": question.measure.label,
            "group": _inside(names[0]),
        }
    return gettext("%(measure)s by %(group)s and %(second)s") % {
        "measure": question.measure.label,
        "group": _inside(names[0]),
        "second": _inside(names[1]),
    }


def _inside(name: str) -> str:
    """A name within a sentence; one that starts with an abbreviation stays as it is."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]
