"""Every page of ours, in each state that it can be in: no fault that axe finds, nothing wider than a narrow screen."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import get_resolver, reverse
from django.utils import timezone
from playwright.sync_api import Page

from agencies.invitations import invite
from agencies.models import Agency, Delivery, DepartmentContact, Notice, SavedView, User
from agencies.signing_in.passwords import link_of
from agencies.signing_in.sso import identities
from agencies.signing_in.sso.provider import Identity
from catalog.models import Product
from catalog.proposing import propose
from govtrack import limits
from oversight.explorer.question import Dimension, Filters, Question
from oversight.models import ExportJob, Round, Snapshot
from oversight.rounds import asking, closing, returning
from oversight.snapshots.freezing import freeze
from policies.models import Condition, Policy, PolicyVersion, Waiver
from subscriptions import budgets, commenting, paying, recording
from subscriptions.attachments.storing import attach, remove
from subscriptions.importing.report import Report, RowDone, RowVerdict
from subscriptions.importing.rows import Problem
from subscriptions.models import Budget, Payment, PriceLine, Subscription
from subscriptions.renewals import deciding
from subscriptions.upload_models import Upload
from tests import chromium
from tests.access.addresses import ADMIN, names_of
from tests.browser.conftest import SCREENS
from tests.roles import ROLES
from tests.subscriptions.factories import ProductFactory, SubscriptionFactory, rate

pytestmark = pytest.mark.browser

Act = Callable[[Page], None]
NEW = "/subscriptions/new/"
EXPLORE = "/spending/explore/"
REPORT = "/reports/ai-subscriptions-2025/"
SUBMIT = ".gt-form-actions button[type=submit]"
BOTH_LANGUAGES = bool(os.environ.get("BOTH_LANGUAGES"))
OVERFLOW = "document.scrollingElement.scrollWidth - window.innerWidth"


@pytest.fixture
def single_sign_on(settings: Any) -> None:
    """On, by a provider that nobody reaches."""
    settings.SSO_ISSUER, settings.SSO_CLIENT_ID = "http://127.0.0.1:9", "govtrack"
    settings.SSO_NAME_KO, settings.SSO_NAME_EN = "행정 통합인증", "Government sign-on"


@pytest.fixture
def records(people: dict[str, Any], single_sign_on: None) -> dict[str, str]:
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
    _decided(made, people, jeju)
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
    payment = paying.record(
        Payment(subscription=made["full"].subscription, paid_on=today, amount=-1_050, currency="USD"),
        by=administrator,
        on=today,
    )
    rate(1_449.5, day=today - datetime.timedelta(days=30))
    budget = budgets.enter(
        Budget(agency=jeju, year=today.year, won=1_000, note="예산서 12쪽"), by=administrator
    )
    between = f"agency=KR-49&giver={administrator.pk}"
    return {
        "comment": reverse("subscriptions:strike", args=[said.pk]),
        "file": reverse("subscriptions:remove-attachment", args=[filed.pk]),
        "handover": f"{reverse('subscriptions:hand-over')}?{between}&taker={people['above'].pk}",
        "staying": f"{reverse('subscriptions:hand-over')}?{between}&taker={people['approver'].pk}",
        **_kept(people, jeju),
        **_people(people, jeju),
        **_asked(people, jeju),
        **_told(people, jeju),
        **{title: one.subscription.get_absolute_url() for title, one in made.items()},
        "payment": reverse("subscriptions:payment", args=[payment.pk]),
        "budget": budget.get_absolute_url(),
        "finding": reverse("subscriptions:finding", args=[finding.pk]),
        "waiver": reverse("subscriptions:waiver", args=[asked.pk]),
        "view": reverse("oversight:explore-saved", args=[view.pk]),
    }


def _people(people: dict[str, Any], jeju: Agency) -> dict[str, str]:
    """An invitation, the pages of two people, and somebody who has a password, a second factor and codes."""
    invitation, token = invite("Somebody", jeju, "approver", by=people["administrator"])
    people["above"].set_password("a long enough word")
    people["above"].save()
    TOTP.activate(people["above"], "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(people["above"])
    pages = {
        name: reverse("agencies:person", args=[people[name].pk]) for name in ("approver", "administrator")
    }
    for number, name in enumerate(("committee", "committee", "officer")):
        label = "somebody.whose.name.is.as.long.as.names.become@an-agency.example"
        identity = Identity("http://127.0.0.1:9", f"person {number}", label, 0, False)
        identities.link(people[name], identity)
    one = identities.of(people["committee"]).first()
    assert one is not None
    pages["unlink"], pages["new password"] = reverse("sso-unlink", args=[one.pk]), link_of(people["above"])
    return {
        **pages,
        "role of approver": f"{pages['approver']}roles/{people['approver'].memberships.get().pk}/",
        "invitation": reverse("agencies:accept", args=[token]),
        "invited": f"/people/invitations/{invitation.pk}/",
    }


def _decided(made: dict[str, Any], people: dict[str, Any], jeju: Agency) -> None:
    """Terms in each state: to be decided, late, without an end, renewed, not to be renewed."""
    administrator, today = people["administrator"], timezone.localdate()
    chatgpt, department = Product.objects.get(code="chatgpt"), "정보화담당관" * 8

    def declared(days: int | None, **fields: Any) -> recording.Recorded:
        ends_on = None if days is None else today + datetime.timedelta(days=days)
        known = {"agency": jeju, "product": chatgpt, "started_on": today, "ends_on": ends_on}
        known |= {"owner_department": department, "data_class": "open", "personal_data": False}
        line = PriceLine(amount=30_000, seats=10, vat=PriceLine.Vat.INCLUDED)
        return recording.declare(Subscription(**known, **fields), [line], by=administrator)

    made["ending"] = declared(40, auto_renewal=True, notice_days=10)
    for _each in range(4):
        declared(40, auto_renewal=True, notice_days=10)
    declared(20, auto_renewal=True, notice_days=60)
    declared(None)
    made["let end"] = declared(50)
    deciding.let_end(made["let end"].subscription, by=administrator, reason="Too dear " * 30)
    made["renewed"] = declared(50)
    one = made["renewed"].subscription
    until = today + datetime.timedelta(days=400)
    deciding.renew(one, by=administrator, version=one.version, ends_on=until, reason="Used " * 30)


def _told(people: dict[str, Any], jeju: Agency) -> dict[str, str]:
    """Notices and e-mails, one of which failed."""
    administrator = people["administrator"]
    for key in ("subscription_requested", "finding_overdue", "waiver_expires", "findings_opened"):
        parameters = {"reference": "KR-49-2026-0001", "policy": "deepseek-block", "agency": "KR-49"}
        Notice.objects.create(recipient=administrator, key=key, parameters=parameters, url="/renewals/")
    contact = DepartmentContact.objects.create(
        agency=jeju, department="Department of " * 7, email="department@jeju.example"
    )
    failed = Delivery.objects.create(
        day=timezone.localdate(),
        address=contact.email,
        language="en",
        contact=contact,
        subject="[govtrack] 2 notices",
        body="Renewals\n- " + "long" * 60,
        state="failed",
        in_doubt=True,
        error="SMTPServerDisconnected: " + "x" * 90,
    )
    return {
        "department": reverse("agencies:department", args=[contact.pk]),
        "e-mail": reverse("agencies:delivery", args=[failed.pk]),
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
        "done": {"state": "done", "file": "0" * 32 + ".xlsx", "rows_done": 1_000_000, "sight": [jeju.path]},
        "out of sight": {"state": "done", "file": "1" * 32 + ".xlsx", "sight": [""]},
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
        **_imports(administrator, long_ago),
        "snapshot": snapshot.get_absolute_url(),
        "spoilt": spoilt.get_absolute_url(),
        "unreadable": unreadable.get_absolute_url(),
        "gone": gone.get_absolute_url(),
        **{f"export {name}": job.get_absolute_url() for name, job in exports.items()},
    }


def _asked(people: dict[str, Any], jeju: Agency) -> dict[str, str]:
    """Rounds as a draft, open with each kind of answer, and closed."""
    committee, above, today = people["committee"], people["above"], timezone.localdate()

    def new(title: str) -> Round:
        governments = [kind.value for kind in Agency.METROPOLITAN_AND_PROVINCIAL]
        return asking.create(
            Round(
                title_ko=title,
                title_en=title,
                explanation_ko="안내 " * 100,
                scope=Agency.objects.get(code="KR"),
                kinds=governments,
                period_from=today.replace(month=1, day=1),
                period_until=today,
                due_on=today,
            ),
            by=committee,
        )

    def answered(round_: Round) -> Round:
        asking.open_round(round_, by=committee, on=today)
        seoul = round_.asked.get(agency__code="KR-11")
        returning.cannot_say(seoul, by=above, category="withheld", reason="Long reason " * 50)
        for _number in range(2):
            returning.confirm(round_.asked.get(agency=jeju), by=above)
        return round_

    draft, open_, closed = new("A draft"), answered(new("A round " * 12)), answered(new("Closed"))
    pay(Subscription.objects.filter(agency=jeju).latest("pk"))
    closing.close(closed, by=committee, on=today)
    return {
        "draft round": draft.get_absolute_url(),
        "round": open_.get_absolute_url(),
        "closed round": closed.get_absolute_url(),
    }


def _imports(owner: User, long_ago: datetime.datetime) -> dict[str, str]:
    """Uploads in each state, with reports of many rows that are long."""
    long = "가" * 100
    report = Report(new=700, changed=2, left=3, warnings=61, left_out=[long, "비고"], outcomes={"refused": 1})
    report.problems = [Problem(n, "amount", long, long, long, is_error=False) for n in range(61)]
    report.rows = [RowDone(n, "changed", long, ["plan", "amount"]) for n in range(60)]
    report.verdicts = [RowVerdict(n, "violation", long, "block", long) for n in range(60)]
    report.verdicts_in_all = 999
    wrong = Report(errors=3, problems=report.problems[:1], left=1)
    running = {"step": "import", "state": "running", "rows_total": 9, "report": report.as_json()}
    states: dict[str, dict[str, Any]] = {
        "uploaded": {
            "header": [long, "", "기관명"],
            "columns": ["", "", "agency"],
            "samples": [[long, "", "제주"]],
        },
        "waiting": {"step": "trial", "state": "waiting"},
        "kept waiting": {"step": "trial", "state": "waiting", "heard_of_at": long_ago},
        "tried": {"step": "trial", "report": report.as_json()},
        "wrong": {"step": "trial", "report": wrong.as_json()},
        "running": running,
        "interrupted": {**running, "heard_of_at": long_ago},
        "refused": {"step": "trial", "state": "stopped", "problem": "refused", "detail": long},
        "overtaken": {"step": "import", "state": "stopped", "problem": "changed", "report": report.as_json()},
        "failed": {"step": "import", "state": "failed", "problem": "broken", "report": report.as_json()},
    }
    made = {
        name: Upload.objects.create(
            owner=owner, kind="subscriptions", file_name=f"{long}.xlsx", file="f.upload", **state
        )
        for name, state in states.items()
    }
    return {f"import {name}": upload.get_absolute_url() for name, upload in made.items()}


IMPORTS = (
    "uploaded",
    "waiting",
    "kept waiting",
    "tried",
    "wrong",
    "running",
    "interrupted",
    "refused",
    "overtaken",
    "failed",
)


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
    ("sign in refused", "anonymous", "/accounts/login/", filled(login="x", password="y")),
    ("password", "committee", "/accounts/password/", None),
    (
        "password refused",
        "above",
        "/accounts/password/",
        filled(old_password="x", new_password1="1", new_password2="2"),
    ),
    ("password changed", "committee", "/accounts/password/done/", None),
    ("password forgotten", "anonymous", "/accounts/password/forgotten/", filled(who="")),
    ("link sent", "anonymous", "/accounts/password/forgotten/sent/", None),
    ("new password", "anonymous", "{new password}", filled(new_password1="1", new_password2="2")),
    ("no new password", "anonymous", "/accounts/password/new/x/y/", None),
    ("e-mail address", "committee", "/accounts/e-mail/", filled(email="x")),
    ("identities", "committee", "/accounts/sso/", None),
    ("the last identity", "officer", "/accounts/sso/", None),
    ("no identity", "administrator", "/accounts/sso/", None),
    ("unlink", "committee", "{unlink}", None),
    ("who it is, by the provider", "committee", "/accounts/sso/confirm/", None),
    ("single sign-on refused", "anonymous", "/accounts/sso/callback/?state=x", None),
    ("signed out, not at the provider", "anonymous", "/accounts/sso/signed-out/", None),
    ("sign out", "committee", "/accounts/logout/", None),
    ("a closed account", "anonymous", "/accounts/inactive/", None),
    ("who it is, by password", "above", "/accounts/reauthenticate/", filled(password="x")),
    ("who it is, by code", "above", "/accounts/second-factor/reauthenticate/", None),
    ("second factor", "above", "/accounts/second-factor/", None),
    ("no second factor", "committee", "/accounts/second-factor/", None),
    ("second factor set up", "committee", "/accounts/second-factor/totp/activate/", filled(code="x")),
    ("recovery codes", "above", "/accounts/second-factor/recovery-codes/", None),
    ("sessions", "committee", "/accounts/sessions/", None),
    ("people", "administrator", "/people/", None),
    ("people of none", "administrator", "/people/?q=nobody-at-all", None),
    ("invite", "administrator", "/people/invite/", filled()),
    (
        "invited",
        "administrator",
        "/people/invite/",
        filled(full_name="A name", agency="KR-49", role="approver"),
    ),
    ("accept an invitation", "anonymous", "{invitation}", filled()),
    ("accept no invitation", "anonymous", "/invitations/gone/", None),
    ("withdraw an invitation", "administrator", "{invited}withdraw/", None),
    ("a person", "administrator", "{approver}", None),
    ("oneself", "administrator", "{administrator}", None),
    ("give a role", "administrator", "{approver}roles/give/", filled()),
    ("take a role", "administrator", "{role of approver}take/", None),
    ("close an account", "administrator", "{approver}close/", None),
    ("open an account", "administrator", "{approver}reopen/", None),
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
    ("imports", "administrator", "/imports/", unfolded),
    ("an import without a file", "administrator", "/imports/", filled()),
    *((f"import {state}", "administrator", f"{{import {state}}}", None) for state in IMPORTS),
    ("columns chosen wrongly", "administrator", "{import uploaded}columns/", filled(column_2="")),
    ("delete an upload", "administrator", "{import uploaded}discard/", None),
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
    ("renewals", "administrator", "/renewals/", None),
    ("renewals to the committee", "committee", "/renewals/?when=&sort=-notice_by", None),
    ("renewals of none", "nobody", "/renewals/", None),
    ("renewals wrongly narrowed", "administrator", "/renewals/?when=x&agency=KR-99", None),
    ("no file of renewals", "administrator", "/renewals/?when=x&_export=csv", None),
    ("calendar of renewals", "administrator", "/renewals/calendar/", None),
    ("calendar of a far month", "committee", "/renewals/calendar/?month=2031-02", None),
    ("an ending record", "administrator", "{ending}", None),
    ("a record that ends", "approver", "{let end}", None),
    ("a renewed record", "committee", "{renewed}", None),
    ("renew", "administrator", "{ending}renew/", None),
    ("renew, wrongly", "administrator", "{ending}renew/", filled(ends_on="2020-01-01")),
    ("let end", "administrator", "{ending}let-end/", filled()),
    ("reconsider", "administrator", "{let end}reconsider/", None),
    ("plan of reminders", "administrator", "{ending}reminders/", filled(days="x")),
    ("notices", "administrator", "/notices/", None),
    ("notices of none", "nobody", "/notices/", None),
    ("notices narrowed to none", "administrator", "/notices/?kind=other", None),
    ("preferences", "administrator", "/notices/preferences/", None),
    ("e-mails", "administrator", "/notices/e-mails/", None),
    ("e-mails of none", "nobody", "/notices/e-mails/", None),
    ("an e-mail", "administrator", "{e-mail}", None),
    ("contacts of departments", "administrator", "/departments/", None),
    ("contacts of departments of none", "sibling", "/departments/", None),
    ("a contact to be added", "administrator", "/departments/new/", filled()),
    ("a contact", "administrator", "{department}", None),
    ("a contact to be deleted", "administrator", "{department}delete/", None),
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
    ("rounds", "above", "/rounds/", None),
    ("rounds of none", "nobody", "/rounds/", None),
    ("a new round with errors", "committee", "/rounds/new/", filled(title_en="x")),
    ("a draft round", "committee", "{draft round}", None),
    ("a draft round edited", "committee", "{draft round}edit/", None),
    ("a round", "committee", "{round}", None),
    ("a round to an agency", "administrator", "{round}", None),
    ("a round narrowed to none", "committee", "{round}?q=nothing", None),
    ("a closed round", "committee", "{closed round}", None),
    ("a new due date", "committee", "{round}due/", filled(due_on="2020-01-01", reason="x")),
    ("close a round", "committee", "{round}close/", None),
    ("cancel a round", "committee", "{round}cancel/", filled()),
    ("a return, changed since", "administrator", "{round}agencies/KR-49/", None),
    ("a return to a committee", "committee", "{closed round}agencies/KR-11/", None),
    ("confirm", "administrator", "{round}agencies/KR-49/confirm/", None),
    ("cannot say", "administrator", "{round}agencies/KR-49/cannot-say/", filled()),
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
    ("payments", "committee", "/payments/", None),
    ("payments of none", "nobody", "/payments/", None),
    ("payments wrongly narrowed", "administrator", "/payments/?kind=x", None),
    ("a payment", "administrator", "{payment}", None),
    ("record a payment", "administrator", "{full}payments/new/", filled(amount="1.5", paid_on="2999-01-01")),
    ("correct a payment", "administrator", "{payment}correct/", None),
    ("remove a payment", "administrator", "{payment}remove/", filled()),
    ("exchange rates", "officer", "/exchange-rates/", None),
    ("no exchange rates", "nobody", "/exchange-rates/?currency=EUR", None),
    ("budgets", "administrator", "/budgets/", None),
    ("budgets of none", "nobody", "/budgets/", None),
    ("enter a budget", "administrator", "/budgets/new/", filled(won="x")),
    ("a budget", "above", "/budgets/KR/2026/", None),
    ("a budget that is used up", "administrator", "{budget}", None),
    ("correct a budget", "administrator", "{budget}correct/", filled(won="-1")),
    ("remove a budget", "administrator", "{budget}remove/", None),
    ("plan", "committee", "/spending/plan/", None),
    ("plan by month", "administrator", "/spending/plan/?by=month", None),
    ("plan of none", "nobody", "/spending/plan/", None),
    ("plan wrongly asked", "committee", "/spending/plan/?year=1", None),
    ("decisions", "committee", "/decisions/", None),
    ("audit trail", "sysadmin", "/audit/", None),
    ("changes of records", "sysadmin", "/audit/changes/?record=subscriptions.subscription", None),
    ("audit trail of none", "sysadmin", "/audit/?by=nobody-of-this-name", None),
    ("audit trail wrongly narrowed", "sysadmin", "/audit/?kind=nonsense", None),
    ("audit trail not as this file", "sysadmin", "/audit/?_export=json", None),
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
    ("reset a second factor", "sysadmin", "{approver}second-factor/reset/", None),
]


def wider_than_the_screen(page: Page) -> int:
    """By how many pixels."""
    return int(page.evaluate(OVERFLOW))


@pytest.mark.parametrize("part", range(3))
def test_every_page(
    visit: Callable[..., Page], records: dict[str, str], watch: chromium.Watch, language: str, part: int
) -> None:
    """On a wide screen and on a narrow one; what is wrong anywhere is told at once.

    A plain run looks at each state in one of the languages, by turns; with BOTH_LANGUAGES (`make test-long`) in both.
    """
    faults = []
    for number, (title, who, address, act) in enumerate(STATES[part::3]):
        if number % 2 == (language == "en") and not BOTH_LANGUAGES:
            continue
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


@pytest.mark.parametrize("name", ["500, 503, 429, 413", "403 of a form without its token"])
def test_what_should_not_happen(
    name: str,
    visit: Callable[..., Page],
    records: dict[str, str],
    axe: Callable[..., None],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    def fails_with(error: Exception) -> None:
        def fail(*arguments: Any) -> None:
            raise error

        monkeypatch.setattr("oversight.views.spending_by_agency", fail)

    def look(page: Page, status: int, response: Any) -> None:
        assert response is not None
        assert response.status == status
        assert response.headers["x-request-id"] in page.locator("main").inner_text()
        page.set_viewport_size(SCREENS["wide"])
        axe(page)
        page.set_viewport_size(SCREENS["narrow"])
        axe(page)
        assert wider_than_the_screen(page) <= 0

    def sent(page: Page) -> Any:
        with page.expect_response("**/accounts/password/") as answer:
            page.locator("#main button[type=submit]").click()
        page.locator("p.code").wait_for()
        return answer.value

    if name.startswith("500"):
        page = visit("committee", "/accounts/password/", language)
        settings.LARGEST_REQUEST = 10
        look(page, 413, sent(page))
        fails_with(ZeroDivisionError())
        look(page, 500, page.goto("/spending/"))
        fails_with(OperationalError("interrupted"))
        look(page, 503, page.goto("/spending/"))
        limits.limiter.cache_clear()
        settings.REQUEST_LIMITS = {"pages": "1/hour"}
        page.goto(EXPLORE)
        look(page, 429, page.goto(EXPLORE))
        limits.limiter.cache_clear()
    else:
        page = visit("administrator", "/accounts/password/", language)
        page.context.clear_cookies(name="csrftoken")
        look(page, 403, sent(page))


def test_every_url_is_visited(records: dict[str, str]) -> None:
    """Every page that a reader opens is among the states above; the others answer without a page of their own."""
    without = {
        ADMIN,
        "alive",
        "ready",
        "csp-reports",
        "mfa_authenticate",
        "mfa_deactivate_totp",
        "mfa_generate_recovery_codes",
        "mfa_download_recovery_codes",
        "set_language",
        "sso-start",  # these two send away to the provider
        "sso-link",
        "agencies:options",
        "catalog:options",
        "catalog:vendor_options",
    }
    without |= {"subscriptions:check", "subscriptions:price-line"}
    without |= {f"policies:{part}" for part in ("conditions", "values", "statements", "preview")}
    without |= {"agencies:save-view", "agencies:forget-view", "agencies:notice", "agencies:notices-read"}
    without |= {"oversight:export-again", "oversight:export-file"}
    files = ("attachment", "import-example", "import-records", "import-problems")
    without |= {f"subscriptions:{name}" for name in (*files, "import-start", "import-again", "import-undo")}
    visited = set()
    for _title, _who, address, _act in STATES:
        path = address.format(**records).partition("?")[0]
        if not path.startswith("/no/"):
            visited.add(get_resolver().resolve(path).view_name)
    assert sorted(set(names_of(get_resolver().url_patterns)) - without - visited) == []
    assert sorted(visited & without) == []


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
