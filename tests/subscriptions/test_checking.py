"""The check of everything and the re-checks after a change: whatever happens, both come to what a check from scratch finds."""

import datetime
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency, Recheck, User
from catalog.changing import product_changed, vendor_changed
from catalog.models import Product, Vendor
from policies.changing import policy_changed
from policies.models import PolicyVersion, Waiver
from policies.verdicts import Effect
from subscriptions import checking, recording
from subscriptions.checking import Summary, check_everything, drain, verdict_counts
from subscriptions.facts import COLUMNS
from subscriptions.models import (
    AgencyTotals,
    Approval,
    Decision,
    Facts,
    Finding,
    PolicyCheck,
    PriceLine,
    Status,
    Subscription,
)
from tests.examples import examples
from tests.subscriptions.factories import (
    DAY,
    CertificationFactory,
    PolicyFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    UserFactory,
    VendorFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

BLOCKED = ("personal_data", "is", [True])


def findings() -> list[tuple[str, str, str]]:
    """(policy, verdict, closed because) of all findings."""
    rows = Finding.objects.order_by("policy__code", "subscription__reference")
    return list(rows.values_list("policy__code", "verdict", "closed_because"))


def everything() -> dict[str, Any]:
    """All that a check may write."""
    return {
        "facts": list(Facts.objects.order_by("pk").values()),
        "findings": list(Finding.objects.order_by("pk").values()),
        "history": Finding.history.count(),
        "decisions": Decision.objects.count(),
        "rechecks": Recheck.objects.count(),
    }


# --- everything -------------------------------------------------------------------------------------------------------


def test_from_nothing():
    """As after fixtures: there are neither facts nor findings."""
    make_policy(BLOCKED, policy=PolicyFactory(code="personal"))
    make_policy(("data_class", "is", ["open"]), policy=PolicyFactory(code="class"), scope=agency_at("KR/P1"))
    for agency, personal_data, status in (
        ("KR/P1", True, Status.ACTIVE),
        ("KR/P2", False, Status.REQUESTED),
        ("KR/P2", None, Status.APPROVED),
        ("KR/P1", True, Status.DRAFT),
    ):
        SubscriptionFactory(
            agency=agency_at(agency), personal_data=personal_data, status=status, data_class="classified"
        )
    assert check_everything() == Summary(
        subscriptions=4,
        facts_changed=4,
        findings_open=2,
        verdicts={
            "class": {"pass": 1, "violation": 0, "undetermined": 0},
            "personal": {"pass": 1, "violation": 1, "undetermined": 1},
        },
    )
    assert findings() == [("personal", "violation", ""), ("personal", "undetermined", "")]


def test_twice_is_as_once(clock):
    make_policy(BLOCKED, remedy_days=7)
    SubscriptionFactory(personal_data=True)
    check_everything()
    before = everything()
    summary = check_everything()
    assert (summary.facts_changed, summary.findings_open) == (0, 1)
    assert everything() == before


def test_without_anything():
    assert check_everything() == Summary(0, 0, 0, {})


def test_it_trusts_nothing():
    """Rows that were written past every function, and a finding that nobody opened or closed rightly."""
    version = make_policy(BLOCKED)
    wrong = kept(SubscriptionFactory(reference="A", personal_data=True))
    missing = kept(SubscriptionFactory(reference="B", personal_data=False))
    Facts.objects.filter(pk=missing.pk).delete()
    Subscription.objects.filter(pk=missing.pk).update(personal_data=True)
    Facts.objects.filter(pk=wrong.pk).update(personal_data=False)
    Finding.objects.update(verdict="undetermined", unwaived_verdict="undetermined", deciding_facts={})
    summary = check_everything()
    assert (summary.facts_changed, summary.findings_open) == (2, 2)
    assert [f.verdict for f in Finding.objects.filter(policy=version.policy)] == ["violation", "violation"]
    assert all(f.deciding_facts["reasons"] for f in Finding.objects.all())


def test_it_closes_a_finding_that_no_verdict_bears_out():
    """Also where nothing else is to be done."""
    make_policy(BLOCKED)
    kept(SubscriptionFactory(reference="A", personal_data=True))
    right = kept(SubscriptionFactory(reference="B", personal_data=True))
    right.personal_data = False
    right.save()
    check_everything()
    Finding.objects.update(closed_at=None, closed_because="")
    check_everything()
    assert [closed for _policy, _verdict, closed in findings()] == ["", "passes"]


def test_it_keeps_when_a_policy_was_checked_also_where_nothing_changed(clock):
    policy = make_policy(BLOCKED).policy
    kept(SubscriptionFactory(personal_data=True))
    for day in (DAY, days(1), days(2)):
        clock(day)
        check_everything()
        assert timezone.localdate(PolicyCheck.objects.get(policy=policy).checked_at) == day


def test_what_is_interrupted_between_facts_and_findings_is_made_good_by_the_next(monkeypatch):
    """Also what only the explanation says: the verdict is the same before and after."""
    make_policy(("seats", "more_than", [5]))
    subscription = SubscriptionFactory()
    line = PriceLineFactory(subscription=subscription, seats=10)
    check_everything()
    PriceLine.objects.filter(pk=line.pk).update(seats=20)

    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checking, "reconcile_policy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            check_everything()
    check_everything()
    (reason,) = Finding.objects.get().deciding_facts["reasons"]
    assert reason["known"] == [20, 20]


def test_it_goes_in_chunks_and_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(checking, "CHUNK", 2)
    for number in range(5):
        SubscriptionFactory(reference=f"R{number}", personal_data=True)
    make_policy(BLOCKED)
    steps = []
    summary = check_everything(lambda *step: steps.append(step))
    assert (summary.subscriptions, summary.findings_open) == (5, 5)
    assert steps == [("facts", 2, 5), ("facts", 4, 5), ("facts", 5, 5), ("policies", 1, 1)]


# --- the date alone ---------------------------------------------------------------------------------------------------


def verdicts_by_day(clock: Callable[[datetime.date], None], *on: int) -> list[tuple[str, str]]:
    """(verdict, closed because) of the one finding after the check of each day; a day without any gives a pass."""
    found = []
    for offset in on:
        clock(days(offset))
        check_everything()
        rows = [(verdict, closed) for _policy, verdict, closed in findings()]
        found.append(rows[0] if rows else ("none", ""))
    return found


def test_a_waiver_that_expires(clock):
    WaiverFactory(policy=make_policy(BLOCKED).policy, valid_from=days(1), valid_until=days(2))
    SubscriptionFactory(personal_data=True)
    assert verdicts_by_day(clock, 0, 1, 2, 3) == [
        ("violation", ""),
        ("waived", ""),
        ("waived", ""),
        ("violation", ""),
    ]


def test_a_certification_that_ends(clock):
    make_policy(("certification", "none_of", ["csap-low"]))
    product = ProductFactory(certifications_known=True)
    CertificationFactory(product=product, valid_from=days(1), valid_until=days(2))
    SubscriptionFactory(product=product)
    assert verdicts_by_day(clock, 0, 1, 2, 3) == [
        ("violation", ""),
        ("violation", "passes"),
        ("violation", "passes"),
        ("violation", ""),
    ]


def test_a_policy_that_comes_into_force_and_ends(clock):
    make_policy(BLOCKED, effective_from=days(1), effective_until=days(2))
    subscription = SubscriptionFactory(personal_data=True)
    assert verdicts_by_day(clock, 0, 1, 2, 3) == [
        ("none", ""),
        ("violation", ""),
        ("violation", ""),
        ("violation", "not_applicable"),
    ]
    assert Subscription.objects.get(pk=subscription.pk).status == Status.ACTIVE  # it switches nothing off


def test_a_price_that_rises(clock):
    make_policy(("annual_cost", "more_than", [1_200_000]))
    subscription = SubscriptionFactory()
    PriceLineFactory(subscription=subscription, ends_on=DAY)
    PriceLineFactory(subscription=subscription, amount=10_001, starts_on=days(1))
    assert verdicts_by_day(clock, 0, 1) == [("none", ""), ("violation", "")]


# --- what a change asks for -------------------------------------------------------------------------------------------


def test_a_change_is_judged_right_after_its_commit(django_capture_on_commit_callbacks):
    make_policy(("vendor_country", "is", ["CN"]))
    subscription = kept(SubscriptionFactory())
    vendor = subscription.product.vendor
    with django_capture_on_commit_callbacks(execute=True):
        vendor.country = "CN"
        vendor.save()
        vendor_changed(vendor)
        assert Recheck.objects.count() == 1
        assert not Finding.objects.exists()
    assert Recheck.objects.count() == 0
    assert [verdict for _policy, verdict, _closed in findings()] == ["violation"]


def test_what_fails_right_after_the_commit_stays_pending(
    django_capture_on_commit_callbacks, monkeypatch, caplog
):
    make_policy(("vendor_country", "is", ["CN"]))
    subscription = kept(SubscriptionFactory())

    def failing(*args: Any) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr(checking, "refresh", failing)
    with django_capture_on_commit_callbacks(execute=True):
        vendor_changed(subscription.product.vendor)
    assert Recheck.objects.count() == 1
    monkeypatch.undo()
    assert "no more memory" in caplog.text


def test_a_change_of_much_waits_for_the_next_check(monkeypatch):
    monkeypatch.setattr(checking, "SMALL", 1)
    version = make_policy(("vendor_country", "is", ["CN"]))
    vendor = VendorFactory()
    for _number in range(2):
        kept(SubscriptionFactory(product=ProductFactory(vendor=vendor)))
    small = kept(SubscriptionFactory())
    for changed in (vendor, small.product.vendor):
        changed.country = "CN"
        changed.save()
        vendor_changed(changed)
    drain()
    assert list(Recheck.objects.values_list("code", flat=True)) == [vendor.code]
    assert list(Finding.objects.values_list("subscription", flat=True)) == [small.pk]
    check_everything()
    assert not Recheck.objects.exists()
    assert Finding.objects.filter(policy=version.policy).count() == 3


def test_a_policy_in_force_is_judged_everywhere():
    version = make_policy(BLOCKED, status=PolicyVersion.Status.DRAFT, policy=PolicyFactory(code="p"))
    kept(SubscriptionFactory(personal_data=True))
    version.status = PolicyVersion.Status.IN_FORCE
    version.save()
    policy_changed(version.policy)
    drain()
    assert findings() == [("p", "violation", "")]
    version.status = PolicyVersion.Status.RETIRED
    version.save()
    policy_changed(version.policy)
    drain()
    assert findings() == [("p", "violation", "not_applicable")]


def test_only_what_a_change_touches_is_looked_at():
    other = kept(SubscriptionFactory(personal_data=False))
    touched = kept(SubscriptionFactory(personal_data=False))
    Facts.objects.update(personal_data=True)  # both are wrong
    product_changed(touched.product)
    drain()
    assert dict(Facts.objects.values_list("pk", "personal_data")) == {other.pk: True, touched.pk: False}


def test_an_agency_whose_code_ends_alike_is_another():
    inside = kept(SubscriptionFactory(agency=agency_at("KR/P1/C1")))
    outside = kept(SubscriptionFactory(agency=agency_at("KR/XP1")))
    Facts.objects.update(agency_kind="office")  # both are wrong
    Recheck.ask(Recheck.About.AGENCY, "P1")
    drain()
    kinds = dict(Facts.objects.values_list("pk", "agency_kind"))
    assert kinds == {inside.pk: "province", outside.pk: "office"}


# --- step by step, and from scratch -----------------------------------------------------------------------------------


@pytest.fixture
def ground(clock) -> None:
    """Three agencies, vendors and tools, policies of every effect, and a subscription of each agency."""
    for name in ("by", "officer", "approver"):
        person("sysadmin", username=name)
    agencies = [agency_at(path) for path in ("KR/P1/C1", "KR/P1", "KR/P2")]
    vendors = [VendorFactory(code=f"v{n}", country=country) for n, country in enumerate(["US", "CN", None])]
    products = [ProductFactory(code=f"t{n}", vendor=vendor) for n, vendor in enumerate(vendors)]
    make_policy(("vendor_country", "is", ["CN"]), ("engine_country", "one_of", ["CN"]))
    make_policy(("annual_cost", "more_than", [1_500_000]), effect=Effect.APPROVAL, remedy_days=30)
    make_policy(
        (1, "personal_data", "is", [True]), (2, "certification", "none_of", ["csap-low"]), effect=Effect.WARN
    )
    make_policy(("seats", "more_than", [15]), scope=agency_at("KR/P1"), effect=Effect.APPROVAL)
    make_policy(
        ("agency_annual_cost", "more_than", [3_000_000]),
        ("agency_products", "more_than", [1]),
        effect=Effect.WARN,
    )
    for n, agency in enumerate(agencies):
        subscription = SubscriptionFactory(reference=f"R{n}", agency=agency, product=products[0])
        PriceLineFactory(subscription=subscription)
    check_everything()


class World:
    """The ground as it lies in the database, and what may happen on it. A step takes a number for its choices."""

    def __init__(self) -> None:
        self.by, self.officer, self.approver = (
            User.objects.get(username=name) for name in ("by", "officer", "approver")
        )
        self.agencies = [Agency.objects.get(code=code) for code in ("C1", "P1", "P2")]
        self.vendors = list(Vendor.objects.order_by("code"))
        self.products = list(Product.objects.order_by("code"))
        self.versions = list(PolicyVersion.objects.select_related("policy").order_by("pk"))

    def subscription(self, n: int) -> tuple[Subscription, list[PriceLine]]:
        rows = Subscription.objects.select_related("agency", "product__vendor").order_by("pk")
        subscription = rows[n % rows.count()]
        return subscription, list(subscription.price_lines.all())

    def change(self, n: int) -> None:
        subscription, lines = self.subscription(n)
        field, value = [
            ("personal_data", True),
            ("personal_data", None),
            ("product", self.products[n % 3]),
            ("agency", self.agencies[n % 3]),
            ("owner_department", "Team"),
        ][n % 5]
        setattr(subscription, field, value)
        recording.change(subscription, lines, by=self.by, version=subscription.version)

    def change_price(self, n: int) -> None:
        subscription, lines = self.subscription(n)
        more = PriceLine(seats=[5, 10, None][n % 3], amount=10_000, currency="KRW", vat="included")
        lines = [*lines, more] if n % 2 else lines[:-1]
        recording.change(subscription, lines, by=self.by, version=subscription.version)

    def request(self, n: int) -> None:
        subscription = Subscription(
            agency=self.agencies[n % 3],
            product=self.products[n % 3],
            started_on=DAY,
            personal_data=bool(n % 2),
        )
        lines = [PriceLine(seats=n, amount=10_000, currency="KRW", vat="included")] if n else []
        act = recording.declare if n % 4 == 0 else recording.request
        act(subscription, lines, by=self.by)

    def approve(self, n: int) -> None:
        recording.approve(self.subscription(n)[0], by=self.approver)

    def approve_as_officer(self, n: int) -> None:
        recording.approve_as_officer(self.subscription(n)[0], by=self.officer, reason="accepted")

    def leave(self, n: int) -> None:
        subscription, _lines = self.subscription(n)
        if n % 3 == 0:
            recording.void(subscription, by=self.by, reason="twice")
        elif n % 3 == 1:
            recording.reopen(subscription, by=self.by)
        else:
            recording.end(subscription, by=self.by, on=DAY)

    def change_vendor(self, n: int) -> None:
        vendor = self.vendors[n % 3]
        vendor.country = ["US", "CN", None][n // 3 % 3]
        vendor.save()
        vendor_changed(vendor)

    def change_product(self, n: int) -> None:
        product = self.products[n % 3]
        match n // 3 % 3:
            case 0:
                product.engines.set([self.products[(n + 1) % 3]])
            case 1:
                product.engines_known = product.certifications_known = True
                product.save()
            case _:
                if not product.certifications.exists():
                    CertificationFactory(product=product)
        product_changed(product)

    def move_agency(self, n: int) -> None:
        agency = self.agencies[0]
        agency.refresh_from_db()
        agency.parent = agency_at(["KR/P1", "KR/P2", "KR"][n % 3])
        agency.save()

    def change_policy(self, n: int) -> None:
        version = self.versions[n % 5]
        match n // 5 % 2:
            case 0:
                version.status = {"in_force": "retired", "retired": "in_force"}[version.status]
                version.save()
            case _:
                old = version
                old.status = PolicyVersion.Status.RETIRED
                old.save()
                fact = ["annual_cost", "agency_annual_cost"][n % 2]
                self.versions[n % 5] = make_policy(
                    (fact, "more_than", [1_000_000 * n]), policy=old.policy, effect=Effect.APPROVAL
                )
        policy_changed(version.policy)

    def change_waiver(self, n: int) -> None:
        version = self.versions[n % 5]
        granted = Waiver.objects.filter(policy=version.policy, status=Waiver.Status.GRANTED)
        if n // 5 % 2:
            granted.update(status=Waiver.Status.REVOKED)
        else:
            WaiverFactory(
                policy=version.policy,
                agency=self.agencies[n % 3],
                requested_by=self.by,
                decided_by=self.officer,
            )
        policy_changed(version.policy)


STEPS = [
    *["change", "change_price", "request", "approve", "approve_as_officer", "leave", "change_vendor"],
    *["change_product", "move_agency", "change_policy", "change_waiver"],
]


def judged() -> tuple[list[Any], list[Any], list[Any]]:
    """All facts, the totals of the agencies that have any, and all open findings without their times."""
    told = [
        "subscription",
        "policy",
        "policy_version",
        "verdict",
        "unwaived_verdict",
        "effect",
        "cause",
        "waiver",
        "deciding_facts",
    ]
    return (
        list(Facts.objects.order_by("pk").values("pk", *COLUMNS)),
        list(AgencyTotals.objects.filter(own_subscriptions__gt=0).order_by("pk").values()),
        list(Finding.objects.open().order_by("policy", "subscription").values(*told, "deciding_facts")),
    )


@pytest.mark.django_db(transaction=True)  # each example rolls back one of its own
@examples(12, share=4)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=1, max_size=8))
def test_step_by_step_is_as_from_scratch(clock, ground, steps):
    with transaction.atomic():
        world = World()
        for name, number in steps:
            try:
                with transaction.atomic():
                    getattr(world, name)(number)
            except (recording.NotPossible, PermissionDenied):
                continue
            drain()
        step_by_step = judged()
        rows = Finding.history.count()

        assert check_everything().facts_changed == 0
        assert judged() == step_by_step
        assert Finding.history.count() == rows

        Finding.objects.all().delete()
        Facts.objects.all().delete()
        AgencyTotals.objects.all().delete()
        check_everything()
        assert judged() == step_by_step
        transaction.set_rollback(True)


# --- the command ------------------------------------------------------------------------------------------------------


def run(*arguments: str, **options: Any) -> str:
    output = io.StringIO()
    call_command("check_policies", *arguments, stdout=output, **options)
    return output.getvalue()


@pytest.fixture
def register() -> None:
    make_policy(BLOCKED, policy=PolicyFactory(code="personal"))
    make_policy(("seats", "more_than", [5]), policy=PolicyFactory(code="seats"), effective_from=days(10))
    for personal_data in (True, False, None, None):
        SubscriptionFactory(personal_data=personal_data)


@pytest.mark.usefixtures("register")
def test_the_command_checks_and_says_what_it_found():
    assert run() == (
        "4 subscriptions checked; 4 facts changed, 3 findings open\n  personal: 1 pass, 1 violation, 2 undetermined\n"
    )
    assert run() == (
        "4 subscriptions checked; 0 facts changed, 3 findings open\n  personal: 1 pass, 1 violation, 2 undetermined\n"
    )
    assert Finding.objects.open().count() == 3


@pytest.mark.usefixtures("register")
def test_the_command_says_how_far_it_is_when_asked():
    assert run(verbosity=2).splitlines()[:3] == ["facts: 4 of 4", "policies: 1 of 2", "policies: 2 of 2"]


@pytest.mark.usefixtures("register")
def test_another_day_is_reported_and_nothing_written():
    check_everything()
    before = everything()
    assert run("--on", days(10).isoformat()) == (
        "  personal: 1 pass, 1 violation, 2 undetermined\n  seats: 0 pass, 0 violation, 4 undetermined\n"
    )
    assert run("--on", days(10).isoformat(), "--policy", "seats") == (
        "  seats: 0 pass, 0 violation, 4 undetermined\n"
    )
    assert run("--on", days(-2000).isoformat()) == ""
    assert everything() == before


@pytest.mark.usefixtures("register")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on", "tomorrow"], "--on takes a day as YYYY-MM-DD, not 'tomorrow'"),
        (["--on", "2026-02-30"], "--on takes a day as YYYY-MM-DD, not '2026-02-30'"),
        (["--on", "2026-06-15", "--policy", "unheard-of"], "No policy has this code: unheard-of"),
        (["--policy", "unheard-of"], "No policy has this code: unheard-of"),
        (["--agency", "NOWHERE"], "No agency has this code: NOWHERE"),
    ],
)
def test_what_the_command_does_not_take(arguments, message):
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert (str(raised.value), raised.value.returncode) == (message, 1)
    assert not Facts.objects.exists()


def test_counts_are_before_waivers_and_approvals():
    version = make_policy(BLOCKED, policy=PolicyFactory(code="personal"), effect=Effect.APPROVAL)
    WaiverFactory(policy=version.policy)
    subscription = SubscriptionFactory(personal_data=True)
    Approval.objects.create(
        subscription=subscription, policy_version=version, approved_by=UserFactory(), reason="accepted"
    )
    kept(subscription)
    assert verdict_counts(DAY) == {"personal": {"pass": 0, "violation": 1, "undetermined": 0}}
    assert verdict_counts(DAY, ["another"]) == {}
