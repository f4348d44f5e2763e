"""How long one statement of a page may keep the database busy. Commands and the worker are not limited."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from psycopg.errors import QueryCanceled

logger = logging.getLogger("govtrack.queries")

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# SQLite asks after so many of its steps, some milliseconds, whether to go on.
STEPS = 100_000


def limit_queries() -> None:
    """From now on, each new connection of this process is limited; for web processes alone."""
    connection_created.connect(_limit, dispatch_uid="govtrack.query_limits")


def unlimit_queries() -> None:
    """New connections are not limited any more."""
    connection_created.disconnect(dispatch_uid="govtrack.query_limits")


def _limit(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, false)", [f"{settings.QUERY_SECONDS}s"]
            )
    elif connection.vendor == "sqlite":
        deadline = (
            threading.local()
        )  # none while rows are fetched: a slow reader of a file is no slow statement

        def too_late() -> bool:
            return time.monotonic() > getattr(deadline, "at", math.inf)

        def timed(execute: Any, *arguments: Any) -> Any:
            deadline.at = time.monotonic() + settings.QUERY_SECONDS
            try:
                return execute(*arguments)
            finally:
                deadline.at = math.inf

        connection.connection.set_progress_handler(too_late, STEPS)
        # A connection that is opened again keeps its wrappers.
        connection.execute_wrappers[:] = [
            wrapper for wrapper in connection.execute_wrappers if not hasattr(wrapper, "limits_queries")
        ]
        timed.limits_queries = True  # type: ignore[attr-defined]
        connection.execute_wrappers.append(timed)


def took_too_long(error: BaseException) -> bool:
    """Whether the database ended a statement because of the limit."""
    return isinstance(error, OperationalError) and (
        isinstance(error.__cause__, QueryCanceled) or str(error) == "interrupted"
    )


def stopped_in_time(get_response: GetResponse) -> GetResponse:
    """Tell the reader of a page whose statement was ended what to do, instead of a system error."""

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not took_too_long(error):
            return None
        name = request.resolver_match.view_name if request.resolver_match else "?"
        logger.warning("A statement of %s was ended after %s seconds.", name, settings.QUERY_SECONDS)
        return render(request, "503.html", {"seconds": settings.QUERY_SECONDS}, status=503)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
