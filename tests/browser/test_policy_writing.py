"""An officer writes a policy in a real browser, and a second one puts it into force; in both languages, wide and narrow."""

import re

import pytest
from playwright.sync_api import expect

from policies.models import PolicyVersion
from tests.register import load

pytestmark = pytest.mark.browser

SENTENCE = {
    "en": "when vendor country is one of China, Russia or country of the models inside is one of China, Russia.",
    "ko": "중국, 러시아",
}


@pytest.fixture
def report(transactional_db):
    load()


@pytest.fixture
def officers(report, make_user):
    return [make_user("policy_officer", "KR", username=name) for name in ("first", "second")]


@pytest.mark.parametrize(("language", "width"), [("ko", 1280), ("en", 375)])
def test_a_country_blocklist_from_the_template(browser_page, officers, sign_in, axe, language, width):
    page = browser_page
    page.set_viewport_size({"width": width, "height": 800})

    def looks_right():
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url

    sign_in(page, officers[0], language)
    page.goto("/policies/new/")
    looks_right()
    page.locator("a[href='?template=block-countries']").click()
    page.locator("#id_countries_CN").check()
    page.locator("#id_countries_search").fill("RU")
    page.locator("#id_countries_RU").check()
    assert page.locator("#id_countries_CN").is_checked()
    looks_right()
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**step=compose**")
    assert SENTENCE[language] in page.locator("#sentence").inner_text()
    looks_right()
    # Without a reason nothing is saved, and what was chosen is still there.
    page.locator("main button[type=submit]").click()
    page.locator(".gt-error-summary").wait_for()
    assert page.evaluate("document.activeElement.classList.contains('gt-error-summary')")
    assert page.locator("#id_conditions-0-codes_RU").is_checked()
    looks_right()
    page.locator("#id_reason").fill("Asked for by the committee")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    looks_right()
    version = PolicyVersion.objects.exclude(status="in_force").get()
    address = f"/policies/{version.policy.code}/"
    assert page.locator(f"a[href$='{address}what-if/1/']").count() == 1
    assert page.locator(f"a[href='{address}versions/1/put-into-force/']").count() == 0

    sign_in(page, officers[1], language)
    page.goto(f"{address}?version=1")
    page.locator(f"a[href='{address}versions/1/put-into-force/']").click()
    looks_right()
    page.locator("#id_reason").fill("Decided")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    looks_right()
    version.refresh_from_db()
    assert version.status == "in_force"
    page.goto(f"{address}compare/")
    looks_right()
    page.goto("/policies/")
    looks_right()


def test_conditions_are_composed_by_keyboard(browser_page, officers, sign_in, axe):
    page = browser_page
    sign_in(page, officers[0], "en")
    page.goto("/policies/new/?template=free")
    page.locator("#id_conditions-0-fact").focus()
    page.keyboard.type("Annual")
    page.locator("#id_conditions-0-operator").wait_for()
    expect(page.locator("#id_conditions-0-fact")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("is within")
    page.locator("#id_conditions-0-value_to").wait_for()
    expect(page.locator("#id_conditions-0-operator")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("1,000")
    page.keyboard.press("Tab")
    page.keyboard.type("5,000")
    page.get_by_text("annual cost is within ₩1,000 to ₩5,000").wait_for()
    page.locator("#add-group").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_conditions-1-fact")).to_be_focused()
    page.keyboard.type("Seats")
    page.locator("#id_conditions-1-value").wait_for()
    assert page.locator("#id_conditions-0-value").input_value() == "1,000"
    axe(page)
    page.locator("#remove-0").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_conditions-1-fact")).to_be_focused()
    expect(page.locator("#sentence")).not_to_contain_text("annual cost")
    assert page.locator(".gt-condition").count() == 1


def test_two_windows_on_one_draft(browser_page, officers, sign_in, axe):
    page = browser_page
    sign_in(page, officers[0], "en")
    page.goto("/policies/new/?template=cap-seats&step=compose&seats=100")
    page.locator("#id_reason").fill("First")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    edit = re.sub(r"\?version=1$", "versions/1/edit/", page.url)
    page.goto(edit)
    other = page.context.new_page()
    other.goto(edit)
    for window, seats in ((other, "50"), (page, "70")):
        window.locator("#id_conditions-0-value").fill(seats)
        window.locator("#id_reason").fill(f"Only {seats}")
        window.locator("main button[type=submit]").click()
        window.wait_for_load_state()
    page.get_by_text("This record was changed while you were editing it.").wait_for()
    cells = page.locator(".gt-compare tbody td").all_inner_texts()
    assert [re.search(r"\d+$", cell)[0] for cell in cells] == ["100", "50", "70"]
    axe(page)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    assert "seats is more than 70" in page.locator("main").inner_text()
