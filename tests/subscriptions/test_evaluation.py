"""That the live check, the saved check and a naive reference agree; and what waivers, approvals and dates do to a verdict."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given

from policies.models import PolicyVersion, Waiver
from policies.verdicts import Effect, Outcome, Verdict
from subscriptions.evaluation import (
    Judgement,
    judge,
    judge_candidate,
    judge_saved,
    judgement_of_row,
    outcome,
    rows_judged_by,
    with_truths,
)
from subscriptions.models import LIVE, Approval, Status, Subscription
from subscriptions.totals import totals_with
from tests.examples import examples
from tests.subscriptions import reference
from tests.subscriptions.factories import (
    DAY,
    PolicyFactory,
    PriceLineFactory,
    ProductFactory,
    SubscriptionFactory,
    UserFactory,
    VendorFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ground(db: None) -> reference.Ground:
    return reference.Ground()


def as_expected(judgement: Judgement, waivers: list[Waiver]) -> reference.Expected:
    """A judgement in the reference's terms."""
    return reference.Expected(
        judgement.verdict,
        judgement.unwaived,
        judgement.cause,
        waivers.index(judgement.waiver) if judgement.waiver else None,
        tuple(reason.truth for reason in judgement.reasons),
    )


@pytest.mark.django_db(transaction=True)  # each example rolls back one of its own
@examples(120)
@given(register=reference.registers())
def test_live_check_saved_check_and_reference_agree(ground, register):
    rules, excuses, rows = register
    with transaction.atomic():
        built = reference.build(ground, rules, excuses, rows)
        numbers = {version.pk: number for number, version in enumerate(built.versions)}
        expected = {
            (r, v): found
            for r in range(len(rows))
            for v, rule in enumerate(rules)
            if (found := reference.expected(v, rule, excuses, r, rows))
        }

        live, by_itself = {}, {}
        for r, (row, subscription) in enumerate(zip(rows, built.subscriptions, strict=True)):
            facts = {**row.facts, "agency_path": subscription.agency.path}
            # What is not live counts nowhere yet, so that it may as well not be saved.
            tool = subscription.product
            candidate = (
                subscription if row.status in LIVE else Subscription(agency=subscription.agency, product=tool)
            )
            facts |= totals_with(candidate, facts)
            approved = [built.versions[number].pk for number, stands in row.approvals.items() if stands]
            for judgement in judge(facts, subscription.agency, DAY, approved):
                live[r, numbers[judgement.version.pk]] = as_expected(judgement, built.waivers)
            for judgement in judge_saved(subscription, DAY):
                by_itself[r, numbers[judgement.version.pk]] = as_expected(judgement, built.waivers)
        assert live == expected
        assert by_itself == expected

        places = {subscription.pk: r for r, subscription in enumerate(built.subscriptions)}
        in_the_database = {}
        for v, (rule, version) in enumerate(zip(rules, built.versions, strict=True)):
            if reference.is_in_force(rule):
                waivers = {waiver.pk: waiver for waiver in built.waivers}
                for row in with_truths(rows_judged_by(version, DAY), version).values():
                    judgement = judgement_of_row(version, row, waivers)
                    in_the_database[places[row["subscription_id"]], v] = as_expected(judgement, built.waivers)
        assert in_the_database == {
            (r, v): found
            for (r, v), found in expected.items()
            if rows[r].status in LIVE and found.verdict != Verdict.NOT_APPLICABLE
        }
        transaction.set_rollback(True)


# --- waivers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiver", "covered"),
    [
        ({"agency": "KR/P1/C1"}, True),
        ({"agency": "KR/P1"}, True),
        ({"agency": "KR"}, True),
        ({"agency": "KR/P1/C1/O1"}, False),  # below the subscribing agency
        ({"agency": "KR/P1/C2"}, False),  # a sibling
        ({"agency": "KR/P2"}, False),
        ({"agency": "KR/P1/C10"}, False),  # its code begins alike
        ({"product": "tool"}, True),
        ({"product": "another tool of the vendor"}, False),
        ({"vendor": "vendor"}, True),
        ({"vendor": "another vendor"}, False),
        ({"policy": "another policy"}, False),
        ({"valid_from": DAY}, True),
        ({"valid_from": days(1)}, False),
        ({"valid_until": DAY}, True),
        ({"valid_until": days(-1)}, False),
        ({"status": "requested"}, False),
        ({"status": "refused"}, False),
        ({"status": "revoked"}, False),
    ],
)
def test_a_waiver_covers(waiver, covered):
    version = make_policy(("personal_data", "is", [True]))
    vendor, another = VendorFactory(), VendorFactory()
    product = ProductFactory(vendor=vendor)
    things = {
        "tool": product,
        "another tool of the vendor": ProductFactory(vendor=vendor),
        "vendor": vendor,
        "another vendor": another,
        "another policy": make_policy(("personal_data", "is", [True])).policy,
    }
    fields = {name: things.get(value, value) for name, value in waiver.items()}
    fields["agency"] = agency_at(waiver.get("agency", "KR"))
    granted = WaiverFactory(**{"policy": version.policy, **fields})

    subscription = kept(
        SubscriptionFactory(agency=agency_at("KR/P1/C1"), product=product, personal_data=True)
    )
    judgement = next(j for j in judge_saved(subscription, DAY) if j.version == version)
    (row,) = rows_judged_by(version, DAY).values("unwaived", "waiver_pk")
    verdict = Verdict.WAIVED if covered else Verdict.VIOLATION
    assert (judgement.verdict, judgement.unwaived, judgement.waiver, judgement.cause) == (
        (verdict, Verdict.VIOLATION, granted, "waiver") if covered else (verdict, verdict, None, "")
    )
    assert row == {"unwaived": "violation", "waiver_pk": granted.pk if covered else None}


def test_of_several_waivers_the_one_that_lasts_longest_counts():
    version = make_policy(("personal_data", "is", [True]))
    WaiverFactory(policy=version.policy, valid_until=days(5))
    longest = WaiverFactory(policy=version.policy, valid_until=days(9))
    WaiverFactory(policy=version.policy, valid_until=days(7))
    subscription = kept(SubscriptionFactory(personal_data=True))
    (judgement,) = judge_saved(subscription, DAY)
    assert judgement.waiver == longest


def test_what_passes_is_not_waived():
    version = make_policy(("personal_data", "is", [True]))
    WaiverFactory(policy=version.policy)
    (judgement,) = judge_saved(kept(SubscriptionFactory(personal_data=False)), DAY)
    assert (judgement.verdict, judgement.waiver, judgement.cause) == (Verdict.PASS, None, "")


# --- approvals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(
    ("personal_data", "unwaived"),
    [(True, Verdict.VIOLATION), (None, Verdict.UNDETERMINED), (False, Verdict.PASS)],
)
def test_what_an_officers_approval_settles(effect, personal_data, unwaived):
    """All that does not pass, save a violation of what is blocked, which takes a waiver."""
    version = make_policy(("personal_data", "is", [True]), effect=effect)
    subscription = SubscriptionFactory(personal_data=personal_data)
    Approval.objects.create(
        subscription=subscription, policy_version=version, approved_by=UserFactory(), reason="accepted"
    )
    (judgement,) = judge_saved(kept(subscription), DAY)
    settled = unwaived != Verdict.PASS and (effect, unwaived) != (Effect.BLOCK, Verdict.VIOLATION)
    if unwaived != Verdict.PASS:
        assert rows_judged_by(version, DAY).get().approved is settled
    assert (judgement.verdict, judgement.unwaived, judgement.cause) == (
        (Verdict.WAIVED, unwaived, "approved") if settled else (unwaived, unwaived, "")
    )


def test_an_approval_holds_for_its_policy_version_alone_and_until_it_ends():
    old = make_policy(("personal_data", "is", [True]), effect=Effect.APPROVAL)
    subscription = SubscriptionFactory(personal_data=True)
    approval = Approval.objects.create(
        subscription=subscription, policy_version=old, approved_by=UserFactory(), reason="accepted"
    )
    subscription = kept(subscription)
    assert [j.verdict for j in judge_saved(subscription, DAY)] == [Verdict.WAIVED]
    assert rows_judged_by(old, DAY).get().approved

    old.status = PolicyVersion.Status.RETIRED
    old.save()
    new = make_policy(("personal_data", "is", [True]), effect=Effect.APPROVAL, policy=old.policy)
    assert [(j.version, j.verdict) for j in judge_saved(subscription, DAY)] == [(new, Verdict.VIOLATION)]
    assert not rows_judged_by(new, DAY).get().approved

    new.delete()
    old.status = PolicyVersion.Status.IN_FORCE
    old.save()
    approval.ended_at = timezone.now()
    approval.save()
    assert [j.verdict for j in judge_saved(subscription, DAY)] == [Verdict.VIOLATION]
    assert not rows_judged_by(old, DAY).get().approved


# --- the rest of a judgement ------------------------------------------------------------------------------------------


def test_scope_and_dates():
    """Out of scope is said; not in force is nothing at all."""
    conditions = [("personal_data", "is", [True])]
    for code, fields in {
        "a-here": {"scope": agency_at("KR/P1")},
        "b-elsewhere": {"scope": agency_at("KR/P2")},
        "c-first-day": {"effective_from": DAY},
        "d-last-day": {"effective_until": DAY},
        "e-tomorrow": {"effective_from": days(1)},
        "f-until-yesterday": {"effective_until": days(-1)},
        "g-draft": {"status": "draft"},
        "h-retired": {"status": "retired"},
    }.items():
        make_policy(*conditions, policy=PolicyFactory(code=code), **fields)
    subscription = kept(SubscriptionFactory(agency=agency_at("KR/P1/C1"), personal_data=True))
    assert [(j.version.policy.code, j.verdict.value) for j in judge_saved(subscription, DAY)] == [
        ("a-here", "violation"),
        ("b-elsewhere", "not_applicable"),
        ("c-first-day", "violation"),
        ("d-last-day", "violation"),
    ]


def test_what_is_kept_of_a_judgement():
    version = make_policy(
        (1, "personal_data", "is", [True]),
        (1, "data_class", "at_least", ["sensitive"]),
        (2, "certification", "none_of", ["csap-low"]),
        policy=PolicyFactory(code="certified"),
        effect=Effect.APPROVAL,
    )
    subscription = kept(SubscriptionFactory(personal_data=True, data_class="open"))
    (judgement,) = judge_saved(subscription, DAY)
    assert judgement.as_json() == {
        "policy": "certified",
        "version": version.number,
        "effect": "approval",
        "verdict": "undetermined",
        "unwaived": "undetermined",
        "cause": "",
        "reasons": [
            {
                "group": 2,
                "fact": "certification",
                "operator": "none_of",
                "values": ["csap-low"],
                "truth": "unknown",
                "known": ["|", False],
            }
        ],
    }
    assert outcome([judgement]) == Outcome.NEEDS_OFFICER


def test_a_candidate_is_judged_with_as_few_queries_for_many_policies_as_for_one():
    subscription = SubscriptionFactory.build(
        agency=agency_at("KR/P1"), product=ProductFactory(), personal_data=True
    )
    line = PriceLineFactory.build(subscription=subscription, position=1)
    counts = []
    for _more in range(2):
        for _policy in range(3):
            version = make_policy(("personal_data", "is", [True]), ("seats", "more_than", [5]))
            WaiverFactory(policy=version.policy)
        with CaptureQueriesContext(connection) as queries:
            judge_candidate(subscription, [line], DAY)
        counts.append(len(queries))
        assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []
    # Engines, tools, certifications; versions, conditions, waivers; the verdicts of all.
    assert counts == [9, 9]


def test_without_a_policy_there_is_nothing_to_say():
    assert (
        judge_candidate(SubscriptionFactory.build(agency=agency_at("KR"), product=ProductFactory()), [], DAY)
        == []
    )


def test_only_live_subscriptions_are_judged_in_the_database():
    version = make_policy(("personal_data", "is", [True]))
    for status in Status:
        kept(SubscriptionFactory(status=status, personal_data=True))
    judged = rows_judged_by(version, DAY).values_list("status", flat=True)
    assert sorted(judged) == ["active", "approved", "requested"]
