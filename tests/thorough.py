"""Everything that shows the register to be trustworthy, at full length: `python -m tests.thorough [section ...]`.

Prints one table: the cases tried, how many failed, and how long it took. EXAMPLES=... changes the number of requests of the fuzz
(10,000), FILES=... how many files of each of four kinds are read (5,000), FAULT_KILLS=... how often processes are killed in each
case (10), MINUTES=... how long the load lasts (5).
DATABASE_URL's database is left alone.
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

from tests.run import ON_ALL_CORES, ROOT, environment

FUZZ = {"EXAMPLES": os.environ.get("EXAMPLES", "10000")}
FILES = {"EXAMPLES": os.environ.get("FILES", "5000")}
FAULTS = {"FAULT_KILLS": os.environ.get("FAULT_KILLS", "10")}
MINUTES = os.environ.get("MINUTES", "5")


@dataclass
class Section:
    """What is tried: a title, the files of its tests, what its processes are told, and pytest's options."""

    title: str
    files: list[str]
    told: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ON_ALL_CORES


@dataclass
class Result:
    cases: int
    failures: int
    seconds: float


SECTIONS = {
    "access": Section(
        "who reaches which address, and sees what",
        ["tests/access", "tests/agencies/test_sight.py"],
        {"EVERY_CASE": "1"},
    ),
    "settings": Section(
        "settings, headers, cookies, limits, logs, health", ["tests/govtrack", "tests/test_query_limits.py"]
    ),
    "forms": Section(
        "redirects, fields that no form shows", ["tests/test_redirects.py", "tests/test_mass_assignment.py"]
    ),
    "files": Section(
        "files that come in and go out",
        [
            "tests/figures/test_files.py",
            "tests/subscriptions/importing/test_reading.py",
            "tests/subscriptions/importing/test_cells.py",
        ],
        FILES,
    ),
    "trail": Section(
        "the audit trail and its seals", ["tests/audit", "tests/subscriptions/test_write_paths.py"]
    ),
    "guards": Section("each guard switched off fails its test", []),
    "faults": Section(
        "processes killed, databases lost, disks full, backups",
        ["tests/faults"],
        FAULTS,
        ("--numprocesses", "0", "-m", "not browser"),
    ),
    "load": Section("50 people at once on 100,000 subscriptions", []),
    "fuzz": Section(
        "anything sent to any address", ["tests/test_fuzz.py", "tests/subscriptions/test_fuzz.py"], FUZZ
    ),
}


def attempt(section: Section) -> Result:
    """Run a section's tests; a run that ends without a report is a failure."""
    if section is SECTIONS["load"]:
        return under_load()
    if section is SECTIONS["guards"]:
        return switched_off()
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
        command += [f"--junitxml={report}", "-o", "junit_family=xunit1", *section.options, *section.files]
        ended = subprocess.run(command, cwd=ROOT, env=environment(**section.told)).returncode
        cases, failures = counted(report) if report.exists() else (0, 0)
    return Result(cases, failures or int(ended != 0), time.monotonic() - started)


def under_load() -> Result:
    """The cases are its requests, the failures the bars that were missed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="govtrack-audit-") as folder:
        figures = Path(folder) / "load.json"
        command = [sys.executable, "-m", "benchmarks.load", "--minutes", MINUTES, "--json", str(figures)]
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


def counted(report: Path) -> tuple[int, int]:
    """Cases and failures in a report of pytest; a test that tries many says how many."""
    cases = failures = 0
    for test in ElementTree.parse(report).iter("testcase"):
        tried = [one.attrib["value"] for one in test.iter("property") if one.attrib["name"] == "cases"]
        if test.find("skipped") is None:
            cases += int(tried[0]) if tried else 1
        failures += test.find("failure") is not None or test.find("error") is not None
    return cases, failures


def table(results: dict[str, Result]) -> str:
    lines = [f"{'':50} {'cases':>8} {'failures':>9} {'seconds':>8}"]
    for name, result in results.items():
        title = f"{name}: {SECTIONS[name].title}"
        lines.append(f"{title[:50]:50} {result.cases:8,} {result.failures:9,} {result.seconds:8.0f}")
    cases, failures = (sum(getattr(r, part) for r in results.values()) for part in ("cases", "failures"))
    lines.append(f"{'in all':50} {cases:8,} {failures:9,} {sum(r.seconds for r in results.values()):8.0f}")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in SECTIONS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    results: dict[str, Result] = {}
    for name in names or SECTIONS:
        print(f"- {SECTIONS[name].title}", flush=True)
        results[name] = attempt(SECTIONS[name])
    print("\n" + table(results))
    return int(any(result.failures or not result.cases for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
