"""Seals what is new in the trail, in batches, beside the transactions that write it: no writer waits for a seal.

A row may become visible after rows with higher numbers, when its transaction took longer than theirs. So a seal says which
numbers it passed over, and a later one seals what has come there since. Only for so long: a row that turns up among sealed ones
when a run has looked there `LATE` after, and has not found it, was put there behind everybody's back, and is left for the
verification to find. SQLite has one writer at a time: nothing comes late there.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from audit.models import Seal
from audit.trail import Table, after, form, keys_within, numbered, packed, tables, unpacked

Range = tuple[int, int]

# No transaction of the register lasts so long.
LATE = datetime.timedelta(days=1)
# Seals that are looked through for what the last runs have looked at.
RECENT = 1000


def late() -> datetime.timedelta:
    return datetime.timedelta(0) if connection.vendor == "sqlite" else LATE


class AnotherSeals(Exception):
    """Another run sealed something meanwhile; what it left is for the next one."""


@dataclass
class Sealed:
    seals: int = 0
    rows: int = 0


def seal_all(said: Callable[[str, int], None] = lambda table, rows: None) -> Sealed:
    """Seal all rows of the trail that are not yet, as far as they are visible now. Raises AnotherSeals.

    `said` is told of each seal: its table and how many rows.
    """
    done = Sealed()
    chain = _Chain()
    for table in tables():
        for seal in _new_of(table, chain):
            done.seals += 1
            done.rows += seal.count
            said(table.name, seal.count)
    return done


class _Chain:
    """The end of the chain as this run knows it: it is read before any row is, so that no row is sealed by two runs."""

    def __init__(self) -> None:
        last = Seal.objects.order_by("-number").values_list("number", "hash").first()
        self.number, self.hash = last or (0, "")
        self.begun = timezone.now()
        self.looks = last_looks() if late() else {}  # before this run

    def add(self, table: Table, rows: dict[int, bytes], passed_over: Sequence[Range], is_late: bool) -> Seal:
        seal = Seal(
            number=self.number + 1,
            sealed_at=timezone.now(),
            begun=self.begun,
            table=table.name,
            form=form(),
            columns=list(table.columns),
            first_id=min(rows),
            last_id=max(rows),
            count=len(rows),
            is_late=is_late,
            passed_over=[list(some) for some in passed_over],
            rows=packed(rows),
            previous=self.hash,
        )
        seal.hash = seal.computed_hash()
        try:
            with transaction.atomic():
                seal.save(force_insert=True)
        except IntegrityError as error:
            raise AnotherSeals from error
        self.number, self.hash = seal.number, seal.hash
        return seal


def _new_of(table: Table, chain: _Chain) -> Iterable[Seal]:
    yield from _late_of(table, chain)
    head = head_of(table)
    while rows := after(table, head, table.batch):
        yield chain.add(table, rows, gaps(head, rows), is_late=False)
        head = max(rows)


def _late_of(table: Table, chain: _Chain) -> Iterable[Seal]:
    """What has come among the sealed rows since, where it may."""
    if not late():
        return
    if table.name not in chain.looks:
        return
    since = chain.looks[table.name] - late()
    passing = Seal.objects.filter(table=table.name, sealed_at__gte=since)
    ranges = [
        (low, high)
        for passed in passing.exclude(passed_over=[]).values_list("passed_over", flat=True)
        for low, high in passed
    ]
    if not ranges:
        return
    known = {
        key
        for rows in passing.filter(is_late=True).values_list("rows", flat=True)
        for key in unpacked(bytes(rows))
    }
    keys = [key for key in keys_within(table, merged(ranges)) if key not in known]
    for start in range(0, len(keys), table.batch):
        if rows := numbered(table, table.columns, keys[start : start + table.batch]):
            yield chain.add(table, rows, [], is_late=True)


def last_looks() -> dict[str, datetime.datetime]:
    """When the last run began that is known to have looked among the sealed rows of a table, by its name.

    Each run takes the tables by name, so it has looked at all before one that it sealed. Older than in truth where a run left no
    seal behind, so that nothing which comes late is taken for put in.
    """
    found: dict[str, datetime.datetime] = {}
    recent = Seal.objects.order_by("-number").only("table", "begun", "sealed_at")[:RECENT]
    names, reached = [table.name for table in tables()], ""
    for seal in recent:
        if seal.table > reached:
            reached = seal.table
            found.update({name: seal.looked_at for name in names if name <= reached and name not in found})
    for name in names:
        own = Seal.objects.filter(table=name, is_late=False).order_by("-last_id").only("begun", "sealed_at")
        if name not in found and (last := own.first()):
            found[name] = last.looked_at
    return found


def head_of(table: Table) -> int:
    """The highest number that is sealed; 0 when none is."""
    seals = Seal.objects.filter(table=table.name, is_late=False)
    return seals.aggregate(head=Max("last_id"))["head"] or 0


def gaps(head: int, keys: Iterable[int]) -> list[Range]:
    """The numbers after `head`, up to the last of the ascending `keys`, that are none of them; as ranges."""
    found = []
    for key in keys:
        if key > head + 1:
            found.append((head + 1, key - 1))
        head = key
    return found


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in as few ranges as can be, in order."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
