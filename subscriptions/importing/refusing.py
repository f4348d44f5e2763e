"""What a file is refused with."""

from __future__ import annotations


class Refused(Exception):
    """Why nothing of a file can be taken, and the line that it was noticed on, if it is one."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line
