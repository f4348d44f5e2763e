"""What needs attention, by role, and nothing of what others have to do."""

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Role, User
from oversight.attention import (
    Attention,
    attention,
    awaiting_officer,
    ending_soon,
    open_violations,
    own_drafts,
    own_findings,
    recent_decisions,
    requests_at_my_agencies,
    unreviewed_tools,
    waiver_requests,
)
from policies.models import Waiver
from policies.verdicts import Effect, Outcome
from policies.vocabulary import Operator
from subscriptions.models import Decision, Status, Subscription
from tests.subscriptions.factories import (
    DAY,
    ProductFactory,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = pytest.mark.usefixtures("db", "in_english")


def subscription(place: str = "KR/P1", **fields: Any) -> Subscription:
    return kept(SubscriptionFactory(agency=agency_at(place), **fields))


def at(role: Role, place: str = "KR/P1") -> User:
    return person(role, agency_at(place))


def urls(card: Attention) -> tuple[int, list[str]]:
    return card.count, [item.url for item in card.items]


def page(subscription: Subscription) -> str:
    return f"/subscriptions/{subscription.reference}/"


class TestAdministrators:
    def test_open_findings_at_their_agencies_and_below(self) -> None:
        tool = ProductFactory(code="bad")
        version = make_policy(("product", Operator.ONE_OF, ["bad"]), effect=Effect.WARN)
        mine = subscription("KR/P1/C1", product=tool)
        subscription("KR/P2", product=tool)
        WaiverFactory(policy=version.policy, agency=agency_at("KR/P1/C2"))
        subscription("KR/P1/C2", product=tool)
        card = own_findings(at(Role.ADMINISTRATOR), DAY)
        assert urls(card) == (1, [page(mine)])
        item = card.items[0]
        assert (item.text, item.note, item.state, item.state_text) == (
            f"{tool} – {mine.agency}",
            str(version.title),
            "violation",
            "Violation",
        )
        assert card.url == "/findings/?state=open"

    def test_drafts_with_those_that_a_policy_refused(self) -> None:
        draft = subscription(status=Status.DRAFT)
        refused = subscription(status=Status.DRAFT)
        Decision.objects.create(
            subscription=refused, act="request", result="refused", outcome=Outcome.REFUSED
        )
        subscription("KR/P2", status=Status.DRAFT)
        subscription(status=Status.REQUESTED)
        card = own_drafts(at(Role.ADMINISTRATOR), DAY)
        assert urls(card) == (2, [page(refused), page(draft)])
        assert [item.state for item in card.items] == ["refused", "draft"]

    def test_subscriptions_that_end_within_sixty_days(self) -> None:
        last = subscription(ends_on=days(60), auto_renewal=True)
        first = subscription(ends_on=DAY, status=Status.APPROVED)
        subscription(ends_on=days(61))
        subscription(ends_on=days(-1))
        subscription(ends_on=None)
        subscription(ends_on=days(5), status=Status.REQUESTED)
        subscription("KR/P2", ends_on=days(5))
        card = ending_soon(at(Role.ADMINISTRATOR), DAY)
        assert urls(card) == (2, [page(first), page(last)])
        assert [(item.note, item.state_text) for item in card.items] == [
            ("June 15, 2026", "Ends"),
            ("Aug. 14, 2026", "Renews by itself"),
        ]


class TestApprovers:
    def test_requests_at_their_agencies_the_oldest_first(self) -> None:
        early = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        second = subscription("KR/P1/C1", status=Status.REQUESTED)
        first = subscription(status=Status.REQUESTED, recorded_at=early)
        subscription("KR/P2", status=Status.REQUESTED)
        subscription(status=Status.APPROVED)
        assert urls(requests_at_my_agencies(at(Role.APPROVER), DAY)) == (2, [page(first), page(second)])

    def test_a_role_of_another_kind_there_does_not_count(self) -> None:
        subscription(status=Status.REQUESTED)
        assert urls(requests_at_my_agencies(at(Role.ADMINISTRATOR), DAY)) == (0, [])


class TestPolicyOfficers:
    @pytest.mark.parametrize(
        ("effect", "condition", "waits"),
        [
            (Effect.APPROVAL, ("product", Operator.ONE_OF, ["bad"]), True),  # violated
            (Effect.APPROVAL, ("data_class", Operator.IS, ["classified"]), True),  # undetermined
            (Effect.BLOCK, ("data_class", Operator.IS, ["classified"]), True),
            (Effect.WARN, ("product", Operator.ONE_OF, ["bad"]), False),
            (Effect.WARN, ("data_class", Operator.IS, ["classified"]), False),
            (Effect.APPROVAL, ("product", Operator.ONE_OF, ["other"]), False),  # passes
        ],
    )
    def test_requests_that_an_officer_decides(self, effect: Effect, condition: Any, waits: bool) -> None:
        tool = ProductFactory(code="bad")
        ProductFactory(code="other")
        make_policy(condition, effect=effect)
        request = subscription(status=Status.REQUESTED, product=tool)
        subscription(status=Status.ACTIVE, product=tool)
        expected = (1, [page(request)]) if waits else (0, [])
        assert urls(awaiting_officer(at(Role.POLICY_OFFICER, "KR"), DAY)) == expected
        assert urls(awaiting_officer(at(Role.POLICY_OFFICER, "KR/P2"), DAY)) == (0, [])

    def test_a_waived_request_waits_for_nobody(self) -> None:
        version = make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.APPROVAL)
        WaiverFactory(policy=version.policy)
        subscription(status=Status.REQUESTED)
        assert urls(awaiting_officer(at(Role.POLICY_OFFICER, "KR"), DAY)) == (0, [])

    def test_open_violations(self) -> None:
        make_policy(("product", Operator.ONE_OF, ["bad"]), effect=Effect.WARN)
        make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.WARN)
        tool = ProductFactory(code="bad")
        violating = subscription(product=tool)
        subscription()  # undetermined alone
        card = open_violations(at(Role.POLICY_OFFICER, "KR"), DAY)
        assert urls(card) == (1, [page(violating)])
        assert card.url == "/findings/?state=open&verdict=violation"

    def test_waivers_that_are_asked_for(self) -> None:
        asked: dict[str, Any] = {
            "status": Waiver.Status.REQUESTED,
            "decided_by": None,
            "decided_at": None,
        }
        tool = ProductFactory()
        first = WaiverFactory(**asked, product=tool, agency=agency_at("KR/P1"))
        WaiverFactory(agency=agency_at("KR/P1"))
        WaiverFactory(**asked, agency=agency_at("KR/P2"))
        card = waiver_requests(at(Role.POLICY_OFFICER), DAY)
        assert urls(card) == (1, [f"/policies/{first.policy.code}/"])
        assert (card.items[0].text, card.items[0].note) == (f"{first.policy} – {first.agency}", str(tool))
        assert waiver_requests(at(Role.POLICY_OFFICER, "KR"), DAY).count == 2

    def test_tools_that_nobody_reviewed(self) -> None:
        tool = ProductFactory(reviewed=False)
        ProductFactory(reviewed=True)
        card = unreviewed_tools(at(Role.POLICY_OFFICER, "KR"), DAY)
        assert urls(card) == (1, [f"/catalog/{tool.code}/"])
        assert card.url == "/catalog/?reviewed=no"


class TestCards:
    @pytest.fixture(autouse=True)
    def world(self, db: None) -> None:
        make_policy(("data_class", Operator.IS, ["classified"]), effect=Effect.APPROVAL)
        make_policy(("product", Operator.ONE_OF, ["bad"]), effect=Effect.WARN)
        tool = ProductFactory(code="bad", reviewed=False)
        subscription(status=Status.REQUESTED)
        subscription(status=Status.DRAFT)
        subscription(product=tool, ends_on=days(10))

    @pytest.mark.parametrize(
        ("role", "titles"),
        [
            (
                Role.ADMINISTRATOR,
                [
                    "Findings at your agencies",
                    "Drafts that are not requested yet",
                    "Subscriptions that end within 60 days",
                ],
            ),
            (Role.APPROVER, ["Requests that wait for your approval"]),
            (
                Role.POLICY_OFFICER,
                [
                    "Requests that wait for a policy officer",
                    "Open violations",
                    "AI tools that are not reviewed yet",
                ],
            ),
            (Role.COMMITTEE_MEMBER, None),
            (None, None),
        ],
    )
    def test_each_role_has_its_own(self, role: Role | None, titles: list[str] | None) -> None:
        user = at(role) if role else person()
        cards = attention(user, DAY)
        assert (None if cards is None else [card.title for card in cards]) == titles

    def test_elsewhere_there_is_nothing_to_do(self) -> None:
        assert attention(at(Role.ADMINISTRATOR, "KR/P2"), DAY) == []
        assert attention(at(Role.APPROVER, "KR/P2"), DAY) == []

    def test_a_card_shows_five_and_counts_all(self) -> None:
        for _number in range(30):
            subscription(status=Status.REQUESTED)
        card = requests_at_my_agencies(at(Role.APPROVER), DAY)
        assert (card.count, len(card.items)) == (31, 5)

    def test_the_number_of_queries(self) -> None:
        def queries() -> int:
            user = User.objects.get(pk=everything.pk)
            with CaptureQueriesContext(connection) as captured:
                attention(user, DAY)
            return len(captured)

        everything = person("sysadmin")
        few = queries()
        for _number in range(30):
            subscription(status=Status.REQUESTED, product=ProductFactory(reviewed=False))
            subscription(status=Status.DRAFT)
            subscription(ends_on=days(3))
        assert (few, queries()) == (22, 22)


class TestRecentDecisions:
    def test_the_latest_that_are_seen(self) -> None:
        def decide(place: str) -> Decision:
            return Decision.objects.create(
                subscription=subscription(place), act="record", result="done", outcome=Outcome.CLEAR
            )

        decided = [decide(place) for place in ("KR/P1", "KR/P2", "KR/P1/C1")]
        assert recent_decisions(at(Role.COMMITTEE_MEMBER)) == [decided[2], decided[0]]
        assert recent_decisions(at(Role.COMMITTEE_MEMBER, "KR")) == decided[::-1]
        assert recent_decisions(at(Role.COMMITTEE_MEMBER, "KR"), number=1) == [decided[2]]
        assert recent_decisions(person()) == []
