"""Verdicts of subscriptions in words: what excuses them, and that what was kept reads the same later."""

import pytest

from policies.verdicts import Effect
from subscriptions.evaluation import judge_saved
from subscriptions.models import Approval, Finding
from subscriptions.wording import finding_text, missing_fields
from tests.subscriptions.factories import (
    DAY,
    SubscriptionFactory,
    UserFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]
VIOLATES = "It violates the policy – personal data is yes (forbidden when it is yes)."


def texts(subscription):
    """The sentence of the judgement, and that of the finding which was kept of it."""
    subscription = kept(subscription)
    (judgement,) = judge_saved(subscription, DAY)
    return judgement.explain(), [finding_text(finding) for finding in Finding.objects.open()]


def test_a_violation():
    make_policy(("personal_data", "is", [True]))
    assert texts(SubscriptionFactory(personal_data=True)) == (VIOLATES, [VIOLATES])


def test_what_is_waived_until_a_day():
    version = make_policy(("personal_data", "is", [True]))
    WaiverFactory(policy=version.policy, valid_until=days(9))
    sentence = f"A waiver until June 24, 2026 excuses it. Without it: {VIOLATES}"
    assert texts(SubscriptionFactory(personal_data=True)) == (sentence, [sentence])


def test_what_an_officer_approved():
    version = make_policy(("personal_data", "is", [True]), effect=Effect.APPROVAL)
    subscription = SubscriptionFactory(personal_data=True)
    Approval.objects.create(
        subscription=subscription, policy_version=version, approved_by=UserFactory(), reason="accepted"
    )
    sentence = f"A policy officer has approved it. Without that: {VIOLATES}"
    assert texts(subscription) == (sentence, [sentence])


def test_what_is_not_known():
    make_policy(("personal_data", "is", [True]))
    sentence = "It cannot be decided, because this is not known: personal data."
    assert texts(SubscriptionFactory(personal_data=None)) == (sentence, [sentence])


def test_what_is_out_of_scope():
    make_policy(("personal_data", "is", [True]), scope=agency_at("KR/P2"))
    assert texts(SubscriptionFactory(agency=agency_at("KR/P1"), personal_data=True)) == (
        "It does not apply: the agency is outside its scope (Agency P2 and all below).",
        [],
    )


PAGE = "/subscriptions/A-1/edit/"


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        (
            {"personal_data": None, "data_class": None},
            [(f"{PAGE}#id_personal_data", "personal data"), (f"{PAGE}#id_data_class", "highest data class")],
        ),
        ({"personal_data": False, "data_class": None}, [(f"{PAGE}#id_data_class", "highest data class")]),
        ({"personal_data": True, "data_class": None}, []),  # it violates whatever the class is
        ({"personal_data": False, "data_class": "open"}, []),
    ],
)
def test_the_fields_that_would_decide(fields, missing):
    make_policy(("personal_data", "is", [True]), ("data_class", "more_than", ["open"]))
    (judgement,) = judge_saved(kept(SubscriptionFactory(**fields)), DAY)
    assert missing_fields(judgement, PAGE) == missing
    assert missing_fields(judgement, "") == []


def test_prices_have_their_own_place_and_facts_of_a_tool_are_none_of_the_forms():
    make_policy(
        ("seats", "more_than", [5]), ("annual_cost", "more_than", [5]), ("vendor_country", "is", ["CN"])
    )
    (judgement,) = judge_saved(kept(SubscriptionFactory(product__vendor__country=None)), DAY)
    # Seats and cost are missing in the same place, which is named once.
    assert [address for address, _label in missing_fields(judgement, "#")] == ["#prices"]
