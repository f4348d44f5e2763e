"""`/healthz` and `/readyz`: what a load balancer asks, without signing in, and what it is not told."""

import logging

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from govtrack import health


@pytest.fixture(autouse=True)
def nothing_remembered():
    health._migrated.clear()
    yield
    health._migrated.clear()


def asked(client, address="/readyz"):
    response = client.get(address)
    assert response.headers["Cache-Control"].startswith("max-age=0")
    return response.status_code, response.content.decode()


def test_alive_asks_no_database(client):  # none may be used here
    assert asked(client, "/healthz") == (200, "alive\n")


@pytest.mark.django_db
def test_ready_and_cheap_once_migrations_are_known(client, django_assert_num_queries):
    assert asked(client) == (200, "ready\n")
    with django_assert_num_queries(1):
        assert asked(client) == (200, "ready\n")


@pytest.mark.django_db
def test_a_migration_that_is_not_applied(client, caplog):
    MigrationRecorder.Migration.objects.filter(app="oversight").latest("pk").delete()
    assert asked(client) == (503, "not ready\n")
    assert [record.getMessage() for record in caplog.records if record.name == "govtrack.health"] == [
        "Not ready: 1 migrations are not applied; run manage.py migrate."
    ]


@pytest.mark.django_db
def test_a_full_disk(client, settings, caplog):
    settings.READY_FREE_MB = 10**9
    assert asked(client) == (503, "not ready\n")
    assert "MB free" in caplog.text


@pytest.mark.django_db
def test_a_database_that_does_not_answer(client, monkeypatch, caplog):
    def refuse():
        raise OperationalError("connection to 10.0.0.5 refused for user govtrack")

    monkeypatch.setattr(connection, "cursor", refuse)
    caplog.set_level(logging.WARNING)
    assert asked(client) == (503, "not ready\n")
    assert "10.0.0.5" in caplog.text
    assert asked(client, "/healthz") == (200, "alive\n")


def test_only_reading(client):
    assert [client.post(address).status_code for address in ("/healthz", "/readyz")] == [405, 405]
