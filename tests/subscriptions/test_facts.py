"""Where each fact comes from, and that the flat rows stay equal to it whatever changes."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import models

from agencies.models import Agency, Recheck
from agencies.paths import TreePathField
from catalog.changing import product_changed, vendor_changed
from catalog.models import Certification, Product
from policies.vocabulary import FACTS, Type
from subscriptions import recording
from subscriptions.checking import drain
from subscriptions.evaluation import FACT_COLUMNS, OF_AGENCY
from subscriptions.facts import COLUMNS, candidate_facts, facts_of, refresh
from subscriptions.models import AgencyTotals, Facts, PriceLine, Status, Subscription
from subscriptions.search import SearchField
from subscriptions.totals import COLUMNS as TOTALS
from tests.subscriptions.factories import (
    DAY,
    CategoryFactory,
    CertificationFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    VendorFactory,
    agency_at,
    days,
    kept,
    person,
    rate,
)

date = datetime.date
# Kept with the facts, though no policy asks for them.
BESIDE = ["day", "status", "agency_path", "search"]


# --- the vocabulary ---------------------------------------------------------------------------------------------------


def test_the_vocabulary_and_the_flat_rows_have_the_same_columns():
    assert sorted(COLUMNS) == sorted({*FACT_COLUMNS, *BESIDE} - OF_AGENCY)
    assert set(TOTALS) == OF_AGENCY


@pytest.mark.django_db
def test_every_fact_comes_from_somewhere():
    subscription = SubscriptionFactory.build(agency=agency_at("KR"), product=ProductFactory())
    assert sorted(candidate_facts(subscription, [], DAY)) == sorted(COLUMNS)


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_a_fact_is_kept_as_its_type_says(fact):
    model = AgencyTotals if fact.of_agency else Facts
    columns = [model._meta.get_field(column) for column in fact.columns]
    kinds = {
        Type.CODE: [models.CharField],
        Type.CHOICE: [models.CharField],
        Type.RANKED: [models.CharField],
        Type.YES_NO: [models.BooleanField],
        Type.SET: [models.TextField, models.BooleanField],
        Type.RANGE: [models.BigIntegerField, models.BigIntegerField],
    }
    assert [type(column) for column in columns] == kinds[fact.type]
    can_be_null = fact.type is not Type.SET and fact.name not in ("product", "vendor", "agency_kind")
    assert [column.null for column in columns] == [can_be_null] * len(columns)


def test_what_is_kept_beside_the_facts():
    kinds = [type(Facts._meta.get_field(name)) for name in BESIDE]
    assert kinds == [models.DateField, models.CharField, TreePathField, SearchField]


# --- the columns of one subscription ----------------------------------------------------------------------------------

TOOL = {
    "product": "chat",
    "vendor": "maker",
    "trains_on_inputs": None,
}  # whatever the catalogue says is taken over


def facts(subscription: Subscription, lines: list[PriceLine] | None = None, on: date = DAY) -> dict[str, Any]:
    return facts_of(subscription, lines or [], TOOL, {"KR": 1, "KRW": 1}, on)


def unsaved(**fields: Any) -> Subscription:
    vendor = VendorFactory.build(name_ko="메이커", name_en="Maker")
    product = ProductFactory.build(name_ko="챗", name_en="Chat", vendor=vendor)
    agency = Agency(code="KR-49", path="KR/KR-49/", kind="province", name_ko="제주특별자치도", name_en="Jeju")
    return Subscription(**{"reference": "KR-49-2026-0001", "agency": agency, "product": product, **fields})


def test_a_subscription_of_which_nothing_is_known():
    assert facts(unsaved()) == {
        **TOOL,
        "day": DAY,
        "status": "draft",
        "agency_path": "KR/KR-49/",
        "agency_kind": "province",
        "data_class": None,
        "personal_data": None,
        "seats_min": None,
        "seats_max": None,
        "seat_price_min": None,
        "seat_price_max": None,
        "monthly_cost_min": None,
        "monthly_cost_max": None,
        "annual_cost_min": None,
        "annual_cost_max": None,
        "term_min": None,
        "term_max": None,
        "auto_renewal": None,
        "payment_route": None,
        "owner_named": False,
        "search": "kr-49-2026-0001\x1f제주특별자치도\njeju\n챗\nchat\n메이커\nmaker",
    }


def test_a_subscription_of_which_all_is_known():
    subscription = unsaved(
        status=Status.ACTIVE,
        plan="Team",
        reseller="Reseller Inc",
        contract_number="C-1",
        owner_department="디지털정책과",
        purpose="Drafts",
        data_class="sensitive",
        personal_data=False,
        started_on=date(2026, 1, 1),
        ends_on=date(2026, 12, 31),
        auto_renewal=True,
        payment_route="contract",
    )
    lines = [PriceLine(seats=10, amount=10_000, currency="KRW", vat="not_given", cycle="monthly")]
    assert facts(subscription, lines) == {
        **TOOL,
        "day": DAY,
        "status": "active",
        "agency_path": "KR/KR-49/",
        "agency_kind": "province",
        "data_class": "sensitive",
        "personal_data": False,
        "seats_min": 10,
        "seats_max": 10,
        "seat_price_min": 10_000,
        "seat_price_max": 11_000,
        "monthly_cost_min": 100_000,
        "monthly_cost_max": 110_000,
        "annual_cost_min": 1_200_000,
        "annual_cost_max": 1_320_000,
        "term_min": 12,
        "term_max": 12,
        "auto_renewal": True,
        "payment_route": "contract",
        "owner_named": True,
        "search": "kr-49-2026-0001\nteam\n디지털정책과\nreseller inc\nc-1\ndrafts"
        "\x1f제주특별자치도\njeju\n챗\nchat\n메이커\nmaker",
    }


def test_a_minimum_without_a_maximum():
    lines = [PriceLine(seats=None, amount=10_000, currency="KRW", vat="included", cycle="monthly")]
    found = facts(unsaved(), lines)
    assert (found["annual_cost_min"], found["annual_cost_max"]) == (120_000, None)
    assert (found["seats_min"], found["seats_max"]) == (None, None)


def test_a_cost_of_nothing_is_known():
    found = facts(unsaved(), [PriceLine(standing="not_applicable", currency="KRW", seats=1)])
    assert (found["annual_cost_min"], found["annual_cost_max"]) == (0, 0)


@pytest.mark.parametrize("department", ["", "  ", "\t"])
def test_a_department_of_blanks_is_none(department):
    assert facts(unsaved(owner_department=department))["owner_named"] is False


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), 1),
        (date(2026, 1, 1), date(2026, 1, 31), 1),
        (date(2026, 1, 1), date(2026, 2, 1), 2),
        (date(2026, 1, 1), date(2026, 12, 31), 12),
        (date(2026, 1, 1), date(2027, 1, 1), 13),
        (date(2026, 1, 15), date(2026, 2, 14), 1),
        (date(2026, 1, 15), date(2026, 2, 15), 2),
        # A month from the 31st ends with the month that has no such day.
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 1, 31), date(2026, 3, 1), 2),
        (date(2026, 1, 31), date(2026, 3, 30), 2),
        (date(2026, 1, 31), date(2026, 3, 31), 3),
        (date(2026, 1, 31), date(2026, 4, 30), 3),
        # A leap day.
        (date(2024, 2, 29), date(2024, 3, 28), 1),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 2, 29), date(2025, 3, 1), 13),
        (date(2023, 3, 1), date(2024, 2, 29), 12),
        (None, date(2026, 12, 31), None),
        (date(2026, 1, 1), None, None),
        (None, None, None),
    ],
)
def test_the_term_in_months_a_month_begun_counting_whole(first, last, months):
    found = facts(unsaved(started_on=first, ends_on=last))
    assert (found["term_min"], found["term_max"]) == (months, months)


# --- kept in step -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_refresh_returns_the_rows_that_were_wrong_and_a_second_one_none():
    first, second = SubscriptionFactory(), SubscriptionFactory()
    ids = [first.pk, second.pk]
    assert refresh(ids, DAY) == ids
    assert refresh(ids, DAY) == []
    Subscription.objects.filter(pk=second.pk).update(personal_data=True)
    assert refresh(ids, DAY) == [second.pk]
    assert Facts.objects.get(pk=second.pk).personal_data is True
    assert refresh([], DAY) == []


@pytest.mark.django_db
def test_another_day_alone_makes_no_row_wrong():
    subscription = SubscriptionFactory()
    refresh([subscription.pk], DAY)
    assert refresh([subscription.pk], days(1)) == []
    assert Facts.objects.get(pk=subscription.pk).day == days(1)


@pytest.mark.django_db
def test_refresh_goes_in_chunks(monkeypatch):
    monkeypatch.setattr("subscriptions.facts.CHUNK", 2)
    ids = [SubscriptionFactory().pk for _number in range(5)]
    assert refresh(ids, DAY) == ids
    assert Facts.objects.count() == 5


class Register:
    """One subscription with all that its facts depend on."""

    def __init__(self) -> None:
        self.officer = person("sysadmin")
        self.engine = ProductFactory(code="model", vendor=VendorFactory(code="modeller", country="US"))
        self.inner = ProductFactory(code="inner", vendor=VendorFactory(code="i", country="FR"))
        self.product = ProductFactory(
            code="chat", vendor=VendorFactory(code="maker", country="US"), engines=[self.engine]
        )
        self.city = agency_at("KR/P1/C1")
        self.elsewhere = agency_at("KR/P2")
        rate(1400, days(-1))
        self.subscription = SubscriptionFactory(agency=self.city, product=self.product)
        self.line = PriceLineFactory(
            subscription=self.subscription, amount=2000, currency="USD", vat=PriceLine.Vat.INCLUDED
        )
        kept(self.subscription)

    def change(self, **fields: Any) -> None:
        subscription = Subscription.objects.select_related("agency", "product__vendor").get()
        for name, value in fields.items():
            setattr(subscription, name, value)
        self.store(subscription, list(subscription.price_lines.all()))

    def change_line(self, **fields: Any) -> None:
        subscription = Subscription.objects.select_related("agency", "product__vendor").get()
        lines = list(subscription.price_lines.all())
        for name, value in fields.items():
            setattr(lines[0], name, value)
        self.store(subscription, lines)

    def add_line(self, **fields: Any) -> None:
        subscription = Subscription.objects.select_related("agency", "product__vendor").get()
        self.store(subscription, [*subscription.price_lines.all(), PriceLine(**fields)])

    def store(self, subscription: Subscription, lines: list[PriceLine]) -> None:
        recording.change(subscription, lines, by=self.officer, version=subscription.version)

    def change_product(self, product: Product | None = None, **fields: Any) -> None:
        product = product or self.product
        for name, value in fields.items():
            setattr(product, name, value)
        product.save()
        product_changed(product)

    def change_engines(self, product: Product, engines: list[Product]) -> None:
        product.engines.set(engines)
        product_changed(product)

    def change_vendor(self, product: Product, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(product.vendor, name, value)
        product.vendor.save()
        vendor_changed(product.vendor)

    def certify(self, **fields: Any) -> None:
        CertificationFactory(product=self.product, **fields)
        product_changed(self.product)

    def change_agency(self, agency: Agency, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(agency, name, value)
        agency.save()

    def publish_rate(self, won: int, day: date) -> None:
        rate(won, day)
        Recheck.ask(Recheck.About.EXCHANGE_RATE, "USD")


# What changes, and what the flat row then holds. Each goes through the function that makes such a change.
CHANGES: dict[str, tuple[Callable[[Register], None], dict[str, Any]]] = {
    "data class": (lambda r: r.change(data_class="sensitive"), {"data_class": "sensitive"}),
    "personal data": (lambda r: r.change(personal_data=False), {"personal_data": False}),
    "term": (lambda r: r.change(ends_on=days(0)), {"term_min": 4, "term_max": 4}),
    "owner": (lambda r: r.change(owner_department="Team 1"), {"owner_named": True}),
    "renewal": (lambda r: r.change(auto_renewal=True), {"auto_renewal": True}),
    "route": (lambda r: r.change(payment_route="contract"), {"payment_route": "contract"}),
    "another tool": (
        lambda r: r.change(product=r.inner),
        {"product": "inner", "vendor": "i", "vendor_country": "FR"},
    ),
    "another agency": (lambda r: r.change(agency=r.elsewhere), {"agency_path": "KR/P2/"}),
    "seats": (lambda r: r.change_line(seats=20), {"seats_min": 20, "annual_cost_min": 6_720_000}),
    "seats not given": (
        lambda r: r.change_line(seats=None),
        {"seats_min": None, "annual_cost_min": 336_000, "annual_cost_max": None},
    ),
    "a line more": (
        lambda r: r.add_line(basis="flat", amount=1000, currency="KRW", vat="included", cycle="annual"),
        {"annual_cost_min": 3_361_000, "seats_max": 10},
    ),
    "no line": (
        lambda r: r.store(Subscription.objects.select_related("agency", "product__vendor").get(), []),
        {"annual_cost_min": None, "seats_min": None},
    ),
    "a newer rate": (lambda r: r.publish_rate(1500, DAY), {"annual_cost_min": 3_600_000}),
    "an older rate": (lambda r: r.publish_rate(1500, days(-2)), {"annual_cost_min": 3_360_000}),
    "the tool trains": (lambda r: r.change_product(trains_on_inputs=True), {"trains_on_inputs": True}),
    "the tool's name": (lambda r: r.change_product(name_en="Renamed"), {}),
    "the tool's category": (
        lambda r: r.change_product(category=CategoryFactory(code="search")),
        {"category": "search"},
    ),
    "the tool's vendor": (
        lambda r: r.change_product(vendor=r.inner.vendor),
        {"vendor": "i", "vendor_country": "FR"},
    ),
    "the tool's regions": (
        lambda r: r.change_product(processing_regions=["KR"], regions_known=True),
        {"processing_region": "|KR|", "processing_region_known": True},
    ),
    "the tool is unreviewed": (lambda r: r.change_product(reviewed=False), {"product_reviewed": False}),
    "the tool's engines": (
        lambda r: r.change_engines(r.product, [r.engine, r.inner]),
        {"engine_product": "|inner|model|", "engine_country": "|FR|US|"},
    ),
    "an engine's engines": (
        lambda r: r.change_engines(r.engine, [r.inner]),
        {"engine_product": "|inner|model|", "engine_vendor": "|i|modeller|"},
    ),
    "an engine's list is complete": (
        lambda r: (r.change_product(engines_known=True), r.change_product(r.engine, engines_known=True)),
        {"engine_product_known": True, "engine_vendor_known": True, "engine_country_known": True},
    ),
    "the vendor's country": (lambda r: r.change_vendor(r.product, country="KR"), {"vendor_country": "KR"}),
    "the vendor's country is not known": (
        lambda r: r.change_vendor(r.product, country=None),
        {"vendor_country": None},
    ),
    "the engine's vendor's country": (
        lambda r: r.change_vendor(r.engine, country="CN"),
        {"engine_country": "|CN|"},
    ),
    "certified": (lambda r: r.certify(), {"certification": "|csap-low|"}),
    "certified from tomorrow": (lambda r: r.certify(valid_from=days(1)), {"certification": "|"}),
    "not certified any more": (
        lambda r: (r.certify(), Certification.objects.all().delete(), product_changed(r.product)),
        {"certification": "|"},
    ),
    "the agency moves": (
        lambda r: r.change_agency(r.city, parent=r.elsewhere),
        {"agency_path": "KR/P2/C1/"},
    ),
    "the agency above moves": (
        lambda r: r.change_agency(r.city.parent, parent=r.elsewhere),
        {"agency_path": "KR/P2/P1/C1/"},
    ),
    "the agency's kind": (lambda r: r.change_agency(r.city, kind="city"), {"agency_kind": "city"}),
    "the agency's name": (lambda r: r.change_agency(r.city, name_en="Newtown"), {}),
}

UNCHANGING = {"an older rate", "certified from tomorrow", "not certified any more"}


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("what", CHANGES)
def test_flat_facts_follow_a_change(what):
    register = Register()
    before = Facts.objects.values().get()
    change, columns = CHANGES[what]
    change(register)
    drain()
    after = Facts.objects.values().get()
    fresh = Subscription.objects.select_related("agency", "product__vendor").get()
    recomputed = candidate_facts(fresh, list(fresh.price_lines.all()), DAY)
    assert {name: after[name] for name in COLUMNS} == recomputed
    assert {name: after[name] for name in columns} == columns
    assert (after == before) is (what in UNCHANGING)
    assert not Recheck.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda s, by: recording.end(s, by=by, on=DAY), "ended"),
        (lambda s, by: recording.void(s, by=by, reason="twice"), "void"),
    ],
)
def test_flat_facts_follow_an_act(act, status):
    register = Register()
    act(register.subscription, register.officer)
    assert Facts.objects.get().status == status
