"""Everything that shows the register to be trustworthy, at full length: `python -m tests.thorough [section ...]`.

Prints one table: the cases tried, how many failed, what was skipped, and how long it took. What is skipped has not been shown, so
it fails, but for what one database alone can have: the reason of such a skip begins with `only on PostgreSQL:` or `only on
SQLite:`. The sections `access`, `accounts`, `acts` and `trail` run on both databases (PostgreSQL on a throwaway server).

EXAMPLES=... changes the number of requests of the fuzz (10,000), FILES=... how many files of each of four kinds are read (5,000),
FAULT_KILLS=... how often processes are killed in a case (10), MINUTES=... how long the load lasts (5); the table says where one
is less. DATABASE_URL's database is left alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests import chromium, postgres
from tests.guards import guards
from tests.run import ON_ALL_CORES, ROOT, environment, provide

FULL = {"EXAMPLES": 10_000, "FILES": 5_000, "FAULT_KILLS": 10, "MINUTES": 5}
LENGTH = {name: os.environ.get(name, str(full)) for name, full in FULL.items()}
FUZZ = {"EXAMPLES": LENGTH["EXAMPLES"]}
FILES = {"EXAMPLES": LENGTH["FILES"]}
FAULTS = {"FAULT_KILLS": LENGTH["FAULT_KILLS"]}
# How the reason of a skip begins that is no failure: the other database has nothing of the kind.
OF_ONE_DATABASE = ("only on PostgreSQL:", "only on SQLite:")


# Nothing is deselected: a mark that a plain run leaves out is none here.
EVERYTHING = ("-m", "")
IN_BROWSER = ["tests/browser/test_every_page.py", "tests/admin/test_admin_browser.py"]


@dataclass
class Section:
    """What is tried: a title, the files of its tests, what its processes are told, options of pytest, and on both databases?

    `least`: how many cases there are at full length at least.
    """

    title: str
    files: list[str]
    told: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ON_ALL_CORES
    on_both: bool = False
    least: int = 1


@dataclass
class Result:
    cases: int
    failures: int
    seconds: float
    skipped: int = 0


SECTIONS = {
    "access": Section(
        "who reaches which address, and sees what",
        ["tests/access", "tests/admin", "tests/agencies/test_sight.py"],
        {"EVERY_CASE": "1"},
        (*ON_ALL_CORES, *(f"--ignore={file}" for file in IN_BROWSER)),
        on_both=True,
        least=40_000,
    ),
    "accounts": Section(
        "signing in, second factors, sessions, invitations, roles",
        [
            "tests/agencies/test_accounts.py",
            "tests/agencies/test_moves_at_once.py",
            "tests/agencies/test_passwords.py",
            "tests/agencies/test_people.py",
            "tests/agencies/test_signing_in.py",
            "tests/agencies/test_single_sign_on.py",
        ],
        on_both=True,
        least=80,
    ),
    "acts": Section(
        "recording and deciding: by whom, at once, sent twice, cut off",
        [
            "tests/policies/test_lifecycle.py",
            "tests/subscriptions/importing/test_imports_at_once.py",
            "tests/subscriptions/test_at_once.py",
            "tests/subscriptions/test_bad_input.py",
            "tests/subscriptions/test_following_up.py",
            "tests/subscriptions/test_killed_check.py",
            "tests/subscriptions/test_recording.py",
            "tests/subscriptions/test_sent_twice.py",
            "tests/subscriptions/test_told_where_they_see.py",
        ],
        on_both=True,
        least=200,
    ),
    "settings": Section(
        "settings, headers, cookies, limits, logs, health",
        ["tests/govtrack", "tests/test_query_limits.py"],
        least=150,
    ),
    "forms": Section(
        "redirects, fields that no form shows, what is answered",
        [
            "tests/test_redirects.py",
            "tests/test_mass_assignment.py",
            "tests/oversight/explorer/test_explorer_page.py",
            "tests/oversight/exports/test_jobs.py",
        ],
        least=50,
    ),
    "pages": Section(
        "every page in a browser, in both languages",
        IN_BROWSER,
        {"BOTH_LANGUAGES": "1"},
        (*ON_ALL_CORES, "-m", "browser"),
        least=20,
    ),
    "files": Section(
        "files that come in and go out",
        [
            "tests/figures/test_files.py",
            "tests/subscriptions/importing/test_reading.py",
            "tests/subscriptions/importing/test_cells.py",
            "tests/subscriptions/test_life.py",
        ],
        FILES,
        least=20_000,
    ),
    "trail": Section(
        "the audit trail and its seals",
        ["tests/audit", "tests/subscriptions/test_write_paths.py"],
        on_both=True,
    ),
    "guards": Section("each guard switched off fails its test", []),
    "faults": Section(
        "processes killed, databases lost, disks full, backups",
        ["tests/faults"],
        FAULTS,
        ("--numprocesses", "0"),
        least=500,
    ),
    "load": Section("50 people at once on 100,000 subscriptions", [], least=1_000),
    "fuzz": Section(
        "anything sent to any address",
        ["tests/test_fuzz.py", "tests/subscriptions/test_fuzz.py"],
        FUZZ,
        least=10_000,
    ),
}


def attempt(section: Section, **told: str) -> Result:
    """Run a section's tests; a run that ends without a report is a failure. `told`: of this attempt's processes alone."""
    if section is SECTIONS["load"]:
        return under_load()
    if section is SECTIONS["guards"]:
        return switched_off()
    if section is SECTIONS["pages"] and not chromium.executable():
        provide("chromium", "chromium")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="govtrack-audit-") as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--quiet",
            "--no-header",
            "--tb=short",
            "--show-capture=no",
        ]
        command += [f"--junitxml={report}", "-o", "junit_family=xunit1", *EVERYTHING]
        command += [*section.options, *section.files]
        ended = subprocess.run(command, cwd=ROOT, env=environment(**section.told, **told)).returncode
        cases, failures, skipped = counted(report) if report.exists() else (0, 0, 0)
    return Result(cases, failures or int(ended != 0), time.monotonic() - started, skipped)


def on_postgres(section: Section) -> Result:
    """The same on a throwaway server; where none can be had, that is a failure."""
    if not postgres.binaries():
        provide("initdb", "postgresql")
    if not postgres.binaries():
        print("PostgreSQL's server is not installed")
        return Result(0, 1, 0)
    with postgres.cluster() as url:
        return attempt(section, DATABASE_URL=url)


def under_load() -> Result:
    """The cases are its requests, the failures the bars that were missed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="govtrack-audit-") as folder:
        figures = Path(folder) / "load.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks.load",
            "--minutes",
            LENGTH["MINUTES"],
            "--json",
            str(figures),
        ]
        ended = subprocess.run(command, cwd=ROOT, env=environment()).returncode
        found = json.loads(figures.read_text()) if figures.exists() else {"requests": 0, "missed": []}
    failures = len(found["missed"]) or int(ended != 0)
    return Result(found["requests"], failures, time.monotonic() - started)


def switched_off() -> Result:
    """The cases are the guards, the failures those whose test did not notice."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.guards"], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    print(done.stdout)
    found = re.search(r"^(\d+) breaks, (\d+) survived", done.stdout, re.MULTILINE)
    cases, failures = (int(found[1]), int(found[2])) if found else (0, 1)
    return Result(cases, failures or int(done.returncode != 0), time.monotonic() - started)


def counted(report: Path) -> tuple[int, int, int]:
    """Cases, failures and what was skipped in a report of pytest; a test that tries many says how many."""
    cases = failures = skipped = 0
    for test in ElementTree.parse(report).iter("testcase"):
        tried = [one.attrib["value"] for one in test.iter("property") if one.attrib["name"] == "cases"]
        skip = test.find("skipped")
        if skip is None:
            cases += int(tried[0]) if tried else 1
            failures += test.find("failure") is not None or test.find("error") is not None
        else:
            skipped += 1
            failures += not skip.get("message", "").startswith(OF_ONE_DATABASE)
    return cases, failures, skipped


def table(results: dict[str, Result]) -> str:
    """`results` by the title of their line."""
    wide = max(map(len, results), default=0)
    lines = [f"{'':{wide}} {'cases':>8} {'failures':>9} {'skipped':>8} {'seconds':>8}"]
    parts = ("cases", "failures", "skipped", "seconds")
    every = {title: [getattr(result, part) for part in parts] for title, result in results.items()}
    every["in all"] = [sum(column) for column in zip(*every.values(), strict=True)]
    lines += [
        f"{title:{wide}} {cases:8,} {failures:9,} {skipped:8,} {seconds:8.0f}"
        for title, (cases, failures, skipped, seconds) in every.items()
    ]
    return "\n".join(lines)


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in SECTIONS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    results: dict[str, Result] = {}
    for name in names or SECTIONS:
        section = SECTIONS[name]
        title = f"{name}: {section.title}"
        print(f"- {section.title}", flush=True)
        results[title] = attempt(section)
        tried = [results[title]]
        if section.on_both:
            print(f"- {section.title}, on PostgreSQL", flush=True)
            results[f"{title} (PostgreSQL)"] = on_postgres(section)
            tried.append(results[f"{title} (PostgreSQL)"])
        if name == "guards":
            section.least = len(list(guards()))
        if not shortened() and any(result.cases < section.least for result in tried):
            print(f"fewer than {section.least:,} cases")
            tried[-1].failures += 1
    print("\n" + table(results))
    if shortened():
        print(f"Not at full length: {', '.join(shortened())}.")
    return int(any(result.failures or not result.cases for result in results.values()))


def shortened() -> list[str]:
    """The lengths that are less than in full."""
    return [f"{name}={LENGTH[name]} of {full:,}" for name, full in FULL.items() if float(LENGTH[name]) < full]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
