"""How a change on the left reaches what judges on the right: written with the change, announced after its commit."""

import pytest
from django.db import transaction

from agencies import rechecking
from agencies.models import Recheck

pytestmark = pytest.mark.django_db


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many re-checks were pending each time the hook was called."""
    calls: list[int] = []
    monkeypatch.setattr(rechecking, "_hooks", [])
    rechecking.register(lambda: calls.append(Recheck.objects.count()))
    return calls


def test_it_is_written_with_the_change_and_announced_after_the_commit(
    drained, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        Recheck.ask(Recheck.About.VENDOR, "maker")
        assert drained == []
    assert drained == [1]
    assert list(Recheck.objects.values_list("about", "code")) == [("vendor", "maker")]


def test_a_change_that_fails_asks_for_nothing(drained, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        Recheck.ask(Recheck.About.VENDOR, "maker")
        transaction.set_rollback(True)
    assert drained == []
    assert not Recheck.objects.exists()


def test_a_hook_is_registered_once(drained):
    def hook() -> None:
        raise AssertionError

    rechecking.register(hook)
    rechecking.register(hook)
    assert len(rechecking._hooks) == 2


def test_a_hook_that_fails_stops_neither_the_change_nor_the_others(
    drained, django_capture_on_commit_callbacks, caplog
):
    def failing() -> None:
        raise RuntimeError("no more memory")

    rechecking._hooks.insert(0, failing)
    with django_capture_on_commit_callbacks(execute=True):
        Recheck.ask(Recheck.About.PRODUCT, "chat")
    assert drained == [1]
    assert "no more memory" in caplog.text


def test_the_app_that_judges_has_registered_its_own():
    from subscriptions.checking import drain

    assert rechecking._hooks == [drain]
