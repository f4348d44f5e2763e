"""Measures each page in this process: the whole of Django from the request to the last byte, and the raw SQL beside it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agencies.models import User
from benchmarks import seeding
from benchmarks.pages import Page, pages

WARM_UPS = 2
# What takes seconds is measured less often, so that the whole stays within half an hour.
SECONDS_EACH, LEAST_RUNS = 8, 3


def measure(runs: int, only: str, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """For each page whose name contains `only`: medians in milliseconds of the page and of its raw SQL, and queries asked."""
    clients = {}
    for name in seeding.PEOPLE:
        clients[name] = Client()
        clients[name].force_login(User.objects.get(username=name))
    results = []
    for page in pages():
        if only not in page.name:
            continue
        client = clients[page.person]
        found = _open(client, page)
        rows = _raw(page)
        if page.lists:
            missing = [row[0] for row in rows if str(row[0]) not in found]
            assert not missing, f"{page.name}: not on the page, but in the raw SQL: {missing[:3]}"
        with CaptureQueriesContext(connection) as captured:
            _open(client, page)
        queries = len(captured)
        result = {
            "page": page.name,
            "person": page.person,
            "bar": page.bar,
            "ms": _median(lambda client=client, page=page: _open(client, page), runs),
            "raw_ms": _median(lambda page=page: _raw(page), runs),
            "rows": len(rows),
            "queries": queries,
        }
        results.append(result)
        say(
            f"{page.name}, {page.person}: {result['ms']:.0f} ms, {result['queries']} queries, {result['rows']} rows"
        )
    return results


def _open(client: Client, page: Page) -> str:
    if page.cold:
        caches["pages"].clear()
    if page.form is not None:
        response = client.post(page.url, page.form, headers={"HX-Request": "true"})
    else:
        response = client.get(page.url)
    content = response.content.decode()
    assert response.status_code == 200, f"{page.name}: {response.status_code}"
    return content


def _raw(page: Page) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(page.sql, page.parameters)
        return cursor.fetchall()


def _median(work: Callable[[], Any], runs: int) -> float:
    """The median of the wall-clock times in milliseconds, after two runs that do not count."""
    begun = time.perf_counter()
    times: list[float] = []
    for run in range(WARM_UPS + runs):
        started = time.perf_counter()
        work()
        ended = time.perf_counter()
        if run >= WARM_UPS or ended - begun > SECONDS_EACH:
            times.append((ended - started) * 1000)
        if ended - begun > SECONDS_EACH and len(times) >= LEAST_RUNS:
            break
    return statistics.median(times)
