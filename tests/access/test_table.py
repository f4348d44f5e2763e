"""Who reaches which address: every URL against every role, the place of the object in the tree, and every method."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.template.backends.django import Template
from django.test import override_settings
from django.urls import include, path, resolve
from django.utils.safestring import SafeString

from tests import register
from tests.access.addresses import OF_TWO_COUNTRIES, PLAIN, Row, address_of, differences, without_position
from tests.access.objects import OBJECTS
from tests.access.rules import ANONYMOUS, ORDER, POSITIONS
from tests.access.world import Reader, make_agencies, make_people, make_unpublished, positions

pytestmark = pytest.mark.django_db

# Of what is tried beyond GET and POST of one's own agency's objects, a plain run takes one in so many.
ALL = bool(os.environ.get("EVERY_CASE"))
EVERY, EVERY_OTHER_METHOD = (1, 1) if ALL else (12, 48)
OTHER_METHODS = ("put", "patch", "delete", "options")


def test_every_url_is_listed():
    assert differences() == (set(), set())


def test_every_url_of_an_object_is_tried_in_each_position():
    assert without_position() == (set(), set())


@pytest.mark.parametrize(
    ("added", "noticed", "is_of_object"),
    [
        (path("forgotten/", lambda request: HttpResponse(), name="forgotten"), "forgotten", False),
        (path("forgotten/<int:pk>/", lambda request: HttpResponse()), "forgotten/<int:pk>/", True),
        (path("x/", include(([path("", lambda r: HttpResponse(), name="y")], "new"))), "new:y", False),
    ],
)
def test_an_unlisted_url_is_noticed(added: Any, noticed: str, is_of_object: bool):
    import govtrack.urls

    more = ModuleType("more_urls")
    more.urlpatterns = [*govtrack.urls.urlpatterns, added]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=more):
        assert differences() == ({noticed}, set())
        assert without_position() == ({noticed} if is_of_object else set(), set())


class World:
    """The register with its people signed in, and an agency's objects in each position."""

    def __init__(self) -> None:
        register.load(judged=True)
        make_agencies()
        people = make_people()
        make_unpublished()
        self.objects = dict(positions(people))
        self.readers = {title: Reader(people.get(title)) for title in ORDER}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once: each request is undone. Pages are not written out, which is what takes long, and says nothing of access."""
    with (
        django_db_blocker.unblock(),
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        made = World()
        patch.setattr(Template, "render", lambda *given, **context: SafeString(""))
        patch.setattr(logging.getLogger("django.request"), "disabled", True)
        yield made
        transaction.set_rollback(True)


class Case:
    """An address, what stands in it at a position, and what a title gets there by GET and by POST."""

    def __init__(self, row: Row, position: str, title: str) -> None:
        self.row, self.position, self.title = row, position, title
        if row in OBJECTS:
            answers = ["login" if title == ANONYMOUS else rule(title, position) for rule in OBJECTS[row]]
        else:
            both = OF_TWO_COUNTRIES.get(row, PLAIN[row])
            answers = [answers.split()[ORDER.index(title)] for answers in both]
        self.gets, self.posts = answers

    def __str__(self) -> str:
        return f"{self.title}, {self.position}: {self.row[0]} {' '.join(self.row[1])}"

    def tried(self, address: str) -> Iterator[tuple[str, set[str]]]:
        """Each method with what it may get; in a plain run only of some, but always GET and POST at home."""
        if self.position == "own" or self._is_chosen("get", EVERY):
            yield "get", {self.gets}
            yield "post", {self.posts}
        if self._is_chosen("head", EVERY_OTHER_METHOD):
            yield "head", {self.gets, self._refused(address)}
        for method in OTHER_METHODS:
            if self._is_chosen(method, EVERY_OTHER_METHOD):
                yield method, {self._refused(address)}

    def _refused(self, address: str) -> str:
        """A method that is not offered; who is not signed in is asked to, but where an address is open to anybody."""
        asks = getattr(resolve(address.partition("?")[0]).func, "login_required", True)
        return "login" if self.title == ANONYMOUS and asks else "405"

    def _is_chosen(self, method: str, every: int) -> bool:
        return zlib.crc32(f"{self} {method}".encode()) % every == 0


def cases(title: str) -> Iterator[Case]:
    for row in PLAIN:
        yield Case(row, "own", title)
    for row in OBJECTS:
        for position in POSITIONS:
            yield Case(row, position, title)


@pytest.mark.parametrize("title", ORDER)
def test_access(world: World, title: str, record_property: Any):
    wrong, count, reader = [], 0, world.readers[title]
    for case in cases(title):
        address = address_of(case.row, world.objects[case.position])
        for method, expected in case.tried(address):
            with transaction.atomic():  # each request meets the same state
                found = reader.ask(method, address)
                transaction.set_rollback(True)
            count += 1
            if found not in expected:
                wrong.append(f"{method} {case}: {found}, not {' or '.join(sorted(expected))}")
    record_property("cases", count)
    assert "\n".join(wrong) == ""
    assert "\n".join(reader.unprotected) == ""


def test_an_answer_without_its_headers_is_noticed(world: World, settings: Any):
    """The control: one source more in the policy, one header less, and what may be kept."""
    settings.CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "img-src": ["'self'", "data:"]}
    }
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.endswith(("private_pages", "kept_apart"))
    ]
    reader = Reader(world.readers["committee"].person)
    reader.ask("get", "/spending/")
    assert [fault.split(": ")[1] for fault in reader.unprotected] == [
        "Content-Security-Policy",
        "Cross-Origin-Resource-Policy",
        "Reporting-Endpoints",
        "Cache-Control",
    ]


def test_a_right_that_is_forgotten_is_noticed(world: World, monkeypatch: Any):
    """The control: without its check an address gives what the table does not allow."""
    monkeypatch.setattr("subscriptions.life_views.may_remove", lambda *given: True)
    reader = world.readers["approver"]
    row = ("subscriptions:remove-attachment", ("[attachment]",))
    assert Case(row, "own", "approver").gets == "403"
    assert reader.ask("get", address_of(row, world.objects["own"])) == "200"
