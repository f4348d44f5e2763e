"""From this version to the one before: what that one could not read keeps its tables from being taken back."""

from __future__ import annotations

import datetime
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management.base import CommandError

from agencies.models import Delivery, Notice, User
from audit.events import Kind, record
from audit.sealing import seal_all

pytestmark = pytest.mark.django_db
READERS = "agencies.migrations.0006_user_names_once_and_an_email_for_each_reader"


def taken_back(migration: str) -> list[Any]:
    """Run what a migration does with rows on the way back, in its order; what was run."""
    operations = [
        one for one in import_module(migration).Migration.operations if hasattr(one, "reverse_code")
    ]
    assert operations
    for one in reversed(operations):
        one.reverse_code(apps, None)
    return operations


def test_seals_that_hold_when_they_were_begun_keep_that_column() -> None:
    """Without it, no hash of theirs would be right any more. That is said before the column goes."""
    name = "audit.migrations.0002_begun_of_seals"
    operations = taken_back(name)
    assert import_module(name).Migration.operations[-1:] == operations
    record(Kind.SETTING, name="one")
    seal_all()
    with pytest.raises(CommandError, match="The way back is a backup"):
        taken_back(name)


def test_what_readers_are_sent_is_fit_for_the_version_before(make_user: Any) -> None:
    jeju, other = (make_user("administrator", "KR-49", username=name, email="now@x.example") for name in "ab")
    to = {"recipient": jeju, "key": "account.email", "url": "/"}
    rows = [
        ("sending", ""),
        ("sending", "now@x.example"),
        ("waiting", "before@x.example"),
        ("taken", "before@x.example"),
    ]
    for mail, email in rows:
        Notice.objects.create(**to, mail=mail, email=email)
    taken_back(READERS)
    assert list(Notice.objects.order_by("pk").values_list("mail", flat=True)) == [
        "waiting",
        "waiting",
        "skipped",
        "taken",
    ]
    for reader in (jeju, other):
        day = datetime.date(2026, 11, 25)
        Delivery.objects.create(
            day=day, address="now@x.example", language="ko", recipient=reader, subject="x", body="x"
        )
    with pytest.raises(CommandError, match="several readers at one address"):
        taken_back(READERS)
    assert User.objects.count() == 2
