"""Every model of ours is sealed, tracked, or left out of the trail for a reason; what is sealed is not bent unnoticed."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from simple_history.models import HistoricalChanges

from audit import trail, triggers
from audit.agreement import tracked
from audit.events import Kind, record
from audit.sealing import seal_all
from audit.verifying import Fault, verify
from sources.models import Statement
from tests.admin import rows
from tests.audit import behind
from tests.run import APPS

# Why a table is neither sealed nor tracked.
EVENTS = "each change is an event"
ENTERED = "entered in the administration alone, where each entry is an event"
ACTS = "what changes it is an act, and the row of the act is sealed"
DERIVED = "made anew from what is in the trail"
PERSONAL = "what a person keeps or is told; nothing of the register"
LEFT_OUT = {
    "agencies.user": EVENTS,
    "agencies.user_groups": EVENTS,
    "agencies.user_user_permissions": EVENTS,
    "agencies.invitation": EVENTS,
    "agencies.formername": ENTERED,
    "agencies.knownplace": "a hash of the browsers somebody signs in with; each sign-in is an event",
    "catalog.category": ENTERED,
    # In the history of what they belong to, each set with its own row.
    "catalog.product_engines": "part of a product's history",
    "sources.statement_subject": "part of a statement's history",
    "policies.policyversion_cites": "part of a version's history",
    "agencies.departmentcontact_people": PERSONAL,
    "agencies.notice": PERSONAL,
    "agencies.noticepreferences": PERSONAL,
    "agencies.delivery": PERSONAL,
    "agencies.savedview": PERSONAL,
    "agencies.recheck": "a queue: what is done is gone",
    "audit.seal": "the seals themselves: each holds the hash of the one before",
    "subscriptions.approval": ACTS,
    "subscriptions.reopening": ACTS,
    "subscriptions.responsible": ACTS,
    "subscriptions.renewal": ACTS,
    "oversight.round": ACTS,
    "oversight.roundagency": ACTS,
    "subscriptions.reminderplan": PERSONAL,
    "subscriptions.fileimport": EVENTS,
    "subscriptions.upload": EVENTS,
    "subscriptions.knownheader": PERSONAL,
    "oversight.exportjob": EVENTS,
    "oversight.roundclosing": "the order to close a round; the round's own event is sealed",
    "subscriptions.paymentsubmission": "the mark of a form that was sent; the payment is tracked",
    "subscriptions.registerpricing": DERIVED,
    "subscriptions.facts": DERIVED,
    "subscriptions.factsorigin": DERIVED,
    "subscriptions.agencytotals": DERIVED,
    "subscriptions.policycheck": DERIVED,
    "subscriptions.paidbyagency": DERIVED,
    "subscriptions.paidbyagencymonth": DERIVED,
    "subscriptions.paidbyproduct": DERIVED,
    "subscriptions.paidbyproductmonth": DERIVED,
    "subscriptions.paidindetail": DERIVED,
    "subscriptions.paidbysubscription": DERIVED,
    "subscriptions.paidchange": DERIVED,
}


def ours() -> set[str]:
    """Every model of our apps but the histories, which are all sealed."""
    return {
        model._meta.label_lower
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in APPS and not issubclass(model, HistoricalChanges)
    }


def labels(found: Any) -> set[str]:
    return {model._meta.label_lower for model in found}


def unlisted() -> tuple[set[str], set[str]]:
    """Models that are neither sealed nor tracked nor left out for a reason; and those that are left out without need."""
    in_trail = labels(table.model for table in trail.tables()) | labels(tracked())
    return ours() - in_trail - set(LEFT_OUT), set(LEFT_OUT) - (ours() - in_trail)


def test_every_model_is_in_the_trail_or_left_out_for_a_reason():
    assert unlisted() == (set(), set())
    # What is tracked is sealed by its history.
    assert labels(model.history.model for model in tracked()) <= labels(t.model for t in trail.tables())


def test_a_model_that_is_not_sealed_any_more_is_noticed(monkeypatch):
    """The control."""
    from subscriptions.models import Comment

    monkeypatch.delitem(trail._registered, Comment)
    assert unlisted() == ({"subscriptions.comment"}, set())


# --- and nothing that is sealed is bent unnoticed ---------------------------------------------------------------------

# On SQLite behind a NUL, where some of its own functions end.
BEHIND = {"sqlite": "coalesce({0}, '') || char(0) || 'x'", "postgresql": "coalesce({0}, '') || 'x'"}
BENT = {
    "CharField": BEHIND[connection.vendor],
    "TextField": BEHIND[connection.vendor],
    "JSONField": "'[\"bent\"]'",
}


@pytest.fixture
def filled(db: None, in_english: None) -> dict[str, list[int]]:
    """Of each table of the trail four sealed rows that no other row points to: their numbers, by the table's name."""
    wanted = {table.model for table in trail.tables()} | set(tracked())
    for number, (model, make) in enumerate(rows.MAKERS.items(), start=1):
        for n in range(4 if model in wanted else 0):
            make(1000 * number + n)  # each beside the others
    for n in range(4):
        rows.product(n).engines.set([rows.product(n + 10)])
        statement = Statement.objects.order_by("pk")[n]
        statement.subject.set([rows.province(n)])
        rows.policy_version(n).cites.set([statement])
        record(Kind.SETTING, name=f"setting {n}")
    seal_all()
    return {table.name: unreferenced(table)[:4] for table in trail.tables()}


def unreferenced(table: trail.Table) -> list[int]:
    found = table.model._base_manager.order_by("pk")
    for relation in table.model._meta.related_objects:
        found = found.filter(**{f"{relation.field.related_query_name()}__isnull": True})
    return list(found.values_list("pk", flat=True))


def column_of(table: trail.Table) -> tuple[str, str]:
    """A column that any value may stand in, and an expression for another one."""
    for field in table.model._meta.concrete_fields:
        kind, quoted = field.get_internal_type(), connection.ops.quote_name(field.column)
        free = not (field.primary_key or field.unique or field.choices or field.name.startswith("history_"))
        if free and kind in BENT:
            return quoted, BENT[kind].format(quoted)
        if free and (kind.endswith("IntegerField") or not getattr(field, "db_constraint", True)):
            return quoted, f"coalesce({quoted}, 0) + 1"
    return next(
        (quoted, f"(SELECT min(id) FROM {field.related_model._meta.db_table})")
        for field in table.model._meta.concrete_fields
        if field.null and field.is_relation
        for quoted in [connection.ops.quote_name(field.column)]
    )


def bend(cursor: Any, table: trail.Table, keys: list[int]) -> list[tuple[str, str, int | None]]:
    """Change a row, take one out, put it in before all others, and swap two; what a verification must say."""
    one, other, third, fourth = keys
    name, key = table.name, connection.ops.quote_name(table.key)
    column, value = column_of(table)
    cursor.execute(f"UPDATE {name} SET {column} = {value} WHERE {key} = %s", [other])
    for old, new in ((one, -5), (third, -1), (fourth, third), (-1, fourth)):
        cursor.execute(f"UPDATE {name} SET {key} = %s WHERE {key} = %s", [new, old])
    faults = [("removed", one), *(("changed", row) for row in (other, third, fourth)), ("inserted", -5)]
    return [(what, name, row) for what, row in faults]


def test_whatever_is_bent_in_any_sealed_table_is_refused_and_found(filled):
    assert {name: keys for name, keys in filled.items() if len(keys) < 4} == {}
    assert (triggers.unguarded(), told()) == ([], [])
    for table in trail.tables():
        column, value = column_of(table)
        for sql in (f"UPDATE {table.name} SET {column} = {value}", f"DELETE FROM {table.name}"):
            refused = pytest.raises(IntegrityError, match="append-only")
            with refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
    expected = []
    with behind.triggers_off(*filled) as cursor:
        for table in trail.tables():
            expected += bend(cursor, table, filled[table.name])
    assert sorted(told()) == sorted(expected)


def told() -> list[tuple[str, str, int | None]]:
    found: list[Fault] = []
    verify(found=found.append)
    return [(fault.what, fault.table, fault.row) for fault in found]
