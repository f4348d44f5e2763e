"""What can be asked in a condition: what could not be evaluated is refused when it is typed, with the part and the reason."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from policies.models import Condition
from tests.subscriptions.factories import CategoryFactory, PolicyVersionFactory, ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


@pytest.fixture
def condition():
    CategoryFactory(code="search")
    ProductFactory(code="chat", vendor__code="maker")
    version = PolicyVersionFactory()

    def make(fact: str, operator: str, values: Any, **fields: Any) -> Condition:
        return Condition(version=version, fact=fact, operator=operator, values=values, **fields)

    return make


@pytest.mark.parametrize(
    ("fact", "operator", "values"),
    [
        ("product", "is", ["chat"]),
        ("vendor", "one_of", ["maker"]),
        ("category", "none_of", ["search"]),
        ("engine_vendor", "one_of", ["maker"]),
        ("engine_product", "none_of", ["chat"]),
        ("vendor_country", "one_of", ["CN", "KR"]),
        ("engine_country", "is_unknown", []),
        ("processing_region", "none_of", ["KR"]),
        ("certification", "one_of", ["csap-low", "isms-p"]),
        ("trains_on_inputs", "is", [True]),
        ("owner_named", "is", [False]),
        ("data_class", "at_least", ["sensitive"]),
        ("payment_route", "is_not", ["reimbursed"]),
        ("agency_kind", "is", ["province"]),
        ("annual_cost", "more_than", [50_000_000]),
        ("seats", "within", [1, 1]),
        ("seats", "is", [0]),
        ("term", "is_unknown", []),
    ],
)
def test_what_can_be_asked(condition, fact, operator, values):
    made = condition(fact, operator, values)
    made.full_clean()
    made.save()
    assert Condition.objects.get().values == values


WRONG_NUMBER = "This operator takes {} values."


@pytest.mark.parametrize(
    ("fact", "operator", "values", "field", "message"),
    [
        ("weather", "is", ["fine"], "fact", "This fact is not known."),
        ("annual_cost", "one_of", [5], "operator", "“annual cost” cannot be compared with “is one of”."),
        ("vendor", "more_than", ["maker"], "operator", "“vendor” cannot be compared with “is more than”."),
        (
            "engine_vendor",
            "is",
            ["maker"],
            "operator",
            "“vendor of the models inside” cannot be compared with “is”.",
        ),
        ("personal_data", "is_not", [True], "operator", "“personal data” cannot be compared with “is not”."),
        ("seats", "at_most", "5", "values", "Give the values as a list."),
        ("seats", "at_most", {"a": 5}, "values", "Give the values as a list."),
        ("seats", "at_most", None, "values", "Give the values as a list."),
        ("seats", "at_most", [], "values", "This operator takes 1 value."),
        ("seats", "at_most", [5, 6], "values", "This operator takes 1 value."),
        ("seats", "within", [5], "values", WRONG_NUMBER.format(2)),
        ("seats", "within", [5, 6, 7], "values", WRONG_NUMBER.format(2)),
        ("seats", "is_unknown", [5], "values", WRONG_NUMBER.format(0)),
        ("vendor", "one_of", [], "values", "Give at least one value."),
        ("seats", "within", [6, 5], "values", "The first value of a range is not above the second."),
        ("seats", "at_most", ["5"], "values", "“5” is not a value of “seats”."),
        ("seats", "at_most", [5.5], "values", "“5.5” is not a value of “seats”."),
        ("seats", "at_most", [True], "values", "“True” is not a value of “seats”."),
        ("seats", "at_most", [-1], "values", "“-1” is not a value of “seats”."),
        ("annual_cost", "at_most", [2**63], "values", f"“{2**63}” is not a value of “annual cost”."),
        ("seats", "at_most", [None], "values", "“None” is not a value of “seats”."),
        ("personal_data", "is", ["yes"], "values", "“yes” is not a value of “personal data”."),
        ("personal_data", "is", [1], "values", "“1” is not a value of “personal data”."),
        ("vendor", "is", ["chat"], "values", "“chat” is not a value of “vendor”."),
        ("vendor", "one_of", ["maker", "gone"], "values", "“gone” is not a value of “vendor”."),
        ("vendor", "is", [5], "values", "“5” is not a value of “vendor”."),
        ("vendor_country", "is", ["XX"], "values", "“XX” is not a value of “vendor country”."),
        ("vendor_country", "is", ["kr"], "values", "“kr” is not a value of “vendor country”."),
        ("data_class", "more_than", ["secret"], "values", "“secret” is not a value of “highest data class”."),
        ("certification", "one_of", ["CSAP"], "values", "“CSAP” is not a value of “certification in force”."),
    ],
)
def test_what_cannot_be_asked(condition, fact, operator, values, field, message):
    with pytest.raises(ValidationError) as raised:
        condition(fact, operator, values).full_clean()
    assert message in raised.value.message_dict[field]


def test_an_operator_that_is_none(condition):
    with pytest.raises(ValidationError) as raised:
        condition("seats", "like", [5]).full_clean()
    assert list(raised.value.message_dict) == ["operator"]


@pytest.mark.parametrize("wrong", [{"fact": "weather"}, {"operator": "like"}])
def test_the_database_refuses_what_is_not_in_the_vocabulary(condition, wrong):
    with pytest.raises(IntegrityError):
        condition(**{"fact": "seats", "operator": "is", "values": [5], **wrong}).save()


def test_a_position_is_given_once(condition):
    condition("seats", "is", [5]).save()
    with pytest.raises(IntegrityError):
        condition("seats", "is", [6]).save()


def test_conditions_come_by_group_and_position(condition):
    for position, group in ((1, 2), (2, 1), (3, 2), (4, 1)):
        condition("seats", "is", [position], position=position, group=group).save()
    assert list(Condition.objects.values_list("group", "position")) == [(1, 2), (1, 4), (2, 1), (2, 3)]
