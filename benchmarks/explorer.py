"""Measures the spending explorer over the payments of a seeded register, and how quickly records are taken away as files.

`python -m benchmarks.explorer` works in the database that DATABASE_URL names and changes nothing. Progress goes to the
standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from typing import Any

# Milliseconds on PostgreSQL at a million subscriptions: without a filter or by what is grouped by, and with any other filter.
PLAIN, FILTERED = 150, 2_000
RUNS = 15

BY_AGENCY, BY_TOOL_AND_MONTH, BY_COUNTRY = "by agency", "by tool and month", "by vendor country"
GROUPINGS = {BY_AGENCY: "by=place", BY_TOOL_AND_MONTH: "by=product&then=month", BY_COUNTRY: "by=country"}
OWN = {
    BY_AGENCY: ("a province", "agency=KR-48"),
    BY_TOOL_AND_MONTH: ("a tool", "product=chatgpt"),
    BY_COUNTRY: ("a country", "country=US"),
}
OTHERS = {
    "status": "status=active",
    "data class": "data_class=open",
    "provenance": "provenance=by_hand",
    "kind of government": "kind=city",
    "a province": "agency=KR-48",
    "a tool": "product=chatgpt",
    "a vendor country": "country=US",
    "a year": "first=2026-01-01&last=2026-12-31",
    "any two days": "first=2026-01-10&last=2026-09-20",
    "a word": "text=드론",
}
RAW_KEYS = {
    BY_AGENCY: "substr(a.path, 1, 9)",
    BY_TOOL_AND_MONTH: "s.product_id, {month}",
    BY_COUNTRY: "v.country",
}
RAW = """
SELECT {keys}, sum(p.won), count(p.won), count(*)
FROM subscriptions_payment p
JOIN subscriptions_subscription s ON s.id = p.subscription_id
JOIN agencies_agency a ON a.id = s.agency_id
JOIN catalog_product t ON t.id = s.product_id
JOIN catalog_vendor v ON v.id = t.vendor_id
WHERE s.status <> 'void' GROUP BY {keys}
"""
MONTHS = {"postgresql": "date_trunc('month', p.paid_on::timestamp)", "sqlite": "substr(p.paid_on, 1, 7)"}


def main() -> None:
    import_module("govtrack.wsgi")  # as a server starts
    json.dump([*measure_files(), *measure_answers()], sys.stdout)


def measure_answers() -> Iterable[dict[str, Any]]:
    """For each question the median of its answer and of its whole page, in milliseconds, beside the raw SQL's."""
    from django.db import connection
    from django.http import QueryDict
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from benchmarks.measuring import _median
    from oversight.explorer.answering import answer
    from oversight.explorer.form import ExplorerForm

    user = everybody()
    client = Client()
    client.force_login(user)

    def ask(query: str) -> Any:
        form = ExplorerForm(QueryDict(query), user)
        assert form.is_valid(), f"{query}: {form.errors}"
        return answer(user, form.question, timezone.now())

    def raw(grouping: str) -> float:
        keys = RAW_KEYS[grouping].format(month=MONTHS[connection.vendor])

        def fetch() -> None:
            with connection.cursor() as cursor:
                cursor.execute(RAW.format(keys=keys))
                cursor.fetchall()

        return _median(fetch, 3)

    for grouping, by in GROUPINGS.items():
        raw_ms = raw(grouping)
        own, own_query = OWN[grouping]
        asked = [("no filter", by, PLAIN), (own, f"{by}&{own_query}", PLAIN)]
        if grouping == BY_TOOL_AND_MONTH:
            asked.append(("a year", f"{by}&{OTHERS['a year']}", PLAIN))
        named = {name for name, _query, _bar in asked}
        asked += [(name, f"{by}&{query}", FILTERED) for name, query in OTHERS.items() if name not in named]
        for name, query, bar in asked:
            url = f"{reverse('oversight:explore')}?{query}"
            result = {
                "name": grouping,
                "filter": name,
                "rows": len(ask(query).rows),
                "ms": _median(lambda query=query: ask(query), RUNS),
                "page_ms": _median(lambda url=url: client.get(url).content, 3),
                "raw_ms": raw_ms,
                "bar": bar,
                "note": "",
            }
            say(f"{grouping}, {name}: {result['ms']:.0f} ms, page {result['page_ms']:.0f} ms")
            yield result


def measure_files() -> Iterable[dict[str, Any]]:
    """All payments as CSV and JSON: rows a second, and the memory that it took beyond what the process had."""
    from django.db.models import Max
    from django.test import Client
    from django.urls import reverse

    from subscriptions.models import Payment

    client = Client()
    client.force_login(everybody())
    # No more than a million payments, the newest.
    newest = Payment.objects.order_by("-paid_on").values_list("paid_on", flat=True)
    last = Payment.objects.aggregate(last=Max("paid_on"))["last"]
    first = newest[min(1_000_000, Payment.objects.count()) - 1]
    for kind in ("csv", "json"):
        url = f"{reverse('oversight:records')}?first={first}&last={last}&_export={kind}"
        before, started, rows = _megabytes(), time.perf_counter(), 0
        for chunk in client.get(url).streaming_content:
            rows += chunk.count(b"\n")
        seconds = time.perf_counter() - started
        result = {
            "name": f"payments as {kind.upper()}",
            "filter": "",
            "rows": rows,
            "ms": seconds * 1000,
            "page_ms": None,
            "raw_ms": None,
            "bar": None,
            "per_second": rows / seconds if kind == "csv" else None,
            "megabytes": _megabytes() - before,
            "note": f"{rows / seconds:,.0f} rows a second, {_megabytes() - before:.0f} MB more",
        }
        say(f"{result['name']}: {result['note']}")
        yield result


def everybody() -> Any:
    from agencies.models import User
    from benchmarks.seeding import PEOPLE

    return User.objects.get(username=next(iter(PEOPLE)))


def _megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
