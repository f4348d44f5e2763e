"""Data entry for the versions of policies with their conditions.

A version is written while it is a draft. Once in force it is never edited: it is given a last day, and a change is a new version.
"""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    AskedAgain,
    HistoryAdmin,
    ScopedTabularInline,
    ViewOnly,
    number_new_rows,
)
from agencies.models import Agency, Role, User
from policies.changing import (
    draft_from,
    last_day_problem,
    next_number,
    policy_changed,
)
from policies.composing import UNITS
from policies.explaining import Names, condition_text
from policies.lifecycle import check_start, may_write_at, put_into_force
from policies.models import Condition, Policy, PolicyVersion
from policies.vocabulary import COUNTRY, FACTS, Fact, Type


def owned_in_sight(user: User, lookup: str, *roles: str) -> Q:
    """The condition that the policy's owner agency, at `lookup`, is in the person's sight; by `roles` when some are named."""
    return Q(**{f"{lookup}__in": Agency.objects.visible_to(user, *roles).order_by().values("pk")})


def versions_in_sight(rows: models.QuerySet, user: User) -> models.QuerySet:
    """Drafts of policies that agencies in sight own; what is or was in force, everybody may read."""
    if user.is_superuser:
        return rows
    return rows.filter(owned_in_sight(user, "policy__owner") | ~Q(status=PolicyVersion.Status.DRAFT))


class ConditionForm(forms.ModelForm):
    class Meta:
        model = Condition
        fields = ["group", "fact", "operator", "values"]
        widgets = {"values": forms.Textarea(attrs={"rows": 2, "cols": 40})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "values" in self.fields:
            # The default of a new condition is a function, but what is stored is what a change is measured by.
            self.fields["values"].show_hidden_initial = False

    def clean_values(self) -> Any:
        values = self.cleaned_data["values"]
        return [] if values is None else values

    def _post_clean(self) -> None:
        # What is not even readable is not compared with the vocabulary: one message is enough.
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]


class ConditionFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [
            form
            for form in self.forms
            if form not in self.deleted_forms and (form.instance.pk or form.has_changed())
        ]
        if self.instance.status == PolicyVersion.Status.IN_FORCE and not kept:
            raise ValidationError(
                _("A policy without conditions judges nothing. Give at least one condition.")
            )
        starts = self.instance.status == PolicyVersion.Status.IN_FORCE and is_draft(self.instance)
        if starts and settings.POLICY_TWO_PERSON_RULE and self.has_changed():
            raise ValidationError(_("Save the draft first; another policy officer puts it into force."))


class ConditionInline(ScopedTabularInline):
    model = Condition
    form = ConditionForm
    formset = ConditionFormSet
    verbose_name_plural = _("Conditions of a violation: any within a group, all groups together")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and super().has_delete_permission(request, obj)


def is_draft(version: PolicyVersion | None) -> bool:
    """Whether it may be written: a draft as it is stored, or one that does not exist yet."""
    return version is None or version.pk is None or stored_status(version) == PolicyVersion.Status.DRAFT


def stored_status(version: PolicyVersion) -> str:
    """The status in the database; the form has written its own into the object by the time it is asked for."""
    if "_stored_status" not in version.__dict__:
        stored = PolicyVersion.objects.filter(pk=version.pk).values_list("status", flat=True).first()
        version.__dict__["_stored_status"] = stored
    return str(version.__dict__["_stored_status"])


class PolicyVersionForm(forms.ModelForm):
    """`user` is who fills it in; the admin sets it. Putting a draft into force obeys the same rules as on its page."""

    user: User
    reason = forms.CharField(
        label=_("reason for putting it into force"),
        required=False,
        max_length=100,
        help_text=_("Kept in the history."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_draft(self.instance):
            self.fields.pop("reason", None)
        if "status" in self.fields:
            self.fields["status"].choices = [  # type: ignore[attr-defined]
                choice for choice in PolicyVersion.Status.choices if choice[0] != PolicyVersion.Status.RETIRED
            ]

    def clean_effective_until(self) -> datetime.date | None:
        last_day: datetime.date | None = self.cleaned_data["effective_until"]
        if not is_draft(self.instance):
            problem = last_day_problem(self.instance, last_day, timezone.localdate())
            if problem:
                raise ValidationError(problem)
        return last_day

    @property
    def starts(self) -> bool:
        """Whether it puts a draft into force."""
        in_force = self.cleaned_data.get("status") == PolicyVersion.Status.IN_FORCE
        return in_force and is_draft(self.instance)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.starts and not self.errors:
            if not self.cleaned_data.get("reason"):
                self.add_error("reason", _("Give the reason."))
            if settings.POLICY_TWO_PERSON_RULE and (
                self.instance.pk is None or set(self.changed_data) - {"status", "reason"}
            ):
                self.add_error(
                    "status", _("Save the draft first; another policy officer puts it into force.")
                )
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.starts and not self.errors:
            if not may_write_at(self.user, self.instance.policy.owner):
                self.add_error(
                    "status", _("Policies are put into force by policy officers of their owner agency.")
                )
                return
            try:
                check_start(self.instance, self.user)
            except ValidationError as problem:
                self.add_error("status", problem)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(AskedAgain, HistoryAdmin):
    form = PolicyVersionForm
    list_display = [
        "version",
        "policy",
        "scope",
        "effect",
        "status",
        "effective_from",
        "effective_until",
        "demonstration",
    ]
    list_filter = ["status", "effect", "demonstration"]
    list_select_related = ["policy", "scope"]
    search_fields = ["title_ko", "title_en", "policy__code", "authority_ko", "authority_en"]
    autocomplete_fields = ["policy", "scope", "cites"]
    date_hierarchy = "effective_from"
    readonly_fields = ["number", "facts_reference"]
    fixed_after_creation = ["policy"]
    inlines = [ConditionInline]
    to_agency, entered_by = "policy__owner", (Role.POLICY_OFFICER,)
    actions = ["start_draft"]
    fieldsets = [
        (None, {"fields": ["policy", "number", "title_ko", "title_en"]}),
        (
            _("When, where and with what effect"),
            {
                "fields": [
                    "scope",
                    "effect",
                    ("effective_from", "effective_until"),
                    ("status", "reason"),
                    "demonstration",
                ],
                "description": _(
                    "Once in force, a version is not edited any more: give it a last day, and make a new version."
                ),
            },
        ),
        (
            _("Reasons and legal basis"),
            {
                "fields": [
                    "rationale_ko",
                    "rationale_en",
                    "authority_ko",
                    "authority_en",
                    "legal_basis_ko",
                    "legal_basis_en",
                    "cites",
                ]
            },
        ),
        (_("Remedy"), {"fields": ["remedy_ko", "remedy_en", "remedy_days"]}),
        (_("Facts that conditions can name"), {"fields": ["facts_reference"], "classes": ["collapse"]}),
    ]

    @admin.display(description=_("policy version"), ordering="title_ko")
    def version(self, version: PolicyVersion) -> str:
        return str(version)

    @admin.display(description=_("facts"))
    def facts_reference(self, version: PolicyVersion | None = None) -> SafeString:
        return format_html(
            '<table><thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
            "<tbody>{}</tbody></table>",
            gettext("fact"),
            gettext("operators"),
            gettext("values"),
            format_html_join(
                "",
                '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>',
                (
                    (
                        fact.label,
                        ", ".join(str(operator.label) for operator in fact.operators),
                        values_of(fact),
                    )
                    for fact in FACTS.values()
                ),
            ),
        )

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return versions_in_sight(rows, user)

    def choices_of(self, db_field: Any, request: HttpRequest) -> models.QuerySet | None:
        choices = super().choices_of(db_field, request)
        if db_field.name == "policy" and choices is not None:
            return choices.filter(owned_in_sight(request.user, "owner", *self.entered_by))  # type: ignore[arg-type]
        return choices

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        if is_draft(obj):
            return fields
        written = [field.name for field in [*self.opts.fields, *self.opts.many_to_many] if field.editable]
        return [*fields, *(name for name in written if name not in ("effective_until", *fields))]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        if not allowed or obj is None:
            return allowed
        return stored_status(obj) != PolicyVersion.Status.RETIRED

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or is_draft(obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # Asked before the new status is stored, so that the inlines still belong to the draft that was edited.
        stored_status(obj)
        if not change:
            Policy.objects.select_for_update().get(pk=obj.policy_id)
            obj.number = next_number(obj.policy)
        if is_draft(obj):
            # It is saved as the draft it is; `save_related` puts it into force once its conditions are saved.
            obj.status = PolicyVersion.Status.DRAFT
            if not change or set(form.changed_data) - {"status", "reason"}:
                obj.drafted_by = request.user
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        number_new_rows(formset, "position")
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        version, by = form.instance, request.user
        if any(formset.has_changed() for formset in formsets) and version.drafted_by_id != by.pk:
            version.drafted_by = by
            version.save()
        if form.starts:
            put_into_force(version, by=by, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.user = request.user  # type: ignore[attr-defined]
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The reason is asked for while there is a draft to put into force."""
        fieldsets = super().get_fieldsets(request, obj)
        if is_draft(obj) and (obj is None or self.has_change_permission(request, obj)):
            return fieldsets
        return [
            (
                title,
                {
                    **options,
                    "fields": [
                        ("status",) if row == ("status", "reason") else row for row in options["fields"]
                    ],
                },
            )
            for title, options in fieldsets
        ]

    def tell(self, obj: PolicyVersion) -> None:
        if obj.status != PolicyVersion.Status.DRAFT:
            policy_changed(obj.policy)

    @admin.action(description=_("Start a new draft from the selected versions"), permissions=["change"])
    def start_draft(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        by: User = request.user  # type: ignore[assignment]
        with transaction.atomic():
            for version in queryset.select_related("policy__owner"):
                if not self.enters(by, version):
                    self.message_user(
                        request,
                        gettext("Only policy officers of its owner agency write %(policy)s.")
                        % {"policy": version.policy},
                        messages.ERROR,
                    )
                    continue
                draft = draft_from(version, by=by, on=timezone.localdate())
                self.message_user(
                    request, gettext("Draft %(draft)s has been started.") % {"draft": draft}, messages.SUCCESS
                )


def values_of(fact: Fact) -> str:
    """What the values of a condition on this fact look like."""
    if fact.type is Type.RANGE:
        unit = UNITS[fact.unit]
        return gettext("whole numbers: %(unit)s") % {"unit": unit}
    if fact.type is Type.YES_NO:
        return "true, false"
    if fact.choices is not None:
        return ", ".join(f'"{code}"' for code in fact.choices.values)
    if fact.unit == COUNTRY:
        return gettext("country codes, such as %(example)s") % {"example": '"KR"'}
    return gettext("codes of the register, such as %(example)s") % {
        "example": {"product": '"chatgpt"', "vendor": '"openai"'}.get(
            fact.name.removeprefix("engine_"), '"…"'
        )
    }


@admin.register(Condition)
class ConditionAdmin(ViewOnly, HistoryAdmin):
    """To look at, with its history; conditions are written on the page of their version."""

    list_display = ["version", "group", "position", "as_a_phrase"]
    list_display_links = ["as_a_phrase"]
    list_filter = ["fact", "operator"]
    list_select_related = ["version__policy"]
    search_fields = ["version__policy__code", "version__title_ko", "version__title_en", "fact"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        # One query a registry for all names on the page.
        page = super().get_changelist_instance(request)
        names = Names().want(page.result_list)
        for condition in page.result_list:
            condition.names = names
        return page

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        if user.is_superuser:
            return rows
        return rows.filter(
            owned_in_sight(user, "version__policy__owner") | ~Q(version__status=PolicyVersion.Status.DRAFT)
        )

    @admin.display(description=_("condition"))
    def as_a_phrase(self, condition: Condition) -> str:
        return condition_text(condition, getattr(condition, "names", None))
