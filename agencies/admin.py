"""Data entry for agencies, people and their roles; and what people were told, saved or left to be re-checked, to look at."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_choices import ChoosesRows
from agencies.admin_roles import Appointing, MembershipForm, MembershipInline
from agencies.admin_scope import (
    AskedAgain,
    HistoryAdmin,
    ScopedAdmin,
    ScopedTabularInline,
    SystemAdministratorsOnly,
    ViewOnly,
)
from agencies.admin_trail import InTrail
from agencies.duties import RULES
from agencies.invitations import Invitation, withdraw_all_of
from agencies.models import (
    Agency,
    FormerName,
    Membership,
    Notice,
    Recheck,
    Role,
    SavedView,
    User,
)
from agencies.roles import may_close
from agencies.signing_in.fresh import ask_again, ask_on_the_way
from agencies.signing_in.places import KnownPlace
from agencies.signing_in.session_limits import end_sessions, end_sessions_of
from agencies.signing_in.telling import tell_of
from agencies.visibility import VisibleQuerySet

PERMISSION_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


class FormerNameInline(ScopedTabularInline):
    model = FormerName


class MembershipOfAgencyInline(MembershipInline):
    autocomplete_fields = ["user"]


@admin.register(Agency)
class AgencyAdmin(AskedAgain, HistoryAdmin):
    """What policies look at in an agency is judged anew by `Agency.save`, whoever saves it.

    Only system administrators move one, or name its successor.
    """

    list_display = ["code", "full_name", "short_name", "kind", "parent", "active_from", "active_until"]
    list_display_links = ["code", "full_name"]
    list_filter = ["kind"]
    list_select_related = ["parent"]
    search_fields = [
        "code",
        "name_ko",
        "name_en",
        "short_ko",
        "short_en",
        "former_names__name_ko",
        "former_names__name_en",
    ]
    autocomplete_fields = ["parent", "successor"]
    fixed_after_creation = ["code"]
    inlines = [FormerNameInline, MembershipOfAgencyInline]
    fieldsets = [
        (None, {"fields": ["code", "kind", "parent"]}),
        (_("Names"), {"fields": [("name_ko", "name_en"), ("short_ko", "short_en")]}),
        (_("Life"), {"fields": [("active_from", "active_until"), "successor"]}),
    ]

    @admin.display(description=_("full name"), ordering="name_ko")
    def full_name(self, agency: Agency) -> str:
        return str(agency.name)

    @admin.display(description=_("short name"), ordering="short_ko")
    def short_name(self, agency: Agency) -> str:
        return str(agency.short)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Whoever stands above, or follows, gets its records and people: a role that nobody has given.
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return [*fields, "successor"] if obj is None else [*fields, "successor", "parent"]

    def choices_of(self, db_field: Any, request: HttpRequest) -> models.QuerySet | None:
        choices = super().choices_of(db_field, request)
        if db_field.name == "parent" and isinstance(choices, VisibleQuerySet):
            return choices.visible_to(request.user, *self.entered_by)
        return choices

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # An agency without a parent is a root; only who sees the whole register may set one up.
        if db_field.name == "parent" and not request.user.is_superuser:
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is not Membership:
            return
        changed = [*formset.new_objects, *(row for row, _fields in formset.changed_objects)]
        people = {row.user_id for row in [*changed, *formset.deleted_objects]}
        # Whoever had the role before it was given to somebody else.
        people |= {row.initial["user"] for row in formset.initial_forms if row.has_changed()}
        for person in people:
            end_sessions(person)


@admin.register(FormerName)
class FormerNameAdmin(ScopedAdmin):
    list_display = ["former_name", "agency", "used_until"]
    list_select_related = ["agency"]
    search_fields = ["name_ko", "name_en", "agency__code", "agency__name_ko", "agency__name_en"]
    autocomplete_fields = ["agency"]
    date_hierarchy = "used_until"
    to_agency = "agency"

    @admin.display(description=_("former name"), ordering="name_ko")
    def former_name(self, former: FormerName) -> str:
        return str(former.name)

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows.filter(agency__in=Agency.objects.visible_to(user).order_by())


class MembershipOfUserInline(MembershipInline):
    autocomplete_fields = ["agency"]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # Without a role at an agency of theirs, the new account would be out of the creator's own sight.
        if obj is None and not request.user.is_superuser:
            kwargs.update(min_num=1, validate_min=True)
        return super().get_formset(request, obj, **kwargs)


@admin.register(User)
class UserAdmin(AskedAgain, ScopedAdmin, DjangoUserAdmin):
    """Accounts. Who is not a system administrator sees those with a role at agencies in sight, and manages those of whom they
    administer all that they do (`roles.may_close`): a new password there would be a way to rights of somebody else."""

    list_display = ["username", "last_name", "first_name", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["username", "first_name", "last_name", "email"]
    readonly_fields = ["last_login", "date_joined", "second_factor"]
    inlines = [MembershipOfUserInline]

    def get_list_filter(self, request: HttpRequest) -> Any:
        # A role that somebody has elsewhere is out of sight.
        filters = super().get_list_filter(request)
        return [*filters, "memberships__role"] if request.user.is_superuser else filters

    @admin.display(description=_("second factor"))
    def second_factor(self, user: User) -> str:
        if not is_mfa_enabled(user):
            return gettext("none")
        reset = reverse("agencies:reset-second-factor", args=[user.pk])
        return format_html('<a href="{}">{}</a>', reset, gettext("Reset the second factor"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj == request.user or not request.user.is_superuser:
            return fieldsets
        return [*fieldsets, (_("Signing in"), {"fields": ["second_factor"]})]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Who has ever signed in may stand in the trail: such an account is switched off, not deleted.
        if obj is not None and obj.last_login is not None:
            return False
        return super().has_delete_permission(request, obj)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        ask_again(request)
        ask_on_the_way(request)
        return super().add_view(request, *args, **kwargs)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Somebody else's new password: its owner is told, and signed out everywhere."""
        ask_again(request)
        ask_on_the_way(request)
        before = self.get_object(request, unquote(id))
        response = super().user_change_password(request, id, form_url)
        after = before and User.objects.filter(pk=before.pk).first()
        if before is not None and after is not None and before.password != after.password:
            if after != request.user:
                end_sessions(after.pk)
            tell_of(after, "account.password")
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        rights = {*PERMISSION_FIELDS, "is_active"} & {*form.changed_data}
        if rights or any(formset.has_changed() for formset in formsets):
            end_sessions(form.instance.pk)
        if change and "email" in form.changed_data:
            tell_of(form.instance, "account.email", to=form.initial["email"])
        if "is_active" in form.changed_data and not form.instance.is_active:
            withdraw_all_of(form.instance, by=request.user)  # type: ignore[arg-type]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        if user.is_superuser:
            return rows
        return rows.filter(pk__in=Membership.objects.visible_to(user).order_by().values("user"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, *PERMISSION_FIELDS]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._manages(request.user, obj)  # type: ignore[arg-type]

    def _manages(self, by: User, person: User | None) -> bool:
        return person is None or by.is_superuser or may_close(person, by)


admin.site.unregister(Group)
# Identities are linked by their owners alone, and the provider of single sign-on stands in the settings. Second factors, sessions
# and addresses change on pages that ask again, tell their owner, and leave an event.
for _model in (SocialAccount, SocialApp, SocialToken, Authenticator, UserSession, EmailAddress):
    admin.site.unregister(_model)


@admin.register(Group)
class GroupAdmin(SystemAdministratorsOnly, AskedAgain, InTrail, ChoosesRows, DjangoGroupAdmin):  # type: ignore[misc]
    """What the members of a group may do: a change of it is an event, and signs them out."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "permissions" in form.changed_data:
            end_sessions_of([form.instance])

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        end_sessions_of([obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Group]) -> None:
        end_sessions_of(queryset)
        super().delete_queryset(request, queryset)


@admin.register(Membership)
class MembershipAdmin(AskedAgain, Appointing, HistoryAdmin):
    form = MembershipForm
    list_display = ["user", "role", "agency"]
    list_filter = ["role", "agency__kind"]
    list_select_related = ["user", "agency"]
    search_fields = [
        "user__username",
        "user__last_name",
        "agency__code",
        "agency__name_ko",
        "agency__name_en",
    ]
    autocomplete_fields = ["user", "agency"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may(request, obj)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        by: User = request.user  # type: ignore[assignment]
        if obj is None or by.is_superuser:
            return obj is None or obj.user_id != by.pk
        return (
            obj.user_id != by.pk and obj.role not in RULES and by.has_role(Role.ADMINISTRATOR, at=obj.agency)
        )

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for person in {obj.user_id, form.initial.get("user", obj.user_id)}:
            end_sessions(person)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        super().delete_model(request, obj)
        end_sessions(obj.user_id)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Membership]) -> None:
        people = list(queryset.order_by().values_list("user_id", flat=True).distinct())
        super().delete_queryset(request, queryset)
        for person in people:
            end_sessions(person)


@admin.register(SavedView)
class SavedViewAdmin(ScopedAdmin):
    list_display = ["title", "owner", "page", "shared_with", "created_at"]
    list_select_related = ["owner", "shared_with"]
    search_fields = ["title", "owner__username"]
    autocomplete_fields = ["owner", "shared_with"]
    readonly_fields = ["created_at"]
    date_hierarchy = "created_at"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(owner=user)


@admin.register(Notice)
class NoticeAdmin(ViewOnly, ScopedAdmin):
    list_display = ["created_at", "recipient", "key", "url", "read_at"]
    list_select_related = ["recipient"]
    list_filter = ["key"]
    search_fields = ["recipient__username", "key"]
    date_hierarchy = "created_at"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(recipient=user)


@admin.register(Invitation)
class InvitationAdmin(ViewOnly, ScopedAdmin):
    """Made, withdrawn and accepted on the pages of people."""

    list_display = [
        "full_name",
        "role",
        "agency",
        "invited_by",
        "invited_at",
        "valid_until",
        "accepted_by",
        "withdrawn_at",
    ]
    list_select_related = ["agency", "invited_by", "accepted_by"]
    list_filter = ["role"]
    search_fields = ["full_name", "agency__code"]
    date_hierarchy = "invited_at"
    exclude = ["digest"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return (
            rows if user.is_superuser else rows.filter(agency__in=Agency.objects.visible_to(user).order_by())
        )


@admin.register(KnownPlace)
class KnownPlaceAdmin(ViewOnly, ScopedAdmin):
    """From how many browsers and networks somebody signs in, and when: not from which."""

    list_display = ["user", "first_at", "last_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    date_hierarchy = "last_at"
    exclude = ["digest"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(user=user)


@admin.register(Recheck)
class RecheckAdmin(ViewOnly, ScopedAdmin):
    list_display = ["about", "code", "asked_at"]
    list_display_links = ["about", "code"]
    list_filter = ["about"]
    search_fields = ["code"]
    date_hierarchy = "asked_at"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.none()


from agencies.notices import admin as _more  # noqa: E402, F401  Django looks here alone
