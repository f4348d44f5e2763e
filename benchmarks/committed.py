"""Measures the committed cost of every agency over the price lines of a seeded register: of a year, and of its quarters.

`python -m benchmarks.committed` works in the database that DATABASE_URL names and changes nothing. Progress goes to the
standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

from benchmarks.explorer import everybody, say

RUNS = 3
# What anybody would write who needs the year's cost about right: no rounding of each line, no VAT that is not given, no gaps.
RAW = """
SELECT s.agency_id, SUM(
    l.amount * CASE WHEN l.basis = 'per_seat' THEN l.seats ELSE 1 END * CASE l.currency WHEN 'KRW' THEN 1.0 ELSE 14.5 END
    * CASE l.cycle WHEN 'monthly' THEN 12 WHEN 'quarterly' THEN 4 ELSE 1 END * {days} / 365.0)
FROM subscriptions_priceline l JOIN subscriptions_subscription s ON s.id = l.subscription_id
WHERE s.status IN ('approved', 'active', 'ended') GROUP BY s.agency_id
"""
DAYS = {
    "postgresql": "GREATEST(0, LEAST(COALESCE(l.ends_on, s.ends_on, DATE '{last}'), DATE '{last}')"
    " - GREATEST(COALESCE(l.starts_on, s.started_on), DATE '{first}') + 1)",
    "sqlite": "MAX(0, julianday(MIN(COALESCE(l.ends_on, s.ends_on, '{last}'), '{last}'))"
    " - julianday(MAX(COALESCE(l.starts_on, s.started_on), '{first}')) + 1)",
}


def main() -> None:
    django.setup()
    json.dump(list(measure()), sys.stdout)


def measure() -> Any:
    """The median of each in milliseconds, beside the raw SQL's."""
    from django.db import connection
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from benchmarks.measuring import _median
    from subscriptions.committed_sql import committed_by_agency
    from subscriptions.models import Subscription

    user, on = everybody(), timezone.localdate()
    first, last = on.replace(month=1, day=1), on.replace(month=12, day=31)
    days = DAYS[connection.vendor].format(first=first, last=last)

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute(RAW.format(days=days))
            cursor.fetchall()

    raw_ms = _median(raw, RUNS)
    rows = Subscription.objects.visible_to(user)
    quarters = [first.replace(month=month) for month in (1, 4, 7, 10)]

    def measured(name: str, work: Callable[[], Any]) -> dict[str, Any]:
        started = time.perf_counter()
        work()
        ms = (
            _median(work, RUNS)
            if time.perf_counter() - started < 60
            else (time.perf_counter() - started) * 1000
        )
        say(f"{name}: {ms:,.0f} ms, raw SQL {raw_ms:,.0f} ms")
        return {"name": name, "ms": ms, "raw_ms": raw_ms}

    yield measured(
        "committed cost of a year, by agency", lambda: committed_by_agency(rows, [first], last, on)
    )
    yield measured(
        "committed cost of its quarters, by agency", lambda: committed_by_agency(rows, quarters, last, on)
    )
    client = Client()
    client.force_login(user)
    url = f"{reverse('oversight:plan')}?year={first.year}"
    yield measured("plan against actual, page of the nation", lambda: client.get(url).content)


if __name__ == "__main__":
    main()
