"""PostgreSQL is stopped, or crashes, under load; and has fewer connections than the site asks for."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack

import psycopg
import pytest

from tests.faults.conftest import Register, changed_settings
from tests.faults.people import Crowd
from tests.faults.site import serving, wait_for
from tests.faults.test_killed_workers import crowd_of, written

pytestmark = pytest.mark.faults

ROUNDS = int(os.environ.get("FAULT_KILLS", "2")) // 2
HOW = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "killed": signal.SIGKILL}


@pytest.mark.parametrize("how", HOW)
def test_the_server_is_restarted_under_load(how: str, register: Register, cases: list[int]) -> None:
    """What was acknowledged is there, though nobody is waited for; and the site finds the server again by itself."""
    cluster = register.cluster
    assert cluster
    with serving(register.site()) as site:
        with crowd_of("all", site, register):
            for _number in range(max(1, ROUNDS)):
                time.sleep(random.uniform(1, 2))
                crash(register, HOW[how])
                before = sum(written(register, "record", "pay").values())
                wait_for(
                    lambda before=before: sum(written(register, "record", "pay").values()) > before,
                    "nobody gets on after the server is back",
                )
        site.ready(20)
    assert register.ledger.cut() > 0
    assert 500 not in register.ledger.answers, site.said("server.log")  # told as an outage, not as a fault
    register.assert_sound()
    cases += [1] * len(register.ledger.answers)


def crash(register: Register, how: signal.Signals) -> None:
    """Stop the server and start it again; one that is killed leaves its processes, of which it must be rid first."""
    cluster = register.cluster
    assert cluster
    cluster.stop(how)
    for _attempt in range(100):
        try:
            cluster.start()
            return
        except RuntimeError:  # "pre-existing shared memory block is still in use"
            time.sleep(0.1)
    cluster.start()


def test_what_was_acknowledged_too_early_is_lost(register: Register) -> None:
    """The control: a server that acknowledges before it has written loses what it acknowledged, and the comparison says so."""
    cluster = register.cluster
    assert cluster
    hasty = {"synchronous_commit": "off", "wal_writer_delay": "10000ms", "wal_writer_flush_after": "1GB"}
    with changed_settings(cluster, **hasty), serving(register.site()) as site:
        with crowd_of("record", site, register):
            wait_for(lambda: len(register.ledger.of("record")) > 5, "nobody gets on")
            cluster.stop(HOW["immediate"])
            time.sleep(0.5)
        cluster.start()
        assert any("was acknowledged" in told for told in register.look())


def test_more_people_than_connections(register: Register, cases: list[int]) -> None:
    """Who gets no connection is told so at once; nobody hangs, nothing is lost, and it is over when there are some again."""
    cluster = register.cluster
    assert cluster
    few = {"max_connections": "14", "superuser_reserved_connections": "0", "autovacuum_max_workers": "1"}
    with changed_settings(cluster, **few), serving(register.site(threads=12)) as site:
        crowd = Crowd()
        for person in register.persons(site, "administrator"):
            crowd.add(lambda person=person: person.records("declare", again=1))
            crowd.add(lambda person=person: person.get("/subscriptions/"))
        for person in register.persons(site, "administrator", "KR-11"):
            crowd.add(lambda person=person: person.get("/spending/"))
        with crowd:
            time.sleep(6)
        refused = register.ledger.answers.count(503)
        assert refused > 0
        assert set(register.ledger.answers) <= {200, 302, 503}, site.said("server.log")
        assert (
            register.ledger.slowest < 20
        )  # a worker that hangs is given 30; a busy machine needs some seconds
        # All taken by others: everybody is told, and the probe as well.
        with ExitStack() as taken:
            site.stop()
            site.start()
            wait_for(lambda: took_one(taken, register) is None, "connections do not run out")
            person = register.persons(site, "administrator")[0]
            page = person.get("/subscriptions/")
            assert (page.status, page.seconds < 5) == (503, True)
            assert "cannot reach its database" in page.text
            assert (site.asked("/readyz"), site.asked("/healthz")) == (503, 200)
        wait_for(lambda: person.get("/subscriptions/").status == 200, "the site does not recover", 10)
        assert person.records("declare", again=1)
        assert site.asked("/readyz") == 200
    register.assert_sound()
    cases += [1] * len(register.ledger.answers)


def took_one(taken: ExitStack, register: Register) -> psycopg.Connection | None:
    """One more connection, held until the stack is closed; none where the server has no more."""
    try:
        return taken.enter_context(psycopg.connect(register.address, autocommit=True))
    except psycopg.OperationalError:
        return None
