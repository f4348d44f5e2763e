"""Log lines: each names its request, and none holds a secret, whatever broke."""

import io
import json
import logging
import re
from types import ModuleType

import pytest
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.urls import path, reverse

import govtrack.urls
from govtrack import logs

PASSWORD = "correct-horse-battery-9"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.payload"


@login_not_required
def broken(request):
    """Breaks in the ways in which values get into messages."""
    logging.getLogger("govtrack").warning("Headers: %s", dict(request.headers))
    logging.getLogger("govtrack").warning("Sent: %s, %s", request.POST, request.COOKIES)
    raise RuntimeError(
        f"password={request.POST['password']} for key (session_key)=({request.COOKIES[settings.SESSION_COOKIE_NAME]})"
        f" at postgres://govtrack:{PASSWORD}@db.example/x with {settings.SECRET_KEY}"
    )


@pytest.fixture
def lines():
    """What is logged as JSON by everything, the least important included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Json())
    watched = [logging.getLogger(name) for name in ("", "django", "govtrack.requests")]
    levels = [logger.level for logger in watched]
    for logger in watched:
        logger.setLevel(logging.DEBUG)
    for logger in watched[:2]:
        logger.addHandler(handler)
    yield stream
    for logger, level in zip(watched, levels, strict=True):
        logger.setLevel(level)
        logger.removeHandler(handler)


def break_something(make_user):
    """A wrong and a right sign-in, then a page that breaks; the secrets that took part."""
    more = ModuleType("broken_urls")
    more.urlpatterns = [*govtrack.urls.urlpatterns, path("broken/", broken, name="broken")]
    more.handler500 = govtrack.urls.handler500
    make_user("administrator", "KR-49", username="jeju")
    from agencies.models import User

    user = User.objects.get(username="jeju")
    user.set_password(PASSWORD)
    user.save()
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF=more):
        for password in ("wrong-" + PASSWORD, PASSWORD):
            client.post(reverse("account_login"), {"login": "jeju", "password": password})
        authorization = {"Authorization": f"Bearer {TOKEN}"}
        response = client.post("/broken/?token=" + TOKEN, {"password": PASSWORD}, headers=authorization)
    return response, [PASSWORD, TOKEN, settings.SECRET_KEY, Session.objects.get().session_key]


@pytest.mark.django_db
def test_no_secret_is_logged(make_user, lines):
    response, secrets = break_something(make_user)
    logged = lines.getvalue()
    assert [secret for secret in secrets if secret in logged] == []
    entries = [json.loads(line) for line in logged.splitlines()]
    (failed,) = [entry for entry in entries if "RuntimeError" in entry.get("traceback", "")]
    # The page tells the number under which the log has it.
    assert failed["request"] == response.headers[logs.HEADER]
    assert (response.status_code, failed["request"] in response.text) == (500, True)
    told = [entry for entry in entries if entry["logger"] == "govtrack.requests"]
    assert [(entry["method"], entry["view"], entry["status"]) for entry in told] == [
        ("POST", "account_login", 200),
        ("POST", "account_login", 302),
        ("POST", "broken", 500),
    ]


@pytest.mark.django_db
def test_what_is_refused_is_logged_with_the_account(make_user, signed_in, lines):
    user = make_user("approver", "KR-49")
    client = signed_in(user=user)
    for status, answer in (
        (404, client.get("/subscriptions/no-such/")),
        (403, client.get("/people/invite/")),
        (405, client.put("/subscriptions/")),
        (200, client.get("/subscriptions/")),
        (404, Client().get("/no-such-page/")),
    ):
        assert answer.status_code == status
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    found = [(one["status"], one.get("account")) for one in told if one["logger"] == "govtrack.requests"]
    assert found == [(404, user.pk), (403, user.pk), (405, user.pk), (200, None), (404, None)]


@pytest.mark.django_db
def test_an_address_that_is_a_key_is_not_logged(make_user, lines):
    """Django names the address of what it refuses: an invitation's, or that of a new password, still lets somebody in."""
    from agencies.invitations import invite
    from agencies.models import Agency

    jeju = make_user("administrator", "KR-49")
    token = invite("Kim", Agency.objects.get(code="KR-49"), "approver", by=jeju)[1]
    person = logging.StreamHandler(io.StringIO())
    person.setFormatter(logs.Line())
    logging.getLogger("django").addHandler(person)
    try:
        refused = [
            Client(enforce_csrf_checks=True).post(f"/invitations/{token}/", {"username": "x"}),
            Client().put(f"/invitations/{token}/"),
            Client().get(f"/invitations/{token}/\u00e9"),
        ]
    finally:
        logging.getLogger("django").removeHandler(person)
    said = lines.getvalue(), person.stream.getvalue()
    assert [answer.status_code for answer in refused] == [403, 405, 404]
    assert Client().get(f"/invitations/{token}/").status_code == 200
    for written in said:
        assert token not in written
        assert "Forbidden (CSRF cookie not set.): agencies:accept" in written
        assert "Not Found: no page" in written


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["%s", "%", "%(x)s"])
def test_what_somebody_sends_keeps_no_line_out_of_the_log(lines, sent):
    """The message of what is refused holds it; it is no pattern."""
    host = f"evil{sent}.example"
    assert Client().get("/people/", headers={"host": host}).status_code == 400
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    (line,) = [one for one in told if one["logger"] == "django.security.DisallowedHost"]
    assert host in line["message"]


def test_without_the_guard_every_secret_is_logged(make_user, lines, monkeypatch):  # the control
    monkeypatch.setattr(logs, "without_secrets", lambda text, known=(): text)
    _response, secrets = break_something(make_user)
    assert [secret for secret in secrets if secret not in lines.getvalue()] == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("password=hunter22", "password=[secret]"),
        ('{"password": "two words", "name": "Kim"}', '{"password": [secret], "name": "Kim"}'),
        ("{'csrfmiddlewaretoken': ['abc'], 'q': ['x']}", "{'csrfmiddlewaretoken': [secret], 'q': ['x']}"),
        ("Authorization: Basic YWxhZGRpbjpv", "Authorization: Basic [secret]"),
        ("Cookie: sessionid=abc; language=ko", "Cookie: [secret]; language=ko"),
        ("Key (session_key)=(abc) already exists", "Key (session_key)=([secret]) already exists"),
        ("sent Bearer abcdefgh.ijk to", "sent Bearer [secret] to"),
        ("postgres://u:p4ss@db:5432/x", "postgres://u:[secret]@db:5432/x"),
        ("The password is wrong.", "The password is wrong."),
        ("비밀 known-value-1 없음", "비밀 [secret] 없음"),
    ],
)
def test_what_is_taken_for_a_secret(text, written):
    assert logs.without_secrets(text, ["known-value-1"]) == written


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("7f3c2a10-9b4e-4c1e-8f7a-0d5b1c2e3f4a", True),
        ("", False),
        ("short", False),
        ("x" * 65, False),
        ("abcdefgh<script>", False),
        ("abcdefgh\nforged", False),
        ("../../../etc/passwd", False),
    ],
)
def test_a_number_is_accepted_only_when_well_formed(client, given, kept):
    number = client.get("/no-such-page/", headers={logs.HEADER: given}).headers[logs.HEADER]
    assert (number == given) is kept
    assert kept or re.fullmatch(r"[0-9a-f]{32}", number)


def test_error_pages_tell_the_number(signed_in):
    client = signed_in("administrator", "KR-49")
    client.handler.enforce_csrf_checks = True
    pages = {
        403: client.post("/subscriptions/new/"),
        404: client.get("/subscriptions/no-such-one/"),
    }
    client.handler.enforce_csrf_checks = False
    pages[400] = client.post("/subscriptions/new/", {f"field{n}": "" for n in range(1001)})
    for status, page in pages.items():
        assert (page.status_code, page.headers[logs.HEADER] in page.text) == (status, True)


def test_a_line_for_a_person_stays_one_line():
    record = logging.LogRecord("x", logging.WARNING, "", 0, "a\nforged token=%s", ("abc",), None)
    assert logs.Line().format(record).split(" WARNING ")[1].startswith("x a\\nforged token=[secret]")


def test_a_long_message_is_cut_in_short_time():
    assert len(logs.without_secrets("token" * 1_000_000)) < logs.LONGEST + 10
