"""How conditions and verdicts are put into words, with the values used, in one sentence."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.explaining import Names, Reason, condition_text, deciding, explanation
from policies.models import Condition
from tests.subscriptions.factories import CategoryFactory, ProductFactory, VendorFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


def reason(
    fact: str, operator: str, values: list[Any], truth: str, known: list[Any], group: int = 1
) -> Reason:
    return Reason(group, fact, operator, values, truth, known)


@pytest.fixture
def catalog() -> None:
    ProductFactory(code="chat", name_en="Chat", name_ko="챗", vendor__code="maker")
    VendorFactory(code="rival", name_en="Rival Inc", name_ko="라이벌")
    CategoryFactory(code="search", name_en="AI search", name_ko="AI 검색")


@pytest.mark.parametrize(
    ("fact", "operator", "values", "text"),
    [
        ("product", "is", ["chat"], "AI tool is Chat"),
        ("product", "is", ["gone"], "AI tool is gone"),  # a code that has left the catalogue
        ("vendor", "one_of", ["maker", "rival"], "vendor is one of Vendor maker, Rival Inc"),
        ("category", "is_not", ["search"], "category is not AI search"),
        ("vendor_country", "none_of", ["CN", "KR"], "vendor country is none of China, South Korea"),
        ("engine_vendor", "one_of", ["rival"], "vendor of the models inside is one of Rival Inc"),
        ("certification", "none_of", ["csap-low"], "certification in force is none of CSAP low grade"),
        ("trains_on_inputs", "is", [True], "training on inputs is yes"),
        ("owner_named", "is", [False], "owner department named is no"),
        ("data_class", "more_than", ["open"], "highest data class is more than Open (O)"),
        ("annual_cost", "more_than", [50_000_000], "annual cost is more than ₩50,000,000"),
        ("seats", "at_least", [1_000], "seats is at least 1,000"),
        ("term", "at_most", [1], "term is at most 1 month"),
        ("term", "less_than", [12], "term is less than 12 months"),
        ("seats", "within", [10, 20], "seats is within 10 to 20"),
        ("payment_route", "is", ["official_card"], "payment route is Official card"),
        ("agency_kind", "is", ["province"], "kind of agency is Province"),
        ("personal_data", "is_unknown", [], "personal data is unknown"),
    ],
)
def test_a_condition_as_a_phrase(catalog, fact, operator, values, text):
    condition = Condition(fact=fact, operator=operator, values=values)
    assert condition_text(condition) == str(condition) == text


@pytest.mark.parametrize(
    ("fact", "known", "text"),
    [
        ("annual_cost", [60_000_000, 60_000_000], "₩60,000,000"),
        ("annual_cost", [60_000_000, None], "at least ₩60,000,000"),
        ("annual_cost", [60_000_000, 66_000_000], "between ₩60,000,000 and ₩66,000,000"),
        ("annual_cost", [None, None], "not known"),
        ("engine_country", ["|CN|US|", True], "China, United States of America"),
        ("engine_country", ["|CN|", False], "China and perhaps others"),
        ("engine_country", ["|", True], "none"),
        ("engine_country", ["|", False], "not known"),
        ("vendor", ["rival"], "Rival Inc"),
        ("vendor_country", [None], "not known"),
        ("personal_data", [False], "no"),
    ],
)
def test_what_is_known_as_a_phrase(catalog, fact, known, text):
    operator, values = ("more_than", [1]) if fact == "annual_cost" else ("one_of", ["CN"])
    sentence = explanation("violation", [reason(fact, operator, values, "true", known)])
    assert sentence.split(" (forbidden")[0].endswith(f" is {text}")


A = reason("personal_data", "is", [True], "true", [True], 1)
B = reason("auto_renewal", "is", [True], "false", [False], 1)
C = reason("data_class", "more_than", ["open"], "unknown", [None], 1)
D = reason("owner_named", "is", [False], "true", [False], 2)
E = reason("seats", "more_than", [100], "false", [3, 3], 2)
F = reason("term", "more_than", [12], "unknown", [None, None], 2)


@pytest.mark.parametrize(
    ("verdict", "reasons", "chosen"),
    [
        # A violation: every condition that is true.
        ("violation", [A, B, C, D, E], [A, D]),
        # A pass: the first group of which none is true or open.
        ("pass", [A, C, E], [E]),
        ("pass", [B, E], [B]),
        ("pass", [B, C, E], [E]),
        # Undetermined: what is open in the groups that nothing settles.
        ("undetermined", [A, C, F, E], [F]),
        ("undetermined", [B, C, D], [C]),
        ("undetermined", [C, F], [C, F]),
    ],
)
def test_the_reasons_that_decide(verdict, reasons, chosen):
    assert deciding(reasons, verdict) == chosen


def test_the_sentence_of_each_verdict(catalog):
    assert explanation("violation", [A, B, D]) == (
        "It violates the policy – personal data is yes (forbidden when it is yes); owner department named is no"
        " (forbidden when it is no)."
    )
    assert explanation("pass", [E]) == (
        "It complies with the policy – seats is 3 (forbidden when it is more than 100)."
    )
    assert explanation("undetermined", [C, F]) == (
        "It cannot be decided, because this is not known: highest data class, term."
    )


def test_a_missing_fact_is_named_once():
    twice = [C, reason("data_class", "is", ["classified"], "unknown", [None], 1)]
    assert explanation("undetermined", twice) == (
        "It cannot be decided, because this is not known: highest data class."
    )


def test_a_reason_reads_the_same_after_it_was_kept():
    assert Reason(**A.as_json()) == A


def test_names_are_fetched_with_one_query_a_registry(catalog):
    reasons = [
        reason("product", "one_of", ["chat", "gone"], "true", ["chat"]),
        reason("engine_product", "one_of", ["other"], "true", ["|chat|other|", True]),
        reason("vendor", "is", ["rival"], "true", ["rival"]),
        reason("engine_vendor", "one_of", ["maker"], "true", ["|maker|", False]),
    ]
    names = Names().want(reasons)
    with CaptureQueriesContext(connection) as queries:
        for one in reasons:
            explanation("violation", [one], names)
    assert len(queries) == 2
