"""What every way to run govtrack shares; nothing here is a secret or depends on a machine."""

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parents[2]

# The demonstration's database, key and password: one ignored folder, so that deleting it starts afresh.
DEMO_DIR = BASE_DIR / ".demo"

env = environ.Env()


def database(url: str) -> dict[str, Any]:
    """Django's description of the database that `url` names, set up for several writers.

    SQLite waits for a lock instead of failing, and takes it when a transaction begins, since a transaction that
    reads first and writes later can otherwise be refused half-way.
    """
    described: dict[str, Any] = environ.Env.db_url_config(url)
    if described["ENGINE"] == "django.db.backends.sqlite3":
        described["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                " PRAGMA cache_size = -64000; PRAGMA temp_store = MEMORY;"
                # A row that REPLACE takes away fires the triggers of a deletion.
                " PRAGMA recursive_triggers = ON;"
            ),
        }
    else:
        described.setdefault("CONN_MAX_AGE", 60)
        described["CONN_HEALTH_CHECKS"] = True
        # Compiling a statement to machine code takes longer than any page may, and wins nothing back even in checks of all.
        described.setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
    return described


def shared_cache(url: str) -> dict[str, Any]:
    """Django's description of the cache that `url` names: `database://`, `redis://…` (install the driver) or `memory://`."""
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if scheme == "database":
        # Above so many rows, those that are over are deleted, and then a third of all: more than anybody makes up in an hour.
        return {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "attempts",
            "OPTIONS": {"MAX_ENTRIES": 200_000},
        }
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}


DEBUG = False
ALLOWED_HOSTS: list[str] = []

# True only where a government itself runs the register: the banner then names an official site
# instead of a demonstration.
OFFICIAL_DEPLOYMENT = env.bool("OFFICIAL_DEPLOYMENT", default=False)
# A policy officer does not put their own draft into force; another one does.
POLICY_TWO_PERSON_RULE = env.bool("POLICY_TWO_PERSON_RULE", default=True)
# The longest time, in days, that one waiver lasts.
WAIVER_MAX_DAYS = env.int("WAIVER_MAX_DAYS", default=365)
# How many days before the last day to give notice a department is reminded of a renewal, unless a subscription says otherwise.
REMINDER_DAYS = env.list("REMINDER_DAYS", cast=int, default=[90, 30, 7])
# How many days before the last day of a waiver its agency is told.
WAIVER_REMINDER_DAYS = env.list("WAIVER_REMINDER_DAYS", cast=int, default=[30, 7])

# E-mail, sent by `manage.py send_reminders`, and what is about an account at once by the worker. Links in it begin with SITE_URL.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=30)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="govtrack@localhost")
# Without a server for e-mail, pages say so instead of promising one.
EMAIL_IS_SENT = bool(env.str("EMAIL_HOST", default=""))
# After so many attempts an e-mail is given up.
EMAIL_ATTEMPTS = env.int("EMAIL_ATTEMPTS", default=5)

# How many proxies of one's own stand before the server, each of which adds to X-Forwarded-For whom it was asked by. The address
# of a client is taken from there only when it is above 0.
TRUSTED_PROXY_HOPS = env.int("TRUSTED_PROXY_HOPS", default=0)

# True only in the demonstration: the login page then names the demonstration's accounts.
GOVTRACK_DEMO = False

INSTALLED_APPS = [
    "agencies.admin_config.GovtrackAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "simple_history",
    "django_tables2",
    "django_filters",
    "django_htmx",
    "django_countries",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "figures",
    "audit",
    "agencies",
    "catalog",
    "sources",
    "policies",
    "subscriptions",
    "oversight",
    "govtrack",
]

MIDDLEWARE = [
    "govtrack.logs.numbered",
    "govtrack.middleware.kept_apart",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "govtrack.limits.sized",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "govtrack.middleware.language_from_cookie",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "agencies.signing_in.session_limits.sessions_end",
    # Signed-in is the rule; a view that anybody may open says so with @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "govtrack.whole_exports.asked_before_everything",
    "govtrack.methods.answered",
    "govtrack.limits.often_enough",
    "govtrack.query_limits.stopped_in_time",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "agencies.signing_in.second_factor.second_factor_set_up",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "audit.origin.remember_origin",
    "django_htmx.middleware.HtmxMiddleware",
    "govtrack.middleware.private_pages",
]

ROOT_URLCONF = "govtrack.urls"
WSGI_APPLICATION = "govtrack.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "govtrack.context_processors.deployment",
            ],
        },
    },
]
# Forms are drawn with templates/django/forms/, so that every field group has the same markup.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {
    "default": database(env.str("DATABASE_URL", default=f"sqlite:///{DEMO_DIR / 'govtrack.sqlite3'}"))
}
# Wrong attempts are counted in the first, by all processes together; nothing else is, so that no page writes to the database for
# it. What pages keep for a minute is each process's own. See docs/adr.
CACHE_URL = env.str("CACHE_URL", default="database://")
CACHES = {
    "default": shared_cache(CACHE_URL),
    "pages": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pages"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "agencies.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["agencies.signing_in.backend.Backend"]
ACCOUNT_ADAPTER = "agencies.signing_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser, or by the limits below
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# Attempts to sign in: of one address, and wrong ones of one address and for one account.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/m/ip,10/15m/key",
    "reauthenticate": "10/m/user",
    "change_password": "10/m/user",
    "reset_password": "20/h/ip,5/h/key",
    "reset_password_from_key": "20/m/ip",
    "accept_invitation": "60/h/ip,20/h/key",
}
# How long the link to a new password holds.
PASSWORD_RESET_TIMEOUT = 60 * 60
# The proxies in front that add to X-Forwarded-For; 0 believes that header from nobody.
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_HOPS
# Policy officers and system administrators sign in with a second factor.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=True)
MFA_ADAPTER = "agencies.signing_in.secrets.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "govtrack"
MFA_TOTP_TOLERANCE = 1  # a code of half a minute ago counts: clocks differ
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are given by those who make accounts
# Single sign-on by OpenID Connect: off without an issuer. Its name is shown on pages. SSO_SECOND_FACTOR: what of the provider's
# `amr` and `acr` counts as a second factor; nothing: govtrack asks for its own.
SSO_ISSUER = env.str("SSO_ISSUER", default="")
SSO_CLIENT_ID = env.str("SSO_CLIENT_ID", default="")
SSO_CLIENT_SECRET = env.str("SSO_CLIENT_SECRET", default="")
SSO_NAME_KO = env.str("SSO_NAME_KO", default="")
SSO_NAME_EN = env.str("SSO_NAME_EN", default="")
SSO_SECOND_FACTOR = env.list("SSO_SECOND_FACTOR", default=[])
SOCIALACCOUNT_ADAPTER = "agencies.signing_in.sso.provider.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
USERSESSIONS_TRACK_ACTIVITY = False
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_MINUTES", default=60) * 60
SESSION_LONGEST_SECONDS = env.int("SESSION_HOURS", default=12) * 60 * 60

LANGUAGE_CODE = "ko"
FORMAT_MODULE_PATH = ["govtrack.formats"]
LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FILTERS_EMPTY_CHOICE_LABEL = _("All")  # what a filter that is not set says, instead of dashes
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "Asia/Seoul"
USE_I18N = True
USE_TZ = True

FIXTURE_DIRS = [BASE_DIR / "fixtures"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = BASE_DIR / "media"

# What takes longer than a page may is done by `manage.py db_worker`, which finds its tasks in the database.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
# Where the worker lays the files it makes. Web processes on several machines must share it; nothing in it is served as it is.
EXPORTS_DIR = env.path("EXPORTS_DIR", default=str(BASE_DIR / "exports"))
# The days after which `manage.py remove_old_exports` deletes them.
EXPORTS_DAYS = env.int("EXPORTS_DAYS", default=7)
# Where uploaded files wait to be imported, and after how many days the same command deletes them.
IMPORTS_DIR = env.path("IMPORTS_DIR", default=str(BASE_DIR / "imports"))
IMPORTS_DAYS = env.int("IMPORTS_DAYS", default=7)

# Folders, by their settings, that a backup takes along and whose disks must have room; one that is not set is left out.
KEPT_FOLDERS = ["EXPORTS_DIR", "IMPORTS_DIR", "ATTACHMENTS_DIR", "MEDIA_ROOT"]
# With less free on a disk that is written to, /readyz says that this process is not ready.
READY_FREE_MB = env.int("READY_FREE_MB", default=200)
# Where the files lie that are filed with subscriptions: outside everything that is served, kept with the database's backups, and
# shared where web processes run on several machines.
ATTACHMENTS_DIR = env.path("ATTACHMENTS_DIR", default=str(BASE_DIR / "attachments"))
# The largest file, and the most files of one subscription.
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_MB", default=20) * 1024 * 1024
ATTACHMENTS_MAX = env.int("ATTACHMENTS_MAX", default=50)

# A pasted text of 10 MB must reach the form, which names the field that is too long; more is answered with 400.
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
# With its files: the largest that an import takes has 30 MB. More is answered with 413 before it is read.
LARGEST_REQUEST = 32 * 1024 * 1024

# How often each reader may open a page that computes over all that they see, and take a file.
REQUEST_LIMITS = {
    "pages": env.str("LIMIT_OF_PAGES", default="120/minute"),
    "files": env.str("LIMIT_OF_FILES", default="60/5 minutes"),
}
# How long one statement of a page may take, in seconds. Commands and the worker are not limited.
QUERY_SECONDS = env.int("QUERY_SECONDS", default=20)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        # Old browsers know the first, new ones the second; govtrack.middleware.kept_apart says where "csp" is.
        "report-uri": "/csp-reports/",
        "report-to": "csp",
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "govtrack.cookies.MessageStorage"
MESSAGES_COOKIE_NAME = "messages"

# Where costly pages and files are counted: `memory://` is each process for itself; `redis://…` or `memcached://…` all of them
# together, with the driver installed. Not the database, which every page would have to write to.
LIMITS_STORAGE = env.str(
    "LIMITS_STORAGE", default=CACHE_URL if CACHE_URL.startswith("redis") else "memory://"
)

# Django alone says nothing about errors while DEBUG is off.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "govtrack.logs.Line"}, "json": {"()": "govtrack.logs.Json"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "gunicorn.http.wsgi": {
            "level": "ERROR"
        },  # it warns of each HEAD request that Django answers like a GET
    },
}
