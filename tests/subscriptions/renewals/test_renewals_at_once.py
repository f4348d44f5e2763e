"""Two runs of the reminders, or two people at one renewal, at once on PostgreSQL: nothing is told, sent or done twice."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.db.models import QuerySet

from agencies.models import Delivery, Notice
from agencies.notices import digests
from subscriptions import recording
from subscriptions.models import Decision, Renewal
from subscriptions.renewals import reminding
from subscriptions.renewals.deciding import let_end, renew
from subscriptions.renewals.keeping import keep_many
from tests.subscriptions.factories import DAY, SubscriptionFactory, agency_at, days, kept, person
from tests.subscriptions.test_at_once import Interleave, interleave  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock"),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only on PostgreSQL: SQLite has one writer at a time: nothing can be interleaved",
    ),
]


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """`with without_locks():` no row is held, as if the code did not ask for it."""

    @contextlib.contextmanager
    def off() -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
            yield

    return off


def subscribed() -> Any:
    boss = person("administrator", agency_at("KR/P1"), email="boss@p1.example")
    subscription = kept(SubscriptionFactory(agency=agency_at("KR/P1"), ends_on=days(30), notice_days=0))
    keep_many([subscription.pk])
    return boss, subscription


@pytest.mark.parametrize("held", [True, False], ids=["held", "control"])
def test_two_runs_remind_once(interleave: Interleave, without_locks: Any, monkeypatch: Any, held: bool):  # noqa: F811
    """The second waits for the first and finds nothing left. Without locks and marks, both would tell: the control."""
    subscribed()
    run = lambda: reminding.remind(DAY)  # noqa: E731
    if held:
        first, second, waited = interleave(run, run, pause=(reminding, "_notices"))
        assert (first.result.told, second.result.told, waited) == (1, 0, True)
    else:
        real = reminding._notices

        def unmarked(*args: Any) -> list[Notice]:
            notices = real(*args)
            for notice in notices:
                notice.once = ""
            return notices

        monkeypatch.setattr(reminding, "_notices", unmarked)
        with without_locks():
            interleave(run, run, pause=(reminding, "_notices"))
    assert Notice.objects.count() == (1 if held else 2)


@pytest.mark.parametrize("claims", [True, False], ids=["claimed", "control"])
def test_two_runs_send_one_e_mail(interleave: Interleave, monkeypatch: Any, claims: bool):  # noqa: F811
    """Of two that make the digest one does; of two that send it one does. Without the claim both would: the control."""
    Notice.objects.create(recipient=person(email="a@p1.example"), key="x")
    make = lambda: digests.make_digests(DAY)  # noqa: E731
    first, second, waited = interleave(make, make, pause=(digests, "_written"))
    assert (len(first.result), second.result, waited) == (1, [], True)
    if not claims:
        monkeypatch.setattr(digests, "_claimed", lambda pk: Delivery.objects.get(pk=pk))
    first, second, _waited = interleave(digests.send_digests, digests.send_digests, pause=(digests, "_send"))
    assert (first.error, second.error) == (None, None)
    assert len(mail.outbox) == (1 if claims else 2)
    if claims:
        assert (first.result.sent, second.result.sent, second.result.in_doubt) == (1, 0, 1)


def test_of_two_decisions_on_one_renewal_the_second_is_told(interleave: Interleave):  # noqa: F811
    boss, subscription = subscribed()
    until = subscription.ends_on + datetime.timedelta(days=365)
    first, second, waited = interleave(
        lambda: renew(subscription, by=boss, version=subscription.version, ends_on=until),
        lambda: renew(subscription, by=boss, version=subscription.version, ends_on=until),
    )
    assert (first.result.refused, type(second.error), waited) == (False, recording.StaleEdit, True)
    first, second, waited = interleave(
        lambda: recording.end(subscription, by=boss, on=DAY),
        lambda: let_end(subscription, by=boss, reason="too dear"),
    )
    assert (first.error, type(second.error), waited) == (None, recording.NotPossible, True)
    assert list(Decision.objects.order_by("pk").values_list("act", flat=True)) == ["renew", "end"]
    assert list(Renewal.objects.values_list("state", flat=True)) == ["renewed"]
