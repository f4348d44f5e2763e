"""Snapshots and exports in a browser, by keyboard alone: freeze, open again, compare; and a file made in the background."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from oversight.models import ExportJob, Snapshot
from subscriptions.models import Subscription
from tests.browser.test_every_page import pay
from tests.browser.test_explorer_story import EXPLORE, entered, reach

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
TEXTS = {
    "en": {
        "intact": "Unchanged since it was frozen",
        "payments": "6 payments added",
        "ready": "The file is ready",
    },
    "ko": {
        "intact": "보존한 뒤로 바뀌지 않았습니다",
        "payments": "지급 내역 6건 추가",
        "ready": "파일이 준비되었습니다",
    },
}


def test_freeze_open_again_and_compare(
    visit: Visit, people: dict[str, Any], axe: Callable[..., None], language: str
) -> None:
    texts = TEXTS[language]
    page = visit("committee", f"{EXPLORE}?by=agency&kind=special_self_governing_province", language)
    reach(page, "a[href*='/explore/freeze/']")
    entered(page)
    axe(page)
    reach(page, "#id_title")
    page.keyboard.type("2026년 11월 · November")
    reach(page, ".gt-form-actions button[type=submit]")
    entered(page)
    snapshot = Snapshot.objects.get()
    expect(page).to_have_url(re.compile(f"/spending/snapshots/{snapshot.pk}/$"))
    expect(page.locator("h1")).to_have_text("2026년 11월 · November")
    expect(page.locator(".gt-notice.state-success", has_text=snapshot.sha256)).to_contain_text(
        texts["intact"]
    )
    frozen = page.locator("table").inner_text()

    # Something is paid in Jeju; the snapshot stays as it was.
    jeju = Subscription.objects.get(agency__code="KR-49")
    pay(jeju)
    page.goto("/spending/snapshots/")
    reach(page, f"tbody a[href$='/snapshots/{snapshot.pk}/']")
    entered(page)
    assert page.locator("table").inner_text() == frozen
    axe(page)

    # Beside today: what differs, and why, down to the record.
    reach(page, "a[href$='/compare/']")
    entered(page)
    axe(page)
    row = page.locator("tbody tr", has_text=jeju.reference).first
    expect(row).to_contain_text(texts["payments"])
    reach(page, "a[href$='?changed=on']")
    entered(page)
    expect(page.locator("tbody tr")).to_have_count(2)  # Jeju and the total
    reach(page, f"tbody a[href*='{jeju.reference}']")
    entered(page)
    assert jeju.reference in page.url


def test_an_excel_file_of_records(
    visit: Visit,
    people: dict[str, Any],
    axe: Callable[..., None],
    language: str,
    settings: Any,
    tmp_path: Path,
) -> None:
    """The page follows the worker by itself, and ends with the file."""
    settings.EXPORTS_DIR = tmp_path / "exports"
    pay(Subscription.objects.get(agency__code="KR-49"))
    page = visit("committee", f"{EXPLORE}records/", language)
    reach(page, "a[href*='_export=xlsx']")
    entered(page)
    reach(page, ".gt-form-actions button[type=submit]")
    entered(page)
    expect(page.locator("progress")).to_have_attribute("value", "0")
    axe(page)
    page.reload()
    call_command("db_worker", "--batch", "--no-startup-delay", verbosity=0)
    assert ExportJob.objects.get().state == ExportJob.State.DONE
    expect(page.locator(".gt-notice.state-success")).to_contain_text(TEXTS[language]["ready"])
    axe(page)
    reach(page, "a[href$='/file/']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    file = tmp_path / "records.xlsx"
    download.value.save_as(file)
    assert load_workbook(file).worksheets[0].max_row == 7  # six payments and the header
