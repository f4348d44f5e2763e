"""A disk is full: that of SQLite's database, and those of uploaded, exported and attached files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.faults.conftest import Register
from tests.faults.people import Answer, Crowd, Person
from tests.faults.site import serving, wait_for

MB = 1024 * 1024


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A disk of that size at `folder`, where this user may mount one; whether it is one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    file = folder / "filler"
    with file.open("ab", buffering=0) as filler:
        for size in (MB, 4096, 1):
            with suppress(OSError):
                while True:
                    filler.write(b"x" * size)
    return file


@pytest.mark.django_db  # the copy is of this run's own database
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only on SQLite: its own")
@pytest.mark.parametrize("how", ["limit", pytest.param("disk", marks=pytest.mark.faults)])
def test_no_room_for_the_database(
    how: str, on_sqlite: Callable[[Path], Register], tmp_path: Path, cases: list[int]
) -> None:
    """Who writes is told that nothing was kept; who reads goes on; nothing acknowledged is lost; with room, all go on.

    "limit": files may not grow beyond a size, which every user may try; "disk": a disk of its own, where one may be mounted
    (else its files are limited as well).
    """
    folder = tmp_path / "database"
    with small_disk(folder, 60) as is_disk:
        register = on_sqlite(folder)
        database = folder / "register.sqlite3"
        limit = None if how == "disk" and is_disk else database.stat().st_size + MB // 2
        with serving(register.site(largest_file=limit)) as site:
            writers, reader = (
                register.persons(site, "administrator")[:3],
                register.persons(site, "committee_member")[0],
            )
            with writing(writers):
                wait_for(lambda: len(register.ledger.of("record")) > 3, "nobody gets on")
                filler = fill(folder) if limit is None else None
                wait_for(lambda: register.ledger.answers.count(503) > 5, "it is never full")
            assert set(register.ledger.answers) <= {200, 302, 503}, site.said("server.log")
            assert register.ledger.told == {"There is no room left to store this."}
            assert reader.get("/spending/").status == 200
            assert writers[1].get("/subscriptions/").status == 200
            if filler:
                filler.unlink()
            else:
                site.stop()
                site.largest_file = None
                site.start()
            with writing(writers):
                before = len(register.ledger.of("record"))
                wait_for(
                    lambda: len(register.ledger.of("record")) > before + 3, "nobody gets on with room again"
                )
        with closing(sqlite3.connect(database)) as checked:
            assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        register.assert_sound()
    cases += [1] * len(register.ledger.answers)


def writing(people: list[Any]) -> Crowd:
    """They record, and give up where they are refused."""
    crowd = Crowd()
    for person in people:
        crowd.add(lambda person=person: person.records("declare", again=1), 0.02)
    return crowd


@pytest.mark.faults
@pytest.mark.parametrize("how", ["limit", "disk"])
def test_no_room_for_files(how: str, register: Register, cases: list[int]) -> None:
    """Uploads, exports and attachments say so and leave no part of a file; with room again, the same is done to its end."""
    folders = {name: register.folder / "site" / name for name in ("imports", "exports", "attachments")}
    (register.folder / "site").mkdir()
    with ExitStack() as disks:
        on_disk = how == "disk" and all(
            disks.enter_context(small_disk(folder, 8)) for folder in folders.values()
        )
        largest = None if on_disk else 6 * 1024
        site = register.site(largest_file=largest)
        with serving(site, background=True), psycopg.connect(register.address, autocommit=True) as database:
            person, reader = (
                register.persons(site, role)[0] for role in ("administrator", "committee_member")
            )
            reference = person.records("declare")
            fillers = [fill(folder) for folder in folders.values()] if on_disk else []
            before = {name: files_in(folder) for name, folder in folders.items()}

            def counted() -> tuple[int, ...]:
                tables = ("subscriptions_upload", "subscriptions_attachment")
                return tuple(
                    database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
                )

            rows = counted()
            assert person.uploads(400) == ("", "")
            attached = attach(person, reference)
            assert attached.status == 503
            assert register.ledger.told == {"There is no room left to store this."}
            assert (counted(), files_in(folders["imports"])) == (rows, before["imports"])
            assert files_in(folders["attachments"]) == before["attachments"]

            started = reader.post("/spending/exports/", {"query": "rows=agency"})
            assert started.status == 302
            key = started.location.rstrip("/").rsplit("/", 1)[1]

            def state() -> str:
                found = database.execute(
                    "SELECT state FROM oversight_exportjob WHERE id = %s", [key]
                ).fetchone()
                return str(found[0]) if found else ""

            wait_for(lambda: state() == "failed", f"the export has not failed: {state()}")
            assert files_in(folders["exports"]) == before["exports"]
            assert "again" in reader.get(started.location).text

            for filler in fillers:
                filler.unlink()
            if not on_disk:
                site.stop()
                site.largest_file = None
                site.start(background=True)
            page, _mark = person.uploads(400)
            assert page
            assert attach(person, reference).status == 302
            assert reader.post(f"{started.location}again/", {}).status == 302
            wait_for(lambda: state() == "done", f"the export is not done: {state()}")
            assert reader.get(f"{started.location}file/").status == 200
        register.assert_sound()
    cases += [1] * len(register.ledger.answers)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.name != "filler"}


def attach(person: Person, reference: str) -> Answer:
    path = f"/subscriptions/{reference}/notes/"
    data = b"%PDF-1.4\n" + os.urandom(64 * 1024) + b"\n%%EOF\n"
    return person.upload(
        path, {"act": "attach", "file-note": "the contract"}, {"file-file": ("contract.pdf", data)}
    )
