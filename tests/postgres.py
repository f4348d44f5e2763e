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


@contextmanager
def cluster(keep: Path | None = None, **settings: str) -> Iterator[str]:
    """Run a cluster while the block lasts; yields its DATABASE_URL. Raises RuntimeError where it will not start.

    The folder `keep` stays afterwards, and its data are used again; `settings` are the server's own besides OPTIONS.
    """
    folder = binaries()
    if folder is None:
        raise RuntimeError("PostgreSQL's server is not installed")
    # The server refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    place = keep or Path(tempfile.mkdtemp(prefix="govtrack-pg-"))
    place.mkdir(exist_ok=True)
    try:
        if user:
            os.chown(place, pwd.getpwnam(user).pw_uid, -1)
        data = place / "data"
        initdb = [folder / "initdb", "--pgdata", data, "--username=govtrack", "--auth=trust", "--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        if not data.exists():
            created = subprocess.run([*initdb, *locale], user=user, cwd=place, capture_output=True, text=True)
            if created.returncode:
                raise RuntimeError(f"initdb failed: {created.stderr.strip()}")
        every = {**OPTIONS, **settings}
        options = [part for name, value in every.items() for part in ("-c", f"{name}={value}")]
        with (place / "log").open("wb") as log:
            server = subprocess.Popen(
                [folder / "postgres", "-D", data, "-k", place, *options],
                user=user,
                cwd=place,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_ready(folder, place, server)
            yield f"postgres://govtrack@/postgres?host={place}"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": idle connections are closed, not waited for
            try:
                server.wait(timeout=60 if keep else 5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)


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
