"""What all tests share: the report's data, people with roles, languages, and a watched browser."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from tests import chromium, register

# A person's runs look for new examples; before a change is taken in, the same ones judge every change.
CI = os.environ.get("CI", "").lower() == "true"
hypothesis.settings.register_profile("govtrack", deadline=None, print_blob=True, derandomize=CI)
hypothesis.settings.load_profile("govtrack")


def pytest_configure(config: pytest.Config) -> None:
    # Playwright's loop runs in the test's own thread, where Django would then refuse the database.
    if "browser" in (config.option.markexpr or "") and not config.option.markexpr.startswith("not"):
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session", autouse=True)
def tables_with_triggers_can_be_emptied() -> Iterator[None]:
    """Tests in several transactions empty all tables at their end, which on SQLite deletes rows: without the triggers there."""
    from django.db.backends.sqlite3.base import DatabaseOperations

    flush = DatabaseOperations.sql_flush

    def without_triggers(self: Any, *args: Any, **options: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                " AND (name LIKE '%append_only%' OR name LIKE 'tally_%')"
            )
            triggers = cursor.fetchall()
        drops = [f"DROP TRIGGER {self.quote_name(name)}" for name, _sql in triggers]
        return [*drops, *flush(self, *args, **options), *(sql for _name, sql in triggers)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", without_triggers)
        yield


@pytest.fixture(autouse=True)
def korean() -> Iterator[None]:
    """Every test starts in the default language, whatever the one before it left behind."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture
def in_english() -> Iterator[None]:
    """The code under test runs in English (a client's pages follow its cookie instead: see `speak`)."""
    with translation.override("en"):
        yield


@pytest.fixture
def report_data(db: None) -> None:
    """The register as a new deployment loads it: the report, its policies and the subscriptions it tells of."""
    register.load()


@pytest.fixture
def cases(record_property: Callable[[str, Any], None]) -> Iterator[list[int]]:
    """How many cases a test tried, one entry each, for the table of `make audit`."""
    count: list[int] = []
    yield count
    record_property("cases", len(count))


@pytest.fixture
def history_agrees(db: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """After the test every tracked record is as its last history says: nothing was written past it, but by tests that say so."""
    from audit.agreement import disagreements

    yield
    if not request.node.get_closest_marker("past_history"):
        assert list(disagreements()) == []


@pytest.fixture
def make_agency(db: None) -> Callable[..., Any]:
    """`make_agency("KR-49", parent="KR")`: that agency, created with what it must have if it is not there."""
    from agencies.models import Agency

    def make(code: str = "KR", parent: str | None = "KR", **fields: Any) -> Agency:
        agency = Agency.objects.filter(code=code).first()
        if agency:
            return agency
        above = make(parent) if parent and code != parent else None
        names = {
            f"{form}_{language}": f"{code} {form} {language}"
            for form in ("name", "short")
            for language in ("ko", "en")
        }
        kind = Agency.Kind.PROVINCE if above else Agency.Kind.NATION
        return Agency.objects.create(**{"code": code, "parent": above, "kind": kind, **names, **fields})

    return make


@pytest.fixture
def make_user(make_agency: Callable[..., Any]) -> Callable[..., Any]:
    """`make_user("administrator", "KR-49")`: a person with that role at that agency; without a role, with none.

    The role "sysadmin" is a superuser.
    """
    from agencies.models import Membership, User

    def make(role: str | None = None, agency_code: str | None = None, **fields: Any) -> User:
        username = (
            fields.pop("username", None)
            or f"{role or 'nobody'}-{agency_code or 'none'}-{User.objects.count()}"
        )
        superuser = role == "sysadmin"
        user = User(username=username, is_staff=superuser, is_superuser=superuser, **fields)
        user.set_unusable_password()
        user.save()
        if role and not superuser:
            Membership.objects.create(user=user, role=role, agency=make_agency(agency_code or "KR"))
        return user

    return make


@pytest.fixture
def speak() -> Callable[[Client, str], Client]:
    """`speak(client, "en")`: the client as a reader who chose that language."""

    def speaking(client: Client, language: str) -> Client:
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        return client

    return speaking


@pytest.fixture
def signed_in(make_user: Callable[..., Any], speak: Callable[[Client, str], Client]) -> Callable[..., Client]:
    """`signed_in("administrator", "KR-49", language="en")`: a client of such a person, who is `client.user`."""

    def sign_in(
        role: str | None = None, agency_code: str | None = None, language: str = "ko", user: Any = None
    ) -> Client:
        client = Client()
        client.user = user or make_user(role, agency_code)
        client.force_login(client.user)
        return speak(client, language)

    return sign_in


# In the browser: for tests marked with `pytest.mark.browser`.


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    found = chromium.executable()
    if found is None:
        pytest.skip("no Chromium on this machine")
    return {**browser_type_launch_args, "executable_path": found, "args": chromium.ARGUMENTS}


@pytest.fixture(scope="session")
def base_url(live_server: Any) -> str:
    """`page.goto("/spending/")` opens the site under test."""
    return str(live_server.url)


@pytest.fixture
def watch(base_url: str) -> chromium.Watch:
    """What the page of this test did wrong so far; `browser_page` looks at it when the test ends."""
    return chromium.Watch(host=base_url.removeprefix("http://"))


@pytest.fixture
def browser_page(transactional_db: None, page: Any, watch: chromium.Watch) -> Iterator[Any]:
    """Playwright's page on the live server. The test fails if it asks another host for anything or logs an error."""
    watch.of(page)
    yield page
    assert (watch.foreign, watch.console) == ([], [])


@pytest.fixture
def sign_in(base_url: str) -> Callable[..., None]:
    """`sign_in(page, user, language="en")`: the page's next request is that user's, in that language."""

    def sign_in(page: Any, user: Any, language: str = "ko") -> None:
        client = Client()
        client.force_login(user)
        cookies = {
            settings.SESSION_COOKIE_NAME: client.session.session_key,
            settings.LANGUAGE_COOKIE_NAME: language,
        }
        page.context.add_cookies(
            [{"name": name, "value": value, "url": base_url} for name, value in cookies.items()]
        )

    return sign_in


@pytest.fixture
def axe(watch: chromium.Watch) -> Callable[..., None]:
    """`axe(page)`: the page as it stands has no fault that axe can find, outside the selectors in `exclude`."""

    def check(page: Any, exclude: list[str] | None = None) -> None:
        assert chromium.violations(page, watch, exclude or []) == []

    return check
