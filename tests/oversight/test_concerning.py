"""Which policies concern a tool, a vendor or a country: a table of conditions, each against what is known."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Product, Vendor
from oversight.concerning import (
    codes_of_country,
    codes_of_tool,
    codes_of_vendors,
    policies_concerning,
)
from policies.models import PolicyVersion
from policies.vocabulary import Operator
from tests.subscriptions.factories import (
    DAY,
    CategoryFactory,
    PolicyFactory,
    ProductFactory,
    VendorFactory,
    days,
    make_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine() -> Product:
    vendor = VendorFactory(code="deep", country="CN")
    return ProductFactory(code="engine", vendor=vendor, engines_known=True)  # type: ignore[no-any-return]


@pytest.fixture
def tool(engine: Product) -> Product:
    """A tool of a vendor in the United States that runs the engine inside, and nothing else."""
    vendor, category = VendorFactory(code="acme", country="US"), CategoryFactory(code="chat")
    made = ProductFactory(code="tool", vendor=vendor, category=category, engines=[engine], engines_known=True)
    return Product.objects.select_related("vendor", "category").get(pk=made.pk)


def rule(code: str, *conditions: Any, **fields: Any) -> PolicyVersion:
    return make_policy(*conditions, policy=PolicyFactory(code=code), **fields)


def concerns(codes: Any) -> list[tuple[str, bool]]:
    return [(one.version.policy.code, one.undecided) for one in policies_concerning(codes, DAY)]


CASES = [
    (("product", Operator.IS, ["tool"]), True),
    (("product", Operator.ONE_OF, ["other", "tool"]), True),
    (("product", Operator.ONE_OF, ["other"]), False),
    (("product", Operator.IS_NOT, ["other"]), True),
    (("product", Operator.NONE_OF, ["tool"]), True),  # it is named, to be spared
    (("vendor", Operator.IS, ["acme"]), True),
    (("vendor", Operator.IS, ["deep"]), False),
    (("vendor_country", Operator.ONE_OF, ["US", "CN"]), True),
    (("vendor_country", Operator.NONE_OF, ["KR"]), True),
    (("vendor_country", Operator.IS, ["CN"]), False),
    (("vendor_country", Operator.IS_UNKNOWN, []), False),
    (("category", Operator.IS, ["chat"]), True),
    (("category", Operator.IS, ["music"]), False),
    (("engine_product", Operator.ONE_OF, ["engine"]), True),
    (("engine_product", Operator.ONE_OF, ["tool"]), True),  # a rule on it inside others
    (("engine_vendor", Operator.ONE_OF, ["deep"]), True),
    (("engine_vendor", Operator.ONE_OF, ["other"]), False),
    (("engine_country", Operator.ONE_OF, ["CN"]), True),
    (("engine_country", Operator.ONE_OF, ["KR"]), False),
    (("seats", Operator.MORE_THAN, [5]), False),
    (("data_class", Operator.IS, ["classified"]), False),
]


@pytest.mark.parametrize(("condition", "expected"), CASES)
def test_a_tool(tool: Product, condition: tuple[Any, ...], expected: bool) -> None:
    rule("rule", condition)
    assert concerns(codes_of_tool(tool, DAY)) == ([("rule", False)] if expected else [])


def test_what_is_not_known_of_it_cannot_be_decided(tool: Product) -> None:
    Vendor.objects.filter(code="acme").update(country=None)
    Product.objects.filter(code="tool").update(engines_known=False, category=None)
    tool = Product.objects.select_related("vendor", "category").get(pk=tool.pk)
    rule("a", ("vendor_country", Operator.IS, ["CN"]))
    rule("b", ("vendor_country", Operator.NONE_OF, ["KR"]))
    rule("c", ("vendor_country", Operator.IS_UNKNOWN, []))
    rule("d", ("engine_vendor", Operator.ONE_OF, ["deep"]))
    rule("e", ("engine_vendor", Operator.ONE_OF, ["other"]))
    rule("f", ("category", Operator.IS, ["music"]), ("vendor", Operator.IS, ["acme"]))
    rule("g", ("vendor", Operator.IS, ["other"]))
    expected = [("a", True), ("b", True), ("c", False), ("d", False), ("e", True), ("f", False)]
    assert concerns(codes_of_tool(tool, DAY)) == expected


def test_a_vendor_and_a_country(tool: Product, engine: Product) -> None:
    acme, deep = tool.vendor, engine.vendor
    rule("by-country", ("vendor_country", Operator.IS, ["US"]))
    rule("by-region", ("processing_region", Operator.ONE_OF, ["US"]))
    rule("by-tool", ("product", Operator.IS, ["tool"]))
    rule("by-vendor", ("engine_vendor", Operator.ONE_OF, ["acme"]))
    rule("engine", ("engine_product", Operator.ONE_OF, ["engine"]))
    own = [("by-country", False), ("by-tool", False), ("by-vendor", False)]
    assert concerns(codes_of_vendors([acme], [tool], "US")) == own
    assert concerns(codes_of_country([acme], [tool], "US")) == sorted([*own, ("by-region", False)])
    assert concerns(codes_of_vendors([deep], [engine], "CN")) == [("engine", False)]
    # Of vendors whose country is not known, what asks for it cannot be decided.
    assert concerns(codes_of_country([], [], None)) == [("by-country", True)]
    assert concerns(codes_of_country([], [], "KR")) == []


def test_only_what_is_in_force(tool: Product) -> None:
    named = ("product", Operator.IS, ["tool"])
    rule("coming", named, effective_from=days(1))
    rule("draft", named, status=PolicyVersion.Status.DRAFT)
    rule("over", named, effective_until=days(-1))
    rule("today", named, effective_from=DAY, effective_until=DAY)
    assert concerns(codes_of_tool(tool, DAY)) == [("today", False)]


def test_its_conditions_in_words_and_as_many_queries(tool: Product, in_english: None) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            policies_concerning(codes_of_tool(tool, DAY), DAY)
        return len(captured)

    conditions = ("vendor", Operator.IS, ["acme"]), ("seats", Operator.MORE_THAN, [5])
    rule("p", *conditions, ("product", Operator.ONE_OF, ["tool", "engine"]))
    (found,) = policies_concerning(codes_of_tool(tool, DAY), DAY)
    assert found.phrases == ["vendor is Vendor acme", "AI tool is one of Tool tool, Tool engine"]
    few = asked()
    for number in range(20):
        rule(f"q{number}", *conditions, ("product", Operator.IS, ["tool"]))
    assert (few, asked()) == (7, 7)
