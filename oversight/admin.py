"""What a committee keeps, to look at: snapshots never change, and exports follow their worker."""

from __future__ import annotations

from django.contrib import admin
from django.db import models

from agencies.admin_scope import ScopedAdmin, ViewOnly
from agencies.models import User
from oversight.models import ExportJob, Snapshot


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
