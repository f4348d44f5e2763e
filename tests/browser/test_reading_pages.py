"""Sources, AI tools and policies in a real browser: links to the very statement, filters by keyboard."""

import pytest

from tests.register import load

pytestmark = pytest.mark.browser


@pytest.fixture
def report(transactional_db):
    load()


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
