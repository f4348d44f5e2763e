"""Every address that redirects: whatever it is asked for, it leads nowhere but to this site."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client, override_settings
from django.urls import path, reverse

from agencies.models import User
from tests.access.addresses import ADDRESSES
from tests.access.rules import ORDER
from tests.access.world import client_of, people, world  # noqa: F401

AWAY = [
    "https://evil.example/",
    "//evil.example/x",
    "/\\evil.example",
    "https:evil.example",
    "///evil.example",
    "\thttps://evil.example",
    "javascript:alert(1)",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
]
NAMES = ("next", "url", "return", "back", "redirect", "redirect_to", "page", "query")


def leads_away(response: HttpResponse) -> bool:
    """Whether a browser would leave the site."""
    address = response.headers.get("Location", "")
    parts = urlsplit(address.strip().replace("\\", "/"))
    return (
        parts.scheme not in ("", "http") or parts.netloc not in ("", "testserver") or address.startswith("//")
    )


def asked(client: Client, method: str, address: str, away: str) -> HttpResponse:
    """The answer to a request that names another site wherever it can."""
    names = dict.fromkeys(NAMES, away)
    headers = {"Referer": away, "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    if method == "post":
        return client.post(address, names, query_params=names, headers=headers)
    return client.get(address, names, headers=headers)


def test_no_address_leads_to_another_site(world: dict[str, str], people: dict[str, Any]):  # noqa: F811
    wrong, redirects, number = [], 0, 0
    for (name, arguments), answers in ADDRESSES.items():
        address = reverse(name, args=[world.get(argument, argument) for argument in arguments])
        for method, row in zip(("get", "post"), answers, strict=True):
            # As somebody who is redirected, if anybody is. Pages that are only read: see test_fuzz.py.
            found = row.split()
            if "302" not in found and (method == "get" or "200" not in found):
                continue
            title = ORDER[found.index("302") if "302" in found else -1]
            number += 1
            with transaction.atomic():
                response = asked(client_of(people, title), method, address, AWAY[number % len(AWAY)])
                transaction.set_rollback(True)
            redirects += response.status_code == 302
            if leads_away(response):
                wrong.append(f"{method} {name}: {response.headers['Location']}")
    assert wrong == []
    assert redirects > 5


@pytest.mark.django_db
@pytest.mark.parametrize("away", AWAY)
def test_signing_in_and_out_and_the_switch_stay_here(client: Client, away: str):
    User.objects.create_user("jeju", password="correct-horse-9")
    for address, sent in (
        ("/accounts/login/", {"username": "jeju", "password": "correct-horse-9"}),
        ("/i18n/setlang/", {"language": "en"}),
        ("/accounts/logout/", {}),
        ("/admin/login/", {"username": "jeju", "password": "correct-horse-9"}),
    ):
        response = client.post(f"{address}", {**sent, "next": away}, headers={"Referer": away})
        assert not leads_away(response), (address, response.headers["Location"])


@pytest.mark.parametrize("odd", ["a b", "home", "subscriptions:list", "a\0b", "?x", "x" * 5000])
def test_what_is_no_address_leads_to_the_usual_page(signed_in: Any, odd: str):
    client = signed_in("policy_officer")
    assert client.post("/views/save/", {"next": odd}).headers["Location"] == "/"
    assert client.post("/notices/read/", {"next": odd}).headers["Location"] == "/notices/"


@login_not_required
def follows(request: Any) -> HttpResponse:
    return HttpResponseRedirect(request.GET.get("next") or request.headers["Referer"])


@pytest.mark.django_db
@pytest.mark.parametrize("away", AWAY[:2] + AWAY[-2:])
def test_a_view_that_leads_away_is_noticed(client: Client, away: str):  # the control
    more = ModuleType("leading_urls")
    more.urlpatterns = [path("follows/", follows)]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=more, MIDDLEWARE=[]):
        assert leads_away(client.get("/follows/", {"next": away}))
