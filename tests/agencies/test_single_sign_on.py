"""Single sign-on against a provider on this machine: who is let in, what is refused, linking, proving, inviting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client

from agencies import invitations
from agencies.models import Agency, Notice, Role, User
from agencies.signing_in.sso import identities
from agencies.signing_in.sso import provider as sso
from agencies.signing_in.sso.provider import Identity
from agencies.signing_in.sso.views import REASONS
from audit.models import Event
from tests.agencies.oidc import CLIENT, SECRET, Provider, running
from tests.pages import read

PASSWORD = "a long enough word"
KEY = "JBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(server: Provider, settings: Any, db: None) -> Iterator[Provider]:
    """A provider that lies nowhere yet, and a register that trusts it."""
    settings.SSO_ISSUER, settings.SSO_CLIENT_ID, settings.SSO_CLIENT_SECRET = server.issuer, CLIENT, SECRET
    settings.SSO_NAME_KO, settings.SSO_NAME_EN = "행정 통합인증", "Government sign-on"
    kept = dict(server.__dict__)
    server.claims, server.document = {}, {}
    sso._said.clear()
    cache.clear()
    yield server
    server.__dict__.update(kept)


@pytest.fixture
def jeju(make_user: Any, provider: Provider) -> User:
    """An administrator without a password, to whom `kim` of the provider is linked."""
    user = make_user("administrator", "KR-49", username="jeju")
    identities.link(user, Identity(provider.issuer, "kim", "kim@agency", 0, False))
    return user


def away(answer: Any) -> str:
    """The provider's address on the page on the way to it."""
    assert answer.status_code == 200
    links = [e.attributes["href"] for e in read(answer).all("a") if e.attributes.get("rel") == "noreferrer"]
    assert f'content="0; url={links[0]}"'.replace("&", "&amp;") in answer.content.decode()
    return links[0]


def back(address: str) -> str:
    """What the browser is sent back to once the person has signed in there: an address of ours."""
    answer = requests.get(address, allow_redirects=False, timeout=5)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def round_trip(client: Client, begun: Any) -> Any:
    return client.get(back(away(begun)))


def sign_in(client: Client | None = None, **fields: str) -> tuple[Client, Any]:
    client = client or Client()
    return client, round_trip(client, client.post("/accounts/sso/start/", fields))


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def why() -> list[tuple[str, str, str]]:
    """Of each refusal in the trail: about whom, whether known, and why."""
    kept = Event.objects.filter(kind="sign_in_failed").order_by("pk")
    return [(event.about, event.after["account"], event.after.get("why", "")) for event in kept]


def test_who_is_linked_is_let_in(provider: Provider, jeju: User) -> None:
    client = Client()
    before = client.session.session_key
    client, answer = sign_in(client, next="/subscriptions/")
    assert (answer.status_code, answer["Location"]) == (302, "/subscriptions/")
    assert is_in(client)
    asked = provider.asked
    assert (asked["redirect_uri"], asked["scope"].split()) == (
        "http://testserver/accounts/sso/callback/",
        sorted(["openid", "profile"], key=asked["scope"].index),
    )
    assert {"prompt", "max_age"} & asked.keys() == set()
    assert client.session.session_key != before
    signed_in = Event.objects.get(kind="sign_in")
    assert (signed_in.actor, signed_in.after) == ("jeju", {"by": ["socialaccount"]})
    out = client.post("/accounts/logout/")
    assert out["Location"] == "/accounts/sso/signed-out/"
    assert f"{provider.issuer}/end" in client.get(out["Location"]).content.decode()
    assert not is_in(client)


def test_it_is_off_without_an_issuer(settings: Any, provider: Provider, jeju: User) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert "/accounts/sso/start/" in page
    settings.SSO_ISSUER = ""
    assert "/accounts/sso/start/" not in Client().get("/accounts/login/").content.decode()
    assert Client().post("/accounts/sso/start/").status_code == 404
    assert Client().get("/accounts/sso/callback/?code=x&state=y").status_code == 404
    # Another issuer may have the same subjects: they are other people.
    settings.SSO_ISSUER = "https://other.example"
    assert identities.owner_of(Identity("https://other.example", "kim", "", 0, False)) is None


def test_a_stranger_gets_no_account(provider: Provider, jeju: User) -> None:
    """Not even one whose e-mail address the provider says is that of an account."""
    User.objects.filter(pk=jeju.pk).update(email="kim@agency.example")
    provider.person = "lee"
    provider.claims = {"email": "kim@agency.example", "email_verified": True, "preferred_username": "jeju"}
    people = User.objects.count()
    client, answer = sign_in()
    assert answer.status_code == 403
    assert str(REASONS["not_linked"]) in answer.content.decode()
    assert (is_in(client), User.objects.count(), SocialAccount.objects.count()) == (False, people, 1)
    assert why() == [("", "unknown", "not_linked")]


def test_a_closed_account_stays_closed(provider: Provider, jeju: User) -> None:
    jeju.is_active = False
    jeju.save()
    client, answer = sign_in()
    assert (answer.status_code, is_in(client)) == (403, False)
    assert why() == [("jeju", "known", "closed")]


BENT: dict[str, Callable[[Provider], Any]] = {
    "another nonce": lambda p: p.claims.update(nonce="x"),
    "no nonce": lambda p: p.claims.update(nonce=None),
    "another audience": lambda p: p.claims.update(aud="somebody else"),
    "several audiences without azp": lambda p: p.claims.update(aud=[CLIENT, "other"]),
    "made out to another": lambda p: p.claims.update(aud=[CLIENT, "other"], azp="other"),
    "another issuer": lambda p: p.claims.update(iss="https://other.example"),
    "expired": lambda p: p.claims.update(exp=1),
    "without an end": lambda p: p.claims.update(exp=None),
    "not yet valid": lambda p: p.claims.update(nbf=4_000_000_000),
    "no subject": lambda p: p.claims.update(sub=None),
    "a subject that is no text": lambda p: p.claims.update(sub=17),
    "a subject that is too long": lambda p: p.claims.update(sub="k" * 192),
    "another's signature": lambda p: setattr(p, "signing_key", p.other_key),
    "claims bent after signing": lambda p: setattr(p, "tampered", True),
    "an unknown key": lambda p: setattr(p, "kid", "two"),
    "no signature": lambda p: p.__dict__.update(algorithm="none", signing_key=None),
    "signed with the client's secret": lambda p: p.__dict__.update(algorithm="HS256", signing_key=SECRET * 3),
    "a document of another issuer": lambda p: p.document.update(issuer="https://other.example"),
}


@pytest.mark.parametrize("lie", BENT.values(), ids=BENT.keys())
def test_what_cannot_be_verified_is_refused(
    provider: Provider, jeju: User, lie: Callable[[Provider], Any]
) -> None:
    """The control is `test_who_is_linked_is_let_in`, where nothing is bent."""
    lie(provider)
    client = Client()
    begun = client.post("/accounts/sso/start/")
    answer = begun if begun.status_code == 403 else round_trip(client, begun)
    assert (answer.status_code, is_in(client)) == (403, False)
    assert why() == [("", "unknown", "token")]


def test_an_attempt_belongs_to_one_browser_and_is_made_once(provider: Provider, jeju: User) -> None:
    client = Client()
    address = back(away(client.post("/accounts/sso/start/")))
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    stranger = Client()
    for bent in (address, address.replace(query["state"], "x" * 16), "/accounts/sso/callback/?code=x"):
        assert stranger.get(bent).status_code == 403
    assert not is_in(stranger)
    assert client.get(address.replace("iss=", "iss=x")).status_code == 403  # mixed up with another provider
    address = back(away(client.post("/accounts/sso/start/")))
    assert client.get(address).status_code == 302
    assert is_in(client)
    assert Client().get(address).status_code == 403
    assert client.get(address).status_code == 403
    assert [reason for _about, _known, reason in why()] == ["state"] * 6


def test_cancelled_and_unreachable(provider: Provider, jeju: User) -> None:
    client = Client()
    state = parse_qs(urlsplit(away(client.post("/accounts/sso/start/"))).query)["state"][0]
    cancelled = client.get(f"/accounts/sso/callback/?error=access_denied&state={state}")
    assert (cancelled.status_code, cancelled["Location"]) == (302, "/accounts/login/")
    assert why() == []
    sso._said.clear()
    provider.broken = True
    assert Client().post("/accounts/sso/start/").status_code == 503
    assert why() == [("", "unknown", "unreachable")]


def test_our_second_factor_is_asked_for_unless_the_providers_counts(
    settings: Any, provider: Provider, jeju: User, make_user: Any
) -> None:
    officer = make_user("policy_officer", "KR", username="officer")
    identities.link(officer, Identity(provider.issuer, "choi", "", 0, False))
    provider.person = "choi"
    provider.claims = {"amr": ["pwd", "otp"], "acr": "high"}
    settings.SECOND_FACTOR_REQUIRED = True
    client, _answer = sign_in()
    assert client.get("/policies/")["Location"] == "/accounts/second-factor/totp/activate/"
    TOTP.activate(officer, KEY)
    client, answer = sign_in()
    assert answer["Location"].startswith("/accounts/second-factor/authenticate/")
    assert not is_in(client)
    settings.SSO_SECOND_FACTOR = ["high"]
    client, answer = sign_in()
    assert (answer["Location"], client.get("/policies/").status_code) == ("/", 200)
    officer.authenticator_set.all().delete()
    client, answer = sign_in()
    assert client.get("/policies/").status_code == 200
    provider.claims = {"amr": ["pwd"]}
    client, _answer = sign_in()
    assert client.get("/policies/").status_code == 302


def test_linking_and_unlinking(settings: Any, provider: Provider, signed_in: Any, make_user: Any) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    seoul = make_user("administrator", "KR-11", username="seoul")
    seoul.set_password(PASSWORD)
    seoul.save()
    client = Client()
    client.post("/accounts/login/", {"login": "seoul", "password": PASSWORD})
    linked = round_trip(client, client.post("/accounts/sso/link/"))
    assert (linked["Location"], provider.asked["prompt"]) == ("/accounts/sso/", "login")
    one = SocialAccount.objects.get()
    assert (one.user, one.provider, one.uid, one.extra_data) == (
        seoul,
        provider.issuer,
        "kim",
        {"label": "kim@agency"},
    )
    assert "kim@agency" in client.get("/accounts/sso/").content.decode()
    by_it, _answer = sign_in()
    assert is_in(by_it)
    # It is somebody's now: nobody else gets it, and nobody unlinks what is another's.
    other = signed_in("administrator", "KR-49")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 10**10
    round_trip(other, other.post("/accounts/sso/link/"))
    assert SocialAccount.objects.get().user == seoul
    assert other.post(f"/accounts/sso/{one.pk}/unlink/").status_code == 404
    assert client.post(f"/accounts/sso/{one.pk}/unlink/").status_code == 302
    assert SocialAccount.objects.count() == 0
    assert sign_in()[1].status_code == 403
    told = Notice.objects.filter(recipient=seoul, key__startswith="account.identity").order_by("pk")
    assert list(told.values_list("key", flat=True)) == [
        "account.identity-linked",
        "account.identity-unlinked",
    ]
    kept = (
        Event.objects.filter(kind="account", about="seoul", actor="seoul")
        .order_by("pk")
        .values_list("before", "after")
    )
    number = {"identity": one.pk, "linked": True}
    assert list(kept) == [({}, number), (number, {})]


def test_the_last_way_in_stays(provider: Provider, jeju: User) -> None:
    one = SocialAccount.objects.get()
    client, _answer = sign_in()
    client.post(f"/accounts/sso/{one.pk}/unlink/")
    assert SocialAccount.objects.count() == 1
    client.post("/accounts/password/", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    client.post(f"/accounts/sso/{one.pk}/unlink/")
    assert SocialAccount.objects.count() == 0
    again = Client().post("/accounts/login/", {"login": "jeju", "password": PASSWORD})
    assert again.status_code == 302


def test_linking_asks_who_it_is(settings: Any, provider: Provider, signed_in: Any, jeju: User) -> None:
    """A session left open links nothing, and changes no second factor."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    client = signed_in(user=jeju)
    for path in ("/accounts/sso/link/", f"/accounts/sso/{SocialAccount.objects.get().pk}/unlink/"):
        asked = client.post(path)
        assert (asked.status_code, asked["Location"].split("?")[0]) == (302, "/accounts/sso/confirm/")
    for path in ("totp/activate/", "recovery-codes/generate/"):
        assert client.get(f"/accounts/second-factor/{path}")["Location"].startswith(
            "/accounts/sso/confirm/?next="
        )


def test_asked_again_by_the_provider(
    settings: Any, provider: Provider, jeju: User, make_agency: Any, make_user: Any
) -> None:
    """Without password and code: a round at the provider, which must ask anew; then what was sent is done."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    make_agency("KR-49-1", parent="KR-49")
    member = make_user("approver", "KR-49-1", username="member")
    close = f"/people/{member.pk}/close/"
    client, _answer = sign_in()
    # A sign-in whose moment the provider does not tell may be hours old.
    asked = client.post(close)
    assert asked["Location"] == f"/accounts/sso/confirm/?next={close.replace('/', '%2F')}"
    for bend, reason in (({"auth_time": 1}, "not_fresh"), ({"auth_time": None}, "not_fresh")):
        provider.claims = bend
        refused = round_trip(client, client.post(asked["Location"]))
        assert (refused.status_code, why()[-1][2]) == (403, reason)
    provider.claims = {}
    provider.person = "lee"
    assert round_trip(client, client.post(asked["Location"])).status_code == 403
    assert why()[-1][2] == "somebody_else"
    member.refresh_from_db()
    assert member.is_active
    provider.person = "kim"
    done = round_trip(client, client.post(asked["Location"]))
    assert (provider.asked["prompt"], provider.asked["max_age"], done.status_code) == ("login", "0", 302)
    member.refresh_from_db()
    assert not member.is_active
    assert client.post(f"/people/{member.pk}/reopen/").status_code == 302  # asked just now


def test_an_invitation_is_accepted_by_the_provider(provider: Provider, make_user: Any) -> None:
    administrator = make_user("administrator", "KR-49", username="jeju")
    agency = Agency.objects.get(code="KR-49")
    _one, token = invitations.invite("김하나", agency, Role.APPROVER, by=administrator)
    link, client = f"/invitations/{token}/", Client()
    sent = {"username": "hana", "email": "hana@agency.example", "by-identity": "1"}
    assert read(client.post(link, {**sent, "username": ""})).by_id("id_sso_username_error") is not None
    assert round_trip(client, client.post(link, sent)).status_code == 302
    made = User.objects.get(username="hana")
    assert (made.has_usable_password(), made.email, str(made)) == (False, "hana@agency.example", "김하나")
    assert made.has_role("approver", at=agency)
    assert is_in(client)
    # An identity has one account; a second invitation does not give it another.
    _two, again = invitations.invite("김하나", agency, Role.APPROVER, by=administrator)
    other = Client()
    refused = round_trip(other, other.post(f"/invitations/{again}/", {**sent, "username": "two"}))
    assert (refused["Location"], is_in(other)) == (f"/invitations/{again}/", False)
    assert not User.objects.filter(username="two").exists()


def test_attempts_are_limited(settings: Any, provider: Provider) -> None:
    """Each refusal is a row in the trail, so their number is not anybody's choice."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "3/m/ip"}
    answers = [Client().get("/accounts/sso/callback/?state=x").status_code for _n in range(4)]
    assert (answers, len(why())) == ([403, 403, 403, 429], 3)
    assert Client().post("/accounts/sso/start/").status_code == 429


def test_it_needs_the_sites_own_form(provider: Provider, jeju: User) -> None:
    """No other site begins an attempt: a person would be signed in, or linked, without having asked."""
    client = Client(enforce_csrf_checks=True)
    assert client.post("/accounts/sso/start/").status_code == 403
    assert client.get("/accounts/sso/start/").status_code == 405
    assert Client().get("/accounts/sso/link/").status_code == 302  # to the login page
