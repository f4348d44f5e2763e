"""How `make run` serves: gunicorn's settings, with the worker of background tasks beside it for as long as it runs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PATIENCE = 10  # seconds for the worker to end by itself

workers = 2
threads = 4
loglevel = "warning"
control_socket_disable = True

_worker: "subprocess.Popen[bytes] | None" = None


def when_ready(server: Any) -> None:
    """The server listens: start the worker."""
    global _worker
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "manage.py", "db_worker", "--no-startup-delay", "--verbosity", "0"]
    _worker = subprocess.Popen(command, cwd=root, env=os.environ.copy())  # noqa: S603


def on_exit(server: Any) -> None:
    """The server ends, and the worker with it, soon: an export that is cut off can be run again."""
    if _worker is None:
        return
    _worker.terminate()
    try:
        _worker.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        _worker.kill()
        _worker.wait()
