"""Which source the table of spending prefers: chosen by the reader, named by every view, kept by every link."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.test import Client
from openpyxl import load_workbook

from agencies.models import User
from sources.models import Source, Statement
from tests.oversight.test_spending_page import citation, names, rows_of_csv, table_of
from tests.pages import errors_on, read
from tests.register import load

SignIn = Callable[..., Client]
PAGE = "/spending/"


@pytest.fixture(autouse=True)
def other_sources(register: None) -> None:
    load("other_sources")


@pytest.fixture
def client(signed_in: SignIn, committee: User) -> Client:
    return signed_in(user=committee, language="en")


def test_the_reports_own_source_comes_first_and_stands_alone(client: Client) -> None:
    own = client.get(PAGE)
    assert table_of(own) == table_of(client.get(PAGE, {"source": "a", "accounts": "one"}))
    assert "· Source: News article on the report · Period: Jan. 1, 2023 to Jan. 31, 2024 ·" in citation(own)
    select = next(one for one in read(own).all("select") if one.attributes["name"] == "source")
    options = [(one.attributes["value"], "selected" in one.attributes) for one in select.all("option")]
    assert options == [("a", True), ("b", False), ("c", False), ("d", False)]


def test_another_source_is_preferred(client: Client) -> None:
    response = client.get(PAGE, {"source": "b"})
    rows, foot = table_of(response)
    left = ["Not given at most ₩132,241,165", "Not given", "Not given"]
    assert [row[:4] for row in rows[:6]] == [
        ["Jeju Special Self-Governing Province", "about ₩68.71M", "Not given", "Not given"],
        ["Seoul Special City", "₩56.34M", "Not given", "Not given"],
        ["Gyeonggi Province", "₩46.75M", "Not given", "Not given"],
        ["South Jeolla Province", "₩44.54M", "Not given", "Not given"],
        ["South Chungcheong Province", "₩43.13M", "Not given", "Not given"],
        ["Busan Metropolitan City", *left],
    ]
    assert foot[:4] == [
        "Total",
        "₩391.7M ₩259.47M given by agency ₩132.22M not given by agency",
        "Unknown 17 not given",
        "Not given",
    ]
    cited = citation(response)
    assert "· Source: Asia Economy, 9 March 2025 · Period: Jan. 1, 2024 to Jan. 31, 2025 ·" in cited
    assert "· Filters: None ·" in cited
    link = read(response).by_class("gt-citation")[0].all("a")[0]
    assert link.attributes["href"] == "/sources/b/"


def test_all_sources_as_accounts_of_one_report(client: Client) -> None:
    """By facts.md: 128.938 M are left for ten governments, each between 0.1275 M and 43.135 M; 685 users for ten."""
    response = client.get(PAGE, {"accounts": "all"})
    rows, foot = table_of(response)
    stated = {row[0]: row[1:4] for row in rows}
    assert stated["Gwangju Metropolitan City"] == ["₩3.148M", "37", "₩85,080"]
    assert stated["South Jeolla Province"] == ["₩44.542M", "118", "₩377,475"]
    assert stated["Daejeon Metropolitan City"] == ["₩128,000", "275", "₩465"]
    assert stated["Busan Metropolitan City"][0] == "Not given between ₩127,500 and ₩43,134,999"
    assert foot[1] == "₩391.7M ₩262.75M given by agency ₩128.94M not given by agency"
    others = "Asia Economy, 9 March 2025; AI Post, 9 March 2025; AI Times, March 2025"
    assert f"· Source: News article on the report (preferred), with {others} ·" in citation(response)


def test_of_two_that_contradict_each_other_the_preferred_one_stands(client: Client) -> None:
    Statement.objects.filter(source__code="b", code="B2b").update(value=70_000_000)
    told = {}
    for source in ("a", "b"):
        response = client.get(PAGE, {"source": source, "accounts": "all"})
        seoul = next(row for row in table_of(response)[0] if row[0] == "Seoul Special City")
        first = "These contradict a source that goes first, so nothing rests on them: "
        sentences = [item.text for item in read(response).by_class("gt-prose")[0].all("li")]
        aside = next(text for text in sentences if text.startswith(first))
        told[source] = (seoul[1], aside.removeprefix(first).rstrip(".").split(", "))
    assert told == {"a": ("₩56.3M", ["B2b"]), "b": ("₩70.00M", ["A3"])}


def test_links_and_files_keep_the_source(client: Client) -> None:
    page = read(client.get(PAGE, {"source": "c", "sort": "agency"}))
    addresses = [link.attributes["href"] for link in page.all("a") if "download" in link.attributes]
    addresses += [link.attributes["href"] for link in page.by_class("sort")]
    assert len(addresses) == 9
    assert [address for address in addresses if "source=c" not in address] == []


def test_files_name_the_source_and_hold_the_pages_figures(client: Client) -> None:
    query = {"source": "c"}
    rows = rows_of_csv(client.get(PAGE, {**query, "_export": "csv"}))
    assert [row[2] for row in rows[1:18]] == names(client.get(PAGE, query))
    assert rows[1][2:8] == [
        "Gwangju Metropolitan City",
        "Metropolitan city",
        "3148000",
        "Stated",
        "3147500",
        "3148499",
    ]
    column = rows[0].index("Source")
    assert {row[column] for row in rows[1:]} == {"AI Post, 9 March 2025"}
    book = load_workbook(io.BytesIO(client.get(PAGE, {**query, "_export": "xlsx"}).content))
    first, notes = book.worksheets
    assert [cell.value for cell in first[2]][2:5] == [
        "Gwangju Metropolitan City",
        "Metropolitan city",
        3_148_000,
    ]
    assert ("Source", "AI Post, 9 March 2025") in list(notes.iter_rows(values_only=True))


@pytest.mark.parametrize("role", ["committee_member", "sysadmin"])
@pytest.mark.parametrize("source", ["unpublished", "no-such-source", "e1"])
def test_a_source_that_cannot_be_preferred(signed_in: SignIn, role: str, source: str) -> None:
    """Not published, not there, or not telling of the report: an error at the choice, and no file."""
    report = Source.objects.get(code="a").report
    Source.objects.create(code="unpublished", report=report, label_ko="미공개", label_en="Unpublished")
    client = signed_in(role, "KR", language="en")
    page = client.get(PAGE, {"source": source})
    error = f"Select a valid choice. {source} is not one of the available choices."
    assert errors_on(page) == {"source": [error]}
    assert read(page).all("table") == []
    assert "Unpublished" not in read(page).text
    refused = client.get(PAGE, {"source": source, "_export": "csv"})
    assert refused.status_code == 400
    assert f"Preferred source: {error}" in read(refused).text


def test_without_any_source_there_is_nothing_to_prefer(client: Client) -> None:
    Source.objects.update(published_at=None)
    response = client.get(PAGE)
    assert response.status_code == 200
    assert table_of(response)[1][1] == "Unknown 17 not given"
    assert errors_on(client.get(PAGE, {"source": "a"})) != {}
