"""The sources and their statements, as each reader finds them."""

import re

import pytest
from django.utils import timezone

from policies.models import Policy, PolicyVersion
from sources.models import Report, Source, Statement
from tests.register import load

READERS = ["administrator", "approver", "policy_officer", "committee_member", None]


def codes(response):
    """The codes of the records in the page's table, in its order."""
    return [row.record.code for row in response.context["table"].rows]


@pytest.fixture
def make_source(db):
    def make(code="x", published=True, **fields):
        published_at = timezone.now() if published else None
        names = {"label_ko": f"{code} 자료", "label_en": f"Document {code}"}
        return Source.objects.create(code=code, published_at=published_at, **{**names, **fields})

    return make


@pytest.fixture
def make_statement(make_agency):
    def make(source, code, **fields):
        given = {"measure": "users", "value": 1, "text_ko": "요지", "text_en": "In short", **fields}
        statement = Statement.objects.create(source=source, code=code, **given)
        statement.subject.set([make_agency("KR-49"), make_agency("KR-11")])
        return statement

    return make


@pytest.mark.parametrize("role", READERS)
def test_everybody_reads_what_is_published(report_data, signed_in, role):
    client = signed_in(role, "KR-49")
    assert codes(client.get("/sources/")) == ["a", "e1", "e2"]
    assert codes(client.get("/sources/a/")) == [f"A{n}" for n in range(25)]


def test_a_stranger_is_asked_to_sign_in(report_data, client):
    response = client.get("/sources/a/")
    assert (response.status_code, response.url) == (302, "/accounts/login/?next=/sources/a/")


def test_only_system_administrators_see_what_is_not_published(make_source, signed_in):
    make_source("shown")
    make_source("hidden", published=False)
    for role in READERS:
        client = signed_in(role, "KR")
        assert codes(client.get("/sources/")) == ["shown"]
        assert client.get("/sources/hidden/").status_code == 404
    client = signed_in("sysadmin")
    assert codes(client.get("/sources/")) == ["hidden", "shown"]
    assert client.get("/sources/hidden/").status_code == 200


def test_pages_are_only_read(report_data, signed_in):
    client = signed_in("committee_member", "KR")
    for address in ("/sources/", "/sources/a/"):
        assert client.post(address).status_code == 405


@pytest.mark.parametrize(("language", "heading"), [("ko", "보도 기사"), ("en", "News article on the report")])
def test_a_source_in_the_readers_language(report_data, signed_in, language, heading):
    page = signed_in("committee_member", "KR", language=language).get("/sources/a/").content.decode()
    assert re.findall(r"<h1>(.*?)</h1>", page) == [heading]
    assert f'<html lang="{language}">' in page


def test_what_a_document_does_not_say_of_itself_is_not_given(report_data, signed_in):
    page = signed_in("committee_member", "KR", language="en").get("/sources/a/").content.decode()
    document = page[page.index('id="document"') : page.index('id="statements"')]
    terms = re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*(.*?)\s*<", document, re.DOTALL)
    assert {term: value or "missing" for term, value in terms} == {
        "Title": "missing",
        "Author": "Kim Hyun-bin",
        "Publisher": "missing",
        "Date of the document": "missing",
        "Address": "missing",
        "Report it tells of": "AI subscriptions of local governments, 2025",
    }
    assert document.count("Not given") == 4


def test_each_statement_has_its_own_address(report_data, signed_in):
    page = signed_in("committee_member", "KR").get("/sources/a/").content.decode()
    assert re.findall(r'<tr id="(A\d+)"', page) == [f"A{n}" for n in range(25)]


def cells(page, code):
    row = page[page.index(f'<tr id="{code}"') :]
    row = row[: row.index("</tr>")]
    plain = [
        re.sub(r"<[^>]*>", " ", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    ]
    return [" ".join(cell.split()) for cell in plain]


def test_statements_in_words(report_data, signed_in):
    page = signed_in("committee_member", "KR", language="en").get("/sources/a/").content.decode()
    assert cells(page, "A3")[:7] == [
        "A3",
        "Seoul",
        "Spending",
        "–",
        "Jan. 1, 2023 to Jan. 31, 2024",
        "₩56.3M rounded to ₩100,000",
        "2",
    ]
    assert cells(page, "A9")[:7] == ["A9", "Gyeonggi", "Users", "–", "Not given", "Undetermined", "–"]
    assert cells(page, "A8")[1:6] == [
        "16 metropolitan and provincial governments, all but Gyeonggi",
        "Users",
        "–",
        "Not given",
        "3,687",
    ]
    assert cells(page, "A15")[1:6] == [
        "All 17 metropolitan and provincial governments",
        "Governments subscribing",
        "ChatGPT",
        "Not given",
        "17",
    ]
    assert cells(page, "A19")[5] == "at least 1"
    assert cells(page, "A23")[1:6] == [
        "Each of: Seoul, Gyeonggi",
        "Distinct programs",
        "–",
        "Not given",
        "10",
    ]
    assert cells(page, "A24")[5] == "0"


def test_a_notice_has_a_day_and_no_value(report_data, signed_in):
    page = signed_in("committee_member", "KR", language="en").get("/sources/e2/").content.decode()
    assert cells(page, "E2")[2:7] == ["Notice given", "–", "Feb. 4, 2025", "Not applicable", "–"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("measure=spending", ["A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"]),
        ("measure=users&standing=stated", ["A8", "A10", "A11", "A12", "A13"]),
        ("standing=not_given", ["A7", "A14"]),
        ("standing=undetermined", ["A9"]),
        ("standing=withheld", []),
        ("standing=nonsense", []),
    ],
)
def test_filters(report_data, signed_in, query, expected):
    assert codes(signed_in("committee_member", "KR").get(f"/sources/a/?{query}")) == expected


def test_an_empty_result_offers_the_way_back(report_data, signed_in):
    page = (
        signed_in("committee_member", "KR", language="en")
        .get("/sources/a/?standing=withheld")
        .content.decode()
    )
    assert "No statement fits these filters." in page
    assert "Show all statements" in page


def test_a_source_without_statements_says_so(make_source, signed_in):
    make_source("x")
    page = signed_in("committee_member", "KR", language="en").get("/sources/x/").content.decode()
    assert "No statement of this source is recorded." in page
    assert "No policy cites this source." in page


def test_the_policies_that_cite_it(report_data, signed_in):
    client = signed_in("committee_member", "KR", language="en")
    citations = client.get("/sources/a/").context["citations"]
    assert [(c.policy, c.title, c.statements) for c in citations] == [
        ("deepseek-block", "DeepSeek is not used for official work", ["A24"])
    ]


def test_drafts_that_cite_it_are_not_told_of(report_data, signed_in):
    policy = Policy.objects.create(code="secret", owner_id=Policy.objects.first().owner_id)
    draft = PolicyVersion.objects.create(
        policy=policy,
        title_ko="초안",
        title_en="Draft",
        scope=policy.owner,
        effective_from="2026-01-01",
        effect="warn",
    )
    draft.cites.set(Statement.objects.filter(code="E1"))
    for client in (signed_in("committee_member", "KR"), signed_in("sysadmin")):
        assert [c.policy for c in client.get("/sources/e1/").context["citations"]] == ["deepseek-block"]


@pytest.mark.parametrize("sources", [1, 30])
def test_the_list_costs_the_same_for_any_number(make_source, signed_in, django_assert_num_queries, sources):
    report = Report.objects.create(code="r", title_ko="보고서", title_en="Report")
    for n in range(sources):
        make_source(f"s{n}", report=report)
    client = signed_in("committee_member", "KR")
    client.get("/sources/")
    with django_assert_num_queries(6):
        response = client.get("/sources/")
    assert len(codes(response)) == sources


@pytest.mark.parametrize("statements", [1, 30])
def test_a_source_costs_the_same_for_any_number(
    report_data, make_source, make_statement, signed_in, django_assert_num_queries, statements
):
    report = Report.objects.create(code="r", title_ko="보고서", title_en="Report")
    source, other = make_source("x", report=report), make_source("y", report=report)
    product = Statement.objects.get(code="A24").product
    for n in range(statements):
        make_statement(source, f"X{n}", product=product)
        make_statement(other, f"Y{n}", product=product)
    client = signed_in("committee_member", "KR")
    client.get("/sources/x/")
    with django_assert_num_queries(13):
        response = client.get("/sources/x/")
    assert len(codes(response)) == statements


def test_a_page_past_the_last_is_not_found(make_source, signed_in):
    for n in range(51):
        make_source(f"s{n:02}")
    client = signed_in("committee_member", "KR", language="en")
    table = client.get("/sources/?page=2").context["table"]
    assert [row.record.code for row in table.page.object_list] == ["s50"]
    past = client.get("/sources/?page=3")
    assert past.status_code == 404
    assert "This list has no such page." in past.content.decode()


def test_names_are_ordered_as_the_reader_reads_them(make_source, signed_in):
    make_source("one", label_ko="나", label_en="A")
    make_source("two", label_ko="가", label_en="B")
    assert codes(signed_in("committee_member", "KR").get("/sources/?sort=label")) == ["two", "one"]
    in_english = signed_in("committee_member", "KR", language="en")
    assert codes(in_english.get("/sources/?sort=label")) == ["one", "two"]


def test_text_is_shown_as_text(make_source, make_statement, signed_in):
    source = make_source("x", label_ko="<b>이름</b>", note_ko="<i>메모</i>")
    make_statement(source, "X1", text_ko="<script>alert(1)</script>", note_ko="<u>")
    page = signed_in("committee_member", "KR").get("/sources/x/").content.decode()
    assert "<b>이름" not in page
    assert "<i>메모" not in page
    assert "<script>alert" not in page
    assert "<u>" not in page


def test_a_source_leads_to_the_page_of_its_report(report_data, signed_in):
    client = signed_in("committee_member", "KR", language="en")
    address = "/reports/ai-subscriptions-2025/?source=a"
    for page in ("/sources/a/", "/sources/"):
        assert f'href="{address}"' in client.get(page).content.decode()
    assert "/reports/" not in client.get("/sources/e1/").content.decode()
    assert client.get(address).status_code == 200


def test_what_cannot_be_right_is_told_beside_the_figure(report_data, signed_in):
    """On the page of either source; what is not published yet flags nothing for those who may not read it."""
    load("other_sources")
    reason = (
        "To be checked Daejeon: ₩128,000 (C1b) for 275 users (A13) is about ₩465 for each. "
        "No subscription costs less than ₩1,000 a user."
    )
    reader = signed_in("committee_member", "KR", language="en")
    of_a, of_c = (reader.get(f"/sources/{code}/").content.decode() for code in "ac")
    assert cells(of_a, "A13")[5] == f"275 {reason}"
    assert cells(of_c, "C1b")[5] == f"₩128,000 rounded to ₩1,000 {reason}"
    assert (of_a.count("gt-flag"), of_c.count("gt-flag")) == (1, 1)
    Source.objects.filter(code="c").update(published_at=None)
    assert "gt-flag" not in reader.get("/sources/a/").content.decode()
    assert "gt-flag" in signed_in("sysadmin", language="en").get("/sources/a/").content.decode()


def test_very_many_statements_are_paged_and_not_held_against_each_other(
    make_source, make_statement, signed_in, monkeypatch
):
    monkeypatch.setattr("sources.views.STATEMENTS_PER_PAGE", 2)
    monkeypatch.setattr("sources.views.MOST_FLAGGED", 2)
    source = make_source("x")
    for n in range(3):
        make_statement(source, f"X{n}")
    client = signed_in("committee_member", "KR", language="en")
    pages = [client.get(f"/sources/x/?page={number}") for number in (1, 2)]
    assert [len(page.context["table"].page.object_list) for page in pages] == [2, 1]
    assert "not checked against each other" in pages[0].content.decode()
