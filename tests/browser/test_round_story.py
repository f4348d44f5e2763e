"""A collection round in a real browser, from its draft to the page of the report that it becomes."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone, translation
from django.utils.translation import gettext
from playwright.sync_api import Page, expect

from oversight.round_models import Return, Round
from subscriptions.models import Subscription
from tests.browser.test_every_page import pay
from tests.subscriptions.factories import agency_at

pytestmark = pytest.mark.browser


def test_a_round_from_opening_to_the_report(
    browser_page: Page,
    people: dict[str, Any],
    sign_in: Callable[..., None],
    axe: Callable[..., None],
    language: str,
) -> None:
    page = browser_page
    page.set_viewport_size({"width": 1280, "height": 900})
    for code in ("C1", "C2", "C3"):
        agency_at(f"KR/KR-49/{code}")
    pay(Subscription.objects.get(agency__code="KR-49"))

    def said(text: str) -> str:
        with translation.override(language):
            return gettext(text)

    def open_as(title: str, address: str) -> None:
        sign_in(page, people[title], language)
        page.goto(address)

    def press(text: str) -> None:
        with page.expect_navigation():
            page.locator("#main").get_by_role("button", name=said(text), exact=True).click()

    def follow(text: str) -> None:
        with page.expect_navigation():
            page.locator("#main").get_by_role("link", name=said(text), exact=True).first.click()

    # A committee prepares a round and opens it.
    open_as("committee-jeju", "/rounds/")
    follow("New round")
    page.locator("#id_title_ko").fill("2026년 상반기 조사")
    page.locator("#id_title_en").fill("First half of 2026")
    page.locator("#id_scope").select_option("KR-49")
    page.locator("#id_period_from").fill("2026-01-01")
    page.locator("#id_period_until").fill("2026-06-30")
    page.locator("#id_due_on").fill((timezone.localdate() + datetime.timedelta(days=7)).isoformat())
    axe(page)
    press("Save as a draft")
    follow("Open the round")
    press("Open the round")
    round_ = Round.objects.get()
    assert (round_.status, round_.asked.count()) == ("open", 4)

    # The agencies' administrator is told on the home page, and answers: confirmed, none, and why it cannot say.
    open_as("administrator", "/")
    page.locator(f"#main a[href$='/rounds/{round_.pk}/agencies/KR-49/']").first.click()
    expect(page.locator(".gt-figure-card").first).to_contain_text("6,004,052")
    axe(page)
    follow("Confirm as it stands")
    press("Confirm as it stands")
    page.goto(f"/rounds/{round_.pk}/agencies/C1/")
    follow("File a nil return")
    press("File a nil return")
    page.goto(f"/rounds/{round_.pk}/agencies/C2/")
    follow("Say why you cannot say")
    page.locator("input[name=category][value=withheld]").check()
    page.locator("#id_reason").fill("계약에 따라 비공개")
    press("Say why you cannot say")
    axe(page)
    assert list(Return.objects.order_by("pk").values_list("answer", flat=True)) == [
        "reported",
        "nil",
        "cannot_say",
    ]

    # The committee reminds who is silent, and closes the round.
    open_as("committee-jeju", f"/rounds/{round_.pk}/")
    expect(page.locator(".gt-figure-card").first).to_contain_text("75.0%")
    follow("Remind those who have not answered")
    press("Remind those who have not answered")
    follow("Close the round")
    expect(page.locator("#main .gt-prose")).to_contain_text("1 (25.0%)")
    press("Close the round")
    axe(page)
    follow("See the source")
    expect(page.locator("#S1")).to_contain_text("6,004,052")
    expect(page.locator("#main")).to_contain_text("C3")
    source = page.url

    # Nobody else sees the source until it is published; then its report is everybody's.
    sign_in(page, people["administrator"], language)
    hidden = page.goto(source)
    assert hidden is not None
    assert hidden.status == 404
    open_as("committee-jeju", f"/rounds/{round_.pk}/")
    follow("Publish the source")
    press("Publish the source")
    open_as("nobody", source)
    follow("Compare with other sources")
    expect(page).to_have_url(re.compile(r"/reports/round-2026-06-\d+/"))
    expect(page.locator("#main")).to_contain_text("6,004,052")
    axe(page)
