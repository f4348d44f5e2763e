"""The policies and their versions, as each reader finds them."""

import datetime
import html
import re

import pytest
from django.utils import timezone

from agencies.models import Role
from policies.models import Condition, Policy, PolicyVersion, Waiver
from policies.reading import condition_groups, state_on, version_to_show, waiver_state_on
from sources.models import Source, Statement

DEMONSTRATED = ["cost-over-50m", "deepseek-block", "personal-data-certified", "seats-without-owner"]
DAY = datetime.date(2026, 7, 1)
BEFORE, AFTER = DAY - datetime.timedelta(days=1), DAY + datetime.timedelta(days=1)


def codes(response):
    """The codes of the policies in the page's table, in its order."""
    return [row.record.code for row in response.context["table"].rows]


def plain(response):
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


@pytest.fixture
def make_version(make_agency):
    def make(code="rule", number=1, status="in_force", effective_from="2025-01-01", owner="KR", **fields):
        agency = make_agency(owner)
        policy, _ = Policy.objects.get_or_create(code=code, defaults={"owner": agency})
        texts = {"title_ko": f"{code} {number}판", "title_en": f"{code} version {number}", "effect": "warn"}
        return PolicyVersion.objects.create(
            policy=policy,
            number=number,
            status=status,
            scope=agency,
            effective_from=effective_from,
            **{**texts, **fields},
        )

    return make


@pytest.fixture
def make_waiver(make_agency, make_user):
    def make(policy, agency="KR-49", **fields):
        given = {
            "valid_from": "2026-01-01",
            "valid_until": "2099-12-31",
            "reason": f"reason of {agency}",
            **fields,
        }
        return Waiver.objects.create(
            policy=policy, agency=make_agency(agency), requested_by=make_user(), **given
        )

    return make


@pytest.mark.parametrize(
    "role", ["administrator", "approver", "policy_officer", "committee_member", "sysadmin", None]
)
def test_everybody_reads_the_policies(report_data, signed_in, role):
    client = signed_in(role, "KR-49")
    assert codes(client.get("/policies/")) == DEMONSTRATED
    for code in DEMONSTRATED:
        assert client.get(f"/policies/{code}/").context["version"].policy.code == code
    assert client.get("/policies/nothing/").status_code == 404
    assert (
        client.post("/policies/").status_code == client.post("/policies/deepseek-block/").status_code == 405
    )


def test_a_stranger_is_asked_to_sign_in(report_data, client):
    for address in ("/policies/", "/policies/deepseek-block/"):
        assert client.get(address).url == f"/accounts/login/?next={address}"


@pytest.mark.parametrize(
    ("role", "agency", "sees"),
    [
        ("policy_officer", "KR", ["draft", "draft-of-jeju", "rule"]),
        ("policy_officer", "KR-49", ["draft-of-jeju", "rule"]),
        ("policy_officer", "KR-11", ["rule"]),
        ("sysadmin", None, ["draft", "draft-of-jeju", "rule"]),
        ("administrator", "KR", ["rule"]),
        ("approver", "KR", ["rule"]),
        ("committee_member", "KR", ["rule"]),
        (None, None, ["rule"]),
    ],
)
def test_a_draft_is_read_by_the_policy_officers_of_its_owner(make_version, signed_in, role, agency, sees):
    make_version("rule")
    make_version("rule", number=2, status="draft")
    make_version("draft", status="draft")
    make_version("draft-of-jeju", status="draft", owner="KR-49")
    client = signed_in(role, agency)
    assert codes(client.get("/policies/")) == sees
    for code in ("draft", "draft-of-jeju"):
        assert client.get(f"/policies/{code}/").status_code == (200 if code in sees else 404)
    drafts_in_sight = "draft" in sees
    page = client.get("/policies/rule/")
    assert [version.number for version, _ in page.context["versions"]] == ([2, 1] if drafts_in_sight else [1])
    assert page.context["version"].number == 1
    assert client.get("/policies/rule/?version=2").status_code == (200 if drafts_in_sight else 404)


def test_any_version_can_be_asked_for(make_version, signed_in):
    make_version(number=1, status="retired", effective_until="2025-12-31")
    make_version(number=2, effective_from="2026-01-01")
    client = signed_in("committee_member", "KR", language="en")
    assert client.get("/policies/rule/").context["version"].number == 2
    assert "rule version 1" in plain(client.get("/policies/rule/?version=1"))
    for number in ("3", "x", "01", "-1"):
        assert client.get(f"/policies/rule/?version={number}").status_code == 404


def test_which_version_is_shown(make_version):
    drafted = make_version(number=4, status="draft")
    retired = make_version(number=1, status="retired", effective_until="2025-06-30")
    ended = make_version(number=2, effective_from="2025-07-01", effective_until=str(BEFORE))
    coming = make_version(number=3, effective_from=str(DAY))
    for version in (drafted, retired, ended, coming):
        version.refresh_from_db()
    assert version_to_show([drafted], DAY) == drafted
    assert version_to_show([drafted, retired], DAY) == retired
    assert version_to_show([drafted, ended, retired], DAY) == ended
    everything = [drafted, coming, ended, retired]
    assert version_to_show(everything, BEFORE) == ended
    assert version_to_show(everything, DAY) == coming
    assert version_to_show([drafted, coming], BEFORE) == coming


@pytest.mark.parametrize(
    ("status", "first", "last", "state"),
    [
        ("draft", BEFORE, None, "draft"),
        ("retired", BEFORE, None, "retired"),
        ("in_force", BEFORE, None, "in_force"),
        ("in_force", DAY, DAY, "in_force"),
        ("in_force", AFTER, None, "pending"),
        ("in_force", BEFORE, BEFORE, "ended"),
    ],
)
def test_how_a_version_stands_on_a_day(status, first, last, state):
    version = PolicyVersion(status=status, effective_from=first, effective_until=last)
    assert state_on(version, DAY).code == state


@pytest.mark.parametrize(
    ("status", "first", "last", "state"),
    [
        ("requested", BEFORE, AFTER, "requested"),
        ("refused", BEFORE, AFTER, "refused"),
        ("revoked", BEFORE, AFTER, "ended"),
        ("granted", DAY, DAY, "waived"),
        ("granted", AFTER, AFTER, "pending"),
        ("granted", BEFORE, BEFORE, "ended"),
    ],
)
def test_how_a_waiver_stands_on_a_day(status, first, last, state):
    assert waiver_state_on(Waiver(status=status, valid_from=first, valid_until=last), DAY).code == state


def test_conditions_in_sentences(report_data, in_english):
    def groups(code):
        return condition_groups(PolicyVersion.objects.get(policy__code=code))

    assert groups("deepseek-block") == [
        [
            "vendor is one of DeepSeek",
            "AI tool is one of DeepSeek",
            "vendor of the models inside is one of DeepSeek",
        ]
    ]
    assert groups("personal-data-certified") == [
        ["highest data class is more than Open (O)", "personal data is yes"],
        [
            "certification in force is none of CSAP high grade, CSAP medium grade, CSAP low grade, ISMS-P,"
            " ISO/IEC 27001, SOC 2 Type II"
        ],
    ]
    assert groups("cost-over-50m") == [["annual cost is more than ₩50,000,000"]]
    assert groups("seats-without-owner") == [["seats is more than 100"], ["owner department named is no"]]


def test_conditions_on_the_page(report_data, signed_in):
    client = signed_in("committee_member", "KR", language="en")
    assert (
        "A subscription violates this policy when any of these holds: vendor is one of DeepSeek AI tool is"
        in plain(client.get("/policies/deepseek-block/"))
    )
    assert "when all of these hold: any of these: highest data class" in plain(
        client.get("/policies/personal-data-certified/")
    )
    assert "when this holds: annual cost is more than ₩50,000,000" in plain(
        client.get("/policies/cost-over-50m/")
    )


def test_a_demonstration_policy_says_so(report_data, make_version, signed_in):
    make_version("serious")
    client = signed_in("committee_member", "KR", language="en")
    for code in DEMONSTRATED:
        assert "This is a demonstration policy." in plain(client.get(f"/policies/{code}/"))
    assert "demonstration policy" not in plain(client.get("/policies/serious/"))
    assert plain(client.get("/policies/")).count(" Demonstration ") == len(DEMONSTRATED)


def test_the_legal_basis_leads_to_the_statements(report_data, signed_in):
    response = signed_in("committee_member", "KR").get("/policies/deepseek-block/")
    links = re.findall(r'href="(/sources/[^"]+)"', response.content.decode())
    assert links == ["/sources/a/#A24", "/sources/e1/#E1", "/sources/e2/#E2"]


def test_a_statement_that_is_not_published_is_not_cited_openly(report_data, signed_in):
    Source.objects.filter(code="e1").update(published_at=None)
    officer, sysadmin = signed_in("policy_officer", "KR"), signed_in("sysadmin")
    assert [s.code for s in officer.get("/policies/deepseek-block/").context["citations"]] == ["A24", "E2"]
    assert [s.code for s in sysadmin.get("/policies/deepseek-block/").context["citations"]] == [
        "A24",
        "E1",
        "E2",
    ]
    assert Statement.objects.get(code="E1").text not in plain(officer.get("/policies/deepseek-block/"))


@pytest.mark.parametrize(
    ("role", "agency", "sees"),
    [
        ("policy_officer", "KR", ["KR-11", "KR-49"]),
        ("committee_member", "KR-49", ["KR-49"]),
        ("administrator", "KR-11", ["KR-11"]),
        ("administrator", "KR-26", []),
        ("sysadmin", None, ["KR-11", "KR-49"]),
    ],
)
def test_waivers_are_seen_by_those_who_see_their_agency(
    report_data, make_waiver, signed_in, role, agency, sees
):
    policy = Policy.objects.get(code="deepseek-block")
    for code in ("KR-11", "KR-49"):
        make_waiver(policy, code)
    make_waiver(Policy.objects.get(code="cost-over-50m"), "KR-49", reason="of another policy")
    response = signed_in(role, agency).get("/policies/deepseek-block/")
    assert sorted(row.record.agency.code for row in response.context["waivers"].rows) == sees
    page = plain(response)
    assert [code for code in ("KR-11", "KR-49") if f"reason of {code}" in page] == sees
    assert "of another policy" not in page


def test_who_has_no_role_is_told_of_no_waivers(report_data, make_waiver, signed_in):
    make_waiver(Policy.objects.get(code="deepseek-block"))
    page = plain(signed_in(language="en").get("/policies/deepseek-block/"))
    assert "Waivers" not in page
    assert "reason of" not in page


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_policy_in_the_readers_language(report_data, signed_in, language):
    version = PolicyVersion.objects.get(policy__code="deepseek-block")
    page = plain(signed_in("committee_member", "KR", language=language).get("/policies/deepseek-block/"))
    for part in ("title", "rationale", "authority", "legal_basis", "remedy"):
        assert getattr(version, f"{part}_{language}") in page


def test_what_is_not_given_says_so(make_version, signed_in):
    make_version()
    page = plain(signed_in("committee_member", "KR", language="en").get("/policies/rule/"))
    assert "Legal basis Not given" in page
    assert "What can be done Not given" in page
    assert "No condition is set, so nothing violates it." in page
    assert "In force until No end set" in page


def test_text_is_shown_as_text(make_version, make_waiver, signed_in):
    version = make_version(title_ko="<b>제목</b>", legal_basis_ko="<i>근거</i>", remedy_ko="<u>조치</u>")
    make_waiver(version.policy, reason="<s>사유</s>")
    client = signed_in("committee_member", "KR")
    for address in ("/policies/", "/policies/rule/"):
        assert re.findall(r"<[bius]>", client.get(address).content.decode()) == []


@pytest.mark.parametrize("policies", [1, 30])
def test_the_list_costs_the_same_for_any_number(make_version, signed_in, django_assert_num_queries, policies):
    for n in range(policies):
        make_version(f"rule-{n}", status="retired", effective_until="2025-12-31")
        make_version(f"rule-{n}", number=2, effective_from="2026-01-01")
    client = signed_in(Role.POLICY_OFFICER, "KR")
    client.get("/policies/")
    with django_assert_num_queries(9):
        response = client.get("/policies/")
    assert len(codes(response)) == policies


@pytest.mark.parametrize("rows", [1, 19])
def test_a_policy_costs_the_same_for_any_number_of_parts(
    report_data, make_version, make_waiver, signed_in, django_assert_num_queries, rows
):
    version = PolicyVersion.objects.get(policy__code="deepseek-block")
    today = timezone.localdate()
    for n in range(rows):
        make_version("deepseek-block", number=n + 2, status="retired", effective_until=str(today))
        make_waiver(version.policy, "KR-49")
        Condition.objects.create(
            version=version, position=n + 10, group=n, fact="vendor", operator="is", values=["openai"]
        )
    client = signed_in("committee_member", "KR")
    client.get("/policies/deepseek-block/")
    with django_assert_num_queries(13):
        page = client.get("/policies/deepseek-block/")
    assert len(page.context["versions"]) == rows + 1
    assert len(page.context["waivers"].rows) == rows


def test_a_page_past_the_last_is_not_found(make_version, signed_in):
    for n in range(51):
        make_version(f"rule-{n:02}")
    client = signed_in("committee_member", "KR", language="en")
    table = client.get("/policies/?page=2").context["table"]
    assert [row.record.code for row in table.page.object_list] == ["rule-50"]
    past = client.get("/policies/?page=3")
    assert past.status_code == 404
    assert "This list has no such page." in past.content.decode()
