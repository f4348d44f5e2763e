"""What a person may see: what their roles reach, after mergers too, for every kind of record; and which role they hold where."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from agencies.models import Agency, Membership, Role, User
from policies.models import Waiver
from subscriptions.models import (
    Approval,
    Decision,
    Facts,
    Finding,
    Payment,
    PriceLine,
    Subscription,
    UserCount,
)
from tests.subscriptions.factories import (
    DAY,
    PriceLineFactory,
    SubscriptionFactory,
    UserFactory,
    WaiverFactory,
    agency_at,
    kept,
    make_policy,
    person,
)

pytestmark = pytest.mark.django_db

# Two countries. P1 and P10 begin alike.
TREE = ["KR", "KR/P1", "KR/P1/C1", "KR/P1/C1/O1", "KR/P1/C2", "KR/P2", "KR/P2/C3", "KR/P10", "XX", "XX/P3"]
BELOW_KR = {"KR", "P1", "C1", "O1", "C2", "P2", "C3", "P10"}


@pytest.fixture
def tree() -> dict[str, Agency]:
    return {place.rsplit("/", 1)[-1]: agency_at(place) for place in TREE}


def member(tree: dict[str, Agency], *roles: tuple[str, str]) -> User:
    user = UserFactory()
    for role, code in roles:
        Membership.objects.create(user=user, role=role, agency=tree[code])
    return user


def seen(user: Any, *roles: str) -> set[str]:
    return set(Agency.objects.visible_to(user, *roles).values_list("code", flat=True))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("code", "sees"),
    [
        ("KR", BELOW_KR),
        ("P1", {"P1", "C1", "O1", "C2"}),
        ("C1", {"C1", "O1"}),
        ("O1", {"O1"}),
        ("P10", {"P10"}),
        ("XX", {"XX", "P3"}),
    ],
)
def test_a_role_reaches_its_agency_and_all_below(tree, role, code, sees):
    assert seen(member(tree, (role, code))) == sees


def test_several_roles_reach_what_each_reaches(tree):
    user = member(tree, (Role.APPROVER, "C1"), (Role.ADMINISTRATOR, "C1"), (Role.COMMITTEE_MEMBER, "P2"))
    assert seen(user) == {"C1", "O1", "P2", "C3"}
    assert seen(user, Role.APPROVER) == {"C1", "O1"}
    assert seen(user, Role.APPROVER, Role.COMMITTEE_MEMBER) == {"C1", "O1", "P2", "C3"}
    assert seen(user, Role.POLICY_OFFICER) == set()


def test_roles_within_each_other_reach_no_more_than_the_upper(tree):
    user = member(tree, (Role.APPROVER, "P1"), (Role.ADMINISTRATOR, "C1"))
    assert seen(user) == {"P1", "C1", "O1", "C2"}
    assert seen(user, Role.ADMINISTRATOR) == {"C1", "O1"}


def test_who_sees_nothing_and_who_everything(tree):
    everything = BELOW_KR | {"XX", "P3"}
    assert seen(AnonymousUser()) == set()
    assert seen(person()) == set()
    assert seen(person("sysadmin")) == everything
    assert seen(person("sysadmin"), Role.APPROVER) == everything
    assert seen(member(tree, (Role.COMMITTEE_MEMBER, "KR"), (Role.COMMITTEE_MEMBER, "XX"))) == everything


def test_a_role_at_the_only_root_asks_for_no_condition():
    agency_at("KR/P1")
    user = person("committee_member", agency_at("KR"))
    assert "WHERE" not in str(Subscription.objects.visible_to(user).query)
    assert user.sight().everything
    agency_at("XX")
    fresh = User.objects.get(pk=user.pk)
    assert not fresh.sight().everything


# --- mergers ----------------------------------------------------------------------------------------------------------


def merge(tree: dict[str, Agency], old: str, new: str) -> None:
    Agency.objects.filter(pk=tree[old].pk).update(successor=tree[new])


@pytest.mark.parametrize(
    ("at", "sees"),
    [
        ("P2", {"P2", "C3", "P1", "C1", "O1", "C2"}),
        ("P1", {"P1", "C1", "O1", "C2"}),  # not the other way
        ("C3", {"C3"}),
        ("KR", BELOW_KR),
    ],
)
def test_the_successors_people_see_the_predecessor_and_all_below_it(tree, at, sees):
    merge(tree, "P1", "P2")
    assert seen(member(tree, (Role.ADMINISTRATOR, at))) == sees


def test_who_is_above_the_successor_sees_the_predecessor_from_elsewhere(tree):
    merge(tree, "P3", "C3")
    assert seen(member(tree, (Role.ADMINISTRATOR, "P2"))) == {"P2", "C3", "P3"}
    assert seen(member(tree, (Role.ADMINISTRATOR, "P10"))) == {"P10"}


def test_mergers_upon_mergers(tree):
    """P10 went into C1, C1 into P2, and O1, which is below C1, into P3."""
    merge(tree, "P10", "C1")
    merge(tree, "C1", "P2")
    assert seen(member(tree, (Role.ADMINISTRATOR, "P2"))) == {"P2", "C3", "C1", "O1", "P10"}
    merge(tree, "P3", "O1")
    assert seen(member(tree, (Role.ADMINISTRATOR, "P2"))) == {"P2", "C3", "C1", "O1", "P10", "P3"}


def test_mergers_in_a_circle_come_to_an_end(tree):
    merge(tree, "P1", "P2")
    merge(tree, "P2", "P1")
    assert seen(member(tree, (Role.ADMINISTRATOR, "P2"))) == {"P2", "C3", "P1", "C1", "O1", "C2"}


def test_a_role_goes_on_at_the_predecessor(tree):
    merge(tree, "P1", "P2")
    user = member(tree, (Role.ADMINISTRATOR, "P2"))
    assert user.has_role(Role.ADMINISTRATOR, at=tree["C1"])
    assert not user.has_role(Role.APPROVER, at=tree["C1"])


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "holds"),
    [("P1", True), ("C1", True), ("O1", True), ("KR", False), ("P2", False), ("P10", False), (None, True)],
)
def test_a_role_holds_at_its_agency_and_below(tree, code, holds):
    user = member(tree, (Role.ADMINISTRATOR, "P1"))
    at = tree[code] if code else None
    assert user.has_role(Role.ADMINISTRATOR, at=at) is holds
    assert user.has_role(Role.APPROVER, Role.ADMINISTRATOR, at=at) is holds
    assert user.has_role(Role.APPROVER, at=at) is False


def test_system_administrators_hold_every_role_and_others_none(tree):
    for at in (None, tree["P1"]):
        assert person("sysadmin").has_role(Role.APPROVER, at=at)
        assert not person().has_role(*Role, at=at)


def test_a_role_is_given_once(tree):
    user = member(tree, (Role.APPROVER, "P1"))
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=user, role=Role.APPROVER, agency=tree["P1"])


def test_roles_are_asked_for_once_a_request(tree):
    user = member(tree, (Role.ADMINISTRATOR, "P1"))
    user.has_role(Role.ADMINISTRATOR, at=tree["P1"])
    with CaptureQueriesContext(connection) as queries:
        for code in ("P1", "C1", "P2"):
            user.has_role(Role.ADMINISTRATOR, at=tree[code])
            user.has_role(Role.ADMINISTRATOR)
    assert len(queries) == 0


@pytest.mark.parametrize(
    ("within", "sees"),
    [
        ("KR", {"P1", "C1", "O1", "C2", "C3"}),
        ("P1", {"P1", "C1", "O1", "C2"}),
        ("C1", {"C1", "O1"}),
        ("P2", {"C3"}),
        ("C3", {"C3"}),
        ("P10", set()),
        ("XX", set()),
    ],
)
def test_what_is_seen_within_an_agency(tree, within, sees):
    for agency in tree.values():
        SubscriptionFactory(agency=agency)
    some = member(tree, (Role.ADMINISTRATOR, "P1"), (Role.APPROVER, "C3"))
    for user, visible in [(some, sees), (person("sysadmin"), set(seen_within(tree[within])))]:
        agencies = Agency.objects.visible_to(user, within=tree[within])
        subscriptions = Subscription.objects.visible_to(user, within=tree[within])
        assert set(agencies.values_list("code", flat=True)) == visible
        assert set(subscriptions.values_list("agency__code", flat=True)) == visible


def seen_within(agency: Agency) -> list[str]:
    return [place.rsplit("/", 1)[-1] for place in TREE if f"{place}/".startswith(agency.path)]


# --- every kind of record ---------------------------------------------------------------------------------------------

RECORDS = [
    Subscription,
    PriceLine,
    UserCount,
    Payment,
    Facts,
    Approval,
    Finding,
    Decision,
    Waiver,
    Membership,
]


def record_everything_at(agency: Agency) -> None:
    """One record of each kind at the agency."""
    version = make_policy(("personal_data", "is", [True]), scope=agency)
    subscription = SubscriptionFactory(agency=agency, personal_data=True)
    PriceLineFactory(subscription=subscription)
    kept(subscription)
    officer = person("policy_officer", agency)
    UserCount.objects.create(agency=agency, subscription=subscription, day=DAY, value=5)
    Payment.objects.create(
        subscription=subscription, paid_on=datetime.date(2026, 1, 1), amount=5, won=5, currency="KRW"
    )
    Approval.objects.create(
        subscription=subscription, policy_version=version, approved_by=officer, reason="accepted"
    )
    Decision.objects.create(subscription=subscription, act="record", result="done", outcome="clear")
    WaiverFactory(policy=version.policy, agency=agency)


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_seen_with_their_agency(tree, model):
    for agency in tree.values():
        record_everything_at(agency)
    user = member(tree, (Role.ADMINISTRATOR, "P1"), (Role.APPROVER, "P10"))
    place = {Waiver: "agency", Subscription: "agency", UserCount: "agency", Membership: "agency"}.get(
        model, "subscription__agency"
    )

    def places(*roles: str) -> set[str]:
        rows = model.objects.visible_to(user, *roles).exclude(
            **({"user": user} if model is Membership else {})
        )
        return set(rows.values_list(f"{place}__code", flat=True))

    assert places() == {"C1", "C2", "O1", "P1", "P10"}
    assert places(Role.APPROVER) == {"P10"}
    assert places(Role.POLICY_OFFICER) == set()
    assert model.objects.visible_to(AnonymousUser()).count() == 0
    assert model.objects.visible_to(person()).count() == 0
    assert model.objects.visible_to(person("sysadmin")).count() == model.objects.count()
