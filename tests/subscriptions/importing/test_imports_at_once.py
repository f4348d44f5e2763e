"""Imports beside other imports and beside people, on PostgreSQL: no lost update, no record twice, all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from agencies.models import User
from subscriptions import payment_admin, recording
from subscriptions.facts import refresh
from subscriptions.importing import deciding, exchange_rates, running
from subscriptions.importing.running import Changed, Report, run
from subscriptions.models import Decision, ExchangeRate, FileImport, PriceLine, Subscription
from subscriptions.origins import stale
from subscriptions.totals import refresh_all_totals
from tests.subscriptions.factories import DAY, ProductFactory, agency_at, days, person
from tests.subscriptions.test_at_once import Interleave, interleave  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock", "in_english"),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="only on PostgreSQL: SQLite has one writer at a time"
    ),
]

HEADER = "agency,tool,contract number,starts,plan\n"
JUDGE = (deciding.Judges, "__init__")  # everything is written by then, and nothing committed


@pytest.fixture
def by() -> User:
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    return person("administrator", agency_at("KR/P1"))


def take(rows: str, by: User) -> Callable[[], Report]:
    return lambda: run((HEADER + rows).encode(), "f.csv", User.objects.get(pk=by.pk))


def in_step() -> None:
    assert stale(DAY) == []
    assert refresh(Subscription.objects.values_list("pk", flat=True), DAY) == []
    assert refresh_all_totals() == []


def test_two_imports_of_overlapping_files(by: User, interleave: Interleave) -> None:  # noqa: F811
    one = take("P1,tool-a,C-1,2026-01-01,\nP1,tool-a,C-2,2026-01-01,\n", by)
    two = take("P1,tool-a,C-2,2026-01-01,\nP1,tool-a,C-3,2026-01-01,\n", by)
    first, second, waited = interleave(one, two, pause=JUDGE)
    assert (first.error, second.error, waited) == (None, None, True)
    assert (first.result.new, second.result.new, second.result.left) == (2, 1, 1)
    contracts = Subscription.objects.order_by("reference").values_list("reference", "contract_number")
    assert list(contracts) == [("P1-2026-0001", "C-1"), ("P1-2026-0002", "C-2"), ("P1-2026-0003", "C-3")]
    in_step()


def test_without_the_locks_a_record_is_doubled(
    by: User,
    interleave: Interleave,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the test above: it would notice."""
    monkeypatch.setattr(running, "hold_imports", lambda: None)
    monkeypatch.setattr(running.Checker, "_hold_agencies", lambda self, agencies: None)
    one = take("P1,tool-a,C-2,2026-01-01,\n", by)
    interleave(one, one, pause=JUDGE)
    assert Subscription.objects.filter(contract_number="C-2").count() == 2


def edit(by: User) -> Callable[[], Any]:
    def work() -> Any:
        subscription = Subscription.objects.select_related("agency", "product").get(contract_number="C-1")
        subscription.purpose = "edited"
        lines = list(PriceLine.objects.filter(subscription=subscription))
        return recording.change(
            subscription, lines, by=User.objects.get(pk=by.pk), version=subscription.version
        )

    return work


def test_an_import_while_a_person_edits(by: User, interleave: Interleave) -> None:  # noqa: F811
    take("P1,tool-a,C-1,2026-01-01,\n", by)()
    changing = take("P1,tool-a,C-1,2026-01-01,Team\n", by)
    _first, second, waited = interleave(edit(by), changing)
    assert (type(second.error), waited) == (Changed, True)
    assert changing().changed == 1
    stored = Subscription.objects.get()
    assert (stored.purpose, stored.plan, stored.version) == ("edited", "Team", 3)
    in_step()


def test_without_the_check_of_versions_an_edit_is_lost(
    by: User,
    interleave: Interleave,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the test above."""
    take("P1,tool-a,C-1,2026-01-01,\n", by)()
    monkeypatch.setattr(running._Run, "_hold_unchanged", lambda self, checked: None)
    interleave(edit(by), take("P1,tool-a,C-1,2026-01-01,Team\n", by))
    stored = Subscription.objects.get()
    assert (stored.purpose, stored.plan) == ("", "Team")


def test_a_person_edits_while_an_import_runs(by: User, interleave: Interleave) -> None:  # noqa: F811
    take("P1,tool-a,C-1,2026-01-01,\n", by)()
    first, second, waited = interleave(take("P1,tool-a,C-1,2026-01-01,Team\n", by), edit(by), pause=JUDGE)
    assert (first.error, type(second.error), waited) == (None, recording.StaleEdit, True)
    assert Subscription.objects.get().plan == "Team"
    in_step()


def test_a_person_records_what_a_file_holds_as_well(by: User, interleave: Interleave) -> None:  # noqa: F811
    def record() -> Any:
        agency, product = by.memberships.get().agency, ProductFactory._meta.model.objects.get(code="tool-a")
        new = Subscription(agency=agency, product=product, contract_number="C-1", started_on=days(-30))
        return recording.save_draft(new, [], by=User.objects.get(pk=by.pk))

    first, second, waited = interleave(record, take("P1,tool-a,C-1,2026-05-16,\n", by))
    assert (first.error, second.error, waited) == (None, None, True)
    assert (second.result.new, second.result.left) == (0, 1)
    assert Subscription.objects.count() == 1


def test_a_trial_takes_no_number_that_a_person_takes(by: User, interleave: Interleave) -> None:  # noqa: F811
    """It writes what it takes back, while a person records at the same agency: neither fails, and neither waits."""

    def record() -> Any:
        agency, product = by.memberships.get().agency, ProductFactory._meta.model.objects.get(code="tool-a")
        new = Subscription(agency=agency, product=product, started_on=days(-30))
        return recording.save_draft(new, [], by=User.objects.get(pk=by.pk))

    def trial() -> Report:
        rows = (HEADER + "P1,tool-a,C-1,2026-01-01,\n").encode()
        return run(rows, "f.csv", User.objects.get(pk=by.pk), trial=True)

    for one, other in ((record, trial), (trial, record)):
        pause = JUDGE if one is trial else None
        first, second, waited = interleave(one, other, **({"pause": pause} if pause else {}))
        assert (first.error, second.error, waited) == (None, None, False)
    references = Subscription.objects.order_by("pk").values_list("reference", flat=True)
    assert list(references) == ["P1-2026-0001", "P1-2026-0002"]


RATE = f"currency,date,rate\nUSD,{DAY},1400\n".encode()


def rates(officer: User) -> Callable[[], Report]:
    return lambda: exchange_rates.run(RATE, "rates.csv", User.objects.get(pk=officer.pk))


def entered(client: Any) -> Callable[[], Any]:
    """The same rate, of another worth, in the administration: what its form says, or None where it was stored."""
    new = {"currency": "USD", "day": f"{DAY}", "rate": "1500", "source": ""}

    def work() -> Any:
        answer = client.post(reverse("admin:subscriptions_exchangerate_add"), new)
        return None if answer.status_code == 302 else answer.context["adminform"].form.errors

    return work


def test_a_rate_that_is_entered_while_a_file_with_it_is_imported(
    signed_in: Any,
    interleave: Interleave,  # noqa: F811
) -> None:
    """Whoever comes second is told, and nothing is lost; two files follow each other."""
    client = signed_in("sysadmin")
    officer = client.user
    written = (exchange_rates, "rates_changed")  # by then, and not committed
    one, other, waited = interleave(rates(officer), entered(client), pause=written)
    assert (one.error, one.result.new, other.error, waited) == (None, 1, None, True)
    assert other.result is not None
    assert [error.code for error in other.result.as_data()["__all__"]] == ["unique_together"]
    assert ExchangeRate.objects.get().rate == 1_400_000_000
    ExchangeRate.objects.all().delete()
    one, other, waited = interleave(entered(client), rates(officer), pause=(payment_admin, "rates_changed"))
    assert (one.error, one.result, type(other.error), waited) == (None, None, Changed, True)
    assert (ExchangeRate.objects.get().rate, FileImport.objects.count()) == (1_500_000_000, 1)
    one, other, waited = interleave(rates(officer), rates(officer), pause=written)
    assert (one.error, one.result.changed, other.error, other.result.left, waited) == (None, 1, None, 1, True)
    kept = (
        ExchangeRate.history.exclude(history_type="-").order_by("history_id").values_list("rate", flat=True)
    )
    assert list(kept) == [1_400_000_000, 1_500_000_000, 1_400_000_000]


def test_an_import_that_is_killed_leaves_nothing_and_runs_again(by: User, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = "".join(f"P1,tool-a,C-{number},2026-01-01,\n" for number in range(6000))
    path.write_text(HEADER + rows)
    settings = connection.settings_dict
    env = {**os.environ, "KILLED_DATABASE": str(settings["NAME"])}
    code = (
        "import os, sys, django; from django.conf import settings\n"
        "settings.DATABASES['default']['NAME'] = os.environ['KILLED_DATABASE']; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('import_subscriptions', sys.argv[1], user=sys.argv[2])\n"
    )
    command = [sys.executable, "-c", code, str(path), by.username]
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _attempt in range(3000):
        if _writing():
            break
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    for _attempt in range(3000):  # the server notices the loss when it next writes to the connection
        if not _others():
            break
        time.sleep(0.01)
    assert (Subscription.objects.count(), Decision.objects.count()) == (0, 0)
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith("6,000 created, 0 changed, 0 as they were; import ")
    assert Subscription.objects.count() == 6000


def _others() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [row[0] for row in cursor.fetchall()]


def _writing() -> bool:
    return any("facts" in query.lower() for query in _others())
