"""Bad input: each is answered with a clear message in the reader's language, loses nothing, and never breaks the site."""

from __future__ import annotations

from io import StringIO
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import translation
from django.utils.translation import ngettext

from agencies.models import Agency, Membership, User
from subscriptions.models import LONG_TEXT, PriceLine, Subscription
from tests.pages import errors_on, read, summary_on
from tests.subscriptions.entering import CHECK, GOOD, NEW, filled_in, kept_of, record, said, typed_of

pytestmark = pytest.mark.usefixtures("clock")
LANGUAGES = pytest.mark.parametrize("language", ["ko", "en"])
MEGABYTE = 1024 * 1024

# What is typed, and what the form says to it: title, values typed, field, message, its values.
WRONG: list[tuple[str, dict[str, str], str, str, dict[str, Any]]] = []


def wrong(title: str, field: str, message: str, values: dict[str, Any] | None = None, **typed: str) -> None:
    typed = {name.replace("lines_0_", "lines-0-"): value for name, value in typed.items()}
    WRONG.append((title, typed, field, message, values or {}))


AT_LEAST_ONE = "Seats are 1 or more. Leave it empty when the number is not known."
A_NUMBER = "Give a number, such as 1,200,000."
TOO_LARGE = "This amount is too large to be right."
A_DATE = "Enter a valid date."
WHOLE = "Enter a whole number."
NO_NULL = "Null characters are not allowed."

wrong("no seats", "lines-0-seats", AT_LEAST_ONE, lines_0_seats="0")
wrong("negative seats", "lines-0-seats", AT_LEAST_ONE, lines_0_seats="-3")
wrong("half a seat", "lines-0-seats", WHOLE, lines_0_seats="1.5")
wrong("seats in words", "lines-0-seats", WHOLE, lines_0_seats="ten")
wrong("seats beyond int()", "lines-0-seats", WHOLE, lines_0_seats="9" * 5000)
wrong("ends before start", "ends_on", "The subscription ends before it starts.", ends_on="2025-12-31")
wrong(
    "a line that ends before it starts",
    "lines-0-ends_on",
    "The price line ends before it starts.",
    lines_0_ends_on="2025-12-31",
)
wrong("no such day", "started_on", A_DATE, started_on="2026-02-30")
wrong("a day in words", "started_on", A_DATE, started_on="tomorrow")
wrong("a day beyond the calendar", "ends_on", A_DATE, ends_on="12026-01-01")
wrong(
    "an amount in no currency",
    "lines-0-currency",
    "Say in which currency the amount is.",
    lines_0_currency="",
)
wrong("an amount with two points", "lines-0-amount", A_NUMBER, lines_0_amount="1,2.3.4")
wrong("not a number", "lines-0-amount", A_NUMBER, lines_0_amount="NaN")
wrong("a signalling one", "lines-0-amount", A_NUMBER, lines_0_amount="sNaN123")
wrong("without end", "lines-0-amount", A_NUMBER, lines_0_amount="Infinity")
wrong("a power", "lines-0-amount", A_NUMBER, lines_0_amount="²")
wrong("an amount in words", "lines-0-amount", A_NUMBER, lines_0_amount="육천만")
wrong("a negative amount", "lines-0-amount", "An amount is not negative.", lines_0_amount="-1")
wrong("1e999", "lines-0-amount", TOO_LARGE, lines_0_amount="1e999")
wrong("beyond bigint", "lines-0-amount", TOO_LARGE, lines_0_amount="9" * 20)
wrong(
    "a tenth of a won",
    "lines-0-amount",
    "%(currency)s has %(decimals)s decimals.",
    {"currency": "KRW", "decimals": 0},
    lines_0_amount="0.1",
)
wrong(
    "stated, but no amount",
    "lines-0-amount",
    "Give the amount, or say why there is none.",
    lines_0_amount="",
)
wrong(
    "an amount that is not given",
    "lines-0-standing",
    "An amount is given, so it is stated. Clear the amount otherwise.",
    lines_0_standing="not_given",
)
wrong("notice in words", "notice_days", WHOLE, notice_days="soon")
for name in ("plan", "purpose", "owner_department", "reseller", "contract_number"):
    wrong(f"NUL in {name}", name, NO_NULL, **{name: "a\0b"})
wrong("NUL in a date", "started_on", A_DATE, started_on="2026-01-01\0")
wrong("NUL in an amount", "lines-0-amount", NO_NULL, lines_0_amount="1\0")
wrong("NUL in seats", "lines-0-seats", WHOLE, lines_0_seats="1\0")


@LANGUAGES
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(client, speak, language):
    good = filled_in(speak(client, language))
    for title, typed, field, message, values in WRONG:
        sent = {**good, **typed}
        response = client.post(NEW, {**sent, "act": "draft"})
        assert response.status_code == 200, title
        text = said(language, message, **values)
        assert (title, errors_on(response)) == (title, {field: [text]})
        (item,) = summary_on(response)
        assert item.endswith(text), title
        assert kept_of(response, typed_of(sent)) == typed_of(sent), title
    assert not Subscription.objects.exclude(recorded_by=None).exists()


# What a select cannot show again, since it offers no such choice: posted by hand.
NOT_AMONG = "There is no “%(value)s” among those you can choose."
NO_CURRENCY = "“%(value)s” is not a currency of ISO 4217."
NO_CHOICE = "Select a valid choice. %(value)s is not one of the available choices."
BY_HAND = [
    ("lines-0-currency", "XQX", NO_CURRENCY),
    ("lines-0-currency", "usd", NO_CURRENCY),
    ("agency", "KR-11", NOT_AMONG),  # another's
    ("agency", "KR", NOT_AMONG),  # the one above
    ("payer", "KR-11", NOT_AMONG),
    ("product", "no-such-tool", NOT_AMONG),
    ("lines-0-standing", "guessed", NO_CHOICE),
    ("data_class", "secret", NO_CHOICE),
    ("payment_route", "cash", NO_CHOICE),
    ("personal_data", "maybe", NO_CHOICE),
]


@LANGUAGES
def test_a_choice_posted_by_hand_is_refused(client, speak, language):
    good = filled_in(speak(client, language))
    for field, value, message in BY_HAND:
        sent = {**good, field: value}
        response = client.post(NEW, {**sent, "act": "draft"})
        assert errors_on(response) == {field: [said(language, message, value=value)]}
        others = {name: value for name, value in typed_of(sent).items() if name != field}
        assert kept_of(response, others) == others
    assert not Subscription.objects.exclude(recorded_by=None).exists()


def test_every_message_is_said_in_korean():
    """None of the messages above is left in English for a Korean reader."""
    messages = {case[3] for case in WRONG} | {case[2] for case in BY_HAND}
    assert [text for text in sorted(messages) if said("ko", text) == text] == []


@LANGUAGES
def test_a_text_of_ten_megabytes(client, speak, language):
    text = "가" * (10 * MEGABYTE // 3)
    sent = filled_in(speak(client, language), purpose=text, plan="x" * 101)
    response = client.post(NEW, {**sent, "act": "declare"})
    assert response.status_code == 200

    def too_long(limit: int, length: int) -> str:
        singular = "Ensure this value has at most %(limit_value)d character (it has %(show_value)d)."
        plural = "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d)."
        with translation.override(language):
            return ngettext(singular, plural, limit) % {"limit_value": limit, "show_value": length}

    assert errors_on(response) == {
        "purpose": [too_long(LONG_TEXT, len(text))],
        "plan": [too_long(100, 101)],
    }
    assert kept_of(response, typed_of(sent)) == typed_of(sent)
    assert client.post(CHECK, sent).status_code == 200


@LANGUAGES
def test_more_than_the_site_takes_is_refused_with_a_page(client, speak, language):
    sent = filled_in(speak(client, language), purpose="x" * (13 * MEGABYTE))
    response = client.post(NEW, sent)
    assert response.status_code == 400
    assert read(response).by_class("gt-alone") or read(response).all("h1")


# --- the price lines' own fields --------------------------------------------------------------------------------------


def test_a_broken_count_of_price_lines_is_said(client):
    """The hidden fields that count the lines are missing or not numbers: nothing is stored, nothing typed is lost."""
    sent = {name: value for name, value in filled_in(client).items() if "_FORMS" not in name}
    typed = {name: value for name, value in typed_of(sent).items() if not name.startswith("lines-")}
    for total, initial in [
        (None, None),
        ("", ""),
        ("many", "0"),
        ("9" * 5000, "0"),
        ("100000", "0"),
        ("1", "1"),
    ]:
        counts = {"lines-TOTAL_FORMS": total, "lines-INITIAL_FORMS": initial} if total is not None else {}
        response = client.post(NEW, {**sent, **counts, "act": "declare"})
        assert response.status_code == 200
        assert summary_on(response) != []
        assert kept_of(response, typed) == typed
        assert client.post(CHECK, {**sent, **counts}).status_code == 200
    assert not Subscription.objects.exclude(recorded_by=None).exists()


def test_a_false_count_of_price_lines_breaks_nothing(client):
    for total, initial in [("-1", "0"), ("1", "-5"), ("0", "7"), ("0", "0")]:
        sent = filled_in(client, **{"lines-TOTAL_FORMS": total, "lines-INITIAL_FORMS": initial})
        assert client.post(CHECK, sent).status_code == 200
        assert client.post(NEW, {**sent, "act": "draft"}).status_code in (200, 302)


def test_fifty_lines_are_the_most(client):
    sent = filled_in(client)
    for number in range(51):
        sent |= {name.replace("-0-", f"-{number}-"): value for name, value in GOOD.items() if "-0-" in name}
    response = client.post(NEW, {**sent, "lines-TOTAL_FORMS": "51", "act": "draft"})
    assert response.status_code == 200
    assert summary_on(response) == ["Please submit at most 50 forms."]


def test_the_price_line_of_another_record_is_out_of_reach(client, jeju):
    """A line's number typed by hand neither shows nor changes what belongs to another subscription."""
    seoul = User.objects.create(username="seoul")
    Membership.objects.create(user=seoul, agency=Agency.objects.get(code="KR-11"), role="administrator")
    theirs = record(seoul, "KR-11", line={"amount": 777_777})
    mine = record(jeju)
    line, address = theirs.price_lines.get(), f"/subscriptions/{mine.reference}/edit/"
    sent = filled_in(client, address)
    before = PriceLine.objects.filter(pk=line.pk).values().get()
    for changed in ({"lines-0-DELETE": "on"}, {}):
        response = client.post(
            address, {**sent, "lines-0-id": line.pk, **changed, "act": "change"}, follow=True
        )
        assert "777" not in response.content.decode()
    assert list(mine.price_lines.values_list("amount", flat=True)) in ([], [30_000])
    assert PriceLine.objects.filter(pk=line.pk).values().get() == before


@pytest.mark.parametrize(
    "address", ["/", "/spending/", "/spending/?_export=csv", "/subscriptions/", "/findings/"]
)
def test_pages_work_before_the_first_check(client, address):
    """The fixtures are loaded, but no command has judged them yet."""
    assert client.get(address).status_code == 200


# --- lists and files --------------------------------------------------------------------------------------------------

LISTS = ["/subscriptions/", "/findings/", "/waivers/", "/decisions/", "/catalog/", "/sources/", "/policies/"]
BAD_FILTERS = {
    "/subscriptions/": [
        {"status": "nonsense"},
        {"agency": "KR-11"},
        {"agency": "\0"},
        {"product": "no-such-tool"},
        {"vendor": "x"},
        {"data_class": "x"},
        {"finding": "pass"},
        {"q": "a\0b"},
        {"q": "x" * 101},
    ],
    "/spending/": [
        {"kind": "nonsense"},
        {"product": "no-such-tool"},
        {"product": "\0"},
        {"standing": "guessed"},
        {"q": "\0"},
        {"q": "x" * 101},
    ],
    "/findings/": [
        {"agency": "KR-11"},
        {"policy": "x"},
        {"verdict": "pass"},
        {"effect": "x"},
        {"state": "x"},
        {"product": "x"},
    ],
    "/waivers/": [{"agency": "KR-11"}, {"policy": "x"}, {"status": "x"}],
    "/catalog/": [{"category": "x"}, {"country": "x"}, {"reviewed": "x"}, {"q": "\0"}],
}


@LANGUAGES
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("address", ["/subscriptions/", "/spending/"])
def test_no_file_of_an_invalid_filter(client, speak, address, kind, language):
    for query in BAD_FILTERS[address]:
        response = speak(client, language).get(address, {**query, "_export": kind})
        assert response.status_code == 400, query
        assert response["Content-Type"].startswith("text/html")
        assert "Content-Disposition" not in response
        page = read(response)
        errors = [item.text for item in page.by_id("main").all("li")]
        field = client.get(address, query).context
        form = field["filter"].form if "filter" in field else field["form"]
        with translation.override(language):
            said_there = [str(error).strip() for errors in form.errors.values() for error in errors]
        assert said_there != []
        assert all(any(text in error for error in errors) for text in said_there), (query, errors)


@pytest.mark.parametrize("kind", ["", "pdf", "CSV", "\0"])
@pytest.mark.parametrize("address", ["/subscriptions/", "/spending/"])
def test_no_file_of_an_unknown_kind(client, address, kind):
    assert client.get(address, {"_export": kind}).status_code == 400


@pytest.mark.parametrize("address", BAD_FILTERS)
def test_an_invalid_filter_says_so_and_shows_no_rows(client, address):
    for query in BAD_FILTERS[address]:
        response = client.get(address, query)
        assert response.status_code == 200
        (field,) = query
        assert errors_on(response).keys() == {field}, query
        assert read(response).all("tbody") == [], query


@LANGUAGES
@pytest.mark.parametrize("address", LISTS)
def test_a_page_past_the_last_is_not_found(client, speak, address, language):
    for number in ("2", "999999", "0", "-1", "x", "1e3", "", "\0", "9" * 30, "9" * 5000):
        response = speak(client, language).get(address, {"page": number, "sort": "x"})
        assert (number[:30], response.status_code) == (number[:30], 404)
        page = read(response)
        assert page.all("html")[0].attributes["lang"] == language
        assert [h1.text for h1 in page.all("h1")] == [said(language, "This list has no such page.")]
        (first,) = [a.attributes["href"] for a in page.by_id("main").by_class("primary")]
        assert parse_qs(first.removeprefix("?")) == {"page": ["1"], "sort": ["x"]}
        assert client.get(address + first).status_code == 200


@pytest.mark.parametrize("address", [*LISTS, "/spending/"])
def test_an_unknown_order_is_ignored(checked, client, address):
    for sort in ("nonsense", "-", "--reference", "\0", "pk", "agency__path", "recorded,reference"):
        assert (sort, client.get(address, {"sort": sort}).status_code) == (sort, 200)


def test_an_address_that_cannot_be_is_not_found(client):
    for address in (
        "/subscriptions/%00/",
        "/subscriptions/a%00b/edit/",
        "/subscriptions/KR-49-2026-0001%00/void/",
        "/catalog/%00/",
        "/policies/%00/",
        "/sources/%00/",
        "/subscriptions/" + "x" * 3000 + "/",
        "/%ff%fe/",
        "/subscriptions/x/%ED%A0%80/",
    ):
        assert (address, client.get(address).status_code) == (address, 404)


@pytest.mark.parametrize("address", ["/agencies/options/", "/catalog/options/"])
def test_suggestions_take_any_text(client, address):
    for text in ("\0", "x" * 10_000, "%", "_", "\\", "' OR 1=1 --", "가", "😀" * 50):
        assert client.get(address, {"agency": text, "product": text}).status_code == 200


def test_a_price_line_is_added_for_any_count(client):
    for count in ("", "x", "-1", "99999999999", "\0", "²", "٣"):
        assert client.get("/subscriptions/price-line/", {"lines-TOTAL_FORMS": count}).status_code == 200


# --- acts and methods -------------------------------------------------------------------------------------------------


def test_an_unknown_act_on_a_record_is_not_found(client, jeju):
    subscription = record(jeju)
    for name in ("explode", "declare", "request", "delete", "Void", "edit-", "__class__"):
        assert client.post(f"{subscription.get_absolute_url()}{name}/").status_code == 404


def test_an_unknown_act_of_the_form_starts_nothing(client, jeju):
    response = client.post(NEW, {**filled_in(client), "act": "approve"})
    assert response.status_code == 302
    assert Subscription.objects.get(recorded_by=jeju).status == "draft"


def test_an_act_that_came_too_late_is_refused(client, jeju):
    """Two people decide at once: what the record does not allow any more is 403, and changes nothing."""
    subscription = record(jeju)
    assert client.post(f"{subscription.get_absolute_url()}void/", {"reason": "twice"}).status_code == 302
    assert client.post(f"{subscription.get_absolute_url()}void/", {"reason": "again"}).status_code == 403
    assert client.post(f"{subscription.get_absolute_url()}end/", {"on": "2026-02-01"}).status_code == 403
    assert list(subscription.decisions.values_list("act", flat=True)) == ["void", "declare"]


@LANGUAGES
@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("", "This field is required."),
        ("2026-02-30", A_DATE),
        ("9999-12-31", None),
        ("0001-01-01", None),
    ],
)
def test_a_wrong_last_day(client, jeju, speak, day, message, language):
    subscription = record(jeju)
    response = speak(client, language).post(
        f"{subscription.get_absolute_url()}end/", {"on": day, "reason": "Kept"}
    )
    assert response.status_code == 200
    if message:
        assert errors_on(response) == {"on": [said(language, message)]}
    else:
        text = (
            "The subscription does not allow this as it stands, or the day does not fit. Nothing was changed."
        )
        assert summary_on(response) == [said(language, text)]
    assert "Kept" in response.content.decode()
    subscription.refresh_from_db()
    assert (subscription.status, subscription.ends_on) == ("active", None)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_methods_that_no_page_knows(client, jeju, method):
    subscription = record(jeju)
    for address in (
        "/subscriptions/", NEW, CHECK, subscription.get_absolute_url(), f"{subscription.get_absolute_url()}edit/",
        f"{subscription.get_absolute_url()}void/", "/findings/", "/spending/", "/catalog/", "/policies/", "/sources/",
    ):  # fmt: skip
        assert getattr(client, method)(address).status_code == 405, address


# --- strange, but possible --------------------------------------------------------------------------------------------

POSSIBLE = {
    "the first day of the calendar": {"started_on": "0001-01-01", "lines-0-starts_on": ""},
    "its last day": {"ends_on": "9999-12-31", "lines-0-ends_on": "9999-12-31"},
    "all of it": {
        "started_on": "0001-01-01",
        "ends_on": "9999-12-31",
        "lines-0-starts_on": "0001-01-01",
        "lines-0-ends_on": "9999-12-31",
    },
    "a one-off on the last day": {
        "started_on": "9999-12-31",
        "ends_on": "9999-12-31",
        "lines-0-cycle": "one_off",
        "lines-0-starts_on": "9999-12-31",
        "lines-0-ends_on": "9999-12-31",
    },
    "the largest amount for the most seats": {
        "lines-0-amount": "999999999999999",
        "lines-0-seats": "10000000",
    },
    "the same in a currency of four decimals": {
        "lines-0-amount": "999999999999999",
        "lines-0-seats": "10000000",
        "lines-0-currency": "CLF",
    },
    "more notice than the database holds": {"notice_days": "32768"},
    "nothing but a name": dict.fromkeys(
        [name for name in GOOD if name not in ("agency", "product", "started_on") and "lines" not in name], ""
    ),
    "texts and digits of all kinds": {
        "plan": "<script>alert(1)</script>",
        "purpose": "</textarea><img src=x onerror=alert(1)> 😀𓀀\u202e\x7f\x1b[31m",
        "owner_department": "@SUM(1)",
        "reseller": "=cmd|' /C calc'!A0",
        "contract_number": "%s{}{{ 1 }}",
        "lines-0-amount": "１２３",
        "lines-0-seats": "٣",
        "notice_days": "३",
    },
}


@pytest.mark.parametrize("title", POSSIBLE)
def test_what_is_possible_is_stored_or_explained(checked, client, jeju, title):
    """And every page that shows it afterwards works, in both languages."""
    sent = {**filled_in(client), **POSSIBLE[title]}
    assert client.post(CHECK, sent).status_code == 200
    for act in ("draft", "request", "declare"):
        with transaction.atomic():
            response = client.post(NEW, {**sent, "act": act})
            if response.status_code == 200:
                assert summary_on(response) != []
            else:
                assert response.status_code == 302
                if act != "request":
                    shown_everywhere(client, Subscription.objects.get(recorded_by=jeju))
            transaction.set_rollback(True)


def shown_everywhere(client: Client, made: Subscription) -> None:
    own = [made.get_absolute_url(), f"{made.get_absolute_url()}edit/"]
    lists = ["/", "/subscriptions/?sort=-annual_cost", "/findings/", "/spending/"]
    for language, addresses in {"ko": own + lists, "en": own}.items():
        client.cookies["django_language"] = language
        for address in addresses:
            assert client.get(address).status_code == 200, address
    for address in ("/subscriptions/", "/spending/"):
        for kind in ("csv", "xlsx"):
            exported = client.get(address, {"_export": kind})
            assert exported.status_code == 200
            assert b"".join(exported) != b""
    for day in ("2026-12-31", "9999-12-31", "0001-01-01"):
        call_command("check_policies", on=day, verbosity=0, stdout=StringIO())
