"""What a committee keeps, to look at: snapshots never change, and exports follow their worker."""

from __future__ import annotations

from django.contrib import admin
from django.db import models

from agencies.admin_scope import ScopedAdmin, ViewOnly
from agencies.models import User
from oversight.models import ExportJob, Return, Round, RoundAgency, RoundClosing, RoundEvent, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ViewOnly, ScopedAdmin):
    list_display = ["title", "scope", "frozen_at", "frozen_by"]
    list_select_related = ["scope", "frozen_by"]
    search_fields = ["title", "frozen_by__username", "sha256"]
    date_hierarchy = "frozen_at"
    fields = ["title", "scope", "frozen_at", "frozen_by", "question", "sha256"]


@admin.register(ExportJob)
class ExportJobAdmin(ViewOnly, ScopedAdmin):
    """The file itself is its owner's alone."""

    list_display = ["created_at", "owner", "state", "problem", "rows_done", "rows_total", "attempt"]
    list_filter = ["state", "problem"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    fields = [
        "created_at",
        "owner",
        "query",
        "language",
        "state",
        "problem",
        "rows_done",
        "rows_total",
        "attempt",
        "heard_of_at",
        "finished_at",
    ]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(owner=user)

    def view_on_site(self, obj: ExportJob) -> None:
        """Its page opens for its owner alone."""
        return


@admin.register(Round)
class RoundAdmin(ViewOnly, ScopedAdmin):
    """To look at: a round is prepared and run on its own pages, where each act is written down."""

    list_display = ["title_ko", "scope", "status", "period_from", "period_until", "due_on", "created_by"]
    list_filter = ["status"]
    list_select_related = ["scope", "created_by"]
    search_fields = ["title_ko", "title_en", "scope__code", "scope__name_ko", "scope__name_en"]
    date_hierarchy = "due_on"
    fields = [
        "title_ko",
        "title_en",
        "explanation_ko",
        "explanation_en",
        "scope",
        "kinds",
        "period_from",
        "period_until",
        "due_on",
        "status",
        "created_by",
        "created_at",
        "opened_at",
        "closed_at",
        "source",
        "asks_all_governments",
    ]


@admin.register(RoundAgency)
class RoundAgencyAdmin(ViewOnly, ScopedAdmin):
    list_display = ["agency", "round", "answer"]
    list_filter = ["answer"]
    list_select_related = ["round", "agency"]
    search_fields = [
        "agency__code",
        "agency__name_ko",
        "agency__name_en",
        "round__title_ko",
        "round__title_en",
    ]
    fields = ["round", "agency", "answer", "current"]


@admin.register(Return)
class ReturnAdmin(ViewOnly, ScopedAdmin):
    list_display = ["asked", "number", "answer", "category", "filed_by", "filed_at"]
    list_filter = ["answer", "category"]
    list_select_related = ["asked__round", "asked__agency", "filed_by"]
    search_fields = ["asked__agency__code", "asked__agency__name_ko", "asked__agency__name_en", "sha256"]
    date_hierarchy = "filed_at"
    fields = ["asked", "number", "answer", "category", "reason", "filed_by", "filed_at", "sha256"]


@admin.register(RoundEvent)
class RoundEventAdmin(ViewOnly, ScopedAdmin):
    list_display = ["round", "act", "done_by", "done_at"]
    list_filter = ["act"]
    list_select_related = ["round", "done_by"]
    search_fields = ["round__title_ko", "round__title_en", "reason"]
    date_hierarchy = "done_at"
    fields = ["round", "act", "reason", "details", "done_by", "done_at"]


@admin.register(RoundClosing)
class RoundClosingAdmin(ViewOnly, ScopedAdmin):
    """To look at: how the closing of a large round stands."""

    list_display = ["round", "by", "state", "attempt", "changed_at"]
    list_filter = ["state"]
    list_select_related = ["round", "by"]
    search_fields = ["round__title_ko", "round__title_en"]
    fields = ["round", "by", "report", "state", "problem", "attempt", "language", "changed_at"]
