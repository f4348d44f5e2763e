"""The login page in a real browser, in both languages: nothing foreign, nothing that axe faults."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings

pytestmark = pytest.mark.browser

KEY = "JBSWY3DPEHPK3PXP"


def code_now(key: str) -> str:
    return format_hotp_value(hotp_value(key, list(yield_hotp_counters_from_time())[1]))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_login_page(browser_page, base_url, axe, language):
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": base_url}
    browser_page.context.add_cookies([cookie])
    browser_page.goto("/accounts/login/")
    assert browser_page.locator("html").get_attribute("lang") == language
    axe(browser_page)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_signing_in_and_out(browser_page, base_url, make_user, axe, language):
    user = make_user("administrator", "KR-49", username="jeju")
    user.set_password("a long enough word")
    user.save()
    TOTP.activate(user, KEY)
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": base_url}
    browser_page.context.add_cookies([cookie])
    browser_page.goto("/accounts/login/?next=/accounts/password/")
    browser_page.locator("input[name=login]").fill("jeju")
    browser_page.locator("input[name=password]").fill("a long enough word")
    browser_page.locator("input[name=password]").press("Enter")
    browser_page.wait_for_url("**/authenticate/**")
    browser_page.locator("input[name=code]").fill("000000")
    browser_page.locator("input[name=code]").press("Enter")
    browser_page.locator(".krds-input.error, [aria-invalid=true]").first.wait_for()
    axe(browser_page)
    browser_page.locator("input[name=code]").fill(code_now(KEY))
    browser_page.locator("input[name=code]").press("Enter")
    browser_page.wait_for_url("**/accounts/password/")
    assert browser_page.locator("html").get_attribute("lang") == language
