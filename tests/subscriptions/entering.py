"""How the tests of pages fill in the record form: good values, what came back, and records made without the form."""

from __future__ import annotations

import datetime
from typing import Any

from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from agencies.models import Agency, User
from catalog.models import Product
from subscriptions import recording
from subscriptions.models import PriceLine, Subscription
from tests.pages import form_on

NEW = "/subscriptions/new/"
CHECK = "/subscriptions/check/"

GOOD = {
    "agency": "KR-49",
    "product": "chatgpt",
    "plan": "Team",
    "purpose": "Drafts of letters\r\nand minutes, “quoted” & <tagged>",
    "owner_department": "정보화담당관",
    "data_class": "open",
    "personal_data": "false",
    "started_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "auto_renewal": "true",
    "notice_days": "30",
    "payer": "KR-49",
    "payment_route": "official_card",
    "reseller": "A reseller",
    "contract_number": "2026-17",
    "lines-0-standing": "stated",
    "lines-0-amount": "30,000",
    "lines-0-currency": "KRW",
    "lines-0-vat": "included",
    "lines-0-basis": "per_seat",
    "lines-0-cycle": "monthly",
    "lines-0-seats": "10",
    "lines-0-starts_on": "2026-01-01",
    "lines-0-ends_on": "2026-12-31",
}


def said(language: str, text: str, **values: Any) -> str:
    """The text as a page of that language shows it."""
    with translation.override(language):
        return (gettext(text) % values if values else gettext(text)).strip()


def filled_in(client: Client, address: str = NEW, **changes: str) -> dict[str, Any]:
    """The form at the address as it is shown (a new one with GOOD values), then with `changes`."""
    page = client.get(address)
    assert page.status_code == 200
    return {**form_on(page), **(GOOD if address == NEW else {}), **changes}


def typed_of(sent: dict[str, Any]) -> dict[str, Any]:
    """What was typed, without the token and the button."""
    return {name: value for name, value in sent.items() if name not in ("csrfmiddlewaretoken", "act")}


def kept_of(response: Any, sent: dict[str, Any]) -> dict[str, Any]:
    """What the form that came back holds, for the names that were sent; line ends as the browser sends them."""
    shown = form_on(response)
    return {name: str(shown.get(name, "")).replace("\r\n", "\n").replace("\n", "\r\n") for name in sent}


def record(
    by: User, code: str = "KR-49", line: dict[str, Any] | None = None, draft: bool = False, **fields: Any
) -> Subscription:
    """A subscription that passes every policy, recorded as in use or as a draft."""
    known: dict[str, Any] = {
        "data_class": "open",
        "personal_data": False,
        "started_on": datetime.date(2026, 1, 1),
    }
    known["product"] = Product.objects.get(code="chatgpt")
    subscription = Subscription(agency=Agency.objects.get(code=code), **{**known, **fields})
    price = PriceLine(**{"amount": 30_000, "seats": 10, "vat": PriceLine.Vat.INCLUDED, **(line or {})})
    act = recording.save_draft if draft else recording.declare
    return act(subscription, [price], by=by).subscription
