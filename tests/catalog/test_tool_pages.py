"""The AI tools and what is known of them, as each reader finds them."""

import datetime
import re

import pytest
from django.utils import timezone

from catalog.describing import KnownFact, described
from catalog.models import Category, Certification, Product, Vendor

DAY = datetime.date(2026, 7, 1)
REPORTED = [
    "bluedot",
    "chatgpt",
    "claude",
    "clova-dubbing",
    "deepseek",
    "gamma",
    "midjourney",
    "perplexity",
    "suno",
]


def codes(response):
    """The codes of the tools in the page's table, in its order."""
    return [row.record.code for row in response.context["table"].rows]


def plain(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


@pytest.fixture
def make_tool(db):
    def make(code="x", country="KR", **fields):
        vendor, _ = Vendor.objects.get_or_create(
            code=fields.pop("vendor_code", f"{code}-maker"),
            defaults={"name_ko": f"{code} 회사", "name_en": f"{code} Inc.", "country": country},
        )
        return Product.objects.create(
            code=code, vendor=vendor, **{"name_ko": f"{code} 도구", "name_en": f"{code} tool", **fields}
        )

    return make


def certify(tool, valid_from, valid_until=None, scheme=Certification.Scheme.CSAP_LOW):
    return Certification.objects.create(
        product=tool, scheme=scheme, valid_from=valid_from, valid_until=valid_until, evidence="No. 1"
    )


@pytest.mark.parametrize(
    "role", ["administrator", "approver", "policy_officer", "committee_member", "sysadmin", None]
)
def test_everybody_reads_the_tools(report_data, signed_in, role):
    client = signed_in(role, "KR-49", language="en")
    assert codes(client.get("/catalog/")) == REPORTED
    assert client.get("/catalog/gamma/").context["tool"].code == "gamma"
    assert client.get("/catalog/nothing/").status_code == 404
    assert client.post("/catalog/").status_code == client.post("/catalog/gamma/").status_code == 405


def test_a_stranger_is_asked_to_sign_in(report_data, client):
    for address in ("/catalog/", "/catalog/gamma/"):
        assert client.get(address).url == f"/accounts/login/?next={address}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=conversational-ai", ["chatgpt", "deepseek"]),
        ("country=KR", ["bluedot", "clova-dubbing"]),
        ("country=CN", ["deepseek"]),
        ("country=unknown", []),
        ("country=KR&category=text-to-speech", ["clova-dubbing"]),
        ("reviewed=yes", REPORTED),
        ("reviewed=no", []),
        ("q=clova", ["clova-dubbing"]),
        ("q=네이버", ["clova-dubbing"]),
        ("q=딥시", ["deepseek"]),
        ("q=%25", []),
        ("q=_", []),
        ("category=nonsense", []),
        ("country=XX", []),
        ("q=a%00b", []),
        ("q=" + "a" * 101, []),
    ],
)
def test_filters(report_data, signed_in, query, expected):
    assert codes(signed_in("committee_member", "KR", language="en").get(f"/catalog/?{query}")) == expected


def test_a_vendor_whose_country_is_not_known_can_be_found(make_tool, signed_in):
    make_tool("placed")
    make_tool("unplaced", country=None)
    client = signed_in("committee_member", "KR", language="en")
    assert codes(client.get("/catalog/?country=unknown")) == ["unplaced"]
    assert "unplaced tool unplaced Inc. Not known Not known" in plain(client.get("/catalog/"))


def test_a_proposed_tool_is_marked_and_names_its_proposer(make_tool, make_user, signed_in):
    proposer = make_user("administrator", "KR-49", username="kim", first_name="Min", last_name="Kim")
    make_tool("new", proposed_by=proposer)
    client = signed_in("committee_member", "KR", language="en")
    assert codes(client.get("/catalog/?reviewed=no")) == ["new"]
    page = plain(client.get("/catalog/new/"))
    assert "This tool was proposed and is not reviewed yet." in page
    assert "Proposed by Min Kim" in page


def test_who_proposed_a_tool_is_told_to_those_who_see_that_agency(make_tool, make_user, signed_in):
    make_tool("new", proposed_by=make_user("administrator", "KR-49", first_name="Min", last_name="Kim"))
    for role, agency, sees in [
        ("approver", "KR-49", True),
        ("policy_officer", "KR", True),
        ("sysadmin", None, True),
        ("administrator", "KR-11", False),
        (None, None, False),
    ]:
        page = plain(signed_in(role, agency, language="en").get("/catalog/new/"))
        assert ("Min Kim" in page) is sees, role
        assert "This tool was proposed and is not reviewed yet." in page


def test_names_are_ordered_as_the_reader_reads_them(make_tool, signed_in):
    make_tool("one", name_ko="나", name_en="A")
    make_tool("two", name_ko="가", name_en="B")
    korean, english = (signed_in("committee_member", "KR", language=language) for language in ("ko", "en"))
    assert codes(korean.get("/catalog/")) == codes(korean.get("/catalog/?sort=name")) == ["two", "one"]
    assert codes(english.get("/catalog/?sort=name")) == ["one", "two"]
    assert codes(english.get("/catalog/?sort=-name")) == ["two", "one"]
    for column in ("vendor", "country", "category", "reviewed", "facts", "nonsense"):
        assert sorted(codes(english.get(f"/catalog/?sort=-{column}"))) == ["one", "two"]


def test_of_a_reported_tool_only_what_the_report_tells_is_known(report_data, in_english):
    unknown = [
        KnownFact("Processing regions", "unknown"),
        KnownFact("Inputs train models", "unknown"),
        KnownFact("Certifications", "unknown"),
    ]
    assert described(Product.objects.get(code="claude"), DAY) == [
        KnownFact("Country of jurisdiction", "known", "United States of America"),
        KnownFact("Models inside", "known", "Its vendor's own models alone"),
        *unknown,
    ]
    assert described(Product.objects.get(code="gamma"), DAY) == [
        KnownFact("Country of jurisdiction", "known", "United States of America"),
        KnownFact("Models inside", "unknown"),
        *unknown,
    ]


def facts(tool, on=DAY):
    return {str(fact.label): (fact.state, fact.text) for fact in described(tool, on)}


@pytest.mark.parametrize(
    ("fields", "label", "expected"),
    [
        ({"trains_on_inputs": True}, "Inputs train models", ("known", "Yes")),
        ({"trains_on_inputs": False}, "Inputs train models", ("known", "No")),
        (
            {"processing_regions": ["KR", "US"]},
            "Processing regions",
            ("partly", "South Korea, United States of America"),
        ),
        (
            {"processing_regions": ["KR"], "regions_known": True},
            "Processing regions",
            ("known", "South Korea"),
        ),
        ({"regions_known": True}, "Processing regions", ("known", "None")),
        ({"certifications_known": True}, "Certifications", ("known", "None in force")),
        ({"engines_known": True}, "Models inside", ("known", "Its vendor's own models alone")),
    ],
)
def test_facts_in_words(make_tool, in_english, fields, label, expected):
    assert facts(make_tool(**fields))[label] == expected


def test_models_inside_are_known_only_when_they_are_at_every_step(make_tool, in_english):
    inner = make_tool("inner")
    middle = make_tool("middle", engines_known=True)
    outer = make_tool("outer", engines_known=True)
    middle.engines.set([inner])
    outer.engines.set([middle])
    assert facts(outer)["Models inside"] == ("partly", "inner tool, middle tool")
    Product.objects.filter(code="inner").update(engines_known=True)
    assert facts(outer)["Models inside"] == ("known", "inner tool, middle tool")


def test_the_list_counts_what_is_known_in_the_same_way(make_tool, signed_in):
    inner = make_tool("inner")
    outer = make_tool("outer", engines_known=True, trains_on_inputs=False)
    outer.engines.set([inner])
    page = plain(signed_in("committee_member", "KR", language="en").get("/catalog/?q=outer"))
    assert "2 of 5 Not known: Models inside, Processing regions, Certifications" in page


@pytest.mark.parametrize(
    ("first", "last", "in_force"),
    [
        ("2026-07-01", None, True),
        ("2026-07-02", None, False),
        ("2026-01-01", "2026-07-01", True),
        ("2026-01-01", "2026-06-30", False),
    ],
)
def test_a_certification_counts_while_it_is_in_force(make_tool, in_english, first, last, in_force):
    tool = make_tool(certifications_known=True)
    certify(tool, first, last)
    until = {None: "", "2026-07-01": " until July 1, 2026"}.get(last, "")
    expected = f"CSAP low grade{until}" if in_force else "None in force"
    assert facts(Product.objects.get(code="x"))["Certifications"] == ("known", expected)


def test_certifications_of_all_times_are_listed(make_tool, signed_in):
    tool = make_tool()
    today = timezone.localdate()
    old, new = certify(tool, "2020-01-01", "2021-01-01"), certify(tool, today, scheme="isms-p")
    response = signed_in("committee_member", "KR").get("/catalog/x/")
    assert response.context["certifications"] == [(old, False), (new, True)]


def test_tools_that_run_its_models_are_linked(make_tool, signed_in):
    engine, outer = make_tool("engine"), make_tool("outer")
    outer.engines.set([engine])
    page = signed_in("committee_member", "KR", language="en").get("/catalog/engine/").content.decode()
    assert '<a href="/catalog/outer/">outer tool</a>' in page


def test_its_subscriptions_are_one_step_away(report_data, signed_in):
    page = signed_in("committee_member", "KR").get("/catalog/chatgpt/").content.decode()
    assert 'href="/subscriptions/?product=chatgpt"' in page


def test_empty_states(signed_in, db):
    client = signed_in("committee_member", "KR", language="en")
    assert "No tool is recorded yet." in plain(client.get("/catalog/"))
    assert "No tool fits these filters." in plain(client.get("/catalog/?q=x"))


@pytest.mark.parametrize("tools", [1, 30])
def test_the_list_costs_the_same_for_any_number(make_tool, signed_in, django_assert_num_queries, tools):
    category = Category.objects.create(code="c", name_ko="분류", name_en="Category")
    for n in range(tools):
        tool = make_tool(f"t{n}", category=category, country="US" if n % 2 else "KR")
        certify(tool, "2020-01-01")
        tool.engines.set(Product.objects.exclude(pk=tool.pk)[:2])
    client = signed_in("committee_member", "KR")
    client.get("/catalog/")
    with django_assert_num_queries(10):
        response = client.get("/catalog/")
    assert len(codes(response)) == tools


@pytest.mark.parametrize("others", [1, 30])
def test_a_tool_costs_the_same_for_any_number_of_facts(
    make_tool, signed_in, django_assert_num_queries, others
):
    tool = make_tool("tool")
    for n in range(others):
        other = make_tool(f"t{n}")
        other.engines.add(tool)
        tool.engines.add(make_tool(f"e{n}"))
        certify(tool, datetime.date(2020, 1, 1) + datetime.timedelta(days=n))
    client = signed_in("committee_member", "KR")
    client.get("/catalog/tool/")
    with django_assert_num_queries(10):
        client.get("/catalog/tool/")


def test_a_page_past_the_last_is_not_found(make_tool, signed_in):
    for n in range(51):
        make_tool(f"t{n:02}", name_ko=f"{n:02}")
    client = signed_in("committee_member", "KR", language="en")
    table = client.get("/catalog/?page=2").context["table"]
    assert [row.record.code for row in table.page.object_list] == ["t50"]
    past = client.get("/catalog/?page=3")
    assert past.status_code == 404
    assert "This list has no such page." in past.content.decode()


def test_text_is_shown_as_text(make_tool, signed_in):
    make_tool(name_ko="<b>굵게</b>")
    client = signed_in("committee_member", "KR")
    for address in ("/catalog/", "/catalog/x/"):
        assert "<b>굵게" not in client.get(address).content.decode()
