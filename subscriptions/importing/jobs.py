"""How an uploaded file is tried, imported and taken back by a worker in the background, with progress that survives a reload.

An import and the note that it is done are one transaction: a worker that is killed leaves neither.
"""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone, translation
from django_tasks import task

from agencies.models import User
from audit.origin import asked_from, handed_on
from subscriptions.importing.kinds import KINDS, Kind
from subscriptions.importing.refusing import Refused
from subscriptions.importing.report import Changed, Report
from subscriptions.importing.undoing import Touched
from subscriptions.upload_models import Upload

logger = logging.getLogger(__name__)
Step, State, Problem = Upload.Step, Upload.State, Upload.Problem

# How many files of one person may wait or run at once.
AT_ONCE = 3
BEAT = 1.0  # seconds between two signs of life


def folder() -> Path:
    """Where the files lie: outside everything that is served."""
    path = Path(settings.IMPORTS_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def days_kept() -> int:
    return int(settings.IMPORTS_DAYS)


def store(data: bytes) -> str:
    """Keep the bytes of a file; returns the name that it is kept under."""
    name = f"{uuid.uuid4().hex}.upload"
    path = folder() / name
    try:
        path.touch(mode=0o600)
        path.write_bytes(data)
    except OSError:  # the disk is full, most likely: nobody would ever look for the part that was written
        path.unlink(missing_ok=True)
        raise
    return name


def stored(upload: Upload) -> bytes:
    """The bytes of an upload. Raises Stopped when they have been deleted."""
    try:
        return (folder() / upload.file).read_bytes() if upload.file else _gone()
    except FileNotFoundError:
        return _gone()


def _gone() -> bytes:
    raise Stopped(Problem.GONE)


def forget(upload: Upload) -> None:
    """Delete what an upload has in the folder."""
    if upload.file:
        (folder() / upload.file).unlink(missing_ok=True)


# --- how far it is ----------------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """How far the run of an upload is, as its pages show it."""

    upload: Upload

    @cached_property
    def _noted(self) -> tuple[int, datetime.datetime]:
        """The rows that are done, and the last sign of life."""
        upload = self.upload
        if upload.state != State.RUNNING:
            return 0, upload.heard_of_at
        path = _note_of(upload)
        try:
            heard = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
            return int(path.read_text()), max(heard, upload.heard_of_at)
        except (OSError, ValueError):
            return 0, upload.heard_of_at

    @property
    def rows(self) -> int:
        return self._noted[0]

    @property
    def percent(self) -> int:
        """Of the rows; the policies, which come after them, are the last tenth."""
        return min(90, 90 * self.rows // self.upload.rows_total) if self.upload.rows_total else 0

    @property
    def is_read(self) -> bool:
        """Whether all rows are done, so that the policies are being checked."""
        return 0 < self.upload.rows_total <= self.rows

    @property
    def _is_silent(self) -> bool:
        return timezone.now() - self._noted[1] > Upload.SILENT_AFTER

    @property
    def is_interrupted(self) -> bool:
        """Whether it should be running, but its run has given no sign of life for long, or said that it was stopped."""
        upload = self.upload
        stopped = upload.state == State.FAILED and upload.problem == Problem.INTERRUPTED
        return stopped or (upload.state == State.RUNNING and self._is_silent)

    @property
    def is_kept_waiting(self) -> bool:
        """Whether no worker has taken it for long."""
        return self.upload.state == State.WAITING and self._is_silent

    @property
    def is_going_on(self) -> bool:
        return self.upload.state in (State.WAITING, State.RUNNING) and not self.is_interrupted

    @property
    def shown_state(self) -> str:
        """A word for the state, with which `krds/badge.html` knows its tone."""
        if self.is_interrupted:
            return "warning"
        words = {
            State.DONE: "success",
            State.FAILED: "danger",
            State.STOPPED: "danger",
            State.RUNNING: "info",
        }
        return words.get(State(self.upload.state), "waiting")


def _note_of(upload: Upload) -> Path:
    return folder() / f"{upload.pk}-{upload.attempt}.progress"


class _Beat:
    """Notes every second in a file how far a run is.

    Not in the database: a run is one transaction, which nobody else sees into, and on SQLite nobody else writes beside it.
    """

    def __init__(self, upload: Upload) -> None:
        self.path, self.rows = _note_of(upload), 0
        self.over, self.lock = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Beat:
        self._note()
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.thread.join()
        self.path.unlink(missing_ok=True)

    def __call__(self, rows: int) -> None:
        self.rows = rows
        self._note()

    def _beat(self) -> None:
        while not self.over.wait(BEAT):
            self._note()

    def _note(self) -> None:
        try:
            with self.lock:
                part = self.path.with_suffix(".part")
                part.write_text(str(self.rows))
                part.replace(self.path)
        except OSError:
            logger.warning("The progress of an import was not noted", exc_info=True)


# --- starting ---------------------------------------------------------------------------------------------------------


def too_many_at_once(owner: User) -> bool:
    uploads = Upload.objects.filter(owner=owner, state__in=(State.WAITING, State.RUNNING))
    return sum(Progress(upload).is_going_on for upload in uploads) >= AT_ONCE


@transaction.atomic
def start(upload: Upload, step: Upload.Step, **values: Any) -> bool:
    """Have the worker do a step, in the language in use. Whether it could be: while a run goes on, another is not begun."""
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    if Progress(upload).is_going_on or not _may_follow(upload, step):
        return False
    for name, value in values.items():
        setattr(upload, name, value)
    upload.attempt += 1
    upload.step, upload.state, upload.problem, upload.detail = step, State.WAITING, Problem.NONE, ""
    upload.language = translation.get_language() or settings.LANGUAGE_CODE
    upload.heard_of_at, upload.finished_at = timezone.now(), None
    upload.save()
    work.enqueue(upload.pk, upload.attempt, handed_on())
    return True


def _may_follow(upload: Upload, step: Upload.Step) -> bool:
    """Whether a step can be the next: what is imported is not tried again, and only what was tried is imported."""
    is_imported = upload.file_import_id is not None
    if step == Step.UNDO:
        return is_imported and not (upload.step == Step.UNDO and upload.state == State.DONE)
    if step == Step.IMPORT:
        return not is_imported and upload.report is not None and not upload.report["errors"]
    return step == Step.TRIAL and not is_imported


# --- running ----------------------------------------------------------------------------------------------------------


@task()
def work(upload: int, attempt: int, origin: dict[str, Any] | None = None) -> None:
    with asked_from(origin, "imports"):
        run(upload, attempt)


class Stopped(Exception):
    """There is nothing to be done, for this reason."""

    def __init__(self, problem: Upload.Problem, detail: str = "") -> None:
        super().__init__(problem)
        self.problem, self.detail = problem, detail


class Followed(Exception):
    """Another run of the same upload has begun meanwhile: this one keeps nothing."""


def run(pk: int, attempt: int) -> None:
    """Do the step of an upload that waits. Whatever stops it is written down there."""
    waiting = Upload.objects.filter(pk=pk, attempt=attempt, state=State.WAITING)
    if not waiting.update(state=State.RUNNING, heard_of_at=timezone.now()):
        return  # taken by another run
    upload = Upload.objects.select_related("owner", "file_import").get(pk=pk)
    try:
        with translation.override(upload.language), _Beat(upload) as progress:
            _stopping(_STEPS[Step(upload.step)], upload, progress)
    except Stopped as stopped:
        _finish(upload, state=State.STOPPED, problem=stopped.problem, detail=stopped.detail)
    except Followed:
        pass
    except Exception:
        logger.exception("Import %s failed", pk)
        _finish(upload, state=State.FAILED, problem=Problem.BROKEN)
    except BaseException:  # the worker is told to stop at once
        _finish(upload, state=State.FAILED, problem=Problem.INTERRUPTED)
        raise


def _stopping(step: Callable[[Upload, Kind, _Beat], None], upload: Upload, progress: _Beat) -> None:
    """Do a step; what the register has against it is a Stopped."""
    kind = KINDS[upload.kind]
    if not upload.owner.is_active or not kind.may(upload.owner):
        raise Stopped(Problem.NOT_ALLOWED)
    try:
        step(upload, kind, progress)
    except Refused as refused:
        raise Stopped(Problem.REFUSED, _refusal(refused)) from refused
    except Changed as changed:
        raise Stopped(Problem.CHANGED) from changed
    except Touched as touched:
        raise Stopped(Problem.TOUCHED, ", ".join(touched.references)) from touched
    except PermissionDenied as denied:
        raise Stopped(Problem.NOT_ALLOWED) from denied


def _refusal(refused: Refused) -> str:
    if refused.line is None:
        return refused.reason
    return translation.gettext("Line %(line)s: %(reason)s") % {"line": refused.line, "reason": refused.reason}


def _try(upload: Upload, kind: Kind, progress: _Beat) -> None:
    report = _runs(upload, kind)(
        stored(upload),
        upload.file_name,
        upload.owner,
        columns=upload.columns,
        trial=True,
        progress=progress,
    )
    _finish(upload, state=State.DONE, report=report.as_json(), rows_total=progress.rows)


def _import(upload: Upload, kind: Kind, progress: _Beat) -> None:
    expected = Report.of_json(upload.report or {}).digest
    with transaction.atomic():
        report = _runs(upload, kind)(
            stored(upload),
            upload.file_name,
            upload.owner,
            columns=upload.columns,
            expected=expected,
            progress=progress,
        )
        if report.errors or report.run is None:
            raise Changed
        if not _finish(upload, state=State.DONE, report=report.as_json(), file_import=report.run):
            raise Followed


def _undo(upload: Upload, kind: Kind, progress: _Beat) -> None:
    with transaction.atomic():
        kind.undo(upload.file_import, by=upload.owner)
        if not _finish(upload, state=State.DONE):
            raise Followed


_STEPS = {Step.TRIAL: _try, Step.IMPORT: _import, Step.UNDO: _undo}


def _runs(upload: Upload, kind: Kind) -> Any:
    return kind.run_in_use if upload.in_use else kind.run


def _finish(upload: Upload, **values: Any) -> bool:
    """Write down how it ended, unless another run has begun."""
    now = timezone.now()
    running = Upload.objects.filter(pk=upload.pk, attempt=upload.attempt, state=State.RUNNING)
    return bool(running.update(finished_at=now, heard_of_at=now, **values))


def remove_old(before: datetime.datetime) -> tuple[int, int]:
    """Delete the files that were uploaded before an instant, and what runs that were killed left; how many of either.

    What came of them stays.
    """
    removed = 0
    for upload in Upload.objects.filter(created_at__lt=before, heard_of_at__lt=before).exclude(file=""):
        forget(upload)
        removed += Upload.objects.filter(pk=upload.pk).update(file="")
    kept = set(Upload.objects.exclude(file="").values_list("file", flat=True))
    left = [
        path
        for path in folder().iterdir()
        if path.suffix in (".upload", ".progress", ".part")
        and path.name not in kept
        and path.stat().st_mtime < before.timestamp()
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return removed, len(left)
