"""An import taken back as a whole, and the imports that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from agencies.models import User
from policies.verdicts import Effect
from subscriptions import recording
from subscriptions.facts import refresh
from subscriptions.import_models import FileImport
from subscriptions.importing.running import run
from subscriptions.importing.undoing import Touched, undo
from subscriptions.models import Finding, Payment, PriceLine, Status, Subscription
from subscriptions.origins import stale
from subscriptions.totals import refresh_all_totals
from tests.subscriptions.factories import DAY, ProductFactory, agency_at, days, make_policy, person

pytestmark = pytest.mark.usefixtures("clock", "in_english")

HEADER = "agency,tool,contract number,starts,seats,amount,per seat or flat,billed\n"
FIRST = HEADER + "P1,tool-a,C-1,2026-01-01,10,1000,per seat,monthly\nP1,tool-a,C-1,,,50000,flat,annual\n"
# A longer term is not there, a line is altered, one is gone; and a new record.
SECOND = (
    HEADER + "P1,tool-a,C-1,2026-02-01,20,1000,per seat,monthly\nP1,tool-b,C-2,2026-01-01,1,5,flat,monthly\n"
)


@pytest.fixture
def by(db: None) -> User:
    for code in ("tool-a", "tool-b"):
        ProductFactory(code=code)
    return person("administrator", agency_at("KR/P1"))


def take(text: str, by: User, name: str = "f.csv") -> FileImport:
    report = run(text.encode(), name, by, new_as=Status.ACTIVE)
    assert report.problems == []
    assert report.run is not None
    return report.run


def kept(model: Any) -> list[dict[str, Any]]:
    """All rows of a model without what every act counts up."""
    rows = model.objects.order_by("pk").values()
    return [{name: value for name, value in row.items() if name != "version"} for row in rows]


def test_changed_records_become_what_they_were_and_new_ones_void(by: User) -> None:
    make_policy(("product", "is", ["tool-b"]), effect=Effect.WARN)
    take(FIRST, by)
    subscriptions, lines = kept(Subscription), kept(PriceLine)
    second = take(SECOND, by, "g.csv")
    assert PriceLine.objects.filter(seats=20).count() == 1
    assert Finding.objects.open().count() == 1
    undo(second, by=by)
    new = Subscription.objects.get(contract_number="C-2")
    assert [row for row in kept(Subscription) if row["id"] != new.pk] == subscriptions
    assert [row for row in kept(PriceLine) if row["subscription_id"] != new.pk] == lines
    assert (new.status, new.decisions.order_by("-pk")[0].act) == (Status.VOID, "void")
    assert Finding.objects.open().count() == 0
    second.refresh_from_db()
    assert second.state == FileImport.State.UNDONE
    old = Subscription.objects.get(contract_number="C-1")
    assert [h.started_on.month for h in old.history.order_by("history_id")] == [1, 2, 1]
    assert (stale(DAY), refresh(Subscription.objects.values_list("pk", flat=True), DAY)) == ([], [])
    assert refresh_all_totals() == []
    with pytest.raises(PermissionDenied):
        undo(second, by=by)


def test_the_file_can_be_imported_again_after_it_was_undone(by: User) -> None:
    undo(take(FIRST, by), by=by)
    take(FIRST, by)
    statuses = Subscription.objects.order_by("pk").values_list("reference", "status")
    assert list(statuses) == [("P1-2026-0001", "void"), ("P1-2026-0002", "active")]


def test_nothing_is_undone_once_something_else_has_touched_a_record(by: User) -> None:
    record = take(FIRST, by)
    subscription = Subscription.objects.get()
    recording.end(subscription, by=by, on=days(-1))
    before = kept(Subscription)
    with pytest.raises(Touched) as refused:
        undo(record, by=by)
    assert refused.value.references == [subscription.reference]
    assert kept(Subscription) == before


def test_what_was_paid_for_stays(by: User) -> None:
    record = take(FIRST, by)
    Payment.objects.create(subscription=Subscription.objects.get(), paid_on=DAY, amount=5, won=5)
    with pytest.raises(Touched):
        undo(record, by=by)


def test_only_who_administers_all_its_agencies_undoes_an_import(by: User) -> None:
    record = take(FIRST, by)
    for other in (person("administrator", agency_at("KR/P2")), person("approver", agency_at("KR/P1"))):
        with pytest.raises(PermissionDenied):
            undo(record, by=other)
    undo(record, by=person("administrator", agency_at("KR")))
