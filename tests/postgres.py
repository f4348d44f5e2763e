"""A PostgreSQL cluster of the test run's own: started in a temporary folder, stopped and deleted afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Nothing here outlives the run, so nothing needs to reach the disk.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "60",
    "timezone": "UTC",
}


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL server on this machine, if there is one."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """A server on a folder `place`, which may be stopped as hard as one likes and started again; `url` is its DATABASE_URL."""

    def __init__(self, place: Path, settings: dict[str, str]) -> None:
        folder = binaries()
        if folder is None:
            raise RuntimeError("PostgreSQL's server is not installed")
        self.folder, self.place = folder, place
        # The server refuses to run as root.
        self.user = "nobody" if os.geteuid() == 0 else None
        self.settings = {**OPTIONS, **settings}
        self.url = f"postgres://govtrack@/postgres?host={place}"

    def start(self) -> None:
        """Start the server, on new data where there are none, and wait until it answers. Raises RuntimeError."""
        if self.user:
            os.chown(self.place, pwd.getpwnam(self.user).pw_uid, -1)
        data = self.place / "data"
        initdb = [
            self.folder / "initdb",
            "--pgdata",
            data,
            "--username=govtrack",
            "--auth=trust",
            "--no-sync",
        ]
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        if not data.exists():
            created = subprocess.run(
                [*initdb, *locale], user=self.user, cwd=self.place, capture_output=True, text=True
            )
            if created.returncode:
                raise RuntimeError(f"initdb failed: {created.stderr.strip()}")
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with (self.place / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [self.folder / "postgres", "-D", data, "-k", self.place, *options],
                user=self.user,
                cwd=self.place,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_ready(self.folder, self.place, self.server)
        except RuntimeError:
            self.stop()
            raise

    def stop(self, how: signal.Signals = signal.SIGINT, patience: float = 60) -> None:
        """Stop it: SIGTERM waits for clients, SIGINT ("fast") does not, SIGQUIT ("immediate") is like a crash."""
        self.server.send_signal(how)
        try:
            self.server.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()


@contextmanager
def running(keep: Path | None = None, **settings: str) -> Iterator[Cluster]:
    """A cluster while the block lasts. Raises RuntimeError where it will not start.

    The folder `keep` stays afterwards, and its data are used again; `settings` are the server's own besides OPTIONS.
    """
    place = keep or Path(tempfile.mkdtemp(prefix="govtrack-pg-"))
    place.mkdir(exist_ok=True)
    try:
        server = Cluster(place, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop(patience=60 if keep else 5)
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def cluster(keep: Path | None = None, **settings: str) -> Iterator[str]:
    """As `running`, for those who need its DATABASE_URL alone."""
    with running(keep, **settings) as server:
        yield server.url


def wait_until_ready(folder: Path, place: Path, server: subprocess.Popen[bytes]) -> None:
    for _attempt in range(300):
        if server.poll() is not None:
            break
        if subprocess.run([folder / "pg_isready", "-q", "-h", place, "-U", "govtrack"]).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(
        f"PostgreSQL did not start: {(place / 'log').read_text(errors='replace').strip()[-500:]}"
    )
