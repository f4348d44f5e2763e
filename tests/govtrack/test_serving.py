"""`make run` serves with a worker beside the server, which ends with it."""

import os
from typing import Any

import pytest

from govtrack import serving
from tests.subscriptions.test_killed_check import address


@pytest.mark.django_db(transaction=True)
def test_the_worker_lives_as_long_as_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", address())
    serving.when_ready(None)
    worker: Any = serving._worker
    try:
        assert worker.poll() is None
        assert "db_worker" in worker.args
    finally:
        serving.on_exit(None)
    assert worker.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def test_a_server_that_never_listened_has_no_worker_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_worker", None)
    serving.on_exit(None)
