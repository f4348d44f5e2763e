"""How a file is made in the background: started, run in the owner's sight, and run again when it was interrupted."""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import QueryDict
from django.utils import timezone, translation
from django_tasks import task

from agencies.models import User
from figures.files import XLSX_ROW_LIMIT
from oversight.explorer.form import ExplorerForm
from oversight.explorer.records import Kind, cells, columns, kind_asked, records
from oversight.exports.workbook import write_records
from oversight.models import ExportJob

logger = logging.getLogger(__name__)
State, Problem = ExportJob.State, ExportJob.Problem

# The sheet's first row is the header.
LONGEST = XLSX_ROW_LIMIT - 1
# How many jobs of one person may wait or run at once.
AT_ONCE = 3
BEAT = 1.0  # seconds between two signs of life


def folder() -> Path:
    """Where the files lie: outside everything that is served."""
    path = Path(settings.EXPORTS_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def days_kept() -> int:
    return int(settings.EXPORTS_DAYS)


def path_of(job: ExportJob) -> Path:
    return folder() / job.file


@transaction.atomic
def start(owner: User, query: str, rows: int) -> ExportJob:
    """Ask the worker for the records of a page's address, in the language in use."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    job = ExportJob.objects.create(owner=owner, query=query, rows_total=rows, language=language)
    make_file.enqueue(job.pk, job.attempt)
    return job


@transaction.atomic
def start_again(job: ExportJob) -> bool:
    """Whether it could be: a job that goes on, or has a file that its owner may open, is left alone."""
    job = ExportJob.objects.select_for_update().get(pk=job.pk)
    if not job.may_run_again:
        return False
    if job.file:
        left = path_of(job)
        transaction.on_commit(lambda: left.unlink(missing_ok=True))
    job.attempt += 1
    job.state, job.problem, job.file, job.rows_done = State.WAITING, Problem.NONE, "", 0
    job.heard_of_at, job.finished_at = timezone.now(), None
    job.save()
    make_file.enqueue(job.pk, job.attempt)
    return True


def too_many_at_once(owner: User) -> bool:
    jobs = ExportJob.objects.filter(owner=owner, state__in=(State.WAITING, State.RUNNING))
    return sum(job.is_going_on for job in jobs) >= AT_ONCE


@task()
def make_file(job: int, attempt: int) -> None:
    run(job, attempt)


def run(pk: int, attempt: int) -> None:
    """Make the file of a job that waits. Whatever stops it is written down in the job."""
    waiting = ExportJob.objects.filter(pk=pk, attempt=attempt, state=State.WAITING)
    if not waiting.update(state=State.RUNNING, heard_of_at=timezone.now()):
        return  # taken by another run, or its owner is gone
    job = ExportJob.objects.select_related("owner").get(pk=pk)
    part = folder() / f"{uuid.uuid4().hex}.part"
    try:
        with translation.override(job.language), _Progress(job) as progress:
            _write(job, part, progress)
        done = part.replace(part.with_suffix(".xlsx"))
        if not _finish(job, state=State.DONE, file=done.name, rows_done=progress.rows):
            done.unlink()
    except Stopped as stopped:
        _finish(job, state=State.STOPPED, problem=stopped.problem)
    except Followed:
        pass
    except Exception:
        logger.exception("Export %s failed", pk)
        _finish(job, state=State.FAILED, problem=Problem.BROKEN)
    except BaseException:  # the worker is told to stop at once
        _finish(job, state=State.FAILED, problem=Problem.INTERRUPTED)
        raise
    finally:
        part.unlink(missing_ok=True)


class Stopped(Exception):
    """There is nothing to be made, for this reason."""

    def __init__(self, problem: ExportJob.Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class Followed(Exception):
    """Another run of the same job has begun meanwhile."""


def _write(job: ExportJob, path: Path, progress: _Progress) -> None:
    """Everything is asked anew: what the owner may see now, not what they saw when they asked."""
    sight = job.owner.sight()
    if not job.owner.is_active or not (sight.everything or sight.paths):
        raise Stopped(Problem.NOT_ALLOWED)
    given = QueryDict(job.query)
    form = ExplorerForm(given, job.owner)
    if not form.is_valid() or form.question.measure.is_stated:
        raise Stopped(Problem.NOT_VALID)
    kind: Kind = kind_asked(form.question, given)
    rows = records(job.owner, form.question, kind)
    total = rows.order_by().count()
    seen = ExportJob.EVERYTHING if sight.everything else sight.agency_keys
    ExportJob.objects.filter(pk=job.pk, attempt=job.attempt).update(rows_total=total, sight=seen)
    if total > LONGEST:
        raise Stopped(Problem.TOO_LONG)
    limited = progress.counted(cells(rows, kind))
    write_records(path, columns(kind), limited, form, timezone.now())


def _finish(job: ExportJob, **values: Any) -> bool:
    """Write down how it ended, unless another run has begun."""
    now = timezone.now()
    running = ExportJob.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)
    return bool(running.update(finished_at=now, heard_of_at=now, **values))


class _Progress:
    """Writes down every second how far a run is, from a thread of its own.

    Its connection is its own too: on SQLite, one that reads a long result cannot write once anybody else has.
    """

    def __init__(self, job: ExportJob) -> None:
        self.job, self.rows, self.is_followed = job, 0, False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Progress:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.thread.join()

    def counted(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Raises Stopped where more have come than a sheet holds, and Followed when another run has begun."""
        for row in rows:
            if self.is_followed:
                raise Followed
            if self.rows >= LONGEST:
                raise Stopped(Problem.TOO_LONG)
            yield row
            self.rows += 1

    def _beat(self) -> None:
        try:
            while not self.over.wait(BEAT) and not self.is_followed:
                try:
                    self.is_followed = not self._written()
                except DatabaseError:  # busy or away for a moment; the next sign of life will tell
                    logger.warning("The progress of export %s was not written", self.job.pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()

    def _written(self) -> bool:
        """Whether it could be: not when another run has begun."""
        running = ExportJob.objects.filter(pk=self.job.pk, attempt=self.job.attempt, state=State.RUNNING)
        return bool(running.update(rows_done=self.rows, heard_of_at=timezone.now()))


def remove_old(before: datetime.datetime) -> tuple[int, int]:
    """Delete the files of jobs that ended before an instant, and what runs that were killed left; how many of either."""
    removed = 0
    for job in ExportJob.objects.filter(state=State.DONE, finished_at__lt=before):
        path_of(job).unlink(missing_ok=True)
        removed += ExportJob.objects.filter(pk=job.pk, state=State.DONE).update(state=State.REMOVED, file="")
    kept = set(ExportJob.objects.filter(state=State.DONE).values_list("file", flat=True))
    left = [
        path
        for path in folder().iterdir()
        if path.suffix in (".part", ".xlsx")
        and path.name not in kept
        and path.stat().st_mtime < before.timestamp()
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return removed, len(left)
