"""`python -m benchmarks`: seeds registers of several sizes, measures the pages on each, and prints a table."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import audit, databases, report

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ALL_CHECKED = 100_000


def size_of(text: str) -> int:
    """`10k`, `1m` or `2500` as a number."""
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    return int(text[:-1] if factor > 1 else text) * factor


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--sizes", default="10k,100k,1m", help="subscriptions, as in 10k,100k,1m (the default)"
    )
    parser.add_argument(
        "--databases", default="postgresql,sqlite", help="postgresql,sqlite (the default) or one of them"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the data in DIR, and use what is there already"
    )
    parser.add_argument(
        "--runs", type=int, default=15, help="how often each page is measured after two warm-ups (15)"
    )
    parser.add_argument("--only", default="", help="measure only the pages whose name contains this")
    parser.add_argument(
        "--failing",
        default="2,40",
        help="the checks' shares of pairs that do not pass, in percent (2,40); empty: no checks. With 40 % of a million"
        " subscriptions they take an hour, so that they are measured with 2 % alone unless --all-checks",
    )
    parser.add_argument(
        "--import-rows",
        type=size_of,
        default=ALL_CHECKED,
        help="rows of the file that is imported (100k); 0: none",
    )
    parser.add_argument(
        "--audit-seconds",
        type=float,
        default=20,
        help="how long each round of the writers with and without the audit trail lasts (20); 0: none",
    )
    parser.add_argument("--all-checks", action="store_true", help="a million subscriptions with 40 % as well")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    sizes = sorted(size_of(text) for text in options.sizes.split(","))
    measured: report.Measured = {}
    checked: report.Measured = {}
    explored: report.Measured = {}
    imported: report.Measured = {}
    trail: dict[str, Any] = {}
    committed: report.Measured = {}
    with databases.place(options.keep) as folder:
        for database in options.databases.split(","):
            with databases.server(database, folder) as server:
                if database == databases.POSTGRESQL:
                    trail = audit_trail(server, options)
                for size in sizes:
                    print(f"{database}, {size:,} subscriptions", flush=True)
                    started = time.monotonic()
                    measured.setdefault(database, {})[size] = in_process(server, size, options)
                    explored.setdefault(database, {})[size] = explorer(server, size, options)
                    committed.setdefault(database, {})[size] = committed_cost(server, size, options)
                    checked.setdefault(database, {})[size] = checks(server, size, options)
                    imported.setdefault(database, {})[size] = imports(server, size, options)
                    print(f"  took {time.monotonic() - started:.0f} s", flush=True)
    text = "\n".join(
        [
            report.markdown(measured),
            report.markdown_of_explorer(explored),
            report.markdown_of_checks(checked),
            report.markdown_of_imports(imported),
            audit.markdown(trail),
            report.markdown_of_committed(committed),
        ]
    )
    missed = [
        *report.missed(measured),
        *report.missed_explorer(explored),
        *report.missed_checks(checked),
        *report.missed_imports(imported),
        *audit.missed(trail),
    ]
    print(f"\n{text}")
    RESULTS.mkdir(exist_ok=True)
    name = time.strftime("%Y-%m-%d-%H%M%S")
    (RESULTS / f"{name}.md").write_text(text)
    (RESULTS / f"{name}.json").write_text(
        json.dumps(
            {
                "pages": measured,
                "explorer": explored,
                "checks": checked,
                "imports": imported,
                "audit": trail,
                "committed": committed,
            },
            indent=1,
        )
    )
    print(f"Written to {RESULTS.relative_to(ROOT)}/{name}.md")
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def in_process(server: databases.Server, size: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Seed and measure one size on one database in a process of its own, since Django has one database a process."""
    command = [sys.executable, "-m", "benchmarks.one", str(size), str(options.runs), options.only]
    name = f"govtrack_{size}"
    if not server.is_filled(name):
        server.create_anew(name)
        command.append("seed")
    settings = {"DATABASE_URL": server.url(name), "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing"}
    done = subprocess.run(
        command, env={**os.environ, **settings}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"measuring {size:,} subscriptions failed")
    server.mark_filled(name)
    return json.loads(done.stdout)


def explorer(server: databases.Server, size: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the spending explorer, in a process of its own so that its memory is."""
    return of_module("explorer", server, size) if options.only in "explorer" else []


def committed_cost(server: databases.Server, size: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the sum of committed cost, likewise."""
    return of_module("committed", server, size) if options.only in "committed" else []


def of_module(name: str, server: databases.Server, size: int) -> list[dict[str, Any]]:
    """What a module of this folder measures in the register of that size, which it does not change."""
    settings = {
        "DATABASE_URL": server.url(f"govtrack_{size}"),
        "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing",
    }
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"],
        env={**os.environ, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def checks(server: databases.Server, size: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the checks in copies of the register, since they change it."""
    results = []
    for percent in filter(None, options.failing.split(",")):
        if options.only not in "checks" or (size > ALL_CHECKED and percent != "2" and not options.all_checks):
            continue
        with server.copy(f"govtrack_{size}") as name:
            settings = {
                "DATABASE_URL": server.url(name),
                "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing",
            }
            command = [sys.executable, "-m", "benchmarks.checks", str(int(percent) / 100)]
            done = subprocess.run(
                command,
                env={**os.environ, **settings},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            results += json.loads(done.stdout)
    return results


def imports(server: databases.Server, size: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure the import of a file in a copy of the register, as the checks."""
    if options.only not in "imports" or not options.import_rows:
        return []
    with server.copy(f"govtrack_{size}") as name:
        settings = {"DATABASE_URL": server.url(name), "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing"}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.imports", str(options.import_rows)],
            env={**os.environ, **settings},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)


def audit_trail(server: databases.Server, options: argparse.Namespace) -> dict[str, Any]:
    """Measure what the audit trail costs writers, in an empty register."""
    if options.only not in "audit" or not options.audit_seconds:
        return {}
    print("postgresql, the audit trail", flush=True)
    name = "govtrack_audit"
    server.create_anew(name)
    settings = {"DATABASE_URL": server.url(name), "DJANGO_SETTINGS_MODULE": "govtrack.settings.testing"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit", str(options.audit_seconds)],
        env={**os.environ, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
