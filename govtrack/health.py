"""Whether this process answers, and whether it can do its work. Strangers may ask and are told one word; the log has the rest."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from subscriptions.models import Attachment

logger = logging.getLogger("govtrack.health")

# For each database, what its list of migrations was when all of this code's were found in it: a restore may take some back.
_migrated: dict[str, Any] = {}
MIGRATIONS = "SELECT count(*), max(id), max(applied) FROM django_migrations"


@login_not_required
@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked, so that a busy database gets no server restarted."""
    return HttpResponse("alive\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when requests may be sent here, 503 when not."""
    found = list(problems())
    for problem in found:
        logger.warning("Not ready: %s", problem)
    return HttpResponse(
        "not ready\n" if found else "ready\n", content_type="text/plain", status=503 if found else 200
    )


def problems() -> Iterator[str]:
    """What keeps this process from its work, each in one sentence."""
    try:
        missing = _missing_migrations()
        lost = not missing and _attachments_are_lost()
    except Error as error:
        yield f"the database does not answer: {error}"
    else:
        if missing:
            yield f"{missing} migrations are not applied; run manage.py migrate."
        elif lost:
            yield f"{settings.ATTACHMENTS_DIR} is not there or empty, though attachments lie in it: is its disk mounted?"
    for folder in folders():
        if reason := _unwritable(folder):
            yield f"{folder} cannot be written to: {reason}."
            continue
        free = shutil.disk_usage(folder).free // 1024 // 1024
        if free < settings.READY_FREE_MB:
            yield f"the disk of {folder} has {free} MB free; {settings.READY_FREE_MB} are needed."


def _missing_migrations() -> int:
    where = f"{connection.settings_dict['HOST']} {connection.settings_dict['NAME']}"
    try:
        with connection.cursor() as cursor:
            cursor.execute(MIGRATIONS)
            listed = cursor.fetchone()
    except Error:
        listed = None  # there is no such list yet, or no database: what follows tells
    if listed is not None and _migrated.get(where) == listed:
        return 0
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not missing:
        _migrated[where] = listed
    return missing


def _attachments_are_lost() -> bool:
    """Whether there are files by their rows and none in their folder, which is made with the first of them."""
    folder = Path(settings.ATTACHMENTS_DIR)
    try:
        if folder.is_dir():
            with os.scandir(folder) as names:  # which reads no more of them than the first
                if next(names, None) is not None:
                    return False
    except OSError:
        return False  # told as what cannot be written to
    return Attachment.objects.there().exists()


def _unwritable(folder: Path) -> str:
    """Why nothing can be written there; a file without a name is, and is gone at once."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ready")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def folders() -> list[Path]:
    """Where this process writes: SQLite's file, uploads on their way, and what is kept; each as far as it exists."""
    wanted = [Path(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir())]
    if connection.vendor == "sqlite":
        wanted.append(Path(str(connection.settings_dict["NAME"])).parent)
    wanted += [
        Path(getattr(settings, name)) for name in settings.KEPT_FOLDERS if getattr(settings, name, None)
    ]
    found = []
    for folder in wanted:
        while not folder.exists():
            folder = folder.parent
        found.append(folder)
    return sorted(set(found))
