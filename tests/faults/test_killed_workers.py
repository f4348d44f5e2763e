"""Workers of the web server and of background tasks are killed (-9) in the middle of what they write, on PostgreSQL."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.faults.conftest import Register
from tests.faults.people import Crowd, Person
from tests.faults.site import Site, kill, serving, wait_for

# How often each act is killed; `make audit` says more.
KILLS = int(os.environ.get("FAULT_KILLS", "2"))


def killed_while_writing(site: Site, register: Register, kills: int) -> int:
    """Kill a worker, or both, right when a transaction has written something; how many transactions that was."""
    struck = 0
    with psycopg.connect(register.address, autocommit=True) as watching:
        for number in range(kills):
            time.sleep(random.uniform(0.05, 0.4))
            until = time.monotonic() + 10
            while time.monotonic() < until:
                writing = watching.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database()"
                ).fetchone()
                if writing and writing[0]:
                    break
            # Not always at its beginning.
            time.sleep(random.choice([0, 0, 0.005, 0.02, 0.05]))
            workers = site.workers()
            for worker in workers if number % 2 else random.sample(workers, min(1, len(workers))):
                kill(worker)
            struck += bool(writing and writing[0])
            wait_for(lambda: len(site.workers()) == 2, "the workers do not come back")
    return struck


def crowd_of(act: str, site: Site, register: Register) -> Crowd:
    """People who do one kind of act, or all of them."""
    crowd = Crowd()
    administrators = register.persons(site, "administrator")
    if act in ("record", "all"):
        for person in administrators[:3]:
            crowd.add(lambda person=person: person.records("declare"))
        crowd.add(lambda: pays(administrators[3]), 0.05)
    if act in ("approve", "all"):
        for approver, asker in zip(register.persons(site, "approver"), administrators[4:], strict=False):
            crowd.add(lambda approver=approver, asker=asker: approver.approves(asker.records()))
    if act in ("freeze", "all"):
        for person in register.persons(site, "committee_member"):
            crowd.add(person.freezes)
    if act in ("change", "all"):
        crowd.add(changing(administrators[7]))
    return crowd


def pays(person: Person) -> None:
    if reference := person.records("declare"):
        person.pays(reference, random.randint(1, 10**6))
        person.pays(reference, random.randint(1, 10**6))


def changing(person: Person) -> Callable[[], None]:
    """Somebody who changes one record again and again."""
    numbers, references = count(1), []

    def change() -> None:
        if not references:
            references.append(person.records("declare"))
        person.changes(references[0], f"department {next(numbers)}")

    return change


def written(register: Register, *kinds: str) -> dict[str, int]:
    return {kind: len(register.ledger.of(kind)) for kind in kinds}


CONTROLS = {
    "a subscription lost": "was acknowledged and is",
    "a subscription twice": "2 times",
    "a payment lost": "payment",
    "an approval lost": "the approval of",
    "a snapshot lost": "snapshot",
    "a change lost": "changes are not in its history",
    "a price line missing": "has 0 price lines",
    "facts wrong": "the facts of",
    "totals wrong": "the totals of",
    "a finding wrong": "findings differ",
    "a tally wrong": "rows of the tallies",
    "the trail bent": "changed subscriptions_decision",
}


@pytest.mark.django_db  # the register is a copy of this run's own database
@pytest.mark.skipif(
    connection.vendor == "sqlite" and "FAULT_KILLS" not in os.environ, reason="in a plain run, on PostgreSQL"
)
def test_killed_while_everybody_writes(register: Register) -> None:
    """The sample of a plain run; and the control: whatever is broken behind the register's back is noticed."""
    with serving(register.site()) as site:
        with crowd_of("all", site, register):
            wait_for(lambda: all(written(register, *KINDS).values()), "not everybody gets on")
            struck = killed_while_writing(site, register, KILLS)
            time.sleep(1)
        assert struck == KILLS
        assert register.ledger.cut() > 0
    register.assert_sound()
    found = register.look("--controls")
    assert found.keys() == CONTROLS.keys()
    assert {name: told for name, told in found.items() if CONTROLS[name] not in "; ".join(told)} == {}
    register.assert_sound()


KINDS = ("record", "pay", "approve", "change", "freeze")


@pytest.mark.faults
@pytest.mark.parametrize("act", ["record", "approve", "change", "freeze"])
def test_killed_while_people(act: str, register: Register, cases: list[int]) -> None:
    with serving(register.site()) as site:
        with crowd_of(act, site, register):
            struck = killed_while_writing(site, register, KILLS)
            before = written(register, act)[act]
            wait_for(lambda: written(register, act)[act] > before, "nobody gets on afterwards")
        assert struck >= KILLS * 0.8
        assert register.ledger.cut() > 0
    register.assert_sound()
    cases += [1] * len(register.ledger.answers)


@pytest.mark.faults
def test_killed_while_importing(register: Register, cases: list[int]) -> None:
    """The worker of background tasks dies in an import: nothing of the file is there, and `again` brings all of it."""
    rows = 150
    with serving(register.site(), background=True) as site:
        person = register.persons(site, "administrator")[0]
        with (
            crowd_of("record", site, register),
            psycopg.connect(register.address, autocommit=True) as database,
        ):
            for _number in range(max(2, KILLS // 3)):
                page, mark = wait_for(lambda: (got := person.uploads(rows))[0] and got, "no upload")
                register.ledger.tried.append({"what": "import", "mark": mark, "rows": rows})
                key = page.rstrip("/").rsplit("/", 1)[1]

                def state(key: str = key) -> Any:
                    found = database.execute(
                        "SELECT step, state FROM subscriptions_upload WHERE id = %s", [key]
                    )
                    return found.fetchone()

                wait_for(lambda: state() == ("trial", "done"), f"the trial is not done: {state()}")
                assert person.post(f"{page}start/", {}).status == 302
                wait_for(lambda: state() in (("import", "running"), ("import", "done")), "not begun")
                time.sleep(random.uniform(0, 1.2))
                site.kill_background()
                was = state()
                site.start_background()
                if was != ("import", "done"):
                    # What the page shows after a while of silence; here nobody waits for that.
                    database.execute(
                        "UPDATE subscriptions_upload SET heard_of_at = now() - interval '1 hour' WHERE id = %s",
                        [key],
                    )
                    for note in (site.folder / "imports").glob("*.progress"):
                        note.unlink()
                    assert person.post(f"{page}again/", {}).status == 302
                    wait_for(lambda: state() == ("import", "done"), f"not imported again: {state()}")
                register.ledger.acknowledge("import", mark=mark, rows=rows)
    register.assert_sound()
    cases += [1] * len(register.ledger.answers)


@pytest.mark.faults
def test_killed_while_checking(register: Register, cases: list[int]) -> None:
    """The nightly check dies again and again beside people's acts; the next one that ends puts everything right."""
    with serving(register.site()) as site:
        with crowd_of("record", site, register):
            time.sleep(2)
            for _number in range(KILLS):
                check = site.begun("check_policies")
                time.sleep(random.uniform(1.5, 4))
                kill(check.pid)
                check.wait()
        site.manage("check_policies")
    register.assert_sound()
    cases += [1] * len(register.ledger.answers)
