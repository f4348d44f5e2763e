"""The provider of identities: what it says of itself, where people are sent to, and what of its answers is believed.

django-allauth's OpenID Connect provider asks; what comes back is checked here throughout (OpenID Connect Core, 3.1.3.7): the
signature by the provider's published keys, issuer, audience, lifetime and the nonce of this very attempt. Nothing but the
ID token counts: no e-mail address, and no answer of the provider's other addresses, says who somebody is.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

ID = "sso"
# Signed with the provider's own key pair: never `none`, never a secret that both know.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LONGEST_SUBJECT = 191  # what the table of identities holds
CLOCKS = 60  # seconds by which the provider's clock and ours may differ
KEPT = 10 * 60  # seconds that what the provider says of itself is kept
NOT_REACHED = 10  # seconds that nobody tries again


class Refused(Exception):
    """The provider's answer lets nobody in. `why` is a short code: see `agencies.signing_in.sso.views.REASONS`."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(detail or why)
        self.why = why


@dataclass(frozen=True)
class Identity:
    """Somebody as the provider knows them: `subject` is theirs for good within `issuer`; `label` is only for people to read.

    `at`: when they proved themselves there, in seconds since 1970; 0 where it does not say. `strong`: by a second factor that
    SSO_SECOND_FACTOR counts.
    """

    issuer: str
    subject: str
    label: str
    at: float
    strong: bool


def is_on() -> bool:
    return bool(settings.SSO_ISSUER)


def name() -> str:
    """What the provider is called, in the reader's language."""
    return str(settings.SSO_NAME_EN if get_language() == "en" else settings.SSO_NAME_KO)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """The one provider of the settings; none can be added in the database, and nobody signs up."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        if not is_on():
            return []
        return [
            SocialApp(
                provider="openid_connect",
                provider_id=ID,
                name=name(),
                client_id=settings.SSO_CLIENT_ID,
                secret=settings.SSO_CLIENT_SECRET,
                settings={
                    "server_url": settings.SSO_ISSUER.rstrip("/"),
                    "oauth_pkce_enabled": True,
                    "scope": ["openid", "profile"],
                },
            )
        ]

    def is_open_for_signup(self, *args: Any, **kwargs: Any) -> bool:
        return False


# What a provider says of itself, by its issuer: (until when it is kept, what it says).
_said: dict[str, tuple[float, dict[str, Any]]] = {}


class Adapter(OpenIDConnectOAuth2Adapter):
    """Asks the provider. Raises Refused."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself. It must be of the issuer of the settings."""
        issuer = settings.SSO_ISSUER
        until, said = _said.get(issuer, (0.0, {}))
        if time.monotonic() < until:
            if not said:
                raise Refused("unreachable", "not reached a moment ago")
            return said
        try:
            said = super().openid_config
        except (requests.RequestException, ValueError) as error:
            _said[issuer] = (time.monotonic() + NOT_REACHED, {})
            raise Refused("unreachable", str(error)) from error
        if said.get("issuer") != issuer:
            raise Refused("token", "the provider's document is of another issuer")
        _said[issuer] = (time.monotonic() + KEPT, said)
        return said

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("sso-callback"))

    def identity(self, code: str, verifier: str, nonce: str) -> Identity:
        """Redeem the code of this attempt and read the ID token that comes for it."""
        app = self.get_provider().app
        try:
            answer = self.get_client(self.request, app).get_access_token(code, pkce_code_verifier=verifier)
            token = answer.get("id_token")
            if not isinstance(token, str):
                raise Refused("token", "no ID token")
            claims = self._claims(token, app.client_id)
        except (requests.RequestException, ValueError) as error:
            raise Refused("unreachable", str(error)) from error
        except (
            OAuth2Error
        ) as error:  # its text is the provider's answer, which may hold what must not be logged
            raise Refused("token", "the code was not redeemed") from error
        except (jwt.PyJWTError, KeyError, TypeError) as error:
            raise Refused("token", f"{type(error).__name__}: {error}") from error
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise Refused("token", "not the nonce of this attempt")
        return identity_in(claims)

    def _claims(self, token: str, client_id: str) -> dict[str, Any]:
        published = jwt.PyJWKSet.from_dict(self._keys()).keys
        wanted = jwt.get_unverified_header(token).get("kid")
        signing = [
            k for k in published if k.public_key_use in (None, "sig") and k.algorithm_name in ALGORITHMS
        ]
        keys = [key for key in signing if key.key_id == wanted]
        if len(keys) != 1:
            raise Refused("token", "signed with no key that the provider publishes")
        claims: dict[str, Any] = jwt.decode(
            token,
            keys[0],
            algorithms=ALGORITHMS,
            audience=client_id,
            issuer=settings.SSO_ISSUER,
            leeway=CLOCKS,
            options={"require": ["iss", "aud", "sub", "exp", "iat"]},
        )
        others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", client_id) != client_id or (len(others) > 1 and "azp" not in claims):
            raise Refused("token", "made out to somebody else")
        return claims

    def _keys(self) -> dict[str, Any]:
        with SocialAccountAdapter(self.request).get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        keys: dict[str, Any] = answer.json()
        return keys


def identity_in(claims: dict[str, Any]) -> Identity:
    """What an ID token that was checked says. Raises Refused where it names nobody."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or "\0" in subject:
        raise Refused("token", "names nobody")
    told = [claims.get(name) for name in ("preferred_username", "name", "email")]
    label = next((text for text in told if isinstance(text, str) and text.strip()), subject)
    at = claims.get("auth_time")
    ways = claims.get("amr")
    proved = {*(ways if isinstance(ways, list) else []), claims.get("acr")}
    return Identity(
        issuer=claims["iss"],
        subject=subject,
        label=label.replace("\0", "")[:100],
        at=float(at) if isinstance(at, int | float) else 0.0,
        strong=bool(proved & {*settings.SSO_SECOND_FACTOR}),
    )


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Adapter


def provider(request: HttpRequest) -> Provider:
    """Only where single sign-on is on."""
    (app,) = SocialAccountAdapter(request).list_apps(request)
    return Provider(request, app=app)


def leave(request: HttpRequest, process: str, *, next_url: str = "", data: Any = None) -> str:
    """Begin an attempt and return the provider's address that the person must open.

    What belongs to the attempt (state, nonce, the secret of PKCE, where to go on) waits in the session, for ten minutes and once.
    To `prove` or to link, they must prove themselves there anew.
    """
    nonce = secrets.token_urlsafe(24)
    asked: dict[str, str] = {"nonce": nonce, "ui_locales": get_language() or settings.LANGUAGE_CODE}
    if process in ("prove", "link"):
        asked |= {"prompt": "login", "max_age": "0"}
    answer = provider(request).redirect(
        request, process, next_url=next_url or None, data=data, auth_params=asked, nonce=nonce, at=time.time()
    )
    return str(answer["Location"])
