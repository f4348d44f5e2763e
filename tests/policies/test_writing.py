"""Writing policies in the pages: who may, what the form saves and refuses, and what it reads back meanwhile."""

import datetime
import html
import re

import pytest
from django.utils import timezone

from agencies.models import Membership
from catalog.models import Category, Product, Vendor
from policies.composing import FACT_GROUPS, typed_of
from policies.models import Condition, Policy, PolicyVersion
from policies.vocabulary import FACTS, Operator, Type
from sources.models import Source

NEW = "/policies/new/"


def plain(response):
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


def typed(*conditions):
    """What a browser sends for (group, fact, operator, values)."""
    data = {}
    for index, (group, fact, operator, values) in enumerate(conditions):
        row = typed_of(Condition(group=group, fact=fact, operator=operator, values=values))
        data.update({f"conditions-{index}-{name}": value for name, value in row.items()})
    return data


def filled(*conditions, **fields):
    return {
        "code": "rule",
        "title_ko": "규칙",
        "title_en": "Rule",
        "owner": "KR",
        "scope": "KR",
        "effect": "block",
        "effective_from": str(timezone.localdate()),
        "reason": "Asked for by the committee",
        **typed(*(conditions or [(1, "seats", "more_than", [100])])),
        **fields,
    }


def conditions_of(version):
    return [(c.group, c.fact, c.operator, c.values) for c in version.conditions.order_by("position")]


def told(response):
    """The messages at fields and rows of a form that was refused."""
    form, rows = response.context["form"], response.context["conditions"]
    return [message for messages in form.errors.values() for message in messages] + [
        message for _field, message in rows.messages()
    ]


@pytest.fixture
def officer(report_data, signed_in):
    return signed_in("policy_officer", "KR", language="en")


@pytest.fixture
def draft(officer):
    officer.post(NEW, filled())
    return PolicyVersion.objects.get(policy__code="rule")


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "agency", "status"),
    [
        ("policy_officer", "KR", 200),
        ("policy_officer", "KR-49", 200),
        ("sysadmin", None, 200),
        ("administrator", "KR", 403),
        ("approver", "KR", 403),
        ("committee_member", "KR", 403),
        (None, None, 403),
    ],
)
def test_policy_officers_write(report_data, signed_in, role, agency, status):
    client = signed_in(role, agency)
    for address in (NEW, f"{NEW}?template=free", f"{NEW}values/?fact=vendor&name=x", f"{NEW}statements/"):
        assert client.get(address).status_code == status
    for address in (f"{NEW}preview/", f"{NEW}conditions/?do=add-group"):
        assert client.post(address, filled()).status_code == status
    assert client.post(NEW, {}).status_code == status
    assert ("/policies/new/" in client.get("/policies/").content.decode()) == (status == 200)


def test_an_officer_writes_for_the_own_part_of_the_tree(report_data, signed_in):
    jeju = signed_in("policy_officer", "KR-49", language="en")
    assert told(jeju.post(NEW, filled())) == ["There is no “KR” among those you can choose."] * 2
    assert jeju.post(NEW, filled(owner="KR-49", scope="KR-49")).status_code == 302
    version = PolicyVersion.objects.get(policy__code="rule")
    assert (version.policy.owner.code, version.scope.code) == ("KR-49", "KR-49")


@pytest.mark.parametrize(
    ("role", "agency", "draft_page", "in_force_page"),
    [
        ("policy_officer", "KR-49", 200, 403),
        ("policy_officer", "KR", 200, 403),
        ("policy_officer", "KR-11", 404, 403),
        ("administrator", "KR-49", 404, 403),
        ("committee_member", "KR", 404, 403),
    ],
)
def test_a_draft_of_others_is_not_there_and_a_version_in_force_is_not_edited(
    report_data, signed_in, role, agency, draft_page, in_force_page
):
    signed_in("policy_officer", "KR-49").post(NEW, filled(owner="KR-49", scope="KR-49"))
    client = signed_in(role, agency)
    assert client.get("/policies/rule/versions/1/edit/").status_code == draft_page
    assert client.get("/policies/rule/versions/1/discard/").status_code == draft_page
    assert client.get("/policies/deepseek-block/versions/1/edit/").status_code == in_force_page
    assert client.get("/policies/rule/versions/9/edit/").status_code == 404


def test_a_new_policy_begins_with_the_officers_own_agency_and_today(report_data, signed_in):
    form = signed_in("policy_officer", "KR-49").get(f"{NEW}?template=free").context["form"]
    assert (form.initial["owner"].code, form.initial["scope"].code) == ("KR-49", "KR-49")
    assert form.initial["effective_from"] == timezone.localdate()


# --- what is saved ------------------------------------------------------------------------------------------------------


def test_a_policy_is_saved_as_a_draft_with_its_reason(officer):
    statement = Source.objects.get(code="a").statements.get(code="A24")
    texts = {
        f"{name}_{language}": f"{name} {language}"
        for name in ("title", "rationale", "authority", "legal_basis", "remedy")
        for language in ("ko", "en")
    }
    answer = officer.post(
        NEW,
        filled(
            (1, "vendor_country", "one_of", ["CN"]),
            (1, "engine_country", "one_of", ["CN"]),
            (3, "annual_cost", "within", [1_000_000, 2_000_000]),
            **texts,
            effective_until="2099-12-31",
            remedy_days="30",
            demonstration="on",
            cites=[statement.pk],
        ),
    )
    assert answer.url == "/policies/rule/?version=1"
    version = PolicyVersion.objects.get(policy__code="rule")
    assert conditions_of(version) == [
        (1, "vendor_country", "one_of", ["CN"]),
        (1, "engine_country", "one_of", ["CN"]),
        (2, "annual_cost", "within", [1_000_000, 2_000_000]),
    ]
    assert {name: getattr(version, name) for name in texts} == texts
    assert (version.status, version.effect, version.demonstration) == ("draft", "block", True)
    assert (version.effective_until, version.remedy_days) == (datetime.date(2099, 12, 31), 30)
    assert list(version.cites.all()) == [statement]
    assert version.drafted_by == officer.user
    latest = version.history.first()
    assert (latest.history_user, latest.history_change_reason) == (
        officer.user,
        "Asked for by the committee",
    )
    assert list(latest.cites.values_list("statement", flat=True)) == [statement.pk]


def examples(fact, operator):
    """Values that fit a fact and an operator."""
    if operator is Operator.IS_UNKNOWN:
        return []
    if fact.type is Type.RANGE:
        return [1_500, 2_500_000] if operator is Operator.WITHIN else [1_500]
    if fact.type is Type.YES_NO:
        return [True]
    if fact.choices is not None:
        codes = fact.choices.values[:2]
        if operator in (Operator.LESS_THAN, Operator.MORE_THAN):
            return [fact.choices.values[1]]
    elif fact.registry is not None:
        codes = list(fact.registry._default_manager.order_by("code").values_list("code", flat=True)[:2])
    else:
        codes = ["CN", "RU"]
    return codes if operator in (Operator.ONE_OF, Operator.NONE_OF) else codes[:1]


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_and_operator_can_be_composed(officer, name):
    fact = FACTS[name]
    wanted = [(n + 1, name, op.value, examples(fact, op)) for n, op in enumerate(fact.operators)]
    answer = officer.post(NEW, filled(*wanted))
    assert answer.status_code == 302, told(answer)
    version = PolicyVersion.objects.get(policy__code="rule")
    assert conditions_of(version) == wanted
    # What was saved is what the form shows again, and what it would save again.
    page = officer.get("/policies/rule/versions/1/edit/")
    rows = page.context["conditions"].rows
    assert [row.initial["operator"] for row in rows] == [op.value for op in fact.operators]
    again = officer.post(
        "/policies/rule/versions/1/edit/", filled(*wanted, opened=page.context["form"]["opened"].value())
    )
    assert again.status_code == 302, told(again)
    assert conditions_of(version) == wanted


def test_the_groups_of_facts_hold_every_fact_once():
    assert sorted(name for _label, names in FACT_GROUPS for name in names) == sorted(FACTS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"fact": ""}, "Condition 1 (no fact chosen): Choose the fact that the condition is about."),
        ({"fact": "colour"}, "Condition 1 (no fact chosen): This fact is not known."),
        ({"fact": "seats", "operator": ""}, "Condition 1 (seats): Choose how the fact is compared."),
        ({"fact": "seats", "operator": "like"}, "Condition 1 (seats): Choose how the fact is compared."),
        (
            {"fact": "seats", "operator": "one_of"},
            "Condition 1 (seats): “seats” cannot be compared with “is one of”.",
        ),
        ({"fact": "seats", "operator": "at_most"}, "Condition 1 (seats): Type a number."),
        (
            {"fact": "seats", "operator": "at_most", "value": "many"},
            "Condition 1 (seats): Type a number such as 1,234,567.",
        ),
        (
            {"fact": "seats", "operator": "at_most", "value": "1.5"},
            "Condition 1 (seats): Type a whole number.",
        ),
        ({"fact": "seats", "operator": "at_most", "value": "-1"}, "Condition 1 (seats): Type 0 or more."),
        (
            {"fact": "seats", "operator": "at_most", "value": "9" * 30},
            "Condition 1 (seats): This number is too large.",
        ),
        ({"fact": "seats", "operator": "within", "value": "5"}, "Condition 1 (seats): Type a number."),
        (
            {"fact": "seats", "operator": "within", "value": "5", "value_to": "4"},
            "Condition 1 (seats): The first value of a range is not above the second.",
        ),
        (
            {"fact": "seats", "operator": "less_than", "value": "0"},
            "Condition 1 (seats): This can never hold, so nothing would violate it. Choose another value.",
        ),
        (
            {"fact": "data_class", "operator": "more_than", "codes": "classified"},
            "Condition 1 (highest data class): This can never hold, so nothing would violate it."
            " Choose another value.",
        ),
        ({"fact": "vendor", "operator": "is"}, "Condition 1 (vendor): Choose a value."),
        ({"fact": "vendor", "operator": "one_of"}, "Condition 1 (vendor): Choose at least one value."),
        (
            {"fact": "vendor", "operator": "one_of", "codes": ["openai", "nobody"]},
            "Condition 1 (vendor): “nobody” is not a value of “vendor”.",
        ),
        (
            {"fact": "vendor_country", "operator": "is", "codes": "XX"},
            "Condition 1 (vendor country): “XX” is not a value of “vendor country”.",
        ),
        (
            {"fact": "payment_route", "operator": "is", "codes": "barter"},
            "Condition 1 (payment route): “barter” is not a value of “payment route”.",
        ),
        ({"fact": "personal_data", "operator": "is"}, "Condition 1 (personal data): Choose yes or no."),
        (
            {"fact": "personal_data", "operator": "is", "answer": "perhaps"},
            "Condition 1 (personal data): Choose yes or no.",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused_and_said(officer, row, message):
    data = filled() | {"conditions-0-value": "", "conditions-0-operator": ""}
    sent = data | {f"conditions-0-{name}": value for name, value in row.items()}
    answer = officer.post(NEW, sent)
    assert answer.status_code == 200
    assert told(answer) == [message]
    assert message in plain(answer)
    assert not Policy.objects.filter(code="rule").exists()
    assert 'value="규칙"' in answer.content.decode()  # what was typed is kept


def test_without_a_condition_nothing_is_saved(officer):
    data = {name: value for name, value in filled().items() if not name.startswith("conditions")}
    assert told(officer.post(NEW, data)) == [
        "Give at least one condition: without one nothing could violate the policy."
    ]


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({"reason": ""}, ["This field is required."]),
        ({"reason": "x" * 101}, ["Ensure this value has at most 100 characters (it has 101)."]),
        ({"title_en": ""}, ["This field is required."]),
        ({"effect": "scold"}, ["Select a valid choice. scold is not one of the available choices."]),
        ({"effective_until": "2001-01-01"}, ["The policy ends before it takes effect."]),
        ({"code": "Not a code"}, ["Use small letters, digits and hyphens, such as seats-up-to-100."]),
        ({"code": "new"}, ["Use small letters, digits and hyphens, such as seats-up-to-100."]),
        ({"code": "deepseek-block"}, ["There is a policy with this code already."]),
        (
            {"owner": "KR-49"},
            ["The scope exceeds the owner's part of the tree (Jeju Special Self-Governing Province)."],
        ),
        ({"cites": ["999999"]}, ["Select a valid choice. 999999 is not one of the available choices."]),
        (
            {"rationale_en": "x" * 5001},
            ["Ensure this value has at most 5000 characters (it has 5001)."],
        ),
    ],
)
def test_fields_that_are_refused(officer, fields, messages):
    answer = officer.post(NEW, filled(**fields))
    assert answer.status_code == 200
    assert told(answer) == messages
    assert not Policy.objects.filter(code="rule").exists()


def test_a_code_is_made_from_the_title(officer):
    for _n in range(2):
        officer.post(NEW, filled(code="", title_en="Up to 100 seats!"))
    officer.post(NEW, filled(code="", title_en="새"))
    officer.post(NEW, filled(code="", title_en="New"))
    made = Policy.objects.exclude(versions__status="in_force").order_by("pk")
    assert [policy.code for policy in made] == ["up-to-100-seats", "up-to-100-seats-2", "policy", "new-2"]


def test_an_unpublished_statement_is_not_offered_or_cited(officer, signed_in):
    source = Source.objects.get(code="e1")
    statement = source.statements.get(code="E1")
    assert f'value="{statement.pk}"' in officer.get(f"{NEW}statements/?q=E1").content.decode()
    Source.objects.filter(pk=source.pk).update(published_at=None)
    assert f'value="{statement.pk}"' not in officer.get(f"{NEW}statements/?q=E1").content.decode()
    chosen = f"{NEW}statements/?q=&cites={statement.pk}"
    assert f'value="{statement.pk}"' not in officer.get(chosen).content.decode()
    assert told(officer.post(NEW, filled(cites=[statement.pk]))) != []
    sysadmin = signed_in("sysadmin")
    assert f'value="{statement.pk}"' in sysadmin.get(chosen).content.decode()


# --- a draft that two officers edit ----------------------------------------------------------------------------------------


def test_a_second_edit_of_a_draft_is_told_of_the_first(officer, signed_in, draft):
    page = "/policies/rule/versions/1/edit/"
    opened = officer.get(page).context["form"]["opened"].value()
    other = signed_in("policy_officer", "KR", language="en")
    theirs = filled((1, "seats", "more_than", [50]), title_en="Theirs", opened=opened, reason="Smaller")
    assert other.post(page, theirs).status_code == 302
    mine = filled((1, "seats", "more_than", [70]), title_en="Mine", opened=opened, reason="Larger")
    answer = officer.post(page, mine)
    assert answer.status_code == 200
    stale = answer.context["stale"]
    assert stale["by"] == str(other.user)
    assert [(c["label"], c["before"], c["theirs"], c["mine"]) for c in stale["changes"]] == [
        ("Title in English", "Rule", "Theirs", "Mine"),
        (
            "Conditions of a violation",
            "seats is more than 100",
            "seats is more than 50",
            "seats is more than 70",
        ),
    ]
    draft.refresh_from_db()
    assert draft.title_en == "Theirs"
    assert 'value="Mine"' in answer.content.decode()
    # Having seen it, the second officer saves again.
    again = re.search(r'name="opened" value="(\d+)"', answer.content.decode())[1]
    assert officer.post(page, {**mine, "opened": again}).status_code == 302
    draft.refresh_from_db()
    assert (draft.title_en, conditions_of(draft)) == ("Mine", [(1, "seats", "more_than", [70])])
    assert draft.drafted_by == officer.user


def test_an_edit_that_nobody_crossed_is_saved(officer, draft):
    page = "/policies/rule/versions/1/edit/"
    for title in ("First", "Second"):
        opened = officer.get(page).context["form"]["opened"].value()
        assert officer.post(page, filled(title_en=title, opened=opened)).status_code == 302
    draft.refresh_from_db()
    assert draft.title_en == "Second"


# --- pickers ----------------------------------------------------------------------------------------------------------


def offered(response):
    """The values that a row of the editor offers."""
    return re.findall(r'name="conditions-0-codes"\s+value="([^"]+)"', response.content.decode())


def row(officer, **fields):
    data = {f"conditions-0-{name}": value for name, value in fields.items()}
    return officer.post(f"{NEW}conditions/?row=0", data)


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_swaps_the_operators(officer, name):
    page = row(officer, group="1", fact=name, operator="nonsense").content.decode()
    select = re.search(r'<select name="conditions-0-operator".*?</select>', page, re.DOTALL)[0]
    assert re.findall(r'value="([^"]*)"', select) == [op.value for op in FACTS[name].operators]


def test_an_operator_swaps_the_values(officer):
    def names(**fields):
        return sorted(set(re.findall(r'name="conditions-0-(\w+)"', row(officer, **fields).content.decode())))

    common = ["fact", "group", "operator"]
    assert names(fact="seats", operator="at_most") == sorted([*common, "value"])
    assert names(fact="seats", operator="within") == sorted([*common, "value", "value_to"])
    assert names(fact="seats", operator="is_unknown") == common
    assert names(fact="personal_data", operator="is") == sorted([*common, "answer"])
    assert names(fact="vendor", operator="is") == sorted([*common, "codes"])
    assert names(fact="") == ["fact", "group"]


def test_what_was_typed_stays_where_it_still_fits(officer):
    kept = row(officer, fact="seats", operator="within", value="1,500", value_to="x").content.decode()
    assert 'value="1,500"' in kept
    assert 'value="x"' in kept
    chosen = row(officer, fact="vendor_country", operator="one_of", codes=["CN", "RU"]).content.decode()
    assert re.findall(r'value="(\w+)"\s+id="[^"]+"\s+checked', chosen) == ["CN", "RU"]
    other = row(officer, fact="vendor", operator="one_of", codes=["CN", "openai"]).content.decode()
    assert re.findall(r'value="(\w+)"\s+id="[^"]+"\s+checked', other) == ["openai"]


def test_countries_are_found_in_the_readers_language(officer, signed_in):
    address = f"{NEW}values/?fact=vendor_country&name=x&kind=checkbox"
    korean = signed_in("policy_officer", "KR").get(f"{address}&q=러시아")
    assert re.findall(r'value="(\w+)"', korean.content.decode()) == ["RU"]
    english = officer.get(f"{address}&q=russia&x=CN")
    assert re.findall(r'value="(\w+)"', english.content.decode()) == ["CN", "RU"]
    # Without a text, those of the catalogue's vendors.
    assert set(re.findall(r'value="(\w+)"', officer.get(address).content.decode())) == {"CN", "KR", "US"}


def test_many_codes_are_searched_and_few_are_listed(officer):
    assert len(offered(row(officer, fact="product", operator="one_of"))) == Product.objects.count()
    vendor = Vendor.objects.first()
    for n in range(40):
        Product.objects.create(code=f"zz-{n:02}", name_ko=f"도구 {n:02}", name_en=f"ZZ {n:02}", vendor=vendor)
    page = row(officer, fact="product", operator="one_of", codes=["zz-39"])
    assert offered(page)[0] == "zz-39"
    assert len(offered(page)) == 21
    found = officer.get(f"{NEW}values/?fact=product&name=conditions-0-codes&kind=checkbox&q=zz 07")
    assert offered(found) == ["zz-07"]
    single = row(officer, fact="product", operator="is").content.decode()
    assert 'type="radio"' in single
    assert "conditions-0-codes_search" in single


def test_values_are_asked_of_facts_that_have_codes(officer):
    for fact in ("seats", "personal_data", "colour", ""):
        assert officer.get(f"{NEW}values/?fact={fact}&name=x").status_code == 404
    assert officer.get(f"{NEW}values/?fact=vendor").status_code == 404
    assert officer.get(f"{NEW}values/?fact=vendor&name=x&q=%00&x=%00").status_code == 200
    assert Category.objects.exists()


def test_conditions_come_and_go(officer):
    def shape(do, *conditions):
        page = officer.post(f"{NEW}conditions/?do={do}", typed(*conditions))
        groups = page.context["conditions"].groups
        return (
            [(group, [row.index for row in rows]) for group, rows in groups],
            page.context["focus"],
            page["HX-Trigger-After-Settle"],
        )

    two = [(1, "seats", "more_than", [1]), (2, "owner_named", "is", [False])]
    event = '{"composed": {}}'
    assert shape("add:1", *two) == ([(1, [0, 2]), (2, [1])], "id_conditions-2-fact", event)
    assert shape("add-group", *two) == ([(1, [0]), (2, [1]), (3, [2])], "id_conditions-2-fact", event)
    assert shape("remove:0", *two) == ([(2, [1])], "id_conditions-1-fact", event)
    assert shape("remove:1", *two) == ([(1, [0])], "id_conditions-0-fact", event)
    assert shape("remove:0", two[0]) == ([], "add-group", event)
    assert shape("add-group") == ([(1, [0])], "id_conditions-0-fact", event)
    assert shape("nonsense", *two)[0] == [(1, [0]), (2, [1])]
    assert officer.post(f"{NEW}conditions/?row=7", typed(*two)).status_code == 404


def test_a_policy_has_fifty_conditions_at_most(officer):
    rows = [(1, "seats", "more_than", [n + 1]) for n in range(51)]
    assert told(officer.post(NEW, filled(*rows))) == ["A policy has 50 conditions at most."]
    assert officer.post(NEW, filled(*rows[:50])).status_code == 302
    page = officer.post(f"{NEW}conditions/?do=add-group", typed(*rows[:50]))
    assert len(page.context["conditions"].rows) == 50


# --- the policy read back ---------------------------------------------------------------------------------------------


def test_the_preview_says_what_is_chosen_so_far(officer, signed_in):
    def said(client, data):
        return re.findall(
            r"<p>(.*?)</p>", html.unescape(client.post(f"{NEW}preview/", data).content.decode())
        )

    data = filled(
        (1, "vendor_country", "one_of", ["CN"]),
        (1, "engine_country", "one_of", ["CN"]),
        (2, "seats", "more_than", [100]),
        scope="KR-49",
        effective_from="2030-01-01",
    )
    assert said(officer, data) == [
        "At Jeju Special Self-Governing Province and all agencies below, an AI subscription violates this policy when"
        " (vendor country is one of China or country of the models inside is one of China) and seats is more than 100.",
        "A subscription that violates it cannot be requested, approved, activated, renewed or extended without a waiver.",
        "It is in force from Jan. 1, 2030, with no end set.",
    ]
    half = {"conditions-0-group": "1", "conditions-0-fact": "seats", "conditions-0-operator": "at_most"}
    assert said(officer, half) == [
        "At … and all agencies below, an AI subscription violates this policy when seats …."
    ]
    assert said(officer, {}) == [
        "At … and all agencies below, an AI subscription violates this policy when …."
    ]
    assert "중국" in said(signed_in("policy_officer", "KR"), data)[0]


def test_the_preview_is_not_told_twice(officer):
    mark = re.search(
        r'name="shown" value="(\w+)"', officer.post(f"{NEW}preview/", filled()).content.decode()
    )[1]
    assert officer.post(f"{NEW}preview/", filled(shown=mark)).status_code == 204
    changed = filled((1, "seats", "more_than", [101]), shown=mark)
    assert officer.post(f"{NEW}preview/", changed).status_code == 200


def test_the_preview_writes_nothing(officer):
    before = Policy.objects.count()
    officer.post(f"{NEW}preview/", filled())
    officer.post(f"{NEW}conditions/?do=add-group", filled())
    assert Policy.objects.count() == before


def test_an_officer_of_two_agencies_chooses(report_data, signed_in, make_agency):
    client = signed_in("policy_officer", "KR-49")
    Membership.objects.create(user=client.user, agency=make_agency("KR-11"), role="policy_officer")
    form = client.get(f"{NEW}?template=free").context["form"]
    assert "owner" not in form.initial
