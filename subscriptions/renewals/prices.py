"""The price lines of a term that follows another: as so far, for another number of seats, or at a new price."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from subscriptions.models import PriceLine

ONE_DAY = datetime.timedelta(days=1)


class Prices(models.TextChoices):
    AS_SO_FAR = "as_so_far", gettext_lazy("As so far")
    SEATS = "seats", gettext_lazy("As so far, for another number of seats")
    NEW = "new", gettext_lazy("A new price instead of those so far")
    ADDED = "added", gettext_lazy("A new price besides those so far")


def lines_of_next_term(
    lines: Sequence[PriceLine],
    ended_on: datetime.date,
    ends_on: datetime.date,
    prices: Prices = Prices.AS_SO_FAR,
    *,
    seats: int | None = None,
    line: PriceLine | None = None,
) -> list[PriceLine]:
    """The price lines of a subscription whose term, which ended on one day, is followed by one that ends on another.

    The lines given are changed: those of the last day go on until the new end, or end with the old term. `seats` goes with
    SEATS, a new `line` with NEW and ADDED. Raises ValidationError by field.
    """
    last = [one for one in lines if _holds_on(one, ended_on)]
    over, following = _replaced(last, prices, seats, line)
    for one in last:
        if one in over:
            one.ends_on = ended_on
        elif one.ends_on == ended_on:
            one.ends_on = ends_on
    for one in following:
        one.starts_on, one.ends_on = ended_on + ONE_DAY, None
    return [*lines, *following]


def _replaced(
    last: list[PriceLine], prices: Prices, seats: int | None, line: PriceLine | None
) -> tuple[list[PriceLine], list[PriceLine]]:
    """Of the lines of the last day, those that end with the old term; and those that begin with the new one."""
    if prices is Prices.SEATS:
        old = _per_seat(last)
        if seats is None:
            raise ValidationError({"seats": _("Give the number of seats of the new term.")})
        new = copy.copy(old)
        new.pk, new.seats, new._state.adding = None, seats, True
        return [old], [new]
    if prices is Prices.AS_SO_FAR:
        return [], []
    if line is None:
        raise ValidationError({"amount": _("Give the new price.")})
    return (last if prices is Prices.NEW else []), [line]


def _holds_on(line: PriceLine, day: datetime.date) -> bool:
    return (line.starts_on is None or line.starts_on <= day) and (line.ends_on is None or line.ends_on >= day)


def _per_seat(lines: Sequence[PriceLine]) -> PriceLine:
    """The one line that is for seats."""
    found = [line for line in lines if line.basis == PriceLine.Basis.PER_SEAT]
    if len(found) != 1:
        raise ValidationError(
            {
                "prices": _(
                    "There is not exactly one price per seat on the last day. Give the new price instead."
                )
            }
        )
    return found[0]
