"""An import from its first line to its last: all of a file or nothing of it, tried first without keeping anything."""

from __future__ import annotations

import gc
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agencies.models import Role, User
from audit import events
from subscriptions.import_models import FileImport
from subscriptions.importing.behind import Behind
from subscriptions.importing.checking import Checked, Checker, Read
from subscriptions.importing.columns import (
    NEEDED,
    SUBSCRIPTIONS,
    Vocabulary,
    find_header,
    guess_all,
    implied_by,
)
from subscriptions.importing.deciding import Deciding
from subscriptions.importing.holding import hold_imports
from subscriptions.importing.reading import Row, read_rows
from subscriptions.importing.refusing import Refused
from subscriptions.importing.report import MOST_ROWS, Changed, Report, RowDone
from subscriptions.importing.rows import entries
from subscriptions.importing.writing import Made, Writer
from subscriptions.models import Status, Subscription
from subscriptions.today import today

CHUNK = 2_000
# What headers mean where they do not say it themselves, or what each column means in its order.
Chosen = Mapping[str, str] | Sequence[str] | None


@dataclass
class Table:
    """A file that is open: its header, what each column means, and the rows below."""

    header: list[str]
    columns: list[str]
    rows: Iterable[Row]


def open_table(data: bytes, chosen: Chosen = None, vocabulary: Vocabulary = SUBSCRIPTIONS) -> Table:
    """The table in a file, its columns known by their headers. Raises Refused.

    `chosen` says of some headers what they mean, or of all columns in their order.
    """
    header, rows = find_header(read_rows(data), vocabulary)
    if isinstance(chosen, Mapping) or chosen is None:
        return Table(header, guess_all(header, chosen, vocabulary), rows)
    if len(chosen) != len(header):
        raise Refused(_("The file has other columns than were chosen. Upload it again."))
    return Table(header, list(chosen), rows)


def missing_text() -> str:
    return _("There must be a column for the agency and one for the AI tool, or one for the reference.")


def missing_columns(columns: Sequence[str]) -> list[tuple[str, ...]]:
    """What no file can do without: of each of these, one column. A file with references has the rest in the register."""
    return [] if "reference" in columns else [some for some in NEEDED if not set(some) & set(columns)]


def run(
    data: bytes,
    file_name: str,
    by: User,
    *,
    columns: Chosen = None,
    new_as: Status = Status.DRAFT,
    trial: bool = False,
    expected: str = "",
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Import a file, or try to: a trial does all of it and keeps nothing. Nothing is kept either when anything is wrong.

    `columns` says of headers what they mean, where they do not say it themselves, or of all columns. `expected` is the digest of
    a trial: raises Changed when the import would do anything else now. Raises Refused when the file is no table.
    """
    if not by.has_role(Role.ADMINISTRATOR):
        raise Refused(_("You are no administrator of any agency."))
    table = open_table(data, columns)
    names = table.columns
    if missing_columns(names):
        raise Refused(missing_text())
    with few_collections(), transaction.atomic():
        if not trial:
            hold_imports()
        record = FileImport.objects.create(owner=by, file_name=file_name[:200])
        report = _Run(record, by, table, names, new_as, trial, progress).all()
        if expected and report.digest != expected:
            raise Changed
        if trial or report.errors:
            transaction.set_rollback(True)
        else:
            _close(record, report)
            report.run = record
    return report


def _told(one: Checked) -> RowDone:
    """A record that is written, for people: the agency, the tool, and what changes."""
    after = one.after
    label = " · ".join(filter(None, (after.reference, str(after.agency), str(after.product))))
    if one.before is None:
        return RowDone(one.entry.line, "new", label)
    return RowDone(one.entry.line, "changed", label, one.changed_columns())


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for garbage in cycles more seldom: looking through all of a chunk's objects takes a sixth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] * 100, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _close(record: FileImport, report: Report) -> None:
    from django.utils import timezone

    record.new, record.changed, record.left = report.new, report.changed, report.left
    record.finished_at = timezone.now()
    record.save()
    counts = {"new": record.new, "changed": record.changed, "left": record.left}
    events.record(events.Kind.IMPORT, by=record.owner, about=record, after={"what": "imported", **counts})


class _Run:
    def __init__(
        self,
        record: FileImport,
        by: User,
        table: Table,
        names: Sequence[str],
        new_as: Status,
        trial: bool,
        progress: Callable[[int], None],
    ) -> None:
        self.record, self.by, self.table, self.names = record, by, table, names
        self.trial, self.progress, self.on = trial, progress, today()
        implied = implied_by(table.header[names.index("amount")] if "amount" in names else "")
        mapped = [name for name in names if name]
        self.checker = Checker(record, mapped, implied, new_as, self.on, hold=not trial)
        self.writer = Writer(record, by, self.on, trial)
        self.report = Report(
            left_out=[h for h, name in zip(table.header, names, strict=True) if h and not name]
        )
        self._digest = hashlib.sha256()

    def all(self) -> Report:
        done, checked = 0, list[Checked]()
        made: Made | None = None
        with Behind() as behind:
            for chunk in self._read():
                behind.wait()
                known = self.checker.look_up(chunk)
                if self._goes_on():
                    self.writer.prepare(chunk, known)
                if made is not None:
                    behind.start(partial(self._store, checked, made))
                checked = self.checker.check(chunk, known)
                self._count(chunk, checked)
                made = self.writer.make(checked) if self._goes_on() else None
                done += len(chunk)
                self.progress(done)
        if made is not None:
            self._store(checked, made)
        if self._goes_on():
            Deciding(self.record, self.writer, self.report, self.on).all()
        self.report.digest = self._digest.hexdigest()
        return self.report

    def _goes_on(self) -> bool:
        """After an error nothing is kept: then only a trial goes on, for the verdicts of the rest."""
        return self.trial or not self.report.errors

    def _store(self, checked: Sequence[Checked], made: Made) -> None:
        self._hold_unchanged(checked)
        self.writer.store(made)

    def _read(self) -> Iterator[list[Read]]:
        for chunk in _chunks(entries(self.table.rows, self.names)):
            yield self.checker.read(chunk)

    def _count(self, chunk: Sequence[Read], checked: Sequence[Checked]) -> None:
        report = self.report
        for read in chunk:
            report.tell(read.entry.problems)
        for one in checked:
            report.new += one.is_new
            report.changed += not one.is_new and one.is_changed
            report.left += not one.is_changed
            if one.is_changed and len(report.rows) < MOST_ROWS:
                report.rows.append(_told(one))
            before = one.before
            says = (one.entry.line, one.is_changed, before and (before.pk, before.version))
            self._digest.update(repr(says).encode())

    def _hold_unchanged(self, checked: Sequence[Checked]) -> None:
        """Hold the records that change. Raises Changed when somebody has worked on one since it was read."""
        versions = {
            one.after.pk: one.before.version for one in checked if one.before is not None and one.is_changed
        }
        if not versions or self.trial:
            return
        held = Subscription.objects.select_for_update(no_key=True).filter(pk__among=versions).order_by("pk")
        if dict(held.values_list("pk", "version")) != versions:
            raise Changed


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(rows)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield chunk
