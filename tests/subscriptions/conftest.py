"""What the tests of subscriptions share: a clock that stands still."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
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


@pytest.fixture
def jeju(report_data: None, make_user: Callable[..., Any]) -> Any:
    """An administrator of Jeju, with the report's data loaded."""
    return make_user("administrator", "KR-49", first_name="Kim")


@pytest.fixture
def checked(report_data: None) -> None:
    """The report's subscriptions have been checked by its policies."""
    call_command("check_policies", verbosity=0)


@pytest.fixture
def client(jeju: Any, signed_in: Callable[..., Client]) -> Client:
    """Jeju's administrator, in English where the test does not say otherwise."""
    return signed_in(user=jeju, language="en")
