"""Imports of files of which each row is one record of its own: all or nothing, tried first, and taken back as a whole.

What such a file holds says a subclass of `Rows`: which record a row means, and what its values are by the form of that record.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, ProtectedError, QuerySet, RestrictedError, Subquery
from django.forms import ModelForm
from django.utils import timezone
from django.utils.translation import gettext as _

from agencies.models import User
from audit import events
from subscriptions.import_models import FileImport
from subscriptions.importing.columns import Vocabulary
from subscriptions.importing.holding import hold_imports
from subscriptions.importing.refusing import Refused
from subscriptions.importing.report import Changed, Report
from subscriptions.importing.rows import Problem
from subscriptions.importing.running import Chosen, Table, open_table
from subscriptions.importing.undoing import Touched
from subscriptions.importing.words import EMPTY
from subscriptions.upload_models import WrittenRow

logger = logging.getLogger(__name__)

CHUNK = 500


class Line:
    """A row of the file: the texts of its cells by column, and what is wrong with it."""

    def __init__(self, number: int, texts: dict[str, str]) -> None:
        self.number, self.texts = number, texts
        self.problems: list[Problem] = []

    @property
    def has_errors(self) -> bool:
        return any(problem.is_error for problem in self.problems)

    def wrong(self, column: str, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(self.number, column, self.texts.get(column, ""), message, suggestion))

    def warn(self, column: str, message: str) -> None:
        given = self.texts.get(column, "")
        self.problems.append(Problem(self.number, column, given, message, is_error=False))


class Rows:
    """The rows of one import by one person. `mapped` are the columns that the file has, or that the import is given."""

    kind: ClassVar[str]
    model: ClassVar[Any]
    vocabulary: ClassVar[Vocabulary]

    def __init__(self, by: User, mapped: Sequence[str], table: Table) -> None:
        self.by, self.mapped, self.table = by, frozenset(mapped), table

    @classmethod
    def may(cls, by: User) -> bool:
        raise NotImplementedError

    @classmethod
    def changeable(cls, by: User) -> QuerySet:
        """The records that the person may change."""
        raise NotImplementedError

    @classmethod
    def missing(cls, columns: Sequence[str]) -> str:
        raise NotImplementedError

    def ordered(self, lines: Iterator[Line]) -> Iterator[Line]:
        """The lines in the order in which they can be written."""
        return lines

    @classmethod
    def hold(cls) -> None:
        """Keep others from what an import or its undo changes besides its rows, before it locks any of these."""

    def prepare(self, lines: Sequence[Line], hold: bool) -> None:
        """Fetch what these lines need, and with `hold` keep others from it until the import ends."""

    def form(self, line: Line) -> ModelForm | None:
        """The record's form with what the line says, its instance the record that the line means; None: something is wrong."""
        raise NotImplementedError

    def column_of(self, field: str) -> str:
        """The column whose text made an error of this field of the form."""
        return field if field in self.vocabulary.columns else ""

    @classmethod
    def finished(cls, run: FileImport, by: User) -> int:
        """Make anew what hangs on the records that an import has just written, or its undo taken back.

        Returns how many payments got another amount in won.
        """
        return 0

    def label(self, record: Any) -> str:
        return str(record)

    # What a record has beside its own columns: by default nothing.

    @classmethod
    def values(cls, record: Any) -> dict[str, Any]:
        """What the record holds by name; an import writes it where any of this changes."""
        return {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}

    @classmethod
    def note(cls, before: dict[str, Any]) -> str:
        """What its history says of a changed record after the file's name, for `restore`; `before` are its values."""
        return ""

    @classmethod
    def restore(cls, record: Any, note: str) -> None:
        """Make ready a record as its history has it from before an import, to be saved; `note` is what was noted then."""

    @classmethod
    def after_save(cls, record: Any) -> None:
        """Keep what hangs on a record that an import or its undo has just saved."""


def run(
    kind: type[Rows],
    data: bytes,
    file_name: str,
    by: User,
    *,
    columns: Chosen = None,
    trial: bool = False,
    expected: str = "",
    progress: Callable[[int], None] = lambda done: None,
    given: Mapping[str, str] | None = None,
) -> Report:
    """Import a file of this kind, or try to; see `running.run`.

    `given`: by columns, the text of cells that the file leaves empty or has no column for.
    """
    given = given or {}
    if not kind.may(by):
        raise Refused(_("You may not import this."))
    table = open_table(data, columns, kind.vocabulary)
    mapped = list(dict.fromkeys([*filter(None, table.columns), *given]))
    if message := kind.missing(mapped):
        raise Refused(message)
    with transaction.atomic():
        if not trial:
            hold_imports()
            kind.hold()
        record = FileImport.objects.create(owner=by, kind=kind.kind, file_name=file_name[:200])
        report = _Run(record, kind(by, mapped, table), given, trial, progress).all()
        if expected and report.digest != expected:
            raise Changed
        if trial or report.errors:
            transaction.set_rollback(True)
        else:
            record.new, record.changed, record.left = report.new, report.changed, report.left
            record.finished_at = timezone.now()
            record.save()
            _tell(record, "imported", by, left=record.left)
            report.payments = kind.finished(record, by)
            report.run = record
    return report


class _Run:
    def __init__(
        self,
        record: FileImport,
        rows: Rows,
        given: Mapping[str, str],
        trial: bool,
        progress: Callable[[int], None],
    ) -> None:
        self.record, self.rows, self.given, self.trial, self.progress = record, rows, given, trial, progress
        table = rows.table
        self.report = Report(
            left_out=[h for h, name in zip(table.header, table.columns, strict=True) if h and not name]
        )
        self._digest = hashlib.sha256()

    def all(self) -> Report:
        done, lines = 0, self.rows.ordered(self._lines())
        while chunk := list(itertools.islice(lines, CHUNK)):
            self.rows.prepare(chunk, hold=not self.trial)
            written = []
            for line in chunk:
                made = None if line.has_errors else self._take(line)
                self.report.tell(line.problems)
                if made is not None:
                    written.append(made)
            WrittenRow.objects.bulk_create(written)
            done += len(chunk)
            self.progress(done)
        self.report.problems.sort(key=lambda problem: problem.line)
        self.report.digest = self._digest.hexdigest()
        return self.report

    def _lines(self) -> Iterator[Line]:
        names = self.rows.table.columns
        for number, cells in self.rows.table.rows:
            texts = {name: text for name, text in itertools.zip_longest(names, cells, fillvalue="") if name}
            if len(cells) > len(names):
                line = Line(number, {})
                message = _("There are %(cells)s cells where the header has %(count)s.")
                line.wrong("", message % {"cells": len(cells), "count": len(names)})
                yield line
            elif any(texts.values()):
                own = {name: texts.get(name, "") for name in self.rows.mapped}
                empty = (name for name in self.given if own[name] in ("", *EMPTY))
                yield Line(number, own | {name: self.given[name] for name in empty})

    def _take(self, line: Line) -> WrittenRow | None:
        """Write the record of a line, unless it is so already or something is wrong."""
        form = self.rows.form(line)
        if form is None or line.has_errors:
            return None
        model, stored = self.rows.model, form.instance.pk is not None
        before = self.rows.values(form.instance) if stored else None
        if not form.is_valid():
            self._tell(line, form)
            return None
        after = form.instance
        changed = [
            name
            for name, value in self.rows.values(after).items()
            if before is not None and before[name] != value
        ]
        act = "new" if not stored else "changed" if changed else "left"
        self._digest.update(repr((line.number, act, after.pk, before)).encode())
        if act != "left":
            after._change_reason = _reason(self.record) + (self.rows.note(before) if before else "")
            after._history_user = self.rows.by
            self._save(after)
        columns = dict.fromkeys(self.rows.column_of(name.removesuffix("_id")) for name in changed)
        self.report.count(line.number, act, self.rows.label(after), filter(None, columns))
        if act == "left":
            return None
        history = model.history.filter(id=after.pk).latest("history_id")
        return WrittenRow(
            file_import=self.record,
            record=after.pk,
            line=line.number,
            is_new=act == "new",
            history_row=history.history_id,
        )

    def _save(self, record: Any) -> None:
        """Raises Changed where somebody has stored the same since the form was checked."""
        try:
            record.save()
        except IntegrityError as error:
            logger.warning("%s was stored by somebody else meanwhile", record, exc_info=True)
            raise Changed from error
        self.rows.after_save(record)

    def _tell(self, line: Line, form: ModelForm) -> None:
        for name, errors in form.errors.items():
            for error in errors:
                line.wrong(self.rows.column_of(name), str(error))


def _tell(run: FileImport, what: str, by: User, **more: int) -> None:
    """The event of an import or of its undo."""
    after = {"what": what, "kind": run.kind, "new": run.new, "changed": run.changed, **more}
    events.record(events.Kind.IMPORT, by=by, about=run, after=after)


def _reason(run: FileImport) -> str:
    return f"Imported from {run.file_name}"[:100]


# --- undo -------------------------------------------------------------------------------------------------------------


def _since(kind: type[Rows], run: FileImport) -> QuerySet[WrittenRow]:
    """The rows of an import whose records were written again since, by anybody."""
    last = kind.model.history.filter(id=OuterRef("record")).order_by("-history_id").values("history_id")[:1]
    return WrittenRow.objects.filter(file_import=run).exclude(history_row=Subquery(last))


def touched(kind: type[Rows], run: FileImport) -> list[str]:
    """Names of records that were worked on since, ten at most."""
    keys = _since(kind, run).order_by("line").values_list("record", flat=True)[:10]
    found = kind.model.objects.in_bulk(list(keys))
    return [f"{found[key]}" if key in found else _("(deleted)") for key in keys]


@transaction.atomic
def undo(kind: type[Rows], run: FileImport, *, by: User) -> None:
    """Take an import back: what is new is deleted, what was changed becomes as it was. Raises Touched and PermissionDenied."""
    run = FileImport.objects.select_for_update().get(pk=run.pk)
    rows = list(WrittenRow.objects.filter(file_import=run).order_by("-pk"))
    if run.state != FileImport.State.DONE or not kind.may(by):
        raise PermissionDenied
    hold_imports()
    kind.hold()
    keys = [row.record for row in rows]
    held = {record.pk: record for record in _held(kind, by, keys)}
    if names := touched(kind, run):
        raise Touched(names)
    if len(held) != len(rows):
        raise PermissionDenied
    reason = f"Import of {run.file_name} undone"[:100]
    for row in rows:
        record = held[row.record]
        if not row.is_new:
            history = kind.model.history.filter(id=row.record, history_id__lte=row.history_row)
            written, before = history.order_by("-history_id")[:2]
            record = before.instance
            record._state.adding = False
            kind.restore(record, (written.history_change_reason or "").removeprefix(_reason(run)))
        record._change_reason, record._history_user = reason, by
        try:
            record.delete() if row.is_new else record.save()
        except (ProtectedError, RestrictedError) as error:
            raise Touched([str(record)]) from error
        if not row.is_new:
            kind.after_save(record)
    kind.finished(run, by)
    run.state, run.undone_at = FileImport.State.UNDONE, timezone.now()
    run.save()
    _tell(run, "undone", by)


def _held(kind: type[Rows], by: User, keys: Sequence[int]) -> Iterable[Any]:
    for start in range(0, len(keys), CHUNK):
        some = kind.changeable(by).filter(pk__in=keys[start : start + CHUNK])
        yield from some.select_for_update(of=("self",)).order_by("pk")


def cell_error(error: ValidationError) -> str:
    return " ".join(error.messages)
