"""Backups that are made while people write, and put back elsewhere: of one moment, with all that was acknowledged by then."""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.faults.conftest import Register, administer, changed_settings, named
from tests.faults.people import Crowd, Ledger
from tests.faults.site import ROOT, Site, serving, wait_for
from tests.faults.test_disk_full import attach
from tests.faults.test_killed_workers import crowd_of, pays, written
from tests.postgres import OPTIONS, Cluster

pytestmark = pytest.mark.faults


@contextmanager
def sealing(site: Site) -> Iterator[None]:
    """The trail is sealed all the time, as it is beside a server."""
    process = site.begun("seal_audit", "--every", "0.3")
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def so_far(ledger: Ledger) -> Ledger:
    """What was acknowledged until now; what was tried is shared, since it may get in or not."""
    return Ledger(list(ledger.acknowledged), ledger.tried)


@pytest.mark.django_db  # the copy is of this run's own database
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only on SQLite: its own")
def test_a_backup_of_sqlite(on_sqlite: Callable[[Path], Register], tmp_path: Path, cases: list[int]) -> None:
    folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    register = on_sqlite(folder)
    with serving(register.site()) as site, sealing(site):
        crowd = Crowd()
        for person in register.persons(site, "administrator")[:3]:
            crowd.add(lambda person=person: pays(person), 0.05)
        with crowd:
            wait_for(lambda: len(register.ledger.of("pay")) > 4, "nobody gets on")
            (site.folder / "exports").mkdir()
            (site.folder / "exports" / "kept.xlsx").write_bytes(b"kept")
            acknowledged = so_far(register.ledger)
            site.manage("backup", str(tmp_path / "backup.tar"))
            time.sleep(0.5)
        site.manage("verify_audit")
        there = f"sqlite:///{elsewhere}/register.sqlite3"
        put_back = {"DATABASE_URL": there, "FAULTS_FOLDER": str(elsewhere)}
        said = site.manage("restore", str(tmp_path / "backup.tar"), **put_back).stdout
    assert "The audit trail is as it was sealed." in said
    assert (elsewhere / "exports" / "kept.xlsx").read_bytes() == b"kept"
    assert len(register.ledger.acknowledged) > len(acknowledged.acknowledged)  # nobody waited
    register.assert_sound()
    # The control: what came later is not in it, which the comparison with all of it says.
    assert any("was acknowledged" in told for told in register.look(url=there))
    register.ledger = acknowledged
    register.assert_sound(url=there)
    cases += [1] * len(register.ledger.acknowledged)


def rows_of(url: str) -> dict[str, tuple[Any, ...]]:
    """Of payments and subscriptions, what nobody changes: by mark or number."""
    with psycopg.connect(url.replace("postgres:", "postgresql:", 1)) as database:
        paid = database.execute("SELECT document_number, won, paid_on FROM subscriptions_payment").fetchall()
        recorded = database.execute(
            "SELECT plan, reference, started_on FROM subscriptions_subscription WHERE plan LIKE 'mark-%'"
        ).fetchall()
    return {row[0]: row for row in [*paid, *recorded]}


def as_the_run_book_packs(site: Site, place: Path) -> None:
    """Run the command of docs/running.md that packs the folders of files, with this site's; unpack it below `place`."""
    book = (ROOT / "docs" / "running.md").read_text()
    command = next(line for line in book.splitlines() if line.strip().startswith("tar -c"))
    folders = {name: site.folder / name.split("_")[0].lower() for name in settings.KEPT_FOLDERS}
    kept = {name: folder for name, folder in folders.items() if name != "MEDIA_ROOT"}  # nothing lies there
    for folder in kept.values():
        folder.mkdir(exist_ok=True)
    environment = {**os.environ, **{name: str(folder) for name, folder in kept.items()}}
    subprocess.run(command, shell=True, check=True, cwd=place, env=environment)
    subprocess.run(["tar", "-xf", "files.tar"], check=True, cwd=place)
    for folder in kept.values():
        assert (place / folder.relative_to("/")).is_dir()


def test_a_dump_of_postgresql(register: Register, cases: list[int]) -> None:
    """As docs/running.md says it, with the file of an attachment."""
    file, name = register.folder / "register.dump", f"restored_{os.getpid()}"
    there, elsewhere = named(register.server, name), register.folder / "elsewhere"
    elsewhere.mkdir()
    with serving(register.site()) as site, sealing(site):
        filing = register.persons(site, "administrator")[0]
        assert attach(filing, filing.records("declare")).status == 302
        with crowd_of("all", site, register):
            wait_for(lambda: all(written(register, "record", "pay").values()), "nobody gets on")
            acknowledged = so_far(register.ledger)
            run("pg_dump", "--format=custom", "--no-owner", f"--file={file}", register.address)
            as_the_run_book_packs(site, elsewhere)
            time.sleep(0.5)
        administer(register.server, f"CREATE DATABASE {name}")
        restored = there.replace("postgres:", "postgresql:", 1)
        run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", str(file))
        said = site.manage("verify_audit", "--records", DATABASE_URL=there).stdout
    assert "The audit trail is as it was sealed." in said
    register.assert_sound()
    here, back = rows_of(register.url), rows_of(there)
    assert len(back) < len(here)
    assert {key: here[key] for key in back} == back
    with psycopg.connect(restored) as database:
        row = database.execute("SELECT stored_as, sha256 FROM subscriptions_attachment").fetchall()
    ((stored_as, digest),) = row
    unpacked = elsewhere / (site.folder / "attachments" / stored_as).relative_to("/")
    assert hashlib.sha256(unpacked.read_bytes()).hexdigest() == digest
    assert any("was acknowledged" in told for told in register.look(url=there))
    register.ledger = acknowledged
    register.assert_sound(url=there)
    administer(register.server, f"DROP DATABASE {name} WITH (FORCE)")
    cases += [1] * len(register.ledger.acknowledged)


def run(program: str, *arguments: str, **options: Any) -> None:
    from tests.postgres import binaries

    folder = binaries()
    assert folder
    done = subprocess.run([folder / program, *arguments], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr


def test_back_to_a_moment(register: Register, cases: list[int]) -> None:
    """Point-in-time recovery, as docs/running.md says it: to right before somebody deletes what matters."""
    cluster = register.cluster
    assert cluster
    place = Path(tempfile.mkdtemp(prefix="govtrack-back-"))
    archive = place / "archive"
    archive.mkdir()
    if cluster.user:
        for path in (place, archive):
            shutil.chown(path, cluster.user)
    kept = {"wal_level": "replica", "archive_mode": "on", "archive_command": f"cp %p {archive}/%f"}
    try:
        with changed_settings(cluster, **kept), serving(register.site()) as site:
            with crowd_of("all", site, register):
                wait_for(lambda: all(written(register, "record", "pay").values()), "nobody gets on")
                run(
                    "pg_basebackup",
                    *("--wal-method=stream", "--checkpoint=fast", f"--pgdata={place}/data"),
                    *("-h", str(cluster.place), "-U", "govtrack"),
                    user=cluster.user,
                    cwd=place,
                )
                before = len(register.ledger.of("record"))
                wait_for(lambda: len(register.ledger.of("record")) > before + 3, "nobody gets on")
            moment = datetime.datetime.now(datetime.UTC)
            time.sleep(0.2)
            administer(
                register.url,
                "DELETE FROM subscriptions_paymentsubmission",
                "DELETE FROM subscriptions_payment WHERE document_number LIKE 'doc-%'",
                "SELECT pg_switch_wal()",
            )
            assert any("payment" in told for told in register.look())  # the control
        back = Cluster(
            place,
            {
                **{name: value for name, value in cluster.settings.items() if name not in OPTIONS},
                "restore_command": f"cp {archive}/%f %p",
                "recovery_target_time": moment.isoformat(),
                "recovery_target_action": "promote",
            },
        )
        (place / "data" / "recovery.signal").touch()
        back.start()
        try:
            there = named(back.url, f"faults_{os.getpid()}")
            wait_for(lambda: not in_recovery(there), "the recovery does not end")
            register.assert_sound(url=there)
        finally:
            back.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    cases += [1] * len(register.ledger.acknowledged)


def in_recovery(url: str) -> bool:
    with psycopg.connect(url.replace("postgres:", "postgresql:", 1)) as database:
        return bool(database.execute("SELECT pg_is_in_recovery()").fetchall()[0][0])
