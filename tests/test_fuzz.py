"""Anything at all, sent to any address under any name it listens to: nothing breaks, is reflected, leads away or takes long."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import pytest
from django import get_version
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.urls import NoReverseMatch, path, reverse
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st

from tests.access.addresses import ADDRESSES
from tests.access.world import client_of, people, world  # noqa: F401
from tests.answers import misunderstood, unprotected, versions_in
from tests.examples import MANY, examples
from tests.test_redirects import AWAY, leads_away

# What would be an element if a page wrote it as it came.
MARK = "<zq"
MARKUP = ["\"><zq src=x onerror='alert(1)'>", "</title><zq>", "<ZQ/", "'-\"<zq>", "{{7*7}}<zq>", "<!--<zq"]
ODD = [
    "", "\0", "a\0b", "-1", "0", "1", "1e9", "1e309", "9" * 40, "-" + "9" * 20, "NaN", "Infinity", "²", "١", "0x10",
    "true", "None", "x" * 3000, "가" * 3000, "0001-01-01", "9999-12-31", "2026-02-30", "2026-01-01", "stated",
    "KR-49", "KR-11", "chatgpt", "deepseek", "' OR 1=1 --", "1; DROP TABLE agencies_user", "%", "_", "\\", "%s",
    "%(x)s", "{}", "{0.__class__}", "${7*7}", "../../etc/passwd", "\r\nSet-Cookie: a=b", "\u202e", "\u200b", "\ufeff",
    "🇰🇷", "e\u0301", "[]", "{\"a\": [1]}", "on", "csv", "xlsx", "json", "USD", "active", "sort,-sort", "agency",
    "-agency", *MARKUP, *AWAY,
]  # fmt: skip
ODD_NUMBERS = ("9" * 40, "²", "9" * 5000)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ANYTHING = st.sampled_from(ODD) | TEXT | st.integers().map(str) | st.floats().map(str) | st.dates().map(str)
TITLES = ("administrator", "sysadmin", "officer", "committee", "approver", "anonymous")
SLOW = 3.0  # seconds of one statement, on a machine that does other things too

# Rows of the table of addresses, and the lists and forms of the Django admin.
ROWS: list[tuple[str, tuple[str, ...]]] = [row for row in ADDRESSES if row[0] != "account_logout"]
ROWS += [
    (f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", ())
    for model in admin.site._registry
    for page in ("changelist", "add")
]


class Listening:
    """The names that each address asks for, by method; found by asking once and watching."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.found: dict[tuple[str, str], dict[str, bool]] = {}
        self.now: dict[str, bool] | None = None
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            self.watch(patch, method)

    def watch(self, patch: pytest.MonkeyPatch, method: str) -> None:
        inner = getattr(MultiValueDict, method)

        def watched(values: Any, name: Any, *rest: Any, **options: Any) -> Any:
            if self.now is not None and isinstance(name, str):
                self.now.setdefault(name, not isinstance(values, QueryDict))
            return inner(values, name, *rest, **options)

        patch.setattr(MultiValueDict, method, watched, raising=False)

    def names(self, client: Client, method: str, address: str) -> dict[str, bool]:
        """Each name that the address listens to; True where it wants a file."""
        key = (method, address)
        if key not in self.found:
            self.now = {}
            request(client, method, address, {})
            self.found[key], self.now = self.now, None
        return self.found[key]


def request(client: Client, method: str, address: str, sent: dict[str, Any]) -> tuple[HttpResponse, str]:
    """The answer and its text; what it wrote is taken back."""
    with transaction.atomic():
        response = getattr(client, method)(address, sent)
        body = b"".join(response) if response.streaming else response.content
        transaction.set_rollback(True)
    return response, body.decode(errors="replace")


def faults_of(response: HttpResponse, text: str) -> list[str]:
    """What is wrong with an answer, whatever was asked."""
    found = []
    if response.status_code >= 500:
        found.append(f"status {response.status_code}")
    if response.headers.get("Content-Type", "").startswith("text/html") and MARK in text.lower():
        at = text.lower().index(MARK)
        found.append(f"markup: {text[max(0, at - 60) : at + 60]}")
    if leads_away(response):
        found.append(f"leads to {response.headers['Location']}")
    body = text.encode()
    return [*found, *unprotected(response), *misunderstood(response, body), *versions_in(response, body)]


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return Listening(monkeypatch)


@pytest.fixture
def clients(people: dict[str, Any]) -> dict[str, Client]:  # noqa: F811
    return {title: client_of(people, title) for title in TITLES}


# What django-tables2 says of a dot in `?sort=`; such an order is left out, and nothing is shown.
@pytest.mark.filterwarnings("ignore:Use '__' to separate path components:DeprecationWarning")
@examples(70)
@given(
    row=st.sampled_from(ROWS),
    method=st.sampled_from(["get", "post"]),
    title=st.sampled_from(TITLES),
    values=st.lists(ANYTHING, min_size=1, max_size=6),
    argument=st.none() | ANYTHING,
    seed=st.integers(0, 2**32),
)
def test_nothing_breaks_the_site(
    world: dict[str, str],  # noqa: F811
    clients: dict[str, Client],
    listening: Listening,
    cases: list[int],
    row: tuple[str, tuple[str, ...]],
    method: str,
    title: str,
    values: list[str],
    argument: str | None,
    seed: int,
):
    name, arguments = row
    client, random = clients["sysadmin" if name.startswith("admin:") else title], Random(seed)
    real = [world.get(one, one) for one in arguments]
    address = reverse(name, args=real)
    if argument and real and random.random() < 0.3:
        try:
            address = reverse(name, args=[*real[:-1], argument])
        except NoReverseMatch:
            address = f"{address.rstrip('/')}{argument}/".split("?")[0].replace("#", "")
    wanted = listening.names(client, method, address)
    sent: dict[str, Any] = {}
    for value in values:
        key = random.choice([*wanted, "anything"]) if random.random() < 0.95 else value
        sent[key] = SimpleUploadedFile("a.csv", value.encode()) if wanted.get(key) else value
    slowest = 0.0

    def timed(execute: Any, *of: Any) -> Any:
        nonlocal slowest
        started = time.monotonic()
        try:
            return execute(*of)
        finally:
            slowest = max(slowest, time.monotonic() - started)

    with connection.execute_wrapper(timed):
        response, text = request(client, method, address, sent)
    cases.append(1)
    found = faults_of(response, text)
    if slowest > SLOW:
        found.append(f"a statement of {slowest:.1f} s")
    assert found == [], (method, address, title, sent)


def test_no_name_breaks_by_an_odd_number(
    world: dict[str, str],  # noqa: F811
    clients: dict[str, Client],
    listening: Listening,
    cases: list[int],
):
    """Every name that an address listens to, in turn: chance comes to few of them. A short run tries a part of the addresses."""
    client, found = clients["sysadmin"], []
    client.raise_request_exception = False  # every fault is told, not the first alone
    for name, arguments in ROWS if MANY else ROWS[::60]:
        address = reverse(name, args=[world.get(one, one) for one in arguments])
        for method in ("get", "post"):
            for wanted, is_file in listening.names(client, method, address).items():
                for odd in () if is_file else ODD_NUMBERS:
                    response, text = request(client, method, address, {wanted: odd})
                    cases.append(1)
                    found += [
                        (method, address, wanted, odd[:50], fault) for fault in faults_of(response, text)
                    ]
    assert found == []


def echo(request: Any) -> HttpResponse:
    if "away" in request.GET:
        return HttpResponse(status=302, headers={"Location": request.GET["away"]})
    status = 500 if request.GET.get("broken") else 200
    return HttpResponse(request.GET.get("q", ""), status=status)


@pytest.mark.django_db
def test_what_is_wrong_is_noticed(settings: Any, monkeypatch: pytest.MonkeyPatch):  # the control
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("echo/", echo)]})
    outermost = {"kept_apart", "SecurityMiddleware", "CSPMiddleware", "XFrameOptionsMiddleware"}
    whole = settings.MIDDLEWARE
    settings.MIDDLEWARE = [name for name in whole if name.rpartition(".")[2] in outermost]
    client, listening = Client(), Listening(monkeypatch)
    assert listening.names(client, "get", "/echo/") == {"away": False, "broken": False, "q": False}

    def faults(**sent: str) -> list[str]:
        return faults_of(*request(client, "get", "/echo/", sent))

    assert faults(q="plain") == []
    assert [len(faults(q=markup)) for markup in MARKUP] == [1] * len(MARKUP)
    assert faults(broken="1") == ["status 500"]
    assert faults(away=AWAY[0]) == [f"leads to {AWAY[0]}"]
    assert faults(q='{"a": 1}') == ["JSON as a page"]
    assert faults(q=f"Django/{get_version()}") == [f"Django/{get_version()}"]
    for name in outermost:
        settings.MIDDLEWARE = [one for one in whole if one.rpartition(".")[2] in outermost - {name}]
        assert faults_of(*request(Client(), "get", "/echo/", {})) != [], name
