"""Two people at one round at the same moment, on PostgreSQL: it is closed once, and a return is in the source or refused."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection

from oversight.round_models import Return, Round
from oversight.rounds import closing, returning
from sources.models import Source
from tests.oversight.rounds.conftest import asked
from tests.subscriptions.factories import DAY
from tests.subscriptions.test_at_once import interleave  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only on PostgreSQL: SQLite has one writer at a time: nothing can be interleaved",
    ),
]


@pytest.fixture(params=[True, False], ids=["locked", "not locked"])
def locked(request, monkeypatch) -> bool:
    """Whether acts hold the round; the control shows what happens otherwise."""
    if not request.param:
        monkeypatch.setattr(type(Round.objects.all()), "select_for_update", lambda self, **how: self)
    return request.param


def test_a_round_is_closed_once(interleave, opened, member, locked):  # noqa: F811
    round_ = opened()
    first, second, waited = interleave(
        lambda: closing.close(round_, by=member, on=DAY),
        lambda: closing.close(round_, by=member, on=DAY),
        pause=(closing, "log"),
    )
    assert (first.error, waited) == (None, True)
    # Without the lock, only the code that a source bears once stops the second one, by an error that says nothing.
    assert isinstance(second.error, closing.ClosedAlready if locked else IntegrityError)
    assert Source.objects.count() == 1
    assert list(round_.events.filter(act="closed").values_list("done_by", flat=True)) == [member.pk]


def test_a_return_filed_while_a_round_is_closed_is_refused(interleave, opened, member, clerk, locked):  # noqa: F811
    round_ = opened()
    row = asked(round_, "P1")
    first, second, waited = interleave(
        lambda: closing.close(round_, by=member, on=DAY),
        lambda: returning.file_nil(row, by=clerk),
        pause=(closing, "log"),
    )
    assert (first.error, waited) == (None, locked)
    stated = first.result.statements.filter(subject=row.agency).count()
    if locked:
        assert isinstance(second.error, returning.RoundNotOpen)
        assert (Return.objects.count(), stated) == (0, 0)
    else:  # it was taken, and is in no source: lost
        assert (second.error, Return.objects.count(), stated) == (None, 1, 0)


def test_a_return_filed_before_is_in_the_source(interleave, opened, member, clerk):  # noqa: F811
    round_ = opened()
    row = asked(round_, "P1")
    first, second, waited = interleave(
        lambda: returning.file_nil(row, by=clerk),
        lambda: closing.close(round_, by=member, on=DAY),
        pause=(returning, "canonical"),
    )
    assert (first.error, second.error, waited) == (None, None, True)
    assert second.result.statements.filter(subject=row.agency, value=0).count() == 3


def test_two_returns_at_once_are_both_kept(interleave, opened, clerk):  # noqa: F811
    round_ = opened()
    row = asked(round_, "P1")
    first, second, waited = interleave(
        lambda: returning.file_nil(row, by=clerk),
        lambda: returning.cannot_say(row, by=clerk, category="other", reason="x"),
        pause=(returning, "canonical"),
    )
    assert (first.error, second.error, waited) == (None, None, True)
    assert asked(round_, "P1").current == second.result
    assert list(Return.objects.order_by("number").values_list("answer", flat=True)) == ["nil", "cannot_say"]
