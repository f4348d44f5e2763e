"""Fills a database with a generated register of a given size, the same one each time."""

from __future__ import annotations

import datetime
import gc
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from unittest.mock import patch

from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.models import Max
from django.utils import timezone

from agencies.models import Agency, Membership, Role, User
from benchmarks import register
from benchmarks.payments import tally, write_payments
from catalog.models import Product
from catalog.tool_facts import tool_facts
from policies.models import PolicyVersion, Waiver
from policies.verdicts import Verdict
from subscriptions.costs import Costs, costs_on, is_in_force
from subscriptions.evaluation import judgement_of_row, rows_judged_by, with_truths
from subscriptions.facts import COLUMNS, facts_of, refresh
from subscriptions.models import (
    COMMITTED,
    Facts,
    FactsOrigin,
    Finding,
    Payment,
    PriceLine,
    Renewal,
    Subscription,
)
from subscriptions.money import Rates, rates_on
from subscriptions.notice_days import last_notice_day
from subscriptions.origins import currencies_priced, digest, digests_of_lines, holds_until, rates_text, stale
from subscriptions.renewals.keeping import keep_all
from subscriptions.totals import refresh_all_totals

FIXTURES = ("agencies", "catalog", "sources", "policies", "subscriptions")
BATCH = 10_000
SAMPLE = 1000
NATION, PROVINCE = "nation", "province"
PEOPLE = {NATION: (Role.COMMITTEE_MEMBER, "KR"), PROVINCE: (Role.ADMINISTRATOR, "KR-48")}

Say = Callable[[str], None]


def seed(size: int, say: Say) -> None:
    """Migrate an empty database and fill it. Raises AssertionError where the flat facts or findings are not right."""
    gc.disable()  # millions of objects that are in no cycle: looking for some takes a quarter of the time
    on = timezone.localdate()
    rng = random.Random(size)
    call_command("migrate", verbosity=0)
    call_command("loaddata", *FIXTURES, verbosity=0)
    register.make_agencies(rng)
    register.make_catalog(rng, on)
    for name, (role, code) in PEOPLE.items():
        user = User.objects.create(username=name)
        Membership.objects.create(user=user, role=role, agency=Agency.objects.get(code=code))
    with bulk_writing(Subscription, PriceLine, Facts, Finding, Payment):
        write_subscriptions(rng, size, on, say)
        write_payments(on, say)
        refresh(Subscription.objects.filter(provenance="statement").values_list("pk", flat=True), on)
        refresh_all_totals()
        write_findings(on)
    tally()
    write_origins(on)
    write_renewals()
    settle()
    check(rng, on, say)
    gc.enable()


def write_subscriptions(rng: random.Random, size: int, on: datetime.date, say: Say) -> None:
    """Subscriptions, price lines and flat facts, the latter by the same function that keeps them.

    Many of a million subscriptions have equal price lines, whose cost is computed once.
    """
    first = (Subscription.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
    tools = tool_facts(Product.objects.values_list("pk", flat=True), on)
    rates = rates_on({"USD", "EUR", "JPY"}, on)
    line_pk = (PriceLine.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
    made = register.subscriptions(rng, size, first, on)
    costs, written = remembered_costs(), 0
    while batch := list(islice(made, BATCH)):
        lines = [line for _subscription, group in batch for line in group]
        for line in lines:
            line.pk, line_pk = line_pk, line_pk + 1
        write([row for row, _lines in batch])
        write(lines)
        with patch("subscriptions.facts.costs_on", costs):
            facts = (
                [row.pk, *map(facts_of(row, group, tools[row.product_id], rates, on).get, COLUMNS)]
                for row, group in batch
            )
            insert(Facts, ["subscription_id", *COLUMNS], facts)
        written += len(batch)
        if written % 100_000 == 0:
            say(f"{written:,} subscriptions")


def remembered_costs() -> Callable[..., Costs]:
    """`costs_on` that remembers its answers: they depend on the values of the lines and on which are in force."""
    known: dict[Any, Costs] = {}

    def costs(subscription: Subscription, lines: list[PriceLine], rates: Rates, on: datetime.date) -> Costs:
        day = max(on, subscription.started_on or on)
        key = tuple(
            (
                line.amount, line.currency, line.standing, line.vat, line.basis, line.cycle, line.seats,
                is_in_force(line, subscription, day),
            )
            for line in lines
        )  # fmt: skip
        if key not in known:
            known[key] = costs_on(subscription, lines, rates, on)
        return known[key]

    return costs


def write_origins(on: datetime.date) -> None:
    """What the flat facts were made of, by the functions that keep it, for all that have none yet."""
    lines: dict[int, list[PriceLine]] = defaultdict(list)
    for line in PriceLine.objects.order_by("position").iterator():
        lines[line.subscription_id].append(line)
    rates = rates_on({"USD", "EUR", "JPY"}, on)
    of_lines = dict(digests_of_lines(PriceLine.objects.all()).iterator(chunk_size=BATCH))
    missing = Subscription.objects.filter(facts_origin=None).annotate(now=digest()).order_by("pk")
    rows = (
        [row.pk, row.now, of_lines.get(row.pk, ""),
         rates_text(currencies_priced(row, lines[row.pk], on), rates), holds_until(row, lines[row.pk], on)]
        for row in missing.only("started_on", "ends_on").iterator(chunk_size=BATCH)
    )  # fmt: skip
    names = ["subscription_id", "digest", "lines", "rates", "holds_until"]
    while batch := list(islice(rows, BATCH)):
        insert(FactsOrigin, names, batch)


def write_renewals() -> None:
    """The end of the term that each subscription is in; `check` asks whether they are what the register would keep."""
    names = [
        "subscription_id",
        "agency_id",
        "ends_on",
        "auto_renewal",
        "notice_days",
        "notice_by",
        "state",
        "reason",
    ]
    rows = Subscription.objects.filter(status__in=COMMITTED).order_by("pk")
    dates = rows.values_list("pk", "agency_id", "ends_on", "auto_renewal", "notice_days").iterator()
    ends = (
        [*row, last_notice_day(row[2], row[4]) if row[2] else None, Renewal.State.OPEN.value, ""]
        for row in dates
    )
    while batch := list(islice(ends, BATCH)):
        insert(Renewal, names, batch)


def write_findings(on: datetime.date) -> None:
    """The findings that a check of everything would open, without their history."""
    now, pk = timezone.now(), 1
    for version in PolicyVersion.objects.in_force(on):
        rows = with_truths(rows_judged_by(version, on).exclude(unwaived=Verdict.PASS), version)
        waivers = Waiver.objects.filter(policy=version.policy).valid_on(on).in_bulk()
        findings = []
        for row in rows.order_by("pk").values():
            judgement = judgement_of_row(version, row, waivers)
            findings.append(
                Finding(
                    pk=(pk := pk + 1),
                    policy=version.policy,
                    policy_version=version,
                    subscription_id=row["subscription_id"],
                    verdict=judgement.verdict,
                    effect=version.effect,
                    cause=judgement.cause,
                    waiver=judgement.waiver,
                    unwaived_verdict=judgement.unwaived,
                    deciding_facts=judgement.deciding_facts,
                    # At any time of the last year.
                    first_seen=now - datetime.timedelta(minutes=row["subscription_id"] * 7919 % 525_600),
                    last_seen=now,
                )
            )
        write(findings)


# --- writing in bulk --------------------------------------------------------------------------------------------------


def write(rows: list[Any]) -> None:
    """Insert model instances."""
    if rows:
        names = [field.attname for field in rows[0]._meta.concrete_fields]
        insert(type(rows[0]), names, ([getattr(row, name) for name in names] for row in rows))


def insert(model: type[models.Model], names: list[str], rows: Iterable[list[Any]]) -> None:
    """Insert rows of values, given in the order of the attributes `names`, as fast as the database takes them."""
    fields = [model._meta.get_field(name.removesuffix("_id")) for name in names]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    special = (
        (models.JSONField,) if connection.vendor == "postgresql" else (models.JSONField, models.DateField)
    )
    prepared = [(position, field) for position, field in enumerate(fields) if isinstance(field, special)]
    values = _prepared(rows, prepared)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join("%s" for _field in fields)
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)


def _prepared(rows: Iterable[list[Any]], fields: list[tuple[int, models.Field]]) -> Iterator[list[Any]]:
    for row in rows:
        for position, field in fields:
            if row[position] is not None:
                row[position] = field.get_db_prep_save(row[position], connection)
        yield row


@contextmanager
def bulk_writing(*tables: type[models.Model]) -> Iterator[None]:
    """Without the tables' secondary indexes, triggers and checks of foreign keys, all of which are back afterwards."""
    names = [model._meta.db_table for model in tables]
    definitions = _index_definitions(names)
    triggers = _trigger_definitions(names)
    with connection.cursor() as cursor:
        for name, _definition in triggers:
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
        for name, _definition in definitions:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
        yield
        for _name, definition in [*definitions, *triggers]:
            cursor.execute(definition)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA synchronous = NORMAL")
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)


def _index_definitions(tables: list[str]) -> list[tuple[str, str]]:
    """The name and the statement of each index that no constraint needs."""
    marks = ", ".join("%s" for _table in tables)
    if connection.vendor == "postgresql":
        sql = (
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({marks})"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
    else:
        sql = f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%%' AND tbl_name IN ({marks})"
    with connection.cursor() as cursor:
        cursor.execute(sql, tables)
        return cursor.fetchall()


def _trigger_definitions(tables: list[str]) -> list[tuple[str, str]]:
    """The triggers that have to be dropped: PostgreSQL does without them for as long as it is told."""
    if connection.vendor == "postgresql":
        return []
    marks = ", ".join("%s" for _table in tables)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({marks})", tables
        )
        return cursor.fetchall()


def settle() -> None:
    """What a database in use has done by itself: statistics, and on PostgreSQL the map of pages that all may see."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("ANALYZE")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def check(rng: random.Random, on: datetime.date, say: Say) -> None:
    """The flat facts of a random sample are equal to their recomputation, and each failing pair has its finding."""
    pks = list(Subscription.objects.values_list("pk", flat=True).order_by("pk"))
    assert not stale(on), "some flat facts seem to be stale"
    wrong = refresh(rng.sample(pks, min(SAMPLE, len(pks))), on)
    assert not wrong, f"the flat facts of {len(wrong)} subscriptions differ from their recomputation"
    assert not keep_all(), "some ends of terms differ from their subscriptions"
    assert not refresh_all_totals(), "the totals of agencies differ from their recomputation"
    for version in PolicyVersion.objects.in_force(on):
        failing = rows_judged_by(version, on).exclude(unwaived=Verdict.PASS).count()
        found = Finding.objects.open().filter(policy=version.policy).count()
        assert failing == found, f"{version.policy}: {failing} fail, {found} findings"
    agencies, findings = Agency.objects.count(), Finding.objects.open().count()
    pairs = len(pks) * PolicyVersion.objects.in_force(on).count()
    say(
        f"{len(pks):,} subscriptions, {agencies:,} agencies, {findings:,} findings ({findings / pairs:.1%} of pairs)"
    )
