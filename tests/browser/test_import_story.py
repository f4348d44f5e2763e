"""An import in a browser, by keyboard: a file with errors, corrected and repeated, imported, exported, and undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from subscriptions.models import Status, Subscription
from tests.browser.test_explorer_story import entered, reach

pytestmark = pytest.mark.browser

HEADER = "기관명,AI 도구,계약번호,시작일,좌석 수,1인당 월 이용료(만원),비고\n"
BAD = HEADER + "제주,ChatGTP,C-1,2026.1.1.,10,3.8,민원 답변\n제주,Claude,C-2,곧,5,4,보고서\n"
GOOD = BAD.replace("ChatGTP", "ChatGPT").replace("곧", "2026.2.1.")
TEXTS = {
    "en": {
        "errors": "2 errors: nothing can be imported yet",
        "ready": "The file can be imported",
        "done": "The file was imported",
        "undone": "The import was taken back",
    },
    "ko": {
        "errors": "오류 2건: 아직 가져올 수 없습니다",
        "ready": "가져올 수 있는 파일입니다",
        "done": "파일을 가져왔습니다",
        "undone": "가져오기를 취소했습니다",
    },
}
SUBMIT = ".gt-form-actions button[type=submit]"


def work() -> None:
    call_command("db_worker", "--batch", "--no-startup-delay", verbosity=0)


def uploaded(page: Page, path: Path, text: str) -> None:
    path.write_bytes(text.encode("cp949"))
    page.locator("#id_file").set_input_files(path)
    reach(page, f"#upload-form {SUBMIT}")
    entered(page)


def test_errors_corrected_and_repeated_then_undone(
    visit: Callable[..., Page],
    people: dict[str, Any],
    axe: Callable[..., None],
    language: str,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.IMPORTS_DIR = tmp_path / "imports"
    texts = TEXTS[language]
    before = Subscription.objects.count()
    page = visit("administrator", "/subscriptions/", language, "narrow" if language == "en" else "wide")
    reach(page, "a[href$='/imports/']")
    entered(page)
    axe(page)
    uploaded(page, tmp_path / "구독.csv", BAD)
    axe(page)
    # What the header does not say by itself is chosen once.
    expect(page.locator("#id_column_6")).to_have_value("")
    page.locator("#id_column_6").select_option("purpose")
    reach(page, SUBMIT)
    entered(page)
    expect(page.locator("progress")).to_be_visible()
    page.reload()
    axe(page)
    work()
    expect(page.locator(".gt-notice.state-danger")).to_contain_text(texts["errors"])
    axe(page)
    rows = page.locator("#problem-list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("(chatgpt)")
    reach(page, "a[href*='/imports/?kind=']")
    entered(page)

    uploaded(page, tmp_path / "구독.csv", GOOD)
    expect(page.locator("#id_column_6")).to_have_value("purpose")
    reach(page, SUBMIT)
    entered(page)
    work()
    expect(page.locator(".gt-notice.state-success")).to_contain_text(texts["ready"])
    axe(page)
    assert Subscription.objects.count() == before
    reach(page, "form[action$='/start/'] button")
    entered(page)
    work()
    expect(page.locator(".gt-notice.state-success")).to_contain_text(texts["done"])
    axe(page)
    new = Subscription.objects.filter(contract_number__in=("C-1", "C-2"))
    assert list(new.order_by("contract_number").values_list("status", "purpose")) == [
        (Status.DRAFT, "민원 답변"),
        (Status.DRAFT, "보고서"),
    ]

    reach(page, "a[href$='/undo/']")
    entered(page)
    axe(page)
    reach(page, SUBMIT)
    entered(page)
    work()
    expect(page.locator(".gt-notice.state-success")).to_contain_text(texts["undone"])
    assert set(new.values_list("status", flat=True)) == {Status.VOID}
    axe(page)
