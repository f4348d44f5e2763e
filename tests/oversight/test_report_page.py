"""The page of a report, as each reader finds it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agencies.models import Agency
from sources.models import Report, Source, Statement
from subscriptions.models import Payment, Subscription
from tests.pages import Element, read
from tests.register import load

ADDRESS = "/reports/ai-subscriptions-2025/"


@pytest.fixture
def other_sources(register: None) -> None:
    load("other_sources")


def rows(page: Element, caption: str) -> dict[str, list[str]]:
    """The cells of the table with that caption, by the id of the row or its first cell."""
    table = next(t for t in page.all("table") if t.all("caption")[0].text == caption)
    found = {}
    for row in table.all("tbody")[0].all("tr"):
        cells = [cell.text for cell in row.all("th", "td")]
        found[row.attributes.get("id", cells[0])] = cells
    return found


def opened(client: Client, query: str = "") -> Element:
    response = client.get(ADDRESS + query)
    assert response.status_code == 200
    return read(response)


def notices(page: Element) -> list[str]:
    return [item.text for notice in page.by_class("gt-notice") for item in notice.all("li")]


PERIODS = (
    "Asia Economy, 9 March 2025 gives another period, Jan. 1, 2024 to Jan. 31, 2025 instead of Jan. 1, 2023 to Jan. "
    "31, 2024 (A1 and B1; A2 and B2a; A3 and B2b; A4 and B2c; A5 and B2d; A6 and B2e)."
)
DAEJEON = (
    "Daejeon: ₩128,000 (C1b) for 275 users (A13) is about ₩465 for each. No subscription costs less than ₩1,000 a "
    "user."
)


def test_each_statement_with_what_stands_beside_it(other_sources: None, signed_in: Any) -> None:
    page = opened(signed_in("committee_member", "KR", language="en"))
    table = rows(page, "News article on the report: what it states")
    assert list(table) == [f"a-A{number}" for number in range(25)]
    assert table["a-A1"] == [
        "A1",
        "All 17 governments together paid ₩391.7M for AI subscriptions from January 2023 to January 2024. "
        "All 17 metropolitan and provincial governments · Spending",
        "Jan. 1, 2023 to Jan. 31, 2024",
        "₩391.7M Stated · rounded to ₩100,000",
        "Nothing recorded",
        "B1 ₩391,686,165 Sharpens Another period Asia Economy, 9 March 2025 · Jan. 1, 2024 to Jan. 31, 2025",
    ]
    assert table["a-A2"][3] == "about ₩68.7M Stated · rounded to ₩100,000 · rank 1"
    assert table["a-A5"][5] == (
        "B2d ₩44.54M Sharpens Another period Asia Economy, 9 March 2025 · Jan. 1, 2024 to Jan. 31, 2025 "
        "D1a ₩44.542M Sharpens AI Times, March 2025"
    )
    assert table["a-A9"][2:] == ["Not given", "Undetermined", "Nothing recorded", "–"]
    assert table["a-A13"][3] == f"275 Stated · rank 4 To be checked {DAEJEON}"
    assert table["a-A14"][5] == (
        "C2a 37 Gives what is missing AI Post, 9 March 2025 C2b 118 Gives what is missing AI Post, 9 March 2025"
    )
    assert re.sub(r"As of .*? ·", "As of … ·", table["a-A15"][4]) == (
        "17 Agrees As of … · All of it recorded from this report's own statements"
    )
    assert notices(page) == [PERIODS, DAEJEON]


def test_what_only_other_sources_state(other_sources: None, signed_in: Any) -> None:
    page = opened(signed_in("committee_member", "KR", language="en"))
    table = rows(page, "What only other sources state")
    assert [key for key in table if key.startswith("c-")] == [
        *("c-C1a", "c-C1b", "c-C2a", "c-C2b", "c-C3a", "c-C3b", "c-C3c", "c-C3d", "c-C3e")
    ]
    assert [key for key in table if not key.startswith("c-")] == [f"d-D1{letter}" for letter in "bcdef"]
    assert table["c-C1a"][0] == "C1a AI Post, 9 March 2025"


def test_the_preferred_source_stays_in_the_address(other_sources: None, signed_in: Any) -> None:
    client = signed_in("committee_member", "KR", language="en")
    page = opened(client, "?source=b&accounts=all")
    selected = [o.attributes["value"] for o in page.all("option") if "selected" in o.attributes]
    assert selected == ["b", "all"]
    assert list(rows(page, "Asia Economy, 9 March 2025: what it states")) == [
        *("b-B1", "b-B2a", "b-B2b", "b-B2c", "b-B2d", "b-B2e", "b-B3a", "b-B3b")
    ]
    form = next(form for form in page.all("form") if form.all("select"))
    assert (form.attributes["method"], form.attributes["action"]) == ("get", ADDRESS)
    # Who prefers B is told of A's period, and of D's.
    assert [sentence.split(" gives ")[0] for sentence in notices(page)[:2]] == [
        "News article on the report",
        "AI Times, March 2025",
    ]


@pytest.mark.parametrize("query", ["", "?source=&accounts=", "?source=a", "?accounts=one"])
def test_the_reports_own_source_is_the_default(other_sources: None, signed_in: Any, query: str) -> None:
    response = signed_in("committee_member", "KR").get(ADDRESS + query)
    page = response.context["page"]
    assert (page.preferred.code, page.together) == ("a", False)


@pytest.mark.parametrize("query", ["?source=nonsense", "?accounts=nonsense", "?source=e1"])
def test_what_cannot_be_chosen_shows_nothing(other_sources: None, signed_in: Any, query: str) -> None:
    page = opened(signed_in("committee_member", "KR", language="en"), query)
    assert page.all("table") == []
    assert "This choice is not valid, so nothing is shown." in page.text


def test_conclusions_from_one_source_and_from_all(other_sources: None, signed_in: Any) -> None:
    client = signed_in("committee_member", "KR", language="en")
    for query, left in (("", "₩132.4M (±₩300,000)"), ("?accounts=all", "₩128.94M (±₩21,000)")):
        table = next(
            t
            for t in opened(client, query).all("table")
            if t.all("caption")[0].text == "What follows from the statements"
        )
        found = [[cell.text for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]
        assert next(row[2] for row in found if row[1].startswith("Left for")) == left


def test_each_agency(other_sources: None, signed_in: Any) -> None:
    page = opened(signed_in("committee_member", "KR", language="en"), "?accounts=all")
    table = rows(page, "Each agency, as far as it is known")
    assert len(table) == 17
    assert table["Jeju"] == [
        "Jeju",
        "about ₩68.71M between ₩68,705,000 and ₩68,714,999",
        "Not given at most 275",
        "Not given at least ₩249,836",
        "A2 , B2a , A14",
    ]
    assert table["Daejeon"][3:] == [
        "₩465 between ₩464 and ₩467",
        f"C1b , A13 To be checked {DAEJEON}",
    ]
    assert table["Ulsan"][1:4] == [
        "Not given between ₩127,500 and ₩43,134,999",
        "Not given at most 275",
        "Not given at least ₩464",
    ]


def test_the_same_in_korean(other_sources: None, signed_in: Any) -> None:
    """The numbers, whatever the words around them."""
    page = opened(signed_in("committee_member", "KR"), "?accounts=all")
    for text in ("128,938,165원", "43,134,999원", "68,710,000원", "44,542,000원", "3,148,000원", "685"):
        assert text in page.text


def test_recorded_figures_are_shown_only_where_they_may_be_seen(other_sources: None, signed_in: Any) -> None:
    for code, won in (("KR-49", 68_700_000), ("KR-11", 56_345_678)):
        subscription = Subscription.objects.get(agency__code=code)
        Payment.objects.create(subscription=subscription, paid_on="2023-05-01", amount=won, won=won)
    caption = "News article on the report: what it states"

    def recorded(client: Client) -> list[str]:
        table = rows(opened(client), caption)
        return [table[f"a-{code}"][4] for code in ("A1", "A2", "A3")]

    assert recorded(signed_in("committee_member", "KR", language="en")) == [
        "₩125,045,678 Less is recorded",
        "₩68,700,000 Agrees",
        "₩56,345,678 Agrees",
    ]
    jeju = signed_in("committee_member", "KR-49", language="en")
    assert recorded(jeju) == [
        "at least ₩68,700,000 Cannot be told yet 16 of 17 not visible to you",
        "₩68,700,000 Agrees",
        "Not visible to you",
    ]
    for query in ("", "?accounts=all", "?source=b", "?source=c&accounts=all"):
        assert "345,678" not in opened(jeju, query).text
    nobody = opened(signed_in(language="en"))
    assert recorded(signed_in(language="en")) == ["Not visible to you"] * 3
    assert rows(nobody, caption)["a-A3"][3] == "₩56.3M Stated · rounded to ₩100,000 · rank 2"


def test_what_is_not_published_is_told_to_system_administrators_alone(
    other_sources: None, signed_in: Any
) -> None:
    Source.objects.filter(code__in=["b", "c"]).update(published_at=None)
    reader = opened(signed_in("committee_member", "KR", language="en"))
    assert [o.attributes["value"] for o in reader.all("select")[0].all("option")] == ["a", "d"]
    assert notices(reader) == []
    for hidden in ("B1", "391,686,165", "C1b", "Asia Economy"):
        assert hidden not in reader.text
    refused = opened(signed_in("committee_member", "KR", language="en"), "?source=b")
    assert refused.all("table") == []
    assert notices(opened(signed_in("sysadmin", language="en"))) == [PERIODS, DAEJEON]


def test_a_report_without_a_published_source_is_not_there(register: None, signed_in: Any) -> None:
    report = Report.objects.create(code="secret", title_ko="비공개", title_en="Secret")
    source = Source.objects.create(code="s", report=report, label_ko="자료", label_en="Document")
    assert signed_in("committee_member", "KR").get("/reports/secret/").status_code == 404
    assert signed_in("sysadmin").get("/reports/secret/").status_code == 200
    source.published_at = timezone.now()
    source.save()
    page = read(signed_in("committee_member", "KR", language="en").get("/reports/secret/"))
    assert "No statement of this source is recorded." in page.text
    assert "Nothing follows from what is stated." in page.text


def test_home_and_the_sources_lead_there(register: None, signed_in: Any) -> None:
    client = signed_in("committee_member", "KR")
    for address in ("/", "/sources/", "/sources/a/"):
        links = [a.attributes.get("href", "") for a in read(client.get(address)).all("a")]
        assert [link.partition("?")[0] for link in links if "/reports/" in link] == [ADDRESS], address


def test_texts_are_shown_as_text(other_sources: None, signed_in: Any) -> None:
    Source.objects.filter(code="b").update(label_en="<b>B</b>")
    Statement.objects.filter(code="A1").update(text_en="<script>alert(1)</script>", note_en="<i>")
    Agency.objects.filter(code="KR-30").update(short_en="<u>Daejeon")
    for query in ("", "?source=b", "?accounts=all"):
        content = signed_in("committee_member", "KR", language="en").get(ADDRESS + query).content.decode()
        assert [text for text in ("<b>B", "<script>alert", "<i>", "<u>Dae") if text in content] == []


@pytest.mark.parametrize("more", [0, 30])
def test_it_costs_the_same_for_any_number(
    other_sources: None, signed_in: Any, django_assert_num_queries: Any, more: int
) -> None:
    source, jeju = Source.objects.get(code="b"), Agency.objects.get(code="KR-49")
    for number in range(more):
        statement = Statement.objects.create(
            source=source,
            code=f"N{number}",
            measure="spending",
            value=number,
            period_from=f"20{number + 30}-01-01",
            period_until=f"20{number + 30}-12-31",
        )
        statement.subject.set([jeju])
        subscription = Subscription.objects.get(agency__code="KR-49", product__code="chatgpt")
        Payment.objects.create(subscription=subscription, paid_on="2023-05-01", amount=5, won=5)
    client = signed_in("committee_member", "KR-49")
    client.get(ADDRESS)
    with django_assert_num_queries(15):
        response = client.get(ADDRESS + "?accounts=all")
    beside_jejus = next(line for line in response.context["page"].lines if line.statement.code == "A2")
    assert len(beside_jejus.others) == 1 + more
