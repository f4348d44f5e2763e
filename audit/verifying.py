"""Verifies the trail against its seals: what was changed, removed or put in behind the register's back, and what is unsealed."""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Min, Q

from audit.models import Seal
from audit.sealing import LATE, last_looks, late, merged
from audit.trail import Table, can_read, form, keys_within, numbered, tables, unpacked
from audit.triggers import foreign, unguarded

# A fault names so many rows of one seal; the rest are counted.
NAMED = 100


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was sealed.

    `what`: changed, removed or inserted (rows of a table), time (rows that say they were written before one could have been, or
    after they were sealed), seal (a seal itself is not as it was made), chain (seals are missing or in another order), head (the
    chain is not the one that was signed off), trigger (the database would not refuse a change, or does something else with a
    row), or unreadable (rows that can no more be compared).
    """

    what: str
    table: str = ""
    seal: int | None = None
    row: int | None = None
    told: str = ""

    def __str__(self) -> str:
        parts = [self.what]
        if self.table:
            parts.append(f"{self.table}" + (f" row {self.row}" if self.row is not None else ""))
        if self.seal is not None:
            parts.append(f"(seal {self.seal})")
        return " ".join(parts) + (f": {self.told}" if self.told else "")


@dataclass
class Verification:
    seals: int = 0
    rows: int = 0
    faults: int = 0
    unsealed: dict[str, int] = field(default_factory=dict)
    oldest: datetime.datetime | None = None  # of the rows that are not sealed
    head: str = ""


@dataclass
class _Known:
    """What the seals say of a table, as far as it is not in the seals any more once they are verified."""

    first: int = 0
    last: int = 0
    passed_over: list[tuple[int, int]] = field(default_factory=list)  # too long ago for a row to be there
    open: list[tuple[int, int]] = field(default_factory=list)  # where a row may still come
    late: array[int] = field(default_factory=lambda: array("q"))
    looked: datetime.datetime | None = None  # when the last run began that sealed rows of it
    whole: bool = False  # and whether that run came to their end
    since: datetime.datetime | None = None  # what is not sealed by then was not there then


def verify(
    heads: Sequence[Mapping[str, Any]] = (),
    found: Callable[[Fault], None] = lambda fault: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verification:
    """Compare every sealed row with its seal, and every seal with the one before, in memory that does not grow with either.

    `heads` are ends of the chain that were written down before (see `audit.heads`). `found` is told of each fault as it comes,
    `progress` of the seals done and in all.
    """
    return _Verifying(heads, found, progress).all()


class _Verifying:
    def __init__(self, heads: Any, found: Any, progress: Any) -> None:
        self.heads: dict[int, set[str]] = {}
        for head in heads:
            self.heads.setdefault(int(head["seals"]), set()).add(str(head["hash"]))
        self.found, self.progress = found, progress
        self.tables = {table.name: table for table in tables()}
        self.known: dict[str, _Known] = {}
        self.looks = last_looks() if late() else {}
        self.done = Verification()

    def tell(self, fault: Fault) -> None:
        self.done.faults += 1
        self.found(fault)

    def all(self) -> Verification:
        for name, event in unguarded():
            self.tell(Fault("trigger", name, told=f"the database does not refuse {event}"))
        for name, what in foreign():
            self.tell(Fault("trigger", name, told=f"{what} is not the register's"))
        last = Seal.objects.order_by("-number").values_list("number", flat=True).first() or 0
        self._chain(last)
        for number in self.heads:
            if number > last:
                self.tell(Fault("head", seal=number, told="the chain ends before it"))
        for table in self.tables.values():
            self._unsealed(table, self.known.get(table.name, _Known()))
        return self.done

    def _chain(self, last: int) -> None:
        number, previous = 0, ""
        for seal in _seals(last):
            if seal.number != number + 1:
                gone = f"{number + 1} to {seal.number - 1}" if seal.number > number + 2 else f"{number + 1}"
                self.tell(Fault("chain", seal=seal.number, told=f"seal {gone} is not there"))
            elif seal.previous != previous:
                self.tell(Fault("chain", seal=seal.number, told="it does not follow the seal before"))
            if seal.computed_hash() != seal.hash:
                self.tell(Fault("seal", seal.table, seal.number, told="it does not have its hash"))
            if self.heads.get(seal.number, set()) - {seal.hash}:
                self.tell(Fault("head", seal=seal.number, told="it had another hash when it was signed off"))
            self._rows(seal)
            number, previous = seal.number, seal.hash
            self.done.seals += 1
            self.done.head = seal.hash
            self.progress(seal.number, last)

    def _rows(self, seal: Seal) -> None:
        try:
            sealed = unpacked(bytes(seal.rows))
        except ValueError as error:
            self.tell(Fault("seal", seal.table, seal.number, told=str(error)))
            return
        self.done.rows += len(sealed)
        self._remember(seal, sealed)
        table = self.tables.get(seal.table)
        missing = sorted(set(seal.columns) - set(table.columns)) if table else []
        if table is None or missing or not can_read(seal.form):
            why = f"columns are gone: {', '.join(missing)}" if missing else "there is no such table any more"
            if table and not missing:
                why = f"rows were written as {seal.form}, not {form()}"
            self.tell(Fault("unreadable", seal.table, seal.number, told=f"{len(sealed)} rows; {why}"))
            return
        there = numbered(table, seal.columns, list(sealed), seal.form)
        wrong = [
            ("removed" if key not in there else "changed", key)
            for key, digest in sealed.items()
            if there.get(key) != digest
        ]
        for what, key in wrong[:NAMED]:
            self.tell(Fault(what, seal.table, seal.number, key))
        if len(wrong) > NAMED:
            more = f"and {len(wrong) - NAMED} more rows of the seal"
            self.tell(Fault("changed", seal.table, seal.number, told=more))
        self._times(seal, table, set(sealed).difference(key for _what, key in wrong))

    def _times(self, seal: Seal, table: Table, keys: set[int]) -> None:
        """Rows of a seal that say they were written long before a run that came to the end of their table, and did not see them;
        or long after they were sealed."""
        known = self.known[seal.table]
        if known.looked is not None and seal.looked_at > known.looked and known.whole:
            known.since = known.looked
        known.looked, known.whole = seal.looked_at, not seal.is_late and seal.count < table.batch
        if not table.moment or not keys:
            return
        out = Q(**{f"{table.moment}__gt": seal.sealed_at + LATE})
        if known.since is not None:
            out |= Q(**{f"{table.moment}__lt": known.since - LATE})
        rows = table.model._base_manager.filter(out, pk__gte=min(keys), pk__lte=max(keys)).order_by("pk")
        found = [(key, at) for key, at in rows.values_list("pk", table.moment) if key in keys]
        for key, at in found[:NAMED]:
            self.tell(Fault("time", seal.table, seal.number, key, f"it was sealed later, and says {at}"))
        if len(found) > NAMED:
            more = f"and {len(found) - NAMED} more rows of the seal"
            self.tell(Fault("time", seal.table, seal.number, told=more))

    def _remember(self, seal: Seal, sealed: Mapping[int, bytes]) -> None:
        known = self.known.setdefault(seal.table, _Known())
        if seal.is_late:
            known.late.extend(sealed)
            return
        known.first = known.first or min(sealed, default=0)
        known.last = max([known.last, *sealed])
        passed = [(low, high) for low, high in seal.passed_over]
        looked = self.looks.get(seal.table)
        may_come = looked is not None and seal.sealed_at >= looked - late()
        (known.open if may_come else known.passed_over).extend(passed)

    def _unsealed(self, table: Table, known: _Known) -> None:
        """Rows that no seal holds: new ones, late ones, and those that were put among the sealed."""
        sealed = set(known.late)
        before = [(-(2**63), 0)]
        for key in self._not(sealed, table, [*before, *merged(known.passed_over)]):
            self.tell(
                Fault(
                    "inserted", table.name, row=key, told="it was not there when its neighbours were sealed"
                )
            )
        rows = table.model._base_manager.order_by()
        new = rows.filter(pk__gt=known.last)
        coming = list(self._not(sealed, table, merged(known.open)))
        waiting = len(coming) + new.count()
        if waiting:
            self.done.unsealed[table.name] = waiting
            if table.moment:
                for some in (new, rows.filter(pk__in=coming[:NAMED])):
                    self._oldest(some.aggregate(at=Min(table.moment))["at"])

    def _oldest(self, at: datetime.datetime | None) -> None:
        if at is not None and (self.done.oldest is None or at < self.done.oldest):
            self.done.oldest = at

    @staticmethod
    def _not(sealed: set[int], table: Table, ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
        return (key for key in keys_within(table, ranges) if key not in sealed)


def _seals(last: int) -> Iterator[Seal]:
    """All up to one, in order; few at a time, since each holds a batch of hashes."""
    number = -1
    while some := list(Seal.objects.filter(number__gt=number, number__lte=last).order_by("number")[:20]):
        yield from some
        number = some[-1].number
