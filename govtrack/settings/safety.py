"""What keeps a deployment from being safe, found in its environment before any setting is read, so that all is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from limits import parse

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgres", "postgresql", "psql", "pgsql")
COUNTERS = (
    "memory",
    "redis",
    "rediss",
    "memcached",
    "redis+unix",
    "redis+sentinel",
    "redis+cluster",
    "valkey",
    "mongodb",
)
CACHES = ("database", "redis", "rediss")
YES, NO = ("1", "true", "yes", "on", "y", "ok"), ("0", "false", "no", "off", "n", "")
SWITCHES = ("OFFICIAL_DEPLOYMENT", "BEHIND_TLS_PROXY", "EMAIL_USE_TLS", "EMAIL_USE_SSL")
# On unless said otherwise: what is empty would switch them off.
PROTECTING = ("POLICY_TWO_PERSON_RULE", "SECOND_FACTOR_REQUIRED")
SINGLE_SIGN_ON = ("SSO_ISSUER", "SSO_CLIENT_ID", "SSO_CLIENT_SECRET", "SSO_NAME_KO", "SSO_NAME_EN")
# Each with the least and the most that make sense: what never ends protects nobody.
NUMBERS = {
    "SECURE_HSTS_SECONDS": (1, 10 * 365 * 24 * 60 * 60),
    "WAIVER_MAX_DAYS": (1, 3650),
    "EXPORTS_DAYS": (1, 365),
    "IMPORTS_DAYS": (1, 365),
    "ATTACHMENT_MAX_MB": (1, 1000),
    "ATTACHMENTS_MAX": (1, 10_000),
    "SESSION_IDLE_MINUTES": (1, 480),
    "SESSION_HOURS": (1, 24),
    "TRUSTED_PROXY_HOPS": (0, 10),
    "QUERY_SECONDS": (1, 600),
    "READY_FREE_MB": (0, 10**9),
    "EMAIL_PORT": (1, 65_535),
    "EMAIL_TIMEOUT": (1, 600),
    "EMAIL_ATTEMPTS": (1, 100),
}
LISTS_OF_DAYS = ("REMINDER_DAYS", "WAIVER_REMINDER_DAYS")
LOCAL = ("", "localhost", "127.0.0.1", "::1")
PUBLISHED = ("django-insecure-", "only-for-tests-")
# Where what people may not all see lies, each with its folder beside the code.
FOLDERS = {"EXPORTS_DIR": "exports", "IMPORTS_DIR": "imports", "ATTACHMENTS_DIR": "attachments"}


def refuse_unsafe(environment: Mapping[str, str]) -> None:
    """Raises ImproperlyConfigured with everything that is wrong."""
    if found := list(problems(environment)):
        raise ImproperlyConfigured(
            "govtrack does not start:\n" + "\n".join(f"- {problem}" for problem in found)
        )


def problems(environment: Mapping[str, str]) -> Iterator[str]:
    """Everything in `environment` that keeps a deployment from being safe, each in one sentence with its remedy."""
    yield from _keys(environment)
    if environment.get("DEBUG", "").strip().lower() not in NO:
        yield "DEBUG is on: unset it, since its pages show settings and data to strangers."
    yield from _hosts(environment)
    yield from _database(environment)
    for name in SWITCHES + PROTECTING:
        value = environment.get(name, "yes" if name in PROTECTING else "").strip().lower()
        if value not in YES + NO or (name in PROTECTING and not value):
            yield f"{name} is neither true nor false: set it to one of them."
    for name, (least, most) in NUMBERS.items():
        value = environment.get(name, str(least)).strip()
        if not _is_whole(value, least, most):
            yield f"{name} is no whole number of {least} to {most}: correct or unset it."
    for name in LISTS_OF_DAYS:
        if not all(_is_whole(part, 0, 3650) for part in _listed(environment, name)):
            yield f"{name} holds what is no number of days: write it as 90,30,7, or unset it."
    for name in ("LIMIT_OF_PAGES", "LIMIT_OF_FILES"):
        if (limit := environment.get(name)) is not None and not _is_limit(limit):
            yield f"{name} is no limit: write it as 60/minute or 60/5 minutes, or unset it."
    if environment.get("LIMITS_STORAGE", "memory:").partition(":")[0] not in COUNTERS:
        yield "LIMITS_STORAGE names no place to count in: begin it with memory://, redis:// or memcached://."
    if environment.get("CACHE_URL", "database:").partition(":")[0] not in CACHES:
        yield (
            "CACHE_URL names no cache that all processes share, so wrong attempts would be counted by each alone: "
            "unset it, or begin it with database:// or redis://."
        )
    yield from _email(environment)
    yield from _single_sign_on(environment)
    for name, usual in FOLDERS.items():
        if _is_served(Path(environment.get(name) or ROOT / usual)):
            yield f"{name} lies in the folder that is served to everybody: name another one."


def _keys(environment: Mapping[str, str]) -> Iterator[str]:
    key = environment.get("SECRET_KEY", "")
    if not key:
        yield "SECRET_KEY is missing: set it to at least 50 random characters."
    elif _weak(key):
        yield "SECRET_KEY is too short or too uniform: set it to at least 50 random characters."
    elif key.startswith(PUBLISHED):
        yield "SECRET_KEY is a published default: set it to at least 50 random characters of your own."
    fallbacks = [key for key in environment.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
    if any(_weak(fallback) for fallback in fallbacks):
        yield "SECRET_KEY_FALLBACKS holds a key that is too short or too uniform: remove it."
    if any(fallback.strip().startswith(PUBLISHED) for fallback in fallbacks):
        yield "SECRET_KEY_FALLBACKS holds a published default: remove it."


def _database(environment: Mapping[str, str]) -> Iterator[str]:
    url = environment.get("DATABASE_URL")
    if not url:
        yield "DATABASE_URL is missing: set it, for example to postgres://user:password@host:5432/govtrack."
        return
    if url.partition(":")[0] not in DATABASES:
        yield "DATABASE_URL names no database that govtrack runs on: begin it with postgres:// or sqlite:///."
        return
    try:
        described = environ.Env.db_url_config(url)
    except ValueError:
        yield "DATABASE_URL cannot be read: write it as postgres://user:password@host:5432/govtrack."
        return
    name, host = str(described["NAME"]), str(described.get("HOST") or "")
    if described["ENGINE"] == "django.db.backends.sqlite3":
        if ":memory:" in name or name.startswith("file:"):
            yield "DATABASE_URL names no file, so that nothing would be kept: write it as sqlite:////folder/file."
        elif _is_served(Path(name)):
            yield "DATABASE_URL lies in the folder that is served to everybody: name another one."
        return
    sslmode = described.get("OPTIONS", {}).get("sslmode", environment.get("PGSSLMODE"))
    if sslmode in ("disable", "allow") and not _is_local(host):
        yield "DATABASE_URL turns TLS off on the way to another host: set sslmode to verify-full."


def _email(environment: Mapping[str, str]) -> Iterator[str]:
    tls, ssl = (
        environment.get(name, "").strip().lower() in YES for name in ("EMAIL_USE_TLS", "EMAIL_USE_SSL")
    )
    if tls and ssl:
        yield "EMAIL_USE_TLS and EMAIL_USE_SSL are both on: set the one that the server for e-mail speaks."
    elif (
        environment.get("EMAIL_HOST_PASSWORD")
        and not (tls or ssl)
        and not _is_local(environment.get("EMAIL_HOST", ""))
    ):
        yield "EMAIL_HOST_PASSWORD would be sent for everybody to read: set EMAIL_USE_TLS or EMAIL_USE_SSL."


def _is_local(host: str) -> bool:
    """This machine, or a socket on it."""
    return host.strip("[] ").lower() in LOCAL or host.startswith(("/", "%2f", "%2F"))


def _is_served(path: Path) -> bool:
    """Whether `collectstatic` puts it, or takes it, where everybody may fetch it."""
    path = path.resolve()
    return path.is_relative_to(ROOT) and not {"static", "staticfiles"}.isdisjoint(
        path.relative_to(ROOT).parts
    )


def _is_whole(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and least <= int(text[:20]) <= most


def _single_sign_on(environment: Mapping[str, str]) -> Iterator[str]:
    """All of it, or none."""
    given = {name: environment.get(name, "").strip() for name in SINGLE_SIGN_ON}
    if any(given.values()) or environment.get("SSO_SECOND_FACTOR", "").strip():
        for name, value in given.items():
            if not value:
                yield f"{name} is missing: single sign-on needs {', '.join(SINGLE_SIGN_ON)}. Set it, or unset all of them."
    if "pwd" in _listed(environment, "SSO_SECOND_FACTOR"):
        yield "SSO_SECOND_FACTOR counts a password as a second factor: leave pwd out."
    issuer = urlsplit(given["SSO_ISSUER"])
    if given["SSO_ISSUER"] and (
        issuer.scheme != "https" or not issuer.netloc or issuer.query or issuer.fragment
    ):
        yield "SSO_ISSUER is no https:// address: write it exactly as the provider's document names it."


def _is_limit(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _weak(key: str) -> bool:
    return len(key) < 50 or len(set(key)) < 5


def _hosts(environment: Mapping[str, str]) -> Iterator[str]:
    hosts = _listed(environment, "ALLOWED_HOSTS")
    if not hosts:
        yield "ALLOWED_HOSTS is empty: set it to the host names of this site, separated by commas."
    elif any(host == "*" or (host.startswith(".") and "." not in host[1:]) for host in hosts):
        yield "ALLOWED_HOSTS allows every host: name the host names of this site instead."
    elif any(host.startswith(".") and _is_of_many(host[1:]) for host in hosts):
        yield "ALLOWED_HOSTS allows hosts of others: name the host names of this site instead."
    site = urlsplit(environment.get("SITE_URL", "https://default"))
    if site.scheme != "https" or not site.netloc or site.query or site.fragment:
        yield "SITE_URL is no https:// address: the links in e-mails begin with it. Correct or unset it."
    behind = environment.get("BEHIND_TLS_PROXY", "").strip().lower() in YES
    if behind and not environment.get("TRUSTED_PROXY_HOPS", "").strip().strip("0"):
        yield (
            "TRUSTED_PROXY_HOPS is 0 behind a proxy, so everybody would share its address, with its limits and in the trail: "
            "set it to how many proxies of your own stand before the server."
        )
    elif not behind and environment.get("TRUSTED_PROXY_HOPS", "").strip().strip("0"):
        yield (
            "TRUSTED_PROXY_HOPS is above 0 without a proxy, so everybody could claim any address: "
            "set BEHIND_TLS_PROXY if one stands before the server, or unset it."
        )
    for origin in _listed(environment, "CSRF_TRUSTED_ORIGINS"):
        parts = urlsplit(origin)
        if parts.scheme != "https" or not parts.netloc or "*" in parts.netloc:
            yield "CSRF_TRUSTED_ORIGINS holds what is no https:// address of one site: name each."
            break


def _is_of_many(domain: str) -> bool:
    """Whether anybody gets a name below it, as in go.kr, jeju.kr or co.uk: countries hand them out on the second level too."""
    first, _dot, country = domain.rpartition(".")
    return len(country) == 2 and "." not in first


def _listed(environment: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
