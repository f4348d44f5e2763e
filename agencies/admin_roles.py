"""Roles as they are given in the Django admin: nobody's own, only where one administers, and who records does not rule."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import ScopedTabularInline
from agencies.duties import RULES, check_duties, roles_for
from agencies.models import Agency, Membership, Role, User


class MembershipForm(forms.ModelForm):
    """A role that is given or changed here keeps apart who records and who rules; on the page of people one may say otherwise.

    `by` is who fills it in; the admin sets it. As on those pages: nobody's own role, and only at agencies that they administer.
    """

    by: User

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        agency, person, role = (
            cleaned.get(name) or getattr(self.instance, name, None) for name in ("agency", "user", "role")
        )
        if not self.has_changed():
            return cleaned
        before = Membership.objects.filter(pk=self.instance.pk).select_related("user", "agency").first()
        check_giver(
            self.by,
            [person, before.user if before else None],
            [agency, before.agency if before else None],
        )
        if agency and person and person.pk and role:
            check_duties(person, role, agency, self.by)
        return cleaned


def check_giver(by: User, people: list[User | None], agencies: list[Agency | None]) -> None:
    """Raises ValidationError where `by` gives no roles to these people, or at these agencies (`agencies.roles`)."""
    for person in people:
        if person == by:
            raise ValidationError(_("Your own roles are changed by another administrator."))
        if person is not None and person.is_superuser and not by.is_superuser:
            raise ValidationError(
                _("The roles of system administrators are changed by system administrators.")
            )
    if not all(by.has_role(Role.ADMINISTRATOR, at=agency) for agency in agencies if agency is not None):
        raise ValidationError(_("Roles are given by administrators of the agency, or of one above it."))


class Appointing:
    """Who is no system administrator neither gives nor takes the roles that those alone give (`agencies.duties`)."""

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            kwargs["choices"] = [("", "---------"), *roles_for(request.user)]  # type: ignore[arg-type]
        return super().formfield_for_choice_field(db_field, request, **kwargs)  # type: ignore[misc]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        form.by = request.user
        return form

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)  # type: ignore[misc]
        formset.form.by = request.user
        return formset


class MembershipInline(Appointing, ScopedTabularInline):
    model = Membership
    form = MembershipForm

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        # Whoever may change a row may delete it: only rows that they may give.
        given = Membership.objects.visible_to(request.user, Role.ADMINISTRATOR).order_by()
        return rows.exclude(role__in=RULES).exclude(user=request.user).filter(pk__in=given.values("pk"))
