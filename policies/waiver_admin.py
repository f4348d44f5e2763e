"""Data entry for waivers: asked for by one person, decided by another."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    AskedAgain,
    HistoryAdmin,
    InSightFilter,
)
from agencies.models import Role, User
from policies.changing import (
    NEXT_STATUS,
    decide,
    may_decide,
    policy_changed,
)
from policies.models import Waiver


class WaiverForm(forms.ModelForm):
    """`user` is who fills it in; the admin sets it."""

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            present = Waiver.Status(self.instance.status)
            possible = [present, *NEXT_STATUS[present]]
            self.fields["status"].choices = [(s.value, s.label) for s in possible]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        status = self.cleaned_data.get("status")
        if status and self.instance.pk and status != self.instance.status:
            try:
                decide(self.instance, status, by=self.user)
            except ValidationError as problem:
                self.add_error("status", problem)
        return cleaned


@admin.register(Waiver)
class WaiverAdmin(AskedAgain, HistoryAdmin):
    """Somebody asks for a waiver; somebody else decides. What was asked for is changed by who asked, until it is decided."""

    form = WaiverForm
    list_display = [
        "policy",
        "agency",
        "product",
        "vendor",
        "status",
        "valid_from",
        "valid_until",
        "requested_by",
        "decided_by",
    ]
    list_display_links = ["policy", "agency"]
    list_filter = ["status", ("policy", InSightFilter), "agency__kind"]
    list_select_related = ["policy", "agency", "product", "vendor", "requested_by", "decided_by"]
    search_fields = ["policy__code", "agency__code", "agency__name_ko", "agency__name_en", "reason"]
    autocomplete_fields = ["policy", "agency", "product", "vendor", "requested_by"]
    date_hierarchy = "requested_at"
    readonly_fields = ["requested_at", "decided_by", "decided_at"]
    fixed_after_creation = ["policy", "agency", "requested_by"]
    ASKED = ("product", "vendor", "reason", "valid_from", "valid_until")
    fieldsets = [
        (
            None,
            {"fields": ["policy", "agency", "product", "vendor", "reason", ("valid_from", "valid_until")]},
        ),
        (_("Request"), {"fields": ["requested_by", "requested_at"]}),
        (
            _("Decision"),
            {
                "fields": ["status", "decision_reason", "decided_by", "decided_at"],
                "description": _(
                    "Another person decides than the one who asked for it, or entered the request."
                ),
            },
        ),
    ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.user = request.user  # type: ignore[attr-defined]
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"requested_by": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        user: User = request.user  # type: ignore[assignment]
        if obj is None:
            fields += ["status", "decision_reason"]
            return fields if user.is_superuser else [*fields, "requested_by"]
        stored = Waiver.objects.only("status").get(pk=obj.pk).status
        if stored != Waiver.Status.REQUESTED or obj.requested_by_id != user.pk:
            fields += self.ASKED
        if not NEXT_STATUS[Waiver.Status(stored)] or not may_decide(user, obj):
            fields += ["status", "decision_reason"]
        return fields

    def changes(self, by: Any, obj: Any = None) -> bool:
        # Who asks changes what was asked for; officers decide (`get_readonly_fields`).
        owner = None if obj is None else obj.policy.owner
        return self.enters(by, obj) or bool(by.has_role(Role.POLICY_OFFICER, at=owner))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        asked = obj is None or obj.status == Waiver.Status.REQUESTED
        return asked and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change and obj.requested_by_id is None:
            obj.requested_by = request.user
        super().save_model(request, obj, form, change)

    def tell(self, obj: Waiver) -> None:
        if obj.status in (Waiver.Status.GRANTED, Waiver.Status.REVOKED):
            policy_changed(obj.policy)
