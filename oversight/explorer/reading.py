"""How one figure of an answer reads: its text, its parts for a file, its share of the whole, its difference from before."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from figures.figure import Total
from figures.formatting import amount_text, bound_text, gaps_text, known_text, number, percent, won
from figures.interval import Interval, Number, round_half_up
from figures.standing import Qualifier, Standing, missing_called

# What stands where there is no figure and no single kind of unknown: several kinds at once, or nothing to be known.
UNKNOWN, NOTHING = "unknown", "none"


def figure_text(total: Total, money: bool) -> str:
    """The figure without what it leaves out: `at least ₩259.3M`, `Unknown`, `None`."""
    closer = (Qualifier.ABOUT, Qualifier.AT_MOST)
    if total.known.is_known and not total.gaps and total.known.qualifier in closer:
        return amount_text(total.known, money)
    if not total.given and not total.gaps and total.missing:
        return str(Standing.NOT_APPLICABLE.label)
    return known_text(total, money)


def left_out_text(total: Total, money: bool) -> str:
    """What the figure leaves out, or what bounds one that is not known: `12 not given`, `at most ₩43,149,999`."""
    bound = "" if total.known.is_known else bound_text(total.known, money)
    return ", ".join(part for part in (gaps_text(total), bound) if part)


def whole_text(total: Total, money: bool) -> str:
    """Both in one: `at least ₩259.3M; 12 not given`."""
    left_out = left_out_text(total, money)
    text = figure_text(total, money)
    return gettext("%(amount)s; %(gaps)s") % {"amount": text, "gaps": left_out} if left_out else text


@dataclass(frozen=True)
class Parts:
    """A total in parts, each in whole won or whole things; None stands for what is not known.

    `standing` is a code of `Standing` where there is one kind only, else `UNKNOWN` or `NOTHING`. `qualifier` is a code of
    `Qualifier`, empty without a value. `given` figures are known, `missing` counts the others by standing.
    """

    value: int | None
    standing: str
    qualifier: str
    at_least: int | None
    at_most: int | None
    given: int
    missing: dict[str, int]


def parts(total: Total) -> Parts:
    known, missing = total.known, {str(s.value): n for s, n in sorted(total.missing.items()) if n}
    if not known.is_known:
        low, high = known.interval.low, known.interval.high
        some = total.gaps > 0
        return Parts(
            value=None,
            standing=_standing_without_value(total),
            qualifier="",
            at_least=round_half_up(low) if some and low else None,
            at_most=round_half_up(high) if some and high is not None else None,
            given=total.given,
            missing=missing,
        )
    span = interval(total).rounded()
    at_least = total.gaps or span.high is None
    return Parts(
        value=known.shown,
        standing=Standing.STATED.value,
        qualifier=str((Qualifier.AT_LEAST if at_least else known.qualifier).value),
        at_least=round_half_up(span.low),
        at_most=None if span.high is None else round_half_up(span.high),
        given=total.given,
        missing=missing,
    )


def _standing_without_value(total: Total) -> str:
    gaps = [s for s, n in total.missing.items() if n and s != Standing.NOT_APPLICABLE]
    if gaps:
        return str(gaps[0].value) if len(gaps) == 1 else UNKNOWN
    return str(Standing.NOT_APPLICABLE.value) if total.missing else NOTHING


def standing_label(standing: str) -> str:
    """The name of a `Parts.standing` in the reader's language."""
    if standing == UNKNOWN:
        return gettext("Unknown")
    return gettext("None") if standing == NOTHING else str(missing_called(standing).label)


def interval(total: Total) -> Interval:
    """Where the true value lies, with all that is missing counted in."""
    known = total.known.interval
    return Interval(known.low, None) if total.gaps else known


def share(part: Total, whole: Total) -> str:
    """`17.5%`, or empty where it is not determined: either is not known in full, or nothing is shared."""
    if not (part.known.is_known and whole.known.is_known and part.is_complete and whole.is_complete):
        return ""
    some, most = part.known.interval.low, whole.known.interval.high or 0
    if not whole.known.interval.low or not 0 <= some <= most:
        return ""  # nothing to share, a refund, or statements that contradict each other
    return percent(part.known, whole.known)


@dataclass(frozen=True)
class Change:
    """A difference, which may be below zero. `low` and `high` None: nothing bounds it on that side; both: unknown."""

    low: Number | None
    high: Number | None
    value: int | None = None

    @property
    def is_known(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def sorts_by(self) -> Number | None:
        return next((end for end in (self.value, self.low, self.high) if end is not None), None)

    def text(self, money: bool) -> str:
        """`+₩3.2M`, `at least −₩1,000`, `Unknown`."""
        if self.value is not None:
            return _signed(self.value, money)
        if self.low is not None:
            return gettext("at least %(amount)s") % {"amount": _signed(self.low, money)}
        if self.high is not None:
            return gettext("at most %(amount)s") % {"amount": _signed(self.high, money)}
        return gettext("Unknown")


def change(now: Total, before: Total) -> Change:
    """`now` less `before`: what both leave open is carried through, and a difference from an unknown is unknown."""
    if not (now.known.is_known and before.known.is_known):
        return Change(None, None)
    new, old = interval(now), interval(before)
    low = None if old.high is None else new.low - old.high
    high = None if new.high is None else new.high - old.low
    if low is None or high is None:
        return Change(low, high)
    return Change(low, high, (now.known.shown or 0) - (before.known.shown or 0))


def _signed(value: Number, money: bool) -> str:
    amount = round_half_up(value)
    sign = "+" if amount > 0 else "−" if amount < 0 else ""
    return sign + (won if money else number)(abs(amount))
