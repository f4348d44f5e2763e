"""What no answer tells. Files: tests/audit/test_exports.py; headers of every address: tests/access/test_table.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from tests.answers import misunderstood, versions_in


def asked(client: Client, address: str) -> tuple[HttpResponse, bytes]:
    response: Any = client.get(address)
    return response, b"".join(response) if response.streaming else response.content


@pytest.mark.django_db
def test_what_an_answer_must_not_be_is_noticed(client: Client, settings: Any):  # the control
    def page(request: Any) -> HttpResponse:
        return HttpResponse('{"a": 1}', headers={"Server": "Python/3"})

    def data(request: Any) -> HttpResponse:
        return JsonResponse({"a": 1})

    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("page/", page), path("data/", data)]})
    settings.MIDDLEWARE = []
    page_, body = asked(client, "/page/")
    assert (misunderstood(page_, body), versions_in(page_, body)) == (["JSON as a page"], ["Server"])
    assert misunderstood(*asked(client, "/data/")) == ["application/json to be shown"]


@pytest.mark.django_db
def test_nothing_is_listed_and_no_version_told(client: Client):
    """No folder shows what is in it, no error names what there is, and nothing names its software."""
    folders = (
        "/static/",
        "/static/govtrack/",
        "/media/",
        "/exports/",
        "/attachments/",
        "/imports/",
        "/.env",
        "/.git/config",
    )
    for address in (
        *folders,
        "/no-such-page/",
        "/accounts/login/",
        "/healthz",
        "/readyz",
        "/static/govtrack/img/mark.svg",
    ):
        response, body = asked(client, address)
        response.close()
        assert versions_in(response, body) == [], address
        if address in folders:
            assert response.status_code in (302, 404), address  # to the page for signing in
            assert b"Index of" not in body
    lost = client.get("/no-such-page/").text
    assert [
        word for word in ("urlpatterns", "^", "URLconf", "Traceback", str(settings.BASE_DIR)) if word in lost
    ] == []


def test_the_server_names_no_version():
    """What stands in its `Server` header."""
    from gunicorn.http.wsgi import SERVER

    assert SERVER == "gunicorn"
