"""What the tests of oversight share: the report's register with its facts and findings, as of today."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from agencies.models import User
from tests.register import load
from tests.subscriptions.factories import DAY


@pytest.fixture(scope="module")
def loaded_register(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The report with its 17 ChatGPT subscriptions, judged; loaded once for the tests of a module."""
    with django_db_blocker.unblock(), transaction.atomic():
        load(judged=True)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def register(loaded_register: None, db: None) -> None:
    """The loaded register; what a test changes is undone after it."""


@pytest.fixture
def committee(make_user: Callable[..., User]) -> User:
    """Somebody who sees all that is recorded."""
    return make_user("committee_member", "KR")


@pytest.fixture
def jeju(make_user: Callable[..., User]) -> User:
    return make_user("administrator", "KR-49")


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of DAY in Seoul."""
    at = datetime.datetime.combine(DAY, datetime.time(12), tzinfo=timezone.get_default_timezone())
    monkeypatch.setattr(timezone, "now", lambda: at)
