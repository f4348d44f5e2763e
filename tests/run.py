"""Run the project's checks and tests and sum them up: `python -m tests.run [step ...] [-- pytest's arguments]`.

Steps: check (all static checks), sqlite, postgres (all but pages), browser; all of them when none is named. postgres-pages opens
the pages on PostgreSQL too; long-browser looks at every page with axe in both languages; long-sqlite and long-postgres try 2,000
generated registers (EXAMPLES=... another number) in the property tests of the policy engine. What cannot be run on a machine is
named in the summary with its reason; under CI=true that is a failure.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import chromium, postgres

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CI = os.environ.get("CI", "").lower() == "true"
APPS = [
    "figures",
    "audit",
    "agencies",
    "catalog",
    "sources",
    "policies",
    "subscriptions",
    "oversight",
    "govtrack",
]
MANAGE = [sys.executable, "manage.py"]


class NotRun(Exception):
    """A step that this machine cannot run; its text says why."""


@dataclass
class Outcome:
    title: str
    result: str  # passed, failed or not run
    seconds: float
    reason: str = ""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment for a step: the tests' settings, and no database that a person works with."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing", **changes}


def quiet(*command: str | Path, cwd: Path = ROOT, **changes: str) -> bool:
    """Run a command whose output matters only when it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(done.stdout.rstrip())
    return done.returncode == 0


def provide(program: str, package: str) -> None:
    """Install Debian's package where it is missing and this user may; else the step is not run."""
    if shutil.which(program):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        quiet_apt = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", package], capture_output=True, env=quiet_apt)


def ruff() -> bool:
    return quiet(BIN / "ruff", "check", "--quiet", ".") & quiet(BIN / "ruff", "format", "--check", ".")


def mypy() -> bool:
    return quiet(BIN / "mypy")


def templates() -> bool:
    return quiet(BIN / "djlint", "--lint", "--quiet", "templates")


def imports() -> bool:
    return quiet(BIN / "lint-imports")


def migrations() -> bool:
    return quiet(*MANAGE, "makemigrations", "--check", "--dry-run")


def deployment() -> bool:
    return quiet(
        *MANAGE, "check", "--deploy", "--fail-level", "DEBUG",
        DJANGO_SETTINGS_MODULE="govtrack.settings.production",
        SECRET_KEY=secrets.token_urlsafe(64), ALLOWED_HOSTS="register.example", DATABASE_URL="postgres://db.example/govtrack",
    )  # fmt: skip


def translations() -> bool:
    """Collect the texts anew in a copy of the project: none may be missing, fuzzy or misuse a placeholder."""
    provide("xgettext", "gettext")
    if not shutil.which("xgettext"):
        raise NotRun("gettext is not installed")
    with tempfile.TemporaryDirectory(prefix="govtrack-texts-") as copy:
        for folder in [*APPS, "templates", "locale"]:
            if (ROOT / folder).exists():
                left_out = shutil.ignore_patterns("vendor", "__pycache__", "*.mo")
                shutil.copytree(ROOT / folder, Path(copy) / folder, ignore=left_out)
        shutil.copy(ROOT / "manage.py", copy)
        if not quiet(
            *MANAGE, "makemessages", "--locale", "ko", "--no-location", "--verbosity", "0", cwd=Path(copy)
        ):
            return False
        files = sorted((Path(copy) / "locale").glob("*/LC_MESSAGES/*.po"))
        faults = [fault for file in files for fault in text_faults(file)]
        if faults:
            print("\n".join(faults[:20]), f"({len(faults)} in all)", sep="\n")
        return not faults


def text_faults(file: Path) -> list[str]:
    """What is wrong with each text of a .po file."""
    from babel.messages.catalog import Message
    from babel.messages.pofile import read_po

    language = file.parts[-3]
    with file.open("rb") as po:
        catalog = read_po(po, locale=language)
    faults = []
    for message in catalog:
        texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if not message.id:  # the header
            continue
        if not all(texts):
            faults.append(f"{language}: {message.id!r}: not translated")
            continue
        if message.fuzzy:
            faults.append(f"{language}: {message.id!r}: fuzzy")
        if message.pluralizable and len(texts) == 1:  # a language of one form says what the plural says
            checked = Message(message.id[-1], texts[0], flags=message.flags)
        else:
            checked = message
        faults += [f"{language}: {message.id!r}: {error}" for error in checked.check(catalog)]
    return faults


def pytest(*arguments: str, **changes: str) -> bool:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--quiet",
        "--no-header",
        "--tb=short",
        "--show-capture=no",
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, env=environment(**changes)).returncode == 0


# Each process takes neighbouring tests, so that what the tests of a module share is not set up again for every few of them.
ON_ALL_CORES = ("--numprocesses", "auto", "--dist", "worksteal")


def on_sqlite(*arguments: str) -> bool:
    return pytest(*ON_ALL_CORES, *arguments)


# How pages look, who may open them and what asks no database is the same on both; the queries beneath are tested on both. So that
# a plain run stays short, these are left to `python -m tests.run postgres-pages` there (and to a plain run on SQLite).
PAGES = [
    "tests/access",
    "tests/admin",
    "tests/agencies/test_notice_pages.py",
    "tests/agencies/test_people.py",
    "tests/agencies/test_signing_in.py",
    "tests/agencies/test_single_sign_on.py",
    "tests/audit/test_events.py",
    "tests/audit/test_exports.py",
    "tests/audit/test_trail_page.py",
    "tests/catalog/test_tool_facts.py",
    "tests/catalog/test_tool_pages.py",
    "tests/figures",
    "tests/govtrack",
    "tests/oversight/explorer/test_explorer_charts.py",
    "tests/oversight/explorer/test_explorer_files.py",
    "tests/oversight/explorer/test_explorer_page.py",
    "tests/oversight/explorer/test_saving.py",
    "tests/oversight/explorer/test_tile_map.py",
    "tests/oversight/exports",
    "tests/oversight/rounds/test_round_pages.py",
    "tests/oversight/test_agency_page.py",
    "tests/oversight/test_bounds.py",
    "tests/oversight/test_report_page.py",
    "tests/oversight/test_spending_page.py",
    "tests/oversight/test_use_pages.py",
    "tests/policies/test_explaining.py",
    "tests/policies/test_policy_pages.py",
    "tests/policies/test_verdicts.py",
    "tests/policies/test_vocabulary.py",
    "tests/policies/test_writing.py",
    "tests/policies/test_writing_steps.py",
    "tests/policies/test_writing_templates.py",
    "tests/sources/test_plausibility.py",
    "tests/sources/test_source_pages.py",
    "tests/sources/test_wording.py",
    "tests/subscriptions/importing/test_cells.py",
    "tests/subscriptions/importing/test_import_command.py",
    "tests/subscriptions/importing/test_korean.py",
    "tests/subscriptions/importing/test_reading.py",
    "tests/subscriptions/importing/test_same_as_the_form.py",
    "tests/subscriptions/renewals/test_notice_days.py",
    "tests/subscriptions/renewals/test_renewal_pages.py",
    "tests/subscriptions/test_bad_input.py",
    "tests/subscriptions/test_committed.py",
    "tests/subscriptions/test_costs.py",
    "tests/subscriptions/test_fuzz.py",
    "tests/subscriptions/test_money.py",
    "tests/subscriptions/test_pages.py",
    "tests/subscriptions/test_paging.py",
    "tests/subscriptions/test_query_counts.py",
    "tests/subscriptions/test_verdict_texts.py",
    "tests/test_breaks.py",
    "tests/test_fixtures.py",
    "tests/test_fuzz.py",
    "tests/test_mass_assignment.py",
    "tests/test_redirects.py",
]


def on_postgres(*arguments: str) -> bool:
    # Whoever names files means these.
    left_out = [] if arguments else [f"--ignore={path}" for path in PAGES]
    return _with_cluster(*left_out, *arguments)


def pages_on_postgres(*arguments: str) -> bool:
    return _with_cluster(*PAGES, *arguments)


def _with_cluster(*arguments: str) -> bool:
    if not postgres.binaries():
        provide("initdb", "postgresql")
    if not postgres.binaries():
        raise NotRun("PostgreSQL's server is not installed")
    with postgres.cluster() as url:
        return pytest(*ON_ALL_CORES, *arguments, DATABASE_URL=url)


def in_browser(*arguments: str, **changes: str) -> bool:
    if not chromium.executable():
        provide("chromium", "chromium")
    if not chromium.executable():
        raise NotRun("no Chromium: install Debian's chromium, or run .venv/bin/playwright install chromium")
    return pytest("-m", "browser", *ON_ALL_CORES, *arguments, **changes)


def in_browser_at_length(*arguments: str) -> bool:
    return in_browser("tests/browser/test_every_page.py", *arguments, BOTH_LANGUAGES="1")


LONG = {"EXAMPLES": os.environ.get("EXAMPLES", "2000")}


def long_on_sqlite(*arguments: str) -> bool:
    return pytest("-m", "hypothesis", *ON_ALL_CORES, *arguments, **LONG)


def long_on_postgres(*arguments: str) -> bool:
    if not postgres.binaries():
        raise NotRun("PostgreSQL's server is not installed")
    with postgres.cluster() as url:
        return pytest("-m", "hypothesis", *ON_ALL_CORES, *arguments, DATABASE_URL=url, **LONG)


STATIC: list[tuple[str, Callable[[], bool]]] = [
    ("ruff", ruff),
    ("mypy", mypy),
    ("djlint", templates),
    ("import-linter", imports),
    ("migrations complete", migrations),
    ("check --deploy", deployment),
    ("translations complete", translations),
]
TESTS: dict[str, tuple[str, Callable[..., bool]]] = {
    "sqlite": ("tests on SQLite", on_sqlite),
    "postgres": ("tests on PostgreSQL", on_postgres),
    "browser": ("tests in Chromium", in_browser),
}
# Not part of a plain run.
LONG_TESTS: dict[str, tuple[str, Callable[..., bool]]] = {
    "postgres-pages": ("pages on PostgreSQL", pages_on_postgres),
    "long-browser": ("every page in both languages", in_browser_at_length),
    "long-sqlite": ("long run on SQLite", long_on_sqlite),
    "long-postgres": ("long run on PostgreSQL", long_on_postgres),
}


def attempt(title: str, work: Callable[[], bool]) -> Outcome:
    print(f"- {title}", flush=True)
    started = time.monotonic()
    try:
        result, reason = ("passed" if work() else "failed"), ""
    except (NotRun, RuntimeError) as error:
        result, reason = "not run", str(error)
    return Outcome(title, result, time.monotonic() - started, reason)


def summary(outcomes: Sequence[Outcome]) -> bool:
    """Print the table; whether all went well."""
    print("\nsummary")
    for outcome in outcomes:
        print(f"  {outcome.title:24} {outcome.result:8} {outcome.seconds:6.1f} s  {outcome.reason}".rstrip())
    bad = [
        outcome for outcome in outcomes if outcome.result == "failed" or (CI and outcome.result == "not run")
    ]
    seconds = sum(outcome.seconds for outcome in outcomes)
    print(
        f"  {'failed: ' + ', '.join(outcome.title for outcome in bad) if bad else 'all well'}, {seconds:.0f} s in all"
    )
    return not bad


def main(arguments: list[str]) -> int:
    split = arguments.index("--") if "--" in arguments else len(arguments)
    steps, extra = arguments[:split] or ["check", *TESTS], arguments[split + 1 :]
    known = {**TESTS, **LONG_TESTS}
    if unknown := [step for step in steps if step != "check" and step not in known]:
        print(f"unknown: {', '.join(unknown)}\n\n{__doc__}", file=sys.stderr)
        return 2
    outcomes = []
    for step in steps:
        if step == "check":
            outcomes += [attempt(title, work) for title, work in STATIC]
        else:
            title, work = known[step]
            outcomes.append(attempt(title, lambda work=work: work(*extra)))  # type: ignore[misc]
    return 0 if summary(outcomes) else 1


if __name__ == "__main__":
    # A run that is stopped still stops the database server that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
