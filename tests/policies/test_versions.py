"""Versions of a policy: at most one in force on any day, and only within its owner's part of the tree."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from policies.models import PolicyVersion
from tests.subscriptions.factories import (
    DAY,
    PolicyFactory,
    PolicyVersionFactory,
    agency_at,
    days,
    make_policy,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

# The first version is in force from day 10 to day 20; the second is to be in force from and until:
PERIODS = [
    ((0, 9), True),
    ((0, 10), False),
    ((0, 30), False),
    ((0, None), False),
    ((10, 20), False),
    ((12, 15), False),
    ((20, 25), False),
    ((21, 25), True),
    ((21, None), True),
    ((20, None), False),
]


def second(first: PolicyVersion, period: tuple[int, int | None], **fields: object) -> PolicyVersion:
    start, end = period
    return PolicyVersionFactory.build(
        **{
            "policy": first.policy,
            "scope": first.scope,
            "number": 2,
            "effective_from": days(start),
            "effective_until": None if end is None else days(end),
            **fields,
        }
    )


@pytest.fixture
def first() -> PolicyVersion:
    return PolicyVersionFactory(effective_from=days(10), effective_until=days(20))


@pytest.mark.parametrize(("period", "possible"), PERIODS)
def test_at_most_one_version_is_in_force_on_any_day(first, period, possible):
    version = second(first, period)
    if possible:
        version.full_clean()
        version.save()
        assert first.policy.versions.count() == 2
        return
    with pytest.raises(ValidationError) as raised:
        version.full_clean()
    assert raised.value.message_dict == {"effective_from": ["Version 1 is in force in this period already."]}
    with pytest.raises(IntegrityError), transaction.atomic():
        version.save()
    assert first.policy.versions.count() == 1


@pytest.mark.parametrize("period", [(0, 9), (21, None)])
def test_a_version_without_an_end_leaves_no_day_after_it(first, period):
    PolicyVersion.objects.filter(pk=first.pk).update(effective_until=None)
    version = second(first, period)
    if period == (0, 9):
        version.full_clean()
        version.save()
    else:
        with pytest.raises(ValidationError, match="Version 1 is in force"):
            version.full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            version.save()


@pytest.mark.parametrize(
    "change",
    [
        {"status": "in_force"},
        {"status": "in_force", "effective_from": days(25), "effective_until": None},
    ],
)
@pytest.mark.parametrize("way", ["save", "update", "bulk_update"])
def test_neither_does_a_change_slip_a_second_in(first, change, way):
    version = second(first, (15, None), status="draft")
    version.full_clean()
    version.save()
    for name, value in change.items():
        setattr(version, name, value)

    def store() -> None:
        if way == "save":
            version.save()
        elif way == "update":
            PolicyVersion.objects.filter(pk=version.pk).update(**change)
        else:
            PolicyVersion.objects.bulk_update([version], list(change))

    if version.effective_from == days(15):
        with pytest.raises(IntegrityError), transaction.atomic():
            store()
    else:
        store()
    stored = PolicyVersion.objects.get(pk=version.pk)
    assert (stored.status == "in_force") is (version.effective_from == days(25))


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_what_is_not_in_force_may_overlap(first, status):
    version = second(first, (12, 15), status=status)
    version.full_clean()
    version.save()
    PolicyVersion.objects.filter(pk=first.pk).update(status="retired")
    version.status = "in_force"
    version.full_clean()
    version.save()


def test_versions_of_other_policies_may_overlap(first):
    PolicyVersionFactory(effective_from=days(10), effective_until=days(20))


def test_a_version_in_force_does_not_stand_in_its_own_way(first):
    first.effective_until = days(30)
    first.full_clean()
    first.save()


def test_it_does_not_end_before_it_takes_effect(first):
    version = second(first, (30, 29))
    with pytest.raises(ValidationError) as raised:
        version.full_clean()
    assert raised.value.message_dict == {"__all__": ["The policy ends before it takes effect."]}
    with pytest.raises(IntegrityError):
        version.save()


def test_a_number_is_given_once(first):
    with pytest.raises(IntegrityError):
        second(first, (30, 40), number=1).save()


@pytest.mark.parametrize(
    ("owner", "scope", "possible"),
    [
        ("KR", "KR", True),
        ("KR", "KR/P1/C1", True),
        ("KR/P1", "KR/P1", True),
        ("KR/P1", "KR/P1/C1", True),
        ("KR/P1", "KR", False),
        ("KR/P1", "KR/P2", False),
        ("KR/P1", "KR/P10", False),  # its code begins alike
    ],
)
def test_the_scope_lies_within_the_owners_part_of_the_tree(owner, scope, possible):
    version = PolicyVersionFactory.build(
        policy=PolicyFactory(owner=agency_at(owner)), scope=agency_at(scope), number=1
    )
    if possible:
        version.full_clean()
    else:
        with pytest.raises(ValidationError) as raised:
            version.full_clean()
        assert raised.value.message_dict == {
            "scope": ["The scope exceeds the owner's part of the tree (Agency P1)."]
        }


@pytest.mark.parametrize(
    ("fields", "in_force"),
    [
        ({}, True),
        ({"effective_from": DAY}, True),
        ({"effective_from": days(1)}, False),
        ({"effective_until": DAY}, True),
        ({"effective_until": days(-1)}, False),
        ({"status": "draft"}, False),
        ({"status": "retired"}, False),
    ],
)
def test_in_force_on_a_day(fields, in_force):
    version = PolicyVersionFactory(**fields)
    assert version.in_force_on(DAY) is in_force
    assert list(PolicyVersion.objects.in_force(DAY)) == ([version] if in_force else [])
    assert version.applies_to(version.scope, DAY) is in_force


@pytest.mark.parametrize(
    ("agency", "applies"), [("KR/P1", True), ("KR/P1/C1", True), ("KR", False), ("KR/P10", False)]
)
def test_it_applies_to_its_scope_and_all_below(agency, applies):
    version = PolicyVersionFactory(policy__owner=agency_at("KR"), scope=agency_at("KR/P1"))
    assert version.applies_to(agency_at(agency), DAY) is applies


def test_all_that_judging_needs_comes_with_two_queries(django_assert_num_queries):
    for code in ("c", "a", "b"):
        make_policy(("seats", "more_than", [5]), ("term", "more_than", [5]), policy=PolicyFactory(code=code))
    with django_assert_num_queries(2):
        versions = list(PolicyVersion.objects.in_force(DAY))
        found = [(v.policy.code, v.scope.path, [c.fact for c in v.conditions.all()]) for v in versions]
    assert found == [(code, "KR/", ["seats", "term"]) for code in ("a", "b", "c")]


def test_drafts_are_not_for_everybody():
    versions = {status: PolicyVersionFactory(status=status) for status in PolicyVersion.Status}
    del versions["draft"]
    assert set(PolicyVersion.objects.readable()) == set(versions.values())


@pytest.mark.parametrize(
    ("on", "title"), [(datetime.date(2026, 1, 31), "old"), (datetime.date(2026, 2, 1), "new")]
)
def test_a_new_version_follows_the_old_one_without_a_gap(on, title):
    policy = PolicyFactory()
    january = datetime.date(2026, 1, 31)
    PolicyVersionFactory(policy=policy, title_en="old", effective_until=january)
    PolicyVersionFactory(policy=policy, title_en="new", effective_from=january + datetime.timedelta(days=1))
    assert [version.title_en for version in PolicyVersion.objects.in_force(on)] == [title]
