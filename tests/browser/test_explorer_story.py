"""The explorer in a browser: by keyboard alone from question to file, and onto paper."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agencies.models import Agency, SavedView
from subscriptions.models import Subscription
from tests.browser.test_every_page import pay
from tests.subscriptions.factories import agency_at

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
EXPLORE = "/spending/explore/"


def reach(page: Page, selector: str, limit: int = 150) -> None:
    """Go on by the tab key alone until this has the focus."""
    for _step in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by keyboard")


def choose(page: Page, name: str, letters: str) -> None:
    """A choice of a list, by typing the start of its name."""
    reach(page, f"[name={name}]")
    page.keyboard.type(letters)


def entered(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_by_keyboard(visit: Visit, people: dict[str, Any], axe: Callable[..., None], tmp_path: Path) -> None:
    """Ask, filter, go one level down, see the records, switch the language, save and share, take a file away."""
    agency_at("KR/KR-49/C1")
    pay(Subscription.objects.get(agency__code="KR-49"))
    page = visit("committee", EXPLORE, "en")

    # Ask: spending paid, by agency and then by AI tool, of special self-governing provinces.
    choose(page, "then", "AI tool")
    reach(page, ".gt-ask summary")
    page.keyboard.press("Enter")
    choose(page, "kind", "Special self-governing province")
    reach(page, ".gt-ask button[type=submit]")
    entered(page)
    assert "then=product" in page.url
    assert "kind=special_self_governing_province" in page.url
    expect(page.locator("tbody tr.subtotal")).to_have_count(3)
    row = page.locator("tr.subtotal", has_text="Jeju")
    expect(row.locator("td").nth(1)).to_contain_text("1 rate missing")

    # Order by the figure.
    reach(page, "thead a[href*='sort=figure']")
    entered(page)
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Spending paid")

    # From a tile of the map to the records behind it, and back.
    reach(page, "a.gt-tile[data-code='KR-49']")
    entered(page)
    expect(page).to_have_url(re.compile(r"/records/\?.*agency=KR-49"))
    page.go_back()

    # One level down, by the agency's name.
    reach(page, "tbody a[href*='agency=KR-49']:not([href*=records])")
    entered(page)
    expect(page.locator("tbody tr.subtotal th").first).to_have_text("Jeju itself")
    axe(page)

    # In Korean, the same question.
    question = page.url.partition("?")[2]
    reach(page, ".header-utility form button[value=ko]")
    entered(page)
    assert page.url.partition("?")[2] == question
    expect(page.locator("html")).to_have_attribute("lang", "ko")

    # Save it, shared with the committee of Jeju.
    reach(page, "a[href*='/explore/save/']")
    entered(page)
    reach(page, "[name=title]")
    page.keyboard.type("제주의 지출")
    reach(page, "[name=shared_with]")
    for _step in range(18):
        page.keyboard.press("ArrowDown")
        if page.locator("[name=shared_with]").input_value() == "KR-49":
            break
    reach(page, "#main form button[type=submit]")
    entered(page)
    view = SavedView.objects.get()
    assert view.shared_with == Agency.objects.get(code="KR-49")
    assert view.query == question

    # Take it away as JSON.
    reach(page, "a[href*='_export=json']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    kept = tmp_path / "answer.json"
    download.value.save_as(kept)
    document = json.loads(kept.read_text())
    assert [key["code"] for line in document["subtotals"] for key in line["keys"]] == ["KR-49", "C1"][:1]
    assert document["total"]["figure"]["missing"] == {"rate_missing": 1}

    # Jeju's committee finds it; Seoul's does not.
    page = visit("committee-jeju", EXPLORE, "ko")
    reach(page, "#main details summary")
    page.keyboard.press("Enter")
    reach(page, f"a[href$='/saved/{view.pk}/']")
    entered(page)
    assert page.url.partition("?")[2] == question
    page = visit("sibling", EXPLORE, "ko")
    expect(page.locator("a[href*='/saved/']")).to_have_count(0)


def test_columns_without_script(visit: Visit, browser: Any, base_url: str) -> None:
    """Choosing columns is a plain form: it keeps the rest of the address."""
    page = visit("committee", f"{EXPLORE}?measure=stated&sort=-figure", "en")
    plain = browser.new_context(base_url=base_url, java_script_enabled=False)
    plain.add_cookies(page.context.cookies())
    page = plain.new_page()
    page.goto(f"{EXPLORE}?measure=stated&sort=-figure")
    page.locator("summary", has_text="Choose columns").click()
    page.get_by_role("checkbox", name="At most", exact=True).check()
    page.get_by_role("checkbox", name="Share of total", exact=True).uncheck()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator("thead th")).to_have_text(["Agency", "Spending stated", "At most"])
    expect(page.locator("tbody th").first).to_have_text("Jeju")
    plain.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_on_paper(visit: Visit, language: str) -> None:
    """One PDF of A4 pages with the title, the citation, the table, the drawn chart and the map, and no navigation."""
    page = visit("committee", f"{EXPLORE}print/?measure=stated", language)
    page.wait_for_function(DRAWN)
    assert page.locator("header, nav, form, button").count() == 0
    assert page.locator("a.gt-tile").count() == 17
    width = page.evaluate("document.querySelector('canvas').getBoundingClientRect().width")
    assert 600 < width < 681  # drawn as wide as the paper is between its margins: 180 mm are 680 pixels
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF-")
    # What a page is in Chromium's own PDF, whose text is compressed: one object each, in points of an inch.
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 2
    boxes = set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf))
    sizes = {tuple(round(float(number)) for number in box.split()) for box in boxes}
    assert sizes <= {(0, 0, 595, 842), (0, 0, 594, 842), (0, 0, 596, 842)}
    assert sizes


DRAWN = """() => {
    const canvas = document.querySelector("canvas");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let inked = 0;
    for (let at = 3; at < pixels.length; at += 4) inked += pixels[at] > 0;
    return inked > 2000;
}"""


@pytest.mark.parametrize("query", ["", "?by=month&then=product", "?then=product", "?measure=stated"])
def test_charts_are_drawn(visit: Visit, people: dict[str, Any], query: str) -> None:
    """Bars, stacks and lines; a script that fails would be in the console."""
    pay(Subscription.objects.get(agency__code="KR-49"))
    page = visit("committee", EXPLORE + query, "en")
    page.locator("canvas").scroll_into_view_if_needed()
    page.wait_for_function(DRAWN)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for place in (0.3, 0.6, 0.9):  # the words of unknown figures are drawn on hovering, too
        page.mouse.move(box["x"] + box["width"] * place, box["y"] + box["height"] * place)
    page.wait_for_timeout(100)
