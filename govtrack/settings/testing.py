"""The tests: fast passwords, static files straight from their folders, a database of the run's own."""

import os
import tempfile
from pathlib import Path

from .base import *  # noqa: F403
from .base import ACCOUNT_RATE_LIMITS, CACHES, DATABASES, REQUEST_LIMITS, STORAGES

SECRET_KEY = "only-for-tests-" + "0123456789abcdef" * 4
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]

# Tests sign people in without a second factor and all from one address; those of signing in itself turn these on.
SECOND_FACTOR_REQUIRED = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10**10
ACCOUNT_RATE_LIMITS.update(dict.fromkeys(ACCOUNT_RATE_LIMITS, ""))

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests of the attempts themselves take the one of a deployment.
CACHES["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}

EMAIL_IS_SENT = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True

# Tests open more pages in a minute than a person; those of the limits set them.
REQUEST_LIMITS.clear()

EXPORTS_DIR = Path(tempfile.gettempdir()) / f"govtrack-test-exports-{os.getpid()}"
ATTACHMENTS_DIR = Path(tempfile.gettempdir()) / f"govtrack-test-attachments-{os.getpid()}"
# Tests that start a worker of its own share their folder with it.
IMPORTS_DIR = Path(
    os.environ.get("IMPORTS_DIR", Path(tempfile.gettempdir()) / f"govtrack-test-imports-{os.getpid()}")
)

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: tests of two writers at once need two connections. One per process, so that runs can overlap.
    DATABASES["default"]["TEST"] = {
        "NAME": Path(tempfile.gettempdir()) / f"govtrack-test-{os.getpid()}.sqlite3"
    }
