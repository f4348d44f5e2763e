"""The main jobs in a real browser, in Korean and English, on a wide and a narrow screen, by mouse and by keyboard."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation
from django.utils.translation import gettext
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from agencies.models import Agency
from policies.models import PolicyVersion
from subscriptions import recording
from subscriptions.models import Decision, PriceLine, Status, Subscription

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
NEW = "/subscriptions/new/"


def said(language: str, text: str) -> str:
    with translation.override(language):
        return gettext(text)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def reference_on(page: Page) -> str:
    page.wait_for_url(re.compile(r"/subscriptions/KR-[0-9A-Z-]+/(#.*)?$"))
    return page.url.partition("#")[0].rstrip("/").rpartition("/")[2]


def menu(page: Page, screen: str, language: str, text: str) -> None:
    """Follow an entry of the main menu, which a narrow screen has behind a button."""
    if screen == "narrow":
        page.get_by_role("button", name=said(language, "All menus"), exact=True).click()
        page.locator("#mobile-nav").get_by_role("link", name=said(language, text), exact=True).click()
    else:
        page.locator(".krds-main-menu").get_by_role("link", name=said(language, text), exact=True).click()


def test_deepseek_is_refused_with_its_legal_basis(visit: Visit, language: str, screen: str) -> None:
    page = visit("administrator", NEW, language, screen)
    version = PolicyVersion.objects.get(policy__code="deepseek-block")
    basis = squeezed(getattr(version, f"legal_basis_{language}"))
    panel = page.locator("#verdicts")
    expect(panel).to_contain_text(
        said(language, "Choose an agency and a tool, and the policies in force are checked while you type.")
    )
    page.locator("#id_product").select_option("deepseek")
    expect(panel.locator(".gt-verdict.state-violation")).to_have_count(1)
    expect(panel).to_contain_text(basis)
    assert Decision.objects.count() == 0

    page.locator("#id_purpose").fill("민원 답변 초안")
    page.locator("#id_started_on").fill(timezone.localdate().isoformat())
    page.get_by_role("button", name=said(language, "Request approval")).click()
    subscription = Subscription.objects.get(reference=reference_on(page))
    main = page.locator("#main")
    expect(main.get_by_role("alert").first).to_be_visible()
    for text in (
        basis,
        squeezed(getattr(version, f"remedy_{language}")),
        said(language, "Draft"),
        "민원 답변 초안",
    ):
        expect(main).to_contain_text(text)
    assert (subscription.status, subscription.decisions.get().result) == (Status.DRAFT, "refused")
    assert not subscription.findings.exists()


def test_chatgpt_is_recorded_and_seen_at_once(visit: Visit, language: str, screen: str) -> None:
    page = visit("administrator", "/spending/", language, screen)
    jeju = Agency.objects.get(code="KR-49")
    row = page.get_by_role("row").filter(has_text=getattr(jeju, f"name_{language}"))
    before = row.locator("td").nth(3).inner_text()
    assert before.split()[0] == "1"

    menu(page, screen, language, "Subscriptions")
    page.locator("#main").get_by_role("link", name=said(language, "Record a subscription")).click()
    page.locator("#id_product").select_option("chatgpt")
    expect(page.locator("#verdicts .gt-verdict").first).to_be_visible()
    page.locator("#id_data_class").select_option("open")
    page.locator("#id_personal_data").select_option("false")
    page.locator("#id_started_on").fill(timezone.localdate().isoformat())
    page.locator("#id_lines-0-amount").fill("30,000")
    page.locator("#id_lines-0-vat").select_option("included")
    page.locator("#id_lines-0-seats").fill("10")
    passes = said(language, "No policy stands against this")
    expect(page.locator("#verdicts")).to_contain_text(passes)
    page.get_by_role("button", name=said(language, "Record as already in use")).click()
    reference = reference_on(page)
    expect(page.get_by_role("status").first).to_contain_text(said(language, "Recorded as already in use."))

    menu(page, screen, language, "Subscriptions")
    listed = page.get_by_role("row").filter(has_text=reference)
    cost = {"ko": "3,600,000원", "en": "₩3.6M"}[language]
    expect(listed).to_contain_text("ChatGPT" if language == "en" else "챗GPT")
    expect(listed).to_contain_text(cost)

    menu(page, screen, language, "Spending")
    row = page.get_by_role("row").filter(has_text=getattr(jeju, f"name_{language}"))
    expect(row.locator("td").nth(3)).to_contain_text("2")
    expect(row.locator("td").nth(4)).to_contain_text(cost)


def test_another_agencys_record_is_not_found(visit: Visit, people: dict[str, Any], language: str) -> None:
    theirs = Subscription.objects.get(agency__code="KR-11")
    for address in (theirs.get_absolute_url(), f"{theirs.get_absolute_url()}edit/"):
        page = visit("administrator", address, language)
        response = page.reload()
        assert response is not None
        assert response.status == 404
        expect(page.locator("h1")).to_have_text(
            said(language, "This page does not exist, or it is not visible to you.")
        )
        assert theirs.reference not in page.locator("#main").inner_text()
    page = visit("sibling", theirs.get_absolute_url(), language)
    expect(page.locator("#main")).to_contain_text(theirs.reference)


def test_a_committee_reads_filters_and_takes_away(
    visit: Visit, language: str, screen: str, tmp_path: Path
) -> None:
    page = visit("committee", "/spending/", language, screen)
    table = page.locator("table").first
    expect(table.locator("tbody tr")).to_have_count(17)
    total = {"ko": "391,700,000원", "en": "₩391.7M"}[language]
    expect(table.locator("tfoot")).to_contain_text(total)
    expect(page.locator("canvas[data-chart]")).to_be_visible()

    filters = page.locator("details.gt-filter")
    if filters.get_attribute("open") is None:
        filters.locator("summary").first.click()
    page.locator("#id_kind").select_option("province")
    page.get_by_role("button", name=said(language, "Apply filters")).click()
    page.wait_for_url("**/spending/?*kind=province*")
    provinces = Agency.objects.filter(kind=Agency.Kind.PROVINCE).count()
    expect(table.locator("tbody tr")).to_have_count(provinces)
    shown = [squeezed(name) for name in table.locator("tbody th").all_inner_texts()]

    files = {}
    for kind, text in (("csv", "Download CSV"), ("xlsx", "Download Excel")):
        with page.expect_download() as waiting:
            page.get_by_role("link", name=said(language, text)).click()
        assert waiting.value.suggested_filename.endswith(f".{kind}")
        files[kind] = tmp_path / f"spending.{kind}"
        waiting.value.save_as(files[kind])
    assert files["csv"].read_bytes().startswith(b"\xef\xbb\xbf")
    with files["csv"].open(encoding="utf-8-sig", newline="") as file:
        from_csv = [row[2] for row in csv.reader(file) if row[1].startswith("KR-")]
    sheet = load_workbook(files["xlsx"]).worksheets[0]
    from_xlsx = [row[2] for row in sheet.values if str(row[1]).startswith("KR-")]
    assert from_csv == from_xlsx == shown

    response = page.goto(NEW)
    assert response is not None
    assert response.status == 403
    expect(page.locator("h1")).to_be_visible()
    page.goto("/subscriptions/")
    expect(page.get_by_role("link", name=said(language, "Record a subscription"))).to_have_count(0)


def test_a_second_writer_is_told_and_can_save_again(
    visit: Visit, people: dict[str, Any], language: str
) -> None:
    subscription = recorded(people["administrator"])
    page = visit("administrator", f"{subscription.get_absolute_url()}edit/", language)
    other = Subscription.objects.get(pk=subscription.pk)
    other.plan = "Business"
    recording.change(other, list(other.price_lines.all()), by=people["above"], version=1)
    page.locator("#id_plan").fill("Enterprise")
    page.get_by_role("button", name=said(language, "Save"), exact=True).click()
    compare = page.locator(".gt-compare")
    expect(compare).to_be_focused()
    for text in (str(people["above"]), "Business", "Enterprise"):
        expect(compare).to_contain_text(text)
    expect(page.locator("#id_plan")).to_have_value("Enterprise")
    page.get_by_role("button", name=said(language, "Save"), exact=True).click()
    page.wait_for_url(f"**{subscription.get_absolute_url()}")
    expect(page.locator("#main")).to_contain_text("Enterprise")


def recorded(by: Any, **fields: Any) -> Subscription:
    """A record of Jeju that passes every policy."""
    jeju, chatgpt = Agency.objects.get(code="KR-49"), Subscription.objects.get(agency__code="KR-49").product
    known = {"data_class": "open", "personal_data": False, "started_on": timezone.localdate(), "plan": "Team"}
    subscription = Subscription(agency=jeju, product=chatgpt, **{**known, **fields})
    line = PriceLine(amount=30_000, seats=10, vat=PriceLine.Vat.INCLUDED)
    return recording.declare(subscription, [line], by=by).subscription


def test_an_agency_is_typed_where_there_are_many(visit: Visit, people: dict[str, Any]) -> None:
    nation = Agency.objects.get(code="KR")
    for number in range(30):
        names = {
            f"{form}_{language}": f"중구 {number}" for form in ("name", "short") for language in ("ko", "en")
        }
        Agency.objects.create(code=f"KR-C{number}", parent=nation, kind=Agency.Kind.DISTRICT, **names)
    page = visit("above", NEW, "ko")
    field = page.locator("#id_agency")
    expect(field).to_have_value("대한민국 (KR)")
    field.clear()
    with page.expect_response("**/agencies/options/**"):
        field.press_sequentially("중구 1")
    suggested = page.locator("#id_agency_options option")
    expect(suggested).to_have_count(11)
    field.fill(str(suggested.first.get_attribute("value")))
    page.locator("#id_product").select_option("chatgpt")
    expect(page.locator("#verdicts .gt-verdict").first).to_be_visible()
    page.get_by_role("button", name=said("ko", "Save as a draft")).click()
    assert Subscription.objects.get(reference=reference_on(page)).agency.code.startswith("KR-C1")


# --- language, screen, keyboard ---------------------------------------------------------------------------------------


def switch(page: Page, screen: str, language: str, to: str) -> None:
    within: Any = page.locator(".header-utility")
    if screen == "narrow":
        page.get_by_role("button", name=said(language, "All menus"), exact=True).click()
        within = page.locator("#mobile-nav")
    within.get_by_role("button", name={"ko": "한국어", "en": "English"}[to]).click()


def test_the_language_switch_keeps_the_page(visit: Visit, screen: str) -> None:
    address = "/subscriptions/?status=active&q=chatgpt&sort=-annual_cost"
    page = visit("committee", address, "ko", screen)
    for language, to in (("ko", "en"), ("en", "ko")):
        switch(page, screen, language, to)
        expect(page.locator("html")).to_have_attribute("lang", to)
        assert page.url.endswith(address)
        expect(page.locator("h1")).to_have_text(said(to, "Subscriptions"))
        expect(page.locator("#id_q")).to_have_value("chatgpt")


def test_leaving_a_form_with_changes_asks_first(visit: Visit) -> None:
    """Also by the language switch, which sends a form of its own."""
    page = visit("administrator", NEW, "en")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("#id_plan").press_sequentially("Team")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Cancel").click()
    expect(page.locator("#id_plan")).to_have_value("Team")
    assert asked == ["beforeunload", "beforeunload"]
    page.locator("#id_product").select_option("chatgpt")
    page.get_by_role("button", name="Save as a draft").click()
    reference_on(page)
    assert len(asked) == 2


def test_a_form_is_sent_once_however_often_it_is_clicked(visit: Visit) -> None:
    page = visit("administrator", NEW, "en")
    page.locator("#id_product").select_option("chatgpt")
    page.get_by_role("button", name="Save as a draft").dblclick()
    reference_on(page)
    assert Subscription.objects.exclude(recorded_by=None).count() == 1


def test_a_line_is_added_also_while_the_form_is_checked(visit: Visit) -> None:
    """Neither request cuts the other short."""
    page = visit("administrator", NEW, "en")
    expect(page.locator("#verdicts p").first).to_be_visible()
    held: list[Any] = []
    page.route("**/price-line/**", lambda route: held.append(route))
    with page.expect_response("**/check/"):
        page.locator("#id_plan").press_sequentially("Team")
        page.get_by_role("button", name="Add a price line").click()
    held[0].continue_()
    expect(page.locator("#price-lines fieldset")).to_have_count(2)
    page.unroute_all()
    page.get_by_role("button", name="Add a price line").dblclick()
    expect(page.locator("#price-lines fieldset")).to_have_count(4)
    expect(page.locator("[name=lines-TOTAL_FORMS]")).to_have_value("4")
    assert page.locator("#price-lines [name$=-amount]").evaluate_all("all => all.map((one) => one.name)") == [
        f"lines-{number}-amount" for number in range(4)
    ]


def focused(page: Page) -> str:
    """The id, or else the text, of what has the focus."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.innerText.trim()"))


def press_until(page: Page, key: str, wanted: str, most: int = 60) -> list[str]:
    """Press the key until the focus is on what has that id or text; returns what it passed."""
    passed = []
    for _press in range(most):
        page.keyboard.press(key)
        passed.append(focused(page))
        if passed[-1] == wanted:
            return passed
    raise AssertionError(f"{key} does not lead to {wanted}: {passed}")


def test_by_keyboard_alone(visit: Visit, language: str) -> None:
    page = visit("administrator", NEW, language)
    page.keyboard.press("Tab")
    assert focused(page) == said(language, "Skip to main content")
    expect(page.locator("#krds-skip-link a")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert focused(page) == "main"

    # Every control in the order of the page; what has the focus can be seen.
    press_until(page, "Tab", "id_agency")
    press_until(page, "Tab", "id_product")
    assert outlined(page)
    for _press in range(20):
        if page.locator("#id_product").input_value() == "chatgpt":
            break
        page.keyboard.press("ArrowDown")
    expect(page.locator("#id_product")).to_have_value("chatgpt")
    expect(page.locator("#verdicts .gt-verdict").first).to_be_visible()
    press_until(page, "Tab", "id_plan")
    page.keyboard.type("Team")
    press_until(page, "Tab", "id_owner_department")
    page.keyboard.type("AI")
    press_until(page, "Tab", "id_data_class")
    page.keyboard.press("ArrowDown")
    press_until(page, "Tab", "id_personal_data")
    page.keyboard.press("ArrowDown")
    press_until(page, "Tab", "id_started_on")
    today = timezone.localdate()
    page.keyboard.type(today.strftime(typed_date(page)))
    expect(page.locator("#id_started_on")).to_have_value(today.isoformat())
    press_until(page, "Tab", said(language, "Add a price line"))
    page.keyboard.press("Enter")
    expect(page.locator("#price-lines fieldset")).to_have_count(2)
    press_until(page, "Shift+Tab", "id_lines-0-seats")
    page.keyboard.type("5")
    press_until(page, "Shift+Tab", "id_lines-0-amount")
    page.keyboard.type("30000")
    assert outlined(page)
    page.keyboard.press("Enter")
    subscription = Subscription.objects.get(reference=reference_on(page))
    assert (subscription.status, subscription.plan, subscription.data_class) == ("requested", "Team", "open")
    assert list(subscription.price_lines.values_list("amount", "seats")) == [(30_000, 5)]


def typed_date(page: Page) -> str:
    """In which order the browser's own date field takes day, month and year."""
    parts = "new Intl.DateTimeFormat().formatToParts().map((part) => part.type)"
    codes = {"year": "%Y", "month": "%m", "day": "%d"}
    return "".join(codes[part] for part in page.evaluate(parts) if part in codes)


LOOK = """(element) => {
    const style = getComputedStyle(element);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor].join();
}"""


def outlined(page: Page) -> bool:
    """Whether what has the focus looks different from what has not."""
    element = page.evaluate_handle("document.activeElement")
    focused_look = element.evaluate(LOOK)
    element.evaluate("(element) => element.blur()")
    plain_look = element.evaluate(LOOK)
    element.evaluate("(element) => element.focus()")
    return bool(focused_look != plain_look)


def test_errors_take_the_focus_and_lead_to_their_fields(visit: Visit, language: str) -> None:
    page = visit("administrator", NEW, language)
    page.get_by_role("button", name=said(language, "Request approval")).click()
    summary = page.locator(".gt-error-summary")
    expect(summary).to_be_focused()
    summary.get_by_role("link").first.press("Enter")
    assert focused(page) == "id_product"


def test_the_menu_of_a_narrow_screen(visit: Visit, language: str) -> None:
    page = visit("committee", "/", language, "narrow")
    button = page.get_by_role("button", name=said(language, "All menus"), exact=True)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#mobile-nav")
    expect(dialog).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    for _press in range(30):  # the focus stays inside
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#mobile-nav')"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    menu(page, "narrow", language, "Findings")
    page.wait_for_url("**/findings/")
    expect(page.locator("h1")).to_have_text(said(language, "Findings"))


@pytest.mark.parametrize("address", ["/", "/spending/", "/subscriptions/"])
def test_high_contrast(visit: Visit, axe: Callable[..., None], address: str) -> None:
    page = visit("committee", "/policies/", "en")
    page.get_by_text("Display settings").first.click()
    page.locator(".header-utility").get_by_role("button", name="High contrast").click()
    expect(page.locator("html")).to_have_attribute("data-krds-mode", "high-contrast")
    page.goto(address)  # it is kept, and there before the first paint
    expect(page.locator("html")).to_have_attribute("data-krds-mode", "high-contrast")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in re.findall(r"\d+", light)[:3]) < 3 * 64
    axe(page)
