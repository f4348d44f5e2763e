"""How long a statement of a page may take, on either database."""

import time

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import RequestFactory

from govtrack import query_limits

# A statement that would take for ever, on either database.
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


def endless(request):
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS)
    return HttpResponse()


@pytest.fixture
def limited(settings):
    """This thread's connection as a web process has it, with one second."""
    settings.QUERY_SECONDS = 1
    connection.close()
    query_limits.limit_queries()
    yield
    query_limits.unlimit_queries()
    connection.close()
    connection.execute_wrappers.clear()


@pytest.mark.django_db(transaction=True)
def test_an_endless_statement_is_ended_and_the_page_says_so(limited, make_user, settings):
    request = RequestFactory().get("/")
    request.user = make_user("committee_member")
    started = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        endless(request)
    assert 0.8 < time.monotonic() - started < 10
    middleware = query_limits.stopped_in_time(lambda request: HttpResponse())
    response = middleware.process_exception(request, caught.value)
    assert (response.status_code, "1" in response.text) == (503, True)
    # The connection goes on, and other faults stay faults.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert middleware.process_exception(request, DatabaseError("no such table")) is None


@pytest.mark.django_db(transaction=True)
def test_commands_are_not_limited(settings):  # the control: what the limit would end goes on without it
    settings.QUERY_SECONDS = 0
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS.replace("FROM n)", "FROM n WHERE x < 300000)"))
        assert cursor.fetchone() == (300_000,)
