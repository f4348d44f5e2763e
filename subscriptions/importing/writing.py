"""Writes checked records with their price lines, facts and history, many at once, in the caller's transaction.

In three steps, so that what only computes need not wait for the database: `prepare` fetches what new records will need, `make`
makes the rows and asks the database for nothing, `store` writes them.
"""

from __future__ import annotations

import datetime
import itertools
import re
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agencies import bulk
from agencies.models import Agency, User
from catalog.tool_facts import tool_facts
from subscriptions.costs import Costs, costs_on, is_in_force
from subscriptions.facts import COLUMNS, facts_of
from subscriptions.import_models import FileImport, ImportedRow
from subscriptions.importing.checking import Checked, Known, Read
from subscriptions.importing.pricing import FIELDS
from subscriptions.material import Material, changed_facts, grows_on_some_day, known_of
from subscriptions.models import LIVE, Facts, FactsOrigin, PriceLine, Renewal, Subscription
from subscriptions.money import Rates, rates_on
from subscriptions.origins import ORIGIN, Basis, basis, keep_origins, origins_of
from subscriptions.renewals.keeping import NEW_TERM, keep_many, terms_of_new
from subscriptions.reopening import Changed, follow_many

REMEMBERED = 20_000
IMPORTED = ("file_import_id", "subscription_id", "line", "is_new", "version")
COUNTING = ("agency_path", "product", "annual_cost_min", "annual_cost_max")


def reason_of(run: FileImport) -> str:
    """By which, with its time, the rows of history that an import wrote are known."""
    return f"Imported from {run.file_name}"[:100]


@dataclass
class Made:
    """What is ready to be stored: `rows` as they are, of what is `new` its history and `origins` besides.

    Of what is changed, `lines` are the price lines, and `facts` the flat columns, made with the `rates`.
    """

    rows: list[bulk.Rows]
    new: list[int]
    new_lines: list[int]
    origins: dict[int, Basis]
    changed: list[Checked]
    changed_lines: ChangedLines
    lines: dict[int, Sequence[PriceLine]]
    facts: dict[int, dict[str, Any]]
    rates: Rates


@dataclass
class ChangedLines:
    """The price lines of changed records that are new, that are others now, and the keys of those that are gone."""

    new: list[PriceLine] = field(default_factory=list)
    altered: list[PriceLine] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)


class Writer:
    """Writes the records of one import. A trial leaves out what nothing is judged by: history and origins."""

    def __init__(self, run: FileImport, by: User, on: datetime.date, is_trial: bool) -> None:
        self.run, self.by, self.on, self.is_trial = run, by, on, is_trial
        self.now, self.reason = run.created_at, reason_of(run)
        self.references = References(on.year, is_trial)
        self.material: dict[int, list[Material]] = {}  # records whose change grows what is live, and what
        self.reopened: list[
            tuple[str, str]
        ] = []  # agency's path and reference of those that wait for approval anew
        self.moved: set[str] = set()  # paths of agencies whose totals are others now
        self._tools: dict[int, dict[str, Any]] = {}
        self._known_costs: dict[Any, Costs] = {}
        self._rates: Rates = rates_on((), on)
        self._currencies: set[str] = {"KRW", ""}
        self._keys, self._line_keys = bulk.Keys(Subscription), bulk.Keys(PriceLine)

    def prepare(self, read: Sequence[Read], known: Known) -> None:
        """Fetch what the records of these entries will need: keys, references, facts of tools, rates."""
        self._keys.reserve(len(known.new))
        self._line_keys.reserve(sum(len(one.entry.lines) for one in read))
        self.references.reserve([one.values["agency"] for one in known.new])
        tools = {one.values["product_id"] for one in read if "product_id" in one.values}
        lines = itertools.chain(*(one.lines or () for one in read), *known.lines.values())
        self._learn(
            tools | {row.product_id for row in known.by_id.values()}, {line.currency for line in lines}
        )

    def make(self, checked: Sequence[Checked]) -> Made:
        """Make the rows of what is new or changed."""
        new = [one for one in checked if one.is_new]
        changed = [one for one in checked if not one.is_new and one.is_changed]
        for one in changed:
            one.after.version += 1
        new_lines, changed_lines = self._make_new(new), self._lines_of(changed)
        lines: dict[int, Sequence[PriceLine]] = {
            one.after.pk: one.old_lines if one.lines is None else one.lines for one in (*new, *changed)
        }
        facts = {one.after.pk: self._facts(one, lines[one.after.pk]) for one in (*new, *changed)}
        imported = [
            [self.run.pk, one.after.pk, one.entry.line, one.is_new, one.after.version]
            for one in (*new, *changed)
        ]
        rows = [
            bulk.rows_of(Subscription, [one.after for one in new]),
            bulk.rows_of(PriceLine, new_lines),
            bulk.Rows(Facts, ("subscription_id", *COLUMNS), [_row(one.after.pk, facts) for one in new]),
            bulk.Rows(ImportedRow, IMPORTED, imported),
        ]
        origins: dict[int, Basis] = {}
        if not self.is_trial:
            rows.append(bulk.Rows(Renewal, NEW_TERM, list(terms_of_new(one.after for one in new))))
            origins = {
                one.after.pk: basis(one.after, lines[one.after.pk], self._rates, self.on) for one in new
            }
        return Made(
            rows,
            [one.after.pk for one in new],
            [line.pk for line in new_lines],
            origins,
            changed,
            changed_lines,
            lines,
            facts,
            self._rates,
        )

    def store(self, made: Made) -> None:
        """Write what was made, in the order in which the database wants it."""
        if not made.new and not made.changed:
            return
        self._write_changed(made.changed, made.changed_lines)
        for rows in made.rows:
            bulk.insert_rows(*rows)
        self._write_changed_facts(made)
        if self.is_trial:
            return
        bulk.write_history(Subscription, made.new, "+", self.by, self.reason, self.now)
        bulk.write_history(PriceLine, made.new_lines, "+", self.by, self.reason, self.now)
        origins = list(
            origins_of(made.origins)
        )  # asked for before the writing of any begins, which holds the connection
        bulk.insert_rows(FactsOrigin, ORIGIN, origins)
        changed = [one.after for one in made.changed]
        keep_origins(changed, made.lines, made.rates, self.on)
        keep_many([after.pk for after in changed])
        bulk.check_foreign_keys()

    def _make_new(self, new: Sequence[Checked]) -> list[PriceLine]:
        """Give new records what they need to be stored; returns their price lines."""
        for one, pk in zip(new, self._keys.take(len(new)), strict=True):
            after = one.after
            after.pk, after.reference = pk, self.references.take(after.agency)
            after.provenance = Subscription.Provenance.IMPORTED
            after.imported_from, after.imported_line = self.run.file_name[:200], one.entry.line
            after.recorded_by, after.recorded_at = self.by, self.now
        lines = []
        for one in new:
            for line in one.lines or ():
                line.subscription_id = one.after.pk
                lines.append(line)
        for line, pk in zip(lines, self._line_keys.take(len(lines)), strict=True):
            line.pk = pk
        return lines

    def _lines_of(self, changed: Sequence[Checked]) -> ChangedLines:
        """Pair the price lines of the file with those that are stored."""
        found = ChangedLines()
        for one in changed:
            if one.lines is None:
                continue
            for line, old in itertools.zip_longest(one.lines, one.old_lines):
                if line is None:
                    found.gone.append(old.pk)
                    continue
                line.subscription = one.after
                if old is None:
                    found.new.append(line)
                    continue
                line.pk, line.position = old.pk, old.position
                if any(getattr(line, name) != getattr(old, name) for name in FIELDS):
                    found.altered.append(line)
        for one in changed:
            # A line may have gone between two that stay: the new ones come after the last.
            last = max((line.position for line in one.old_lines), default=0)
            for number, line in enumerate((line for line in one.lines or () if line.pk is None), start=1):
                line.position = last + number
        for line, pk in zip(found.new, self._line_keys.take(len(found.new)), strict=True):
            line.pk = pk
        return found

    def _write_changed(self, changed: Sequence[Checked], lines: ChangedLines) -> None:
        bulk.update([one.after for one in changed])
        if lines.gone:
            if not self.is_trial:
                bulk.write_history(PriceLine, lines.gone, "-", self.by, self.reason, self.now)
            PriceLine.objects.filter(pk__among=lines.gone).delete()
        bulk.update(lines.altered)
        bulk.insert(PriceLine, lines.new)
        if not self.is_trial:
            for model, rows, kind in (
                (Subscription, [one.after for one in changed], "~"),
                (PriceLine, lines.altered, "~"),
                (PriceLine, lines.new, "+"),
            ):
                bulk.write_history(model, [row.pk for row in rows], kind, self.by, self.reason, self.now)

    def _write_changed_facts(self, made: Made) -> None:
        Facts.objects.bulk_create(
            (Facts(subscription_id=one.after.pk, **made.facts[one.after.pk]) for one in made.changed),
            update_conflicts=True,
            unique_fields=["subscription"],
            update_fields=COLUMNS,
            batch_size=500,
        )
        live = [one for one in made.changed if one.before is not None and one.before.status in LIVE]
        reopened = follow_many(
            [Changed(one.before, one.old_lines, one.after, made.lines[one.after.pk]) for one in live],  # type: ignore[arg-type]
            # Of the records of this part alone: the next is being made meanwhile.
            {one.after.pk: self.material[one.after.pk] for one in live if one.after.pk in self.material},
            by=self.by,
            on=self.on,
        )
        self.reopened += [(one.agency.path, one.reference) for one in reopened]

    def _facts(self, one: Checked, lines: Sequence[PriceLine]) -> dict[str, Any]:
        after = one.after
        costs = self._costs(after, lines)
        columns = facts_of(after, lines, self._tools[after.product_id], self._rates, self.on, costs)
        if self.is_trial:
            columns["search"] = ""  # nothing is judged by it, and its index is what takes longest to keep
        self._note(one, columns, lines)
        return columns

    def _costs(self, subscription: Subscription, lines: Sequence[PriceLine]) -> Costs:
        """The costs on the day: list prices repeat, and they follow from the lines and from which of them are in force."""
        day = max(self.on, subscription.started_on or self.on)
        key = tuple(
            (line.amount, line.currency, line.standing, line.vat, line.basis, line.cycle, line.seats,
             is_in_force(line, subscription, day))
            for line in lines
        )  # fmt: skip
        if key not in self._known_costs:
            if len(self._known_costs) >= REMEMBERED:
                self._known_costs.clear()
            self._known_costs[key] = costs_on(subscription, lines, self._rates, self.on)
        return self._known_costs[key]

    def _note(self, one: Checked, columns: dict[str, Any], lines: Sequence[PriceLine]) -> None:
        """Whose totals change, and which changes grow what is live already."""
        old = one.old_facts
        before = (
            tuple(getattr(old, name) for name in COUNTING)
            if old is not None and one.before is not None and one.before.status in LIVE
            else None
        )
        after = tuple(columns[name] for name in COUNTING) if one.after.status in LIVE else None
        if before != after:
            self.moved.update(counted[0] for counted in (before, after) if counted)
        if one.before is not None and one.before.status in LIVE:
            causes = grows_on_some_day(one.before, one.old_lines, one.after, lines, self._rates, self.on)
            if old is not None:
                causes |= changed_facts(one.before, one.after, known_of(old), columns)
            if causes or old is None:
                self.material[one.after.pk] = [cause for cause in Material if cause in causes]

    def _learn(self, tools: set[int], currencies: set[str]) -> None:
        """Fetch the facts of tools and the rates of currencies that are new in this import."""
        if tools - self._tools.keys():
            self._tools.update(tool_facts(tools - self._tools.keys(), self.on))
        if currencies - self._currencies:
            self._currencies |= currencies
            self._rates = rates_on(self._currencies, self.on)
            self._known_costs.clear()


def _row(pk: int, facts: Mapping[int, dict[str, Any]]) -> list[Any]:
    """The flat columns of a record as a row."""
    return [pk, *map(facts[pk].__getitem__, COLUMNS)]


class References:
    """Gives new records their references; the agencies' rows stay locked, as `storing.next_reference` locks one.

    A trial locks nobody out, and must not be in the way of a number that somebody takes meanwhile: its records have none that
    anybody else could have.
    """

    def __init__(self, year: int, is_trial: bool = False) -> None:
        self.year, self.is_trial = year, is_trial
        self._last: dict[int, int] = {}
        self._free: dict[int, deque[str]] = defaultdict(deque)

    def reserve(self, agencies: Collection[Agency]) -> None:
        """Find a reference for each of these, an agency as often as it needs one."""
        if self.is_trial:
            return
        by_key = {agency.pk: agency for agency in agencies}
        self._begin({pk: agency for pk, agency in by_key.items() if pk not in self._last})
        wanted = Counter(agency.pk for agency in agencies)
        while lacking := {
            pk: count - len(self._free[pk]) for pk, count in wanted.items() if count > len(self._free[pk])
        }:
            given = {pk: [self._next(by_key[pk]) for _n in range(count)] for pk, count in lacking.items()}
            # A record that went to another agency keeps its reference.
            every = list(itertools.chain.from_iterable(given.values()))
            taken = set(
                Subscription.objects.filter(reference__among=every).values_list("reference", flat=True)
            )
            for pk, references in given.items():
                self._free[pk].extend(one for one in references if one not in taken)

    def take(self, agency: Agency) -> str:
        """One of those that were found for an agency. Asks the database for nothing."""
        return f"?{uuid.uuid4().hex}" if self.is_trial else self._free[agency.pk].popleft()

    def _begin(self, agencies: Mapping[int, Agency]) -> None:
        if not agencies:
            return
        held = Agency.objects.select_for_update(no_key=True).filter(pk__in=agencies).order_by("pk")
        list(held.values_list("pk"))
        highest: dict[int, int] = defaultdict(int)
        rows = Subscription.objects.filter(agency__in=agencies, reference__contains=f"-{self.year}-")
        for pk, reference in rows.order_by().values_list("agency", "reference").iterator():
            found = re.fullmatch(rf"{re.escape(agencies[pk].code)}-{self.year}-(\d+)", reference)
            if found:
                highest[pk] = max(highest[pk], int(found[1]))
        for pk in agencies:
            self._last[pk] = highest[pk]

    def _next(self, agency: Agency) -> str:
        self._last[agency.pk] += 1
        return f"{agency.code}-{self.year}-{self._last[agency.pk]:04d}"
