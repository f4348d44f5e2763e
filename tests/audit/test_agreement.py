"""Records that are not what their history says: joined to something else, put in without history, or taken from a set."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import RestrictedError
from django.urls import reverse

from agencies.models import Agency, User
from audit.agreement import Disagreement, disagreements
from audit.models import Event
from audit.ties import end_of, sets
from catalog.models import Product
from tests.admin import rows

ENGINES = "catalog_product_engines"


@pytest.fixture
def inside(db):
    """A product in which another runs."""
    product = rows.product(1)
    product.engines.set([rows.product(2)])
    assert list(disagreements()) == []
    return product


def run(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def test_what_is_in_a_set_of_a_record_is_not_deleted_under_it(inside, signed_in):
    (engine,) = inside.engines.all()
    with pytest.raises(RestrictedError):
        engine.delete()
    client = signed_in("sysadmin")
    page = client.post(reverse("admin:catalog_product_delete", args=[engine.pk]), {"post": "yes"})
    assert Product.objects.filter(pk=engine.pk).exists()
    assert f": AI 도구 {inside.pk}</li>" in page.content.decode()
    inside.engines.clear()
    engine.delete()
    assert list(disagreements()) == []
    # Of every set that a history keeps.
    assert {field.name for field in sets()} == {"engines", "subject", "cites"}
    assert {end_of(field).remote_field.on_delete for field in sets()} == {models.RESTRICT}


def test_a_set_that_is_not_the_last_one_of_its_history_is_told(inside):
    other = rows.product(3)
    run(f"INSERT INTO {ENGINES} (from_product_id, to_product_id) VALUES (%s, %s)", other.pk, inside.pk)
    run(f"DELETE FROM {ENGINES} WHERE from_product_id = %s", inside.pk)
    assert list(disagreements()) == [
        Disagreement("set", ENGINES, inside.pk),
        Disagreement("set", ENGINES, other.pk),
    ]


def test_a_record_without_history_is_told_unless_a_fixture_brought_it(report_data_loaded):
    assert list(disagreements()) == []
    kept = Event.objects.filter(about="loaddata").order_by("pk").values_list("after", flat=True)
    assert "agencies_agency" in kept[0]["hashes"]
    call_command("loaddata", "agencies", verbosity=0)
    assert list(disagreements()) == []
    # One that is put in, and one of the fixture's that is changed, and the set of another.
    agency = Agency.objects.get(code="KR-49")
    (new,) = Agency.objects.bulk_create([Agency(code="X", name_ko="x", name_en="x", path="X/")])
    Agency.objects.filter(pk=agency.pk).update(name_ko="bent")
    product, other = Product.objects.exclude(pk__in=Product.history.values("id")).order_by("pk")[:2]
    run(f"INSERT INTO {ENGINES} (from_product_id, to_product_id) VALUES (%s, %s)", product.pk, other.pk)
    expected = [
        Disagreement("none", "agencies_agency", agency.pk),
        Disagreement("none", "agencies_agency", new.pk),
        Disagreement("none", ENGINES, product.pk),
    ]
    assert list(disagreements()) == expected
    said = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", "--records", "--json", stdout=said)
    told = [(fault["what"], fault["table"], fault["row"]) for fault in json.loads(said.getvalue())["faults"]]
    assert told == [("record", one.table, one.row) for one in expected]
    # Whoever changes it by the register's own ways makes its history begin.
    agency.refresh_from_db()
    agency.save()
    product.engines.clear()
    new.delete()
    assert list(disagreements()) == []


@pytest.fixture
def report_data_loaded(db):
    for fixture in ("agencies", "catalog", "sources"):
        call_command("loaddata", fixture, verbosity=0)
    assert User.objects.count() == 0
