"""What each record of a file comes to: a new record, a change of one, nothing, or what is wrong with it. Writes nothing.

The cells are read by the fields of the record page's forms, and what those forms ask of several fields at once is asked here
too: no row is taken that the page would refuse.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from agencies.choosing import AgencyField
from agencies.models import Agency, Role
from catalog.choosing import ProductField
from catalog.models import Product
from subscriptions.forms import PriceLineForm, SubscriptionForm
from subscriptions.import_models import FileImport
from subscriptions.importing.columns import LINE, RECORD, Implied
from subscriptions.importing.directory import Directory
from subscriptions.importing.matching import (
    Key,
    changeable,
    flat_facts,
    key_of,
    keys_of,
    price_lines,
    with_keys,
    with_references,
)
from subscriptions.importing.pricing import Pricing, same_lines
from subscriptions.importing.report import Changed
from subscriptions.importing.rows import Entry, Problem
from subscriptions.importing.values import Cells
from subscriptions.models import LIVE, Facts, PriceLine, Status, Subscription

EDITABLE = (Status.DRAFT, *LIVE)
MOST_LINES = 50
CHOSEN = ("reference", "version", "agency", "agency_code", "product", "payer", "status")
PLAIN = tuple(name for name in RECORD if name not in CHOSEN)
# What a cell that says nothing means: an empty text where the model has no null.
EMPTY: dict[str, Any] = {name: "" if not Subscription._meta.get_field(name).null else None for name in PLAIN}


@dataclass
class Checked:
    """A record that can be written: `before` as it is stored, None for a new one; `lines` None: they stay as they are."""

    entry: Entry
    after: Subscription
    lines: list[PriceLine] | None
    before: Subscription | None = None
    old_lines: Sequence[PriceLine] = ()
    old_facts: Facts | None = None
    is_changed: bool = True

    @property
    def is_new(self) -> bool:
        return self.before is None

    def changed_columns(self) -> list[str]:
        """The columns of the file whose values change a record that is there; "amount" for its price lines."""
        before = self.before
        fields = {**dict.fromkeys(PLAIN), "product": None, "payer": None}
        found = []
        for name in fields if before is not None else ():
            attribute = Subscription._meta.get_field(name).attname  # type: ignore[union-attr]
            if getattr(before, attribute) != getattr(self.after, attribute):
                found.append(name)
        return found if self.lines is None else [*found, "amount"]


@dataclass
class Read:
    """An entry with the values of its cells, the price lines that they make for a new record, and what is wrong with those."""

    entry: Entry
    values: dict[str, Any]
    lines: list[PriceLine] | None
    problems: list[Problem]


@dataclass
class Known:
    """What the register has of some entries: the records that they may mean with their price lines; `new` are those of none."""

    by_reference: dict[str, Subscription]
    by_key: dict[Key, list[int]]
    by_id: dict[int, Subscription]
    lines: dict[int, list[PriceLine]]
    facts: dict[int, Facts]
    new: list[Read]


class Checker:
    """Checks the records of one import for its owner; `mapped` are the columns that the file has."""

    def __init__(
        self,
        run: FileImport,
        mapped: Collection[str],
        implied: Implied,
        new_as: Status,
        on: datetime.date,
        hold: bool = True,
    ) -> None:
        by = run.owner
        self.run, self.by, self.mapped, self.new_as, self.on = run, by, frozenset(mapped), new_as, on
        self.cells = Cells(SubscriptionForm(by=by), PriceLineForm())
        self.pricing = Pricing(self.cells, implied, self.mapped)
        self.has_all_of_lines = all(name in self.mapped for name in LINE)
        self.agencies = Directory(Agency.objects.visible_to(by, Role.ADMINISTRATOR), AgencyField.names)
        payers = Agency.objects.visible_to(by) if "payer" in self.mapped else ()
        self.payers = Directory(payers, AgencyField.names)
        products = Product.objects.select_related("vendor", "category")
        self.products = Directory(products, ProductField.names)
        self._seen: dict[Key | int, int] = {}
        self._of_changed: dict[Key, int] = {}
        self._hold, self._held = hold, set[int]()

    def read(self, entries: Sequence[Entry]) -> list[Read]:
        """What the cells of these entries say. Asks the database for nothing."""
        return [self._read_entry(entry) for entry in entries]

    def _read_entry(self, entry: Entry) -> Read:
        values, told = self._values(entry), len(entry.problems)
        lines = self._lines(entry, ())
        problems = entry.problems[told:]
        del entry.problems[told:]  # what is wrong with the record is told before them
        return Read(entry, values, lines, problems)

    def look_up(self, entries: Sequence[Read]) -> Known:
        """All that the database has to say about these entries, and nothing that this import has written."""
        may = changeable(self.by, self.run)
        references = {one.entry.record.get("reference", "") for one in entries} - {""}
        by_reference = with_references(references, may) if references else {}
        without = [
            one for one in entries if not one.entry.record.get("reference") and not one.entry.has_errors
        ]
        keys = {key_of(one.values, self.mapped) for one in without}
        if self._hold:
            self._hold_agencies({key[0] for key in keys})
        by_key = with_keys(keys, self.mapped, may)
        matched = [pk for ids in by_key.values() for pk in ids]
        by_id = {row.pk: row for row in Subscription.objects.filter(pk__among=matched)} if matched else {}
        by_id.update({row.pk: row for row in by_reference.values()})
        for row in by_id.values():
            agency, product = (
                self.agencies.by_key.get(row.agency_id),
                self.products.by_key.get(row.product_id),
            )
            if agency is None or product is None:
                raise Changed  # recorded since the import began
            row.agency, row.product = agency, product
        new = [one for one in without if key_of(one.values, self.mapped) not in by_key]
        ids = list(by_id)
        if not ids:
            return Known({}, {}, {}, {}, {}, new)
        return Known(by_reference, by_key, by_id, price_lines(ids), flat_facts(ids), new)

    def check(self, entries: Sequence[Read], known: Known) -> list[Checked]:
        """The records of these entries without an error; the others say what is wrong. Asks the database for nothing."""
        checked = []
        for one in entries:
            entry = one.entry
            stored = self._stored(entry, one.values, known)
            if entry.has_errors:
                entry.problems += one.problems  # what is wrong with its lines as well
                continue
            found = self._record(one, stored, known)
            if found is not None and not entry.has_errors:
                checked.append(found)
        return checked

    def _hold_agencies(self, agencies: set[int]) -> None:
        """Let nobody record anything at these agencies until the import ends: it might be what a row of the file means.

        Whoever records something new takes this lock first, for its reference.
        """
        new = agencies - self._held
        list(
            Agency.objects.select_for_update(no_key=True).filter(pk__in=new).order_by("pk").values_list("pk")
        )
        self._held |= new

    def _values(self, entry: Entry) -> dict[str, Any]:
        """The values of the cells; of what can be chosen, its id besides. What cannot be read is told to the entry."""
        values: dict[str, Any] = {}
        for name in PLAIN:
            if name in self.mapped:
                self._read(entry, name, values, EMPTY[name])
        for name in ("version", "status"):
            if name in self.mapped:
                self._read(entry, name, values, None)
        has_reference = bool(entry.record.get("reference"))
        self._choose_agency(entry, values, needed=not has_reference)
        self._choose(entry, "product", self.products, values, needed=not has_reference)
        if "payer" in self.mapped:
            self._choose(entry, "payer", self.payers, values, needed=False)
            values.setdefault("payer", None)
        return values

    def _read(self, entry: Entry, name: str, values: dict[str, Any], empty: Any) -> None:
        text = entry.record[name]
        values[name] = empty
        if not self.cells.is_empty(text):
            try:
                values[name] = self.cells.read(name, text)
            except ValidationError as error:
                entry.wrong(name, " ".join(error.messages))

    def _choose(
        self, entry: Entry, name: str, among: Directory, values: dict[str, Any], needed: bool
    ) -> None:
        text = entry.record.get(name, "")
        if self.cells.is_empty(text):
            if needed:
                message = _("Give the AI tool.") if name == "product" else _("Give the agency.")
                entry.wrong(name, message)
            return
        try:
            values[name] = among.find(text)
        except ValidationError as error:
            suggestion = among.nearest(text) if error.code == "unknown" else ""
            entry.wrong(name, " ".join(error.messages), suggestion)
            return
        values[f"{name}_id"] = values[name].pk

    def _choose_agency(self, entry: Entry, values: dict[str, Any], needed: bool) -> None:
        """The agency by its code where there is one; a name beside it must be one that it bears."""
        code, name = entry.record.get("agency_code", ""), entry.record.get("agency", "")
        if self.cells.is_empty(code):
            self._choose(entry, "agency", self.agencies, values, needed)
            return
        agency = self.agencies.by_code(code)
        if agency is None:
            message = _("There is no “%(value)s” among those you can choose.") % {"value": code}
            entry.wrong("agency_code", message, self.agencies.nearest(code))
        elif not self.cells.is_empty(name) and not self.agencies.is_called(agency, name):
            entry.wrong(
                "agency",
                _("%(code)s is %(name)s.") % {"code": code, "name": agency},
                f"{agency} ({agency.code})",
            )
        else:
            values["agency"], values["agency_id"] = agency, agency.pk

    def _stored(self, entry: Entry, values: dict[str, Any], known: Known) -> Subscription | None:
        """The record that the entry means, if there is one; each only once in a file."""
        reference = entry.record.get("reference")
        if reference:
            stored = known.by_reference.get(reference)
            if stored is None:
                entry.wrong(
                    "reference",
                    _("There is no such record among those you may change. Leave it empty for a new one."),
                )
                return None
        elif entry.has_errors:
            return None
        else:
            key = key_of(values, self.mapped)
            found = known.by_key.get(key, [])
            if len(found) > 1:
                names = ", ".join(known.by_id[pk].reference for pk in found[:5])
                entry.wrong(
                    "reference", _("It may be any of %(names)s. Give the reference.") % {"names": names}
                )
                return None
            self._once(entry, key)
            stored = known.by_id[found[0]] if found else None
            if stored is None and key in self._of_changed:
                self._same(entry, self._of_changed[key])
        if stored is not None:
            self._once(entry, stored.pk)
        return stored

    def _once(self, entry: Entry, key: Key | int) -> None:
        before = self._seen.setdefault(key, entry.line)
        if before != entry.line and not entry.has_errors:
            self._same(entry, before)

    def _same(self, entry: Entry, line: int) -> None:
        message = _("Line %(line)s is the same record. Put the rows of one record next to each other.")
        entry.wrong("", message % {"line": line})

    def _record(self, one: Read, stored: Subscription | None, known: Known) -> Checked | None:
        entry, values = one.entry, one.values
        old_lines = known.lines.get(stored.pk, []) if stored is not None else []
        if old_lines and not self.has_all_of_lines:  # what the file has no column for stays as it is
            new_lines = self._lines(entry, old_lines)
        else:
            new_lines = one.lines
            entry.problems += one.problems
        if entry.has_errors:
            return None
        if stored is None:
            after = self._new(entry, values)
            self._dates(entry, after, in_use=after.status == Status.ACTIVE)
            return Checked(entry, after, new_lines or [])
        before = _copy(stored)
        after = self._changed(entry, values, stored)
        names = [field.attname for field in Subscription._meta.concrete_fields]
        same = new_lines is None or same_lines(new_lines, old_lines)
        is_changed = not same or any(getattr(before, name) != getattr(after, name) for name in names)
        if is_changed:
            self._may_change(entry, values, before, after)
            for state in (before, after):
                # A row further on means this record by either, whether it is stored by then or not.
                self._of_changed.update(dict.fromkeys(keys_of(state, self.mapped), entry.line))
        old_facts = known.facts.get(stored.pk)
        return Checked(entry, after, None if same else new_lines, before, old_lines, old_facts, is_changed)

    def _lines(self, entry: Entry, old: Sequence[PriceLine]) -> list[PriceLine] | None:
        """The price lines of the entry; None when it has none, which leaves a record's as they are."""
        if not entry.lines:
            return None
        if len(entry.lines) > MOST_LINES:
            entry.wrong("", _("A record has at most %(count)s price lines.") % {"count": MOST_LINES})
            return None
        made = []
        for number, (line, texts) in enumerate(entry.lines):
            read = self.pricing.line(entry, line, texts, old[number] if number < len(old) else None)
            if read is not None:
                read.position = number + 1
                made.append(read)
        return made

    def _new(self, entry: Entry, values: dict[str, Any]) -> Subscription:
        status = values.get("status") or self.new_as
        if status not in (Status.DRAFT, Status.ACTIVE):
            entry.wrong(
                "status",
                _(
                    "A new record is a draft or, when the tool is in use already, active. Approval comes here."
                ),
            )
        given = {name: values[name] for name in PLAIN if name in values}
        return Subscription(
            agency=values["agency"],
            product=values["product"],
            payer=values.get("payer"),
            status=status,
            declared=status == Status.ACTIVE,
            **given,
        )

    def _changed(self, entry: Entry, values: dict[str, Any], stored: Subscription) -> Subscription:
        """The stored record with what the file says; checks what a record keeps."""
        if values.get("agency_id", stored.agency_id) != stored.agency_id:
            entry.wrong(
                "agency", _("A record stays with its agency. End it and record a new one to move it.")
            )
        status = values.get("status")
        if status and status != stored.status:
            message = _("The record is “%(status)s”. A file does not change that: its page does.")
            entry.wrong("status", message % {"status": stored.get_status_display()})
        for name in PLAIN:
            if name in values:
                setattr(stored, name, values[name])
        if "product" in values:
            stored.product = values["product"]
        if "payer" in values:
            stored.payer = values["payer"]
        return stored

    def _may_change(
        self, entry: Entry, values: dict[str, Any], before: Subscription, after: Subscription
    ) -> None:
        if before.status not in EDITABLE:
            message = _("The record is “%(status)s” and can no longer be changed.")
            entry.wrong("", message % {"status": before.get_status_display()}, value=before.reference)
        version = values.get("version")
        if version is not None and version != before.version:
            entry.wrong("version", _("The record was changed after this file was written. Export it again."))
        is_taken = before.provenance == Subscription.Provenance.STATEMENT
        self._dates(
            entry, after, in_use=before.status == Status.ACTIVE, needed=before.status in LIVE and not is_taken
        )

    def _dates(self, entry: Entry, after: Subscription, in_use: bool, needed: bool | None = None) -> None:
        """What the record page asks of the dates."""
        start, end = after.started_on, after.ends_on
        if start and end and end < start:
            entry.wrong("ends_on", _("The subscription ends before it starts."))
        if needed is False or not (in_use or needed):
            return
        if start is None:
            entry.wrong("started_on", _("Give the first day. Save a draft while it is not known."))
        elif in_use and start > self.on:
            entry.wrong("started_on", _("What is in use already started today or before."))


def _copy(stored: Subscription) -> Subscription:
    return Subscription(**{f.attname: getattr(stored, f.attname) for f in Subscription._meta.concrete_fields})
