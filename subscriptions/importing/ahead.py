"""Reads on while the database writes: the parts of a file are made in a thread, one part ahead of whoever takes them."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.utils import translation

# Between the thread that reads and the one that waits for the database: whoever has work to send should not wait long for it.
SWITCH = 0.0005  # seconds

Part = TypeVar("Part")


def ahead(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, each made while the one before is worked on. `parts` must not ask the database for anything.

    What it raises is raised here, in its place. Messages are made in the language of whoever asks.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=1)
    over = threading.Event()
    language = translation.get_language()

    def put(kind: str, part: Any) -> None:
        while not over.is_set():
            try:
                return made.put((kind, part), timeout=0.1)
            except queue.Full:
                continue
        return None

    def make() -> None:
        try:
            with translation.override(language):
                for part in parts:
                    put("part", part)
                    if over.is_set():
                        return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    thread = threading.Thread(target=make, daemon=True)
    with _switching_soon():
        thread.start()
        try:
            while True:
                kind, part = made.get()
                if kind == "error":
                    raise part
                if kind == "end":
                    return
                yield part
        finally:
            over.set()
            thread.join()


@contextmanager
def _switching_soon() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
