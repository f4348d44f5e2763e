"""Data entry for subscriptions with their prices, users and payments, judged on saving by the same rules as the forms.

What the register derives or appends is there to look at (`derived_admin`).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    HistoryAdmin,
    ReadableChanges,
    ScopedTabularInline,
    ViewOnly,
    number_new_rows,
)
from agencies.models import User
from figures.formatting import day, figure_html
from policies.verdicts import Effect, Verdict
from subscriptions import life_admin, money_admin, paying, recording, recording_in_admin  # noqa: F401  Django looks for admins here
from subscriptions.derived_admin import DecisionInline, FindingInline
from subscriptions.evaluation import Judgement, names_for, needs_officer
from subscriptions.forms import PriceLineForm, PriceLines
from subscriptions.models import (
    Payment,
    PriceLine,
    Status,
    Subscription,
    UserCount,
)
from subscriptions.money import amount_text
from subscriptions.payment_admin import PaymentInline, UserCountInline
from subscriptions.search import search
from subscriptions.storing import next_reference
from subscriptions.tables import annual_cost
from subscriptions.today import today


def price_text(line: PriceLine) -> str:
    """The amount in its own currency, or why there is none."""
    if line.amount is None:
        return str(line.get_standing_display())
    return amount_text(line.amount, line.currency)


class PriceLineInline(ScopedTabularInline):
    model = PriceLine
    form = PriceLineForm
    formset = PriceLines
    readonly_fields = ["price"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        typed = ["standing", "amount", "currency", "vat", "basis", "cycle", "seats", "starts_on", "ends_on"]
        if self.has_change_permission(request, obj) or self.has_add_permission(request, obj):
            return typed
        return ["price", *typed[3:]]

    @admin.display(description=_("amount"))
    def price(self, line: PriceLine) -> str:
        return price_text(line)


# What members of staff who are not system administrators may set; every other step is an act on the subscription's page.
ENTERED = (Status.DRAFT, Status.REQUESTED, Status.ACTIVE)


class SubscriptionForm(forms.ModelForm):
    """`user` fills it in; `stopped` are the reasons why what was sent could not be kept. The admin sets both."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    user: User
    stopped: Sequence[str] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version
        if "status" in self.fields and not self.user.is_superuser:
            self.fields["status"].choices = [(status.value, status.label) for status in ENTERED]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        status = cleaned.get("status", self.instance.status)
        declared = cleaned.get("declared", self.instance.declared)
        started = cleaned.get("started_on", self.instance.started_on)
        if status == Status.ACTIVE and declared and started and started > today():
            self.add_error("started_on", _("What is in use already started today or before."))
        if (
            status == Status.ACTIVE
            and not declared
            and not self.user.is_superuser
            and "status" in self.fields
        ):
            self.add_error(
                "status",
                _(
                    "Request it, and an approver approves it on its page; or declare that it is in use already."
                ),
            )
        if self.stopped:
            self.add_error("status" if "status" in self.fields else None, list(self.stopped))
        return cleaned


class NotKept(Exception):
    """What was sent is not kept; the reasons are for the person to read."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


@admin.register(Subscription)
class SubscriptionAdmin(HistoryAdmin):
    form = SubscriptionForm
    list_display = [
        "reference",
        "agency",
        "product",
        "status",
        "declared",
        "starts",
        "ends",
        "annual_cost",
        "recorded_at",
    ]
    list_filter = ["status", "declared", "provenance", "agency__kind", "product__category"]
    list_select_related = ["agency", "product", "facts", "facts_origin"]
    search_fields = ["reference"]
    search_help_text = _(
        "Reference, agency, AI tool, vendor, plan, department, reseller, contract number or purpose."
    )
    show_full_result_count = False
    autocomplete_fields = ["agency", "payer", "product", "statement"]
    date_hierarchy = "started_on"
    readonly_fields = ["reference", "approved_at", "recorded_by", "recorded_at"]
    fixed_after_creation = ["agency"]
    inlines = [PriceLineInline, UserCountInline, PaymentInline]
    shown_inlines = [FindingInline, DecisionInline]
    fieldsets = [
        (None, {"fields": ["reference", "agency", "product", "plan", "payer", "seen_version"]}),
        (
            _("Status"),
            {
                "fields": ["status", "declared", "approved_at"],
                "description": _(
                    "Saving checks the policies in force. What they block cannot be requested, approved or started here; "
                    "a tool that is in use already is recorded as such, and becomes a finding."
                ),
            },
        ),
        (_("Term"), {"fields": [("started_on", "ends_on"), ("auto_renewal", "notice_days")]}),
        (_("Use"), {"fields": ["owner_department", "purpose", "data_class", "personal_data"]}),
        (_("Contract"), {"fields": ["payment_route", "reseller", "contract_number"]}),
        (
            _("Provenance"),
            {
                "fields": [
                    "provenance",
                    "statement",
                    ("imported_from", "imported_line"),
                    "recorded_by",
                    "recorded_at",
                ]
            },
        ),
    ]

    @admin.display(description=_("starts on"), ordering="started_on")
    def starts(self, subscription: Subscription) -> str:
        return day(subscription.started_on)

    @admin.display(description=_("ends on"), ordering="ends_on")
    def ends(self, subscription: Subscription) -> str:
        return day(subscription.ends_on)

    @admin.display(description=_("annual cost"))
    def annual_cost(self, subscription: Subscription) -> SafeString:
        return figure_html(annual_cost(subscription))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return search(queryset, search_term.replace("\0", "")).rows, False

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [*self.inlines, *(self.shown_inlines if obj is not None else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj)]
        if obj is not None and obj.pk:
            if "_stored_status" not in obj.__dict__:
                obj.__dict__["_stored_status"] = Subscription.objects.only("status").get(pk=obj.pk).status
            if obj.__dict__["_stored_status"] != Status.DRAFT:
                fields.append("declared")
                if not request.user.is_superuser:
                    fields.append("status")
        return fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.user = request.user  # type: ignore[attr-defined]
        form.stopped = getattr(request, "stopped", ())  # type: ignore[attr-defined]
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A record made in error is declared void: kept, and counted nowhere.
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Save and check in one transaction; what cannot be kept is rolled back and shown again with the reasons."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except recording_in_admin.RefusedInAdmin as refused:
            before = request.subscription_before  # type: ignore[attr-defined]
            if before is not None:
                recording_in_admin.keep_refusal(before, refused, by=request.user)  # type: ignore[arg-type]
            request.stopped = refusal_texts(refused.judgements)  # type: ignore[attr-defined]
        except recording_in_admin.NotDecidedHere as not_decided:
            request.stopped = [not_decided.reason]  # type: ignore[attr-defined]
        except NotKept as not_kept:
            request.stopped = not_kept.reasons  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = None
        if change:
            before = Subscription.objects.select_for_update(no_key=True).get(pk=obj.pk)
            if before.version != form.cleaned_data["seen_version"]:
                # The next press keeps what is typed, in the knowledge of what it replaces.
                again = request.POST.copy()
                again["seen_version"] = str(before.version)
                request.POST = again  # type: ignore[assignment]
                raise NotKept(stale_texts(before, form.cleaned_data["seen_version"] or 0))
            obj.version = before.version + 1
        else:
            obj.recorded_by = request.user
            obj.reference = next_reference(obj.agency)
        request.subscription_before = before  # type: ignore[attr-defined]
        request.lines_before = list(before.price_lines.order_by("position")) if before else []  # type: ignore[attr-defined]
        recording_in_admin.keep_approval_in_step(obj, before)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is PriceLine:
            number_new_rows(formset, "position")
        if formset.model is UserCount:
            for row in formset.forms:
                row.instance.agency = form.instance.agency
        super().save_formset(request, form, formset, change)
        if formset.model is Payment:
            for row in formset.forms:
                if row.has_changed() and row.instance.pk and row not in formset.deleted_forms:
                    paying.keep_pricing(row.instance)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        recorded = recording_in_admin.recorded_in_admin(
            form.instance,
            by=request.user,  # type: ignore[arg-type]
            before=request.subscription_before,  # type: ignore[attr-defined]
            old_lines=request.lines_before,  # type: ignore[attr-defined]
        )
        self.report(request, recorded.judgements)

    def report(self, request: HttpRequest, judgements: Sequence[Judgement]) -> None:
        """Tell the person what the policies in force say of what was saved."""
        names = names_for(judgements)
        failing = [judgement for judgement in judgements if not judgement.passes]
        for judgement in failing:
            level = messages.ERROR if judgement.verdict == Verdict.VIOLATION else messages.WARNING
            text = gettext("%(policy)s: %(verdict)s. %(explanation)s") % {
                "policy": judgement.version.title,
                "verdict": judgement.verdict.label,
                "explanation": judgement.explain(names),
            }
            self.message_user(request, text, level)
        if not failing:
            self.message_user(request, gettext("It complies with all policies in force."), messages.INFO)


def refusal_texts(judgements: Sequence[Judgement]) -> list[str]:
    """For each policy that stands against it: why, the legal basis, and what can be done."""
    names = names_for(judgements)
    against = [
        judgement
        for judgement in judgements
        if (judgement.verdict == Verdict.VIOLATION and judgement.version.effect == Effect.BLOCK)
        or needs_officer(judgement)
    ]
    return [
        gettext("Not saved: “%(policy)s”. %(reason)s Legal basis: %(basis)s What can be done: %(remedy)s")
        % {
            "policy": judgement.version.title,
            "reason": judgement.explain(names),
            "basis": judgement.version.legal_basis or gettext("not given."),
            "remedy": judgement.version.remedy or gettext("ask a policy officer."),
        }
        for judgement in against
    ]


def stale_texts(current: Subscription, seen: int) -> list[str]:
    """Who changed the record since version `seen`, when, and what."""
    latest = current.history.select_related("history_user").first()
    opened = current.history.filter(version__lte=seen).first()
    texts = [
        gettext(
            "%(who)s changed this record after you opened it (%(when)s). What you typed is still here: compare, and save again."
        )
        % {
            "who": latest.history_user or gettext("Somebody"),
            "when": timezone.localtime(latest.history_date).strftime("%Y-%m-%d %H:%M"),
        }
    ]
    if opened is not None:
        delta = latest.diff_against(opened, foreign_keys_are_objs=True)
        for change in ReadableChanges(Subscription, latest).context_for_delta_changes(delta):
            texts.append(html.unescape(f"{change['field']}: {change['old']} → {change['new']}"))
    return texts


@admin.register(PriceLine)
class PriceLineAdmin(ViewOnly, HistoryAdmin):
    """To look at, with its history; prices are entered on the page of their subscription, which is then judged."""

    list_display = [
        "subscription",
        "position",
        "price",
        "vat",
        "basis",
        "cycle",
        "seats",
        "starts_on",
        "ends_on",
    ]
    list_display_links = ["subscription", "position"]
    list_filter = ["standing", "basis", "cycle", "vat"]
    list_select_related = ["subscription"]
    search_fields = ["subscription__reference"]
    show_full_result_count = False
    fields = ["subscription", "position", "price", "vat", "basis", "cycle", "seats", "starts_on", "ends_on"]

    @admin.display(description=_("amount"), ordering="amount")
    def price(self, line: PriceLine) -> str:
        return price_text(line)


from subscriptions.renewals import admin as _more  # noqa: E402, F401  Django looks here alone
