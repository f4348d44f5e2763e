"""The pages that are measured, each with a person, its bar, and plain SQL that fetches the same rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from agencies.models import Agency
from benchmarks import words
from benchmarks.seeding import PEOPLE, PROVINCE
from subscriptions.models import Status, Subscription

PAGE_SIZE = 50
# Milliseconds on PostgreSQL at a million subscriptions.
QUICK, SLOWER = 60, 100
CITY = "KR-48-01"


@dataclass(frozen=True)
class Page:
    """`lists`: the raw SQL's first column is a reference that the page shows. `cold`: no count is kept from an earlier page."""

    name: str
    person: str
    url: str
    sql: str
    parameters: Sequence[Any] = ()
    bar: int | None = None
    cold: bool = False
    lists: bool = True
    form: dict[str, Any] | None = None


ROWS = """
SELECT s.reference, a.short_ko, p.name_ko, s.status, s.started_on, s.ends_on,
       f.seats_min, f.seats_max, f.annual_cost_min, f.annual_cost_max,
       (SELECT count(*) FROM subscriptions_finding v WHERE v.subscription_id = s.id AND v.closed_at IS NULL)
FROM subscriptions_subscription s
JOIN agencies_agency a ON a.id = s.agency_id
JOIN catalog_product p ON p.id = s.product_id
JOIN subscriptions_facts f ON f.subscription_id = s.id
"""
NEWEST = f" ORDER BY s.id DESC LIMIT {PAGE_SIZE}"
DEAREST = f" ORDER BY coalesce(f.annual_cost_min, -1) DESC, f.subscription_id DESC LIMIT {PAGE_SIZE}"


def pages() -> Iterator[Page]:
    for person in PEOPLE:
        yield from lists(person)
        yield from renewals(person)
    yield from sums()
    yield from subjects()
    yield live_check()


def lists(person: str) -> Iterator[Page]:
    """The list of subscriptions as that person opens, pages, sorts, filters and searches it."""
    everything = reverse("subscriptions:list")
    listed = Subscription.objects.exclude(status=Status.VOID)  # which is listed only when asked for
    count = listed.count()
    sees, seen = " WHERE s.status <> 'void'", []
    if person == PROVINCE:
        sees, seen = f"{sees} AND {below('a')}", [Agency.objects.get(code=PEOPLE[PROVINCE][1]).path]
        count = listed.filter(agency__path__startswith=seen[0]).count()
    deep = max(1, count * 9 // 10 // PAGE_SIZE)

    def page(
        name: str, query: str, sql: str, parameters: Any = (), bar: int | None = None, cold: bool = False
    ):
        return Page(name, person, f"{everything}{query}", ROWS + sees + sql, [*seen, *parameters], bar, cold)

    yield page("first page", "", NEWEST, bar=QUICK)
    yield page("first page, counting anew", "", NEWEST, cold=True)
    yield page(
        "page at nine tenths", f"?page={deep}", f"{NEWEST} OFFSET {(deep - 1) * PAGE_SIZE}", bar=SLOWER
    )
    yield page("sorted by annual cost", "?sort=-annual_cost", DEAREST, bar=SLOWER)
    yield page(
        "sorted by annual cost, lowest first",
        "?sort=annual_cost",
        DEAREST.replace("DESC", "ASC"),
        bar=SLOWER,
    )
    for name, code in (("a province", "KR-48"), ("a city", CITY)):
        yield page(
            f"filtered by status and {name}",
            f"?status=active&agency={code}",
            f" AND s.status = %s AND {below('a')} {NEWEST}",
            ["active", Agency.objects.get(code=code).path],
            QUICK,
            cold=True,
        )
    searches = {
        "rare, two syllables": words.RARE_SHORT,
        "rare, long": words.RARE_LONG,
        "middling": words.MIDDLING,
        "common, two syllables": words.COMMON_SHORT,
        "common, longer": words.COMMON_LONG,
        "common and rare": f"{words.COMMON_SHORT} {words.RARE_SHORT}",
        "nowhere": "없는낱말",
    }
    for name, text in searches.items():
        conditions = " AND ".join(contains("f.search") for _word in text.split())
        yield page(
            f"search, {name}",
            f"?q={quote(text)}",
            f" AND {conditions} {NEWEST}",
            text.split(),
            SLOWER,
            cold=True,
        )


ENDS = """
SELECT s.reference, a.short_ko, p.name_ko, s.owner_department, r.notice_by, r.ends_on, r.auto_renewal, r.state,
       f.annual_cost_min, f.annual_cost_max
FROM subscriptions_renewal r
JOIN subscriptions_subscription s ON s.id = r.subscription_id
JOIN agencies_agency a ON a.id = r.agency_id
JOIN catalog_product p ON p.id = s.product_id
JOIN subscriptions_facts f ON f.subscription_id = s.id
WHERE r.state = 'open' AND r.notice_by BETWEEN %s AND %s
"""


def renewals(person: str) -> Iterator[Page]:
    """The renewal list as that person opens it, narrows it and turns to its end; and a month of the calendar."""
    everything, today = reverse("subscriptions:renewals"), timezone.localdate()
    within = [today.isoformat(), (today + datetime.timedelta(days=90)).isoformat()]
    sees, seen = "", []
    if person == PROVINCE:
        sees, seen = f" AND {below('a')}", [Agency.objects.get(code=PEOPLE[PROVINCE][1]).path]
    first = f" ORDER BY r.notice_by, r.id LIMIT {PAGE_SIZE}"
    last = f" ORDER BY r.notice_by DESC, r.id DESC LIMIT {PAGE_SIZE}"
    city = Agency.objects.get(code=CITY).path

    def page(name: str, query: str, sql: str, parameters: Sequence[Any] = (), **options: Any) -> Page:
        return Page(f"renewals, {name}", person, f"{everything}{query}", sql, parameters, **options)

    yield page("first page", "", ENDS + sees + first, [*within, *seen], bar=SLOWER)
    yield page("first page, counting anew", "", ENDS + sees + first, [*within, *seen], cold=True)
    yield page("the last first", "?sort=-notice_by", ENDS + sees + last, [*within, *seen], bar=SLOWER)
    yield page(
        "of a city", f"?when=90&state=open&agency={CITY}", f"{ENDS} AND {below('a')} {first}", [*within, city],
        bar=SLOWER, cold=True,
    )  # fmt: skip
    calendar = reverse("subscriptions:renewal-calendar")
    month = "SELECT r.notice_by, count(*) FROM subscriptions_renewal r WHERE r.notice_by BETWEEN %s AND %s GROUP BY 1"
    yield Page("renewals, calendar", person, calendar, month, within, bar=SLOWER, lists=False)


def below(agency: str) -> str:
    return f"{agency}.path LIKE %s || '%%'"


def contains(column: str) -> str:
    function = "strpos" if connection.vendor == "postgresql" else "instr"
    return f"{function}({column}, %s) > 0"


SUMS = """
SELECT substr(a.path, 1, 9), count(*), sum(f.annual_cost_min), sum(f.annual_cost_max),
       sum(CASE WHEN f.annual_cost_min IS NULL THEN 1 ELSE 0 END)
FROM subscriptions_subscription s
JOIN agencies_agency a ON a.id = s.agency_id
JOIN subscriptions_facts f ON f.subscription_id = s.id
WHERE s.status IN ('approved', 'active') AND s.started_on <= %s AND (s.ends_on IS NULL OR s.ends_on >= %s)
      AND a.path LIKE %s || '%%'
GROUP BY 1
"""


def sums() -> Iterator[Page]:
    """The pages that add up what somebody sees; beside them the one raw statement that adds the cost."""
    today = timezone.localdate().isoformat()
    report = reverse("oversight:report", args=["ai-subscriptions-2025"])
    for name, url in (
        ("spending table", reverse("oversight:spending")),
        ("home", reverse("home")),
        ("report", report),
        ("report, all sources together", f"{report}?accounts=all"),
    ):
        for person, (_role, code) in PEOPLE.items():
            path = Agency.objects.get(code=code).path
            yield Page(name, person, url, SUMS, [today, today, path], lists=False)


USED = """
SELECT {by}, count(*), sum(f.annual_cost_min), sum(f.annual_cost_max), sum(f.seats_min), sum(f.seats_max),
       sum(CASE WHEN f.annual_cost_min IS NULL THEN 1 ELSE 0 END)
FROM subscriptions_subscription s
JOIN agencies_agency a ON a.id = s.agency_id
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_vendor v ON v.id = p.vendor_id
JOIN subscriptions_facts f ON f.subscription_id = s.id
WHERE s.status IN ('approved', 'active') AND s.started_on <= %s AND (s.ends_on IS NULL OR s.ends_on >= %s)
      AND a.path LIKE %s || '%%' AND {of} = %s
GROUP BY 1
"""


def subjects() -> Iterator[Page]:
    """The pages of one agency, tool, vendor or country; beside them the one raw statement that adds its cost."""
    today = timezone.localdate().isoformat()
    for person, (_role, code) in PEOPLE.items():
        path = Agency.objects.get(code=code).path
        for name, address, by, of, value in (
            # The tool that is used most, its vendor and its country.
            (
                "use of a tool",
                reverse("oversight:tool-use", args=["chatgpt"]),
                "s.agency_id",
                "p.code",
                "chatgpt",
            ),
            ("vendor", reverse("oversight:vendor", args=["openai"]), "s.product_id", "v.code", "openai"),
            ("country", reverse("oversight:country", args=["US"]), "s.product_id", "v.country", "US"),
        ):
            sql = USED.format(by=by, of=of)
            yield Page(name, person, address, sql, [today, today, path, value], lists=False)
        for name, agency in (("agency", code), ("agency, a city", CITY)):
            below = Agency.objects.get(code=agency).path
            address = reverse("oversight:agency", args=[agency])
            yield Page(name, person, address, SUMS, [today, today, below], lists=False)


def live_check() -> Page:
    form = {
        "agency": CITY,
        "product": "chatgpt",
        "plan": "Team",
        "purpose": "민원 답변 초안 업무 지원",
        "owner_department": "정보통신과",
        "data_class": "open",
        "personal_data": "false",
        "started_on": timezone.localdate().isoformat(),
        "auto_renewal": "true",
        "payment_route": "contract",
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "lines-MIN_NUM_FORMS": "0",
        "lines-MAX_NUM_FORMS": "50",
        "lines-0-standing": "stated",
        "lines-0-amount": "42,000",
        "lines-0-currency": "KRW",
        "lines-0-vat": "included",
        "lines-0-basis": "per_seat",
        "lines-0-cycle": "monthly",
        "lines-0-seats": "120",
    }
    return Page(
        "live check",
        PROVINCE,
        reverse("subscriptions:check"),
        """
        SELECT p.code, v.effect, c."group", c.fact, c.operator, c."values"
        FROM policies_policyversion v
        JOIN policies_policy p ON p.id = v.policy_id
        JOIN policies_condition c ON c.version_id = v.id
        WHERE v.status = 'in_force'
        ORDER BY p.code, c."group", c.position
        """,
        bar=QUICK,
        lists=False,
        form=form,
    )
