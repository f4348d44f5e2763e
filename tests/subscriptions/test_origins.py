"""That a check of everything finds all facts that may be wrong, whatever changed, and none of the others."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Product, Vendor
from policies.vocabulary import DataClass
from subscriptions.costs import costs_on
from subscriptions.facts import refresh
from subscriptions.models import ExchangeRate, Facts, FactsOrigin, PriceLine, Subscription
from subscriptions.money import rates_on
from subscriptions.origins import holds_until, stale
from tests.subscriptions.factories import (
    AgencyFactory,
    CertificationFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
)

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 6, 15)


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


@pytest.fixture
def two():
    """One subscription that is changed by each case, and one that is not."""
    ExchangeRate.objects.create(currency="USD", day=DAY, rate=1_400_000_000)
    changed = SubscriptionFactory(reference="CHANGED", personal_data=True)
    other = SubscriptionFactory(reference="OTHER", agency=AgencyFactory(code="KR-OTHER"))
    PriceLineFactory(subscription=changed, seats=10, amount=2000, currency="USD")
    PriceLineFactory(subscription=changed, seats=1, amount=5000, currency="KRW", position=2)
    PriceLineFactory(subscription=other, seats=10, amount=2000, currency="KRW")
    refresh([changed.pk, other.pk], DAY)
    assert found(DAY) == set()
    return changed


def found(on: datetime.date) -> set[str]:
    return set(Subscription.objects.filter(pk__in=stale(on)).values_list("reference", flat=True))


CHANGES = {
    "a field": lambda s: Subscription.objects.filter(pk=s.pk).update(data_class=DataClass.SENSITIVE),
    "a text that only a search reads": lambda s: Subscription.objects.filter(pk=s.pk).update(purpose="?"),
    "a field that becomes unknown": lambda s: Subscription.objects.filter(pk=s.pk).update(personal_data=None),
    "the tool": lambda s: Subscription.objects.filter(pk=s.pk).update(product=ProductFactory()),
    "a price": lambda s: PriceLine.objects.filter(subscription=s, position=1).update(amount=1),
    "seats": lambda s: PriceLine.objects.filter(subscription=s, position=2).update(seats=2),
    "a line more": lambda s: PriceLineFactory(subscription=s, position=3),
    "a line less": lambda s: PriceLine.objects.filter(subscription=s, position=2).delete(),
    "two lines changed about": lambda s: [
        PriceLine.objects.filter(subscription=s, position=1).update(amount=5000, seats=1),
        PriceLine.objects.filter(subscription=s, position=2).update(amount=2000, seats=10),
    ],
    "the agency's name": lambda s: type(s.agency).objects.filter(pk=s.agency_id).update(name_ko="새 이름"),
    "the tool's name": lambda s: Product.objects.filter(pk=s.product_id).update(name_en="New"),
    "the vendor's country": lambda s: Vendor.objects.filter(pk=s.product.vendor_id).update(country="CN"),
    "a model inside": lambda s: s.product.engines.add(ProductFactory()),
    "a certification": lambda s: CertificationFactory(product=s.product, valid_from=DAY, valid_until=None),
    "the rate": lambda _s: ExchangeRate.objects.update(rate=1),
    "the rate is gone": lambda _s: ExchangeRate.objects.all().delete(),
    "a flat fact written by hand": lambda s: Facts.objects.filter(pk=s.pk).update(seats_max=99),
    "the flat facts are gone": lambda s: Facts.objects.filter(pk=s.pk).delete(),
    "the origin is gone": lambda s: FactsOrigin.objects.filter(pk=s.pk).delete(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changed_past_the_register_is_found(two, change):
    change(two)
    assert found(DAY) == {"CHANGED"}
    refresh([two.pk], DAY)
    assert found(DAY) == set()


@pytest.mark.parametrize("later", [0, 1, 7])
def test_a_rate_counts_for_its_days(two, later):
    assert found(DAY + days(later)) == set()


def test_a_rate_that_is_too_old_is_found(two):
    assert found(DAY + days(8)) == {"CHANGED"}


def test_a_certification_that_ended_yesterday_is_found(two):
    CertificationFactory(product=two.product, valid_from=DAY, valid_until=DAY + days(3))
    refresh([two.pk], DAY)
    assert (found(DAY + days(3)), found(DAY + days(4))) == (set(), {"CHANGED"})


def test_a_day_that_changes_a_price_is_found(two):
    PriceLine.objects.filter(subscription=two, position=2).update(ends_on=DAY + days(2))
    refresh([two.pk], DAY)
    assert (found(DAY + days(2)), found(DAY + days(3))) == (set(), {"CHANGED"})


def test_facts_of_a_later_day_do_not_serve_an_earlier_one(two):
    refresh([two.pk], DAY + days(1))
    assert found(DAY) == {"CHANGED"}


def test_new_subscriptions_are_found_and_no_row_is_fetched_for_it(two, django_assert_max_num_queries):
    for number in range(20):
        SubscriptionFactory(reference=f"NEW-{number}")
    with django_assert_max_num_queries(12):
        assert len(found(DAY)) == 20


DATES = st.none() | st.integers(-400, 400).map(lambda number: DAY + days(number))


@st.composite
def lines(draw) -> PriceLine:
    first, last = draw(DATES), draw(DATES)
    if first and last and last < first:
        first, last = last, first
    return PriceLine(
        starts_on=first, ends_on=last, seats=3, amount=1000, currency="KRW", vat="included", basis="flat",
        standing="stated", cycle=draw(st.sampled_from(["monthly", "annual", "one_off"])),
    )  # fmt: skip


@given(
    first=DATES,
    last=DATES,
    made=st.lists(lines(), max_size=3),
    later=st.integers(0, 800),
)
def test_costs_do_not_change_while_they_are_said_to_hold(first, last, made, later):
    if first and last and last < first:
        first, last = last, first
    subscription = Subscription(started_on=first, ends_on=last)
    until = holds_until(subscription, made, DAY)
    day = DAY + days(later) if until is None else min(until, DAY + days(later))
    rates = rates_on(set(), DAY)
    assert costs_on(subscription, made, rates, day) == costs_on(subscription, made, rates, DAY)
