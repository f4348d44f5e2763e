"""A renewal in a real browser: reminded of, found in the list, renewed, and its notice read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone, translation
from django.utils.translation import gettext
from playwright.sync_api import Page, expect

from agencies.models import Agency
from catalog.models import Product
from subscriptions import recording
from subscriptions.models import PriceLine, Renewal, Subscription

pytestmark = pytest.mark.browser


def said(language: str, text: str) -> str:
    with translation.override(language):
        return gettext(text)


def test_from_the_reminder_to_the_renewal(
    browser_page: Page, people: dict[str, Any], sign_in: Callable[..., None], language: str
) -> None:
    page, today = browser_page, timezone.localdate()
    page.set_viewport_size({"width": 1280, "height": 900})
    ends_on = today + datetime.timedelta(days=60)
    subscription = Subscription(
        agency=Agency.objects.get(code="KR-49"),
        product=Product.objects.get(code="chatgpt"),
        started_on=today,
        ends_on=ends_on,
        auto_renewal=True,
        notice_days=30,
        data_class="open",
        personal_data=False,
    )
    line = PriceLine(amount=30_000, seats=10, vat=PriceLine.Vat.INCLUDED)
    recording.declare(subscription, [line], by=people["administrator"])
    call_command("send_reminders", verbosity=0)
    sign_in(page, people["administrator"], language)

    page.goto("/subscriptions/")
    expect(page.locator(".gt-notices .gt-count").first).to_contain_text("1")
    page.get_by_role("link", name=said(language, "Renewals"), exact=True).click()
    row = page.locator("tbody tr", has_text=subscription.reference)
    expect(row).to_contain_text(said(language, "To be decided"))
    row.get_by_role("link").click()

    page.get_by_role("link", name=said(language, "Renew"), exact=True).click()
    page.get_by_label(said(language, "As so far, for another number of seats")).check()
    page.locator("[name=seats]").fill("25")
    page.locator("#main form button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text(said(language, "The subscription is renewed."))
    expect(page.locator("section[aria-labelledby=renewal]")).to_contain_text(said(language, "Earlier terms"))
    assert [r.state for r in Renewal.objects.filter(subscription=subscription).order_by("ends_on")] == [
        "renewed",
        "open",
    ]
    assert list(subscription.price_lines.order_by("position").values_list("seats", flat=True)) == [10, 25]

    page.locator("header a.gt-notices").click()
    told = page.locator(".gt-told li")
    expect(told).to_have_count(1)
    told.locator(".gt-told__open").press("Enter")
    expect(page).to_have_url(re.compile(f"{subscription.get_absolute_url()}$"))
    expect(page.locator(".gt-notices .gt-count")).to_have_count(0)
