"""Data entry for reports, their sources and what each states. What is not published is for system administrators alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import HistoryAdmin, InSightFilter, ScopedTabularInline, ViewOnly
from agencies.models import User
from figures.entry import FigureField, check_standing
from figures.formatting import day, figure_html
from sources.models import Report, Source, Statement


@admin.register(Report)
class ReportAdmin(HistoryAdmin):
    list_display = ["code", "title_ko", "title_en"]
    search_fields = ["code", "title_ko", "title_en"]
    fixed_after_creation = ["code"]
    prepopulated_fields = {"code": ["title_en"]}
    fields = ["title_ko", "title_en", "code", "note_ko", "note_en"]


class StatementForm(forms.ModelForm):
    value = FigureField(
        label=_("value"),
        required=False,
        smallest=0,
        help_text=_("Whole won, people, governments or programs."),
    )
    precision = FigureField(
        label=_("precision"),
        smallest=1,
        initial=1,
        help_text=_("The unit that the value was rounded to: 100,000 for tenths of a million."),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        check_standing(self)
        return cleaned


class StatementInline(ViewOnly, ScopedTabularInline):
    model = Statement
    fields = ["code", "measure", "what_it_states", "period_from", "period_until", "product"]
    readonly_fields = ["what_it_states"]
    show_change_link = True
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("product", "source")

    @admin.display(description=_("value"))
    def what_it_states(self, statement: Statement) -> SafeString:
        return figure_html(statement.figure, money=statement.is_money)


@admin.register(Source)
class SourceAdmin(HistoryAdmin):
    list_display = ["code", "short_name", "publisher", "document_date", "report", "published_at"]
    list_display_links = ["code", "short_name"]
    list_filter = [("published_at", admin.EmptyFieldListFilter), "report"]
    list_select_related = ["report"]
    search_fields = ["code", "label_ko", "label_en", "title", "author", "publisher"]
    autocomplete_fields = ["report", "prepared_by"]
    date_hierarchy = "dated"
    fixed_after_creation = ["code"]
    prepopulated_fields = {"code": ["label_en"]}
    inlines = [StatementInline]
    fieldsets = [
        (None, {"fields": ["label_ko", "label_en", "code", "report"]}),
        (
            _("What the document says of itself"),
            {
                "fields": ["title", "author", "publisher", "dated", "url"],
                "description": _("Leave empty what it does not give; it is then shown as not given."),
            },
        ),
        (_("Notes"), {"fields": ["note_ko", "note_en"]}),
        (_("Publication"), {"fields": ["published_at", "prepared_by"]}),
    ]

    @admin.display(description=_("short name"), ordering="label_ko")
    def short_name(self, source: Source) -> str:
        return str(source.label)

    @admin.display(description=_("date of the document"), ordering="dated")
    def document_date(self, source: Source) -> str:
        return day(source.dated)

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(published_at__isnull=False)


@admin.register(Statement)
class StatementAdmin(HistoryAdmin):
    form = StatementForm
    list_display = [
        "code",
        "source",
        "measure",
        "product",
        "what_it_states",
        "period_from",
        "period_until",
        "rank",
    ]
    list_filter = [("source", InSightFilter), "measure", "standing", "qualifier"]
    list_select_related = ["source", "product"]
    search_fields = ["code", "source__code", "source__label_ko", "source__label_en", "text_ko", "text_en"]
    autocomplete_fields = ["source", "subject", "product"]
    date_hierarchy = "period_until"
    fixed_after_creation = ["source", "code"]
    fieldsets = [
        (None, {"fields": ["source", "code"]}),
        (_("Of whom and what"), {"fields": ["subject", "reading", "product", "measure"]}),
        (_("Period"), {"fields": [("period_from", "period_until")]}),
        (_("Figure"), {"fields": ["standing", "value", "precision", "qualifier", "rank"]}),
        (_("In words"), {"fields": ["text_ko", "text_en", "note_ko", "note_en"]}),
    ]

    @admin.display(description=_("value"), ordering="value")
    def what_it_states(self, statement: Statement) -> SafeString:
        return figure_html(statement.figure, money=statement.is_money)

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(source__published_at__isnull=False)
