"""Ends of terms, to look at; and plans of reminders, for data entry."""

from __future__ import annotations

from django.contrib import admin

from agencies.admin_scope import ScopedAdmin, ViewOnly
from subscriptions.models import ReminderPlan, Renewal


@admin.register(Renewal)
class RenewalAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "notice_by", "ends_on", "auto_renewal", "state", "renewed_until"]
    list_select_related = ["subscription"]
    list_filter = ["state"]
    search_fields = ["subscription__reference"]
    show_full_result_count = False


@admin.register(ReminderPlan)
class ReminderPlanAdmin(ScopedAdmin):
    list_display = ["subscription", "days"]
    list_select_related = ["subscription"]
    search_fields = ["subscription__reference"]
    autocomplete_fields = ["subscription"]
    fixed_after_creation = ["subscription"]
