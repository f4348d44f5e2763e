"""The last day on which notice can be given before a term ends, on Korean working days. Reads nothing and writes nothing.

The rule: count `notice_days` calendar days back from the last day in force; where that is a Saturday, a Sunday or a public
holiday, take the working day before it, so that somebody is in the office and the notice is in time under any reading of the
contract. (A period counted forwards would end on the next working day, Civil Act article 161; counted backwards that would be
too late.)
"""

from __future__ import annotations

import datetime
from functools import lru_cache

import holidays

ONE_DAY = datetime.timedelta(days=1)
SATURDAY = 5
# The days that the tables of holidays hold for; beyond them only weekends count. A last day lies within a century.
FIRST_YEAR, LAST_YEAR = 1950, 2100


@lru_cache(maxsize=300)
def _holidays(year: int, language: str) -> dict[datetime.date, str]:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return {}
    return dict(holidays.country_holidays("KR", years=year, language=language))


def holiday_name(day: datetime.date, language: str = "ko") -> str:
    """The public holiday that a day is in Korea, substitute holidays included; empty for any other day."""
    return _holidays(day.year, "ko" if language.startswith("ko") else "en_US").get(day, "")


def is_working_day(day: datetime.date) -> bool:
    return day.weekday() < SATURDAY and day not in _holidays(day.year, "ko")


def working_day_until(day: datetime.date) -> datetime.date:
    """The day itself when offices are open, else the last working day before it."""
    while not is_working_day(day):
        day -= ONE_DAY
    return day


@lru_cache(maxsize=20_000)
def last_notice_day(ends_on: datetime.date, notice_days: int | None) -> datetime.date:
    """The last day to give notice. Without notice days it is the last working day of the term: the latest that it can be."""
    try:
        counted = ends_on - datetime.timedelta(days=notice_days or 0)
    except OverflowError:
        return datetime.date.min
    return counted if counted.year < FIRST_YEAR else working_day_until(counted)
