"""The facts of tools on a day: what is known of a tool, of the models inside it, and of its certifications."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.tool_facts import barred, tool_facts
from tests.subscriptions.factories import (
    DAY,
    CategoryFactory,
    CertificationFactory,
    ProductFactory,
    VendorFactory,
    days,
)


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ([], "|"),
        ([None, ""], "|"),
        (["kr"], "|kr|"),
        (["us", "kr", None, "us"], "|kr|us|"),
    ],
)
def test_a_set_as_text(codes, text):
    assert barred(codes) == text


@pytest.mark.django_db
def test_a_tool_of_which_little_is_known():
    vendor = VendorFactory(code="maker", country=None)
    product = ProductFactory(code="chat", vendor=vendor, reviewed=False)
    assert tool_facts([product.pk], DAY) == {
        product.pk: {
            "product": "chat",
            "vendor": "maker",
            "category": None,
            "vendor_country": None,
            "engine_product": "|",
            "engine_product_known": False,
            "engine_vendor": "|",
            "engine_vendor_known": False,
            "engine_country": "|",
            "engine_country_known": False,
            "processing_region": "|",
            "processing_region_known": False,
            "trains_on_inputs": None,
            "certification": "|",
            "certification_known": False,
            "product_reviewed": False,
        }
    }


@pytest.mark.django_db
def test_a_tool_of_which_all_is_known():
    engine = ProductFactory(
        code="model", vendor=VendorFactory(code="modeller", country="CN"), engines_known=True
    )
    product = ProductFactory(
        code="chat",
        vendor=VendorFactory(code="maker", country="KR"),
        category=CategoryFactory(code="search"),
        engines=[engine],
        engines_known=True,
        processing_regions=["US", "KR"],
        regions_known=True,
        certifications_known=True,
        trains_on_inputs=False,
    )
    CertificationFactory(product=product, scheme="isms-p")
    CertificationFactory(product=product, scheme="csap-low")
    assert tool_facts([product.pk], DAY)[product.pk] == {
        "product": "chat",
        "vendor": "maker",
        "category": "search",
        "vendor_country": "KR",
        "engine_product": "|model|",
        "engine_product_known": True,
        "engine_vendor": "|modeller|",
        "engine_vendor_known": True,
        "engine_country": "|CN|",
        "engine_country_known": True,
        "processing_region": "|KR|US|",
        "processing_region_known": True,
        "trains_on_inputs": False,
        "certification": "|csap-low|isms-p|",
        "certification_known": True,
        "product_reviewed": True,
    }


def engines_of(product) -> dict[str, object]:
    facts = tool_facts([product.pk], DAY)[product.pk]
    return {
        name: (facts[f"engine_{name}"], facts[f"engine_{name}_known"])
        for name in ("product", "vendor", "country")
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outer_known", "middle_known", "inner_known", "complete"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_models_inside_are_followed_through_and_complete_when_known_at_every_step(
    outer_known, middle_known, inner_known, complete
):
    inner = ProductFactory(code="inner", vendor__code="i", vendor__country="CN", engines_known=inner_known)
    middle = ProductFactory(code="middle", vendor__code="m", engines=[inner], engines_known=middle_known)
    outer = ProductFactory(code="outer", engines=[middle], engines_known=outer_known)
    assert engines_of(outer) == {
        "product": ("|inner|middle|", complete),
        "vendor": ("|i|m|", complete),
        "country": ("|CN|US|", complete),
    }


@pytest.mark.django_db
def test_an_engine_whose_country_is_unknown_leaves_the_countries_open():
    unknown = ProductFactory(code="somewhere", vendor__code="s", vendor__country=None, engines_known=True)
    known = ProductFactory(code="here", vendor__code="h", vendor__country="KR", engines_known=True)
    outer = ProductFactory(engines=[unknown, known], engines_known=True)
    assert engines_of(outer) == {
        "product": ("|here|somewhere|", True),
        "vendor": ("|h|s|", True),
        "country": ("|KR|", False),
    }


@pytest.mark.django_db
def test_a_tool_known_to_run_its_own_models_alone_has_none_inside():
    product = ProductFactory(engines_known=True)
    assert engines_of(product) == {"product": ("|", True), "vendor": ("|", True), "country": ("|", True)}


@pytest.mark.django_db
def test_tools_that_run_in_each_other_come_to_an_end():
    first = ProductFactory(code="first", vendor__code="f")
    second = ProductFactory(code="second", vendor__code="s", engines=[first])
    first.engines.set([second, first])
    assert engines_of(first)["product"] == ("|second|", False)
    assert engines_of(second)["product"] == ("|first|", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("valid_from", "valid_until", "in_force"),
    [
        (days(-10), None, True),
        (DAY, DAY, True),
        (days(1), None, False),
        (days(-10), days(-1), False),
        (days(-10), days(1), True),
    ],
)
def test_a_certification_counts_on_its_days(valid_from, valid_until, in_force):
    product = ProductFactory()
    certification = CertificationFactory(product=product, valid_from=valid_from, valid_until=valid_until)
    assert certification.is_in_force(DAY) is in_force
    assert tool_facts([product.pk], DAY)[product.pk]["certification"] == ("|csap-low|" if in_force else "|")


@pytest.mark.django_db
def test_a_renewed_certification_counts_once():
    product = ProductFactory()
    CertificationFactory(product=product, valid_from=days(-400), valid_until=days(1))
    CertificationFactory(product=product, valid_from=days(-1), valid_until=days(365))
    assert tool_facts([product.pk], DAY)[product.pk]["certification"] == "|csap-low|"


@pytest.mark.django_db
def test_many_tools_take_as_few_queries_as_one():
    engine = ProductFactory()
    products = [ProductFactory(engines=[engine], category=CategoryFactory()) for _number in range(5)]
    for product in products:
        CertificationFactory(product=product)
    counts = []
    for wanted in (products[:1], products):
        with CaptureQueriesContext(connection) as queries:
            found = tool_facts([product.pk for product in wanted], DAY)
        assert set(found) == {product.pk for product in wanted}
        counts.append(len(queries))
    assert counts == [3, 3]


@pytest.mark.django_db
def test_a_tool_that_is_gone_has_no_facts():
    assert tool_facts([0], datetime.date(2026, 1, 1)) == {}
