"""What a subscription's page says of the cost that it commits to: this year, over its term, and why a part is not known."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext

from figures.figure import Figure
from figures.formatting import day
from figures.standing import Gap, Standing
from subscriptions.committed import committed_cost, line_cost, term_of
from subscriptions.costs import lines_on
from subscriptions.models import PriceLine, Subscription
from subscriptions.money import Rates, rates_on
from subscriptions.stale import line_text
from subscriptions.tables import known

Period = tuple[datetime.date, datetime.date]


def committed_of(subscription: Subscription, lines: Sequence[PriceLine], on: datetime.date) -> dict[str, Any]:
    """`committed`: the periods with their figures, in won; `open_lines`: what is not known of the price lines, in words."""
    rates = rates_on({line.currency for line in lines}, on)
    year = (on.replace(month=1, day=1), on.replace(month=12, day=31))
    periods = [(gettext("Committed in %(year)s") % {"year": on.year}, year)]
    if subscription.started_on and subscription.ends_on:
        term = (subscription.started_on, subscription.ends_on)
        periods.append((gettext("Committed over the term"), term))
    return {
        "committed": [
            {
                "label": label,
                "period": f"{day(first)} – {day(last)}",
                "figure": committed_figure(subscription, lines, rates, first, last),
            }
            for label, (first, last) in periods
        ],
        "open_lines": list(what_is_open(subscription, lines, rates, on)),
    }


def committed_figure(
    subscription: Subscription,
    lines: Sequence[PriceLine],
    rates: Rates,
    first: datetime.date,
    last: datetime.date,
) -> Figure:
    """The cost from `first` to `last` as a figure; one of which nothing is known says whether a rate is missing."""
    cost = committed_cost(subscription, lines, rates, first, last)
    low, high = int(cost.low), None if cost.high is None else int(cost.high)
    if low or high is not None:
        return known(low, high)
    rateless = any(
        line.amount is not None
        and line.currency not in rates
        and line_cost(line, subscription, rates, first, last).high is None
        for line in lines
    )
    return Figure.missing(Gap.RATE_MISSING if rateless else Standing.NOT_GIVEN)


def what_is_open(
    subscription: Subscription, lines: Sequence[PriceLine], rates: Rates, on: datetime.date
) -> Iterator[str]:
    """A sentence for each line of which the cost is not known in full."""
    counting = {id(line) for line in lines_on(subscription, lines, on)}
    for line in lines:
        if id(line) not in counting and term_of(line, subscription)[0] is not None:
            continue
        said = gettext("%(line)s: %(why)s")
        if line.amount is None:
            if line.standing != Standing.NOT_APPLICABLE:
                why = gettext("the amount is not known (%(standing)s).") % {
                    "standing": line.get_standing_display()
                }
                yield said % {"line": line_text(line), "why": why}
            continue
        if line.currency not in rates:
            why = gettext("there is no exchange rate of %(currency)s of %(day)s or the seven days before.")
            yield said % {"line": line_text(line), "why": why % {"currency": line.currency, "day": day(on)}}
        if line.basis == PriceLine.Basis.PER_SEAT and not line.seats:
            why = gettext("the seats are not given, so one at least is counted.")
            yield said % {"line": line_text(line), "why": why}
        if line.vat == PriceLine.Vat.NOT_GIVEN:
            why = gettext("it is not given whether VAT is in it, so up to a tenth more.")
            yield said % {"line": line_text(line), "why": why}
