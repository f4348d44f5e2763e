"""Data entry in the trail: what is entered in the Django admin of rows that keep no history of their own is an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest

from agencies.models import Membership, User
from audit import events


def keeps_its_own(model: type[models.Model]) -> bool:
    """Whether a change of such a row is in the trail anyway: by its history, or since its own `save` records an event."""
    return hasattr(model, "history") or model in (Membership, User)


def told(row: models.Model) -> dict[str, Any]:
    """What an event tells of a row: its columns, unless they are told elsewhere, and what it is joined to, by name."""
    columns = {} if keeps_its_own(type(row)) else events.values_of(row)
    joined = {
        field.name: sorted(str(other) for other in getattr(row, field.name).all())
        for field in row._meta.many_to_many
        if not hasattr(type(row), "history")
    }
    return {**columns, **joined}


class InTrail(admin.ModelAdmin):
    """Part of every admin. Each row that is added, changed or deleted in it, inlines included, is in the trail afterwards."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = self.model._base_manager.filter(pk=obj.pk).first() if change else None
        obj.__dict__["_told_before"] = told(stored) if stored else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._enter(form.instance, form.instance.__dict__.pop("_told_before", {}), told(form.instance))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if keeps_its_own(formset.model):
            super().save_formset(request, form, formset, change)
            return
        before = {
            row.pk: (row, told(row)) for row in formset.model._base_manager.filter(pk__in=_keys(formset))
        }
        super().save_formset(request, form, formset, change)
        there = set(formset.model._base_manager.filter(pk__in=before).values_list("pk", flat=True))
        for row in [*formset.new_objects, *(row for row, _fields in formset.changed_objects)]:
            self._enter(row, before.get(row.pk, (row, {}))[1], told(row))
        for pk, (row, was) in before.items():
            if pk not in there:
                self._enter(row, was, {})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._enter(obj, told(obj), {})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        with transaction.atomic():
            if keeps_its_own(self.model) and not hasattr(self.model, "history"):
                for row in queryset:  # so that each is an event
                    row.delete()
                return
            for row in queryset:
                self._enter(row, told(row), {})
            super().delete_queryset(request, queryset)

    def _enter(self, row: models.Model, before: dict[str, Any], after: dict[str, Any]) -> None:
        was, now = events.differing(before, after) if after else (before, {})
        if was or now:
            kind = events.Kind.ACCOUNT if isinstance(row, (User, Group)) else events.Kind.ENTRY
            events.record(kind, about=row, before=was, after=now)


def _keys(formset: Any) -> Iterable[Any]:
    return [form.instance.pk for form in formset.initial_forms if form.instance.pk]
