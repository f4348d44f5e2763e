"""Where the generated registers are kept: a PostgreSQL cluster and SQLite files, thrown away unless they are to stay."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests import postgres

POSTGRESQL, SQLITE = "postgresql", "sqlite"

# What anybody would set on a server of its own with 8 GB; the rest is PostgreSQL's default.
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
    # The tables are vacuumed and analysed right after they are filled; nothing shall disturb the measuring.
    "autovacuum": "off",
    "max_wal_size": "8GB",
}


@contextmanager
def place(keep: Path | None) -> Iterator[Path]:
    """The folder of all data: `keep`, which stays, or a temporary one."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="govtrack-bench-"))
    folder.chmod(0o755)  # PostgreSQL's server runs as another user and must reach its own folder below
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """Holds a database for each size, by name. A mark in the folder tells which are filled."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address

    def url(self, name: str) -> str:
        return self.address.format(name=name)

    def is_filled(self, name: str) -> bool:
        return (self.folder / f"{name}.filled").exists()

    def mark_filled(self, name: str) -> None:
        (self.folder / f"{name}.filled").touch()

    def create_anew(self, name: str) -> None:
        for left in self.folder.glob(f"{name}.sqlite3*"):
            left.unlink()

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """A copy to be changed at will, under another name, while the block lasts."""
        other = f"{name}_copy"
        self.create_anew(other)
        shutil.copy(self.folder / f"{name}.sqlite3", self.folder / f"{other}.sqlite3")
        yield other
        Server.create_anew(self, other)


class PostgreSQL(Server):
    def create_anew(self, name: str) -> None:
        with psycopg.connect(
            self.url("postgres").replace("postgres:", "postgresql:"), autocommit=True
        ) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name}")
            server.execute(f"CREATE DATABASE {name}")

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        other = f"{name}_copy"
        url = self.url("postgres").replace("postgres:", "postgresql:")
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {other}")
            server.execute(f"CREATE DATABASE {other} TEMPLATE {name}")
            yield other
            server.execute(f"DROP DATABASE {other} WITH (FORCE)")


@contextmanager
def server(database: str, folder: Path) -> Iterator[Server]:
    """Run what the database needs to run, with its data in a folder of its own below `folder`."""
    folder = folder / database
    folder.mkdir(exist_ok=True)
    if database == POSTGRESQL:
        with postgres.cluster(folder, **SETTINGS) as url:
            yield PostgreSQL(folder, url.replace("/postgres?", "/{name}?"))
    else:
        yield Server(folder, f"sqlite:///{folder}/{{name}}.sqlite3")
