"""A subscription through its life in a browser: requested, approved, started, reminded of, renewed, its growth approved."""

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

from agencies.models import Agency, Notice
from catalog.models import Product
from subscriptions import recording
from subscriptions.models import PriceLine, Renewal, Reopening, Status, Subscription

pytestmark = pytest.mark.browser

PDF = b"%PDF-1.7\n%%EOF\n"


def said(language: str, text: str) -> str:
    with translation.override(language):
        return gettext(text)


def pressed(page: Page, language: str, name: str) -> None:
    page.locator("#main").get_by_role("button", name=said(language, name), exact=True).click()


def followed(page: Page, language: str, name: str) -> None:
    page.locator("#main").get_by_role("link", name=said(language, name), exact=True).first.click()


def test_from_the_request_to_the_renewal(
    visit: Callable[..., Page], people: dict[str, Any], language: str, settings: Any, tmp_path: Any
) -> None:
    settings.ATTACHMENTS_DIR = tmp_path
    today = timezone.localdate()
    tomorrow = today + datetime.timedelta(days=1)
    other = Subscription(
        agency=Agency.objects.get(code="KR-49"),
        product=Product.objects.get(code="chatgpt"),
        data_class="open",
        personal_data=False,
        started_on=today,
    )
    paid = PriceLine(amount=20_000, seats=5, vat=PriceLine.Vat.INCLUDED)
    recording.declare(other, [paid], by=people["administrator"])

    page = visit("administrator", "/subscriptions/new/", language, "narrow")
    page.locator("#id_product").select_option("chatgpt")
    page.locator("#id_data_class").select_option("open")
    page.locator("#id_personal_data").select_option("false")
    page.locator("#id_started_on").fill(tomorrow.isoformat())
    page.locator("#id_ends_on").fill((today + datetime.timedelta(days=60)).isoformat())
    page.locator("#id_auto_renewal").select_option("true")
    page.locator("#id_notice_days").fill("30")
    page.locator("#id_contract_number").fill("2026-17")
    page.locator("#id_lines-0-amount").fill("30,000")
    page.locator("#id_lines-0-vat").select_option("included")
    page.locator("#id_lines-0-seats").fill("10")
    pressed(page, language, "Request approval")
    page.wait_for_url(re.compile(r"/subscriptions/KR-49-\d+-\d+/$"))
    address = page.url
    subscription = Subscription.objects.get(reference=address.rstrip("/").rpartition("/")[2])
    assert subscription.status == Status.REQUESTED
    followed(page, language, "Comments and files")
    page.locator("#id_file-file").set_input_files(
        {"name": "견적서.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    pressed(page, language, "Add the file")
    with page.expect_download() as download:
        page.locator("#main").get_by_role("link", name="견적서.pdf", exact=True).click()
    assert download.value.suggested_filename == "견적서.pdf"

    page = visit("approver", address, language)
    followed(page, language, "Look at what is to be decided")
    main = page.locator("#main")
    expect(main).to_contain_text(said(language, "Nobody has decided on this record yet: all of it is new."))
    expect(main.get_by_role("table")).to_contain_text("20,000")
    pressed(page, language, "Refuse")
    expect(main.get_by_role("alert").first).to_be_visible()  # a refusal needs its reason
    page.go_back()
    main.locator("[name=reason]").fill("확인함")
    pressed(page, language, "Approve")
    page.wait_for_url(address)
    subscription.refresh_from_db()
    assert subscription.status == Status.APPROVED

    Subscription.objects.filter(pk=subscription.pk).update(started_on=today)  # the first day comes
    page = visit("administrator", address, language)
    followed(page, language, "Start")
    pressed(page, language, "Start")
    page.wait_for_url(address)
    subscription.refresh_from_db()
    assert subscription.status == Status.ACTIVE

    call_command("send_reminders", verbosity=0)
    page.goto("/subscriptions/")
    page.get_by_role("link", name=said(language, "Renewals"), exact=True).click()
    row = page.locator("tbody tr", has_text=subscription.reference)
    expect(row).to_contain_text(said(language, "To be decided"))
    row.get_by_role("link").click()
    followed(page, language, "Renew")
    page.get_by_label(said(language, "As so far, for another number of seats")).check()
    page.locator("[name=seats]").fill("25")
    page.locator("#main form button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text(said(language, "The subscription is renewed."))
    expect(page.locator("section[aria-labelledby=renewal]")).to_contain_text(said(language, "Earlier terms"))
    states = (
        Renewal.objects.filter(subscription=subscription).order_by("ends_on").values_list("state", flat=True)
    )
    assert list(states) == ["renewed", "open"]
    assert list(subscription.price_lines.order_by("position").values_list("seats", flat=True)) == [10, 25]
    expect(main).to_contain_text(said(language, "A change waits for approval"))
    page.locator("header a.gt-notices").click()
    reminder = Notice.objects.get(key="renewal_by_itself", recipient=people["administrator"])
    page.locator(f"form.what[action='/notices/{reminder.pk}/'] .gt-told__open").press("Enter")
    expect(page).to_have_url(re.compile(f"{subscription.get_absolute_url()}$"))
    reminder.refresh_from_db()
    assert reminder.read_at is not None
    page = visit("approver", f"{address}review/", language)
    expect(main.get_by_role("table").first).to_contain_text("25")
    pressed(page, language, "Approve")
    page.wait_for_url(address)
    assert Reopening.objects.get().closed_as == Reopening.Closing.APPROVED
    followed(page, language, "Timeline")
    expect(main.locator(".gt-timeline > li").first).to_be_visible()
    for text in ("견적서.pdf", "확인함", said(language, "Renew")):
        expect(main).to_contain_text(text)
