"""Entering rows in the admin: amounts as people type them, messages at the field, what is fixed, what is judged anew."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from agencies.models import Recheck
from catalog.models import Certification, Product, Vendor
from policies.changing import decide
from policies.models import Condition, Policy, PolicyVersion, Waiver
from sources.models import Statement
from subscriptions.models import ExchangeRate, Payment, Subscription, UserCount
from tests.admin import rows
from tests.admin.conftest import errors_of
from tests.admin.test_admin_pages import address


def cell(client, model, column, row=0):
    """The text of a list's column, as the page shows it."""
    from django.contrib.admin.templatetags.admin_list import results
    from django.utils.html import strip_tags

    page = client.get(address(model, "changelist")).context["cl"]
    return strip_tags(list(results(page))[row][1 + page.list_display[1:].index(column)]).strip()


# --- figures ----------------------------------------------------------------------------------------------------------


def test_lists_show_amounts_as_people_read_them(db, sysadmin):
    rows.statement(1)
    rows.user_count(2)
    rows.exchange_rate(3)
    Payment.objects.create(
        subscription=rows.subscription(4), paid_on=rows.DAY, amount=1234, currency="USD", rate=1_449_500_000
    )
    shown = {
        "statement": cell(sysadmin, Statement, "what_it_states"),
        "people": cell(sysadmin, UserCount, "people"),
        "rate": cell(sysadmin, ExchangeRate, "won_per_unit"),
        "paid": cell(sysadmin, Payment, "paid"),
        "in won": cell(sysadmin, Payment, "in_won"),
        "price": cell(sysadmin, rows.PriceLine, "price"),
        "annual cost": cell(sysadmin, rows.Subscription, "annual_cost"),
    }
    assert shown == {
        "statement": "₩68.7M",
        "people": "1,274",
        "rate": "1,449.5",
        "paid": "12.34 USD",
        "in won": "rate missing",
        "price": "₩30,000",
        "annual cost": "₩3.6M",
    }


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"amount": "1,234,567", "currency": "KRW"}, (1_234_567, 1_234_567)),
        ({"amount": "-500", "currency": "KRW"}, (-500, -500)),
        ({"amount": "12.34", "currency": "USD", "rate": "1,449.5"}, (1234, 17_887)),
        ({"amount": "12.34", "currency": "USD"}, (1234, None)),
        ({"amount": "12.34", "currency": "USD", "won": "18,000"}, (1234, 18_000)),
        ({"amount": "1000", "currency": "JPY", "rate": "9.5"}, (1000, 9500)),
    ],
)
def test_payment_as_typed(typed, kept, db, sysadmin, send):
    subscription = rows.subscription(1)
    send(
        sysadmin, address(Payment, "add"), {"subscription": subscription.pk, "paid_on": "2025-03-03", **typed}
    )
    payment = Payment.objects.get()
    assert (payment.amount, payment.won) == kept


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"amount": "12.5", "currency": "KRW"}, {"amount": ["Type a whole number."]}),
        ({"amount": "1.234", "currency": "USD"}, {"amount": ["Type at most 2 decimals."]}),
        ({"amount": "1,23", "currency": "USD"}, {"amount": ["Type a number such as 1,234,567.55."]}),
        ({"amount": "9" * 30, "currency": "KRW"}, {"amount": ["This number is too large."]}),
        ({"amount": "5", "currency": "KRW", "rate": "1"}, {"rate": ["A payment in won takes no rate."]}),
        (
            {"amount": "5", "currency": "KRW", "won": "6"},
            {"won": ["A payment in won is its own won amount."]},
        ),
    ],
)
def test_payment_that_cannot_be(typed, errors, db, sysadmin, send):
    posted = {"subscription": rows.subscription(1).pk, "paid_on": "2025-03-03", **typed}
    assert errors_of(send(sysadmin, address(Payment, "add"), posted)) == errors
    assert not Payment.objects.exists()


def test_a_form_shows_amounts_as_they_are_typed(db, sysadmin, send):
    payment = Payment.objects.create(
        subscription=rows.subscription(1),
        paid_on=rows.DAY,
        amount=123_456,
        currency="USD",
        rate=1_449_500_000,
    )
    page = sysadmin.get(address(Payment, "change", payment.pk)).content.decode()
    assert ('value="1,234.56"' in page, 'value="1,449.500000"' in page) == (True, True)
    changed = {"document_number": "2025-1"}
    answer = send(sysadmin, address(Payment, "change", payment.pk), changed)
    assert errors_of(answer) == {"reason": ["Say why the payment is corrected."]}
    send(sysadmin, address(Payment, "change", payment.pk), {**changed, "reason": "Typed wrong"})
    payment.refresh_from_db()
    assert (payment.amount, payment.rate, payment.document_number) == (123_456, 1_449_500_000, "2025-1")
    assert payment.history.latest().history_change_reason == "Typed wrong"
    # What was opened before that is stale, and nothing is deleted here.
    stale = {**changed, "amount": "1", "reason": "Late", "seen": payment.history.earliest().history_id}
    answer = send(sysadmin, address(Payment, "change", payment.pk), stale)
    assert "Somebody has changed this payment since you opened it." in answer.content.decode()
    assert sysadmin.get(address(Payment, "delete", payment.pk)).status_code == 403
    inline = send(
        sysadmin, address(Subscription, "change", payment.subscription_id), {"payments-0-amount": "1"}
    )
    assert errors_of(inline) == {"payments-0-reason": ["Say why the payment is corrected."]}


def test_a_value_exists_exactly_when_it_is_stated(db, sysadmin, send):
    statement = rows.statement(1)
    page = address(Statement, "change", statement.pk)
    assert errors_of(send(sysadmin, page, {"value": ""})) == {
        "value": ["Give the value, or say why there is none."]
    }
    assert errors_of(send(sysadmin, page, {"standing": "not_given"})) == {
        "standing": ["There is a value, so it is stated. Otherwise take the value away."]
    }
    assert send(sysadmin, page, {"standing": "withheld", "value": ""}).status_code == 302
    statement.refresh_from_db()
    assert (statement.standing, statement.value) == ("withheld", None)


def test_users_are_counted_at_the_agency_of_their_subscription(db, sysadmin, send):
    posted = {
        "agency": rows.province(2).pk,
        "subscription": rows.subscription(1).pk,
        "day": "2025-03-03",
        "value": "1,274",
    }
    assert errors_of(send(sysadmin, address(UserCount, "add"), posted)) == {
        "subscription": ["This subscription belongs to another agency."]
    }
    send(sysadmin, address(UserCount, "add"), {**posted, "agency": rows.province(1).pk})
    assert UserCount.objects.get().value == 1274


# --- what is fixed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fixed"),
    [
        (rows.Agency, {"code"}),
        (rows.Category, {"code"}),
        (Vendor, {"code"}),
        (Product, {"code", "proposed_by"}),
        (Certification, {"product"}),
        (rows.Report, {"code"}),
        (rows.Source, {"code"}),
        (Statement, {"source", "code"}),
        (Policy, {"code", "owner"}),
        (rows.Subscription, {"reference", "agency", "declared", "approved_at", "recorded_by", "recorded_at"}),
        (ExchangeRate, {"currency"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_fixed_after_creation(model, fixed, db, sysadmin):
    page = sysadmin.get(address(model, "change", rows.MAKERS[model](1).pk))
    assert set(page.context["adminform"].readonly_fields) == fixed
    if "code" in fixed:
        assert "code" in sysadmin.get(address(model, "add")).context["adminform"].form.fields


# --- policies ---------------------------------------------------------------------------------------------------------


def draft(**fields):
    return rows.policy_version(1, status="draft", **fields)


@pytest.mark.parametrize(
    ("condition", "errors"),
    [
        (
            {"fact": "seats", "operator": "is", "values": '["many"]'},
            {"conditions-1-values": ["“many” is not a value of “seats”."]},
        ),
        (
            {"fact": "vendor", "operator": "one_of", "values": '["nobody"]'},
            {"conditions-1-values": ["“nobody” is not a value of “vendor”."]},
        ),
        (
            {"fact": "vendor", "operator": "at_most", "values": '["vendor-1"]'},
            {"conditions-1-operator": ["“vendor” cannot be compared with “is at most”."]},
        ),
        (
            {"fact": "seats", "operator": "within", "values": "[5]"},
            {"conditions-1-values": ["This operator takes 2 values."]},
        ),
        (
            {"fact": "seats", "operator": "is", "values": "{5"},
            {"conditions-1-values": ["Enter a valid JSON."]},
        ),
    ],
)
def test_condition_that_cannot_be_evaluated(condition, errors, db, sysadmin, send):
    version = draft()
    page = send(
        sysadmin,
        address(PolicyVersion, "change", version.pk),
        rows={"conditions": [{"group": 1, **condition}]},
    )
    assert errors_of(page) == errors
    assert version.conditions.count() == 1


def test_a_condition_made_wrong_is_shown_again(db, sysadmin, send):
    page = address(PolicyVersion, "change", draft().pk)
    assert errors_of(send(sysadmin, page, {"conditions-0-values": '"many"'})) == {
        "conditions-0-values": ["Give the values as a list."]
    }
    assert errors_of(send(sysadmin, page, {"conditions-0-values": '["many"]'})) == {
        "conditions-0-values": ["“many” is not a value of “seats”."]
    }


def test_conditions_are_numbered_as_they_come(db, sysadmin, send):
    version = draft()
    new = [
        {"group": 1, "fact": "seats", "operator": "is_unknown", "values": ""},
        {"group": 2, "fact": "trains_on_inputs", "operator": "is", "values": "[true]"},
    ]
    answer = send(sysadmin, address(PolicyVersion, "change", version.pk), rows={"conditions": new})
    assert answer.status_code == 302, errors_of(answer)
    assert list(version.conditions.order_by("position").values_list("position", "fact", "values")) == [
        (1, "seats", [1_000_000]),
        (2, "seats", []),
        (3, "trains_on_inputs", [True]),
    ]


def test_a_version_without_conditions_does_not_come_into_force(db, sysadmin, send):
    version = draft(effective_from=timezone.localdate())
    page = address(PolicyVersion, "change", version.pk)
    start = {"status": "in_force", "reason": "Decided"}
    answer = send(sysadmin, page, {**start, "conditions-0-DELETE": "on"})
    assert errors_of(answer) == {
        "conditions": ["A policy without conditions judges nothing. Give at least one condition."]
    }
    assert send(sysadmin, page, start).status_code == 302
    version.refresh_from_db()
    assert version.status == "in_force"
    assert version.history.first().history_change_reason == "Decided"


def test_putting_into_force_obeys_the_rules_of_the_policys_own_page(db, sysadmin, send, settings):
    today = timezone.localdate()
    page = address(PolicyVersion, "change", draft(effective_from=today).pk)
    start = {"status": "in_force", "reason": "Decided"}
    first = "Save the draft first; another policy officer puts it into force."
    assert errors_of(send(sysadmin, page, {"status": "in_force"})) == {"reason": ["Give the reason."]}
    assert errors_of(send(sysadmin, page, {**start, "title_en": "Other"})) == {"status": [first]}
    assert errors_of(send(sysadmin, page, {**start, "conditions-0-values": "[5]"})) == {"conditions": [first]}
    assert send(sysadmin, page, {"title_en": "Other"}).status_code == 302
    assert errors_of(send(sysadmin, page, start)) == {
        "status": ["Another policy officer than the one who drafted it puts a policy into force."]
    }
    settings.POLICY_TWO_PERSON_RULE = False
    yesterday = str(today - datetime.timedelta(days=1))
    assert errors_of(send(sysadmin, page, {**start, "effective_from": yesterday})) == {
        "status": ["A policy does not take effect in the past. Change its first day in the draft."]
    }
    assert send(sysadmin, page, start).status_code == 302
    assert PolicyVersion.objects.get(title_en="Other").status == "in_force"


def test_a_draft_whose_conditions_were_edited_is_the_editors(db, sysadmin, send):
    version = draft()
    page = address(PolicyVersion, "change", version.pk)
    assert send(sysadmin, page, {"conditions-0-values": "[5]"}).status_code == 302
    version.refresh_from_db()
    assert version.drafted_by.is_superuser


def test_two_versions_are_not_in_force_on_one_day(db, sysadmin, send):
    rows.policy_version(1)
    answer = send(
        sysadmin, address(PolicyVersion, "change", draft().pk), {"status": "in_force", "reason": "Decided"}
    )
    assert errors_of(answer) == {"effective_from": ["Version 1 is in force in this period already."]}


def test_scope_within_the_owners_part_of_the_tree(db, sysadmin, send):
    version = draft(policy=rows.policy(1, owner=rows.province(1)))
    answer = send(sysadmin, address(PolicyVersion, "change", version.pk), {"scope": rows.nation().pk})
    assert errors_of(answer) == {"scope": ["The scope exceeds the owner's part of the tree (KR-P1 agency)."]}


def test_a_version_in_force_is_not_edited(db, sysadmin, send):
    version = rows.policy_version(1)
    page = address(PolicyVersion, "change", version.pk)
    assert list(sysadmin.get(page).context["adminform"].form.fields) == ["effective_until"]
    condition = version.conditions.get()
    forged = {
        "title_en": "Something else",
        "effect": "block",
        "status": "draft",
        "conditions-0-values": "[1]",
        "conditions-0-DELETE": "on",
        "conditions-TOTAL_FORMS": "1",
        "conditions-INITIAL_FORMS": "1",
        "conditions-0-id": str(condition.pk),
        "conditions-0-version": str(version.pk),
    }
    send(sysadmin, page, forged)
    version.refresh_from_db()
    assert (version.title_en, version.effect, version.status) == ("Policy 1", "warn", "in_force")
    assert version.conditions.get().values == [1_000_000]
    assert sysadmin.get(address(PolicyVersion, "delete", version.pk)).status_code == 403


def test_a_version_in_force_gets_its_last_day(db, sysadmin, send):
    version = rows.policy_version(1)
    page = address(PolicyVersion, "change", version.pk)
    today = timezone.localdate()
    too_early = today - datetime.timedelta(days=2)
    later = today + datetime.timedelta(days=30)
    assert errors_of(send(sysadmin, page, {"effective_until": str(too_early)})) == {
        "effective_until": [
            "The last day cannot be earlier than yesterday: verdicts were given under this version."
        ]
    }
    assert send(sysadmin, page, {"effective_until": str(today)}).status_code == 302
    assert errors_of(send(sysadmin, page, {"effective_until": str(later)})) == {
        "effective_until": ["A version in force is not prolonged. Make a new version."]
    }
    version.refresh_from_db()
    assert (version.effective_until, version.status) == (today, "in_force")


def test_a_new_draft_from_a_version(db, sysadmin):
    version = rows.policy_version(1)
    version.cites.add(rows.statement(1))
    post = {"action": "start_draft", "_selected_action": [version.pk]}
    assert sysadmin.post(address(PolicyVersion, "changelist"), post).status_code == 302
    new = PolicyVersion.objects.get(policy=version.policy, number=2)
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    assert (new.status, new.effective_from, new.effective_until) == ("draft", tomorrow, None)
    assert [(c.fact, c.operator, c.values) for c in new.conditions.all()] == [
        ("seats", "more_than", [1_000_000])
    ]
    assert list(new.cites.all()) == list(version.cites.all())


def test_a_new_version_takes_the_next_number(db, sysadmin, send):
    rows.policy_version(1, effective_until=rows.DAY)
    new = {
        "policy": rows.policy(1).pk,
        "title_ko": "새 판",
        "title_en": "New",
        "scope": rows.nation().pk,
        "effective_from": "2025-04-01",
        "effect": "block",
        "status": "draft",
    }
    answer = send(sysadmin, address(PolicyVersion, "add"), new)
    assert answer.status_code == 302, errors_of(answer)
    assert PolicyVersion.objects.get(title_en="New").number == 2


# --- waivers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(db, sysadmin, send):
    """A waiver that the system administrator has asked for."""
    new = {
        "policy": rows.policy(1).pk,
        "agency": rows.province(1).pk,
        "reason": "A pilot.",
        "valid_from": "2025-03-03",
        "valid_until": "2025-06-30",
    }
    answer = send(sysadmin, address(Waiver, "add"), new)
    assert answer.status_code == 302, errors_of(answer)
    return Waiver.objects.get()


def test_a_waiver_is_asked_for_in_ones_own_name(asked, sysadmin):
    assert (asked.requested_by, asked.status, asked.decided_by) == (sysadmin.user, "requested", None)


def test_who_asked_for_a_waiver_does_not_decide(asked, sysadmin, send):
    page = address(Waiver, "change", asked.pk)
    assert "status" not in sysadmin.get(page).context["adminform"].form.fields
    send(sysadmin, page, {"status": "granted", "reason": "A longer pilot."})
    asked.refresh_from_db()
    assert (asked.status, asked.reason) == ("requested", "A longer pilot.")


def test_who_entered_a_waiver_in_the_name_of_another_does_not_decide(asked, sysadmin, make_user, send):
    new = {
        "policy": rows.policy(1).pk,
        "agency": rows.province(1).pk,
        "requested_by": make_user("administrator", "KR-P1").pk,
        "reason": "A pilot.",
        "valid_from": "2025-03-03",
        "valid_until": "2025-06-30",
    }
    send(sysadmin, address(Waiver, "add"), new)
    entered = Waiver.objects.exclude(pk=asked.pk).get()
    fields = sysadmin.get(address(Waiver, "change", entered.pk)).context["adminform"].form.fields
    assert list(fields) == []
    with pytest.raises(ValidationError, match="another person"), translation.override("en"):
        decide(entered, "granted", by=sysadmin.user)


def test_another_person_decides_and_changes_nothing_else(asked, signed_in, send):
    other = signed_in("sysadmin", language="en")
    page = address(Waiver, "change", asked.pk)
    assert list(other.get(page).context["adminform"].form.fields) == ["status", "decision_reason"]
    send(other, page, {"status": "granted", "decision_reason": "Fine.", "valid_until": "2099-12-31"})
    asked.refresh_from_db()
    assert (asked.status, asked.decided_by, asked.decision_reason) == ("granted", other.user, "Fine.")
    assert (asked.decided_at is not None, asked.valid_until) == (True, datetime.date(2025, 6, 30))
    again = send(other, page, {"status": "requested"})
    assert errors_of(again) == {
        "status": ["Select a valid choice. requested is not one of the available choices."]
    }
    send(other, page, {"status": "revoked"})
    asked.refresh_from_db()
    assert asked.status == "revoked"


def test_a_waiver_names_a_tool_or_a_vendor_and_ends_after_it_begins(asked, sysadmin, send):
    page = address(Waiver, "change", asked.pk)
    both = {"product": rows.product(1).pk, "vendor": rows.vendor(1).pk, "valid_until": "2025-01-01"}
    assert errors_of(send(sysadmin, page, both)) == {
        "__all__": ["The waiver ends before it begins.", "Name a tool or a vendor, not both."]
    }


def test_only_officers_of_the_policys_owner_decide(asked, staff, make_user, signed_in):
    local = staff("KR-P1", "policies.change_waiver", role="administrator")
    fields = local.get(address(Waiver, "change", asked.pk)).context["adminform"].form.fields
    assert list(fields) == []


# --- what is judged anew ----------------------------------------------------------------------------------------------


def pending():
    found = [(recheck.about, recheck.code) for recheck in Recheck.objects.order_by("pk")]
    Recheck.objects.all().delete()
    return found


def test_changes_of_what_policies_look_at_are_judged_anew(db, sysadmin, send):
    certification = rows.certification(1)
    product, vendor, agency = certification.product, certification.product.vendor, rows.province(1)
    pending()
    found = {}

    def change(name, row, changes):
        answer = send(sysadmin, address(type(row), "change", row.pk), changes)
        assert answer.status_code == 302, errors_of(answer)
        found[name] = pending()

    change("vendor", vendor, {"country": "CN"})
    change("product", product, {"trains_on_inputs": "true"})
    change("engines", product, {"engines": [rows.product(2).pk]})
    change("certification inline", product, {"certifications-0-evidence": "no. 2"})
    change("certification", certification, {"valid_until": "2027-03-03"})
    change("agency", agency, {"kind": "office"})
    change("policy", rows.policy_version(1), {"effective_until": str(timezone.localdate())})
    change("draft", rows.policy_version(2, status="draft"), {"title_en": "Other words"})
    change("rate", rows.exchange_rate(1), {"rate": "1,400"})
    change("nothing changed", vendor, {})
    sysadmin.post(address(Certification, "delete", certification.pk), {"post": "yes"})
    found["certification deleted"] = pending()
    sysadmin.post(
        address(Vendor, "changelist"),
        {"action": "delete_selected", "_selected_action": [rows.vendor(9).pk], "post": "yes"},
    )
    found["vendors deleted"] = pending()
    assert found == {
        "vendor": [("vendor", "vendor-1")],
        "product": [("product", "tool-1")],
        "engines": [("product", "tool-1")],
        "certification inline": [("product", "tool-1")],
        "certification": [("product", "tool-1")],
        "agency": [("agency", "KR-P1")],
        "policy": [("policy", "policy-1")],
        "draft": [],
        "rate": [("exchange_rate", "USD")],
        "nothing changed": [],
        "certification deleted": [("product", "tool-1")],
        "vendors deleted": [("vendor", "vendor-9")],
    }


def test_a_granted_waiver_is_judged_anew(asked, signed_in, send):
    pending()
    send(signed_in("sysadmin"), address(Waiver, "change", asked.pk), {"status": "granted"})
    assert pending() == [("policy", "policy-1")]


def test_history_says_in_words_what_changed(db, sysadmin, send):
    vendor = rows.vendor(1)
    send(sysadmin, address(Vendor, "change", vendor.pk), {"country": "CN"})
    with translation.override("en"):
        records = sysadmin.get(address(Vendor, "history", vendor.pk)).context["page_obj"]
        assert [
            [(str(c["field"]), str(c["old"]), str(c["new"])) for c in getattr(r, "history_delta_changes", [])]
            for r in records
        ] == [[("Country of jurisdiction", "United States of America", "China")], []]
    assert records[0].history_user == sysadmin.user


def test_condition_is_shown_with_its_history_and_not_edited_alone(db, sysadmin):
    condition = rows.policy_version(1).conditions.get()
    assert cell(sysadmin, Condition, "as_a_phrase") == "seats is more than 1,000,000"
    assert sysadmin.post(address(Condition, "change", condition.pk), {}).status_code == 403


@pytest.mark.parametrize("odd", ["\0", "x", "9" * 40, "-1", "1.5"])
def test_what_is_no_number_of_a_row_is_no_choice(report_data, signed_in, odd):
    response = signed_in("sysadmin").post(
        "/admin/catalog/product/add/", {"vendor": odd, "category": odd, "engines": ["1", odd]}
    )
    assert response.status_code == 200
    assert {"vendor", "engines"} <= set(response.context["adminform"].form.errors)
