"""A nightly check that is killed in its middle, as a process of its own: the next one comes to what one clean run comes to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from agencies.models import Recheck
from policies.models import Policy, PolicyVersion
from subscriptions.models import (
    AgencyTotals,
    Facts,
    FactsOrigin,
    Finding,
    PolicyCheck,
    PriceLine,
    Status,
    Subscription,
)
from tests.audit.behind import triggers_off
from tests.subscriptions.factories import (
    PolicyFactory,
    ProductFactory,
    WaiverFactory,
    agency_at,
    days,
    make_policy,
)

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
COUNT = 240
FOREVER = {"effective_from": days(-1000), "effective_until": None}
DERIVED = [Facts, FactsOrigin, AgencyTotals, Finding, Finding.history.model, PolicyCheck, Recheck]


def address() -> str:
    """The DATABASE_URL of the test's own database."""
    described = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{described['NAME']}"
    host = described["OPTIONS"].get("host") or described["HOST"]
    return f"postgres://{described['USER']}@/{described['NAME']}?host={host}"


def started() -> subprocess.Popen[str]:
    """`manage.py check_policies`, which says each step."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "check_policies", "--verbosity", "2"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def checked() -> None:
    process = started()
    said, _none = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"{COUNT:,} subscriptions checked" in said


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def killed_after(step: str) -> None:
    process = started()
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(step):
            break
    else:
        raise AssertionError(said)
    killed(process)


@pytest.fixture
def register(transactional_db: None) -> None:
    """A register that was checked yesterday, so to speak, and has changed since without anybody being told.

    Findings will be opened, closed, changed, waived, and some will stand for another number than they were opened for.
    """
    agencies = [agency_at(path) for path in ("KR/P1", "KR/P1/C1", "KR/P2")]
    product = ProductFactory()
    codes = ("a-personal", "b-class", "c-seats")
    policies = {code: PolicyFactory(code=code) for code in codes}
    make_policy(("personal_data", "is", [True]), policy=policies["a-personal"], remedy_days=30, **FOREVER)
    make_policy(("data_class", "at_least", ["sensitive"]), policy=policies["b-class"], **FOREVER)
    make_policy(("seats", "more_than", [5]), policy=policies["c-seats"], **FOREVER)
    subscriptions = Subscription.objects.bulk_create(
        Subscription(
            reference=f"R{number:05}",
            agency=agencies[number % 3],
            product=product,
            status=Status.ACTIVE,
            started_on=days(-1000),
            personal_data=[True, False, None][number % 3],
            data_class=["open", "classified"][number // 3 % 2],
        )
        for number in range(COUNT)
    )
    PriceLine.objects.bulk_create(
        PriceLine(subscription=subscription, position=1, seats=10, amount=1, vat="included")
        for subscription in subscriptions
    )
    checked()

    def some(number: int) -> Any:
        return Subscription.objects.filter(pk__in=[s.pk for s in subscriptions[number::7]])

    some(0).update(personal_data=True)
    some(1).update(personal_data=False, data_class="open")
    some(2).update(personal_data=None, data_class=None)
    some(3).update(status=Status.ENDED)
    PriceLine.objects.filter(subscription__in=some(4) | some(5)).update(seats=20)
    PriceLine.objects.filter(subscription__in=some(6)).update(seats=3)
    long = {"valid_from": days(-1000), "valid_until": days(10_000)}
    WaiverFactory(policy=policies["b-class"], agency=agencies[2], **long)


def kept() -> dict[Any, list[dict[str, Any]]]:
    """All that a check derives."""
    return {model: list(model._default_manager.order_by("pk").values()) for model in DERIVED}


def restore(state: dict[Any, list[dict[str, Any]]]) -> None:
    with transaction.atomic(), triggers_off(*(model._meta.db_table for model in state)):
        for model, rows in state.items():
            model._default_manager.all().delete()
            model._default_manager.bulk_create([model(**row) for row in rows], batch_size=500)


def outcome() -> dict[str, Any]:
    """Facts, totals, findings and their history as they stand, without keys and times."""
    what = [
        "policy__code",
        "subscription__reference",
        "policy_version",
        "verdict",
        "unwaived_verdict",
        "effect",
    ]
    what += ["cause", "waiver", "deciding_facts", "remedy_due", "closed_because"]
    history = Finding.history.order_by("policy__code", "subscription__reference", "history_id")
    return {
        "facts": list(Facts.objects.order_by("pk").values()),
        "totals": list(AgencyTotals.objects.order_by("pk").values()),
        "findings": list(Finding.objects.order_by("policy__code", "subscription__reference").values(*what)),
        "history": list(history.values("history_type", *what)),
        "pending": Recheck.objects.count(),
    }


@dataclass
class Clean:
    """What one run that nobody disturbs comes to, and the state it began from, in which the register stands now."""

    found: dict[str, Any]
    before: dict[Any, list[dict[str, Any]]]

    def again(self) -> None:
        restore(self.before)
        assert outcome() != self.found


@pytest.fixture
def clean(register: None) -> Clean:
    before = kept()
    checked()
    found = outcome()
    closings = {finding["closed_because"] for finding in found["findings"]}
    verdicts = {finding["verdict"] for finding in found["findings"]}
    assert closings == {"", "passes", "not_judged"}
    assert verdicts == {"violation", "undetermined", "waived"}
    clean = Clean(found, before)
    clean.again()
    return clean


def test_killed_after_a_step(clean):
    for steps in (["facts: "], ["policies: 1 of"], ["policies: 2 of"], ["policies: 1 of", "policies: 2 of"]):
        for step in steps:
            killed_after(step)
        assert outcome() != clean.found
        assert Recheck.objects.filter(about=Recheck.About.EVERYTHING).exists()
        checked()
        assert outcome() == clean.found, steps
        clean.again()


def test_without_the_note_that_a_check_was_under_way(clean):
    """The control: the next run then takes the facts that the killed one has made for old ones, and keeps what they replaced."""
    killed_after("facts: ")
    Recheck.objects.all().delete()
    checked()
    found = outcome()
    assert found["facts"] == clean.found["facts"]
    differing = [
        (was["policy__code"], was["verdict"])
        for was, now in zip(clean.found["findings"], found["findings"], strict=True)
        if was != now
    ]
    assert set(differing) == {("c-seats", "violation")}


@pytest.fixture
def in_its_way() -> Iterator[Any]:
    """Another connection, whose transaction is not committed when the test ends."""
    other = connection.copy()
    yield other
    other.close()


@pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="only on PostgreSQL: SQLite has one writer at a time: nobody stands in a check's way",
)
def test_killed_within_a_transaction(clean, in_its_way):
    """Somebody inserts the very finding that the check is about to, and does not commit: there it waits."""
    policy = Policy.objects.get(code="b-class")
    version = PolicyVersion.objects.get(policy=policy)
    opened = {f["subscription__reference"] for f in clean.found["findings"] if f["policy__code"] == "b-class"}
    present = set(Finding.objects.filter(policy=policy).values_list("subscription__reference", flat=True))
    subscription = Subscription.objects.get(reference=sorted(opened - present)[-1])
    finding = Finding(
        policy=policy, policy_version=version, subscription=subscription, verdict="violation", effect="block",
        unwaived_verdict="violation", first_seen=subscription.recorded_at, last_seen=subscription.recorded_at,
    )  # fmt: skip
    fields = [field for field in Finding._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = [field.get_db_prep_save(getattr(finding, field.attname), in_its_way) for field in fields]
    in_its_way.set_autocommit(False)
    with in_its_way.cursor() as cursor:
        marks = ", ".join(["%s"] * len(values))
        cursor.execute(f'INSERT INTO "{Finding._meta.db_table}" ({columns}) VALUES ({marks})', values)
    process = started()
    for _attempt in range(600):
        if waiting_backends():
            break
        assert process.poll() is None
        time.sleep(0.1)
    assert waiting_backends() == 1
    halfway = outcome()
    killed(process)
    in_its_way.rollback()
    assert halfway != clean.found
    checked()
    assert outcome() == clean.found


def waiting_backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])
