"""Whether a register is sound after a fault: `python -m tests.faults.soundness LEDGER [--controls | --touched]`.

It compares the database that DATABASE_URL names with what people saw acknowledged, looks for half writes, and recomputes what is
derived and the chain of the trail; prints what is wrong as JSON, a list of sentences. With --controls it breaks one thing after
another, each taken back, and prints what was found of each, by the thing. With --touched, facts and findings are recomputed
of what the ledger tells of alone, as a large register wants it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

Ledger = dict[str, list[dict[str, Any]]]


def main() -> None:
    django.setup()
    ledger = json.loads(Path(sys.argv[1]).read_text())
    touched = "--touched" in sys.argv
    found: Any = controls(ledger) if "--controls" in sys.argv else list(faults(ledger, touched))
    json.dump(found, sys.stdout)


def faults(ledger: Ledger, touched: bool = False) -> Iterator[str]:
    """Everything that is wrong, a sentence each; nothing is written but seals."""
    yield from lost(ledger)
    yield from halves(ledger)
    told = [*ledger["tried"], *ledger["acknowledged"]]
    references = {one["reference"] for one in told if "reference" in one}
    yield from derived(references if touched else None)
    yield from trail(seeded=touched)


# --- what was acknowledged is there, once -----------------------------------------------------------------------------


def lost(ledger: Ledger) -> Iterator[str]:
    from oversight.models import Snapshot
    from subscriptions.models import Decision, Payment, Status, Subscription

    marks = Counter(Subscription.objects.filter(plan__startswith="mark-").values_list("plan", flat=True))
    payments = Counter(
        Payment.objects.filter(document_number__startswith="doc-").values_list("document_number", "won")
    )
    titles = Counter(Snapshot.objects.filter(title__startswith="frozen-").values_list("title", flat=True))
    by_reference = dict(Subscription.objects.values_list("reference", "plan"))
    departments: dict[str, list[str]] = {}
    history = Subscription.history.order_by("history_id").values_list("reference", "owner_department")
    for reference, department in history:
        departments.setdefault(reference, []).append(department)
    changed: dict[str, list[str]] = {}
    for one in ledger["acknowledged"]:
        match one["what"]:
            case "record":
                if by_reference.get(one["reference"]) != one["mark"] or marks[one["mark"]] != 1:
                    yield f"{one['reference']} was acknowledged and is {marks[one['mark']]} times there"
            case "pay":
                if payments[one["number"], one["won"]] != 1:
                    yield f"payment {one['number']} was acknowledged and is not there once"
            case "freeze":
                if titles[one["title"]] != 1:
                    yield f"snapshot {one['title']} was acknowledged and is not there once"
            case "approve":
                approvals = Decision.objects.filter(
                    subscription__reference=one["reference"], act=Decision.Act.APPROVE, result="done"
                )
                active = Subscription.objects.filter(reference=one["reference"], status=Status.ACTIVE)
                if approvals.count() != 1 or not active.exists():
                    yield f"the approval of {one['reference']} was acknowledged and is not there once"
            case "change":
                changed.setdefault(one["reference"], []).append(one["value"])
            case "import":
                if marks[one["mark"]] != one["rows"]:
                    yield f"{marks[one['mark']]} of {one['rows']} imported rows of {one['mark']} are there"
    for reference, values in changed.items():
        kept = departments.get(reference, [])
        if missing := [value for value in values if value not in kept]:
            yield f"{reference}: {len(missing)} acknowledged changes are not in its history"
    known = {one["mark"] for one in ledger["tried"] if one["what"] in ("record", "import")}
    for mark, count in marks.items():
        of_import = any(one["what"] == "import" and one["mark"] == mark for one in ledger["tried"])
        if mark not in known or (count > 1 and not of_import):
            yield f"{mark} is {count} times there"
    numbers = {one["number"] for one in ledger["tried"] if one["what"] == "pay"}
    for (number, _won), count in payments.items():
        if number not in numbers or count > 1:
            yield f"payment {number} is {count} times there"


# --- nothing is there in part -----------------------------------------------------------------------------------------


def halves(ledger: Ledger) -> Iterator[str]:
    """Each subscription has its price line, facts, history, decision and term; an import is whole or not there."""
    from subscriptions.models import Decision, Payment, PaymentSubmission, PriceLine, Subscription

    ours = Subscription.objects.filter(plan__startswith="mark-")
    lines = Counter(PriceLine.objects.filter(subscription__in=ours).values_list("subscription", flat=True))
    decisions = Counter(Decision.objects.filter(subscription__in=ours).values_list("subscription", flat=True))
    versions = dict(Subscription.history.order_by("history_id").values_list("id", "version"))
    line_histories = set(PriceLine.history.values_list("id", flat=True))
    for one in ours.select_related("facts"):
        if lines[one.pk] != 1:
            yield f"{one.reference} has {lines[one.pk]} price lines"
        if not hasattr(one, "facts"):
            yield f"{one.reference} has no facts"
        if not decisions[one.pk]:
            yield f"{one.reference} has no decision"
        if versions.get(one.pk) != one.version:
            yield f"{one.reference} is of version {one.version}, its history of {versions.get(one.pk)}"
    for key in PriceLine.objects.filter(subscription__in=ours).values_list("pk", flat=True):
        if key not in line_histories:
            yield f"price line {key} has no history"
    paid = set(Payment.objects.filter(document_number__startswith="doc-").values_list("pk", flat=True))
    for key in paid - set(PaymentSubmission.objects.values_list("payment", flat=True)):
        yield f"payment {key} has no mark of its form"
    for key in paid - set(Payment.history.values_list("id", flat=True)):
        yield f"payment {key} has no history"
    for one in ledger["tried"]:
        if one["what"] == "import":
            count = ours.filter(plan=one["mark"]).count()
            if count not in (0, one["rows"]):
                yield f"{count} of {one['rows']} rows of a file are there"


# --- what is derived is what a recomputation comes to -----------------------------------------------------------------


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever the block writes is not kept."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def derived(references: set[str] | None = None) -> Iterator[str]:
    """`references`: facts and findings of these alone."""
    from django.utils import timezone

    from policies.models import Policy
    from subscriptions.facts import refresh
    from subscriptions.findings import reconcile_policy
    from subscriptions.models import Subscription
    from subscriptions.renewals.keeping import keep_all
    from subscriptions.tallies import recount
    from subscriptions.totals import refresh_all_totals

    on = timezone.localdate()
    with taken_back():
        before = findings()
        some = Subscription.objects.all()
        if references is not None:
            some = some.filter(reference__in=references)
        keys = list(some.values_list("pk", flat=True))
        if wrong := refresh(keys, on):
            yield f"the facts of {len(wrong)} subscriptions differ from their recomputation"
        if wrong := refresh_all_totals():
            yield f"the totals of {len(wrong)} agencies differ from their recomputation"
        for policy in Policy.objects.all():
            reconcile_policy(policy, on, keys, refreshed=None)
        after = findings()
        if different := {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}:
            yield f"{len(different)} findings differ from their recomputation"
        if keep_all():
            yield "some ends of terms differ from their subscriptions"
        if wrong_rows := sum(recount().values()):
            yield f"{wrong_rows} rows of the tallies differ from their recomputation"


def findings() -> dict[Any, Any]:
    """The open findings by policy and subscription, and what they say."""
    from subscriptions.models import Finding

    rows = Finding.objects.open().values_list(
        "policy_id",
        "subscription_id",
        "policy_version",
        "verdict",
        "unwaived_verdict",
        "effect",
        "deciding_facts",
    )
    return {row[:2]: row[2:] for row in rows}


def trail(seeded: bool = False) -> Iterator[str]:
    """Whether the trail and the records are as they were sealed; `seeded`: records that were copied in keep no history."""
    from audit.agreement import disagreements
    from audit.sealing import seal_all
    from audit.verifying import verify

    seal_all()
    found: list[str] = []
    done = verify((), lambda fault: found.append(str(fault)))
    yield from found[:20]
    if done.unsealed:
        yield f"not sealed: {done.unsealed}"
    for different in disagreements():
        if not (seeded and different.what == "none"):
            yield f"{different.table} row {different.row}: {different.what}"


# --- each of these notices what it is there for -----------------------------------------------------------------------


def controls(ledger: Ledger) -> dict[str, list[str]]:
    """What is found when a thing was broken behind the register's back, by the thing."""
    told: dict[str, list[str]] = {}
    for name, (breaks, looks) in broken(ledger).items():
        with taken_back():
            breaks()
            told[name] = list(looks())
    return told


def broken(ledger: Ledger) -> dict[str, tuple[Callable[[], Any], Callable[[], Iterator[str]]]]:
    from django.db import connection

    from subscriptions.models import AgencyTotals, Decision, Facts, Finding, PriceLine, Subscription
    from tests.audit.behind import triggers_off

    def first(what: str) -> dict[str, Any]:
        return next(one for one in ledger["acknowledged"] if one["what"] == what)

    recorded, paid, changed = first("record"), first("pay"), first("change")
    subscription = Subscription.objects.get(reference=recorded["reference"])

    def behind(sql: str, *parameters: Any) -> Callable[[], None]:
        def breaks() -> None:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)

        return breaks

    def forged() -> None:
        with triggers_off(Decision._meta.db_table) as cursor:
            cursor.execute(
                "UPDATE subscriptions_decision SET reason = 'forged' WHERE subscription_id = %s",
                [subscription.pk],
            )

    def in_ledger() -> Iterator[str]:
        return lost(ledger)

    def in_halves() -> Iterator[str]:
        return halves(ledger)

    return {
        "a subscription lost": (
            lambda: Subscription.objects.filter(pk=subscription.pk).update(plan="other"),
            in_ledger,
        ),
        "a subscription twice": (
            lambda: (
                Subscription.objects.exclude(pk=subscription.pk)
                .filter(pk=Subscription.objects.exclude(plan__startswith="mark-").first().pk)  # type: ignore[union-attr]
                .update(plan=recorded["mark"])
            ),
            in_ledger,
        ),
        "a payment lost": (
            behind(
                "UPDATE subscriptions_payment SET document_number = '' WHERE document_number = %s",
                paid["number"],
            ),
            in_ledger,
        ),
        "an approval lost": (
            lambda: Subscription.objects.filter(reference=first("approve")["reference"]).update(
                status="requested"
            ),
            in_ledger,
        ),
        "a snapshot lost": (lambda: _renamed(first("freeze")["title"]), in_ledger),
        "a change lost": (
            lambda: _history_without(changed),
            in_ledger,
        ),
        "a price line missing": (
            lambda: PriceLine.objects.filter(subscription=subscription)._raw_delete("default"),
            in_halves,
        ),
        "facts wrong": (
            lambda: Facts.objects.filter(pk=subscription.pk).update(seats_min=999, seats_max=999),
            derived,
        ),
        "totals wrong": (lambda: AgencyTotals.objects.update(agency_products_min=999), derived),
        "a finding wrong": (lambda: Finding.objects.open().update(deciding_facts={}), derived),
        "a tally wrong": (behind("UPDATE subscriptions_paidbysubscription SET won = won + 1"), derived),
        "the trail bent": (forged, trail),
    }


def _renamed(title: str) -> None:
    from tests.audit.behind import run

    run("oversight_snapshot", "UPDATE oversight_snapshot SET title = 'lost' WHERE title = %s", title)


def _history_without(changed: dict[str, Any]) -> None:
    from subscriptions.models import Subscription
    from tests.audit.behind import run

    table = Subscription.history.model._meta.db_table
    run(
        table,
        f"UPDATE {table} SET owner_department = 'lost' WHERE reference = %s AND owner_department = %s",
        changed["reference"],
        changed["value"],
    )


if __name__ == "__main__":
    main()
