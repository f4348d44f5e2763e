"""The pages of renewals: the list with its filters and files, the calendar, and the forms at the end of a term."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Notice
from subscriptions.models import ReminderPlan, Renewal, Subscription
from subscriptions.renewals.deciding import let_end
from subscriptions.renewals.keeping import keep_many
from tests.pages import read
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    days,
    kept,
    make_policy,
)

NEXT = datetime.date(2028, 3, 6)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def subscribed(path: str = "KR/P1", left: int | None = 30, **fields: Any) -> Subscription:
    """A subscription whose last day to give notice is so many days after DAY; None: it gives no end."""
    ends_on = None if left is None else days(left)
    known = {"auto_renewal": True, "notice_days": 0, "ends_on": ends_on, **fields}
    subscription = SubscriptionFactory(agency=agency_at(path), **known)
    PriceLineFactory(subscription=subscription)
    keep_many([subscription.pk])
    return kept(subscription)


def references(response: Any) -> list[str]:
    """The references of the list's rows, in their order."""
    assert response.status_code == 200
    return [cell.text for cell in read(response).all("th") if cell.attributes.get("scope") == "row"]


def test_the_list(signed_in: Callable[..., Any]):
    """It begins with what is to be decided soon; each filter narrows it; what lies elsewhere is neither there nor counted."""
    client = signed_in("administrator", "P1", language="en")
    agency_at("KR/P1")
    soon, far = subscribed(left=30, owner_department="정보화담당관"), subscribed(left=120, auto_renewal=False)
    unclear = subscribed(left=60, auto_renewal=None, notice_days=None, product=ProductFactory(code="x"))
    late, over, endless = subscribed(left=10, notice_days=30), subscribed(left=-3), subscribed(left=None)
    ending = subscribed(left=45)
    let_end(ending, by=client.user, reason="=too dear")
    subscribed("KR/P2", left=30)

    found = {
        query: references(client.get(f"/renewals/{query}"))
        for query in (
            "",
            "?when=30",
            "?when=passed",
            "?when=over",
            "?when=unknown",
            "?when=180&sort=-notice_by",
            "?when=&state=ending",
            "?when=90&auto_renewal=unknown",
            "?when=90&product=x",
            "?when=90&department=정보화",
            "?when=90&agency=P1",
            f"?since={days(100)}&until={days(130)}",
        )
    }
    assert found == {
        "": [soon.reference, unclear.reference],
        "?when=30": [soon.reference],
        "?when=passed": [late.reference],
        "?when=over": [over.reference],
        "?when=unknown": [endless.reference],
        "?when=180&sort=-notice_by": [far.reference, unclear.reference, ending.reference, soon.reference],
        "?when=&state=ending": [ending.reference],
        "?when=90&auto_renewal=unknown": [unclear.reference],
        "?when=90&product=x": [unclear.reference],
        "?when=90&department=정보화": [soon.reference],
        "?when=90&agency=P1": [soon.reference, ending.reference, unclear.reference],
        f"?since={days(100)}&until={days(130)}": [far.reference],
    }
    page = read(client.get("/renewals/")).text
    assert "Of 1 subscription the last day to give notice has passed without a decision." in page
    assert "1 subscription in force gives no end" in page
    assert "Aug. 14, 2026 at the latest" in page
    assert client.get("/renewals/?when=nonsense&_export=csv").status_code == 400

    file = b"".join(client.get("/renewals/?when=&state=ending&_export=csv")).decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(file))
    told = ("Reference", "Last day to give notice", "Ends", "Decision", "Reason")
    assert [row[name] for name in told] == [
        ending.reference, "2026-07-30", "2026-07-30", "Not to be renewed", "'=too dear",
    ]  # fmt: skip


def test_lists_and_calendar_ask_as_much_for_many_as_for_one(signed_in: Callable[..., Any]):
    client = signed_in("administrator", "P1")
    agency_at("KR/P1")

    def asked() -> dict[str, int]:
        counts = {}
        for page in ("/renewals/", "/renewals/calendar/?month=2026-07", "/notices/"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(page).status_code == 200
            counts[page] = len(captured)
        return counts

    def more(number: int) -> None:
        for _each in range(number):
            subscription = subscribed(left=30)
            parameters = {"reference": subscription.reference, "by": "B", "policy": "p"}
            Notice.objects.create(recipient=client.user, key="finding_overdue", parameters=parameters)

    more(1)
    one = asked()
    more(20)
    assert (asked(), one) == (
        one,
        {"/renewals/": 12, "/renewals/calendar/?month=2026-07": 10, "/notices/": 7},
    )


def test_the_calendar(signed_in: Callable[..., Any]):
    """Days hold their first three; the rest of a day are in the list; days off say which they are."""
    client = signed_in("administrator", "P1", language="en")
    agency_at("KR/P1")
    for _each in range(5):
        subscribed(left=30)
    subscribed("KR/P2", left=30)
    page = read(client.get("/renewals/calendar/?month=2026-07"))
    cells = {cell.text for cell in page.all("td") if cell.all("li")}
    assert len(cells) == 1
    [text] = cells
    assert text.startswith("15 July 15, 2026 Wed")
    assert text.endswith("2 more : July 15, 2026")
    assert page.all("th")[0].text == "Sunday"
    assert "Constitution Day" in page.text
    [more] = [link.attributes["href"] for link in page.all("a") if link.text.startswith("2 more")]
    assert len(references(client.get(more))) == 5
    assert [client.get(f"/renewals/calendar/?month={month}").status_code for month in ("x", "9999-12")] == [
        404,
        404,
    ]
    assert "falls in this month" in read(client.get("/renewals/calendar/?month=2027-01")).text


def test_renewing_on_the_page(signed_in: Callable[..., Any]):
    """The form offers a term as long as the last; a new price needs an amount; a policy's refusal says why; a stale form asks."""
    client = signed_in("administrator", "P1", language="en")
    agency_at("KR/P1")
    subscription = subscribed(left=264, started_on=days(-100), personal_data=False)
    address = f"/subscriptions/{subscription.reference}/"
    form = client.get(f"{address}renew/").context["form"]
    assert form.initial["ends_on"] == NEXT
    sent = {"version": subscription.version, "ends_on": NEXT, "auto_renewal": "true", "notice_days": 30}

    page = client.post(f"{address}renew/", {**sent, "prices": "new", "line-standing": "stated"})
    assert "Amount: Give the amount, or say why there is none." in read(page).text
    page = client.post(f"{address}renew/", {**sent, "prices": "seats"})
    assert page.context["form"].errors == {"seats": ["Give the number of seats of the new term."]}
    page = client.post(f"{address}renew/", {**sent, "version": 7, "prices": "as_so_far"})
    assert "This record was changed while you were editing it." in read(page).text
    rule = make_policy(("personal_data", "is", [False]), scope=agency_at("KR"))
    page = client.post(f"{address}renew/", {**sent, "prices": "as_so_far"})
    assert "A policy does not allow this renewal. Nothing was saved." in read(page).text
    rule.delete()
    priced = {
        "line-standing": "stated",
        "line-amount": "20,000",
        "line-currency": "KRW",
        "line-vat": "included",
        "line-basis": "per_seat",
        "line-cycle": "monthly",
        "line-seats": "12",
    }
    page = client.post(f"{address}renew/", {**sent, "prices": "new", **priced, "reason": "used"}, follow=True)
    assert "The subscription is renewed." in read(page).text
    assert "Term until March 6, 2027: Renewed until March 6, 2028" in read(page).text
    lines = subscription.price_lines.values_list("amount", "seats", "starts_on", "ends_on")
    assert list(lines) == [(10_000, 10, None, days(264)), (20_000, 12, days(265), None)]

    for first, last in (("0001-01-01", "0001-01-02"), ("2026-01-01", "9999-12-31")):
        odd = subscribed(started_on=first, ends_on=last)
        pages = [client.get(f"/subscriptions/{odd.reference}/{page}").status_code for page in ("", "renew/")]
        assert pages == [200, 200]

    client.post(f"{address}let-end/", {"reason": ""})
    page = client.post(f"{address}let-end/", {"reason": "too dear", "notice_given_on": DAY}, follow=True)
    assert "Not to be renewed" in read(page).text
    client.post(f"{address}reconsider/")
    assert Renewal.objects.current().get(subscription=subscription).state == "open"
    client.post(f"{address}reminders/", {"days": "7, 60"})
    assert ReminderPlan.objects.get(subscription=subscription).days == [60, 7]
    page = client.post(f"{address}reminders/", {"days": "7, soon"})
    assert page.context["form"].errors == {"days": ["Give whole numbers of days, such as 90, 30, 7."]}
    client.post(f"{address}reminders/", {"days": "", "as_usual": "on"})
    assert not ReminderPlan.objects.exists()
