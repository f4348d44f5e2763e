"""A fold that is killed half way, as a process of its own: the tallies stay right, and the next fold does all of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from subscriptions.models import PaidByAgencyMonth, PaidChange
from subscriptions.tallies import fold
from tests.subscriptions.factories import SubscriptionFactory, agency_at
from tests.subscriptions.test_killed_check import ROOT, address, killed
from tests.subscriptions.test_tallies import assert_equal_to_the_payments, pay

pytestmark = pytest.mark.django_db(transaction=True)

# It stops when all is added and the changes are gone, right before what has come to nothing goes too.
HALF_WAY = """
import signal
import django
django.setup()
from django.db import connection
from subscriptions.tallies import fold

def stop(execute, sql, params, many, context):
    if sql.startswith("DELETE FROM subscriptions_paidby"):
        print("half way", flush=True)
        signal.pause()
    return execute(sql, params, many, context)

with connection.execute_wrapper(stop):
    fold()
"""


def started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_half_way() -> None:
    subscriptions = [SubscriptionFactory(agency=agency_at(path)) for path in ("KR/P1", "KR/P2")]
    for subscription in subscriptions:
        pay(subscription, 5)
    fold()
    moved = subscriptions[0]
    moved.agency = subscriptions[1].agency
    moved.save()
    pay(moved, 70)
    waiting = PaidChange.objects.count()
    tallied = list(PaidByAgencyMonth.objects.order_by("pk").values())
    process = started("-c", HALF_WAY)
    assert process.stdout
    said = process.stdout.readline()
    assert said == "half way\n", said + process.stdout.read()
    killed(process)
    assert PaidChange.objects.count() == waiting > 0
    assert list(PaidByAgencyMonth.objects.order_by("pk").values()) == tallied
    assert_equal_to_the_payments()
    clean = started("manage.py", "fold_tallies")
    said = clean.communicate(timeout=60)[0]
    assert f"{waiting:,} changes added up" in said
    assert not PaidChange.objects.exists()
    assert_equal_to_the_payments()
