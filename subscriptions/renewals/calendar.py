"""The renewal calendar: the weeks of a month, with what has its last day to give notice on each day."""

from __future__ import annotations

import calendar
import datetime
from dataclasses import dataclass, field

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import get_language

from subscriptions.models import Renewal
from subscriptions.notice_days import FIRST_YEAR, LAST_YEAR, holiday_name, is_working_day
from subscriptions.renewals.listing import with_columns

# A day shows so many; the rest are in the list.
SHOWN = 3
ONE_DAY = datetime.timedelta(days=1)


@dataclass
class Day:
    """A day of the calendar: how many ends of terms fall on it, and the first of them. Days of other months hold nothing."""

    day: datetime.date
    in_month: bool
    is_today: bool
    holiday: str = ""
    is_working: bool = True
    count: int = 0
    renewals: list[Renewal] = field(default_factory=list)

    @property
    def more(self) -> int:
        return self.count - len(self.renewals)


@dataclass
class Month:
    first: datetime.date
    weeks: list[list[Day]]

    @property
    def count(self) -> int:
        return sum(day.count for week in self.weeks for day in week)

    @property
    def days(self) -> list[Day]:
        """Those on which something falls."""
        return [day for week in self.weeks for day in week if day.count]

    @property
    def before(self) -> str:
        return f"{self.first - ONE_DAY:%Y-%m}"

    @property
    def after(self) -> str:
        return f"{self.first + 31 * ONE_DAY:%Y-%m}"


def month_of(text: str, today: datetime.date) -> datetime.date:
    """The first day of a month given as `2026-07`; of this month where nothing is given. Raises ValueError."""
    if not text:
        return today.replace(day=1)
    first = datetime.datetime.strptime(text, "%Y-%m").date()
    if not FIRST_YEAR <= first.year < LAST_YEAR:
        raise ValueError(text)
    return first


def drawn(renewals: QuerySet, first: datetime.date, today: datetime.date) -> Month:
    """The month that begins on `first`, Sunday first as in Korea; two queries, however much falls on its days."""
    weeks = calendar.Calendar(firstweekday=calendar.SUNDAY).monthdatescalendar(first.year, first.month)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    within = renewals.filter(notice_by__range=(first, last)).order_by()
    counts = dict(within.values_list("notice_by").annotate(Count("pk")))
    number = Window(RowNumber(), partition_by=F("notice_by"), order_by=F("pk").asc())
    keys = within.annotate(number=number).filter(number__lte=SHOWN).values_list("pk", flat=True)
    shown: dict[datetime.date, list[Renewal]] = {}
    for renewal in with_columns().filter(pk__in=list(keys)).order_by("notice_by", "pk") if counts else ():
        shown.setdefault(renewal.notice_by, []).append(renewal)
    language = get_language() or "ko"

    def day(date: datetime.date) -> Day:
        in_month = date.month == first.month
        return Day(
            day=date,
            in_month=in_month,
            is_today=date == today,
            holiday=holiday_name(date, language),
            is_working=is_working_day(date),
            count=counts.get(date, 0) if in_month else 0,
            renewals=shown.get(date, []) if in_month else [],
        )

    return Month(first, [[day(date) for date in week] for week in weeks])
