"""Each list page asks the same number of queries whether it shows one row or thirty."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agencies.models import Agency
from policies.verdicts import Effect
from sources.models import Report, Source, Statement
from subscriptions.models import Subscription
from tests.subscriptions.factories import (
    AgencyFactory,
    CertificationFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    kept,
    make_policy,
)

QUERIES = {
    ("administrator", "ALL"): {
        "subscriptions:list": 13,
        "subscriptions:findings": 15,
        "catalog:list": 10,
        "sources:list": 5,
        "policies:list": 8,
        "oversight:spending": 16,
    },
    # Who sees everything needs no list of agencies.
    ("committee_member", "KR"): {
        "subscriptions:list": 12,
        "subscriptions:findings": 11,
        "catalog:list": 10,
        "sources:list": 6,
        "policies:list": 8,
        "oversight:spending": 15,
    },
}


def add_rows(count: int) -> None:
    """So many more rows to each list: governments, each with a tool, a policy, a source, a subscription and its findings."""
    report, _new = Report.objects.get_or_create(
        code="report", defaults={"title_ko": "보고서", "title_en": "Report"}
    )
    for number in range(Subscription.objects.count(), Subscription.objects.count() + count):
        government: Agency = AgencyFactory(
            code=f"P{number}", parent=agency_at("KR/ALL"), kind=Agency.Kind.PROVINCE
        )
        product = ProductFactory()
        CertificationFactory(product=product)
        source = Source.objects.create(code=f"s{number}", report=report, published_at=timezone.now())
        statement = Statement.objects.create(
            source=source, code="S", measure=Statement.Measure.SPENDING, value=number * 1_000_000
        )
        statement.subject.add(government)
        subscription = SubscriptionFactory(agency=government, product=product)
        PriceLineFactory(subscription=subscription)
        version = make_policy(("product", "is", [product.code]), effect=Effect.WARN, scope=government)
        version.cites.add(statement)
        make_policy(("data_class", "more_than", ["open"]), scope=government)
        WaiverFactory(policy=version.policy, agency=government)
        kept(subscription, timezone.localdate())


@pytest.mark.parametrize(("role", "agency"), QUERIES, ids=["administrator", "committee"])
def test_a_page_asks_as_much_for_thirty_rows_as_for_one(
    signed_in: Callable[..., Any], role: str, agency: str
) -> None:
    agency_at("KR/ALL")
    client = signed_in(role, agency)
    pages = QUERIES[role, agency]

    def asked(least: int, most: int) -> dict[str, int]:
        queries = {}
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                response = client.get(reverse(page))
            queries[page] = len(captured)
            assert least <= response.content.count(b'<th scope="row"') <= most, page
        return queries

    add_rows(1)
    assert asked(1, 3) == pages
    add_rows(29)
    assert asked(30, 60) == pages
