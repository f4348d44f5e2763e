"""The Django admin in a real browser: it works under the content security policy, and its accessibility faults are known."""

import re
from pathlib import Path

import pytest

from agencies.models import Agency
from policies.models import PolicyVersion
from subscriptions.models import Subscription
from tests import chromium
from tests.admin.test_admin_pages import address

pytestmark = pytest.mark.browser

LISTED = Path(__file__).parents[2] / "docs" / "accessibility.md"


def pages(person):
    agency = Agency.objects.get(code="KR-49")
    agency.save()  # so that there is a history
    return {
        "index": "/admin/",
        "list": address(Subscription, "changelist"),
        "form": address(Subscription, "change", Subscription.objects.order_by("pk").first().pk),
        "add page": address(PolicyVersion, "add"),
        "read-only page": address(PolicyVersion, "change", PolicyVersion.objects.order_by("pk").first().pk),
        "history page": address(Agency, "history", agency.pk),
        "record as it stood": address(Agency, "simple_history", agency.pk, agency.history.first().pk),
        "delete page": address(Agency, "delete", agency.pk),
        "password page": f"/admin/agencies/user/{person.pk}/password/",
    }


def listed_faults():
    """The (page, rule) pairs of the table in the document, sorted."""
    section = LISTED.read_text(encoding="utf-8").split("## Django admin")[1]
    return sorted(re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_accessibility_faults_are_those_listed(
    language, browser_page, sign_in, report_data, make_user, watch
):
    """That nothing breaks the content security policy, `browser_page` says at the end of each test."""
    sign_in(browser_page, make_user("sysadmin"), language)
    found = []
    for name, page in pages(make_user("administrator", "KR-49")).items():
        browser_page.goto(page)
        browser_page.wait_for_load_state("networkidle")
        assert browser_page.locator("html").get_attribute("lang") == language
        found += [(name, fault.split(":")[0]) for fault in chromium.violations(browser_page, watch, [])]
    assert sorted(found) == listed_faults()


def test_an_agency_is_found_by_typing(browser_page, sign_in, report_data, make_user):
    sign_in(browser_page, make_user("sysadmin"), "ko")
    browser_page.goto(address(Subscription, "add"))
    browser_page.locator(".field-agency .select2-selection").click()
    browser_page.locator(".select2-search__field").fill("제주")
    browser_page.locator(".select2-results__option", has_text="제주특별자치도").click()
    assert browser_page.locator("#select2-id_agency-container").inner_text().strip() == "제주특별자치도"


def test_price_lines_are_added_and_a_refusal_keeps_them(browser_page, sign_in, report_data, make_user):
    sign_in(browser_page, make_user("sysadmin"), "en")
    browser_page.goto(address(Subscription, "add"))
    for field, text in (("agency", "Jeju"), ("product", "DeepSeek")):
        browser_page.locator(f".field-{field} .select2-selection").click()
        browser_page.locator(".select2-search__field").fill(text)
        browser_page.locator(".select2-results__option", has_text=text).first.click()
    browser_page.locator("#id_status").select_option("requested")
    browser_page.locator("#id_started_on").fill("2026-01-01")
    browser_page.locator("#price_lines-group .add-row a").click()
    browser_page.locator("#id_price_lines-0-amount").fill("1,234,567")
    browser_page.locator("#id_price_lines-0-currency").select_option("KRW")
    browser_page.locator("input[name=_save]").click()
    assert "Legal basis:" in browser_page.locator(".field-status .errorlist").inner_text()
    assert browser_page.locator("#id_price_lines-0-amount").input_value() == "1,234,567"
    assert not Subscription.objects.filter(product__code="deepseek").exists()


def test_the_language_is_chosen_on_the_page(browser_page, sign_in, report_data, make_user):
    sign_in(browser_page, make_user("sysadmin"), "ko")
    browser_page.goto(address(Agency, "changelist") + "?q=KR-49")
    browser_page.get_by_role("button", name="English").click()
    assert browser_page.locator("html").get_attribute("lang") == "en"
    assert browser_page.url.endswith("?q=KR-49")
