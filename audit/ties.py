"""The sets that are part of a record's history, as the models inside a product are: what is in one is not deleted under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models
from simple_history.models import HistoricalChanges


def sets() -> Iterator[models.ManyToManyField]:
    """Every set of a tracked record that its history keeps."""
    for model in apps.get_models():
        if hasattr(model, "history") and not issubclass(model, HistoricalChanges):
            yield from getattr(model.history.model, "_history_m2m_fields", ())


def end_of(field: models.ManyToManyField) -> models.ForeignKey:
    """The key by which the rows of a set refer to what is in it."""
    through: Any = field.remote_field.through
    found: models.ForeignKey = through._meta.get_field(field.m2m_reverse_field_name())
    return found


def restrict_deletes() -> None:
    """Refuse to delete what is in a set of something else.

    Django would take it out of the set, the row of the table in between alone: nothing in the other record's history would say
    so, though verdicts may hang on it. Whoever wants it gone takes it out of the set first, which that history keeps.
    """
    for field in sets():
        end_of(field).remote_field.on_delete = models.RESTRICT
        _name(field)


def _name(field: models.ManyToManyField) -> None:
    """How the administration names what is in the way: by its number alone, since its name may be out of sight."""

    def named(row: models.Model) -> str:
        return f"{field.model._meta.verbose_name} {getattr(row, f'{field.m2m_field_name()}_id')}"

    through: Any = field.remote_field.through
    through.__str__ = named
