"""Writes checked records with their price lines, facts and history, many at once, in the caller's transaction."""

from __future__ import annotations

import datetime
import itertools
import re
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from agencies import bulk
from agencies.models import Agency, User
from catalog.tool_facts import tool_facts
from subscriptions.costs import Costs, costs_on, is_in_force
from subscriptions.facts import COLUMNS, facts_of
from subscriptions.import_models import FileImport, ImportedRow
from subscriptions.importing.checking import Checked
from subscriptions.importing.pricing import FIELDS
from subscriptions.material import Material, changed_facts, grows_on_some_day, known_of
from subscriptions.models import LIVE, Facts, FactsOrigin, PriceLine, Renewal, Subscription
from subscriptions.money import Rates, rates_on
from subscriptions.origins import keep_origins, origins_of
from subscriptions.renewals.keeping import NEW_TERM, keep_many, terms_of_new
from subscriptions.reopening import Changed, follow_many

REMEMBERED = 20_000
COUNTING = ("agency_path", "product", "annual_cost_min", "annual_cost_max")


def reason_of(run: FileImport) -> str:
    """By which, with its time, the rows of history that an import wrote are known."""
    return f"Imported from {run.file_name}"[:100]


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

    def write(self, checked: Sequence[Checked]) -> None:
        new = [one for one in checked if one.is_new]
        changed = [one for one in checked if not one.is_new and one.is_changed]
        if not new and not changed:
            return
        self._write_new(new)
        self._write_changed(changed)
        lines = {
            one.after.pk: list(one.old_lines if one.lines is None else one.lines) for one in (*new, *changed)
        }
        self._write_facts(new, changed, lines)
        bulk.insert_rows(
            ImportedRow,
            ("file_import_id", "subscription_id", "line", "is_new", "version"),
            (
                [self.run.pk, one.after.pk, one.entry.line, one.is_new, one.after.version]
                for one in (*new, *changed)
            ),
        )
        if not self.is_trial:
            made = origins_of([one.after for one in new], lines, self._rates, self.on)
            bulk.insert(FactsOrigin, list(made))
            keep_origins([one.after for one in changed], lines, self._rates, self.on)
            bulk.insert_rows(Renewal, NEW_TERM, terms_of_new(one.after for one in new))
            keep_many([one.after.pk for one in changed])

    def _write_new(self, new: Sequence[Checked]) -> None:
        keys = bulk.next_keys(Subscription, len(new))
        references = self.references.take([one.after.agency for one in new])
        for one, pk, reference in zip(new, keys, references, strict=True):
            after = one.after
            after.pk, after.reference = pk, reference
            after.provenance = Subscription.Provenance.IMPORTED
            after.imported_from, after.imported_line = self.run.file_name[:200], one.entry.line
            after.recorded_by, after.recorded_at = self.by, self.now
        bulk.insert(Subscription, [one.after for one in new])
        lines = []
        for one in new:
            for line in one.lines or ():
                line.subscription = one.after
                lines.append(line)
        line_keys = bulk.next_keys(PriceLine, len(lines))
        for line, pk in zip(lines, line_keys, strict=True):
            line.pk = pk
        bulk.insert(PriceLine, lines)
        if not self.is_trial:
            bulk.write_history(Subscription, keys, "+", self.by, self.reason, self.now)
            bulk.write_history(PriceLine, line_keys, "+", self.by, self.reason, self.now)

    def _write_changed(self, changed: Sequence[Checked]) -> None:
        for one in changed:
            one.after.version += 1
        bulk.update([one.after for one in changed])
        made: list[PriceLine] = []
        altered: list[PriceLine] = []
        gone: list[int] = []
        for one in changed:
            if one.lines is None:
                continue
            for line, old in itertools.zip_longest(one.lines, one.old_lines):
                if line is None:
                    gone.append(old.pk)
                    continue
                line.subscription = one.after
                if old is None:
                    made.append(line)
                    continue
                line.pk, line.position = old.pk, old.position
                if any(getattr(line, name) != getattr(old, name) for name in FIELDS):
                    altered.append(line)
        for one in changed:
            # A line may have gone between two that stay: the new ones come after the last.
            last = max((line.position for line in one.old_lines), default=0)
            for number, line in enumerate((line for line in one.lines or () if line.pk is None), start=1):
                line.position = last + number
        for line, pk in zip(made, bulk.next_keys(PriceLine, len(made)), strict=True):
            line.pk = pk
        if gone:
            if not self.is_trial:
                bulk.write_history(PriceLine, gone, "-", self.by, self.reason, self.now)
            PriceLine.objects.filter(pk__in=gone).delete()
        bulk.update(altered)
        bulk.insert(PriceLine, made)
        if not self.is_trial:
            bulk.write_history(
                Subscription, [o.after.pk for o in changed], "~", self.by, self.reason, self.now
            )
            bulk.write_history(PriceLine, [line.pk for line in altered], "~", self.by, self.reason, self.now)
            bulk.write_history(PriceLine, [line.pk for line in made], "+", self.by, self.reason, self.now)

    def _write_facts(
        self, new: Sequence[Checked], changed: Sequence[Checked], lines: dict[int, list[PriceLine]]
    ) -> None:
        self._learn([*new, *changed], lines)
        made = [(one.after.pk, self._facts(one, lines[one.after.pk])) for one in (*new, *changed)]
        bulk.insert_rows(
            Facts,
            ("subscription_id", *COLUMNS),
            ([pk, *map(columns.__getitem__, COLUMNS)] for pk, columns in made[: len(new)]),
        )
        Facts.objects.bulk_create(
            (Facts(subscription_id=pk, **columns) for pk, columns in made[len(new) :]),
            update_conflicts=True,
            unique_fields=["subscription"],
            update_fields=COLUMNS,
            batch_size=500,
        )
        live = [one for one in changed if one.before is not None and one.before.status in LIVE]
        reopened = follow_many(
            [Changed(one.before, one.old_lines, one.after, lines[one.after.pk]) for one in live],  # type: ignore[arg-type]
            self.material,
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
        old: Facts | None = None if one.before is None else getattr(one.after, "facts", None)
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

    def _learn(self, checked: Sequence[Checked], lines: dict[int, list[PriceLine]]) -> None:
        """Fetch the facts of tools and the rates of currencies that are new in this import."""
        tools = {one.after.product_id for one in checked} - self._tools.keys()
        if tools:
            self._tools.update(tool_facts(tools, self.on))
        currencies = {line.currency for group in lines.values() for line in group}
        currencies |= {line.currency for one in checked for line in one.old_lines}
        currencies -= self._currencies
        if currencies:
            self._currencies |= currencies
            self._rates = rates_on(self._currencies, self.on)
            self._known_costs.clear()


class References:
    """Gives new records their references; the agencies' rows stay locked, as `recording.next_reference` locks one.

    A trial locks nobody out, and must not be in the way of a number that somebody takes meanwhile: its records have none that
    anybody else could have.
    """

    def __init__(self, year: int, is_trial: bool = False) -> None:
        self.year, self.is_trial = year, is_trial
        self._last: dict[int, int] = {}

    def take(self, agencies: Sequence[Agency]) -> list[str]:
        if self.is_trial:
            return [f"?{uuid.uuid4().hex}" for _agency in agencies]
        self._begin({agency.pk: agency for agency in agencies if agency.pk not in self._last})
        while True:
            given = [self._next(agency) for agency in agencies]
            # A record that went to another agency keeps its reference.
            taken = set(Subscription.objects.filter(reference__in=given).values_list("reference", flat=True))
            if not taken:
                return given

    def _begin(self, agencies: dict[int, Agency]) -> None:
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
