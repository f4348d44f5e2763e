"""What the register derives (facts, findings) or appends (decisions, approvals, imports), to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.admin_scope import (
    HistoryAdmin,
    InSightFilter,
    ScopedAdmin,
    ScopedTabularInline,
    ViewOnly,
)
from agencies.models import User
from figures.formatting import figure_html
from policies.explaining import Names, Reason, explanation, known_text
from policies.verdicts import Verdict
from policies.vocabulary import FACTS
from subscriptions.models import (
    AgencyTotals,
    Approval,
    Decision,
    Facts,
    FactsOrigin,
    FileImport,
    Finding,
    FindingNote,
    ImportedRow,
    KnownHeader,
    PolicyCheck,
    Upload,
    WrittenRow,
)
from subscriptions.tables import annual_cost, known
from subscriptions.wording import finding_text, reasons_from


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
