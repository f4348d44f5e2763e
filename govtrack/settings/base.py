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

# E-mail, sent by `manage.py send_reminders` alone. Links in it begin with SITE_URL.
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
# After so many attempts an e-mail is given up.
EMAIL_ATTEMPTS = env.int("EMAIL_ATTEMPTS", default=5)

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
    "figures",
    "agencies",
    "catalog",
    "sources",
    "policies",
    "subscriptions",
    "oversight",
    "govtrack",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "govtrack.middleware.language_from_cookie",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Signed-in is the rule; a view that anybody may open says so with @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "agencies.User"
AUTHENTICATION_BACKENDS = ["agencies.signing_in.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

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

# A pasted text of 10 MB must reach the form, which names the field that is too long; more is answered with 400.
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

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

# Django alone says nothing about errors while DEBUG is off.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "gunicorn.http.wsgi": {
            "level": "ERROR"
        },  # it warns of each HEAD request that Django answers like a GET
    },
}
