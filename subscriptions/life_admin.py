"""What is kept of a subscription's life in the administration site: to be read there, written by the acts alone."""

from __future__ import annotations

from django.contrib import admin

from agencies.admin_scope import ScopedAdmin, ViewOnly
from subscriptions.models import (
    Attachment,
    Comment,
    DecidedRecord,
    HandedOver,
    Handover,
    RemovedAttachment,
    Reopening,
    Responsible,
    StruckComment,
)


@admin.register(DecidedRecord)
class DecidedRecordAdmin(ViewOnly, ScopedAdmin):
    list_display = ["decision"]
    list_select_related = ["decision__subscription"]
    search_fields = ["decision__subscription__reference"]


@admin.register(Reopening)
class ReopeningAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "opened_by", "opened_at", "closed_at", "closed_as"]
    list_filter = ["closed_as"]
    list_select_related = ["subscription", "opened_by"]
    search_fields = ["subscription__reference"]
    date_hierarchy = "opened_at"


@admin.register(Responsible)
class ResponsibleAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "person", "since"]
    list_select_related = ["subscription", "person"]
    search_fields = ["subscription__reference", "person__username"]


@admin.register(Comment)
class CommentAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "text", "written_by", "written_at"]
    list_select_related = ["subscription", "written_by"]
    search_fields = ["subscription__reference", "text"]
    date_hierarchy = "written_at"


@admin.register(StruckComment)
class StruckCommentAdmin(ViewOnly, ScopedAdmin):
    list_display = ["comment", "note", "struck_at"]
    list_select_related = ["comment"]
    search_fields = ["comment__subscription__reference"]


@admin.register(Attachment)
class AttachmentAdmin(ViewOnly, ScopedAdmin):
    list_display = ["name", "subscription", "kind", "size", "added_by", "added_at"]
    list_filter = ["kind"]
    list_select_related = ["subscription", "added_by"]
    search_fields = ["subscription__reference", "name"]
    date_hierarchy = "added_at"


@admin.register(RemovedAttachment)
class RemovedAttachmentAdmin(ViewOnly, ScopedAdmin):
    list_display = ["attachment", "reason", "removed_by", "removed_at"]
    list_select_related = ["attachment", "removed_by"]
    search_fields = ["attachment__subscription__reference", "attachment__name"]


@admin.register(Handover)
class HandoverAdmin(ViewOnly, ScopedAdmin):
    list_display = ["agency", "given_by", "taken_by", "decided_by", "decided_at"]
    list_select_related = ["agency", "given_by", "taken_by", "decided_by"]
    search_fields = ["agency__code", "given_by__username", "taken_by__username"]
    date_hierarchy = "decided_at"


@admin.register(HandedOver)
class HandedOverAdmin(ViewOnly, ScopedAdmin):
    list_display = ["handover", "subscription", "finding", "waiver"]
    list_select_related = [
        "handover__given_by",
        "handover__taken_by",
        "subscription",
        "finding__policy",
        "finding__subscription",
        "waiver__policy",
        "waiver__agency",
    ]
    search_fields = ["subscription__reference"]
