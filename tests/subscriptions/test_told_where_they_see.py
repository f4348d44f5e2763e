"""Whoever has had to do with something is told what becomes of it only as long as they see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied

from agencies.models import Agency, DepartmentContact, Membership, Notice, Role, User
from agencies.notices.departments import Responsible
from agencies.sights import sights_of, who_see
from policies import waiving
from policies.models import Waiver
from policies.notices import tell_of_expiring_waivers
from subscriptions.following_up import assign
from subscriptions.models import Finding
from subscriptions.telling import asked_by
from tests.subscriptions.factories import (
    DAY,
    SubscriptionFactory,
    WaiverFactory,
    agency_at,
    days,
    kept,
    make_policy,
    person,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_it_is_asked_of_many_as_of_one(django_assert_num_queries: Callable) -> None:
    """The same answer as each person's own sight, by as many queries for many."""
    here, merged = agency_at("KR/P1"), agency_at("KR/P2")
    Agency.objects.filter(pk=merged.pk).update(successor=here)
    people = [person("administrator", agency_at(at)) for at in ("KR", "KR/P1", "KR/P1/C1", "KR/P2")]
    people += [person(), person("administrator", here, is_active=False), person("sysadmin")]
    for count in (2, len(people)):
        with django_assert_num_queries(2):
            sights_of(people[:count])
    for agency in (here, merged, agency_at("KR/P1/C1")):
        agency.refresh_from_db()
        each = [one for one in people if one.is_active and one.sight().covers(agency.path)]
        assert who_see(people, agency) == each
    assert who_see(people, merged) == [people[0], people[1], people[3], people[6]]


def test_whose_role_has_ended_is_not_told() -> None:
    here = agency_at("KR/P1")
    there, boss = person("administrator", here), person("administrator", agency_at("KR"))
    officer = person("policy_officer", agency_at("KR"))
    contact = DepartmentContact.objects.create(agency=here, department="IT")
    contact.people.add(there)
    subscription = kept(SubscriptionFactory(agency=here, recorded_by=there))
    version = make_policy(("seats", "more_than", [5]))
    ending = WaiverFactory(policy=version.policy, agency=here, requested_by=there, valid_until=days(5))

    def told() -> dict[str, set[User]]:
        Notice.objects.all().delete()
        waiver = WaiverFactory(
            policy=version.policy, agency=here, requested_by=there, status="requested", valid_until=days(90)
        )
        waiving.refuse(waiver, by=officer, reason="no")
        tell_of_expiring_waivers(days(5) if there.memberships.exists() else DAY)
        notices = Notice.objects.exclude(key="waiver_requested")
        return {
            "department": {*Responsible([here]).of(here, "IT").people},
            "decision": asked_by(subscription),
            **{
                key: {n.recipient for n in notices if n.key == key}
                for key in ("waiver_refused", "waiver_expires")
            },
        }

    everybody = {key: {there} for key in ("department", "decision", "waiver_refused", "waiver_expires")}
    assert told() == everybody
    there.memberships.all().delete()
    assert told() == {
        "department": {boss},
        "decision": {boss},
        "waiver_refused": {boss},
        "waiver_expires": {boss},
    }
    assert Waiver.objects.get(pk=ending.pk).requested_by == there


def test_findings_are_given_to_who_works_where_they_are() -> None:
    make_policy(("personal_data", "is_unknown", []))
    seen, _other = (kept(SubscriptionFactory(agency=agency_at(path))) for path in ("KR/P1", "KR/P2"))
    helper, officer = person("administrator", agency_at("KR/P1")), person("policy_officer", agency_at("KR"))
    with pytest.raises(PermissionDenied):
        assign(Finding.objects.all(), by=officer, to=helper)
    Membership.objects.create(
        user=helper, role=Role.COMMITTEE_MEMBER, agency=agency_at("KR")
    )  # reads, and does no work there
    with pytest.raises(PermissionDenied):
        assign(Finding.objects.all(), by=officer, to=User.objects.get(pk=helper.pk))
    assert not Finding.objects.exclude(assigned_to=None).exists()
    assert assign(Finding.objects.filter(subscription=seen), by=officer, to=helper) == 1
    [notice] = helper.notices.all()
    assert notice.parameters["reference"] == seen.reference
