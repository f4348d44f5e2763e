"""The tree of agencies: paths, "this and all below" from the index on both databases, moves, names and what is refused."""

import datetime
import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from agencies.models import Agency, FormerName, Recheck
from agencies.paths import below
from subscriptions.models import Facts, Subscription
from tests.subscriptions.factories import (
    DAY,
    AgencyFactory,
    ProductFactory,
    SubscriptionFactory,
    agency_at,
    kept,
)

pytestmark = pytest.mark.django_db

TREE = ["KR", "KR/P1", "KR/P1/C1", "KR/P1/C1/O1", "KR/P10", "KR/P10/C2", "KR/A-1", "KR/A-1/B", "KS"]


def paths() -> dict[str, str]:
    return dict(Agency.objects.order_by("code").values_list("code", "path"))


@pytest.mark.parametrize(
    ("code", "parent", "path"),
    [("KR", "", "KR/"), ("KR-49", "KR/", "KR/KR-49/"), ("C1", "KR/P1/", "KR/P1/C1/")],
)
def test_a_path(code, parent, path):
    assert below(code, parent) == path


def test_the_path_follows_from_the_place():
    agency_at("KR/P1/C1")
    assert paths() == {"KR": "KR/", "P1": "KR/P1/", "C1": "KR/P1/C1/"}


@pytest.mark.parametrize("place", TREE)
def test_an_agency_and_all_below_it(place):
    for made in TREE:
        agency_at(made)
    within = Agency.objects.within(Agency.objects.get(path=f"{place}/"))
    assert sorted(within.values_list("path", flat=True)) == sorted(
        f"{made}/" for made in TREE if f"{made}/".startswith(f"{place}/")
    )


@pytest.mark.parametrize(("place", "outside"), [("A_1", "AX1"), ("A%", "AB"), ("A\\", "AB"), ("a", "A")])
def test_signs_that_mean_something_to_a_database_mean_themselves(place, outside):
    inside = AgencyFactory(code=place)
    AgencyFactory(code=outside)
    assert list(Agency.objects.within(inside)) == [inside]


@pytest.fixture
def many() -> None:
    """So many rows that a database reads a part of them from an index, and knows it."""
    nation = agency_at("KR")
    agencies = Agency.objects.bulk_create(
        AgencyFactory.build(code=f"P{number}", parent=nation, path=f"KR/P{number}/") for number in range(400)
    )
    product = ProductFactory()
    subscriptions = Subscription.objects.bulk_create(
        SubscriptionFactory.build(agency=agency, product=product) for agency in agencies
    )
    Facts.objects.bulk_create(
        Facts(subscription=made, day=DAY, status="active", agency_path=made.agency.path)
        for made in subscriptions
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "rows",
    [
        Agency.objects.filter(path__within="KR/P1/"),
        Facts.objects.filter(agency_path__within="KR/P1/"),
    ],
    ids=["agencies", "facts"],
)
def test_the_subtree_is_read_from_the_index(rows):
    plan = rows.explain()
    column = "agency_path" if rows.model is Facts else "path"
    if connection.vendor == "postgresql":
        condition = rf"Index Cond: .*{column}\)::text (~>=~|>=) 'KR/P1/'"
    else:
        condition = rf"USING (COVERING )?INDEX \w+ \({column}>\? AND {column}<\?\)"
    assert re.search(condition, plan), plan


def test_a_move_takes_all_below_along():
    for made in TREE[:6]:
        agency_at(made)
    province = Agency.objects.get(code="P1")
    province.parent = Agency.objects.get(code="P10")
    province.save()
    assert paths() == {
        "KR": "KR/",
        "P10": "KR/P10/",
        "C2": "KR/P10/C2/",
        "P1": "KR/P10/P1/",
        "C1": "KR/P10/P1/C1/",
        "O1": "KR/P10/P1/C1/O1/",
    }


def test_a_move_to_the_top():
    city = agency_at("KR/P1/C1")
    city.parent = None
    city.save()
    assert paths() == {"KR": "KR/", "P1": "KR/P1/", "C1": "C1/"}


def test_a_move_that_names_its_fields():
    city, province = agency_at("KR/P1/C1"), agency_at("KR/P2")
    city.parent = province
    city.save(update_fields=["parent"])
    assert paths()["C1"] == "KR/P2/C1/"


def test_a_move_is_all_or_nothing():
    agency_at("KR/P1/C1/O1")
    city = Agency.objects.get(code="C1")
    city.parent = None
    with transaction.atomic():
        city.save()
        transaction.set_rollback(True)
    assert paths()["O1"] == "KR/P1/C1/O1/"


@pytest.mark.parametrize("target", ["KR/P1", "KR/P1/C1", "KR/P1/C1/O1"])
def test_an_agency_does_not_move_below_itself(in_english, target):
    agency_at("KR/P1/C1/O1")
    province = Agency.objects.get(code="P1")
    province.parent = Agency.objects.get(path=f"{target}/")
    with pytest.raises(ValidationError) as raised:
        province.full_clean()
    assert raised.value.message_dict["parent"] == ["An agency cannot be below itself."]


def test_the_database_refuses_an_agency_below_itself():
    province = agency_at("KR/P1")
    with pytest.raises(IntegrityError):
        Agency.objects.filter(pk=province.pk).update(parent=province)


def test_an_agency_keeps_its_code(in_english):
    province = agency_at("KR/P1")
    province.code = "P2"
    with pytest.raises(ValidationError) as raised:
        province.full_clean()
    assert raised.value.message_dict == {
        "code": ["An agency keeps its code. Record a new agency and name it the successor."]
    }


@pytest.mark.parametrize(
    ("code", "valid"),
    [("KR-49", True), ("6110000", True), ("kr", False), ("A/B", False), ("-A", False), ("A\n", False)],
)
def test_what_a_code_looks_like(code, valid):
    agency = AgencyFactory.build(code=code)
    if valid:
        agency.full_clean()
    else:
        with pytest.raises(ValidationError) as raised:
            agency.full_clean()
        assert list(raised.value.message_dict) == ["code"]


def test_the_last_active_day_is_not_before_the_first(in_english):
    agency = AgencyFactory.build(
        active_from=datetime.date(2026, 1, 2), active_until=datetime.date(2026, 1, 1)
    )
    with pytest.raises(ValidationError, match=r"The last active day is before the first\."):
        agency.full_clean()
    with pytest.raises(IntegrityError):
        agency.save()


@pytest.mark.parametrize(
    ("day", "active"),
    [
        (datetime.date(2025, 12, 31), {"always"}),
        (datetime.date(2026, 1, 1), {"always", "some time"}),
        (datetime.date(2026, 6, 30), {"always", "some time"}),
        (datetime.date(2026, 7, 1), {"always"}),
    ],
)
def test_active_on_a_day(day, active):
    AgencyFactory(name_en="always")
    AgencyFactory(
        name_en="some time",
        active_from=datetime.date(2026, 1, 1),
        active_until=datetime.date(2026, 6, 30),
    )
    assert set(Agency.objects.active_on(day).values_list("name_en", flat=True)) == active


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (datetime.date(2011, 12, 31), "First"),
        (datetime.date(2012, 1, 1), "Second"),
        (datetime.date(2023, 6, 10), "Second"),
        (datetime.date(2023, 6, 11), "Now"),
    ],
)
def test_the_name_in_force_on_a_day(in_english, day, name):
    agency = AgencyFactory(name_en="Now")
    for former, until in (("Second", datetime.date(2023, 6, 10)), ("First", datetime.date(2011, 12, 31))):
        FormerName.objects.create(agency=agency, name_en=former, name_ko=former, used_until=until)
    assert agency.name_on(day) == name


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"name_ko": "새 이름"}, True),
        ({"name_en": "New name"}, True),
        ({"kind": "city"}, True),
        ({"parent": None}, True),
        ({"short_en": "New"}, False),
        ({"active_until": datetime.date(2026, 1, 1)}, False),
        ({}, False),
    ],
)
def test_what_a_change_asks_to_be_judged_anew(fields, asked):
    """Place and kind decide which policies apply; full names are searched."""
    agency = agency_at("KR/P1")
    assert not Recheck.objects.exists()  # a new one has no subscriptions
    for name, value in fields.items():
        setattr(agency, name, value)
    agency.save()
    assert list(Recheck.objects.values_list("about", "code")) == ([("agency", "P1")] if asked else [])


def test_a_renamed_agency_is_found_by_its_new_name(django_capture_on_commit_callbacks):
    agency = agency_at("KR/P1")
    kept(SubscriptionFactory(agency=agency))
    with django_capture_on_commit_callbacks(execute=True):
        agency.name_en = "Newtown"
        agency.save()
    assert "newtown" in Facts.objects.get().search
