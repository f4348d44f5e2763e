"""The life of a policy in its pages: put into force by a second officer, replaced, retired, thrown away, compared, listed."""

import datetime
import html
import re

import pytest
from django.utils import timezone

from agencies.models import Recheck
from policies.comparing import points, words
from policies.models import Policy, PolicyVersion
from policies.reading import version_to_show, versions_readable_by, with_shown
from sources.models import Statement
from tests.policies.test_writing import conditions_of, filled, plain

NEW, PAGE = "/policies/new/", "/policies/rule/"
REASON = {"reason": "Decided in the meeting"}


def day(days=0):
    return timezone.localdate() + datetime.timedelta(days=days)


def act(client, number, name, **data):
    return client.post(f"{PAGE}versions/{number}/{name}/", {**REASON, **data})


def version(number):
    return PolicyVersion.objects.get(policy__code="rule", number=number)


def actions(client, number):
    page = client.get(f"{PAGE}?version={number}").content.decode()
    return re.findall(rf'href="{PAGE}(?:versions/{number}/)?((?:what-if|edit|[a-z-]+)(?:/{number})?)/"', page)


@pytest.fixture
def officer(report_data, signed_in):
    return signed_in("policy_officer", "KR", language="en")


@pytest.fixture
def second(report_data, signed_in):
    return signed_in("policy_officer", "KR", language="en")


@pytest.fixture
def draft(officer):
    officer.post(NEW, filled())
    return version(1)


@pytest.fixture
def in_force(draft, second):
    assert act(second, 1, "put-into-force").status_code == 302
    return version(1)


def test_one_does_not_put_the_own_draft_into_force(officer, second, draft):
    assert actions(officer, 1) == ["edit", "what-if/1", "discard"]
    assert "two persons answer for each policy" in plain(officer.get(f"{PAGE}?version=1"))
    assert "two persons answer for each policy" in plain(officer.get(f"{PAGE}versions/1/put-into-force/"))
    refused = act(officer, 1, "put-into-force")
    assert refused.context["form"].non_field_errors() == [
        "Another policy officer than the one who drafted it puts a policy into force."
    ]
    assert version(1).status == "draft"
    assert actions(second, 1) == ["edit", "what-if/1", "put-into-force", "discard"]
    assert act(second, 1, "put-into-force").url == f"{PAGE}?version=1"
    assert version(1).status == "in_force"
    assert Recheck.objects.filter(about="policy", code="rule").count() <= 1


def test_without_the_two_person_rule_one_officer_is_enough(officer, draft, settings):
    settings.POLICY_TWO_PERSON_RULE = False
    assert actions(officer, 1) == ["edit", "what-if/1", "put-into-force", "discard"]
    assert "two persons" not in plain(officer.get(f"{PAGE}?version=1"))
    assert act(officer, 1, "put-into-force").status_code == 302
    assert version(1).status == "in_force"


def test_who_edits_a_draft_last_made_it(officer, second, draft):
    opened = second.get(f"{PAGE}versions/1/edit/").context["form"]["opened"].value()
    second.post(f"{PAGE}versions/1/edit/", filled(title_en="Mine now", opened=opened))
    assert act(second, 1, "put-into-force").status_code == 200
    assert act(officer, 1, "put-into-force").status_code == 302


@pytest.mark.parametrize("name", ["put-into-force", "revise", "retire", "discard"])
def test_every_step_needs_a_reason(officer, second, draft, name):
    if name in ("revise", "retire"):
        act(second, 1, "put-into-force")
    before = list(PolicyVersion.objects.values_list("pk", "status"))
    address = f"{PAGE}versions/1/{name}/"
    assert second.get(address).status_code == 200
    for reason in ("", "   ", "x" * 101):
        answer = second.post(address, {"reason": reason, "last_day": str(day())})
        assert list(answer.context["form"].errors) == ["reason"]
    assert list(PolicyVersion.objects.values_list("pk", "status")) == before


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("draft", {"put-into-force", "discard"}),
        ("in_force", {"revise", "retire"}),
        ("retired", {"revise"}),
    ],
)
def test_only_the_steps_of_the_state(second, draft, state, allowed):
    PolicyVersion.objects.update(status=state)
    found = {
        name
        for name in ("put-into-force", "revise", "retire", "discard")
        if second.get(f"{PAGE}versions/1/{name}/").status_code == 200
    }
    assert found == allowed
    assert set(actions(second, 1)) - {"edit", "what-if/1"} == allowed
    assert second.get(f"{PAGE}versions/1/nonsense/").status_code == 404
    assert second.get(f"{PAGE}versions/1/edit/").status_code == (200 if state == "draft" else 403)


def test_a_draft_of_the_past_is_not_put_into_force(second, draft):
    PolicyVersion.objects.filter(pk=draft.pk).update(effective_from=day(-1))
    answer = act(second, 1, "put-into-force")
    assert answer.context["form"].non_field_errors() == [
        "A policy does not take effect in the past. Change its first day in the draft."
    ]


def test_a_new_version_ends_the_one_before_it_the_day_before(officer, second, in_force):
    answer = act(officer, 1, "revise")
    assert answer.url == f"{PAGE}versions/2/edit/"
    drafted = version(2)
    assert (drafted.status, drafted.effective_from, drafted.drafted_by) == ("draft", day(1), officer.user)
    assert conditions_of(drafted) == conditions_of(in_force)
    opened = officer.get(answer.url).context["form"]["opened"].value()
    changed = filled(
        (1, "seats", "more_than", [50]), title_en="Stricter", effective_from=str(day(10)), opened=opened
    )
    assert officer.post(answer.url, changed).status_code == 302
    told = plain(second.get(f"{PAGE}versions/2/put-into-force/"))
    assert "Version 1, in force until then, ends on" in told
    assert act(second, 2, "put-into-force").status_code == 302
    one, two = version(1), version(2)
    assert (one.status, one.effective_until, one.title_en) == ("in_force", day(9), "Rule")
    assert (two.status, two.effective_from, two.effective_until) == ("in_force", day(10), None)
    assert conditions_of(one) == [(1, "seats", "more_than", [100])]
    # Before its first day the one before is shown; the one to come leads to its what-if.
    assert officer.get(PAGE).context["version"] == one
    assert actions(officer, 2) == ["what-if/2", "revise", "retire"]
    assert actions(officer, 1) == ["revise", "retire"]
    assert "Replaced by version 2" in plain(officer.get(f"{PAGE}?version=1"))


def test_a_version_that_would_start_before_one_to_come_is_refused(officer, second, in_force):
    act(officer, 1, "revise")
    PolicyVersion.objects.filter(policy__code="rule", number=1).update(effective_from=day(5))
    answer = act(second, 2, "put-into-force")
    assert answer.context["form"].non_field_errors() == [
        "Version 1 takes effect later already. Retire it first."
    ]


def test_retiring(officer, in_force):
    early = act(officer, 1, "retire", last_day=str(day(-2)))
    assert early.context["form"].non_field_errors() == [
        "The last day cannot be earlier than yesterday: verdicts were given under this version."
    ]
    assert list(act(officer, 1, "retire", last_day="").context["form"].errors) == ["last_day"]
    assert act(officer, 1, "retire", last_day=str(day(3))).status_code == 302
    assert (version(1).status, version(1).effective_until) == ("in_force", day(3))
    assert act(officer, 1, "retire", last_day=str(day(-1))).status_code == 302
    assert version(1).status == "retired"


def test_throwing_a_draft_away(officer, second, in_force):
    act(officer, 1, "revise")
    assert act(second, 2, "discard").url == f"{PAGE}?version=1"
    assert [v.number for v in PolicyVersion.objects.filter(policy__code="rule")] == [1]
    gone = PolicyVersion.history.filter(history_type="-").get()
    assert (gone.history_user, gone.history_change_reason) == (second.user, REASON["reason"])


def test_a_policy_that_never_was_goes_with_its_only_draft(officer, draft):
    assert act(officer, 1, "discard").url == "/policies/"
    assert not Policy.objects.filter(code="rule").exists()


def test_the_steps_are_told_with_who_and_why(officer, second, in_force):
    act(officer, 1, "retire", last_day=str(day(3)), reason="No longer needed")
    steps = officer.get(f"{PAGE}?version=1").context["steps"]
    assert [(step.what.split(":")[0].split(" from")[0], step.who, step.why) for step in steps] == [
        ("Last day in force", officer.user, "No longer needed"),
        ("Put into force", second.user, REASON["reason"]),
        ("Drafted", officer.user, "Asked for by the committee"),
    ]


def test_a_draft_with_statements_is_one_step(officer):
    officer.post(NEW, filled(cites=[Statement.objects.first().pk]))
    assert [step.what for step in officer.get(f"{PAGE}?version=1").context["steps"]] == ["Drafted"]


def test_readers_are_offered_no_step(in_force, signed_in):
    for role in ("administrator", "committee_member", None):
        client = signed_in(role, "KR")
        assert actions(client, 1) == []
        assert client.get(f"{PAGE}versions/1/retire/").status_code == 403
        assert act(client, 1, "retire", last_day=str(day())).status_code == 403
    assert version(1).effective_until is None


# --- side by side -----------------------------------------------------------------------------------------------------


def test_words_that_differ():
    found = words("Title", "Up to 100 seats each", "Up to 50 seats each")
    assert [(piece.kind, piece.text) for piece in found.before] == [
        ("same", "Up to "),
        ("removed", "100"),
        ("same", " seats each"),
    ]
    assert [(piece.kind, piece.text) for piece in found.after] == [
        ("same", "Up to "),
        ("added", "50"),
        ("same", " seats each"),
    ]
    assert found.changed
    assert not words("Title", "Same", "Same").changed
    whole = words("Title", "Nothing in common", "Other words altogether here")
    assert [(piece.kind, piece.text) for piece in whole.before] == [("removed", "Nothing in common")]
    assert words("Title", "", "New").before == []


def test_points_that_differ_whatever_their_order():
    assert not points("Conditions", ["a", "b"], ["b", "a"]).changed
    found = points("Conditions", ["a", "b"], ["b", "c"])
    assert [(piece.kind, piece.text) for piece in found.before] == [("removed", "a"), ("same", "b")]
    assert [(piece.kind, piece.text) for piece in found.after] == [("same", "b"), ("added", "c")]


def test_two_versions_side_by_side(officer, second, in_force):
    act(officer, 1, "revise")
    opened = officer.get(f"{PAGE}versions/2/edit/").context["form"]["opened"].value()
    changed = filled(
        (1, "seats", "more_than", [100]),
        (1, "annual_cost", "more_than", [5_000_000]),
        title_en="Stricter rule",
        effect="warn",
        effective_from=str(day()),
        opened=opened,
    )
    assert officer.post(f"{PAGE}versions/2/edit/", changed).status_code == 302
    page = officer.get(f"{PAGE}compare/?from=1&to=2")
    assert [d.label for d in page.context["differences"] if d.changed] == [
        "Title in English",
        "Effect",
        "Conditions of a violation",
    ]
    text = plain(page)
    assert "3 of 18 fields differ" in text
    assert text.count(" Changed ") == 3
    assert "put in: Group 1: annual cost is more than ₩5,000,000" in text
    # Without a choice, the latest and the one before it; the other way round too.
    assert [officer.get(f"{PAGE}compare/").context[side].number for side in ("earlier", "later")] == [1, 2]
    assert officer.get(f"{PAGE}compare/?from=2&to=1").context["changed"] == 3
    for query in ("from=1&to=3", "from=x&to=2"):
        assert officer.get(f"{PAGE}compare/?{query}").status_code == 404


def test_a_draft_is_compared_by_those_who_may_read_it(officer, in_force, signed_in):
    act(officer, 1, "revise")
    reader = signed_in("committee_member", "KR")
    assert reader.get(f"{PAGE}compare/?from=1&to=2").status_code == 404
    assert reader.get(f"{PAGE}compare/").context["changed"] == 0
    assert reader.get("/policies/nothing/compare/").status_code == 404


# --- the list ---------------------------------------------------------------------------------------------------------


def listed(client, **query):
    return [row.record.code for row in client.get("/policies/", query).context["table"].rows]


DEMONSTRATED = ["cost-over-50m", "deepseek-block", "personal-data-certified", "seats-without-owner"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [*DEMONSTRATED[:3], "rule", DEMONSTRATED[3]]),
        ({"state": "draft"}, ["rule"]),
        ({"state": "in_force"}, DEMONSTRATED),
        ({"state": "pending"}, []),
        ({"state": "ended"}, []),
        ({"effect": "warn"}, ["seats-without-owner"]),
        ({"fact": "vendor"}, ["deepseek-block"]),
        ({"fact": "seats"}, ["rule", "seats-without-owner"]),
        ({"fact": "seats", "state": "in_force"}, ["seats-without-owner"]),
        ({"q": "deepseek"}, ["deepseek-block"]),
        ({"q": "딥시크"}, ["deepseek-block"]),
        ({"q": "nothing like it"}, []),
        ({"agency": "KR-49"}, [*DEMONSTRATED[:3], "rule", DEMONSTRATED[3]]),
        ({"agency": "KR-11"}, DEMONSTRATED),
        ({"effect": "nonsense"}, []),
        ({"agency": "nonsense"}, []),
        ({"sort": "-title"}, None),
    ],
)
def test_filters(officer, query, found):
    officer.post(NEW, filled(scope="KR-49"))
    codes = listed(officer, **query)
    if found is None:
        page = officer.get("/policies/", query).context["table"]
        titles = [row.record.shown_title for row in page.rows]
        assert titles == sorted(titles, reverse=True)
    else:
        assert codes == found


def test_drafts_are_listed_for_officers_only(draft, officer, signed_in):
    assert "rule" in listed(officer)
    for role in ("administrator", "committee_member", None):
        assert listed(signed_in(role, "KR")) == DEMONSTRATED
        assert listed(signed_in(role, "KR"), state="draft") == []
        assert listed(signed_in(role, "KR"), fact="seats") == ["seats-without-owner"]


def test_a_draft_of_a_policy_in_force_is_told_in_its_row(officer, in_force, signed_in):
    act(officer, 1, "revise")
    assert "Draft of version 2" in plain(officer.get("/policies/"))
    assert "Draft of version" not in plain(
        signed_in("committee_member", "KR", language="en").get("/policies/")
    )


def test_the_list_sorts_by_the_version_that_it_shows(officer, second, in_force):
    """The database picks the same version to sort by as `version_to_show` picks to show."""
    act(officer, 1, "revise")
    for days, state in [(0, "in_force"), (20, "in_force"), (0, "retired"), (0, "draft")]:
        PolicyVersion.objects.filter(policy__code="rule", number=1).update(
            status=state, effective_from=day(days), effective_until=None
        )
        for readable in (versions_readable_by(officer.user), PolicyVersion.objects.readable()):
            for policy in with_shown(Policy.objects.all(), readable, day()):
                shown = version_to_show(list(readable.filter(policy=policy)), day())
                assert policy.shown_from == shown.effective_from, (policy, state)
                assert policy.shown_title == shown.title


def test_the_pages_cost_the_same_for_any_number_of_versions(officer, in_force, django_assert_max_num_queries):
    for _n in range(6):
        act(officer, 1, "revise")
    officer.get(PAGE)
    with django_assert_max_num_queries(16):
        assert len(officer.get(PAGE).context["versions"]) == 7
    with django_assert_max_num_queries(12):
        officer.get(f"{PAGE}compare/?from=1&to=7")


def test_text_is_shown_as_text(officer, draft):
    opened = officer.get(f"{PAGE}versions/1/edit/").context["form"]["opened"].value()
    officer.post(
        f"{PAGE}versions/1/edit/", filled(title_en="<b>Bold</b>", reason="<s>why</s>", opened=opened)
    )
    for address in (f"{PAGE}?version=1", f"{PAGE}versions/1/edit/", f"{PAGE}versions/1/discard/"):
        page = officer.get(address).content.decode()
        assert re.findall(r"<[bs]>", page) == []
    assert "<b>Bold</b>" in html.unescape(officer.get(f"{PAGE}?version=1").content.decode())
