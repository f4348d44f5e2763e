"""Limits: the size of a request, how often one reader may ask for what costs much; and where a statement's time is limited."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.urls import get_resolver, reverse

from govtrack import limits
from tests.access.addresses import names_of
from tests.pages import read


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


def test_files_that_are_sent_to_be_read_count_too(signed_in, settings):
    settings.REQUEST_LIMITS = {"files": "1/5 minutes"}
    client, page = signed_in("administrator", language="en"), reverse("subscriptions:imports")
    sent = [client.post(page, {"kind": "subscriptions", "file": ContentFile(b"", "a.csv")}) for _ in range(2)]
    assert [response.status_code for response in sent] == [200, 429]
    assert "You have taken or sent many files" in read(sent[1]).text
    assert [client.get(page).status_code for _ in range(3)] == [200] * 3


def test_the_views_that_are_limited_exist():
    assert (limits.COSTLY | limits.BEGIN_FILES | limits.READ_FILES) - set(
        names_of(get_resolver().url_patterns)
    ) == set()


def test_a_request_that_is_too_large_is_not_read(client, settings):
    settings.LARGEST_REQUEST = 1024 * 1024
    sent = {"username": "x" * 1024 * 1024, "password": "x"}
    response = client.post(reverse("account_login"), sent)
    assert (response.status_code, "1 MB" in response.text) == (413, True)


@pytest.mark.django_db
def test_more_fields_than_any_form_has_are_refused(client):
    fields = {f"field{number}": "" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert client.post(reverse("account_login"), fields).status_code == 400


def test_web_processes_are_limited():
    """The server's entry point sets the limit; a command does not load it."""
    code = "from django.db.backends.signals import connection_created as c; print(len(c.receivers))"
    settings_of = {"DJANGO_SETTINGS_MODULE": "govtrack.settings.testing", "PATH": os.environ["PATH"]}
    for first, expected in (("import django; django.setup()", "0"), ("import govtrack.wsgi", "1")):
        command = [sys.executable, "-c", f"{first}\n{code}"]
        found = subprocess.run(command, env=settings_of, capture_output=True, text=True, timeout=60)
        assert found.stdout.strip() == expected, found.stderr
