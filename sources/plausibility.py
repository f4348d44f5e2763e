"""Figures that cannot be right together, each with the reason. A flag changes no figure: it says where to look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext, ngettext

from figures.formatting import amount_text, number, won_exact
from figures.standing import Standing
from sources.models import Statement

# What subscriptions cost a user over a report's period, in won. A seat costs tens of thousands a month: below the first, not
# even one user in twenty had a seat for a month; above the second, each user had some ten seats of the dearest kind.
LEAST_PER_USER = 1_000
MOST_PER_USER = 10_000_000

Measure = Statement.Measure
# Measures of which the members' own figures add up to the figure of all.
ADDITIVE = (
    Measure.SPENDING,
    Measure.USERS,
    Measure.GOVERNMENTS_SUBSCRIBING,
    Measure.GOVERNMENTS_BLOCKING,
)
COUNTS_MEMBERS = (Measure.GOVERNMENTS_SUBSCRIBING, Measure.GOVERNMENTS_BLOCKING)


@dataclass(frozen=True)
class Flag:
    """Why these statements cannot all be right, in the reader's language."""

    reason: str
    statements: tuple[Statement, ...]


@dataclass
class _Topic:
    """What is stated of one measure (and tool): agencies' own known figures, and figures of several together."""

    own: dict[int, list[Statement]] = field(default_factory=lambda: defaultdict(list))
    together: list[Statement] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)


def flags(statements: Sequence[Statement]) -> list[Flag]:
    """What cannot be right among the statements of one report, or of one source. They come with their subjects."""
    topics: dict[tuple[str, int | None], _Topic] = defaultdict(_Topic)
    for statement in statements:
        topic = topics[statement.measure, statement.product_id]
        members = list(statement.subject.all())
        topic.names |= {agency.pk: str(agency.short) for agency in members}
        if statement.value is None:
            continue
        if len(members) == 1 or statement.reading == Statement.Reading.EACH:
            for agency in members:
                topic.own[agency.pk].append(statement)
        elif members:
            topic.together.append(statement)
    found = list(_per_user(topics[Measure.SPENDING, None], topics[Measure.USERS, None]))
    for (measure, _product), topic in topics.items():
        found += _above_total(topic)
        if measure in ADDITIVE:
            found += _sums(topic)
        if measure in COUNTS_MEMBERS:
            found += _counts(topic)
    found += _ranks(statements, topics)
    return found


def by_statement(found: Sequence[Flag]) -> dict[int, list[Flag]]:
    """The flags of each statement, by its id."""
    grouped: dict[int, list[Flag]] = defaultdict(list)
    for flag in found:
        for statement in flag.statements:
            grouped[statement.pk].append(flag)
    return grouped


def _per_user(spending: _Topic, users: _Topic) -> Iterator[Flag]:
    for agency, amounts in spending.own.items():
        for amount in amounts:
            for count in users.own.get(agency, []):
                each = amount.figure.per(count.figure)
                low, high = each.interval.low, each.interval.high
                values = {
                    "agency": spending.names[agency],
                    "spending": _value(amount),
                    "users": amount_text(count.figure, money=False),
                    "spending_in": amount.code,
                    "users_in": count.code,
                    "each": amount_text(each),
                }
                if high is not None and high < LEAST_PER_USER:
                    reason = gettext(
                        "%(agency)s: %(spending)s (%(spending_in)s) for %(users)s users (%(users_in)s) is about "
                        "%(each)s for each. No subscription costs less than %(limit)s a user."
                    ) % {**values, "limit": won_exact(LEAST_PER_USER)}
                elif low > MOST_PER_USER:
                    reason = gettext(
                        "%(agency)s: %(spending)s (%(spending_in)s) for %(users)s users (%(users_in)s) is about "
                        "%(each)s for each. No subscription costs more than %(limit)s a user."
                    ) % {**values, "limit": won_exact(MOST_PER_USER)}
                else:
                    continue
                yield Flag(reason, (amount, count))


def _above_total(topic: _Topic) -> Iterator[Flag]:
    for total in topic.together:
        limit = total.figure.interval.high
        if limit is None:
            continue
        for agency in total.subject.all():
            for part in topic.own.get(agency.pk, []):
                if _comparable(part, total) and part.figure.interval.low > limit:
                    reason = gettext(
                        "%(agency)s: %(part)s (%(part_in)s) is more than the total that it is part of, %(total)s "
                        "(%(total_in)s)."
                    )
                    values = {"agency": topic.names[agency.pk], "part": _value(part), "part_in": part.code}
                    yield Flag(
                        reason % {**values, "total": _value(total), "total_in": total.code}, (part, total)
                    )


def _sums(topic: _Topic) -> Iterator[Flag]:
    """Members' own figures that add up to more than the total, or, when all are given, to less."""
    for total in topic.together:
        members = [agency.pk for agency in total.subject.all()]
        parts = {
            agency: [part for part in topic.own.get(agency, []) if _comparable(part, total)]
            for agency in members
        }
        given = {agency: own for agency, own in parts.items() if own}
        if not given:
            continue
        # Where several sources state a member's figure, what any of them allows.
        least = sum(min(part.figure.interval.low for part in own) for own in given.values())
        highs = [part.figure.interval.high for own in given.values() for part in own]
        most = (
            None
            if None in highs
            else sum(max(part.figure.interval.high or 0 for part in own) for own in given.values())
        )
        whole = total.figure.interval
        used = tuple(dict.fromkeys(part for own in given.values() for part in own))
        values = {"count": number(len(given)), "total": _value(total), "total_in": total.code}
        alone = any(part.figure.interval.low > (whole.high or 0) for part in used)
        if whole.high is not None and least > whole.high and not alone:
            reason = gettext(
                "The %(count)s members whose own figures are stated have %(sum)s at least, more than the total that "
                "they are part of, %(total)s (%(total_in)s)."
            ) % {**values, "sum": _amount(int(least), total)}
            yield Flag(reason, (*used, total))
        elif len(given) == len(members) and most is not None and most < whole.low:
            reason = gettext(
                "The own figures of all %(count)s members come to %(sum)s at most, less than their total, %(total)s "
                "(%(total_in)s)."
            ) % {**values, "sum": _amount(int(most), total)}
            yield Flag(reason, (*used, total))


def _counts(topic: _Topic) -> Iterator[Flag]:
    for statement in topic.together:
        members = len(statement.subject.all())
        if statement.figure.interval.low > members:
            reason = ngettext(
                "%(value)s are counted (%(counted_in)s), but the statement is about %(count)s agency.",
                "%(value)s are counted (%(counted_in)s), but the statement is about %(count)s agencies.",
                members,
            ) % {"value": _value(statement), "counted_in": statement.code, "count": members}
            yield Flag(reason, (statement,))


def _ranks(statements: Sequence[Statement], topics: dict[tuple[str, int | None], _Topic]) -> Iterator[Flag]:
    """Of each source's ranking, members who are said to have more than one whom it places higher."""
    rankings: dict[tuple[object, ...], list[Statement]] = defaultdict(list)
    for s in statements:
        rankings[s.source_id, s.measure, s.product_id, s.period_from, s.period_until].append(s)
    for about in rankings.values():
        ranked = [s for s in about if s.rank is not None and s.value is not None]
        places = {agency.pk: s for s in ranked for agency in s.subject.all()}
        if not places:
            continue
        last = max(s.rank or 0 for s in ranked)
        # Whoever is covered without a rank comes after the first ones, when these are ranked without a gap.
        leading = {s.rank for s in ranked} == set(range(1, last + 1))
        behind = {
            a.pk for s in about if leading and s.standing == Standing.NOT_GIVEN for a in s.subject.all()
        }
        order = {agency: s.rank or 0 for agency, s in places.items()}
        order |= dict.fromkeys(behind - set(places), last + 1)
        yield from _out_of_order(topics[about[0].measure, about[0].product_id], order, places, about[0])


def _out_of_order(
    topic: _Topic, order: dict[int, int], places: dict[int, Statement], ranking: Statement
) -> Iterator[Flag]:
    least: Statement | None = None  # the one that allows the least among those placed higher
    higher, at_rank = 0, -1
    pending: list[tuple[int, Statement]] = []
    for agency, rank in sorted(order.items(), key=lambda item: item[1]):
        if rank != at_rank:
            for placed, statement in pending:
                if least is None or _most(statement) < _most(least):
                    least, higher = statement, placed
            pending, at_rank = [], rank
        for statement in topic.own.get(agency, []):
            if statement.source_id == ranking.source_id and not _comparable(statement, ranking):
                continue
            pending.append((agency, statement))
            if least is not None and statement.figure.interval.low > _most(least):
                values = {
                    "higher": topic.names[higher],
                    "rank": order[higher],
                    "value": _value(least),
                    "value_in": least.code,
                    "lower": topic.names[agency],
                    "other": _value(statement),
                    "other_in": statement.code,
                }
                reason = gettext(
                    "%(higher)s is ranked %(rank)s with %(value)s (%(value_in)s), before %(lower)s, which has more: "
                    "%(other)s (%(other_in)s)."
                )
                involved = (least, statement, *(places[a] for a in (higher, agency) if a in places))
                yield Flag(reason % values, tuple(dict.fromkeys(involved)))


def _most(statement: Statement) -> float:
    high = statement.figure.interval.high
    return float("inf") if high is None else float(high)


def _comparable(one: Statement, other: Statement) -> bool:
    """Of one source in one period, or of two sources of a report, which speak of the same figures."""
    same = (one.period_from, one.period_until) == (other.period_from, other.period_until)
    return same or one.source_id != other.source_id


def _value(statement: Statement) -> str:
    return amount_text(statement.figure, statement.is_money)


def _amount(value: int, like: Statement) -> str:
    return won_exact(value) if like.is_money else number(value)
