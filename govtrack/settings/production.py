"""A deployment: everything from the environment, and no start while something is missing or unsafe."""

import os

from .safety import refuse_unsafe

# First of all, since reading a setting that is no number would end the start with that one alone.
refuse_unsafe(os.environ)

from .base import *  # noqa: E402, F403
from .base import LOGGING, database, env  # noqa: E402

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = [host.strip() for host in env.list("ALLOWED_HOSTS") if host.strip()]
SITE_URL = env.str("SITE_URL", default=f"https://{ALLOWED_HOSTS[0].lstrip('.')}").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATABASES = {"default": database(env.str("DATABASE_URL"))}

SECURE_SSL_REDIRECT = True
# A load balancer asks from beside, without TLS; nothing is told there.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 60 * 60)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
# Browsers take a cookie of such a name from this host alone, over HTTPS, for the whole site: no other host can plant one.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
LANGUAGE_COOKIE_NAME = "__Host-language"
MESSAGES_COOKIE_NAME = "__Host-messages"
# Only where a proxy ends TLS and always sets or removes this header itself; otherwise anybody could claim HTTPS.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# One JSON object a line, and one line for each request.
LOGGING["handlers"]["console"]["formatter"] = "json"
LOGGING["loggers"]["govtrack.requests"] = {"level": "INFO"}
