"""Waivers: asked for, decided by another person, covering until their last day; and requests that wait for one."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from agencies.models import Notice
from policies import waiving
from policies.models import Waiver
from policies.verdicts import Verdict
from subscriptions import recording
from subscriptions.checking import check_everything, drain
from subscriptions.models import Finding, PriceLine, Status, Subscription
from tests.subscriptions.factories import (
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    kept,
    make_policy,
    person,
)

pytestmark = pytest.mark.django_db


def in_days(count: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=count)


@pytest.fixture
def people():
    """An administrator of P1 and a policy officer of the nation."""
    return person("administrator", agency_at("KR/P1"), username="adm"), person(
        "policy_officer", agency_at("KR"), username="off"
    )


@pytest.fixture
def blocked():
    """A policy that blocks personal data, and an active subscription of P1 that violates it."""
    version = make_policy(("personal_data", "is", [True]), effect="block")
    return version, kept(
        SubscriptionFactory(agency=agency_at("KR/P1"), personal_data=True), timezone.localdate()
    )


def asked(version, by, **fields) -> Waiver:
    defaults = {"reason": "needed", "valid_from": in_days(0), "valid_until": in_days(30)}
    return waiving.request(version.policy, agency_at("KR/P1"), by=by, **{**defaults, **fields})


def verdict_of(subscription) -> tuple[str, str, str]:
    finding = Finding.objects.get(subscription=subscription)
    return finding.verdict, finding.unwaived_verdict, finding.cause


def test_granted_it_excuses_and_stays_visible_until_it_ends(people, blocked, monkeypatch):
    (administrator, officer), (version, subscription) = people, blocked
    waiver = asked(version, administrator)
    assert [notice.key for notice in Notice.objects.filter(recipient=officer)] == ["waiver_requested"]
    assert verdict_of(subscription) == (Verdict.VIOLATION, Verdict.VIOLATION, "")
    waiving.grant(waiver, by=officer, reason="for a month")
    drain()
    assert verdict_of(subscription) == (Verdict.WAIVED, Verdict.VIOLATION, "waiver")
    noon = timezone.now() + datetime.timedelta(days=31)
    monkeypatch.setattr(timezone, "now", lambda: noon)
    check_everything()
    assert verdict_of(subscription) == (Verdict.VIOLATION, Verdict.VIOLATION, "")


def test_nobody_decides_on_their_own_request(blocked):
    both = person("administrator", agency_at("KR/P1"))
    both.memberships.create(agency=agency_at("KR"), role="policy_officer")
    waiver = asked(blocked[0], type(both).objects.get(pk=both.pk))
    with pytest.raises(ValidationError):
        waiving.grant(waiver, by=type(both).objects.get(pk=both.pk), reason="mine")


def test_administrators_and_officers_below_do_not_decide(people, blocked):
    waiver = asked(blocked[0], people[0])
    for by in (person("administrator", agency_at("KR")), person("policy_officer", agency_at("KR/P1"))):
        with pytest.raises(ValidationError):
            waiving.grant(waiver, by=by, reason="let it")
    with pytest.raises(PermissionDenied):
        asked(blocked[0], people[1])


def test_revoked_it_ends_at_once_and_is_not_decided_again(people, blocked):
    waiver = waiving.grant(asked(blocked[0], people[0]), by=people[1], reason="yes")
    drain()
    waiving.revoke(waiver, by=people[1], reason="misused")
    drain()
    assert verdict_of(blocked[1]) == (Verdict.VIOLATION, Verdict.VIOLATION, "")
    with pytest.raises(ValidationError):
        waiving.grant(waiver, by=people[1], reason="again")


@pytest.mark.parametrize(("start", "end"), [(0, -1), (10, 5), (0, 365)])
def test_dates_that_do_not_fit_are_refused_by_field(people, blocked, start, end):
    with pytest.raises(ValidationError) as error:
        asked(blocked[0], people[0], valid_from=in_days(start), valid_until=in_days(end))
    assert list(error.value.message_dict) == ["valid_until"]


def test_a_blocked_request_waits_while_a_waiver_is_asked_for(people, blocked):
    administrator, officer = people
    product = ProductFactory()
    new = Subscription(agency=agency_at("KR/P1"), product=product, started_on=in_days(0), personal_data=True)
    assert recording.request(new, [PriceLine(amount=1, vat="included")], by=administrator).refused
    waiver = asked(blocked[0], administrator, product=product)
    again = recording.request(new, list(new.price_lines.all()), by=administrator)
    assert (again.refused, again.subscription.status) == (False, Status.REQUESTED)
    approver = person("approver", agency_at("KR/P1"))
    assert recording.approve(new, by=approver).refused
    waiving.grant(waiver, by=officer, reason="yes")
    assert recording.approve(new, by=approver).subscription.status == Status.ACTIVE


def test_the_pages_from_asking_to_granting(people, blocked, client):
    administrator, officer = people
    subscription = blocked[1]
    client.force_login(administrator)
    data = {
        "policy": blocked[0].policy.code,
        "covers": "product",
        "valid_from": in_days(0),
        "valid_until": in_days(500),
        "reason": "needed",
    }
    address = reverse("subscriptions:ask-waiver", args=[subscription.reference])
    refused = client.post(address, data)
    assert list(refused.context["form"].errors) == ["valid_until"]
    asked_for = client.post(address, {**data, "valid_until": in_days(100)})
    waiver = Waiver.objects.get()
    assert asked_for.headers["Location"] == reverse("subscriptions:waiver", args=[waiver.pk])
    assert (waiver.product, waiver.agency, waiver.requested_by) == (
        subscription.product,
        subscription.agency,
        administrator,
    )
    grant = reverse("subscriptions:waiver-act", args=[waiver.pk, "grant"])
    assert client.post(grant, {"reason": "yes"}).status_code == 403
    client.force_login(officer)
    assert list(client.post(grant, {"reason": ""}).context["form"].errors) == ["reason"]
    assert client.post(grant, {"reason": "yes"}).status_code == 302
    waiver.refresh_from_db()
    assert (waiver.status, waiver.decided_by, waiver.decision_reason) == ("granted", officer, "yes")


def test_renewing_is_a_new_waiver(people, blocked, client):
    waiver = waiving.grant(asked(blocked[0], people[0]), by=people[1], reason="yes")
    client.force_login(people[0])
    page = client.get(reverse("subscriptions:waiver", args=[waiver.pk]))
    renewal = page.context["renewal"]
    assert renewal == f"{reverse('subscriptions:ask-waiver', args=[blocked[1].reference])}?renews={waiver.pk}"
    data = {
        "policy": blocked[0].policy.code,
        "covers": "agency",
        "valid_from": in_days(31),
        "valid_until": in_days(60),
        "reason": "still",
    }
    client.post(renewal, data)
    assert list(Waiver.objects.order_by("pk").values_list("status", "renews")) == [
        ("granted", None),
        ("requested", waiver.pk),
    ]
