"""Writes behind while the caller computes on: one thing at a time in a thread, on the caller's own connection to the database.

PostgreSQL takes as long to write a part of a file as Python does to check the next one. Both happen in one transaction, so the
caller must `wait` before it asks the database for anything itself.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from types import TracebackType

from django.db import DEFAULT_DB_ALIAS, connections


class Behind:
    """As a context: leaving it waits for what was begun, whose error is raised unless there is one already."""

    def __init__(self) -> None:
        self._connection = connections[DEFAULT_DB_ALIAS]
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, job: Callable[[], None]) -> None:
        """Begin something; the one before must have been waited for."""
        if self._thread is not None:
            raise RuntimeError("Wait for the one before.")
        # What a request or a command has set, such as the language, holds for the job as well.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._do, job), daemon=True)
        self._connection.inc_thread_sharing()
        try:
            thread.start()
        except RuntimeError:
            self._connection.dec_thread_sharing()
            raise
        self._thread = thread

    def wait(self) -> None:
        """Until the job is done. Raises what the job has raised."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        self._connection.dec_thread_sharing()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _do(self, job: Callable[[], None]) -> None:
        connections[DEFAULT_DB_ALIAS] = self._connection  # of this thread alone
        try:
            job()
        except BaseException as error:
            self._error = error
        finally:
            del connections[DEFAULT_DB_ALIAS]

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.wait()
        except BaseException as also:
            if error is None:
                raise
            error.add_note(f"What was written behind failed too: {also!r}")
