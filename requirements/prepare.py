"""Make `.venv` ready: the pinned packages, the third-party assets and the compiled translations.

Run with the standard library alone, as `python3 requirements/prepare.py` and `base` (what the site needs), `run` (the
same, and PORT is free) or `test` (what the tests need). A step that is done already is skipped; one that fails names
its cause and the remedy.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import assets
import messages

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
LOGS = ROOT / ".stamps"

# What a log says, and what that means for the reader.
CAUSES = [
    (("THESE PACKAGES DO NOT MATCH THE HASHES", "EINTEGRITY"), "a package differs from the one that was pinned",
     "do not use it; ask the maintainers, or look for a proxy that changes downloads"),
    (("No space left on device", "ENOSPC"), "the disk is full", "free some space and try again"),
    (("NewConnectionError", "ConnectTimeout", "Temporary failure in name resolution", "ReadTimeout", "ProxyError",
      "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "(from versions: none)"), "no network to the package index",
     "check the network or the proxy (HTTPS_PROXY) and try again"),
    (("CERTIFICATE_VERIFY_FAILED", "SSLError", "UNABLE_TO_GET_ISSUER_CERT"),
     "the package index's certificate is not trusted",
     "name your organisation's certificate to pip (pip config set global.cert FILE)"),
    (("Could not find a version", "No matching distribution"), "the package index does not offer a pinned package",
     "check the network, or the index that pip is set up with (pip config list)"),
]  # fmt: skip


def fail(cause: str, remedy: str) -> None:
    """End with the cause and the remedy of a failure."""
    sys.exit(f"  failed: {cause}.\n  remedy: {remedy}.")


def run(log: str, *command: str | Path) -> bool:
    """Run `command` in the project's folder with its output in the log; whether it succeeded."""
    LOGS.mkdir(exist_ok=True)
    with open(LOGS / log, "wb") as file:
        return (
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file).returncode
            == 0
        )


def explain(log: str, otherwise: str) -> None:
    """End with the cause that the log shows."""
    text = (LOGS / log).read_text(errors="replace")
    for marks, cause, remedy in CAUSES:
        if any(mark in text for mark in marks):
            fail(cause, f"{remedy}; the full log is {(LOGS / log).relative_to(ROOT)}")
    fail(otherwise, f"read the full log, {(LOGS / log).relative_to(ROOT)}")


def step(title: str, needed: bool, work: Callable[[], None]) -> None:
    """Say what is done, do it if needed, and say how long it took."""
    print(f"- {title}: ", end="", flush=True)
    if not needed:
        print("ready")
        return
    print("...", flush=True)
    started = time.monotonic()
    work()
    print(f"  done in {time.monotonic() - started:.0f} s")


def port_is_free() -> None:
    """Look for the port before anything is installed, so that nobody waits to hear that it is taken."""
    port = os.environ.get("PORT", "8000")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        fail(f"PORT={port} is no port number", "name one from 1024 to 65535: make run PORT=8001")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except PermissionError:
            fail(
                f"port {port} is not allowed to this user", "name one from 1024 to 65535: make run PORT=8001"
            )
        except OSError:
            fail(f"port {port} is in use", "stop what uses it, or name another port: make run PORT=8001")


def works() -> bool:
    """Whether the virtual environment is there, starts, and is new enough."""
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", check], capture_output=True).returncode == 0


def create_venv() -> None:
    if not run("venv.log", sys.executable, "-m", "venv", "--clear", VENV):
        shutil.rmtree(VENV, ignore_errors=True)
        fail(
            "python3 cannot create a virtual environment, most often since its venv module is not installed",
            "on Debian or Ubuntu: sudo apt-get install python3-venv; the full log is .stamps/venv.log",
        )


def fingerprint(name: str) -> str:
    return hashlib.sha256((ROOT / "requirements" / f"{name}.txt").read_bytes()).hexdigest()


def installed(name: str) -> bool:
    stamp = VENV / f"installed-{name}"
    return stamp.exists() and stamp.read_text() == fingerprint(name)


def install(name: str) -> None:
    command = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-input",
        "--disable-pip-version-check",
    ]
    if not run("packages.log", *command, "-r", f"requirements/{name}.txt"):
        explain("packages.log", "pip could not install the pinned packages")
    for included in ("base",) if name == "base" else ("base", "test"):  # test.txt holds all of base.txt
        (VENV / f"installed-{included}").write_text(fingerprint(included))


def build(script: str, otherwise: str) -> None:
    if not run(f"{script}.log", PYTHON, f"requirements/{script}.py"):
        explain(f"{script}.log", otherwise)


def main() -> None:
    goal = sys.argv[1] if sys.argv[1:] in (["run"], ["base"], ["test"]) else sys.exit(__doc__)
    if goal == "run":
        port_is_free()
    name = "test" if goal == "test" else "base"
    step("virtual environment in .venv", not works(), create_venv)
    step("pinned packages (a minute or two the first time)", not installed(name), lambda: install(name))
    step(
        "design system, charts and fonts",
        not assets.is_ready(),
        lambda: build("assets", "npm could not fetch the assets"),
    )
    step(
        "translations", bool(messages.stale()), lambda: build("messages", "a translation file cannot be read")
    )


if __name__ == "__main__":
    main()
