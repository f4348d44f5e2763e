"""The life of one policy in a real browser: written, put into force, met in the form, waived, and met again after the waiver."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone, translation
from django.utils.translation import gettext
from playwright.sync_api import Page, expect

from policies.models import PolicyVersion, Waiver
from subscriptions.models import Decision, Finding, Status, Subscription

pytestmark = pytest.mark.browser


def said(language: str, text: str) -> str:
    with translation.override(language):
        return gettext(text)


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`tomorrow()`: from now on it is a day later, in this process and so on the live server."""
    now = timezone.now

    def turn() -> None:
        monkeypatch.setattr(timezone, "now", lambda: now() + datetime.timedelta(days=1))

    return turn


@pytest.fixture
def second_officer(people: dict[str, Any], make_user: Callable[..., Any]) -> Any:
    return make_user("policy_officer", "KR", username="second officer")


def test_a_policy_from_its_draft_to_the_end_of_a_waiver(
    browser_page: Page,
    people: dict[str, Any],
    second_officer: Any,
    sign_in: Callable[..., None],
    axe: Callable[..., None],
    tomorrow: Callable[[], None],
    language: str,
) -> None:
    page = browser_page
    page.set_viewport_size({"width": 1280, "height": 900})
    today = timezone.localdate()

    def open_as(person: Any, address: str) -> None:
        sign_in(page, person, language)
        page.goto(address)

    def press(text: str) -> None:
        page.locator("#main").get_by_role("button", name=said(language, text), exact=True).click()

    def follow(text: str) -> None:
        page.locator("#main").get_by_role("link", name=said(language, text), exact=True).first.click()

    # An officer writes a country blocklist from the template.
    open_as(people["officer"], "/policies/new/?template=block-countries")
    page.locator("#id_countries_search").fill("US")
    page.locator("#id_countries_US").check()
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**step=compose**")
    expect(page.locator("#sentence")).to_contain_text({"ko": "미국", "en": "United States"}[language])
    expect(page.locator("#id_effective_from")).to_have_value(today.isoformat())
    page.locator("#id_reason").fill("위원회 요청")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    version = PolicyVersion.objects.get(status="draft")
    policy = f"/policies/{version.policy.code}/"

    # The officer sees what it would hit: every government subscribes to a tool from there. Nothing is written.
    page.locator(f"a[href$='{policy}what-if/1/']").click()
    page.wait_for_url("**/what-if/1/")
    card = page.locator(".gt-figures > *").filter(has_text=said(language, "Newly in violation"))
    expect(card).to_contain_text("17")
    expect(page.locator("table tbody tr").first).to_contain_text(said(language, "Violation"))
    axe(page)
    assert not Finding.objects.filter(policy=version.policy).exists()

    # A second officer puts it into force.
    open_as(second_officer, f"{policy}versions/1/put-into-force/")
    page.locator("#id_reason").fill("결재")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/?version=1")
    version.refresh_from_db()
    assert version.status == "in_force"
    assert Finding.objects.filter(policy=version.policy, verdict="violation").count() == 17

    # An administrator meets it in the form and is refused; what was typed is kept.
    open_as(people["administrator"], "/subscriptions/new/")
    page.locator("#id_product").select_option("claude")
    violation = page.locator("#verdicts .gt-verdict.state-violation")
    expect(violation).to_have_count(1)
    expect(violation).to_contain_text({"ko": "미국", "en": "United States"}[language])
    page.locator("#id_data_class").select_option("open")
    page.locator("#id_personal_data").select_option("false")
    page.locator("#id_started_on").fill(today.isoformat())
    page.locator("#id_lines-0-amount").fill("30,000")
    page.locator("#id_lines-0-vat").select_option("included")
    page.locator("#id_lines-0-seats").fill("10")
    expect(page.locator("#verdicts")).to_contain_text(said(language, "A policy does not allow this"))
    press("Request approval")
    page.wait_for_url(re.compile(r"/subscriptions/KR-[0-9A-Z-]+/(#.*)?$"))
    expect(page.locator("#main").get_by_role("alert").first).to_contain_text(
        said(
            language,
            "A policy does not allow this. What you typed is kept as a draft; the reasons and what can be done are below.",
        )
    )
    subscription = Subscription.objects.get(product__code="claude", agency__code="KR-49")
    assert (subscription.status, subscription.decisions.get().result) == (Status.DRAFT, "refused")
    axe(page)

    # The administrator asks for a waiver that ends today.
    follow("Ask for a waiver")
    expect(page.locator("#id_policy")).to_have_value(version.policy.code)
    page.locator("#id_valid_until").fill(today.isoformat())
    page.locator("#id_reason").fill("국외 학술 자료 번역에 필요함")
    axe(page)
    press("Ask for a waiver")
    page.wait_for_url(re.compile(r"/waivers/\d+/$"))
    waiver = Waiver.objects.get(policy=version.policy)
    assert (waiver.status, waiver.product) == (Waiver.Status.REQUESTED, subscription.product)
    expect(page.locator("#main").get_by_role("link", name=said(language, "Grant"), exact=True)).to_have_count(
        0
    )

    # The officer grants it.
    open_as(people["officer"], f"/waivers/{waiver.pk}/")
    follow("Grant")
    page.locator("#id_reason").fill("오늘에 한함")
    press("Grant")
    page.wait_for_url(f"**/waivers/{waiver.pk}/")
    expect(page.locator("#main")).to_contain_text(said(language, "The waiver is granted."))
    axe(page)

    # Now the request goes through, and its finding stays visible as waived.
    open_as(people["administrator"], f"{subscription.get_absolute_url()}edit/")
    expect(page.locator("#verdicts .gt-verdict.state-waived")).to_have_count(1)
    press("Request approval")
    page.wait_for_url(f"**{subscription.get_absolute_url()}**")
    finding = Finding.objects.get(policy=version.policy, subscription=subscription)
    assert (finding.verdict, finding.waiver, finding.unwaived_verdict) == ("waived", waiver, "violation")
    attempts = subscription.decisions.order_by("pk").values_list("act", "result")
    assert list(attempts) == [(Decision.Act.REQUEST, "refused"), (Decision.Act.REQUEST, "done")]
    page.goto(f"/findings/{finding.pk}/")
    heading = page.locator("#main .gt-page-heading")
    expect(heading).to_contain_text(said(language, "Waived"))
    axe(page)

    # The day passes, and the nightly check runs: what was waived is a violation again, and its history tells both.
    tomorrow()
    call_command("check_policies", verbosity=0)
    page.goto(f"/findings/{finding.pk}/")
    expect(heading).to_contain_text(said(language, "Violation"))
    events = page.locator(".gt-timeline").last.locator("li")
    expect(events).to_have_count(2)
    axe(page)
    finding.refresh_from_db()
    assert (finding.verdict, finding.waiver, finding.closed_at) == ("violation", None, None)
    page.goto(f"/waivers/{waiver.pk}/")
    expect(page.locator("#main")).to_contain_text(said(language, "Expired"))
    open_as(people["officer"], f"/findings/?policy={version.policy.code}")
    listed = page.get_by_role("row").filter(has_text={"ko": "클로드", "en": "Claude"}[language])
    expect(listed).to_contain_text(said(language, "Violation"))
