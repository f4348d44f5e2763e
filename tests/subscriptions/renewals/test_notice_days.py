"""The last day to give notice, on days that Korean offices are known to have been closed."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.notice_days import holiday_name, is_working_day, last_notice_day
from tests.examples import examples


def on(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("ends_on", "notice_days", "expected"),
    [
        ("2026-12-31", 30, "2026-12-01"),  # a Tuesday
        ("2026-12-31", 0, "2026-12-31"),
        ("2026-12-31", None, "2026-12-31"),
        ("2026-06-30", 30, "2026-05-29"),  # a Sunday, so the Friday before
        # Seollal 2026 is 17 February, with the days around it; the day before them is a Sunday.
        ("2026-02-18", 0, "2026-02-13"),
        ("2026-03-18", 30, "2026-02-13"),
        # Seollal 2025: a temporary holiday before it on Monday, so nobody is in from Saturday to Thursday.
        ("2025-01-30", 0, "2025-01-24"),
        # Chuseok 2025, from National Foundation Day to the substitute holiday and Hangeul Day.
        ("2025-10-09", 0, "2025-10-02"),
        ("2025-11-08", 30, "2025-10-02"),
        # Substitute holidays: for 1 March 2026 (a Sunday), for Buddha's birthday 2026 (a Sunday).
        ("2026-03-02", 0, "2026-02-27"),
        ("2026-05-25", 0, "2026-05-22"),
        # Children's Day and Buddha's birthday on one day in 2025: the substitute holiday is the Tuesday.
        ("2025-05-06", 0, "2025-05-02"),
        # An election day, and New Year's Day.
        ("2025-06-03", 0, "2025-06-02"),
        ("2027-01-01", 0, "2026-12-31"),
    ],
)
def test_a_day_off_moves_to_the_working_day_before(ends_on: str, notice_days: int | None, expected: str):
    assert last_notice_day(on(ends_on), notice_days) == on(expected)


def test_holidays_have_names_in_both_languages():
    assert (holiday_name(on("2026-09-25")), holiday_name(on("2026-09-25"), "en")) == ("추석", "Chuseok")
    assert (holiday_name(on("2026-09-28")), is_working_day(on("2026-09-28"))) == ("", True)


@examples(30)
@given(st.dates(), st.one_of(st.none(), st.integers(0, 32_767)))
def test_it_is_a_working_day_in_time_and_no_earlier_than_need_be(ends_on: datetime.date, days: int | None):
    """Also for ends that no calendar of holidays reaches."""
    found = last_notice_day(ends_on, days)
    assert found <= ends_on
    if found.year >= 1950:
        counted = ends_on - datetime.timedelta(days=days or 0)
        between = [found + datetime.timedelta(days=n) for n in range(1, (counted - found).days + 1)]
        assert is_working_day(found)
        assert [day for day in between if is_working_day(day)] == []
