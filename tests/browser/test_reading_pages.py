"""Sources, AI tools and policies in a real browser: nothing that axe faults, nothing wider than the screen."""

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.browser

PAGES = [
    "/sources/",
    "/sources/a/",
    "/sources/e2/",
    "/sources/a/?standing=withheld",
    "/sources/a/?standing=nonsense",
    "/catalog/",
    "/catalog/?q=nothing",
    "/catalog/gamma/",
    "/policies/",
    "/policies/deepseek-block/",
    "/policies/personal-data-certified/",
]


@pytest.fixture
def report(transactional_db):
    call_command("loaddata", "agencies", "catalog", "sources", "policies", "subscriptions", verbosity=0)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_pages_are_accessible_and_fit_the_screen(browser_page, report, make_user, sign_in, axe, language):
    sign_in(browser_page, make_user("committee_member", "KR"), language)
    for address in PAGES:
        browser_page.set_viewport_size({"width": 1280, "height": 800})
        browser_page.goto(address)
        assert browser_page.locator("html").get_attribute("lang") == language
        axe(browser_page)
        browser_page.set_viewport_size({"width": 360, "height": 800})
        assert browser_page.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_a_legal_basis_leads_to_the_very_statement(browser_page, report, make_user, sign_in):
    sign_in(browser_page, make_user("policy_officer", "KR"), "en")
    browser_page.goto("/policies/deepseek-block/")
    browser_page.get_by_role("link", name="News article on the report, statement A24").press("Enter")
    browser_page.wait_for_url("**/sources/a/#A24")
    box = browser_page.locator("tr#A24").bounding_box()
    assert 0 <= box["y"] < browser_page.viewport_size["height"]


def test_filters_work_by_keyboard(browser_page, report, make_user, sign_in):
    sign_in(browser_page, make_user("committee_member", "KR"), "en")
    browser_page.goto("/catalog/")
    browser_page.get_by_label("Name of the tool or its vendor").fill("deep")
    browser_page.keyboard.press("Enter")
    browser_page.wait_for_url("**/catalog/?q=deep*")
    assert browser_page.locator("tbody th").all_inner_texts() == ["DeepSeek"]
