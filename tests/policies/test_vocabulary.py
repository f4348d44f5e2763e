"""That the vocabulary is closed and complete: types, operators, labels in both languages."""

import pytest
from django.utils import translation

from policies.models import Condition
from policies.vocabulary import COUNTRY, FACTS, OPERATORS, Operator, Type

NAMES = [
    *["product", "vendor", "category", "vendor_country", "engine_product", "engine_vendor", "engine_country"],
    *[
        "processing_region",
        "trains_on_inputs",
        "certification",
        "product_reviewed",
        "data_class",
        "personal_data",
    ],
    *["seats", "seat_price", "monthly_cost", "annual_cost", "term", "auto_renewal", "payment_route"],
    *["owner_named", "agency_annual_cost", "agency_products", "agency_kind"],
]


def test_the_facts():
    assert list(FACTS) == NAMES
    assert all(name == fact.name for name, fact in FACTS.items())


@pytest.mark.parametrize("fact", FACTS.values(), ids=NAMES)
def test_a_fact_says_which_values_it_takes(fact):
    sources = [fact.choices is not None, fact.registry is not None, fact.unit == COUNTRY]
    if fact.type in (Type.YES_NO, Type.RANGE):
        assert sources == [False, False, False]
        assert (fact.unit in ("won", "seats", "months", "tools")) is (fact.type is Type.RANGE)
    else:
        assert sum(sources) == 1


def test_every_type_has_operators_and_every_operator_a_type():
    assert set(OPERATORS) == set(Type)
    assert {operator for operators in OPERATORS.values() for operator in operators} == set(Operator)
    assert all(Operator.IS_UNKNOWN in operators for operators in OPERATORS.values())


def test_the_database_knows_the_same_facts_and_operators():
    fact, operator = Condition._meta.get_field("fact"), Condition._meta.get_field("operator")
    assert [name for name, _label in fact.choices] == NAMES
    assert [name for name, _label in operator.choices] == Operator.values


@pytest.mark.parametrize("language", ["ko", "en"])
def test_labels_tell_facts_apart(language):
    with translation.override(language):
        labels = [str(fact.label) for fact in FACTS.values()]
    assert len(set(labels)) == len(NAMES)
    assert all(labels)
