"""What the tests of subscriptions share: a clock that stands still."""

import datetime
from collections.abc import Callable

import pytest
from django.utils import timezone

from tests.subscriptions.factories import DAY

SetClock = Callable[[datetime.date], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """It is noon of DAY in Seoul; `clock(day)` makes it noon of another day."""

    def set_clock(day: datetime.date) -> None:
        noon = datetime.datetime.combine(day, datetime.time(12), tzinfo=timezone.get_default_timezone())
        monkeypatch.setattr(timezone, "now", lambda: noon)

    set_clock(DAY)
    return set_clock
