"""Data entry for policies; their versions and waivers in modules of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    HistoryAdmin,
    ScopedTabularInline,
    ViewOnly,
)
from agencies.models import Role, User
from policies import waiver_admin  # noqa: F401  Django looks for admins here
from policies.changing import (
    policy_changed,
)
from policies.models import Policy, PolicyVersion
from policies.version_admin import owned_in_sight, versions_in_sight


class VersionInline(ViewOnly, ScopedTabularInline):
    model = PolicyVersion
    fields = ["number", "version_title", "status", "effect", "effective_from", "effective_until"]
    readonly_fields = ["version_title"]
    show_change_link = True
    can_delete = False

    @admin.display(description=_("title"))
    def version_title(self, version: PolicyVersion) -> str:
        return str(version.title)

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return versions_in_sight(rows, user)


@admin.register(Policy)
class PolicyAdmin(HistoryAdmin):
    list_display = ["code", "owner"]
    list_select_related = ["owner"]
    search_fields = ["code"]
    search_help_text = _("Code, or words of a version's title.")
    to_agency, entered_by = "owner", (Role.POLICY_OFFICER,)
    autocomplete_fields = ["owner"]
    fixed_after_creation = ["code", "owner"]
    inlines = [VersionInline]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By code, or by the title of a version in sight: what the drafts of others are called is not told by a search."""
        found, twice = super().get_search_results(request, queryset, search_term)
        words = search_term.replace("\0", "").split()
        if not words:
            return found, twice
        titled = versions_in_sight(PolicyVersion.objects.order_by(), request.user)  # type: ignore[arg-type]
        for word in words:
            titled = titled.filter(Q(title_ko__icontains=word) | Q(title_en__icontains=word))
        return found | queryset.filter(pk__in=titled.values("policy")), twice

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        if user.is_superuser:
            return rows
        readable = PolicyVersion.objects.readable().order_by().values("policy")
        return rows.filter(owned_in_sight(user, "owner") | Q(pk__in=readable))

    def tell(self, obj: Policy) -> None:
        policy_changed(obj)
