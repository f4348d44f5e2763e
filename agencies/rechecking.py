"""How a change on the left reaches the verdicts on the right: a row is written here, and one registered hook drains it."""

from collections.abc import Callable

from django.db import transaction

_hooks: list[Callable[[], None]] = []


def register(drain: Callable[[], None]) -> None:
    """Name the function that drains the pending re-checks; the app that judges registers its own when it is ready."""
    if drain not in _hooks:
        _hooks.append(drain)


def announce() -> None:
    """Have the pending re-checks drained right after this transaction commits. What fails stays pending for the next run."""
    for drain in _hooks:
        transaction.on_commit(drain, robust=True)
