"""Members of staff who are not system administrators meet only the rows of their agencies, wherever the admin shows rows."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.urls import reverse

from agencies.models import Agency, FormerName, Membership, User
from sources.models import Statement
from subscriptions.data_entry import ENTERED, LOOKED_AT, create_data_entry_group
from subscriptions.models import Subscription
from tests.admin import rows
from tests.admin.conftest import errors_of, told
from tests.admin.test_admin_pages import address

PLACES = {"KR-49": 1, "KR-11": 2}
EVERY_RIGHT = [f"{action}_{{}}" for action in ("view", "add", "change", "delete")]


def rows_of(code):
    """A row of each model that belongs to an agency, at the agency `code`."""
    place, n = rows.agency(code, rows.nation()), PLACES[code]
    subscription = rows.subscription(n, of=place)
    policy = rows.policy(n)
    version = policy.versions.first() or rows.policy_version(n)
    member = rows.user(n)
    return {
        "agencies.agency": place,
        "agencies.formername": FormerName.objects.create(
            agency=place, name_ko="옛 이름", name_en="Old", used_until=rows.DAY
        ),
        "agencies.membership": Membership.objects.create(user=member, agency=place, role="approver"),
        "agencies.user": member,
        "policies.waiver": rows.waiver(n, agency=place, policy=policy),
        "subscriptions.subscription": subscription,
        "subscriptions.priceline": subscription.price_lines.get(),
        "subscriptions.facts": subscription.facts,
        "subscriptions.usercount": rows.UserCount.objects.create(agency=place, day=rows.DAY, value=5),
        "subscriptions.payment": rows.Payment.objects.create(
            subscription=subscription, paid_on=rows.DAY, amount=1, won=1
        ),
        "subscriptions.budget": rows.Budget.objects.create(agency=place, year=2025, won=1),
        "subscriptions.finding": rows.Finding.objects.create(
            policy=policy,
            policy_version=version,
            subscription=subscription,
            verdict="violation",
            unwaived_verdict="violation",
            effect="warn",
            first_seen=rows.NOW,
            last_seen=rows.NOW,
        ),
        "subscriptions.decision": rows.Decision.objects.create(
            subscription=subscription, act="record", result="done", outcome="clear"
        ),
        "subscriptions.approval": rows.Approval.objects.create(
            subscription=subscription, policy_version=version, approved_by=member, reason="Seen."
        ),
    }


@pytest.fixture
def own(db):
    return rows_of("KR-49")


@pytest.fixture
def others(db):
    return rows_of("KR-11")


def rights(*models):
    return [
        f"{app}.{right.format(name)}" for app, name in (m.split(".") for m in models) for right in EVERY_RIGHT
    ]


@pytest.mark.parametrize(
    "model",
    [
        "agencies.agency",
        "agencies.formername",
        "agencies.membership",
        "agencies.user",
        "policies.waiver",
        "subscriptions.subscription",
        "subscriptions.priceline",
        "subscriptions.facts",
        "subscriptions.usercount",
        "subscriptions.payment",
        "subscriptions.finding",
        "subscriptions.decision",
        "subscriptions.approval",
    ],
)
def test_only_own_rows_in_lists_and_on_pages(model, own, others, staff):
    mine, theirs = own[model], others[model]
    client = staff("KR-49", *rights(model))
    listed = [row.pk for row in client.get(address(type(mine), "changelist")).context["cl"].result_list]
    assert (mine.pk in listed, theirs.pk in listed) == (True, False)
    for page in ("change", "history"):
        answer = client.get(address(type(mine), page, theirs.pk))
        assert (page, answer.status_code, answer.headers.get("Location")) == (page, 302, "/admin/")
        assert "doesn’t exist" in told(client)[-1]
    # Not found, too, where this person may delete rows of this kind at all.
    assert client.post(address(type(mine), "delete", theirs.pk), {"post": "yes"}).status_code in (302, 403)
    assert type(mine)._base_manager.filter(pk=theirs.pk).exists()
    assert client.get(address(type(mine), "change", mine.pk)).status_code == 200
    assert client.get(address(type(mine), "history", mine.pk)).status_code == 200


@pytest.mark.parametrize("model", ["agencies.agency", "subscriptions.subscription", "subscriptions.payment"])
def test_what_a_record_was_is_as_much_out_of_sight(model, own, others, staff):
    mine, theirs = own[model], others[model]
    client = staff("KR-49")
    found = {}
    for row in (mine, theirs):
        record = row.history.first()
        found[row] = client.get(address(type(row), "simple_history", row.pk, record.pk)).status_code
    crossed = client.get(address(type(mine), "simple_history", mine.pk, theirs.history.first().pk))
    assert (found[mine], found[theirs], crossed.status_code) == (200, 302, 302)


def test_history_of_a_deleted_row_is_for_system_administrators(own, staff, sysadmin):
    count = own["subscriptions.usercount"]
    client, pk = staff("KR-49"), count.pk
    record = count.history.first().pk
    count.delete()
    pages = [address(type(count), "history", pk), address(type(count), "simple_history", pk, record)]
    assert [client.get(page).status_code for page in pages] == [302, 302]
    assert [sysadmin.get(page).status_code for page in pages] == [200, 200]


@pytest.mark.parametrize(
    ("page", "name"),
    [("subscriptions_reminderplan", "days"), ("auth_group", "permissions"), ("catalog_product", "engines")],
)
@pytest.mark.parametrize("odd", ["²", "9" * 40, "9" * 5000])
def test_an_odd_number_is_an_error_of_its_field(sysadmin, page, name, odd):
    form = sysadmin.post(reverse(f"admin:{page}_add"), {name: odd}).context["adminform"].form
    # A number of forty digits is JSON, but no list: that is told of the row.
    assert form.errors.keys() & {name, "__all__"}


@pytest.mark.parametrize("odd", ["²", "9" * 40, "9" * 5000, "x"])
def test_history_of_what_is_no_row_is_not_found(own, sysadmin, odd):
    agency = own["agencies.agency"]
    for of in ([agency.pk, odd], [odd, odd], [odd, agency.history.first().pk]):
        answer = sysadmin.get(address(Agency, "simple_history", *of))
        assert (answer.status_code, answer.url) == (302, "/admin/")
    assert sysadmin.get(address(Agency, "history", odd)).status_code in (302, 404)


def test_history_is_read_and_not_restored_at_one_press(own, sysadmin):
    agency = own["agencies.agency"]
    before = agency.history.first()
    Agency.objects.filter(pk=agency.pk).update(name_en="Renamed")
    page = address(Agency, "simple_history", agency.pk, before.pk)
    sysadmin.post(page, {"name_en": "KR-49 agency", "_save": "Revert"})
    assert Agency.objects.get(pk=agency.pk).name_en == "Renamed"


@pytest.mark.parametrize(
    ("model", "field", "expected"),
    [
        ("subscriptions.subscription", "agency", {"KR-49 agency"}),
        ("subscriptions.subscription", "payer", {"KR-49 agency"}),
        ("subscriptions.usercount", "agency", {"KR-49 agency"}),
        ("subscriptions.payment", "subscription", {"KR-49-2025-0001"}),
        ("policies.waiver", "agency", {"KR-49 agency"}),
        ("policies.waiver", "requested_by", {"person-1", "administrator-KR-49-2"}),
    ],
)
def test_autocomplete_offers_own_rows(model, field, expected, own, others, staff):
    app, name = model.split(".")
    client = staff("KR-49", "agencies.view_user")
    query = {"app_label": app, "model_name": name, "field_name": field, "term": ""}
    found = client.get("/admin/autocomplete/", query).json()["results"]
    assert {row["text"] for row in found} == expected


def test_a_search_with_a_nul_finds_nothing_special(own, sysadmin):
    for name in ("payment", "waiver"):
        field = "subscription" if name == "payment" else "agency"
        app = "subscriptions" if name == "payment" else "policies"
        query = {"app_label": app, "model_name": name, "field_name": field, "term": "KR-49\0"}
        assert len(sysadmin.get("/admin/autocomplete/", query).json()["results"]) == 1


def test_another_agency_cannot_be_posted(own, others, staff, send):
    client = staff("KR-49")
    posted = {
        "agency": others["agencies.agency"].pk,
        "product": rows.product(1).pk,
        "started_on": "2025-03-03",
    }
    page = send(client, address(Subscription, "add"), posted)
    message = ["Select a valid choice. That choice is not one of the available choices."]
    assert errors_of(page) == {"agency": message}
    count = {"agency": others["agencies.agency"].pk, "day": "2025-05-05", "value": "3"}
    assert errors_of(send(client, address(rows.UserCount, "add"), count)) == {"agency": message}


def test_a_value_out_of_sight_is_kept_and_not_offered(own, others, staff, send):
    subscription = own["subscriptions.subscription"]
    Subscription.objects.filter(pk=subscription.pk).update(payer=others["agencies.agency"])
    client = staff("KR-49")
    page = client.get(address(Subscription, "change", subscription.pk))
    assert "payer" not in page.context["adminform"].form.fields
    answer = send(client, address(Subscription, "change", subscription.pk), {"plan": "Team", "payer": ""})
    assert answer.status_code == 302, errors_of(answer)
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.payer) == ("Team", others["agencies.agency"])


def test_a_statement_about_agencies_out_of_sight_keeps_them(own, others, staff, send):
    made = rows.statement(7)
    made.subject.set([own["agencies.agency"], others["agencies.agency"]])
    client = staff("KR-49", "sources.change_statement")
    send(client, address(Statement, "change", made.pk), {"text_en": "In other words."})
    made.refresh_from_db()
    assert (made.text_en, made.subject.count()) == ("In other words.", 2)


def test_a_new_agency_stands_below_one_in_sight(own, staff, send):
    client = staff("KR-49", "agencies.add_agency")
    new = {
        "code": "KR-49110",
        "kind": "city",
        "name_ko": "제주시",
        "name_en": "Jeju",
        "short_ko": "제주시",
        "short_en": "Jeju",
    }
    assert errors_of(send(client, address(Agency, "add"), new)) == {"parent": ["This field is required."]}
    send(client, address(Agency, "add"), {**new, "parent": own["agencies.agency"].pk})
    assert Agency.objects.get(code="KR-49110").path == "KR/KR-49/KR-49110/"


def test_lists_are_filtered_by_what_they_offer_alone(own, others, staff, sysadmin):
    """A filter by rows that hang on what is shown, or by a column that is not, would tell of what nobody here sees."""
    theirs = others["subscriptions.subscription"]
    client = staff("KR-49", "agencies.view_user")
    asked = {
        "catalog/product": (f"subscriptions={theirs.pk}", "subscriptions__isnull=False", "vendor__name_ko=a"),
        "catalog/vendor": ("waivers__isnull=False",),
        "policies/policy": (f"findings={others['subscriptions.finding'].pk}", "versions__status=draft"),
        "policies/policyversion": ("approvals__isnull=False",),
        "agencies/agency": ("subscriptions_paid__isnull=False", "memberships=1"),
        "agencies/user": ("memberships__role=approver", "password__startswith=p", "decisions__isnull=False"),
    }
    for model, queries in asked.items():
        for query in queries:
            assert client.get(f"/admin/{model}/?{query}").status_code == 400, query
    offered = (
        "catalog/product/?category__id__exact=1&reviewed__exact=1",
        "catalog/product/?category__isnull=True",
        "catalog/vendor/?country=KR",
        "policies/waiver/?policy__id__exact=1&agency__kind__exact=city&requested_at__year=2025",
        "subscriptions/approval/?ended_at__isempty=1",
        "subscriptions/subscription/?product__category__id__exact=1",
        "agencies/user/?is_staff__exact=1",
    )
    for query in offered:
        assert client.get(f"/admin/{query}").status_code == 200, query
    # Whoever sees everything is offered roles too, but not what no list shows.
    for query, status in (("memberships__role__exact=approver", 200), ("password__startswith=p", 400)):
        assert sysadmin.get(f"/admin/agencies/user/?{query}").status_code == status, query


def test_a_search_does_not_find_what_the_drafts_of_others_are_called(own, others, staff, sysadmin):
    """Their policy is there to see by the version that is in force."""
    version = others["subscriptions.finding"].policy_version
    type(version).objects.filter(pk=version.pk).update(title_en="Known limit")
    policy, mine = version.policy, rows.policy(6, owner=own["agencies.agency"])
    for number, one in ((61, policy), (62, mine)):
        rows.policy_version(number, status="draft", policy=one, title_en="Secret plan")

    def found(client, words):
        return {
            row.code for row in client.get(f"/admin/policies/policy/?q={words}").context["cl"].result_list
        }

    client = staff("KR-49")
    for words in ("Secret", "plan secret"):
        assert (found(client, words), found(sysadmin, words)) == ({mine.code}, {mine.code, policy.code})
    assert found(client, "known limit") == found(client, policy.code) == {policy.code}


def test_agencies_are_moved_by_system_administrators_alone(own, staff, sysadmin, send):
    """With a new place in the tree, or a successor, people would get roles there that nobody gave them."""
    first, second = (rows.agency(f"KR-49-{n}", own["agencies.agency"]) for n in "OQ")
    client = staff("KR-49", "agencies.change_agency", "agencies.add_agency")
    page = address(Agency, "change", second.pk)
    sent = {"parent": first.pk, "successor": first.pk, "name_en": "Q"}
    assert send(client, page, sent).status_code == 302
    second.refresh_from_db()
    assert (second.name_en, second.path, second.successor) == ("Q", "KR/KR-49/KR-49-Q/", None)
    assert "successor" not in client.get(address(Agency, "add")).context["adminform"].form.fields
    assert send(sysadmin, page, sent).status_code == 302
    second.refresh_from_db()
    assert (second.path, second.successor) == ("KR/KR-49/KR-49-O/KR-49-Q/", first)


READ_ONLY = ("committee_member", "approver", "policy_officer")


@pytest.mark.parametrize("role", READ_ONLY)
def test_rows_are_entered_by_administrators_of_their_agency(role, own, others, staff, send):
    """Whoever sees an agency by another role looks at its rows, as on the pages of the register."""
    client = staff("KR-49", *rights("agencies.agency", "agencies.formername", "policies.waiver"), role=role)
    Membership.objects.create(user=client.user, agency=Agency.objects.get(code="KR-11"), role="administrator")
    subscription = own["subscriptions.subscription"]
    for name, mine in own.items():
        if name in ("agencies.membership", "agencies.user"):
            continue  # have rules of their own
        page = address(type(mine), "change", mine.pk)
        assert client.get(page).context["has_change_permission"] is False, name
        assert client.post(page, {"won": 2}).status_code == 403, name
        assert client.post(address(type(mine), "delete", mine.pk), {"post": "yes"}).status_code == 403, name
    # Where they administer they enter, there alone.
    no_choice = "Select a valid choice. That choice is not one of the available choices."
    budget = {"agency": own["agencies.agency"].pk, "year": 2031, "won": "12,345", "note": "x"}
    assert errors_of(send(client, address(rows.Budget, "add"), budget)) == {"agency": [no_choice]}
    there = {**budget, "agency": others["agencies.agency"].pk}
    assert send(client, address(rows.Budget, "add"), there).status_code == 302
    payment = {"subscription": subscription.pk, "paid_on": "2025-05-05", "amount": "777", "currency": "KRW"}
    assert errors_of(send(client, address(rows.Payment, "add"), payment)) == {"subscription": [no_choice]}
    below = {"code": "KR-49110", "kind": "city", "parent": own["agencies.agency"].pk}
    names = dict.fromkeys(("name_ko", "name_en", "short_ko", "short_en"), "x")
    assert errors_of(send(client, address(Agency, "add"), {**below, **names})) == {"parent": [no_choice]}


def test_who_administers_nothing_enters_nothing(own, staff):
    client = staff("KR-49", role="committee_member")
    for model in (Subscription, rows.Payment, rows.Budget, rows.UserCount):
        assert client.get(address(model, "add")).status_code == 403
        assert client.get(address(model, "changelist")).status_code == 200


def test_what_is_not_published_is_for_system_administrators(own, staff, sysadmin):
    rows.statement(3, source=rows.source(3, published=False))
    rows.statement(4, source=rows.source(4))
    rows.statement(5, source=rows.source(5))
    client = staff("KR-49")
    for model, expected in ((rows.Source, {"source-4", "source-5"}), (Statement, {"S4", "S5"})):
        listed = client.get(address(model, "changelist")).context["cl"].result_list
        assert {row.code for row in listed} == expected
        assert sysadmin.get(address(model, "changelist")).context["cl"].result_count == 3
    options = client.get(address(Statement, "changelist")).context["cl"].filter_specs[0].lookup_choices
    assert [label for _pk, label in options] == ["Source 4", "Source 5"]


def test_rules_in_force_are_read_and_not_changed_from_below(own, staff):
    in_force = own["subscriptions.finding"].policy_version
    draft = rows.policy_version(5, status="draft")
    local = rows.policy_version(6, status="draft", policy=rows.policy(6, owner=own["agencies.agency"]))
    rights = ("policies.change_policyversion", "policies.change_policy")
    client = staff("KR-49", *rights, role="policy_officer")
    listed = client.get(address(type(draft), "changelist")).context["cl"].result_list
    assert set(listed) == {in_force, local}
    page = client.get(address(type(draft), "change", in_force.pk))
    assert (page.status_code, page.context["has_change_permission"]) == (200, False)
    assert client.post(address(type(draft), "change", in_force.pk), {}).status_code == 403
    assert client.get(address(type(draft), "change", local.pk)).context["has_change_permission"] is True
    assert client.get(address(type(draft), "change", draft.pk)).status_code == 302
    # To who is no officer of its owner, its draft is there to read.
    client.user.memberships.update(role="administrator")
    for page in (
        address(type(draft), "change", local.pk),
        address(type(local.policy), "change", local.policy_id),
    ):
        assert client.get(page).context["has_change_permission"] is False


def test_rows_that_all_share_are_not_deleted_by_one_agency(own, others, staff, sysadmin):
    vendor = others["subscriptions.subscription"].product.vendor
    client = staff("KR-49", "catalog.delete_vendor", "catalog.delete_product")
    assert client.get(address(type(vendor), "delete", vendor.pk)).status_code == 403
    assert sysadmin.get(address(type(vendor), "delete", vendor.pk)).status_code == 200


def test_a_new_account_gets_a_role_at_once(own, others, staff, send):
    client = staff("KR-49", *rights("agencies.user", "agencies.membership"))
    new = {
        "username": "new",
        "usable_password": "true",
        "password1": "correct horse 9",
        "password2": "correct horse 9",
    }
    place = own["agencies.agency"].pk
    page = send(client, address(User, "add"), new)
    assert page.status_code == 200
    role = {"memberships-0-agency": place, "memberships-0-role": "administrator"}
    foreign = {**role, "memberships-0-agency": others["agencies.agency"].pk}
    assert errors_of(send(client, address(User, "add"), {**new, **foreign})) == {
        "memberships-0-agency": ["Select a valid choice. That choice is not one of the available choices."]
    }
    answer = send(client, address(User, "add"), {**new, **role})
    person = User.objects.get(username="new")
    assert answer.headers["Location"] == address(User, "change", person.pk)
    assert client.get(address(User, "change", person.pk)).status_code == 200


def test_officers_are_appointed_by_system_administrators_here_too(own, staff, sysadmin):
    add, officer = address(Membership, "add"), "policy_officer"
    client, root = staff("KR-49", *rights("agencies.user", "agencies.membership")), sysadmin
    offered = [
        officer in dict(one.get(add).context["adminform"].form.fields["role"].choices)
        for one in (client, root)
    ]
    assert offered == [False, True]
    sent = {"user": own["agencies.user"].pk, "agency": own["agencies.agency"].pk, "role": officer}
    assert client.post(add, sent).status_code == 200  # not taken
    assert not Membership.objects.filter(role=officer).exists()


def test_staff_without_a_role_see_nothing(own, make_user, signed_in):
    user = make_user()
    user.is_staff = True
    user.save()
    user.groups.add(create_data_entry_group())
    client = signed_in(user=user)
    for model in (Agency, Subscription, rows.Payment, rows.Finding):
        assert client.get(address(model, "changelist")).context["cl"].result_count == 0


def test_the_group_has_these_rights_and_no_others(db):
    for _twice in range(2):
        call_command("create_data_entry_group", verbosity=0)
    group = create_data_entry_group()
    expected = {f"view_{model}" for models in LOOKED_AT.values() for model in models}
    expected |= {
        f"{right}_{model}"
        for models in ENTERED.values()
        for model, rights in models.items()
        for right in rights
    }
    assert set(group.permissions.values_list("codename", flat=True)) == expected
    group.permissions.add(Permission.objects.get(codename="delete_vendor"))
    assert set(create_data_entry_group().permissions.values_list("codename", flat=True)) == expected
