"""What stands in the way without being the register's fault is told as such: 503, what became of it, when to try again."""

import errno
import sqlite3

import psycopg
import pytest
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.test import Client
from django.urls import path

from govtrack.outages import Outage, outage_of


def with_state(state: str) -> Exception:
    return psycopg.errors.lookup(state)("told by the server")


def wrapped(error: Exception, text: str = "") -> Exception:
    """As Django hands on what a database's module raises."""
    outer = OperationalError(text or str(error))
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (
            wrapped(psycopg.OperationalError("connection failed: FATAL: sorry, too many clients")),
            Outage.DATABASE,
        ),
        (wrapped(with_state("57P01")), Outage.DATABASE),
        (wrapped(with_state("57P03")), Outage.DATABASE),
        (wrapped(with_state("53300")), Outage.DATABASE),
        (wrapped(with_state("08006")), Outage.DATABASE),
        (InterfaceError("connection already closed"), Outage.DATABASE),
        (wrapped(with_state("53100")), Outage.FULL),
        (wrapped(sqlite3.OperationalError("database or disk is full")), Outage.FULL),
        (wrapped(sqlite3.OperationalError("disk I/O error")), Outage.FULL),
        (OSError(errno.ENOSPC, "No space left on device"), Outage.FULL),
        (OSError(errno.EFBIG, "File too large"), Outage.FULL),
        (wrapped(with_state("40P01")), Outage.BUSY),
        (wrapped(sqlite3.OperationalError("database is locked")), Outage.BUSY),
        # The controls: these are faults of the register, and told as such.
        (wrapped(with_state("57014")), None),
        (wrapped(with_state("42P01")), None),
        (DatabaseError("no such table"), None),
        (OSError(errno.EACCES, "Permission denied"), None),
        (ValueError("database or disk is full"), None),
    ],
)
def test_what_is_an_outage(error, outage):
    assert outage_of(error) is outage
    later = RuntimeError("while it was handled")
    later.__context__ = error
    assert outage_of(later) is outage


def interrupted() -> Exception:
    """As a session that cannot be saved comes out of Django."""
    error = SessionInterrupted("deleted before the request completed")
    error.__context__ = wrapped(sqlite3.OperationalError("database or disk is full"))
    return error


TOLD = {
    "session": (interrupted(), 503, "There is no room left"),
    "odd": (SuspiciousOperation("odd"), 400, "400"),
    "full": (OSError(errno.ENOSPC, "full"), 503, "There is no room left"),
    "busy": (wrapped(sqlite3.OperationalError("database is locked")), 503, "Somebody else’s work"),
    "gone": (wrapped(psycopg.OperationalError("gone")), 503, "cannot reach its database"),
    "fault": (KeyError("fault"), 500, "because of a system error"),
}


def breaks(request, name):
    raise TOLD[name][0]


@pytest.mark.parametrize("name", TOLD)
def test_the_page_tells_which_and_asks_nothing_of_the_database(name, settings):
    """This test has no database: a page that asked for it would fail."""
    views = {"urlpatterns": [path("<name>/", breaks)]}
    views |= {"handler500": "govtrack.views.server_error", "handler400": "govtrack.views.bad_request"}
    settings.ROOT_URLCONF = type("urls", (), views)
    settings.MIDDLEWARE = ["govtrack.logs.numbered"]
    response = Client(raise_request_exception=False).get(f"/{name}/")
    _error, status, told = TOLD[name]
    assert (response.status_code, told in response.text) == (status, True)
    assert response.headers.get("Retry-After") == ("10" if status == 503 else None)
    assert response.headers["X-Request-ID"] in response.text
