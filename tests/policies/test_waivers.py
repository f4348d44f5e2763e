"""Waivers: decided by another than the asker, for a tool or a vendor or neither, always with an end."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from policies.models import Waiver
from tests.subscriptions.factories import (
    DAY,
    PolicyFactory,
    ProductFactory,
    UserFactory,
    VendorFactory,
    WaiverFactory,
    agency_at,
    days,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


def waiver(**fields: object) -> Waiver:
    return WaiverFactory.build(
        **{
            "policy": PolicyFactory(),
            "agency": agency_at("KR"),
            "requested_by": UserFactory(),
            "decided_by": UserFactory(),
            **fields,
        }
    )


def refused(made: Waiver) -> list[str]:
    """What the form would say; the database says it too."""
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()
    with pytest.raises(ValidationError) as raised:
        made.full_clean()
    (messages,) = raised.value.message_dict.values()
    return messages


@pytest.mark.parametrize("status", Waiver.Status)
def test_a_waiver_of_any_status(status):
    made = waiver(status=status)
    made.full_clean()
    made.save()


def test_a_request_has_no_decider_yet():
    made = waiver(status="requested", decided_by=None, decided_at=None)
    made.full_clean()
    made.save()


@pytest.mark.parametrize("status", ["granted", "refused", "revoked"])
@pytest.mark.parametrize("missing", ["decided_by", "decided_at"])
def test_a_decision_says_who_and_when(status, missing):
    assert refused(waiver(status=status, **{missing: None})) == ["Say who decided on the waiver, and when."]


def test_nobody_decides_on_what_they_asked_for():
    user = UserFactory()
    assert refused(waiver(requested_by=user, decided_by=user)) == [
        "A waiver is decided by another person than the one who asked for it."
    ]


def test_it_does_not_end_before_it_begins():
    assert refused(waiver(valid_from=DAY, valid_until=days(-1))) == ["The waiver ends before it begins."]


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
def test_both_days_are_a_must(field):
    assert refused(waiver(**{field: None})) == ["This field cannot be null."]


def test_it_names_a_tool_or_a_vendor_or_neither():
    product, vendor = ProductFactory(), VendorFactory()
    for named in ({"product": product}, {"vendor": vendor}, {}):
        waiver(**named).full_clean()
    assert refused(waiver(product=product, vendor=vendor)) == ["Name a tool or a vendor, not both."]


@pytest.mark.parametrize(
    ("fields", "valid"),
    [
        ({}, True),
        ({"valid_from": DAY}, True),
        ({"valid_from": days(1)}, False),
        ({"valid_until": DAY}, True),
        ({"valid_until": days(-1)}, False),
        ({"status": "requested"}, False),
        ({"status": "refused"}, False),
        ({"status": "revoked"}, False),
    ],
)
def test_valid_on_a_day(fields, valid):
    made = WaiverFactory(**fields)
    assert list(Waiver.objects.valid_on(DAY)) == ([made] if valid else [])
