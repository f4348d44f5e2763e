"""Data entry for whom to tell in departments; and what people want by e-mail and were sent, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.db import models

from agencies.admin_scope import HistoryAdmin, ScopedAdmin, ViewOnly
from agencies.models import Delivery, DepartmentContact, NoticePreferences, User


@admin.register(DepartmentContact)
class DepartmentContactAdmin(HistoryAdmin):
    list_display = ["department", "agency", "email", "language"]
    list_select_related = ["agency"]
    search_fields = ["department", "email", "agency__code", "agency__name_ko", "agency__name_en"]
    autocomplete_fields = ["agency", "people"]
    fixed_after_creation = ["agency"]


@admin.register(NoticePreferences)
class NoticePreferencesAdmin(ViewOnly, ScopedAdmin):
    list_display = ["user", "language", "not_by_email"]
    list_select_related = ["user"]
    search_fields = ["user__username"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(user=user)


@admin.register(Delivery)
class DeliveryAdmin(ViewOnly, ScopedAdmin):
    list_display = ["day", "address", "subject", "state", "attempts", "tried_at"]
    list_filter = ["state", "language"]
    search_fields = ["address"]
    date_hierarchy = "day"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else Delivery.objects.readable_by(user)
