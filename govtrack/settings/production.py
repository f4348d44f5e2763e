"""A deployment: everything from the environment, and no start while something is missing or unsafe."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from .base import *  # noqa: F403
from .base import database, env


def problems(environment: Mapping[str, str]) -> list[str]:
    """Everything in `environment` that keeps a deployment from being safe, each in one sentence with its remedy."""
    found = []
    key = environment.get("SECRET_KEY", "")
    if not key:
        found.append("SECRET_KEY is missing: set it to at least 50 random characters.")
    elif len(key) < 50 or len(set(key)) < 5:
        found.append("SECRET_KEY is too short or too uniform: set it to at least 50 random characters.")
    elif key.startswith(("django-insecure-", "only-for-tests-")):
        found.append(
            "SECRET_KEY is a published default: set it to at least 50 random characters of your own."
        )
    if environment.get("DEBUG", "").strip().lower() not in ("", "0", "false", "no", "off"):
        found.append("DEBUG is on: unset it, since its pages show settings and data to strangers.")
    hosts = [host.strip() for host in environment.get("ALLOWED_HOSTS", "").split(",") if host.strip()]
    if not hosts:
        found.append("ALLOWED_HOSTS is empty: set it to the host names of this site, separated by commas.")
    elif "*" in hosts:
        found.append("ALLOWED_HOSTS allows every host: name the host names of this site instead.")
    if not environment.get("DATABASE_URL"):
        found.append(
            "DATABASE_URL is missing: set it, for example to postgres://user:password@host:5432/govtrack."
        )
    return found


if found := problems(env.ENVIRON):
    raise ImproperlyConfigured("govtrack does not start:\n" + "\n".join(f"- {problem}" for problem in found))

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = [host.strip() for host in env.list("ALLOWED_HOSTS") if host.strip()]
SITE_URL = env.str("SITE_URL", default=f"https://{ALLOWED_HOSTS[0].lstrip('.')}").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATABASES = {"default": database(env.str("DATABASE_URL"))}

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 60 * 60)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
# Only where a proxy ends TLS and always sets or removes this header itself; otherwise anybody could claim HTTPS.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
