"""`manage.py run_demo`: bring the demonstration up to date and serve it; `make run` ends here."""

import hashlib
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

# In the order of their references; docs say the same to those who load them by hand.
FIXTURES = ["agencies", "catalog", "sources", "other_sources", "policies", "subscriptions"]


def digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Stamp:
    """What a step was last done for, so that a second start need not do it again."""

    def __init__(self, name: str, state: str) -> None:
        self.file: Path = settings.DEMO_DIR / "done" / name
        self.state = state

    def __bool__(self) -> bool:
        return self.file.exists() and self.file.read_text() == self.state

    def set(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.state)


class Command(BaseCommand):
    help = (
        "Migrate, load the report, create the accounts, collect the static files and serve the demonstration."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--no-server", action="store_true", help="Stop before the server starts.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.GOVTRACK_DEMO:
            raise CommandError(
                "This serves the demonstration: unset DJANGO_SETTINGS_MODULE, or use govtrack.settings.demo."
            )
        settings.DEMO_DIR.mkdir(mode=0o700, exist_ok=True)
        self.step("database tables", self.migrate)
        self.step("report and policies", self.load)
        self.step("findings of today", self.check_policies)
        self.step("accounts", self.create_accounts)
        self.step("static files", self.collect)
        if not options["no_server"]:
            self.serve(os.environ.get("PORT", "8000"))

    def step(self, title: str, work: Callable[[], str]) -> None:
        """Say what is done and how it came out; a failure names the step, its cause and the remedy."""
        self.stdout.write(f"- {title}: ", ending="")
        self.stdout.flush()
        started = time.monotonic()
        try:
            outcome = work()
        except (CommandError, DatabaseError, OSError) as error:
            raise CommandError(
                f"{title}: {error}\nIf the data of an earlier version is in the way, make demo-reset starts afresh."
            ) from error
        seconds = time.monotonic() - started
        self.stdout.write(outcome + (f" in {seconds:.0f} s" if seconds >= 1 else ""))

    def call(self, command: str, *arguments: str, **options: Any) -> str:
        """Run another command; what it prints."""
        output = io.StringIO()
        call_command(command, *arguments, stdout=output, **options)
        return output.getvalue().strip() or "done"

    def migrate(self) -> str:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not plan:
            return "ready"
        self.call("migrate", interactive=False, verbosity=0)
        return f"{len(plan)} migrations applied"

    def load(self) -> str:
        """Load the fixtures when they have changed or the database is new; they would undo what was edited since."""
        files = [settings.BASE_DIR / "fixtures" / f"{name}.json" for name in FIXTURES]
        where = str(connection.settings_dict["NAME"]) + str(connection.settings_dict["HOST"])
        stamp = Stamp("fixtures", digest([where, *(file.read_text() for file in files)]))
        if stamp and apps.get_model("agencies", "Agency").objects.exists():
            return "ready"
        for name in FIXTURES:
            self.call("loaddata", name, verbosity=0)
        stamp.set()
        return "loaded"

    def check_policies(self) -> str:
        """Each time, since verdicts change with the date; of what the command prints, the sum alone."""
        return self.call("check_policies").splitlines()[0]

    def create_accounts(self) -> str:
        self.accounts = self.call("create_demo_accounts")
        return "ready"

    def collect(self) -> str:
        state = []
        for finder in get_finders():
            for path, storage in finder.list(["vendor/.lock-hash"]):
                state.append(f"{path} {os.stat(storage.path(path)).st_mtime_ns}")
        stamp = Stamp("static", digest(sorted(state)))
        if stamp and (settings.STATIC_ROOT / "staticfiles.json").exists():
            return "ready"
        self.call("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.set()
        return "collected"

    def serve(self, port: str) -> None:
        self.stdout.write(f"\n{self.accounts}\naddress: http://127.0.0.1:{port} (Ctrl+C stops it)")
        self.stdout.flush()
        os.environ["DJANGO_SETTINGS_MODULE"] = settings.SETTINGS_MODULE
        bind = ["--bind", f"127.0.0.1:{port}", "--chdir", str(settings.BASE_DIR)]
        connection.close()
        server = [sys.executable, "-m", "gunicorn", "govtrack.wsgi", "--config", "python:govtrack.serving"]
        os.execv(sys.executable, [*server, *bind])
