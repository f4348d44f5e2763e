"""Signing in: wrong attempts, second factors, how long sessions last, and acts that ask again who it is."""

import time
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings as site
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, OperationalError
from django.test import Client

from agencies.models import User
from agencies.signing_in.session_limits import SEEN, STARTED, end_sessions

PASSWORD = "a long enough word"
LOGIN = "/accounts/login/"
KEY = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


@pytest.fixture
def officer(make_user: Any) -> User:
    return with_password(make_user("policy_officer", "KR", username="officer"))


@pytest.fixture
def administrator(make_user: Any) -> User:
    return with_password(make_user("administrator", "KR-49", username="jeju"))


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(user: str = "jeju", password: str = PASSWORD, client: Client | None = None, **extra: Any) -> Any:
    return (client or Client()).post(LOGIN, {"login": user, "password": password}, **extra)


def code(key: str = KEY) -> str:
    return format_hotp_value(hotp_value(key, list(yield_hotp_counters_from_time())[1]))


def told(response: Any) -> list[str]:
    return [str(error) for error in response.context["form"].non_field_errors()]


def test_an_unknown_account_answers_as_a_wrong_password_does(administrator: User) -> None:
    wrong, unknown = sign_in(password="x"), sign_in("nobody", "x")
    assert wrong.status_code == unknown.status_code == 200
    assert told(wrong) == told(unknown) != []
    administrator.is_active = False
    administrator.save()
    assert told(sign_in(password="x")) == told(wrong)


def test_wrong_attempts_for_one_account_are_throttled(settings: Any, administrator: User) -> None:
    def attempts() -> str:
        for number in range(3):
            sign_in(password="x", REMOTE_ADDR=f"10.0.0.{number}")
        answer = sign_in(REMOTE_ADDR="10.0.0.9")
        return "in" if answer.status_code == 302 else "throttled"

    assert attempts() == "in"  # the control: no limit is set
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/key"}
    assert attempts() == "throttled"
    assert sign_in("somebody-else").status_code == 200
    # Neither another spelling nor the port of the host is another account.
    cache.clear()
    for number, name in enumerate(["jeju", "JEJU", "jEju"]):
        sign_in(name, "x", HTTP_HOST=f"testserver:{8000 + number}")
    assert sign_in(HTTP_HOST="testserver:9000").status_code == 200


@pytest.mark.parametrize(("proxies", "answer"), [(0, 429), (1, 200)])
def test_wrong_attempts_from_one_address_are_throttled(
    settings: Any, administrator: User, proxies: int, answer: int
) -> None:
    """What X-Forwarded-For claims counts only where that many proxies of ours are in front."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "3/m/ip"}
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    for number in range(4):
        last = sign_in(f"name-{number}", "x", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    assert last.status_code == answer
    for _number in range(4):
        last = sign_in("name", "x", HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.77")
    assert last.status_code == 429


def test_the_administration_is_entered_by_the_same_door(make_user: Any) -> None:
    with_password(make_user("sysadmin", username="root"))
    answer = Client().get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next=%2Fadmin%2F")
    assert Client().post("/admin/login/", {"username": "root", "password": PASSWORD}).status_code == 302
    assert "_auth_user_id" not in Client().session


def test_who_must_have_a_second_factor_sets_it_up_first(settings: Any, officer: User) -> None:
    client = Client()
    assert sign_in("officer", client=client).status_code == 302
    assert client.get("/policies/").status_code == 200  # the control: not required here
    settings.SECOND_FACTOR_REQUIRED = True
    answer = client.get("/policies/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/second-factor/totp/activate/")
    page = client.get(answer["Location"])
    key = page.context["form"].secret
    wrong = client.post(answer["Location"], {"code": "000000"})
    assert wrong.status_code == 200
    done = client.post(answer["Location"], {"code": code(key)})
    assert done["Location"] == "/accounts/second-factor/recovery-codes/"
    assert client.get("/policies/").status_code == 200
    kept = Authenticator.objects.get(user=officer, type="totp").data["secret"]
    assert key not in kept  # encrypted


def test_the_second_factor_is_asked_for(officer: User) -> None:
    TOTP.activate(officer, KEY)
    client = Client()
    answer = sign_in("officer", client=client)
    assert answer["Location"].startswith("/accounts/second-factor/authenticate/")
    assert client.get("/policies/").status_code == 302  # the password alone is not enough
    assert client.post(answer["Location"], {"code": "000000"}).status_code == 200
    assert client.post(answer["Location"], {"code": code()}).status_code == 302
    assert client.get("/policies/").status_code == 200


def test_what_was_begun_before_a_new_password_or_a_closing_is_not_finished(officer: User) -> None:
    """The code alone, when the password that was given before it counts no more, lets nobody in."""
    TOTP.activate(officer, KEY)
    for change, undo in (
        ({"password": make_password("another long word")}, {"password": officer.password}),
        ({"is_active": False}, {"is_active": True}),
    ):
        client = Client()
        page = sign_in("officer", client=client)["Location"]
        User.objects.filter(pk=officer.pk).update(**change)
        assert client.post(page, {"code": code()})["Location"] == LOGIN
        User.objects.filter(pk=officer.pk).update(**undo)
        assert client.get("/policies/").status_code == 302
        cache.clear()  # a code counts once
        assert client.get(page)["Location"] == LOGIN
        page = sign_in("officer", client=client)["Location"]
        assert client.post(page, {"code": code()})["Location"] == "/"
        cache.clear()


@pytest.mark.parametrize(
    ("started", "seen", "stays"),
    [(0, 0, True), (11 * 3600, 59 * 60, True), (0, 61 * 60, False), (12 * 3600 + 1, 0, False)],
)
def test_sessions_end(administrator: User, started: int, seen: int, stays: bool) -> None:
    client = Client()
    sign_in(client=client)
    session = client.session
    session[STARTED], session[SEEN] = int(time.time()) - started, int(time.time()) - seen
    session.save()
    assert (client.get("/").status_code == 200) is stays


@pytest.mark.parametrize(
    ("error", "status", "tries"),
    [
        (OperationalError("database or disk is full"), 200, 1),
        (DatabaseError("Save with force_update did not affect any rows."), 400, 2),  # ended meanwhile
    ],
)
def test_who_reads_goes_on_where_no_session_can_be_saved(
    administrator: User, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, tries: int
) -> None:
    client, tried = Client(), []
    client.force_login(administrator)
    session = client.session
    session[SEEN] = int(time.time()) - 100
    session.save()

    def save(*args: Any, **kwargs: Any) -> None:
        tried.append(1)
        try:
            raise error
        except DatabaseError:
            raise UpdateError  # noqa: B904  as Django does

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", save)
    assert client.get("/subscriptions/").status_code == status
    assert len(tried) == tries


def test_signing_in_begins_a_new_session(administrator: User) -> None:
    """Whoever planted a session before, or knows one of before, is not signed in with it."""
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    assert sign_in(client=client).status_code == 302
    first = client.session.session_key
    assert (first != planted, len(first)) == (True, 32)
    client.post("/accounts/logout/")
    sign_in(client=client)
    assert client.session.session_key not in (first, planted)
    for old in (planted, first):
        other = Client()
        other.cookies[site.SESSION_COOKIE_NAME] = old
        assert other.get("/").status_code == 302


def test_signing_out_ends_the_session(administrator: User) -> None:
    """Not only the browser's cookie: whoever kept that is let in no more."""
    client, kept = Client(), Client()
    sign_in(client=client)
    kept.cookies = SimpleCookie(client.cookies.output(header="", sep=";"))
    assert kept.get("/").status_code == 200  # the control
    key = client.session.session_key
    assert client.post("/accounts/logout/").status_code == 302
    assert (client.get("/").status_code, kept.get("/").status_code) == (302, 302)
    assert not Session.objects.filter(session_key=key).exists()


def test_sessions_are_listed_and_the_others_signed_out(administrator: User) -> None:
    here, there = Client(HTTP_USER_AGENT="Here"), Client(HTTP_USER_AGENT="There")
    for client in (here, there):
        sign_in(client=client)
    page = here.get("/accounts/sessions/").content.decode()
    assert "Here" in page
    assert "There" in page
    here.post("/accounts/sessions/")
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    end_sessions(administrator.pk)
    assert here.get("/").status_code == 302
