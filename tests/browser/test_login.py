"""The login page in a real browser, in both languages: nothing foreign, nothing that axe faults."""

import pytest
from django.conf import settings

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["ko", "en"])
def test_login_page(browser_page, base_url, axe, language):
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": base_url}
    browser_page.context.add_cookies([cookie])
    browser_page.goto("/accounts/login/")
    assert browser_page.locator("html").get_attribute("lang") == language
    axe(browser_page)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_signing_in_and_out(browser_page, base_url, make_user, language):
    user = make_user("administrator", "KR-49", username="jeju")
    user.set_password("a long enough word")
    user.save()
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": base_url}
    browser_page.context.add_cookies([cookie])
    browser_page.goto("/accounts/login/?next=/accounts/password/")
    browser_page.locator("input[name=username]").fill("jeju")
    browser_page.locator("input[name=password]").fill("a long enough word")
    browser_page.locator("input[name=password]").press("Enter")
    browser_page.wait_for_url("**/accounts/password/")
    assert browser_page.locator("html").get_attribute("lang") == language
