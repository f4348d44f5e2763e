"""Limits: the size of a request, how often one reader may ask for what costs much, how long a statement may take."""

import os
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import get_resolver, reverse

from govtrack import limits, query_limits
from tests.pages import read
from tests.test_access import names_of


@pytest.fixture(autouse=True)
def nothing_counted():
    limits.limiter.cache_clear()
    yield
    limits.limiter.cache_clear()


def test_each_reader_has_limits_of_their_own(signed_in, settings):
    settings.REQUEST_LIMITS = {"pages": "2/minute", "files": "1/5 minutes"}
    first, second = signed_in("committee_member", language="en"), signed_in("committee_member", language="ko")
    page, file = reverse("oversight:explore"), reverse("subscriptions:list") + "?_export=csv"
    found = [first.get(address).status_code for address in (page, page, page, file, file)]
    assert found == [200, 200, 429, 200, 429]
    assert [second.get(address).status_code for address in (page, file)] == [200, 200]
    # Whatever costs little is never refused.
    assert [first.get(reverse("subscriptions:list")).status_code for _ in range(5)] == [200] * 5

    english, korean = first.get(file), second.get(file)
    wait = english.headers["Retry-After"]
    assert 1 <= int(wait) <= 300
    assert f"please wait {wait} seconds" in read(english).text
    assert 'lang="ko"' in korean.text

    settings.REQUEST_LIMITS = {}  # the control: without limits there are none
    assert first.get(page).status_code == 200


def test_the_views_that_are_limited_exist():
    assert (limits.COSTLY | limits.FILES) - set(names_of(get_resolver().url_patterns)) == set()


def test_a_request_that_is_too_large_is_not_read(client, settings):
    settings.LARGEST_REQUEST = 1024 * 1024
    sent = {"username": "x" * 1024 * 1024, "password": "x"}
    response = client.post(reverse("login"), sent)
    assert (response.status_code, "1 MB" in response.text) == (413, True)


@pytest.mark.django_db
def test_more_fields_than_any_form_has_are_refused(client):
    fields = {f"field{number}": "" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert client.post(reverse("login"), fields).status_code == 400


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


def test_web_processes_are_limited():
    """The server's entry point sets the limit; a command does not load it."""
    code = "from django.db.backends.signals import connection_created as c; print(len(c.receivers))"
    settings_of = {"DJANGO_SETTINGS_MODULE": "govtrack.settings.testing", "PATH": os.environ["PATH"]}
    for first, expected in (("import django; django.setup()", "0"), ("import govtrack.wsgi", "1")):
        command = [sys.executable, "-c", f"{first}\n{code}"]
        found = subprocess.run(command, env=settings_of, capture_output=True, text=True, timeout=60)
        assert found.stdout.strip() == expected, found.stderr
