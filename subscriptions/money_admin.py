"""Data entry for budgets, and what is kept beside payments to look at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import HistoryAdmin, ScopedAdmin, ViewOnly
from agencies.models import User
from figures.entry import FigureField
from figures.formatting import won_exact
from subscriptions.models import Budget, Payment, PaymentSubmission, RegisterPricing


class BudgetEntryForm(forms.ModelForm):
    won = FigureField(label=_("amount in won"), smallest=0, help_text=_("VAT included."))


@admin.register(RegisterPricing)
class RegisterPricingAdmin(ViewOnly, ScopedAdmin):
    list_display = ["payment", "rate"]
    list_select_related = ["payment", "rate"]
    search_fields = ["payment__subscription__reference"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows.filter(payment__in=Payment.objects.visible_to(user).values("pk"))


@admin.register(PaymentSubmission)
class PaymentSubmissionAdmin(ViewOnly, ScopedAdmin):
    list_display = ["submission", "payment", "by", "at"]
    list_select_related = ["by"]
    date_hierarchy = "at"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(by=user)


@admin.register(Budget)
class BudgetAdmin(HistoryAdmin):
    list_display = ["agency", "year", "amount", "note"]
    list_display_links = ["agency", "year"]
    list_filter = ["year"]
    list_select_related = ["agency"]
    search_fields = ["agency__code", "agency__name_ko", "agency__name_en"]
    autocomplete_fields = ["agency"]
    fixed_after_creation = ["agency", "year"]
    form = BudgetEntryForm
    fields = ["agency", "year", "won", "note"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # A form on the page that was opened before this is stale.
        obj.version, obj.recorded_by = obj.version + change, obj.recorded_by or request.user
        super().save_model(request, obj, form, change)

    @admin.display(description=_("amount in won"), ordering="won")
    def amount(self, budget: Budget) -> str:
        return won_exact(budget.won)
