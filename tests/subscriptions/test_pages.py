"""The pages of subscriptions, as the people of Jeju use them: record, check, decide, correct, find and take away."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from agencies.models import Agency, Notice
from catalog.models import Product
from policies.models import PolicyVersion
from subscriptions.models import Decision, ExchangeRate, Status, Subscription
from subscriptions.today import today
from tests.pages import errors_on, form_on, read, summary_on
from tests.subscriptions.entering import CHECK, GOOD, NEW, filled_in, record, said, typed_of

pytestmark = pytest.mark.usefixtures("clock")
LANGUAGES = pytest.mark.parametrize("language", ["ko", "en"])


def send(client: Client, act: str, address: str = NEW, **changes: str) -> Any:
    """Fill in the form, send it with that button, and follow to the page that comes of it."""
    return client.post(address, {**filled_in(client, address, **changes), "act": act}, follow=True)


def text_of(response: Any) -> str:
    return read(response).by_id("main").text


def verdicts_on(response: Any) -> list[tuple[str, str, str]]:
    """The verdicts that are shown: state, policy, sentence, without repeats."""
    found = []
    for card in read(response).by_class("gt-verdict"):
        (state,) = [c for c in card.attributes["class"].split() if c.startswith("state-")]
        (policy,) = card.by_class("policy")
        found.append((state, policy.text, " ".join(reason.text for reason in card.by_class("reason"))))
    return found


@pytest.fixture
def made(jeju) -> Callable[[], Subscription]:
    """The one subscription that Jeju's administrator has recorded."""
    return lambda: Subscription.objects.get(recorded_by=jeju)


# --- recording --------------------------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize(
    ("act", "status", "decision", "message"),
    [
        ("draft", "draft", "record", "Saved."),
        ("request", "requested", "request", "The request was sent to the approvers of your agency."),
        ("declare", "active", "declare", "Recorded as already in use."),
    ],
)
def test_recording(client, made, speak, act, status, decision, message, language):
    response = send(speak(client, language), act)
    subscription = made()
    assert response.redirect_chain == [(subscription.get_absolute_url(), 302)]
    assert said(language, message) in text_of(response)
    assert (subscription.status, subscription.declared) == (status, act == "declare")
    kept = subscription.decisions.get()
    assert (kept.act, kept.result, kept.outcome) == (decision, Decision.Result.DONE, "clear")
    # Everything that was typed is stored, and shown again where it is edited.
    shown = form_on(client.get(f"{subscription.get_absolute_url()}edit/"))
    typed = {name: value.replace("\r\n", "\n") for name, value in GOOD.items() if name != "agency"}
    assert {name: value.replace("\r\n", "\n") for name, value in shown.items() if name in typed} == typed
    page = text_of(response)
    for text in ("Team", "정보화담당관", "A reseller", "2026-17", "“quoted” & <tagged>"):
        assert text in page


@LANGUAGES
def test_a_blocked_request_is_refused_and_kept(client, made, speak, language):
    response = send(speak(client, language), "request", product="deepseek", purpose="Kept")
    subscription = made()
    assert (subscription.status, subscription.purpose) == (Status.DRAFT, "Kept")
    kept = subscription.decisions.get()
    assert (kept.act, kept.result, kept.outcome) == ("request", "refused", "refused")
    page = text_of(response)
    version = PolicyVersion.objects.get(policy__code="deepseek-block")
    # The reason, the legal basis, and what can be done: another tool, a waiver, or to record what is in use.
    for text in (getattr(version, f"{name}_{language}") for name in ("title", "legal_basis", "remedy")):
        assert " ".join(text.split()) in page
    assert said(language, "The last attempt was refused by policy") in page
    (state, _title, sentence) = verdicts_on(response)[0]
    assert state == "state-violation"
    assert getattr(subscription.product, f"name_{language}") in sentence
    assert not subscription.findings.exists()
    # It can be corrected and sent again.
    response = send(client, "request", f"{subscription.get_absolute_url()}edit/", product="chatgpt")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.product.code) == (Status.REQUESTED, "chatgpt")
    assert said(language, "The last attempt was refused by policy") not in text_of(response)


def test_a_blocked_tool_in_use_is_a_fact_with_a_finding(client, made, make_user):
    officer = make_user("policy_officer", "KR")
    response = send(client, "declare", product="deepseek")
    subscription = made()
    finding = subscription.findings.get()
    assert (subscription.status, subscription.declared) == (Status.ACTIVE, True)
    assert (finding.policy.code, finding.verdict, finding.effect) == ("deepseek-block", "violation", "block")
    assert Notice.objects.get(recipient=officer).url == subscription.get_absolute_url()
    assert "It was in use before it was recorded here." in text_of(response)


def test_what_needs_an_officer_waits(client, made, signed_in):
    send(client, "request", personal_data="true")
    subscription = made()
    assert (subscription.status, subscription.decisions.get().outcome) == (Status.REQUESTED, "needs_officer")
    approve = f"{subscription.get_absolute_url()}approve/"
    early = signed_in("approver", "KR-49", language="en").post(approve, {"reason": ""}, follow=True)
    subscription.refresh_from_db()
    assert subscription.status == Status.REQUESTED
    assert "The policies in force stand against this" in text_of(early)
    officer = signed_in("policy_officer", "KR", language="en")
    settled = officer.post(
        f"{subscription.get_absolute_url()}officer-approve/", {"reason": "Checked"}, follow=True
    )
    assert "Checked" in text_of(settled)
    signed_in("approver", "KR-49").post(approve, {"reason": ""})
    subscription.refresh_from_db()
    assert subscription.status == Status.ACTIVE


# --- a tool that is not listed ----------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("act", ["draft", "request", "declare"])
def test_a_tool_that_is_not_listed_is_usable_at_once(client, jeju, made, speak, act, language):
    speak(client, language)
    new = {"product": "", "new_product": "새 도구", "new_vendor": "OpenAI"}
    checked = client.post(CHECK, filled_in(client, **new))
    assert verdicts_on(checked) != []
    assert not Product.objects.filter(name_ko="새 도구").exists()
    response = send(client, act, **new)
    tool = Product.objects.get(name_ko="새 도구")
    assert (tool.vendor.code, tool.reviewed, tool.proposed_by) == ("openai", False, jeju)
    assert made().product == tool
    assert said(language, "Not reviewed yet") in text_of(response)
    # What the check said of the tool before it was there is what it says of it now.
    assert verdicts_on(client.post(CHECK, filled_in(client, product=tool.code))) == verdicts_on(checked)


@LANGUAGES
@pytest.mark.parametrize(
    ("typed", "field", "message", "values"),
    [
        (
            {"product": "chatgpt", "new_product": "Other", "new_vendor": "Other"},
            "new_product",
            "Choose a tool from the list or propose one, not both.",
            {},
        ),
        (
            {"product": "", "new_product": "", "new_vendor": "Other"},
            "new_product",
            "Give the name of the tool that you propose.",
            {},
        ),
        (
            {"product": "", "new_product": "Other", "new_vendor": " "},
            "new_vendor",
            "Give the name of the vendor of the tool that you propose.",
            {},
        ),
        (
            {"product": "", "new_product": "deepseek", "new_vendor": "Other"},
            "new_product",
            "“%(name)s” is in the list already: choose it there.",
            {"name": True},
        ),
        (
            {"product": "", "new_product": "", "new_vendor": ""},
            "product",
            "Choose the tool, or propose one that is not listed.",
            {},
        ),
    ],
)
def test_a_proposal_that_is_not_one(client, speak, typed, field, message, values, language):
    before = Product.objects.count()
    sent = {**filled_in(speak(client, language), **typed), "act": "request"}
    response = client.post(NEW, sent)
    deepseek = Product.objects.get(code="deepseek")
    names = {"name": getattr(deepseek, f"name_{language}")} if values else {}
    assert errors_on(response) == {field: [said(language, message, **names)]}
    assert {name: form_on(response)[name] for name in typed} == {
        name: value.strip() if name == "product" else value for name, value in typed.items()
    }
    assert Product.objects.count() == before


def test_a_proposed_tool_that_is_refused_for_another_reason_is_not_added(client):
    before = Product.objects.count()
    response = client.post(
        NEW,
        {
            **filled_in(client, product="", new_product="Other", new_vendor="Other", ends_on="2025-01-01"),
            "act": "request",
        },
    )
    assert summary_on(response) != []
    assert Product.objects.count() == before


# --- the check while typing -------------------------------------------------------------------------------------------

TYPED = {
    "all known": {},
    "nothing known": {
        **dict.fromkeys(
            ["data_class", "personal_data", "owner_department", "ends_on", "lines-0-ends_on"], ""
        ),
        "lines-0-standing": "not_given",
        "lines-0-amount": "",
        "lines-0-seats": "",
    },
    "blocked": {"product": "deepseek"},
    "personal data": {"personal_data": "true"},
    "a sensitive class": {"data_class": "sensitive"},
    "dear": {"lines-0-amount": "50,000,000"},
    "just at the cap": {"lines-0-basis": "flat", "lines-0-cycle": "annual", "lines-0-amount": "50,000,000"},
    "many seats, nobody's": {"lines-0-seats": "101", "owner_department": ""},
    "in dollars without a rate": {"lines-0-currency": "USD", "lines-0-amount": "20.00"},
    "no price": {"lines-0-DELETE": "on"},
    "tomorrow": {
        "started_on": "2030-01-01",
        "ends_on": "2030-12-31",
        "lines-0-starts_on": "",
        "lines-0-ends_on": "",
    },
}


@LANGUAGES
@pytest.mark.parametrize("title", TYPED)
def test_the_check_says_what_saving_will(client, made, speak, title, language):
    sent = filled_in(speak(client, language), **TYPED[title])
    live = client.post(CHECK, sent)
    assert live.status_code == 200
    assert Decision.objects.count() == 0
    saved = client.post(NEW, {**sent, "act": "draft"}, follow=True)
    assert verdicts_on(live) == verdicts_on(saved) != []
    reasons = {verdict["policy"]: verdict["verdict"] for verdict in made().decisions.get().verdicts}
    assert sorted(f"state-{verdict}" for verdict in reasons.values()) == sorted(
        v[0] for v in verdicts_on(live)
    )


@LANGUAGES
def test_the_check_says_when_saving_reopens_the_approval(client, jeju, speak, language):
    subscription = record(jeju)
    speak(client, language)
    address, wants = f"{subscription.get_absolute_url()}edit/", said(language, "Saving reopens the approval")
    told = [
        wants in read(client.post(CHECK, filled_in(client, address, **{"lines-0-seats": seats}))).text
        for seats in ("9", "10", "25")
    ]
    assert told == [False, False, True]


@LANGUAGES
def test_the_check_says_when_a_change_will_be_refused(client, made, speak, language):
    send(speak(client, language), "declare", product="deepseek")
    address, wants = f"{made().get_absolute_url()}edit/", said(language, "This change will be refused")
    told = [
        wants in read(client.post(CHECK, filled_in(client, address, ends_on=end))).text
        for end in ("2026-12-31", "2027-12-31")
    ]
    assert told == [False, True]


@LANGUAGES
def test_the_check_of_a_form_that_is_not_finished(client, speak, language):
    """It says what it needs, and follows what is valid when something else is not."""
    speak(client, language)
    wants = said(
        language, "Choose an agency and a tool, and the policies in force are checked while you type."
    )
    for missing in ({"agency": ""}, {"product": ""}, {"agency": "KR-11"}, {"product": "x"}):
        assert read(client.post(CHECK, filled_in(client, **missing))).text == wants
    broken = filled_in(client, product="deepseek", ends_on="soon", **{"lines-0-amount": "x"})
    assert verdicts_on(client.post(CHECK, broken))[0][0] == "state-violation"


def test_the_check_of_a_record_counts_its_approval_until_it_grows(client, made, signed_in):
    send(client, "request", personal_data="true")
    address = f"{made().get_absolute_url()}edit/"
    signed_in("policy_officer", "KR").post(f"{made().get_absolute_url()}officer-approve/", {"reason": "Yes"})
    assert "state-waived" in {
        state for state, *_ in verdicts_on(client.post(CHECK, filled_in(client, address)))
    }
    grown = filled_in(client, address, **{"lines-0-seats": "20"})
    assert "state-waived" not in {state for state, *_ in verdicts_on(client.post(CHECK, grown))}


def test_the_check_of_a_record_out_of_sight_or_not_ones_own(client, jeju, make_user, signed_in):
    theirs = record(make_user("administrator", "KR-11"), "KR-11")
    assert client.post(CHECK, {**filled_in(client), "reference": theirs.reference}).status_code == 404
    mine = record(jeju)
    both = make_user("administrator", "KR-11", username="both")
    both.memberships.create(agency=Agency.objects.get(code="KR-49"), role="committee_member")
    sent = {**filled_in(client), "reference": mine.reference}
    assert signed_in(user=both).post(CHECK, sent).status_code == 403


# --- editing ----------------------------------------------------------------------------------------------------------


@LANGUAGES
def test_an_edit_is_stored_with_its_history(client, jeju, speak, language):
    subscription = record(jeju, plan="Team")
    address = f"{subscription.get_absolute_url()}edit/"
    response = send(
        speak(client, language),
        "change",
        address,
        plan="Business",
        **{"lines-0-seats": "9", "lines-0-vat": "excluded"},
    )
    assert response.redirect_chain == [(subscription.get_absolute_url(), 302)]
    subscription.refresh_from_db()
    line = subscription.price_lines.get()
    assert (subscription.plan, subscription.version, line.seats, line.vat) == ("Business", 2, 9, "excluded")
    assert [(entry.plan, entry.history_user) for entry in subscription.history.all()] == [
        ("Business", jeju),
        ("Team", jeju),
    ]
    timeline = client.get(f"{subscription.get_absolute_url()}timeline/")
    assert said(language, "Version %(number)s saved", number=2) in text_of(timeline)


def test_an_edit_of_nothing_changes_nothing_that_counts(client, jeju):
    """Opening the form and saving it as it is: every value stays, also those that the form has no control for."""
    nation = Agency.objects.get(code="KR")
    subscription = record(
        jeju,
        payer=nation,
        plan="T",
        personal_data=False,
        auto_renewal=True,
        notice_days=0,
        payment_route="contract",
    )
    before = Subscription.objects.filter(pk=subscription.pk).values().get()
    lines = list(subscription.price_lines.values())
    assert send(client, "change", f"{subscription.get_absolute_url()}edit/").redirect_chain != []
    after = Subscription.objects.filter(pk=subscription.pk).values().get()
    assert after == {**before, "version": 2}
    assert list(subscription.price_lines.values()) == lines


def test_lines_are_added_changed_and_removed(client, jeju):
    ExchangeRate.objects.create(currency="USD", day=today(), rate=1_400_000_000)
    subscription = record(jeju)
    address = f"{subscription.get_absolute_url()}edit/"
    sent = filled_in(client, address)
    fragment = client.get("/subscriptions/price-line/", {"lines-TOTAL_FORMS": sent["lines-TOTAL_FORMS"]})
    assert (
        'name="lines-1-amount"' in fragment.content.decode()
        or 'name="lines-2-amount"' in fragment.content.decode()
    )
    number = int(sent["lines-TOTAL_FORMS"])
    new = {
        f"lines-{number}-{name.removeprefix('lines-0-')}": value
        for name, value in GOOD.items()
        if "lines" in name
    }
    new |= {
        f"lines-{number}-amount": "12.34",
        f"lines-{number}-currency": "USD",
        "lines-TOTAL_FORMS": str(number + 1),
    }
    assert client.post(address, {**sent, **new, "act": "change"}).status_code == 302
    assert list(subscription.price_lines.values_list("position", "amount", "currency")) == [
        (1, 30_000, "KRW"),
        (2, 1234, "USD"),
    ]
    again = filled_in(client, address)
    assert again["lines-1-amount"] == "12.34"
    assert client.post(address, {**again, "lines-0-DELETE": "on", "act": "change"}).status_code == 302
    assert list(subscription.price_lines.values_list("position", "amount", "currency")) == [(1, 1234, "USD")]


@LANGUAGES
def test_what_a_policy_blocks_does_not_grow(client, made, speak, language):
    """A renewal or more seats is refused with the reason, nothing is saved, and what was typed stays in the form."""
    send(speak(client, language), "declare", product="deepseek")
    subscription = made()
    address = f"{subscription.get_absolute_url()}edit/"
    sent = {**filled_in(client, address, ends_on="2027-12-31", plan="Larger"), "act": "change"}
    response = client.post(address, sent)
    assert response.status_code == 200
    assert said(language, "A policy does not allow this change. Nothing was saved.") in text_of(response)
    version = PolicyVersion.objects.get(policy__code="deepseek-block")
    assert " ".join(getattr(version, f"legal_basis_{language}").split()) in text_of(response)
    assert form_on(response) == {
        **typed_of(sent),
        "csrfmiddlewaretoken": form_on(response)["csrfmiddlewaretoken"],
    }
    subscription.refresh_from_db()
    assert (subscription.ends_on, subscription.plan) == (datetime.date(2026, 12, 31), "Team")
    assert subscription.decisions.first().result == Decision.Result.REFUSED
    # Smaller, or ended, it may become.
    assert client.post(address, {**sent, "ends_on": "2026-11-30"}).status_code == 302


@pytest.fixture
def many(report_data) -> None:
    """More agencies than a list of choices holds, two of them of one name, so that they are typed instead."""
    nation = Agency.objects.get(code="KR")
    for number in range(40):
        names = dict.fromkeys(["name_ko", "short_ko", "name_en", "short_en"], f"중구 {number % 39}")
        Agency.objects.create(code=f"KR-C{number}", parent=nation, kind=Agency.Kind.DISTRICT, **names)


@LANGUAGES
def test_where_there_are_many_agencies_they_are_typed(many, signed_in, language):
    client = signed_in("administrator", "KR", language=language)
    form = filled_in(client, agency="중구 5", payer="KR-C7")
    assert client.post(CHECK, form).status_code == 200
    assert client.post(NEW, {**form, "act": "draft"}).status_code == 302
    made = Subscription.objects.get(recorded_by=client.user)
    assert (made.agency.code, made.payer.code) == ("KR-C5", "KR-C7")
    # The form of the record shows them with their codes, and stores them again as they are.
    address = f"{made.get_absolute_url()}edit/"
    page = client.get(address)
    assert form_on(page)["payer"] == "중구 7 (KR-C7)"
    assert read(page).by_id("id_agency").attributes["value"] == "중구 5 (KR-C5)"
    assert client.post(address, {**form_on(page), "act": "draft"}).status_code == 302
    made.refresh_from_db()
    assert (made.agency.code, made.payer.code, made.version) == ("KR-C5", "KR-C7", 2)

    for typed, message in [
        ("중구 0", "Several are called “%(value)s”. Choose one of the suggestions."),
        ("중구 99", "There is no “%(value)s” among those you can choose."),
    ]:
        response = client.post(NEW, {**filled_in(client, agency=typed), "act": "draft"})
        assert errors_on(response) == {"agency": [said(language, message, value=typed)]}
        assert form_on(response)["agency"] == typed


def test_one_of_two_namesakes_keeps_its_record(many, signed_in):
    """The agency of a record is known by its code: its name may belong to another as well."""
    client = signed_in("administrator", "KR", language="en")
    for code in ("KR-C0", "KR-C39"):
        made = record(client.user, code)
        send(client, "change", f"{made.get_absolute_url()}edit/", plan="Kept")
        made.refresh_from_db()
        assert (made.plan, made.agency.code) == ("Kept", code)


# --- acts -------------------------------------------------------------------------------------------------------------

ACTS = [
    # act, role, sent, from, to
    ("approve", "approver", {"reason": ""}, "requested", "active"),
    ("refuse", "approver", {"reason": "Too dear"}, "requested", "refused"),
    ("end", "administrator", {"on": "2026-02-01", "reason": ""}, "active", "ended"),
    ("void", "administrator", {"reason": "Twice"}, "active", "void"),
    ("reopen", "administrator", {"reason": ""}, "void", "draft"),
]


@LANGUAGES
@pytest.mark.parametrize(("act", "role", "sent", "status", "becomes"), ACTS, ids=[act[0] for act in ACTS])
def test_an_act_asks_first_and_then_is_done(
    client, made, signed_in, speak, act, role, sent, status, becomes, language
):
    send(client, "request" if status == "requested" else "declare")
    subscription = made()
    if status == "void":
        client.post(f"{subscription.get_absolute_url()}void/", {"reason": "x"})
    actor = (
        speak(client, language) if role == "administrator" else signed_in(role, "KR-49", language=language)
    )
    detail = read(actor.get(subscription.get_absolute_url()))
    address = f"{subscription.get_absolute_url()}{act}/"
    assert address in [link.attributes["href"] for link in detail.by_class("krds-btn") if link.name == "a"]

    asked = read(actor.get(address))
    (title,) = [h1.text for h1 in asked.all("h1")]
    assert subscription.reference in title
    subscription.refresh_from_db()
    assert subscription.status == status

    done = actor.post(address, sent, follow=True)
    assert done.redirect_chain == [(subscription.get_absolute_url(), 302)]
    subscription.refresh_from_db()
    assert subscription.status == becomes
    last = subscription.decisions.first()
    assert (last.decided_by, last.reason) == (
        actor.user if role == "approver" else client.user,
        sent["reason"],
    )
    assert sent["reason"] in text_of(done)


@LANGUAGES
@pytest.mark.parametrize("act", ["refuse", "void"])
def test_an_act_without_the_reason_it_needs(client, made, signed_in, speak, act, language):
    send(client, "request")
    actor = signed_in("approver", "KR-49", language=language) if act == "refuse" else speak(client, language)
    response = actor.post(f"{made().get_absolute_url()}{act}/", {"reason": " "})
    assert errors_on(response) == {"reason": [said(language, "This field is required.")]}
    assert made().status == "requested"


def test_the_acts_that_a_reader_is_offered(client, jeju, made, signed_in):
    send(client, "request")
    subscription = made()

    def offered(reader: Client) -> set[str]:
        prefix = subscription.get_absolute_url()
        links = [link.attributes.get("href", "") for link in read(reader.get(prefix)).by_id("main").all("a")]
        tabs = {"", "notes", "timeline", "contract", "review"}
        return {link.removeprefix(prefix).rstrip("/") for link in links if link.startswith(prefix)} - tabs

    assert offered(client) == {"edit", "void", "withdraw"}
    assert offered(signed_in("approver", "KR-49")) == {"approve", "refuse"}
    assert offered(signed_in("committee_member", "KR")) == set()
    assert offered(signed_in("policy_officer", "KR")) == {"refuse"}


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def five(checked, jeju) -> dict[str, Subscription]:
    """Five records of Jeju, besides its ChatGPT of the report, each different in what the list can be narrowed by."""
    year = datetime.date(2026, 1, 1)
    deepseek = Product.objects.get(code="deepseek")
    claude = Product.objects.get(code="claude")
    return {
        "plain": record(jeju, plan="Alpha", started_on=year, ends_on=datetime.date(2026, 6, 30)),
        "blocked": record(jeju, product=deepseek, owner_department="드론팀", data_class="sensitive"),
        "dear": record(jeju, product=claude, line={"amount": 9_000_000, "seats": 200}, started_on=year),
        "unknown": record(
            jeju, data_class=None, line={"amount": None, "standing": "not_given", "seats": None}
        ),
        "small": record(jeju, line={"amount": 1_000, "seats": 1}, owner_department="=1+1"),
    }


def references(client: Client, five: dict[str, Subscription], **query: str) -> list[str]:
    """The titles of the five that a list shows, in its order; "report" is Jeju's record of the report."""
    titles = {subscription.reference: title for title, subscription in five.items()}
    table = read(client.get("/subscriptions/", query)).all("tbody")
    rows = table[0].all("tr") if table else []
    return [titles.get(row.all("th")[0].text, "report") for row in rows]


ALL = ["small", "unknown", "dear", "blocked", "plain", "report"]


def test_the_list_follows_its_filters(client, five):
    for query, shown in [
        ({}, ALL),
        ({"q": "alpha"}, ["plain"]),
        ({"q": "드론"}, ["blocked"]),
        ({"q": "드론 alpha"}, []),
        ({"agency": "KR-49"}, ALL),
        ({"agency": "제주특별자치도"}, ALL),
        ({"product": "claude"}, ["dear"]),
        ({"vendor": "deepseek"}, ["blocked"]),
        ({"status": "active"}, ALL),
        ({"status": "draft"}, []),
        ({"data_class": "sensitive"}, ["blocked"]),
        ({"data_class": "none"}, ["unknown", "report"]),
        ({"finding": "violation"}, ["dear", "blocked"]),
        ({"q": "claude", "finding": "violation"}, ["dear"]),
        ({"q": "claude", "finding": "waived"}, []),
    ]:
        assert (query, references(client, five, **query)) == (query, shown)


def test_the_list_can_be_narrowed_to_what_an_agency_and_all_below_pay(five, signed_in):
    Subscription.objects.filter(pk=five["small"].pk).update(payer=Agency.objects.get(code="KR-11"))
    client = signed_in("committee_member", "KR")
    for payer, shown in (("KR-11", ["small"]), ("KR", ["small"]), ("KR-49", [])):
        assert references(client, five, payer=payer) == shown


def test_the_list_follows_its_order(client, five):
    """A known figure before every unknown one when the largest come first, after them when the smallest do."""
    assert references(client, five, sort="recorded") == ALL[::-1]
    assert references(client, five, sort="-recorded") == ALL
    for column in ("annual_cost", "seats"):
        falling, rising = (references(client, five, sort=sign + column) for sign in ("-", ""))
        assert (falling[0], set(falling[1:3]), falling[3]) == ("dear", {"plain", "blocked"}, "small")
        assert set(falling[4:]) == {"unknown", "report"}
        assert rising == falling[::-1]
    assert references(client, five, sort="ends_on", q="alpha") == ["plain"]


def rows_of(response: Any) -> list[list[Any]]:
    """The cells of an exported file, each as text; an empty cell is ""."""
    body = b"".join(response)
    if response["Content-Type"].startswith("text/csv"):
        assert body.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(StringIO(body.decode("utf-8-sig"))))
    sheet = load_workbook(BytesIO(body)).worksheets[0]

    def text(value: Any) -> str:
        if isinstance(value, datetime.datetime):
            return value.date().isoformat()
        return "" if value is None else str(value)

    return [[text(cell) for cell in row] for row in sheet.values]


@LANGUAGES
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_holds_what_the_filter_shows(client, five, speak, kind, language):
    response = speak(client, language).get("/subscriptions/", {"_export": kind, "sort": "recorded"})
    assert 'filename="govtrack-subscriptions-' in response["Content-Disposition"]
    assert response["Content-Disposition"].endswith(f'.{kind}"')
    header, *rows = rows_of(response)
    english = ["Reference", "Agency code", "Agency", "AI tool", "Vendor", "Status", "Starts", "Ends"]
    english += ["Seats, known minimum", "Seats, known maximum", "Annual cost in won, known minimum"]
    english += ["Annual cost in won, known maximum", "Annual cost", "Highest data class", "Owner department"]
    assert header == [said(language, title) for title in english]
    dear, unknown, small = five["dear"], five["unknown"], five["small"]
    not_given = said(language, "Not given")
    by_reference = {row[0]: row for row in rows}
    jeju = Agency.objects.get(code="KR-49")
    name = getattr(jeju, f"name_{language}")
    claude = Product.objects.get(code="claude")
    active, open_ = said(language, "Active"), by_reference[dear.reference][13]
    cost = 9_000_000 * 200 * 12
    assert by_reference[dear.reference] == [
        dear.reference, "KR-49", name, getattr(claude, f"name_{language}"), getattr(claude.vendor, f"name_{language}"),
        active, "2026-01-01", "", "200", "200", str(cost), str(cost),
        {"ko": "21,600,000,000원", "en": "₩21.6B"}[language], open_, not_given,
    ]  # fmt: skip
    # What is not known is empty, never zero, and the words say which unknown it is.
    assert by_reference[unknown.reference][8:15] == ["", "", "", "", not_given, not_given, not_given]
    assert by_reference[small.reference][14] == "'=1+1"
    shown = [
        row.all("th")[0].text
        for row in read(client.get("/subscriptions/", {"sort": "recorded"})).all("tr")[1:]
    ]
    assert [row[0] for row in rows] == shown


@pytest.mark.parametrize("query", [{"finding": "violation"}, {"q": "드론"}, {"status": "draft"}], ids=str)
def test_files_and_page_of_a_filter_agree(client, five, query):
    page = read(client.get("/subscriptions/", query)).all("tbody")
    shown = [row.all("th")[0].text for row in page[0].all("tr")] if page else []
    for kind in ("csv", "xlsx"):
        assert [
            row[0] for row in rows_of(client.get("/subscriptions/", {**query, "_export": kind}))[1:]
        ] == shown


@LANGUAGES
def test_the_list_says_unknown_where_it_is(client, five, speak, language):
    page = read(speak(client, language).get("/subscriptions/", {"q": five["unknown"].reference}))
    (row,) = page.all("tbody")[0].all("tr")
    cells = [cell.text for cell in row.all("td")]
    assert cells[4:7] == [said(language, "Not given")] * 3
    assert "0" not in cells[5:7]


# --- findings ---------------------------------------------------------------------------------------------------------


def findings_on(client: Client, **query: str) -> list[tuple[str, str]]:
    """(reference, state) of each row."""
    table = read(client.get("/findings/", query)).all("tbody")
    rows = table[0].all("tr") if table else []
    found = []
    for row in rows:
        cells = row.all("th", "td")
        badge = cells[4].by_class("krds-badge")
        classes = badge[0].attributes["class"].split() if badge else []
        found.append((cells[1].text, next((c for c in classes if c.startswith("state-")), "closed")))
    return found


def test_the_findings_of_what_one_sees(client, five, signed_in):
    blocked, dear = five["blocked"].reference, five["dear"].reference
    client.post(f"{five['blocked'].get_absolute_url()}end/", {"on": "2026-02-01", "reason": ""})
    open_ = findings_on(client)
    assert (dear, "state-violation") in open_
    assert blocked not in {reference for reference, _state in open_}
    assert (blocked, "closed") in findings_on(client, state="closed")
    both = findings_on(client, state="", verdict="")
    assert set(both) == set(open_) | set(findings_on(client, state="closed"))
    assert findings_on(client, state="open", policy="cost-over-50m", verdict="violation") == [
        (dear, "state-violation")
    ]
    assert findings_on(client, state="open", effect="block") == []
    assert findings_on(signed_in("administrator", "KR-11"), state="open", verdict="violation") == []
    assert (dear, "state-violation") in findings_on(signed_in("committee_member", "KR"))


@LANGUAGES
def test_lists_without_rows_say_what_to_do(client, report_data, speak, language):
    Subscription.objects.all().delete()
    page = text_of(speak(client, language).get("/subscriptions/"))
    assert said(language, "No subscription is recorded yet.") in page
    assert said(language, "No finding fits these filters.") in text_of(client.get("/findings/"))
    filtered = text_of(client.get("/subscriptions/", {"q": "nothing"}))
    assert said(language, "No subscription fits these filters.") in filtered
