"""Measures the site under the load of many people at once: `python -m benchmarks.load`.

Gunicorn with two workers on PostgreSQL, on a copy of a generated register; people with sessions, who read (70 %) and write
(30 %), each thinking between two requests. It prints what each kind of request took, the memory of the workers, and whether
every write that was acknowledged is there; the exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from benchmarks import databases
from benchmarks.users import PAGES_OF_ALL, PAGES_OF_COMMITTEE, Done, Load, User
from tests.faults.people import Ledger, Person
from tests.faults.site import ROOT, Site, serving

P95 = 0.5  # seconds, of all requests
GROWTH = 0.10  # of the workers' memory, from the end of the first fifth to the end
# Provinces and what they have below; a fifth of the people are members of a committee of the nation.
PLACES = ["KR-48", "KR-41", "KR-11", "KR-26", "KR-48-01", "KR-41-01", "KR-47", "KR-46", "KR-45", "KR-44"]


# --- the people -------------------------------------------------------------------------------------------------------


def people(count: int) -> list[dict[str, Any]]:
    """Make them in the register that DATABASE_URL names; each with a session, records of theirs, and some that several change."""
    from agencies.models import Agency
    from subscriptions.models import Subscription
    from tests.faults.prepare import person

    roles = ["administrator"] * 6 + ["approver"] * 2 + ["committee_member"] * 2
    found = []
    for number in range(count):
        role, code = roles[number % 10], PLACES[number // 10 % len(PLACES)]
        agency = Agency.objects.get(code="KR" if role == "committee_member" else code)
        seen = Subscription.objects.filter(agency__path__startswith=agency.path)
        active = seen.filter(status="active", agency__path__startswith=Agency.objects.get(code=code).path)
        told = person(role, agency.code, number)
        told["references"] = list(seen.order_by("-pk").values_list("reference", flat=True)[:40])
        told["shared"] = list(active.order_by("pk").values_list("reference", flat=True)[:12])
        found.append(told)
    return found


# --- the run ----------------------------------------------------------------------------------------------------------


def measure(server: databases.Server, options: argparse.Namespace) -> dict[str, Any]:
    name = f"govtrack_{options.size}"
    if not server.is_filled(name):
        say(f"seeding {options.size:,} subscriptions")
        server.create_anew(name)
        told_by(server.url(name), "benchmarks.one", str(options.size), "0", "nothing of it", "seed")
        server.mark_filled(name)
    with server.copy(name) as copy, tempfile.TemporaryDirectory(prefix="govtrack-load-") as folder:
        url, ledger, load = server.url(copy), Ledger(), Load()
        who = json.loads(told_by(url, "benchmarks.load", "--people", str(options.users)))
        say(f"{options.users} people for {options.minutes:g} minutes")
        with serving(Site(url, Path(folder), threads=options.threads)) as site:
            warm_up(site, who)
            load.began = time.monotonic()
            until = load.began + options.minutes * 60
            users = [User(site, told, ledger, load, options.think, until) for told in who]
            live(users, site, load, until)
        file = Path(folder) / "ledger.json"
        ledger.write(file)
        say("comparing what was acknowledged with what is there")
        unsound = json.loads(told_by(url, "tests.faults.soundness", str(file), "--touched", folder=folder))
    return {**summary(load), "unsound": unsound, "acknowledged": len(ledger.acknowledged)}


def warm_up(site: Site, who: list[dict[str, Any]]) -> None:
    """Open every page some times: what is loaded at the first request of a process is not what is measured."""
    for told in who[:10] + who[:10]:
        person = Person(site, told, Ledger())
        for _page, path in PAGES_OF_ALL + (PAGES_OF_COMMITTEE if told["role"] == "committee_member" else []):
            person.get(path.format(reference=told["references"][0], agency=person.agency))


def live(users: list[User], site: Site, load: Load, until: float) -> None:
    """Everybody goes about their work; a look at the memory every two seconds."""
    failed: list[BaseException] = []

    def goes_on(user: User) -> None:
        try:
            user.live()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=goes_on, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    while time.monotonic() < until and not failed:
        load.memory.append((time.monotonic() - load.began, memory_of(site.workers())))
        time.sleep(2)
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def memory_of(pids: list[int]) -> int:
    """What these processes hold of their own and share, each byte once (PSS), in bytes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def summary(load: Load) -> dict[str, Any]:
    seconds = load.memory[-1][0]
    kinds: dict[str, list[Done]] = {}
    for one in load.done:
        kinds.setdefault(one.what, []).append(one)
    early = [size for at, size in load.memory if 0.15 <= at / seconds <= 0.25]
    late = [size for at, size in load.memory if at / seconds >= 0.9]
    return {
        "requests": len(load.done),
        "per_second": len(load.done) / seconds,
        "writes": sum(one.is_write for one in load.done) / len(load.done),
        "statuses": {str(s): n for s, n in sorted(counted(one.status for one in load.done).items())},
        "all": times(load.done),
        "kinds": {what: times(done) for what, done in sorted(kinds.items())},
        "memory": [fmean(early), fmean(late)],
        "growth": fmean(late) / fmean(early) - 1,
    }


def counted(values: Any) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


def times(done: list[Done]) -> dict[str, float]:
    """Milliseconds: the middle, the 95th and 99th of a hundred, and the longest."""
    taken = sorted(one.seconds * 1000 for one in done)
    parts = quantiles(taken, n=100) if len(taken) > 1 else taken * 99
    return {"count": len(taken), "p50": parts[49], "p95": parts[94], "p99": parts[98], "max": taken[-1]}


def missed(found: dict[str, Any]) -> list[str]:
    """What does not hold, a sentence each."""
    failed = sum(n for status, n in found["statuses"].items() if status == "0" or status >= "500")
    lines = [f"{failed} requests failed: {found['statuses']}"] if failed else []
    if found["all"]["p95"] > P95 * 1000:
        lines.append(f"95 % of requests took up to {found['all']['p95']:.0f} ms, more than {P95 * 1000:.0f}")
    if found["growth"] >= GROWTH:
        lines.append(f"the workers' memory grew by {found['growth']:.1%}")
    return [*lines, *found["unsound"]]


def table(found: dict[str, Any], options: argparse.Namespace) -> str:
    lines = [
        f"{options.users} people, thinking {options.think:g} s on average, {options.minutes:g} minutes,"
        f" {options.size:,} subscriptions, 2 workers with {options.threads} threads",
        "",
        f"{'':24} {'requests':>8} {'p50':>7} {'p95':>7} {'p99':>7} {'max':>7} ms",
    ]
    for what, took in [*found["kinds"].items(), ("in all", found["all"])]:
        figures = " ".join(f"{took[name]:7.0f}" for name in ("p50", "p95", "p99", "max"))
        lines.append(f"{what:24} {took['count']:8,} {figures}")
    early, late = (size / 1024 / 1024 for size in found["memory"])
    lines += [
        "",
        f"{found['per_second']:.1f} requests a second, {found['writes']:.0%} of them writes; statuses {found['statuses']}",
        f"memory of the workers: {early:.0f} MB after a fifth of the time, {late:.0f} MB at the end ({found['growth']:+.1%})",
        f"{found['acknowledged']:,} acknowledged writes compared with the register",
    ]
    return "\n".join(lines)


def told_by(url: str, module: str, *arguments: str, folder: str = "/tmp") -> str:
    """What a module prints that is run on that database."""
    settings = {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "FAULTS_FOLDER": folder,
    }
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{module} failed")
    return done.stdout


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> int:
    from benchmarks.__main__ import size_of

    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--size", type=size_of, default=100_000, help="subscriptions (100k)")
    parser.add_argument("--users", type=int, default=50, help="people at once (50)")
    parser.add_argument("--minutes", type=float, default=5, help="how long (5)")
    parser.add_argument("--think", type=float, default=5, help="seconds between two requests of a person (5)")
    parser.add_argument("--threads", type=int, default=4, help="of each of the two workers (4)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="as for python -m benchmarks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--people", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.people:
        import django

        django.setup()
        json.dump(people(options.people), sys.stdout)
        return 0
    with databases.place(options.keep) as folder, databases.server(databases.POSTGRESQL, folder) as server:
        found = measure(server, options)
    lines = missed(found)
    print(table(found, options))
    for line in lines:
        print(f"MISSED: {line}")
    if options.json:
        options.json.write_text(json.dumps({**found, "missed": lines}, indent=1))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
