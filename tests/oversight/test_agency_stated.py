"""The page of an agency: what each source states of it is everybody's, and what is recorded there is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agencies.models import Agency
from sources.models import Source, Statement
from subscriptions.models import Payment, Subscription, UserCount
from tests.oversight.test_agency_page import (
    BELOW,
    FINDINGS,
    HIDDEN,
    NEWEST,
    cards,
    definitions,
    main_of,
    opened,
    rows,
)
from tests.register import load

SignIn = Callable[..., Client]
STATED = "Spending and users, as each source states them"
SAID = "What published sources state"


@pytest.fixture(autouse=True)
def other_sources(register: None) -> None:
    load("other_sources")


def test_by_each_source(signed_in: SignIn) -> None:
    """By facts.md: A5 and A14, B2d, C2b and D1a of South Jeolla."""
    page = opened(signed_in(language="en"), "KR-46")
    first, second = "Jan. 1, 2023 to Jan. 31, 2024", "Jan. 1, 2024 to Jan. 31, 2025"
    some = "Not given at most 275"
    assert rows(page, STATED) == [
        ["News article on the report", first, "₩44.5M", some, "Not given at least ₩161,636"],
        ["Asia Economy, 9 March 2025", second, "₩44.54M", "Not given", "Not given"],
        ["AI Post, 9 March 2025", "Not given", "Not given", "118", "Not given"],
        ["AI Times, March 2025", first, "₩44.542M", "Not given", "Not given"],
    ]


def test_each_statement_about_it(signed_in: SignIn) -> None:
    page = opened(signed_in(language="en"), "KR-49")
    about = Statement.objects.published().filter(subject__code="KR-49").order_by("source__code", "pk")
    assert [row[1] for row in rows(page, SAID)] == [statement.code for statement in about]
    assert {"A2", "B2a"} < set(about.values_list("code", flat=True))
    Source.objects.filter(code="b").update(published_at=None)
    page = opened(signed_in(language="en"), "KR-49")
    assert {row[0] for row in rows(page, SAID)} == {
        "News article on the report",
        "Maeil Business, 6 February 2025",
        "News1, 6 February 2025",
    }
    assert [row[0] for row in rows(page, STATED)] == ["News article on the report"]


def test_what_is_recorded_is_not_told_to_others(signed_in: SignIn, jeju: Any) -> None:
    seoul = Agency.objects.get(code="KR-11")
    made = Subscription.objects.get(agency=seoul)
    Payment.objects.create(subscription=made, paid_on="2026-01-05", amount=987_654, won=987_654)
    UserCount.objects.create(agency=seoul, day="2026-01-05", value=4321)
    page = opened(signed_in(user=jeju, language="en"), "KR-11")
    assert cards(page) == [["Recorded subscriptions", HIDDEN], ["Findings needing attention", HIDDEN]]
    assert [rows(page, caption) for caption in (NEWEST, FINDINGS, BELOW, "Paid in each year")] == [[]] * 4
    main = main_of(page)
    secret = (
        made.reference,
        "987,654",
        "987654",
        "4,321",
        "4321",
        "/compliance/",
        "/findings/",
        "/subscriptions/",
    )
    assert [one for one in secret if one in main.raw] == []
    assert [link for link in main.all("a") for one in secret if one in link.attributes["href"]] == []
    assert rows(page, STATED)[0][2:] == ["₩56.3M", "440", "₩128,000"]


def test_former_names(signed_in: SignIn) -> None:
    page = opened(signed_in(language="en"), "KR-42")
    assert ("Former name", "Gangwon Province used until June 10, 2023") in definitions(page)
    # The nation is named by no statement, so its page is not theirs to open, and no link leads there.
    assert ("Part of", "Republic of Korea") in definitions(page)
    assert [a for a in main_of(page).all("a") if a.attributes["href"] == "/agencies/KR/"] == []
