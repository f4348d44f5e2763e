"""Every page of ours, in each state that it can be in: no fault that axe finds, nothing wider than a narrow screen."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver, reverse
from django.utils import timezone
from playwright.sync_api import Page

from agencies.models import Agency, SavedView
from catalog.models import Product
from catalog.proposing import propose
from oversight.explorer.question import Dimension, Filters, Question
from oversight.models import ExportJob, Snapshot
from oversight.snapshots.freezing import freeze
from policies.models import Condition, Policy, PolicyVersion, Waiver
from subscriptions import commenting, recording
from subscriptions.attachments.storing import attach, remove
from subscriptions.models import Payment, PriceLine, Subscription
from tests import chromium
from tests.browser.conftest import SCREENS
from tests.roles import ROLES
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory
from tests.test_access import ADMIN, names_of

pytestmark = pytest.mark.browser

Act = Callable[[Page], None]
NEW = "/subscriptions/new/"
EXPLORE = "/spending/explore/"
REPORT = "/reports/ai-subscriptions-2025/"
SUBMIT = ".gt-form-actions button[type=submit]"
OVERFLOW = "document.scrollingElement.scrollWidth - window.innerWidth"


@pytest.fixture
def records(people: dict[str, Any]) -> dict[str, str]:
    """The addresses of Jeju's records, in the states that pages show differently."""
    administrator, officer, today = people["administrator"], people["officer"], timezone.localdate()
    jeju = Agency.objects.get(code="KR-49")
    chatgpt, deepseek = (Product.objects.get(code=code) for code in ("chatgpt", "deepseek"))
    proposed = propose("A tool whose name is as long as names become", "Its vendor", by=administrator)

    def new(product: Product = chatgpt, **fields: Any) -> Subscription:
        return Subscription(agency=jeju, product=product, **{"started_on": today, **fields})

    def lines() -> list[PriceLine]:
        return [
            PriceLine(amount=123_456_789, seats=101, vat=PriceLine.Vat.EXCLUDED, starts_on=today),
            PriceLine(
                amount=2_000, currency="USD", basis=PriceLine.Basis.FLAT, cycle=PriceLine.Cycle.ONE_OFF
            ),
            PriceLine(standing="withheld", basis=PriceLine.Basis.FLAT),
        ]

    made = {
        "full": recording.declare(
            new(
                personal_data=True,
                ends_on=today,
                payer=jeju,
                contract_number="2026-17",
                purpose="긴 글 " * 200,
                plan="가" * 100,
            ),
            lines(),
            by=administrator,
        ),
        "blocked": recording.declare(new(deepseek), [], by=administrator),
        "refused": recording.request(new(deepseek), lines(), by=administrator),
        "requested": recording.request(new(proposed), [], by=administrator),
        "settled": recording.request(new(personal_data=True), [], by=administrator),
        "void": recording.declare(new(), [], by=administrator),
    }
    recording.approve_as_officer(made["settled"].subscription, by=officer, reason="Checked by hand")
    recording.void(made["void"].subscription, by=administrator, reason="Recorded twice")
    finding = made["blocked"].subscription.findings.filter(effect="block").get()
    rule = PolicyVersion.objects.get(policy__code="deepseek-block")
    asked = Waiver.objects.create(
        policy=rule.policy,
        agency=jeju,
        product=deepseek,
        reason="Needed for a comparison of tools " * 20,
        requested_by=administrator,
        valid_from=today,
        valid_until=today,
    )
    draft = Policy.objects.create(code="draft-rule", owner=Agency.objects.get(code="KR"))
    version = PolicyVersion.objects.create(
        policy=draft,
        scope=jeju,
        title_ko="초안",
        title_en="Draft",
        effect="warn",
        effective_from=today,
        drafted_by=officer,
    )
    Condition.objects.create(version=version, position=1, fact="seats", operator="more_than", values=[5])
    view = SavedView.objects.create(
        owner=people["committee"],
        title="A view whose name is as long as names of views become " * 2,
        page="oversight:explore",
        query="agency=KR-49",
        shared_with=jeju,
    )
    full = made["full"].subscription
    pay(full)
    full.refresh_from_db()
    full.ends_on = None
    recording.change(full, lines(), by=administrator, version=full.version)
    said = commenting.comment(full, by=administrator, text="긴 글 " * 200)
    commenting.strike(commenting.comment(full, by=administrator, text="글"), by=administrator, note="잘못 씀")
    name = "가" * 120 + ".pdf"
    filed = attach(full, SimpleUploadedFile(name, b"%PDF-1.7 %%EOF"), by=administrator, note="견적서")
    remove(
        attach(full, SimpleUploadedFile("b.pdf", b"%PDF-1.7 %%EOF"), by=administrator),
        by=administrator,
        reason="x",
    )
    between = f"agency=KR-49&giver={administrator.pk}"
    return {
        "comment": reverse("subscriptions:strike", args=[said.pk]),
        "file": reverse("subscriptions:remove-attachment", args=[filed.pk]),
        "handover": f"{reverse('subscriptions:hand-over')}?{between}&taker={people['above'].pk}",
        "staying": f"{reverse('subscriptions:hand-over')}?{between}&taker={people['approver'].pk}",
        **_kept(people, jeju),
        **{title: one.subscription.get_absolute_url() for title, one in made.items()},
        "finding": reverse("subscriptions:finding", args=[finding.pk]),
        "waiver": reverse("subscriptions:waiver", args=[asked.pk]),
        "view": reverse("oversight:explore-saved", args=[view.pk]),
    }


def _kept(people: dict[str, Any], jeju: Agency) -> dict[str, str]:
    """Snapshots, one that has changed since and one that somebody has spoilt, and exports in each state."""
    committee, administrator = people["committee"], people["administrator"]
    of_jeju = Question(by=(Dimension.PLACE, Dimension.PRODUCT), filters=Filters(agency=jeju))
    snapshot = freeze(committee, of_jeju, "A snapshot whose title is as long as titles become " * 2)
    newer = SubscriptionFactory(reference="KR-49-2026-9999", agency=jeju, product=ProductFactory())
    pay(newer)
    spoilt = Snapshot.objects.create(
        title="Spoilt",
        frozen_by=committee,
        frozen_at=timezone.now(),
        scope=jeju,
        document=snapshot.document.replace("1002025", "9992025"),
        sha256=snapshot.sha256,
    )
    unreadable = Snapshot.objects.create(
        title="Unreadable", frozen_by=committee, frozen_at=timezone.now(), document="-", sha256="0" * 64
    )
    gone = Snapshot.objects.create(
        title="Gone",
        frozen_by=committee,
        frozen_at=timezone.now(),
        question={"product": "no-such-tool"},
        document=snapshot.document,
        sha256=snapshot.sha256,
    )
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    states: dict[str, dict[str, Any]] = {
        "waiting": {},
        "kept waiting": {"heard_of_at": long_ago},
        "running": {"state": "running", "rows_done": 123_456, "heard_of_at": timezone.now()},
        "interrupted": {"state": "running", "rows_done": 5, "heard_of_at": long_ago},
        "done": {"state": "done", "file": "0" * 32 + ".xlsx", "rows_done": 1_000_000},
        "stopped": {"state": "stopped", "problem": "too_long"},
        "failed": {"state": "failed", "problem": "broken"},
        "removed": {"state": "removed"},
    }
    exports = {
        name: ExportJob.objects.create(
            owner=administrator, rows_total=1_234_567, query="measure=paid", **state
        )
        for name, state in states.items()
    }
    return {
        "snapshot": snapshot.get_absolute_url(),
        "spoilt": spoilt.get_absolute_url(),
        "unreadable": unreadable.get_absolute_url(),
        "gone": gone.get_absolute_url(),
        **{f"export {name}": job.get_absolute_url() for name, job in exports.items()},
    }


def pay(subscription: Subscription) -> None:
    """Payments of two years, of which one is not known in won."""
    for year in (2025, 2026):
        for month in (1, 2, 5):
            won = None if (year, month) == (2026, 2) else 1_000_000 * month + year
            day = datetime.date(year, month, 10)
            Payment.objects.create(
                subscription=subscription,
                paid_on=day,
                amount=won or 1,
                currency="KRW" if won else "USD",
                won=won,
            )


def filled(**values: str) -> Act:
    """Type these values into the page's form and send it by the button of that name (or the first)."""
    button = values.pop("button", "button[type=submit]")

    def fill(page: Page) -> None:
        for name, value in values.items():
            control = page.locator(f"#main [name={name.replace('__', '-')}]")
            if control.evaluate("(element) => element.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        with page.expect_navigation():
            page.locator(f"#main form[method=post] {button}").first.click()

    return fill


def changed_meanwhile(page: Page) -> None:
    reference = page.url.rstrip("/").split("/")[-2]
    Subscription.objects.filter(reference=reference).update(version=7, plan="Meanwhile")
    filled(plan="Mine")(page)


def checked(page: Page) -> None:
    """Wait until the check beside the form has answered."""
    page.locator("#verdicts .gt-verdict").first.wait_for()


def chosen(product: str) -> Act:
    def choose(page: Page) -> None:
        page.locator("#id_product").select_option(product)
        checked(page)
        for disclosure in page.locator("#main details:not([open]) > summary").all():
            disclosure.click()

    return choose


def opened(page: Page) -> None:
    """The menus and settings of the header, opened."""
    page.locator(".header-utility summary").first.click()


def unfolded(page: Page) -> None:
    """Everything that is folded on the page itself, unfolded."""
    page.locator("#main details").evaluate_all("(all) => all.forEach((one) => (one.open = true))")


def menu_opened(page: Page) -> None:
    page.set_viewport_size(SCREENS["narrow"])
    page.locator("[aria-controls=mobile-nav]").click()


# (who, address, what is done there): a word in braces is the address of that record. The name in front is for the reader.
STATES: list[tuple[str, str, str, Act | None]] = [
    *((f"home of {title}", title, "/", None) for title in ROLES),
    ("sign in", "anonymous", "/accounts/login/?next=/spending/", None),
    ("sign in refused", "anonymous", "/accounts/login/", filled(username="x", password="y")),
    ("password", "committee", "/accounts/password/", None),
    (
        "password refused",
        "committee",
        "/accounts/password/",
        filled(old_password="x", new_password1="1", new_password2="2"),
    ),
    ("password changed", "committee", "/accounts/password/done/", None),
    ("spending", "committee", "/spending/", None),
    ("spending of Jeju's", "administrator", "/spending/?kind=special_self_governing_province", None),
    ("spending of nobody's", "nobody", "/spending/", None),
    ("spending narrowed", "committee", "/spending/?standing=undetermined&product=chatgpt&sort=-users", None),
    ("spending of none", "committee", "/spending/?q=nothing", None),
    ("spending from all sources", "committee", "/spending/?source=b&accounts=all", None),
    ("spending wrongly sourced", "committee", "/spending/?source=nonsense", None),
    ("spending wrongly narrowed", "committee", "/spending/?kind=nonsense", None),
    ("no file of spending", "committee", "/spending/?kind=nonsense&_export=csv", None),
    ("explorer", "committee", EXPLORE, None),
    ("explorer of Jeju's", "committee-jeju", EXPLORE, None),
    ("explorer of nobody's", "nobody", EXPLORE, None),
    ("explorer, stated", "committee", f"{EXPLORE}?measure=stated&sort=-figure&columns=at_most", unfolded),
    ("explorer by two", "committee", f"{EXPLORE}?then=product&kind=province", unfolded),
    ("explorer over time", "committee", f"{EXPLORE}?by=month&then=place&compare=on", None),
    ("explorer one level down", "committee", f"{EXPLORE}?agency=KR-49&compare=on", None),
    ("explorer of none", "committee", f"{EXPLORE}?text=nothing", None),
    ("freeze", "committee", f"{EXPLORE}freeze/?then=product&kind=province", None),
    ("freeze, without a title", "committee-jeju", f"{EXPLORE}freeze/", filled()),
    ("freeze what is wrongly asked", "committee", f"{EXPLORE}freeze/?measure=nonsense", None),
    ("snapshots", "committee", "/spending/snapshots/", None),
    ("snapshots of none", "nobody", "/spending/snapshots/", None),
    ("a snapshot", "committee-jeju", "{snapshot}", unfolded),
    ("a spoilt snapshot", "committee", "{spoilt}", None),
    ("an unreadable snapshot", "committee", "{unreadable}", None),
    ("a snapshot compared", "committee-jeju", "{snapshot}compare/", None),
    ("what differs from a snapshot", "committee-jeju", "{snapshot}compare/?changed=on", None),
    ("a spoilt snapshot compared", "committee", "{spoilt}compare/", None),
    ("an unreadable snapshot compared", "committee", "{unreadable}compare/", None),
    ("a snapshot that cannot be asked again", "committee", "{gone}compare/", None),
    ("an export to be started", "administrator", f"{EXPLORE}records/?_export=xlsx", None),
    ("exports", "administrator", "/spending/exports/", None),
    ("exports of none", "nobody", "/spending/exports/", None),
    *(
        (f"export {state}", "administrator", f"{{export {state}}}", None)
        for state in (
            "waiting",
            "kept waiting",
            "running",
            "interrupted",
            "done",
            "stopped",
            "failed",
            "removed",
        )
    ),
    ("explorer wrongly asked", "committee", f"{EXPLORE}?measure=stated&by=month&agency=KR-99", None),
    ("explorer on paper", "committee", f"{EXPLORE}print/?measure=stated", None),
    ("explorer over time on paper", "committee", f"{EXPLORE}print/?by=month&then=place", None),
    ("no explorer on paper", "committee", f"{EXPLORE}print/?measure=nonsense", None),
    ("records behind a figure", "committee", f"{EXPLORE}records/?agency=KR-49", None),
    ("save a view", "committee-jeju", f"{EXPLORE}save/?measure=stated", None),
    ("save a view, wrongly", "committee", f"{EXPLORE}save/?measure=stated", filled()),
    ("a saved view", "committee-jeju", "{view}", unfolded),
    ("subscriptions", "administrator", "/subscriptions/", None),
    ("subscriptions of all", "committee", "/subscriptions/?sort=-annual_cost", None),
    ("subscriptions of none", "nobody", "/subscriptions/", None),
    ("subscriptions narrowed", "committee", "/subscriptions/?status=active&q=gpt", None),
    ("subscriptions wrongly narrowed", "administrator", "/subscriptions/?status=x&agency=KR-11", None),
    ("no file of subscriptions", "administrator", "/subscriptions/?status=x&_export=xlsx", None),
    ("no such page", "administrator", "/subscriptions/?page=99", None),
    ("findings", "committee", "/findings/", None),
    ("findings of none", "nobody", "/findings/", None),
    ("findings closed", "administrator", "/findings/?state=closed", None),
    ("record", "administrator", NEW, None),
    ("record, blocked", "administrator", NEW, chosen("deepseek")),
    ("record, undetermined", "above", NEW, None),
    ("record with errors", "administrator", NEW, filled(ends_on="2020-01-01", lines__0__seats="0")),
    (
        "record refused",
        "administrator",
        NEW,
        filled(product="deepseek", started_on=timezone.localdate().isoformat()),
    ),
    ("a full record", "administrator", "{full}", None),
    ("a blocked record", "committee", "{blocked}", None),
    ("a refused record", "administrator", "{refused}", None),
    ("a requested record", "officer", "{requested}", None),
    ("a settled record", "approver", "{settled}", None),
    ("a void record", "administrator", "{void}", None),
    ("a request looked at", "approver", "{requested}review/", unfolded),
    ("a change looked at", "approver", "{full}review/", unfolded),
    ("nothing to be decided", "committee", "{blocked}review/", None),
    ("comments and files", "administrator", "{full}notes/", None),
    ("comments and files, wrongly", "administrator", "{full}notes/", filled()),
    ("no comments and files", "committee", "{blocked}notes/", None),
    ("a comment to be struck out", "administrator", "{comment}", None),
    ("a file to be removed", "administrator", "{file}", None),
    ("a timeline", "committee", "{full}timeline/", None),
    ("a contract", "committee", "{full}contract/", None),
    ("handovers", "administrator", "/handovers/", None),
    ("work to be handed over", "above", "{handover}", None),
    ("work that stays", "administrator", "{staying}", None),
    ("work handed over to oneself", "administrator", "/handovers/new/?giver=1&taker=1", None),
    ("edit", "administrator", "{full}edit/", checked),
    ("edit that came second", "administrator", "{full}edit/", changed_meanwhile),
    (
        "edit refused",
        "administrator",
        "{blocked}edit/",
        filled(personal_data="true", data_class="classified"),
    ),
    ("approve", "approver", "{settled}approve/", None),
    ("approve as officer", "officer", "{requested}officer-approve/", filled()),
    ("refuse", "approver", "{settled}refuse/", None),
    ("end", "administrator", "{full}end/", filled(on="")),
    ("void", "administrator", "{full}void/", None),
    ("reopen", "administrator", "{void}reopen/", None),
    ("policies", "committee", "/policies/", None),
    *(
        (f"policy {code}", "officer", f"/policies/{code}/", None)
        for code in ("deepseek-block", "personal-data-certified", "cost-over-50m", "seats-without-owner")
    ),
    ("policies wrongly narrowed", "committee", "/policies/?effect=nonsense", None),
    ("versions compared", "officer", "/policies/draft-rule/compare/", None),
    ("a draft", "officer", "/policies/draft-rule/", None),
    ("what if", "officer", "/policies/draft-rule/what-if/1/", None),
    ("what if, in force", "officer", "/policies/deepseek-block/what-if/1/", None),
    ("templates of policies", "officer", "/policies/new/", None),
    ("a template", "officer", "/policies/new/?template=block-countries", None),
    ("a new policy", "officer", "/policies/new/?template=free", None),
    ("a new policy with errors", "officer", "/policies/new/?template=free", filled(button=SUBMIT)),
    ("a draft edited", "officer", "/policies/draft-rule/versions/1/edit/", None),
    ("put into force", "officer", "/policies/draft-rule/versions/1/put-into-force/", None),
    ("discarded", "officer", "/policies/draft-rule/versions/1/discard/", None),
    ("retired", "officer", "/policies/deepseek-block/versions/1/retire/", None),
    ("revised", "officer", "/policies/deepseek-block/versions/1/revise/", None),
    ("a finding", "officer", "{finding}", None),
    ("compliance", "administrator", "/compliance/KR-49/", None),
    ("compliance of all", "committee", "/compliance/KR/", None),
    ("decisions", "committee", "/decisions/", None),
    ("ask for a waiver", "administrator", "{blocked}waiver/?policy=deepseek-block", None),
    ("ask for a waiver, wrongly", "administrator", "{blocked}waiver/?policy=deepseek-block", filled()),
    ("waivers", "officer", "/waivers/", None),
    ("waivers of none", "nobody", "/waivers/", None),
    ("a waiver", "officer", "{waiver}", None),
    ("grant a waiver", "officer", "{waiver}grant/", None),
    ("refuse a waiver", "officer", "{waiver}refuse/", filled()),
    ("sources", "committee", "/sources/", None),
    *((f"source {code}", "committee", f"/sources/{code}/", None) for code in ("a", "c", "e1", "e2")),
    ("report", "committee", REPORT, None),
    ("report from all sources", "committee", f"{REPORT}?source=b&accounts=all", None),
    ("report to Jeju's committee", "committee-jeju", f"{REPORT}?source=c", None),
    ("report to nobody", "nobody", REPORT, None),
    ("report wrongly chosen", "committee", f"{REPORT}?source=nonsense", None),
    ("source narrowed to none", "committee", "/sources/a/?standing=withheld", None),
    ("source wrongly narrowed", "committee", "/sources/a/?standing=nonsense", None),
    ("tools", "committee", "/catalog/", None),
    ("tools of none", "committee", "/catalog/?q=nothing", None),
    ("a tool", "committee", "/catalog/chatgpt/", None),
    ("a proposed tool", "administrator", "/catalog/a-tool-whose-name-is-as-long-as-names-become/", None),
    ("use of a tool", "committee", "/catalog/chatgpt/use/", None),
    ("use of a blocked tool", "administrator", "/catalog/deepseek/use/?sort=-seat_cost", None),
    ("use of a tool to nobody", "nobody", "/catalog/gamma/use/", None),
    ("a vendor", "committee", "/vendors/deepseek/", None),
    ("a vendor to nobody", "nobody", "/vendors/openai/", None),
    ("a country", "officer", "/countries/US/", None),
    ("vendors whose country is not known", "administrator", "/countries/unknown/", None),
    ("a country without vendors", "committee", "/countries/FR/", None),
    ("an agency", "administrator", "/agencies/KR-49/", None),
    ("an agency with former names", "committee", "/agencies/KR-42/", None),
    ("an agency that is not visible", "sibling", "/agencies/KR-49/", None),
    ("the nation", "committee", "/agencies/KR/", None),
    ("header's menus", "administrator", "/", opened),
    ("menu of a narrow screen", "committee", "/", menu_opened),
    ("400", "administrator", "/subscriptions/?" + "&".join(f"a{number}" for number in range(1001)), None),
    ("403", "committee", NEW, None),
    ("404", "administrator", "/no/such/page/", None),
    ("404 of another agency's", "sibling", "{full}", None),
]


def wider_than_the_screen(page: Page) -> int:
    """By how many pixels."""
    return int(page.evaluate(OVERFLOW))


@pytest.mark.parametrize("part", range(3))
def test_every_page(
    visit: Callable[..., Page], records: dict[str, str], watch: chromium.Watch, language: str, part: int
) -> None:
    """On a wide screen and on a narrow one; what is wrong anywhere is told at once."""
    faults = []
    for title, who, address, act in STATES[part::3]:
        page = visit(who, address.format(**records), language)
        if act:
            act(page)
        # What axe finds hangs on the words or on the layout: each language and each screen is gone through once.
        screens = ["narrow"] if act is menu_opened or language == "en" else ["wide"]
        for screen in screens:
            page.set_viewport_size(SCREENS[screen])
            faults += [f"{title}, {screen}: {fault}" for fault in chromium.violations(page, watch, [])]
        page.set_viewport_size(SCREENS["narrow"])
        if (wider := wider_than_the_screen(page)) > 0:
            faults.append(f"{title}: {wider} pixels wider than the screen")
    assert "\n".join(faults) == ""


@pytest.mark.parametrize(
    "title",
    ["sign in", "spending", "explorer, stated", "report", "record", "a full record", "a new policy", "400"],
)
def test_the_largest_text_in_high_contrast(
    visit: Callable[..., Page], records: dict[str, str], watch: chromium.Watch, title: str
) -> None:
    page = visit("committee", "/")
    for name, value in (("display", "high-contrast"), ("text-size", "xlarge")):
        page.evaluate("([name, value]) => localStorage.setItem(`govtrack-${name}`, value)", [name, value])
    who, address = next(state[1:3] for state in STATES if state[0] == title)
    visit(who, address.format(**records))
    assert page.locator("html").get_attribute("data-krds-mode") == "high-contrast"
    assert chromium.violations(page, watch, []) == []
    page.set_viewport_size(SCREENS["narrow"])
    assert wider_than_the_screen(page) <= 0


def test_a_chart_that_does_not_follow_the_screen_widens_nothing(visit: Callable[..., Page]) -> None:
    page = visit("committee", "/")
    page.add_init_script("window.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} }")
    page = visit("administrator", "/spending/?kind=special_self_governing_province")
    page.wait_for_function("() => window.Chart && window.Chart.getChart(document.querySelector('canvas'))")
    page.set_viewport_size(SCREENS["narrow"])
    assert page.locator("canvas").evaluate("(canvas) => canvas.clientWidth") > SCREENS["narrow"]["width"]
    assert wider_than_the_screen(page) <= 0


@pytest.mark.parametrize("name", ["500", "403 of a form without its token"])
def test_what_should_not_happen(
    name: str,
    visit: Callable[..., Page],
    records: dict[str, str],
    axe: Callable[..., None],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "500":
        monkeypatch.setattr("oversight.views.spending_by_agency", lambda *arguments: 1 // 0)
        page = visit("committee", "/", language)
        response = page.goto("/spending/")
        assert response is not None
        assert response.status == 500
    else:
        page = visit("administrator", "/accounts/password/", language)
        page.context.clear_cookies(name="csrftoken")
        with page.expect_response("**/accounts/password/") as answer:
            page.locator("#main button[type=submit]").click()
        assert answer.value.status == 403
    axe(page)
    page.set_viewport_size(SCREENS["narrow"])
    axe(page)
    assert wider_than_the_screen(page) <= 0


def test_every_url_is_visited(records: dict[str, str]) -> None:
    """Every page that a reader opens is among the states above; the others answer without a page of their own."""
    without = {
        ADMIN,
        "logout",
        "set_language",
        "agencies:options",
        "catalog:options",
        "catalog:vendor_options",
    }
    without |= {"subscriptions:check", "subscriptions:price-line", "subscriptions:follow-up"}
    without |= {f"policies:{part}" for part in ("conditions", "values", "statements", "preview")}
    without |= {"agencies:save-view", "agencies:forget-view"}
    without |= {"oversight:export-again", "oversight:export-file"}
    visited = set()
    for _title, _who, address, _act in STATES:
        path = address.format(**records).partition("?")[0]
        if not path.startswith("/no/"):
            visited.add(get_resolver().resolve(path).view_name)
    assert set(names_of(get_resolver().url_patterns)) - without == visited


def test_what_is_wrong_is_found(visit: Callable[..., Page], watch: chromium.Watch) -> None:
    """The checks of this folder see a fault when there is one."""
    page = visit("committee", "/policies/", "en", "narrow")
    page.evaluate("""() => {
        document.documentElement.removeAttribute("lang");
        document.getElementById("main").style.width = "500px";
        document.body.append(document.createElement("input"));
    }""")
    found = [fault.split(":")[0] for fault in chromium.violations(page, watch, [])]
    assert found == ["html-has-lang", "label", "region"]
    assert wider_than_the_screen(page) > 0
    assert (watch.foreign, watch.console) == ([], [])
    page.evaluate("fetch('http://elsewhere.invalid/').catch(() => 0)")
    page.evaluate("document.body.setAttribute('onclick', 'nothing()')")
    page.reload()  # what the console had to say by now is here
    assert any("Content Security Policy" in line for line in watch.console)
    watch.console.clear()
    watch.foreign.clear()
