"""The site as it runs in production: gunicorn with two workers and the worker of background tasks, each a process of its own."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds until a process has started, on a machine that does other things too


class Site:
    """The processes on the database `url`, with their files in `folder`.

    `threads` is that of each web worker. `largest_file` in bytes ends what they write to a file where a full disk would.
    """

    def __init__(self, url: str, folder: Path, threads: int = 4, largest_file: int | None = None) -> None:
        self.url, self.folder, self.threads, self.largest_file = url, folder, threads, largest_file
        self.environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "FAULTS_FOLDER": str(folder),
            "PYTHONUNBUFFERED": "1",
        }
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.server: subprocess.Popen[bytes] | None = None
        self.background: subprocess.Popen[bytes] | None = None

    # --- processes ----------------------------------------------------------------------------------------------------

    def start(self, background: bool = False) -> None:
        """Start the server, and with it the worker of background tasks where asked; wait until it answers."""
        self.server = self._started(
            [
                *("-m", "gunicorn", "govtrack.wsgi", "--bind", f"127.0.0.1:{self.port}"),
                *("--workers", "2", "--threads", str(self.threads), "--preload", "--log-level", "critical"),
                "--no-control-socket",
            ],
            "server.log",
        )
        if background:
            self.start_background()
        until = time.monotonic() + PATIENCE
        while self.asked("/healthz") != 200:
            assert self.server.poll() is None, self.said("server.log")
            assert time.monotonic() < until, self.said("server.log")
            time.sleep(0.05)

    def start_background(self) -> None:
        command = ["manage.py", "db_worker", "--no-startup-delay", "--interval", "0.2", "--verbosity", "0"]
        self.background = self._started(command, "background.log")

    def _started(self, arguments: list[str], log: str) -> subprocess.Popen[bytes]:
        def limited() -> None:
            if self.largest_file is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, resource.RLIM_INFINITY))

        self.folder.mkdir(exist_ok=True)
        with (self.folder / log).open("ab") as out:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=out,
                preexec_fn=limited,
            )

    def stop(self) -> None:
        for process in (self.server, self.background):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                for worker in children(process.pid):
                    kill(worker)
                process.kill()
                process.wait()

    def said(self, log: str) -> str:
        return (self.folder / log).read_text(errors="replace")[-4000:]

    def workers(self) -> list[int]:
        """The web workers that run now."""
        assert self.server
        return children(self.server.pid)

    def kill_background(self) -> None:
        assert self.background
        self.background.send_signal(signal.SIGKILL)
        self.background.wait()

    def manage(self, *arguments: str, check: bool = True, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def begun(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a command of manage.py; whoever asks waits for it, or kills it."""
        return self._started(["manage.py", *arguments], "command.log")

    # --- asking -------------------------------------------------------------------------------------------------------

    def asked(self, path: str, timeout: float = 20) -> int:
        """The status of an address that needs no account; 0 where nobody answers."""
        try:
            return answer_of(self.port, "GET", path, {}, None, timeout)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def ready(self, seconds: float = PATIENCE) -> None:
        """Wait until the site says that it is ready."""
        wait_for(lambda: self.asked("/readyz") == 200, "the site is not ready again", seconds)


def answer_of(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes | None, timeout: float
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, on a connection of its own. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def wait_for(come: Callable[[], Any], told: str, seconds: float = PATIENCE) -> Any:
    until = time.monotonic() + seconds
    while not (found := come()):
        assert time.monotonic() < until, told
        time.sleep(0.05)
    return found


def children(pid: int) -> list[int]:
    """The processes that this one has started and that run."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def serving(site: Site, background: bool = False) -> Iterator[Site]:
    """The site while the block lasts."""
    try:
        site.start(background)
        yield site
    finally:
        site.stop()
