"""Statements read from a CSV file: all of them or none, each known again by its source and code."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from agencies.models import Agency
from audit import events
from catalog.models import Product
from figures.entry import read_figure
from sources.models import Source, Statement

# Enough to mend a file by; a wrong separator would otherwise be told of once a line.
MOST_ERRORS = 100


class NotImported(Exception):
    """Why nothing was imported: `errors` are (line of the file, what is wrong there), in the file's order."""

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


@dataclass
class Imported:
    """The codes of what an import made, changed, or found as it stands in the file."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """What a file may refer to, by its codes."""

    sources: dict[str, Source]
    agencies: dict[str, int]
    products: dict[str, int]


def _text(value: str, known: _Known) -> str:
    return value


def _day(value: str, known: _Known) -> datetime.date | None:
    if not value:
        return None
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise ValidationError(f"{value!r} is no day; write it as 2024-01-31.") from None


def _number(value: str, known: _Known) -> int | None:
    return read_figure(value) if value else None


def _source(value: str, known: _Known) -> int:
    if value not in known.sources:
        raise ValidationError(f"No source has the code {value!r}; enter it in the administration first.")
    return known.sources[value].pk


def _product(value: str, known: _Known) -> int | None:
    if value and value not in known.products:
        raise ValidationError(f"No AI tool has the code {value!r}.")
    return known.products.get(value)


def _subject(value: str, known: _Known) -> list[int]:
    codes = value.replace(",", " ").replace(";", " ").split()
    unknown = [code for code in codes if code not in known.agencies]
    if unknown:
        raise ValidationError(f"No agency has the code {', '.join(unknown)}.")
    if not codes:
        raise ValidationError("Name the member agencies by their codes, such as KR-11 KR-49.")
    return sorted({known.agencies[code] for code in codes})


# Column: the field it fills, and how its text is read. An empty cell is the field's default.
COLUMNS: dict[str, tuple[str, Callable[[str, _Known], Any]]] = {
    "source": ("source_id", _source),
    "code": ("code", _text),
    "subject": ("subject", _subject),
    "reading": ("reading", _text),
    "product": ("product_id", _product),
    "measure": ("measure", _text),
    "period_from": ("period_from", _day),
    "period_until": ("period_until", _day),
    "standing": ("standing", _text),
    "value": ("value", _number),
    "precision": ("precision", _number),
    "qualifier": ("qualifier", _text),
    "rank": ("rank", _number),
    "text_ko": ("text_ko", _text),
    "text_en": ("text_en", _text),
    "note_ko": ("note_ko", _text),
    "note_en": ("note_en", _text),
}
NEEDED = ("source", "code", "subject", "measure")


def import_statements(lines: Iterable[str], name: str, dry_run: bool = False) -> Imported:
    """Create or change the statements that the lines of a CSV file hold. `name` is the file's, for the change history.

    A statement is known by its source and code, so a second import of a file changes nothing. A column that the file lacks
    stays as it is. Raises NotImported, with every line that is wrong, and leaves the register as it was; so does a dry run.
    """
    errors: list[tuple[int, str]] = []
    done = Imported()
    with transaction.atomic():
        # So that two imports of one file, or an import and an edit, come one after the other.
        known = _Known(
            {source.code: source for source in Source.objects.select_for_update().order_by("pk")},
            dict(Agency.objects.values_list("code", "pk")),
            dict(Product.objects.values_list("code", "pk")),
        )
        seen: dict[tuple[str, str], int] = {}
        for line, row in _rows(lines, errors):
            key = (row["source"], row["code"])
            if key in seen:
                errors.append(
                    (line, f"code: {row['code']} of {row['source']} is on line {seen[key]} already.")
                )
            seen.setdefault(key, line)
            try:
                _take(row, known, name, done)
            except ValidationError as error:
                errors += [(line, message) for message in _messages(error)]
            if len(errors) >= MOST_ERRORS:
                break
        if errors or dry_run:
            transaction.set_rollback(True)
        else:
            counts = {"new": len(done.created), "changed": len(done.changed), "left": len(done.unchanged)}
            events.record(events.Kind.IMPORT, name=name, after={"what": "statements", **counts})
    if errors:
        raise NotImported(errors)
    return done


def _rows(lines: Iterable[str], errors: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line that it begins on. What is wrong with the file itself goes to `errors`."""
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not header:
                header = [cell.removeprefix("\ufeff").lower() for cell in cells]
                wrong = _wrong_header(header)
                if wrong:
                    errors += [(line, message) for message in wrong]
                    return
            elif len(cells) != len(header):
                errors.append((line, f"{len(cells)} cells where the first line has {len(header)}."))
            else:
                yield line, dict(zip(header, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        errors.append((start, f"This is not a CSV file in UTF-8: {error}."))
        return
    if not header:
        errors.append((1, "The file is empty."))


def _wrong_header(header: list[str]) -> list[str]:
    wrong = [f"There is no column {name!r}." for name in header if name not in COLUMNS]
    wrong += [
        f"The column {name!r} is there twice." for name in sorted(set(header)) if header.count(name) > 1
    ]
    return wrong + [f"The column {name!r} is missing." for name in NEEDED if name not in header]


def _take(row: dict[str, str], known: _Known, name: str, done: Imported) -> None:
    """Create or change the statement of a row. Raises ValidationError with the columns as its fields."""
    values, wrong = {}, {}
    for column, text in row.items():
        target, read = COLUMNS[column]
        if not text and column not in NEEDED:
            values[target] = _default(target)
            continue
        try:
            values[target] = read(text, known)
        except ValidationError as error:
            wrong[column] = error.messages
    if wrong:
        raise ValidationError(wrong)
    subject = values.pop("subject")
    found = Statement.objects.filter(source_id=values["source_id"], code=values["code"]).first()
    statement = found or Statement()
    before = [getattr(statement, target) for target in values]
    for target, value in values.items():
        setattr(statement, target, value)
    statement.full_clean()
    same_subject = (
        found is not None and sorted(found.subject.order_by().values_list("pk", flat=True)) == subject
    )
    if found is not None and same_subject and before == list(values.values()):
        done.unchanged.append(statement.code)
        return
    setattr(statement, "_change_reason", f"Imported from {name}"[:100])  # noqa: B010  (simple-history reads it)
    statement.save()
    if not same_subject:
        statement.subject.set(subject)
    (done.changed if found else done.created).append(statement.code)


def _default(target: str) -> Any:
    model_field = Statement._meta.get_field(target)
    assert isinstance(model_field, models.Field)
    return model_field.get_default()


def _messages(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    found = []
    for target, errors in error.message_dict.items():
        named = "" if target == "__all__" else f"{target.removesuffix('_id')}: "
        found += [f"{named}{message}" for message in errors]
    return found
