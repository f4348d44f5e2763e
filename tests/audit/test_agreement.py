"""Records that are not what their history says: joined to something else, put in without history, or taken from a set."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import RestrictedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agencies.models import Agency, User
from audit.agreement import Disagreement, disagreements
from audit.models import Event
from audit.ties import end_of, sets
from catalog.models import Product
from tests.admin import rows
from tests.audit import behind

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


def test_what_an_older_version_loaded_is_accepted_once_and_by_name(report_data_loaded):
    """Its events kept no hashes. What is not as a fixture brought it is not among what is accepted."""
    agency = Agency.objects.get(code="KR-49")
    hashes = {"catalog_product": {"form": "sqlite-2", "columns": [], "rows": ""}}
    kept = json.dumps({"rows": 1, "hashes": hashes})
    behind.run("audit_event", "UPDATE audit_event SET after = %s WHERE about = 'loaddata'", kept)
    wrong = list(disagreements())
    assert {one.what for one in wrong} == {"none"}
    assert len(wrong) > 30
    said = io.StringIO()
    call_command("accept_loaded", stdout=said)
    assert "agencies_agency: " in said.getvalue()
    assert "Nothing is accepted yet." in said.getvalue()
    assert list(disagreements()) == wrong
    call_command("accept_loaded", "--reason", "Updated from 2026.10", stdout=said)
    told = Event.objects.get(about="accept_loaded")
    assert (told.kind, told.reason, told.after["rows"]) == ("command", "Updated from 2026.10", len(wrong))
    assert list(disagreements()) == []
    Agency.objects.filter(pk=agency.pk).update(name_ko="bent")
    Agency.objects.bulk_create([Agency(code="X", name_ko="x", name_en="x", path="X/")])
    call_command("accept_loaded", "--reason", "Once more", stdout=said)
    assert [(one.what, one.row) for one in disagreements()] == [("none", agency.pk)]
    assert Event.objects.filter(about="accept_loaded").latest("pk").after["rows"] == 1


def test_the_hashes_are_read_once_and_are_in_no_page_and_no_file(report_data_loaded, signed_in):
    with CaptureQueriesContext(connection) as asked:
        assert list(disagreements()) == []
    assert sum('"audit_event"' in query["sql"] for query in asked) == 1
    client = signed_in("sysadmin")
    with CaptureQueriesContext(connection) as asked:
        page = client.get("/audit/?kind=command")
    assert "agencies" in page.content.decode()
    (listed,) = [query["sql"] for query in asked if "hashes" in query["sql"]]
    assert listed.count('"after"') == 1
    file = client.get("/audit/?kind=command&_export=csv").getvalue().decode()
    assert file.count("loaddata") == 3
    assert "fixtures" in file
    assert "hashes" not in file


@pytest.fixture
def report_data_loaded(db):
    for fixture in ("agencies", "catalog", "sources"):
        call_command("loaddata", fixture, verbosity=0)
    assert User.objects.count() == 0
