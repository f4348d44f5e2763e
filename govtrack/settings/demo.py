"""The demonstration on one's own machine: no set-up, error pages as users see them, data in `.demo/`.

`DEBUG=1` serves static files as they are edited and shows Django's own error pages.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from .base import *  # noqa: F403
from .base import DEMO_DIR, STORAGES, env


def kept_key(path: Path) -> str:
    """The secret key in `path`, generated on first use and readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(new, path)
        new.unlink()
    return path.read_text()


GOVTRACK_DEMO = True
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=False)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = kept_key(DEMO_DIR / "secret-key")
# Nothing leaves the machine: e-mails are written to files.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_IS_SENT = True
EMAIL_FILE_PATH = DEMO_DIR / "e-mails"
EXPORTS_DIR = DEMO_DIR / "exports"
ATTACHMENTS_DIR = DEMO_DIR / "attachments"
IMPORTS_DIR = DEMO_DIR / "imports"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
