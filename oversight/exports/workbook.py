"""Records as a workbook: typed cells, and a second sheet with the citation and what columns and empty cells mean."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from figures.files import write_xlsx
from oversight.explorer.form import ExplorerForm
from oversight.explorer.records import meaning


def write_records(
    path: Path,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Any]],
    form: ExplorerForm,
    as_of: datetime.datetime,
) -> None:
    """Row by row, in constant memory. `columns`: code and title of each."""
    titles = [title for _code, title in columns]
    with path.open("wb") as file:
        write_xlsx(
            file,
            _with_header(titles, rows),
            gettext("Records"),
            _notes(columns, form, as_of),
            gettext("Citation"),
        )


def _with_header(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield titles
    yield from rows


def _notes(
    columns: Sequence[tuple[str, str]], form: ExplorerForm, as_of: datetime.datetime
) -> list[tuple[str, str]]:
    question = form.question
    return [
        (gettext("Measure"), str(question.measure.label)),
        (gettext("Filters"), "; ".join(form.in_use) or gettext("None")),
        (gettext("As of"), date_format(timezone.localtime(as_of), "DATETIME_FORMAT")),
        (gettext("Source"), gettext("The register's own records")),
        ("", ""),
        (gettext("Column"), gettext("What it holds")),
        *((title, meaning(code)) for code, title in columns),
        ("", ""),
        (
            gettext("An empty cell"),
            gettext("The value is not known, or there is none. It is never zero: a zero is written as 0."),
        ),
    ]
