"""What stands in the register's way without being a fault in it: no database, no room on a disk, too many at once.

The reader is told which, that nothing was kept, and to try again; whoever runs the register finds the rest in the log and in
docs/running.md.
"""

from __future__ import annotations

import errno
from enum import StrEnum

import psycopg
from django.db import Error, InterfaceError, OperationalError


class Outage(StrEnum):
    """DATABASE: it does not answer or takes no more connections. FULL: a disk or a quota. BUSY: others were in the way."""

    DATABASE = "database"
    FULL = "full"
    BUSY = "busy"


# SQLSTATE, or the class that it begins with; see PostgreSQL's appendix A.
STATES = {
    "08": Outage.DATABASE,  # the connection broke
    "57P": Outage.DATABASE,  # the server is stopped, has crashed or is starting
    "53300": Outage.DATABASE,  # too many connections
    "53100": Outage.FULL,
    "40": Outage.BUSY,  # a deadlock, broken by the database
    "55P03": Outage.BUSY,
}
# What SQLite says, as its module tells it.
WORDS = {
    "database or disk is full": Outage.FULL,
    "disk I/O error": Outage.FULL,
    "database is locked": Outage.BUSY,
    "unable to open database file": Outage.DATABASE,
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def outage_of(error: BaseException | None) -> Outage | None:
    """Which outage an exception, or one that it came from, tells of; None where the register itself is at fault."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if found := _of(error):
            return found
        error = error.__cause__ or error.__context__
    return None


def _of(error: BaseException) -> Outage | None:
    if isinstance(error, OSError):
        return Outage.FULL if error.errno in NO_ROOM else None
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        found = next((outage for start, outage in STATES.items() if state.startswith(start)), None)
        # Without a state, the connection was never there or is gone.
        lost = not state and isinstance(error, psycopg.OperationalError)
        return found or (Outage.DATABASE if lost else None)
    if isinstance(error, InterfaceError) and "closed" in str(error):
        return Outage.DATABASE
    if isinstance(error, OperationalError) and isinstance(error, Error):
        return WORDS.get(str(error))
    return None
