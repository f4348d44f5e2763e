"""Data entry for subscriptions with their prices, users and payments, judged on saving by the same rules as the forms.

What the register derives (facts, findings) or appends (decisions, approvals) is there to look at.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    HistoryAdmin,
    InSightFilter,
    ReadableChanges,
    ScopedAdmin,
    ScopedTabularInline,
    ViewOnly,
    number_new_rows,
)
from agencies.models import User
from figures.entry import FigureField, check_standing, read_figure, write_figure
from figures.formatting import day, figure_html, number, won_exact
from policies.explaining import Names, Reason, explanation, known_text
from policies.verdicts import Effect, Verdict
from policies.vocabulary import FACTS
from subscriptions import life_admin, money_admin, paying, recording  # noqa: F401  the former registers its own  # noqa: F401  Django looks for admins here
from subscriptions.evaluation import Judgement, names_for
from subscriptions.forms import PriceLineForm, PriceLines
from subscriptions.models import (
    COMMITTED,
    AgencyTotals,
    Approval,
    Decision,
    ExchangeRate,
    Facts,
    FactsOrigin,
    FileImport,
    Finding,
    FindingNote,
    ImportedRow,
    KnownHeader,
    Payment,
    PolicyCheck,
    PriceLine,
    Status,
    Subscription,
    Upload,
    UserCount,
    WrittenRow,
)
from subscriptions.money import amount_text, currencies, minor_units
from subscriptions.rates import DECIMALS, may_change_rates, rate_text, rates_changed
from subscriptions.search import search
from subscriptions.tables import annual_cost, known
from subscriptions.wording import finding_text, reasons_from


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


class UserCountForm(forms.ModelForm):
    value = FigureField(label=_("people"), required=False, smallest=0)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        check_standing(self)
        agency, subscription = cleaned.get("agency"), cleaned.get("subscription")
        if agency and subscription and subscription.agency_id != agency.pk:
            self.add_error("subscription", _("This subscription belongs to another agency."))
        return cleaned


class UserCountInline(ScopedTabularInline):
    model = UserCount
    form = UserCountForm
    fields = ["day", "standing", "value"]


class PaymentForm(forms.ModelForm):
    amount = forms.CharField(
        label=_("amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"class": "figure-input", "inputmode": "decimal"}),
        help_text=_("As on the document, such as 1,234,567 or 12.34; a refund is negative."),
    )
    currency = forms.ChoiceField(label=_("currency"), choices=currencies, initial="KRW")
    rate = FigureField(
        label=_("rate used"),
        decimals=DECIMALS,
        smallest=1,
        required=False,
        help_text=_("Won for one unit of the currency, such as 1,449.5; empty for won."),
    )
    won = FigureField(
        label=_("won amount"),
        required=False,
        help_text=_("Empty: worked out from the rate used, or else from the register's of that day."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["amount"] = write_figure(self.instance.amount, minor_units(self.instance.currency))
            if hasattr(self.instance, "register_pricing"):
                self.initial["won"] = None  # it is worked out, not typed

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        currency = cleaned.get("currency")
        if currency and "amount" in cleaned:
            try:
                cleaned["amount"] = read_figure(cleaned["amount"], minor_units(currency))
            except ValidationError as problem:
                self.add_error("amount", problem)
        if currency == "KRW" and not {"amount", "won"} & self.errors.keys() and "amount" in cleaned:
            if cleaned.get("won") not in (None, cleaned["amount"]):
                self.add_error("won", _("A payment in won is its own won amount."))
            cleaned["won"] = cleaned["amount"]
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors and self.instance.paid_on:
            paying.price(self.instance)
            try:
                paying.check(self.instance, recording.today())
            except ValidationError as problems:
                self._update_errors(problems)  # type: ignore[attr-defined]


def won_text(won: int | None) -> str:
    return gettext("rate missing") if won is None else won_exact(won)


class PaymentInline(ScopedTabularInline):
    model = Payment
    form = PaymentForm
    readonly_fields = ["paid", "in_won"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj) or self.has_add_permission(request, obj):
            return ["paid_on", "amount", "currency", "rate", "won", "document_number"]
        return ["paid_on", "paid", "in_won", "document_number"]

    @admin.display(description=_("amount"))
    def paid(self, payment: Payment) -> str:
        return amount_text(payment.amount, payment.currency)

    @admin.display(description=_("won amount"))
    def in_won(self, payment: Payment) -> str:
        return won_text(payment.won)


class FindingInline(ViewOnly, ScopedTabularInline):
    model = Finding
    fields = ["policy_version", "verdict", "effect", "cause", "first_seen", "remedy_due", "closed_at"]
    show_change_link = True
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("policy_version", "policy", "subscription")


class DecisionInline(ViewOnly, ScopedTabularInline):
    model = Decision
    fields = ["decided_at", "act", "result", "outcome", "decided_by"]
    show_change_link = True
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("decided_by", "subscription")


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
        if status == Status.ACTIVE and declared and started and started > recording.today():
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
        except recording.RefusedInAdmin as refused:
            before = request.subscription_before  # type: ignore[attr-defined]
            if before is not None:
                recording.keep_refusal(before, refused, by=request.user)  # type: ignore[arg-type]
            request.stopped = refusal_texts(refused.judgements)  # type: ignore[attr-defined]
        except recording.NotDecidedHere as not_decided:
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
            obj.reference = recording.next_reference(obj.agency)
        request.subscription_before = before  # type: ignore[attr-defined]
        request.lines_before = list(before.price_lines.order_by("position")) if before else []  # type: ignore[attr-defined]
        declared = recording.act_in_admin(obj, before) == Decision.Act.DECLARE
        if obj.status in COMMITTED and obj.approved_at is None and not declared:
            obj.approved_at = timezone.now()
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
        recorded = recording.recorded_in_admin(
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
        or recording.needs_officer(judgement)
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


@admin.register(UserCount)
class UserCountAdmin(HistoryAdmin):
    form = UserCountForm
    list_display = ["agency", "subscription", "day", "people"]
    list_display_links = ["agency", "day"]
    list_filter = ["standing", "agency__kind"]
    list_select_related = ["agency", "subscription"]
    search_fields = ["agency__code", "agency__name_ko", "agency__name_en", "subscription__reference"]
    autocomplete_fields = ["agency", "subscription"]
    date_hierarchy = "day"
    show_full_result_count = False
    fields = ["agency", "subscription", "day", "standing", "value"]

    @admin.display(description=_("people"), ordering="value")
    def people(self, count: UserCount) -> str:
        return str(count.get_standing_display()) if count.value is None else number(count.value)


@admin.register(Payment)
class PaymentAdmin(HistoryAdmin):
    form = PaymentForm
    list_display = ["subscription", "paid_on", "paid", "rate_used", "in_won", "document_number"]
    list_display_links = ["subscription", "paid_on"]
    list_filter = ["currency"]
    list_select_related = ["subscription"]
    search_fields = ["subscription__reference", "document_number"]
    autocomplete_fields = ["subscription"]
    date_hierarchy = "paid_on"
    show_full_result_count = False
    fields = ["subscription", "paid_on", "amount", "currency", "rate", "won", "document_number"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        paying.keep_pricing(obj)

    @admin.display(description=_("amount"))
    def paid(self, payment: Payment) -> str:
        return amount_text(payment.amount, payment.currency)

    @admin.display(description=_("rate used"))
    def rate_used(self, payment: Payment) -> str:
        return rate_text(payment.rate)

    @admin.display(description=_("won amount"), ordering="won")
    def in_won(self, payment: Payment) -> str:
        return won_text(payment.won)


def foreign_currencies() -> list[tuple[str, str]]:
    return [(code, label) for code, label in currencies() if code != "KRW"]


class ExchangeRateForm(forms.ModelForm):
    currency = forms.ChoiceField(label=_("currency"), choices=foreign_currencies)
    rate = FigureField(
        label=_("rate"),
        decimals=DECIMALS,
        smallest=1,
        help_text=_("Won for one unit of the currency, such as 1,449.5."),
    )


@admin.register(ExchangeRate)
class ExchangeRateAdmin(HistoryAdmin):
    form = ExchangeRateForm
    list_display = ["currency", "day", "won_per_unit", "source"]
    list_display_links = ["currency", "day"]
    list_filter = ["currency"]
    list_select_related = ["source"]
    search_fields = ["currency"]
    autocomplete_fields = ["source"]
    date_hierarchy = "day"
    fixed_after_creation = ["currency"]
    fields = ["currency", "day", "rate", "source"]

    @admin.display(description=_("won per unit"), ordering="rate")
    def won_per_unit(self, rate: ExchangeRate) -> str:
        return rate_text(rate.rate)

    def tell(self, obj: ExchangeRate) -> None:
        rates_changed([obj.currency])

    # Every agency's figures hang on a rate; see `rates.may_change_rates`.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and may_change_rates(request.user)  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_change_rates(request.user)  # type: ignore[arg-type]


def listed(lines: Sequence[str]) -> SafeString:
    return format_html(
        '<ul class="field-lines">{}</ul>', format_html_join("", "<li>{}</li>", ((line,) for line in lines))
    )


@admin.register(Facts)
class FactsAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "as_of", "its_status", "annual_cost", "seats"]
    list_filter = ["status"]
    list_select_related = ["subscription__facts_origin"]
    search_fields = ["subscription__reference"]
    show_full_result_count = False
    fields = ["subscription", "as_of", "its_status", "what_is_known"]

    @admin.display(description=_("day"), ordering="day")
    def as_of(self, facts: Facts) -> Any:
        return facts.day

    @admin.display(description=_("status"), ordering="status")
    def its_status(self, facts: Facts) -> str:
        return str(facts.get_status_display())

    @admin.display(description=_("annual cost"))
    def annual_cost(self, facts: Facts) -> SafeString:
        return figure_html(annual_cost(facts.subscription))

    @admin.display(description=_("seats"))
    def seats(self, facts: Facts) -> SafeString:
        return figure_html(known(facts.seats_min, facts.seats_max), money=False)

    @admin.display(description=_("facts"))
    def what_is_known(self, facts: Facts) -> SafeString:
        reasons = [
            Reason(1, fact.name, "is_unknown", [], "", [getattr(facts, column) for column in fact.columns])
            for fact in FACTS.values()
        ]
        names = Names().want(reasons)
        return listed([f"{FACTS[reason.fact].label}: {known_text(reason, names)}" for reason in reasons])


@admin.register(Finding)
class FindingAdmin(ViewOnly, HistoryAdmin):
    list_display = [
        "subscription",
        "policy",
        "verdict",
        "effect",
        "cause",
        "first_seen",
        "remedy_due",
        "closed_at",
    ]
    list_display_links = ["subscription", "policy"]
    list_filter = [
        ("closed_at", admin.EmptyFieldListFilter),
        "verdict",
        "effect",
        "cause",
        ("policy", InSightFilter),
    ]
    list_select_related = ["subscription", "policy"]
    search_fields = ["subscription__reference", "policy__code"]
    date_hierarchy = "first_seen"
    show_full_result_count = False
    fields = [
        "subscription",
        "policy_version",
        "verdict",
        "unwaived_verdict",
        "effect",
        "cause",
        "waiver",
        "sentence",
        ("first_seen", "last_seen"),
        "remedy_due",
        ("closed_at", "closed_because"),
    ]

    @admin.display(description=_("explanation"))
    def sentence(self, finding: Finding) -> str:
        return finding_text(finding)


@admin.register(Decision)
class DecisionAdmin(ViewOnly, ScopedAdmin):
    list_display = ["decided_at", "subscription", "act", "result", "outcome", "decided_by"]
    list_display_links = ["decided_at", "subscription"]
    list_filter = ["act", "result", "outcome"]
    list_select_related = ["subscription", "decided_by"]
    search_fields = ["subscription__reference", "decided_by__username"]
    date_hierarchy = "decided_at"
    show_full_result_count = False
    fields = [
        "subscription",
        "act",
        "result",
        "outcome",
        "decided_by",
        "decided_at",
        "reason",
        "verdicts_in_words",
    ]

    @admin.display(description=_("verdicts"))
    def verdicts_in_words(self, decision: Decision) -> SafeString:
        kept = [(verdict, reasons_from(verdict)) for verdict in decision.verdicts]
        names = Names().want(reason for _verdict, reasons in kept for reason in reasons)
        return listed(
            [
                gettext("%(policy)s, version %(version)s: %(verdict)s. %(explanation)s")
                % {
                    "policy": verdict["policy"],
                    "version": verdict["version"],
                    "verdict": Verdict(verdict["verdict"]).label,
                    "explanation": explanation(verdict["unwaived"], reasons, names) if reasons else "",
                }
                for verdict, reasons in kept
            ]
        )


@admin.register(AgencyTotals)
class AgencyTotalsAdmin(ViewOnly, ScopedAdmin):
    list_display = ["agency", "own_subscriptions", "agency_annual_cost_min", "agency_annual_cost_max"]
    list_select_related = ["agency"]
    search_fields = ["agency__code", "agency__name_ko", "agency__name_en"]


@admin.register(FactsOrigin)
class FactsOriginAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "rates", "holds_until"]
    list_select_related = ["subscription"]
    search_fields = ["subscription__reference"]


@admin.register(FileImport)
class FileImportAdmin(ViewOnly, ScopedAdmin):
    list_display = ["file_name", "kind", "owner", "state", "new", "changed", "left", "finished_at"]
    list_select_related = ["owner"]
    search_fields = ["file_name", "owner__username"]
    date_hierarchy = "created_at"

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(owner=user)


@admin.register(ImportedRow)
class ImportedRowAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "file_import", "line", "is_new", "version"]
    list_select_related = ["subscription", "file_import"]
    search_fields = ["subscription__reference", "file_import__file_name"]


@admin.register(Upload)
class UploadAdmin(ViewOnly, ScopedAdmin):
    list_display = ["file_name", "kind", "owner", "step", "state", "problem", "created_at", "finished_at"]
    list_select_related = ["owner"]
    search_fields = ["file_name", "owner__username"]
    exclude = ["samples", "report", "file"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(owner=user)


@admin.register(KnownHeader)
class KnownHeaderAdmin(ViewOnly, ScopedAdmin):
    list_display = ["header", "kind", "column", "user"]
    list_select_related = ["user"]
    search_fields = ["header", "user__username"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(user=user)


@admin.register(WrittenRow)
class WrittenRowAdmin(ViewOnly, ScopedAdmin):
    list_display = ["file_import", "record", "line", "is_new"]
    list_select_related = ["file_import"]
    search_fields = ["file_import__file_name"]

    def in_sight(self, rows: models.QuerySet, user: User) -> models.QuerySet:
        return rows if user.is_superuser else rows.filter(file_import__owner=user)


@admin.register(PolicyCheck)
class PolicyCheckAdmin(ViewOnly, ScopedAdmin):
    list_display = ["policy", "checked_at"]
    list_select_related = ["policy"]
    search_fields = ["policy__code"]


@admin.register(FindingNote)
class FindingNoteAdmin(ViewOnly, ScopedAdmin):
    list_display = ["finding", "text", "written_by", "written_at"]
    list_select_related = ["finding__policy", "finding__subscription", "written_by"]
    search_fields = ["text", "finding__subscription__reference"]
    date_hierarchy = "written_at"


@admin.register(Approval)
class ApprovalAdmin(ViewOnly, ScopedAdmin):
    list_display = ["subscription", "policy_version", "approved_by", "approved_at", "ended_at"]
    list_display_links = ["subscription", "policy_version"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["subscription", "policy_version", "approved_by"]
    search_fields = ["subscription__reference", "policy_version__policy__code"]
    date_hierarchy = "approved_at"


from subscriptions.renewals import admin as _more  # noqa: E402, F401  Django looks here alone
