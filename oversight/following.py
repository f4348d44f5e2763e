"""What follows from the statements of a report: what they leave open, averages, figures per user, and how each is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from django.utils.translation import gettext, ngettext

from agencies.models import Agency
from figures.figure import Figure, Total
from figures.formatting import amount_text, number, percent, with_tolerance, won_exact
from figures.interval import Interval, Number, sum_intervals
from oversight.bounds import at_least_distinct, places_left, share
from oversight.stated import Measure, Stated
from sources.models import Statement


@dataclass(frozen=True)
class Following:
    """One line: what it is, its figure in words, how it is computed in all digits, and where the true value lies."""

    label: str
    value: str
    computed: str = ""
    lies: str = ""
    statements: tuple[Statement, ...] = ()
    measure: str = ""


def following(
    spending: Stated, users: Stated, statements: Sequence[Statement], agencies: Mapping[int, Agency]
) -> list[Following]:
    """The lines, by measure. `statements` are those that `spending` and `users` come from; `agencies` go by their id."""
    parts = [
        (gettext("Spending"), _measure(spending, agencies, money=True)),
        (gettext("Users"), _measure(users, agencies, money=False)),
        (gettext("Spending per user"), _per_user(spending, users, agencies)),
        (gettext("AI programs"), _programs(statements)),
    ]
    return [replace(line, measure=title) for title, lines in parts for line in lines]


def _exact(money: bool, value: Number) -> str:
    return won_exact(value) if money else number(value)


def _lies(interval: Interval, money: bool) -> str:
    """The ends of an interval in all digits; empty for an exact value."""
    if interval.is_exact:
        return ""
    if interval.high is None:
        return gettext("at least %(amount)s") % {"amount": _exact(money, interval.low)}
    return gettext("between %(low)s and %(high)s") % {
        "low": _exact(money, interval.low),
        "high": _exact(money, interval.high),
    }


def _measure(told: Stated, agencies: Mapping[int, Agency], money: bool) -> Iterator[Following]:
    if told.contradictory:
        yield Following(gettext("Nothing is concluded"), gettext("These statements cannot all be true."))
        return
    together = told.together
    members = together.agencies if together else frozenset(told.figures)
    given = {
        agency: figure for agency, figure in told.figures.items() if agency in members and figure.is_known
    }
    sum_given = Total.of(given.values())
    basis = _basis(told, sorted(given, key=lambda agency: given[agency].value or 0, reverse=True))
    if given:
        yield Following(
            ngettext(
                "Stated for %(count)s government by itself",
                "Stated for %(count)s governments one by one, in all",
                len(given),
            )
            % {"count": len(given)},
            amount_text(sum_given.known, money),
            _sum_text([figure.value or 0 for figure in given.values()], money),
            _lies(sum_given.known.interval, money),
            basis,
        )
    if together is None:
        return
    whole = together.figure
    if given:
        quotient = share(sum_given.known.interval, whole.interval)
        yield Following(
            gettext("Their share of the total"),
            percent(sum_given.known, whole),
            gettext("%(part)s of %(whole)s")
            % {"part": _exact(money, sum_given.known.value or 0), "whole": _exact(money, whole.value or 0)},
            _percents(quotient),
            together.statements,
        )
    if together.left is not None:
        yield from _left(told, basis, sum_given, money)
    yield from _places(told, agencies)
    for agency, figure in told.figures.items():
        if agency not in members and not figure.is_known and figure.interval == Interval():
            yield Following(
                gettext("%(agency)s, which is not part of that total") % {"agency": agencies[agency].short},
                str(figure.standing.label),
                lies=gettext("nothing bounds it"),
                statements=told.basis.get(agency, ()),
            )


def _left(told: Stated, basis: tuple[Statement, ...], sum_given: Total, money: bool) -> Iterator[Following]:
    together = told.together
    assert together is not None
    assert together.left is not None
    left, count = together.left, len(together.left_agencies)
    yield Following(
        ngettext(
            "Left for the other %(count)s government",
            "Left for the other %(count)s governments, in all",
            count,
        )
        % {"count": count},
        with_tolerance(left, money),
        _difference_text(together.figure, [sum_given.known], left, money) if sum_given.given else "",
        _lies(left.interval, money),
        (*together.statements, *basis),
    )
    mean = together.left_on_average
    if mean is not None and count > 1:
        yield Following(
            gettext("On average for each of them"),
            amount_text(mean, money),
            f"{_exact(money, left.value or 0)} ÷ {count} {_result(money, mean.value or 0)}",
            _lies(mean.interval, money),
        )
    each = {told.figures[agency].interval for agency in together.left_agencies}
    for interval in sorted(each, key=lambda i: (i.low, i.high is None, i.high)):
        alike = [a for a in sorted(together.left_agencies) if told.figures[a].interval == interval]
        standings = {str(told.figures[agency].standing.label) for agency in alike}
        yield Following(
            ngettext("The other one by itself", "Each of %(count)s of the others", len(alike))
            % {"count": len(alike)},
            ", ".join(sorted(standings)),
            lies=_lies(interval, money) or _exact(money, interval.low),
            statements=_basis(told, alike),
        )


def _places(told: Stated, agencies: Mapping[int, Agency]) -> Iterator[Following]:
    """Of a rank in the middle: how many of the places that are left lie above it, and how many below."""
    free = places_left(told.account)
    for agency, rank in sorted(told.account.ranks.items(), key=lambda item: item[1]):
        above, below = sum(place < rank for place in free), sum(place > rank for place in free)
        if above and below:
            yield Following(
                gettext("The places left around %(agency)s, ranked %(rank)s")
                % {"agency": agencies[agency].short, "rank": rank},
                gettext("%(above)s above it and %(below)s below it") % {"above": above, "below": below},
                statements=told.basis.get(agency, ()),
            )


def _per_user(spending: Stated, users: Stated, agencies: Mapping[int, Agency]) -> Iterator[Following]:
    """Of those whose users are stated together, the spending being the total less that of the others."""
    spent, used = spending.together, users.together
    if spent is None or used is None or spending.contradictory or not used.agencies <= spent.agencies:
        return
    others = sorted(spent.agencies - used.agencies)
    figures = [spending.of(agency) for agency in others]
    if any(not figure.is_known for figure in figures):
        return
    interval = spent.figure.interval - sum_intervals(figure.interval for figure in figures)
    value = (spent.figure.value or 0) - sum(figure.value or 0 for figure in figures)
    money = Figure.known_as(interval, value if value in interval else None)
    each = money.per(used.figure)
    names = ", ".join(str(agencies[agency].short) for agency in others)
    basis = (*spent.statements, *_basis(spending, others))
    values = {"count": len(used.agencies), "agencies": names}
    if others:
        whose = gettext("Spending of the %(count)s governments without %(agencies)s") % values
    else:
        whose = gettext("Spending of the %(count)s governments") % values
    yield Following(
        whose,
        with_tolerance(money),
        _difference_text(spent.figure, figures, money, True) if others else "",
        _lies(interval, money=True),
        basis,
    )
    yield Following(
        gettext("For each of their users"),
        with_tolerance(each),
        _quotient_text(money, used.figure),
        _lies(each.interval, money=True),
        used.statements,
    )


def _programs(statements: Sequence[Statement]) -> Iterator[Following]:
    counting = [s for s in statements if s.measure == Measure.DISTINCT_PROGRAMS and s.value is not None]
    naming = [
        s
        for s in statements
        if s.measure == Measure.GOVERNMENTS_SUBSCRIBING and s.product and s.figure.interval.low >= 1
    ]
    named = {s.product_id for s in naming}
    least = at_least_distinct([s.figure.interval for s in counting], len(named))
    if not least:
        return
    decisive = tuple(s for s in counting if s.figure.interval.low == least)
    yield Following(
        gettext("Different AI programs in use"),
        gettext("at least %(amount)s") % {"amount": number(least)},
        ngettext("%(count)s is named", "%(count)s are named", len(named)) % {"count": number(len(named))},
        ngettext(
            "at least %(count)s more is not named",
            "at least %(count)s more are not named",
            least - len(named),
        )
        % {"count": number(least - len(named))}
        if least > len(named)
        else "",
        decisive,
    )
    told_of: set[int | None] = set()
    for total in naming:
        parts = {
            agency.pk: (str(agency.short), part)
            for part in naming
            for agency in part.subject.all()
            if part.product_id == total.product_id and len(part.subject.all()) == 1
        }
        members = {agency.pk for agency in total.subject.all()}
        parts = {agency: part for agency, part in parts.items() if agency in members}
        once = total.product_id not in told_of
        if (
            once
            and len(members) > 1
            and parts
            and total.figure.interval.high
            and total.figure.value != len(members)
        ):
            told_of.add(total.product_id)
            yield Following(
                gettext("%(tool)s: subscribing governments that are named") % {"tool": total.product},
                gettext("%(count)s of %(all)s")
                % {"count": number(len(parts)), "all": amount_text(total.figure, money=False)},
                ", ".join(name for name, _part in parts.values()),
                statements=(total, *dict.fromkeys(part for _name, part in parts.values())),
            )


def _basis(told: Stated, agencies: Iterable[int]) -> tuple[Statement, ...]:
    return tuple(dict.fromkeys(s for agency in agencies for s in told.basis.get(agency, ())))


def _sum_text(values: Sequence[Number], money: bool) -> str:
    if len(values) < 2:
        return ""
    ordered = sorted(values, reverse=True)
    return " + ".join(_exact(money, value) for value in ordered) + f" = {_exact(money, sum(ordered))}"


def _difference_text(whole: Figure, parts: Sequence[Figure], left: Figure, money: bool) -> str:
    """Empty where what is left is bounded otherwise than by the difference alone."""
    if (whole.value or 0) - sum(part.value or 0 for part in parts) != left.value:
        return ""
    terms = [whole, *parts]
    return (
        " − ".join(_exact(money, term.value or 0) for term in terms) + f" = {_exact(money, left.value or 0)}"
    )


def _quotient_text(money: Figure, users: Figure) -> str:
    value = Fraction(money.value or 0) / Fraction(users.value or 1)
    return f"{won_exact(money.value or 0)} ÷ {number(users.value or 0)} {_result(True, value)}"


def _result(money: bool, value: Number) -> str:
    """What a division comes to, with the sign that tells whether it is rounded."""
    return f"{'=' if Fraction(value).denominator == 1 else '≈'} {_exact(money, value)}"


def _percents(quotient: Interval) -> str:
    """The ends of a share, where a tenth of a percent tells them apart."""
    low, high = (f"{float(end or 0) * 100:.1f}%" for end in (quotient.low, quotient.high))
    return gettext("between %(low)s and %(high)s") % {"low": low, "high": high} if low != high else ""
