"""How statements are put into words."""

import datetime

import pytest

from agencies.models import Agency
from sources.models import Statement
from sources.wording import period_text, rounding_text, subject_text

GOVERNMENTS = [
    Agency(pk=n, code=f"G{n}", short_ko=f"지{n}", short_en=f"G{n}", kind=Agency.Kind.PROVINCE)
    for n in range(1, 8)
]
OFFICE = Agency(pk=99, code="OFFICE", short_ko="과", short_en="Office", kind=Agency.Kind.OFFICE)


class Members(list):
    def all(self):
        return self


@pytest.mark.parametrize(
    ("members", "reading", "text"),
    [
        ([], "together", "Not given"),
        (GOVERNMENTS[:1], "together", "G1"),
        (GOVERNMENTS[:1], "each", "G1"),
        (GOVERNMENTS[:2], "each", "Each of: G1, G2"),
        (GOVERNMENTS, "together", "All 7 metropolitan and provincial governments"),
        (GOVERNMENTS[:6], "together", "6 metropolitan and provincial governments, all but G7"),
        (GOVERNMENTS[:4], "together", "4 metropolitan and provincial governments, all but G5, G6, G7"),
        (GOVERNMENTS[:3], "together", "G1, G2, G3"),
        ([*GOVERNMENTS[:6], OFFICE], "together", "G1, G2, G3, G4, G5, G6, Office"),
        ([OFFICE] * 1000, "together", ", ".join(["Office"] * 40) + " and 960 more"),
    ],
)
def test_subjects(in_english, monkeypatch, members, reading, text):
    monkeypatch.setattr(Statement, "subject", Members(members))
    assert subject_text(Statement(reading=reading), GOVERNMENTS) == text


DAY = datetime.date(2025, 2, 6)


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (None, None, "Not given"),
        (DAY, DAY, "Feb. 6, 2025"),
        (datetime.date(2023, 1, 1), datetime.date(2024, 1, 31), "Jan. 1, 2023 to Jan. 31, 2024"),
        (DAY, None, "From Feb. 6, 2025"),
        (None, DAY, "Until Feb. 6, 2025"),
    ],
)
def test_periods(in_english, first, last, text):
    assert period_text(Statement(period_from=first, period_until=last)) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"measure": "spending", "value": 56_300_000, "precision": 100_000}, "rounded to ₩100,000"),
        ({"measure": "users", "value": 1_300, "precision": 100}, "rounded to 100"),
        ({"measure": "users", "value": 1_274, "precision": 1}, ""),
        ({"measure": "spending", "value": None, "precision": 100_000, "standing": "not_given"}, ""),
    ],
)
def test_rounding(in_english, fields, text):
    assert rounding_text(Statement(**fields)) == text
