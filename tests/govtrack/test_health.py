"""`/healthz` and `/readyz`: what a load balancer asks, without signing in, and what it is not told."""

import logging

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from govtrack import health
from subscriptions.models import RemovedAttachment
from tests.admin.rows import attachment


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


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "govtrack.health"]


@pytest.mark.django_db
def test_ready_and_cheap_once_migrations_are_known(client, django_assert_num_queries, settings, tmp_path):
    settings.ATTACHMENTS_DIR = tmp_path
    (tmp_path / "file").touch()
    assert asked(client) == (200, "ready\n")
    with django_assert_num_queries(1):
        assert asked(client) == (200, "ready\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.django_db
def test_a_migration_that_is_not_applied(client, caplog):
    """Before the first probe, or taken back after it, as by a restore."""
    assert asked(client) == (200, "ready\n")
    MigrationRecorder.Migration.objects.filter(app="oversight").latest("pk").delete()
    assert [asked(client), asked(client)] == [(503, "not ready\n")] * 2
    assert told(caplog) == ["Not ready: 1 migrations are not applied; run manage.py migrate."] * 2


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_to(client, settings, tmp_path, caplog):
    """Root may write to any folder, so a file stands in its place: in that of attachments, or of exports that is not made yet."""
    (tmp_path / "file").touch()
    for name, place in (("ATTACHMENTS_DIR", "file"), ("EXPORTS_DIR", "file/exports")):
        before, folder = getattr(settings, name), tmp_path / place
        setattr(settings, name, folder)
        assert asked(client) == (503, "not ready\n")
        setattr(settings, name, before)
    assert told(caplog) == [f"Not ready: {tmp_path / 'file'} cannot be written to: Not a directory."] * 2
    settings.ATTACHMENTS_DIR = tmp_path / "not" / "yet"  # made with the first file
    assert asked(client) == (200, "ready\n")


@pytest.mark.django_db
def test_files_whose_folder_is_not_there(client, settings, tmp_path, caplog):
    """A disk that is not mounted: the folder is missing or empty, and rows tell of files."""
    settings.ATTACHMENTS_DIR = folder = tmp_path / "attachments"
    filed = attachment()
    assert asked(client) == (503, "not ready\n")
    folder.mkdir()
    assert asked(client) == (503, "not ready\n")
    assert (
        told(caplog)
        == [f"Not ready: {folder} is not there or empty, though attachments lie in it: is its disk mounted?"]
        * 2
    )
    RemovedAttachment.objects.create(attachment=filed, removed_by=filed.added_by, reason="Wrong file")
    assert asked(client) == (200, "ready\n")


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
