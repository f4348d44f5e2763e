"""Agencies, tools, people, policies and subscriptions for tests, each with no more than it must have."""

from __future__ import annotations

import datetime
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from agencies.models import Agency, Membership, Role, User
from catalog.models import Category, Certification, Product, Vendor
from policies.models import Condition, Policy, PolicyVersion, Waiver
from policies.verdicts import Effect
from sources.models import Report, Source, Statement
from subscriptions.facts import refresh
from subscriptions.findings import reconcile_one
from subscriptions.models import ExchangeRate, PriceLine, Status, Subscription

# A Monday in the middle of a year: no month's or year's end is near.
DAY = datetime.date(2026, 6, 15)


def days(count: int, after: datetime.date = DAY) -> datetime.date:
    """The day that lies so many days after DAY (before it, when negative)."""
    return after + datetime.timedelta(days=count)


class AgencyFactory(DjangoModelFactory):
    class Meta:
        model = Agency
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"A{n}")
    parent = None
    name_ko = factory.LazyAttribute(lambda agency: f"{agency.code} 기관")
    name_en = factory.LazyAttribute(lambda agency: f"Agency {agency.code}")
    short_ko = factory.SelfAttribute("code")
    short_en = factory.SelfAttribute("code")
    kind = factory.LazyAttribute(lambda agency: Agency.Kind.PROVINCE if agency.parent else Agency.Kind.NATION)


def agency_at(path: str) -> Agency:
    """The agency at a place in the tree, `"KR/P1/C1"`, with all above it; what is there already stays as it is."""
    above: Agency | None = None
    for code in path.strip("/").split("/"):
        above = AgencyFactory(code=code, parent=above)
    assert above is not None
    return above


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")


def person(role: Role | str | None = None, agency: Agency | None = None, **fields: Any) -> User:
    """Somebody with this role at this agency; without a role, with none. The role "sysadmin" is a superuser."""
    user = UserFactory(is_superuser=role == "sysadmin", **fields)
    if role and role != "sysadmin":
        Membership.objects.create(user=user, role=role, agency=agency)
    return user


class VendorFactory(DjangoModelFactory):
    class Meta:
        model = Vendor
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"vendor{n}")
    name_ko = factory.LazyAttribute(lambda vendor: f"{vendor.code} 회사")
    name_en = factory.LazyAttribute(lambda vendor: f"Vendor {vendor.code}")
    country = "US"


class CategoryFactory(DjangoModelFactory):
    class Meta:
        model = Category
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"category{n}")
    name_ko = factory.LazyAttribute(lambda category: f"{category.code} 분야")
    name_en = factory.LazyAttribute(lambda category: f"Category {category.code}")


class ProductFactory(DjangoModelFactory):
    class Meta:
        model = Product
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"tool{n}")
    name_ko = factory.LazyAttribute(lambda product: f"{product.code} 도구")
    name_en = factory.LazyAttribute(lambda product: f"Tool {product.code}")
    vendor = factory.SubFactory(VendorFactory)
    reviewed = True

    @factory.post_generation
    def engines(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if extracted:
            self.engines.set(extracted)


class CertificationFactory(DjangoModelFactory):
    class Meta:
        model = Certification

    scheme = Certification.Scheme.CSAP_LOW
    valid_from = days(-365)
    evidence = "certificate 1"


class SubscriptionFactory(DjangoModelFactory):
    """A saved subscription as it would be after its acts, without facts and findings: see `kept`."""

    class Meta:
        model = Subscription

    reference = factory.Sequence(lambda n: f"REF-2026-{n:04d}")
    agency = factory.SubFactory(AgencyFactory, code="KR")
    product = factory.SubFactory(ProductFactory)
    status = Status.ACTIVE
    started_on = days(-100)


class PriceLineFactory(DjangoModelFactory):
    class Meta:
        model = PriceLine

    subscription = factory.SubFactory(SubscriptionFactory)
    position = factory.LazyAttribute(lambda line: line.subscription.price_lines.count() + 1)
    seats = 10
    amount = 10_000
    vat = PriceLine.Vat.INCLUDED


class PolicyFactory(DjangoModelFactory):
    class Meta:
        model = Policy
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"policy{n}")
    owner = factory.SubFactory(AgencyFactory, code="KR")


class PolicyVersionFactory(DjangoModelFactory):
    class Meta:
        model = PolicyVersion

    policy = factory.SubFactory(PolicyFactory)
    number = factory.LazyAttribute(lambda version: version.policy.versions.count() + 1)
    title_ko = factory.LazyAttribute(lambda version: f"{version.policy.code} 정책")
    title_en = factory.LazyAttribute(lambda version: f"Policy {version.policy.code}")
    scope = factory.SelfAttribute("policy.owner")
    effective_from = days(-1000)
    status = PolicyVersion.Status.IN_FORCE
    effect = Effect.BLOCK


def make_policy(*conditions: tuple[Any, ...], **fields: Any) -> PolicyVersion:
    """A version in force of a policy of its own. A condition is (fact, operator, values) or (group, fact, operator, values)."""
    version: PolicyVersion = PolicyVersionFactory(**fields)
    for position, condition in enumerate(conditions, start=1):
        group, fact, operator, values = condition if len(condition) == 4 else (1, *condition)
        Condition.objects.create(
            version=version, position=position, group=group, fact=fact, operator=operator, values=values
        )
    return version


class WaiverFactory(DjangoModelFactory):
    """A waiver that an officer granted."""

    class Meta:
        model = Waiver

    policy = factory.SubFactory(PolicyFactory)
    agency = factory.SubFactory(AgencyFactory, code="KR")
    reason = "needed"
    status = Waiver.Status.GRANTED
    requested_by = factory.SubFactory(UserFactory)
    decided_by = factory.SubFactory(UserFactory)
    decided_at = factory.LazyFunction(timezone.now)
    valid_from = days(-30)
    valid_until = days(30)


def a_statement() -> Statement:
    """A statement that a subscription can be taken from."""
    report, _new = Report.objects.get_or_create(
        code="report", defaults={"title_ko": "보고서", "title_en": "Report"}
    )
    source, _new = Source.objects.get_or_create(code="source", report=report)
    return Statement.objects.create(
        source=source,
        code=f"S{source.statements.count()}",
        measure=Statement.Measure.GOVERNMENTS_SUBSCRIBING,
        standing="not_given",
    )


def rate(won: int | float, day: datetime.date = DAY, currency: str = "USD") -> ExchangeRate:
    """Won for one unit of the currency, as published on the day."""
    return ExchangeRate.objects.create(currency=currency, day=day, rate=round(won * ExchangeRate.SCALE))


def kept(subscription: Subscription, on: datetime.date = DAY) -> Subscription:
    """The subscription with its facts and findings in step, as every act leaves it."""
    refresh([subscription.pk], on)
    fresh = Subscription.objects.select_related("agency", "facts", "product").get(pk=subscription.pk)
    reconcile_one(fresh, on)
    return fresh
