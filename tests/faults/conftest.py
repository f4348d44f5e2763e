"""A prepared register, on each database, of which each test of faults has a copy; none works in this process's database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from govtrack import backups
from tests import postgres
from tests.faults.people import Ledger, Person
from tests.faults.site import ROOT, Site, wait_for

# A server as it runs in production: what it has acknowledged is written. Whether it has reached the disk makes no difference to a
# server that is killed, only to a machine that loses its power, which nobody does here: so fsync stays off.
DURABLE = {"synchronous_commit": "on"}


@dataclass
class Register:
    """A register to do harm to: its database, who may sign in, and what they have seen."""

    url: str
    people: list[dict[str, Any]]
    folder: Path
    cluster: postgres.Cluster | None = None
    server: str = ""  # PostgreSQL's: the address of its first database
    ledger: Ledger = field(default_factory=Ledger)

    def site(self, **how: Any) -> Site:
        return Site(self.url, self.folder / "site", **how)

    def persons(self, site: Site, role: str, agency: str = "KR-49") -> list[Person]:
        return [
            Person(site, told, self.ledger)
            for told in self.people
            if told["role"] == role and told["agency"] in (agency, "KR")
        ]

    def look(self, *arguments: str, url: str = "") -> Any:
        """What `soundness` says of the database."""
        file = self.folder / "ledger.json"
        self.ledger.write(file)
        return told_by("tests.faults.soundness", url or self.url, self.folder / "site", str(file), *arguments)

    def assert_sound(self, url: str = "") -> None:
        assert self.look(url=url) == []

    @property
    def address(self) -> str:
        """Of the PostgreSQL database, as psycopg takes it."""
        return self.url.replace("postgres:", "postgresql:", 1)


def told_by(module: str, url: str, folder: Path, *arguments: str) -> Any:
    """What a module run on that database prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "FAULTS_FOLDER": str(folder),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def durable(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[postgres.Cluster | None, str, list[dict[str, Any]]]]:
    """A PostgreSQL server with the prepared register as the database `prepared`: the run's own, or one that is started here.

    The server, where it is one that may be stopped; the address of its first database; and the people.
    """
    if connection.vendor == "postgresql":  # the tables are there already: take them over
        request.getfixturevalue("django_db_setup")
        source = str(connection.settings_dict["NAME"])
        connection.close()
        first, prepared = os.environ["DATABASE_URL"], f"prepared_{os.getpid()}"
        wait_for(lambda: copied(first, prepared, source), f"{source} stays in use", 20)
        yield None, first, told_by("tests.faults.prepare", named(first, prepared), Path("/tmp"), "--migrated")
        return
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL's server is not installed")
    with postgres.running(**DURABLE) as cluster:
        prepared = f"prepared_{os.getpid()}"
        administer(cluster.url, f"CREATE DATABASE {prepared}")
        people = told_by("tests.faults.prepare", named(cluster.url, prepared), cluster.place)
        yield cluster, cluster.url, people


def administer(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("postgres:", "postgresql:", 1), autocommit=True) as server:
        for statement in statements:
            server.execute(statement)


def copied(url: str, new: str, source: str) -> bool:
    """Make a database as a copy of another; False while somebody still uses that."""
    try:
        administer(url, f'CREATE DATABASE {new} TEMPLATE "{source}"')
    except psycopg.errors.ObjectInUse:  # a connection that a test's thread has left behind
        idle = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND datname = "
        administer(url, f"{idle} '{source}'")
        return False
    return True


def named(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def register(
    durable: tuple[postgres.Cluster | None, str, list[dict[str, Any]]], tmp_path: Path
) -> Iterator[Register]:
    """One on PostgreSQL."""
    cluster, url, people = durable
    name = f"faults_{os.getpid()}"
    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    administer(url, drop, f"CREATE DATABASE {name} TEMPLATE prepared_{os.getpid()}")
    # Until the next checkpoint, a sequence of a copied database may give numbers twice after a crash (PostgreSQL 15): its page
    # says that so many are logged already, but that is in the log of the database that was copied.
    administer(url, "CHECKPOINT")
    if cluster is None:
        administer(url, f"ALTER DATABASE {name} SET synchronous_commit = on")
    yield Register(named(url, name), people, tmp_path, cluster, url)
    administer(url, drop)


@pytest.fixture(scope="session")
def prepared_file(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    file = tmp_path_factory.mktemp("prepared") / "prepared.sqlite3"
    flags = []
    if connection.vendor == "sqlite":
        request.getfixturevalue("django_db_setup")
        backups.copy_database(Path(str(connection.settings_dict["NAME"])), file)
        flags = ["--migrated"]
    return file, told_by("tests.faults.prepare", f"sqlite:///{file}", file.parent, *flags)


@pytest.fixture
def on_sqlite(prepared_file: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> Callable[[Path], Register]:
    """`on_sqlite(folder)`: one on SQLite, whose database lies in that folder."""
    file, people = prepared_file

    def make(folder: Path) -> Register:
        shutil.copy(file, folder / "register.sqlite3")
        return Register(f"sqlite:///{folder}/register.sqlite3", people, tmp_path)

    return make


@contextmanager
def changed_settings(cluster: postgres.Cluster, **settings: str) -> Iterator[None]:
    """The server runs with these while the block lasts."""
    kept = cluster.settings
    cluster.stop()
    cluster.settings = {**kept, **settings}
    cluster.start()
    try:
        yield
    finally:
        cluster.stop()
        cluster.settings = kept
        cluster.start()
