"""Measures what the audit trail costs: 16 writers at once, with events, triggers and sealing, and without.

`python -m benchmarks.audit SECONDS` works in the PostgreSQL database that DATABASE_URL names, which is empty, and fills it.
Progress goes to the standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

WRITERS, ROUNDS = 16, 3
# Of the throughput without the trail, as much must be left with it.
LEAST = 0.5


def main() -> None:
    seconds = float(sys.argv[1])
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    json.dump(measure(seconds), sys.stdout)


def measure(seconds: float) -> dict[str, Any]:
    """Writes a second with the trail and without, the middle of some rounds; and whether the trail holds after it all."""
    writers = people()
    found: dict[str, list[float]] = {"with": [], "without": []}
    write_for(writers, 1, act)  # whatever is done once in a process
    for _round in range(ROUNDS):
        with no_trail():
            found["without"].append(write_for(writers, seconds, act))
        with sealing():
            found["with"].append(write_for(writers, seconds, through_the_middleware()))
        say(f"{found['without'][-1]:.0f} writes a second without the trail, {found['with'][-1]:.0f} with it")
    middle = {name: statistics.median(rates) for name, rates in found.items()}
    return {**middle, "share": middle["with"] / middle["without"], **verified()}


def people() -> list[Any]:
    """An administrator of an agency of its own for each writer."""
    from agencies.models import Agency, Membership, User
    from catalog.models import Product, Vendor

    def agency(code: str, parent: Any = None) -> Any:
        names = {f"{form}_{language}": code for form in ("name", "short") for language in ("ko", "en")}
        kind = Agency.Kind.OFFICE if parent else Agency.Kind.NATION
        return Agency.objects.create(code=code, parent=parent, kind=kind, **names)

    vendor = Vendor.objects.create(code="v", name_ko="v", name_en="v")
    Product.objects.create(code="tool", vendor=vendor, name_ko="tool", name_en="tool")
    nation, found = agency("KR"), []
    for number in range(WRITERS):
        user = User.objects.create(username=f"writer{number}")
        office = agency(f"A{number}", nation)
        Membership.objects.create(user=user, role="administrator", agency=office)
        found.append(user)
    return found


def act(request: Any) -> Any:
    """A draft is recorded, with its price line, its history and its decision."""
    from django.http import HttpResponse

    from catalog.models import Product
    from subscriptions import recording
    from subscriptions.models import PriceLine, Subscription
    from subscriptions.today import today

    membership = request.user.memberships.get()
    tool = Product.objects.get(code="tool")
    subscription = Subscription(agency=membership.agency, product=tool, started_on=today())
    recording.save_draft(subscription, [PriceLine(amount=1000, vat="included", seats=1)], by=request.user)
    return HttpResponse(status=302)


def through_the_middleware() -> Callable[[Any], Any]:
    from audit.origin import remember_origin

    return remember_origin(act)


def write_for(writers: list[Any], seconds: float, view: Callable[[Any], Any]) -> float:
    """How many requests a second all writers together get done."""
    from django.db import connection
    from django.test import RequestFactory

    done, until, failed = [0] * len(writers), time.monotonic() + seconds, []

    def write(place: int) -> None:
        try:
            while time.monotonic() < until:
                request = RequestFactory().post("/subscriptions/new/")
                request.user, request.resolver_match = writers[place], None
                view(request)
                done[place] += 1
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(place,)) for place in range(len(writers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
    return sum(done) / seconds


@contextmanager
def no_trail() -> Iterator[None]:
    """Without the triggers; who writes past the middleware writes no events either, and nobody seals."""
    from django.db import connection

    from audit import triggers

    with connection.cursor() as cursor:
        for table in triggers.guarded():
            cursor.execute(f'DROP TRIGGER IF EXISTS "{triggers.trigger_name(table)}" ON "{table}"')
    yield
    triggers.install()


@contextmanager
def sealing() -> Iterator[None]:
    """The sealing runs beside, every half second, in a process of its own."""
    command = [sys.executable, "manage.py", "seal_audit", "--every", "0.5"]
    beside = subprocess.Popen(command, stdout=sys.stderr)
    time.sleep(3)  # until it has started, which is not what is measured
    assert beside.poll() is None, "the sealing did not start"
    try:
        yield
    finally:
        beside.terminate()
        beside.wait()


def verified() -> dict[str, Any]:
    from audit.sealing import seal_all
    from audit.verifying import verify

    seal_all()
    started = time.perf_counter()
    done = verify()
    seconds = time.perf_counter() - started
    assert (done.faults, done.unsealed) == (0, {}), done
    return {"rows": done.rows, "verified_per_second": done.rows / seconds}


def markdown(measured: dict[str, Any]) -> str:
    if not measured:
        return ""
    rows = [
        ("16 writers at once without the trail", f"{measured['without']:,.0f} a second"),
        ("the same with events, triggers and sealing", f"{measured['with']:,.0f} a second"),
        ("what is left", f"{measured['share']:.0%} (at least {LEAST:.0%})"),
        (
            f"verifying {measured['rows']:,} sealed rows",
            f"{measured['verified_per_second']:,.0f} rows a second",
        ),
    ]
    lines = ["### The audit trail: postgresql", "", "| what | |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {what} | {value} |" for what, value in rows), ""])


def missed(measured: dict[str, Any]) -> list[str]:
    if not measured or measured["share"] >= LEAST:
        return []
    return [f"the audit trail leaves {measured['share']:.0%} of the writes, less than {LEAST:.0%}"]


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
