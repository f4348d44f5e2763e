"""What a member of staff meets in the Django admin: rows of the agencies in their sight, and the history of each."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import unquote
from django.db import models, transaction
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper
from simple_history.utils import get_m2m_reverse_field_name

from agencies.admin_choices import ChoosesRows, OneOfMany, SomeOfMany
from agencies.admin_trail import InTrail
from agencies.models import Role, User
from agencies.signing_in.fresh import ask_again
from agencies.visibility import VisibleQuerySet
from figures.formatting import number
from figures.numbers import JSONTyped, whole


class InSight(ChoosesRows):
    """Part of every admin and inline: lists, pages, searches and choices hold only what the person may see.

    System administrators (superusers) see everything. Others see the rows of agencies `visible_to` them; an admin of rows
    that belong to no agency says in `in_sight` which of them who sees.
    """

    formfield_overrides = {
        models.URLField: {"assume_scheme": "https"},
        models.JSONField: {"form_class": JSONTyped},
    }

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows.visible_to(user) if isinstance(rows, VisibleQuerySet) else rows

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return self.in_sight(super().get_queryset(request), request.user)  # type: ignore[arg-type]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        choices = self.choices_of(db_field, request)
        if choices is not None:
            kwargs.setdefault("queryset", choices)
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", OneOfMany(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        choices = self.choices_of(db_field, request)
        if choices is not None:
            kwargs.setdefault("queryset", choices)
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", SomeOfMany(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def choices_of(self, db_field: Any, request: HttpRequest) -> models.QuerySet | None:
        """What may be chosen: what the list of the other model shows this person. None: that model has no such list."""
        try:
            other = self.admin_site.get_model_admin(db_field.remote_field.model)
        except NotRegistered:
            return None
        return other.get_queryset(request) if isinstance(other, InSight) else None


class ScopedAdmin(InTrail, InSight, admin.ModelAdmin):
    """An admin of rows in sight.

    `fixed_after_creation` names the fields that nobody changes later. `tell` says, in the transaction of a change, what has to
    be judged anew. Rows of an agency are entered by those who hold a role of `entered_by` there, as on the register's pages.
    """

    fixed_after_creation: Sequence[str] = ()
    # Who enters rows of an agency, beside a right to enter such rows; who has another role there looks at them.
    entered_by: Sequence[str] = (Role.ADMINISTRATOR,)
    # Leads from a row to its agency, where the rows' own queryset does not say it. None: they belong to no agency.
    to_agency: str | None = None
    list_per_page = 50

    def tell(self, obj: Any) -> None:
        """Called once for each row that was added, changed or deleted, inlines included."""

    def view_on_site(self, obj: Any) -> str | None:
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        if obj is None or obj.pk is None:
            return fields
        fields += [field for field in self.fixed_after_creation if field not in fields]
        if not request.user.is_superuser:
            if "_beyond_sight" not in obj.__dict__:
                obj.__dict__["_beyond_sight"] = self._beyond_sight(request, obj)
            fields += [field for field in obj.__dict__["_beyond_sight"] if field not in fields]
        return fields

    def _beyond_sight(self, request: HttpRequest, obj: Any) -> list[str]:
        """The fields whose present value this person could not have chosen: they are kept, not offered."""
        found = []
        for field in [*self.opts.fields, *self.opts.many_to_many]:
            choices = self.choices_of(field, request) if field.remote_field else None
            if choices is None:
                continue
            if field.many_to_many:
                present = getattr(obj, field.name).all()
            else:
                other: Any = field.related_model
                present = other._base_manager.filter(pk=getattr(obj, field.attname))
            if present.exclude(pk__in=choices.order_by().values("pk")).exists():
                found.append(field.name)
        return found

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        # PostgreSQL refuses a text with a NUL; the search in a choice hands it on unread.
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Sequence[str]]:
        fixed = self.get_readonly_fields(request, obj)
        prepopulated = super().get_prepopulated_fields(request, obj)
        return {field: sources for field, sources in prepopulated.items() if field not in fixed}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Whether a list may be filtered by this: by what it offers itself.

        Django takes any column, and any step to rows of other tables, whose answer tells of rows that nobody here sees.
        """
        offered = [one[0] if isinstance(one, (tuple, list)) else one for one in self.get_list_filter(request)]
        offered += [self.date_hierarchy] if self.date_hierarchy else []
        own = any(lookup == one or lookup.startswith(f"{one}{LOOKUP_SEP}") for one in offered)
        return own and super().lookup_allowed(lookup, value, request)

    def _to_agency(self) -> str | None:
        rows = self.model._default_manager.all()
        return rows.agency_lookup if isinstance(rows, VisibleQuerySet) else self.to_agency

    def enters(self, by: Any, obj: Any = None) -> bool:
        """Whether the person holds such a role at the row's agency; without a row, anywhere."""
        way = self._to_agency()
        if way is None or by.is_superuser:
            return True
        if obj is None:
            return bool(by.has_role(*self.entered_by))
        for name in filter(None, way.split(LOOKUP_SEP)):
            obj = getattr(obj, name)
        return bool(by.has_role(*self.entered_by, at=obj))

    def changes(self, by: Any, obj: Any = None) -> bool:
        """Whether they may change it: where others than who enters a row have a say in it."""
        return self.enters(by, obj)

    def choices_of(self, db_field: Any, request: HttpRequest) -> models.QuerySet | None:
        choices = super().choices_of(db_field, request)
        way = self._to_agency() or ""
        if db_field.name == way.split(LOOKUP_SEP)[0] and isinstance(choices, VisibleQuerySet):
            return choices.visible_to(request.user, *self.entered_by)
        return choices

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.enters(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.changes(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What hangs on a row that all agencies share is listed before it is deleted, other agencies' records included.
        shared = not isinstance(self.model._default_manager.all(), VisibleQuerySet)
        if shared and not request.user.is_superuser:
            return False
        return super().has_delete_permission(request, obj) and self.enters(request.user, obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change or form.has_changed() or any(formset.has_changed() for formset in formsets):
            self.tell(form.instance)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        self.tell(obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        with transaction.atomic():
            rows = list(queryset)
            super().delete_queryset(request, queryset)
            for row in rows:
                self.tell(row)


class HistoryAdmin(ScopedAdmin, SimpleHistoryAdmin):
    """An admin of rows whose changes are kept: who changed what and when, and the row as it stood after each change.

    Nothing is restored from there at one press: a change goes through the form, with all its checks.
    """

    object_history_template = "admin/record_history.html"

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        if not self._history_in_sight(request, unquote(object_id)):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return super().history_view(request, object_id, extra_context)

    def history_view_title(self, request: HttpRequest, obj: Any) -> str:
        return gettext("History: %(object)s") % {"object": obj}

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> Any:
        """The row as it stood after one change."""
        object_id = unquote(object_id)
        history = self.model.history
        record = None
        if whole(version_id) is not None and self._history_in_sight(request, object_id):
            record = history.filter(**{self.opts.pk.attname: object_id, "history_id": version_id}).first()
        if record is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("As it stood: %(object)s") % {"object": record.instance},
            "opts": self.opts,
            "app_label": self.opts.app_label,
            "record": record,
            "fields": self._fields_of(record),
            "original": record.instance,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return render(request, "admin/record_as_it_stood.html", context)

    def _history_in_sight(self, request: HttpRequest, object_id: str) -> bool:
        """Whether the person may see the row; a deleted row's agency is not known any more, so superusers alone."""
        obj = self.get_object(request, object_id)
        if obj is not None:
            return self.has_view_or_change_permission(request, obj)
        if not request.user.is_superuser or whole(object_id) is None:
            return False
        return self.model.history.filter(**{self.opts.pk.attname: object_id}).exists()

    def _fields_of(self, record: Any) -> list[tuple[str, Any]]:
        """The names and values of a historical record, as a reader knows them."""
        fields = []
        for field in record.tracked_fields:
            value = getattr(record, field.attname)
            if field.remote_field and value is not None:
                other = field.remote_field.model._base_manager.filter(pk=value).first()
                value = other or gettext("deleted (number %(number)s)") % {"number": value}
            fields.append((field.verbose_name, written(field, value)))
        for field in record._history_m2m_fields:
            name = get_m2m_reverse_field_name(field)
            rows = getattr(record, field.name).select_related(name)
            fields.append((field.verbose_name, ", ".join(str(getattr(row, name)) for row in rows) or EMPTY))
        return fields

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoricalRecordContextHelper:
        return ReadableChanges(self.model, historical_record)


EMPTY = "–"


def written(field: models.Field, value: Any) -> str:
    """A stored value in words: labels for codes, yes and no, dates and numbers in the reader's form."""
    if value is None or value == "":
        return EMPTY
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(field, models.JSONField):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return number(value)
    return str(formats.localize(timezone.localtime(value) if isinstance(value, datetime.datetime) else value))


class ReadableChanges(HistoricalRecordContextHelper):
    """The changes between two historical records, their values in words."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        field = self.model._meta.get_field(change.field)
        value = super().prepare_delta_change_value(change, value)
        return value if isinstance(value, list) and field.many_to_many else written(field, value)


class InSightFilter(admin.RelatedFieldListFilter):
    """A list's filter by another row, which offers only rows in sight."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        choices = model_admin.choices_of(field, request)
        if choices is None:
            return super().field_choices(field, request, model_admin)
        return [(row.pk, str(row)) for row in choices]


class ViewOnly(BaseModelAdmin):
    """For rows that the register derives or appends itself: they are looked at here, never entered."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SystemAdministratorsOnly(BaseModelAdmin):
    """For rows that say what anybody may do in the administration: with any such right, staff would give themselves the rest."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


class AskedAgain(admin.ModelAdmin):
    """For rows that decide who may do what, and by which rules: nothing is acted upon before it is known who sits there."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        ask_again(request)
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        ask_again(request)
        return super().delete_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        ask_again(request)
        return super().changelist_view(request, *args, **kwargs)


class ScopedTabularInline(InSight, admin.TabularInline):
    """Rows in a table. Each input says its column's name to a screen reader, which Django's template leaves out."""

    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)

        class Labelled(formset):  # type: ignore[misc, valid-type]
            def add_fields(self, form: Any, index: int | None) -> None:
                super().add_fields(form, index)
                for field in form.fields.values():
                    if field.label:
                        field.widget.attrs.setdefault("aria-label", field.label)

        return Labelled


def number_new_rows(formset: Any, field: str) -> None:
    """Give the new rows of an inline the numbers after the last one there is, before they are saved."""
    last = max((getattr(form.instance, field) for form in formset.initial_forms), default=0)
    for form in formset.extra_forms:
        if form.has_changed():
            last += 1
            setattr(form.instance, field, last)
