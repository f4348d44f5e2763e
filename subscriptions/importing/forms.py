"""The forms of an import: the file, and what each of its columns means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agencies.models import User
from subscriptions.importing.columns import guess_all, normal
from subscriptions.importing.kinds import KINDS, kinds_for
from subscriptions.importing.reading import LARGEST_FILE
from subscriptions.importing.refusing import Refused
from subscriptions.importing.running import Table, open_table
from subscriptions.upload_models import KnownHeader, Upload

SAMPLES = 3
LONGEST_SAMPLE = 60


class FileForm(forms.Form):
    """A file to be imported by `by`; a valid one has its bytes in `data` and its table in `table`."""

    kind = forms.ChoiceField(label=gettext_lazy("What it holds"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        kinds = kinds_for(by)
        self.fields["kind"].choices = [(code, kind.title) for code, kind in kinds.items()]  # type: ignore[attr-defined]
        self.fields["file"].help_text = _("CSV or XLSX, at most %(size)s MB and 200,000 rows.") % {
            "size": LARGEST_FILE // 1024 // 1024
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file, kind = cleaned.get("file"), KINDS.get(cleaned.get("kind", ""))
        if file is None or kind is None:
            return cleaned
        if file.size > LARGEST_FILE:
            size = LARGEST_FILE // 1024 // 1024
            self.add_error("file", _("The file has more than %(size)s MB. Divide it.") % {"size": size})
            return cleaned
        self.data_read = file.read()
        try:
            known = known_headers(self.by, kind.code)
            self.table: Table = open_table(self.data_read, known, kind.vocabulary)
            self.samples = samples_of(self.table)
        except Refused as refused:
            self.add_error("file", refused.reason)
        return cleaned


def samples_of(table: Table) -> list[list[str]]:
    """The first rows below the header, each cell cut short."""
    rows = []
    for _line, cells in table.rows:
        rows.append([cell[:LONGEST_SAMPLE] for cell in cells[: len(table.header)]])
        if len(rows) == SAMPLES:
            break
    return rows


class ColumnsForm(forms.Form):
    """What each column of an upload means; `upload.columns` is where it begins."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, upload: Upload) -> None:
        super().__init__(data)
        self.upload, self.kind = upload, KINDS[upload.kind]
        choices = [("", _("Not imported")), *self._choices()]
        for number, (header, column) in enumerate(zip(upload.header, upload.columns, strict=True)):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=header or _("Column %(number)s (without a header)") % {"number": number + 1},
                choices=choices,
                required=False,
                initial=column,
                help_text=self._first_values(number),
            )
        if self.kind.has_status:
            self.fields["in_use"] = forms.ChoiceField(
                label=_("New records without a status are"),
                choices=[("", _("Drafts, which are requested here")), ("in_use", _("In use already"))],
                required=False,
                initial="in_use" if upload.in_use else "",
            )

    def _choices(self) -> list[tuple[Any, Any]]:
        columns = self.kind.vocabulary.columns
        record = [(name, column.label) for name, column in columns.items() if not column.of_line]
        lines = [(name, column.label) for name, column in columns.items() if column.of_line]
        return [(_("The record"), record), (_("Its price lines"), lines)] if lines else record

    def of_columns(self) -> Iterator[forms.BoundField]:
        """The fields of the file's columns."""
        for number in range(len(self.upload.header)):
            yield self[f"column_{number}"]

    def _first_values(self, number: int) -> str:
        """The values of a column in the first rows, safe to be shown: a help text is not escaped."""
        rows = self.upload.samples
        values = [row[number] for row in rows if number < len(row) and row[number]]
        return format_html("{}", " · ".join(values) or _("Empty in the first rows"))

    @property
    def chosen(self) -> list[str]:
        return [self.cleaned_data.get(f"column_{number}", "") for number in range(len(self.upload.header))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        seen: dict[str, str] = {}
        for number in range(len(self.upload.header)):
            field = f"column_{number}"
            name = cleaned.get(field, "")
            if name and name in seen:
                message = _("“%(header)s” is chosen for this already.") % {"header": seen[name]}
                self.add_error(field, message)
            elif name:
                seen[name] = str(self.fields[field].label)
        if not self.errors and (message := self.kind.missing(list(seen))):
            raise ValidationError(message)
        return cleaned

    def remember(self) -> None:
        """For the person's next file: what was chosen where the header alone would not have said so."""
        headers = self.upload.header
        guessed = guess_all(headers, None, self.kind.vocabulary)
        mine = KnownHeader.objects.filter(user=self.upload.owner, kind=self.upload.kind)
        for header, column, guess in zip(headers, self.chosen, guessed, strict=True):
            key = normal(header)[:200]
            if not key:
                continue
            if column == guess:
                mine.filter(header=key).delete()
            else:
                mine.update_or_create(
                    header=key,
                    defaults={"column": column},
                    create_defaults={"user": self.upload.owner, "kind": self.upload.kind, "column": column},
                )


def known_headers(user: User, kind: str) -> dict[str, str]:
    """What the person chose headers to mean before."""
    return dict(KnownHeader.objects.filter(user=user, kind=kind).values_list("header", "column"))
