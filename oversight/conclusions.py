"""What follows from the figures on the page of spending, in sentences: parts, bounds, averages, and what stays open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.utils.translation import gettext, ngettext

from figures.formatting import amount_text, day, number, percent, with_tolerance, won_exact
from figures.interval import Interval, round_half_up
from oversight.bounds import at_least_distinct
from oversight.spending import Spending, Sum, per_user_together
from oversight.stated import Measure, Together


def conclusions(spending: Spending) -> list[str]:
    """The sentences under the table, each true of the rows that the filter shows."""
    return [
        *_contradiction(spending),
        *_set_aside(spending),
        *_hidden(spending),
        *_parts(spending),
        *_left(spending.spending, money=True),
        *_left(spending.users, money=False),
        *_open_users(spending),
        *_per_user(spending),
        *_programs(spending),
        *_uncertain(spending),
        *_periods(spending),
    ]


def _contradiction(spending: Spending) -> Iterator[str]:
    if spending.contradictory:
        yield gettext("The figures of this source cannot all be true, so nothing is concluded from them.")


def _set_aside(spending: Spending) -> Iterator[str]:
    """Which statements of the other sources count nothing here."""
    if spending.set_aside:
        yield gettext(
            "These contradict a source that goes first, so nothing rests on them: %(statements)s."
        ) % {"statements": ", ".join(statement.code for statement in spending.set_aside)}


def _hidden(spending: Spending) -> Iterator[str]:
    """Why a total that the source states is not shown."""
    shown = len(spending.rows)
    if not shown:
        return
    if spending.spending.hidden:
        yield gettext(
            "The source states spending for %(all)s governments together. The filter keeps %(count)s in view, so "
            "that total is left out, and the sum is of what is given for those in view."
        ) % {"all": spending.spending.hidden, "count": shown}
    if spending.users.hidden:
        yield gettext(
            "The same holds for users, which the source states for %(all)s governments together."
        ) % {"all": spending.users.hidden}


def _parts(spending: Spending) -> Iterator[str]:
    together, by_agency = spending.spending.together, spending.spending.by_agency
    if together is None or together.left is None or not by_agency.given:
        return
    yield ngettext(
        "%(count)s government has a stated figure: %(given)s, which is %(percent)s of the stated %(total)s.",
        "%(count)s governments have a stated figure: %(given)s in all, which is %(percent)s of the stated "
        "%(total)s.",
        by_agency.given,
    ) % {
        "count": by_agency.given,
        "given": amount_text(by_agency.known),
        "percent": percent(by_agency.known, together.figure),
        "total": amount_text(together.figure),
    }


def _left(measured: Sum, money: bool) -> Iterator[str]:
    together = measured.together
    if together is None or together.left is None or together.left.value is None:
        return
    count, left, mean = len(together.left_agencies), together.left, together.left_on_average
    assert mean is not None
    values = {
        "count": count,
        "left": with_tolerance(left, money),
        "mean": amount_text(mean, money),
        **_ends(measured, together, won_exact if money else number),
    }
    if money:
        yield (
            ngettext(
                "%(left)s is left for the other government; it lies between %(low)s and %(high)s.",
                "%(left)s is left for the other %(count)s governments, %(mean)s on average; each lies between "
                "%(low)s and %(high)s.",
                count,
            )
            % values
        )
    else:
        yield (
            ngettext(
                "%(left)s users are left for the other government; it has between %(low)s and %(high)s.",
                "%(left)s users are left for the other %(count)s governments, %(mean)s on average; each has between "
                "%(low)s and %(high)s.",
                count,
            )
            % values
        )


def _ends(measured: Sum, together: Together, write: Callable[[int], str]) -> dict[str, str]:
    bounds = [measured.figures[agency].interval for agency in together.left_agencies]
    highs = [interval.high for interval in bounds if interval.high is not None]
    whole = together.left.interval.high if together.left else None
    high = max(highs) if len(highs) == len(bounds) else whole
    return {
        "low": write(round_half_up(min(interval.low for interval in bounds))),
        "high": write(round_half_up(high or 0)),
    }


def _open_users(spending: Spending) -> Iterator[str]:
    for row in spending.rows:
        if not row.users.is_known and row.users.interval == Interval(0, None) and spending.users.together:
            yield gettext("%(agency)s: users %(standing)s; nothing bounds their number.") % {
                "agency": row.name,
                "standing": row.users.standing.label.lower(),
            }


def _per_user(spending: Spending) -> Iterator[str]:
    together = per_user_together(spending)
    if together is None:
        return
    money, users, each = together
    assert spending.users.together is not None
    yield gettext(
        "The %(count)s governments whose users are stated together spent %(money)s for %(users)s users: "
        "%(each)s for each user."
    ) % {
        "count": len(spending.users.together.agencies),
        "money": with_tolerance(money, True),
        "users": amount_text(users, money=False),
        "each": with_tolerance(each, True),
    }


def _programs(spending: Spending) -> Iterator[str]:
    counted = [s.figure.interval for s in spending.programs if s.measure == Measure.DISTINCT_PROGRAMS]
    named = {
        s.product_id
        for s in spending.programs
        if s.measure == Measure.GOVERNMENTS_SUBSCRIBING and s.figure.interval.low >= 1
    }
    least = at_least_distinct(counted, len(named))
    if least and spending.is_whole:
        yield ngettext(
            "At least %(least)s AI program is in use, of which the source names %(named)s.",
            "At least %(least)s different AI programs are in use, of which the source names %(named)s.",
            least,
        ) % {"least": least, "named": len(named)}


def _uncertain(spending: Spending) -> Iterator[str]:
    for statement in spending.uncertain:
        yield gettext(
            "%(tool)s: the source tells of %(number)s subscribing governments and does not say which, so they are "
            "not among these unless a subscription is recorded."
        ) % {"tool": statement.product, "number": amount_text(statement.figure, money=False)}


def _periods(spending: Spending) -> Iterator[str]:
    if spending.users.by_agency.given and not any(spending.users_period):
        yield gettext("The source does not say for which day or period it counts users.")
    elif spending.users.by_agency.given and spending.users_period != spending.period:
        first, last = spending.users_period
        yield gettext("The users are those of another period: %(first)s to %(last)s.") % {
            "first": day(first),
            "last": day(last),
        }
