"""Pages of findings: one finding with its history, following several up, an agency's compliance, and the decision log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from agencies.models import Agency, Recheck, Role, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.formatting import day
from figures.numbers import whole
from policies import waiving
from policies.explaining import Names
from policies.models import PolicyVersion
from policies.verdicts import Verdict
from subscriptions.deciders import may_record_at
from subscriptions.filters import AgencyFilter, FindingFilter, OfferingFilterSet
from subscriptions.following_up import assign, assignable, comment, may_follow_up, out_of_reach, to_follow_up
from subscriptions.listing import FILES, PAGE_SIZE, file_of, paginate
from subscriptions.models import LONG_TEXT, Decision, Finding
from subscriptions.tables import NOWRAP, FindingTable, badge
from subscriptions.wording import events_of, finding_text, missing_of_finding, reasons_from, would_pass_text


class FollowUpForm(forms.Form):
    """A comment on `findings`, or who takes them on. None of them: not all that were ticked are within one's reach."""

    text = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": LONG_TEXT}),
    )
    assigned_to = forms.ChoiceField(label=_("Assign to"), required=False)

    def __init__(self, data: Any, *, by: User, findings: list[Finding], at: Agency | None = None) -> None:
        super().__init__(data)
        self.by, self.findings = by, findings
        self.people = {str(person.pk): person for person in assignable(by, at)}
        choices: list[tuple[str, Any]] = [("", _("Leave as it is")), ("nobody", _("Nobody"))]
        choices += [(pk, str(person)) for pk, person in self.people.items()]
        self.fields["assigned_to"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.findings:
            self.add_error(None, _("Tick at least one finding that you may work on."))
        if not self.errors and not cleaned.get("text") and not cleaned.get("assigned_to"):
            self.add_error(None, _("Write a comment or choose a person."))
        person = self.people.get(cleaned.get("assigned_to", ""))
        if person is not None and (beyond := out_of_reach(self.findings, person)):
            references = list(dict.fromkeys(finding.subscription.reference for finding in beyond))
            told = ", ".join(references[:5]) + (", …" if len(references) > 5 else "")
            message = gettext("%(person)s cannot work on the findings of: %(references)s")
            self.add_error("assigned_to", message % {"person": person, "references": told})
        return cleaned

    def follow_up(self, request: SignedInRequest) -> None:
        """Do what the form asks for, and say what was done."""
        text, to = self.cleaned_data["text"], self.cleaned_data["assigned_to"]
        if text:
            count = comment(self.findings, by=self.by, text=text)
            said = ngettext("Commented on %(count)s finding.", "Commented on %(count)s findings.", count)
            messages.success(request, said % {"count": count})
        if to:
            count = assign(self.findings, by=self.by, to=self.people.get(to))
            said = ngettext("%(count)s finding changed hands.", "%(count)s findings changed hands.", count)
            messages.success(request, said % {"count": count})


def _ticked(request: SignedInRequest) -> list[Finding]:
    """The findings that were ticked, all or none."""
    numbers = {whole(number) for number in request.POST.getlist("finding")}
    if None in numbers:
        return []
    found = list(to_follow_up(request.user).filter(pk__in=numbers).select_related("subscription__agency"))
    return found if len(found) == len(numbers) else []


@require_http_methods(["GET", "POST"])
def finding_list(request: SignedInRequest) -> HttpResponse:
    """The findings in sight, open ones unless the reader asks otherwise; administrators and officers follow them up here."""
    follows, posted = may_follow_up(request.user), request.method == "POST"
    if posted and not follows:
        raise PermissionDenied
    form = (
        FollowUpForm(request.POST if posted else None, by=request.user, findings=_ticked(request))
        if follows
        else None
    )
    if form and form.is_valid():
        form.follow_up(request)
        return redirect(request.get_full_path())
    visible = Finding.objects.visible_to(request.user)
    asked = (
        request.GET
        if "state" in request.GET or "sort" in request.GET
        else {**request.GET.dict(), "state": "open"}
    )
    filters = FindingFilter(asked, queryset=visible, request=request)
    rows = filters.qs if filters.is_valid() else visible.none()
    table = FindingTable(
        rows,
        order_by=request.GET.get("sort") or None,
        exclude=() if follows else ("tick",),
        ticked=set(request.POST.getlist("finding")),
    )
    shown = Finding.objects.select_related(
        "policy_version",
        "waiver",
        "assigned_to",
        "subscription__agency",
        "subscription__product",
        "subscription__facts",
        "subscription__facts_origin",
    )
    paginate(request, table, filters, shown)
    context = {
        "table": table,
        "filter": filters,
        "form": form,
        "saved": request.user.saved_views.filter(page="subscriptions:findings"),
        # Of the whole register: how many, and of whom, is told to nobody.
        "pending": request.user.has_role(Role.POLICY_OFFICER) and Recheck.objects.exists(),
        "as_of": timezone.now(),
    }
    return render(request, "subscriptions/finding_list.html", context)


@require_http_methods(["GET", "POST"])
def finding_page(request: SignedInRequest, pk: int) -> HttpResponse:
    """One finding with its history; who works on findings where it is comments on it and gives it to people."""
    visible = Finding.objects.visible_to(request.user).select_related(
        "policy__owner",
        "policy_version__scope",
        "waiver",
        "assigned_to",
        "subscription__agency",
        "subscription__product__vendor",
        "subscription__facts",
        "subscription__facts_origin",
    )
    finding = get_object_or_404(visible, pk=pk)
    agency = finding.subscription.agency
    follows, posted = may_follow_up(request.user, at=agency), request.method == "POST"
    if posted and not follows:
        raise PermissionDenied
    form = (
        FollowUpForm(request.POST if posted else None, by=request.user, findings=[finding], at=agency)
        if follows
        else None
    )
    if form and form.is_valid():
        form.follow_up(request)
        return redirect(request.path)
    reasons = reasons_from(finding.deciding_facts)
    names = Names().want(reasons)
    subscription = finding.subscription
    may_edit = may_record_at(request.user, subscription.agency)
    edit_page = reverse("subscriptions:edit", args=[subscription.reference]) if may_edit else ""
    context = {
        "finding": finding,
        "subscription": subscription,
        "sentence": finding_text(finding, names),
        "would_pass": would_pass_text(finding.unwaived_verdict, reasons, names),
        "missing": missing_of_finding(finding, edit_page),
        "events": events_of(finding),
        "notes": finding.notes.select_related("written_by"),
        "form": form,
        "may_ask": finding.closed_at is None and waiving.may_ask_for(request.user, subscription.agency),
        "overdue": bool(
            finding.remedy_due and finding.remedy_due < timezone.localdate() and not finding.closed_at
        ),
    }
    return render(request, "subscriptions/finding.html", context)


@require_GET
def compliance(request: SignedInRequest, code: str) -> HttpResponse:
    """How an agency with all below stands with each policy."""
    agency = get_object_or_404(Agency.objects.visible_to(request.user), code=code)
    findings = (
        Finding.objects.visible_to(request.user).open().filter(subscription__agency__path__within=agency.path)
    )
    today = timezone.localdate()
    rows = (
        findings.order_by()
        .values(code=F("policy__code"))
        .annotate(
            violation=Count("pk", filter=Q(verdict=Verdict.VIOLATION)),
            undetermined=Count("pk", filter=Q(verdict=Verdict.UNDETERMINED)),
            waived=Count("pk", filter=Q(verdict=Verdict.WAIVED)),
            overdue=Count("pk", filter=Q(remedy_due__lt=today) & ~Q(verdict=Verdict.WAIVED)),
        )
        .order_by("code")
    )
    titles = {version.policy.code: version for version in PolicyVersion.objects.in_force(today)}
    subscriptions = agency.subscriptions.model.objects.visible_to(request.user).live()
    context = {
        "agency": agency,
        "rows": [{**row, "version": titles.get(row["code"])} for row in rows],
        "subscriptions": subscriptions.filter(agency__path__within=agency.path).count(),
        "clean": [version for code, version in titles.items() if code not in {row["code"] for row in rows}],
        "as_of": timezone.now(),
    }
    return render(request, "subscriptions/compliance.html", context)


class DecisionFilter(OfferingFilterSet):
    agency = AgencyFilter(label=_("Agency and all below"), method="within")
    act = django_filters.ChoiceFilter(label=_("Act"), choices=Decision.Act.choices)
    result = django_filters.ChoiceFilter(label=_("Result"), choices=Decision.Result.choices)
    since = django_filters.DateFilter(
        label=_("Since"),
        field_name="decided_at",
        lookup_expr="date__gte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    class Meta:
        model = Decision
        fields: list[str] = []

    def within(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows.filter(subscription__agency__path__within=agency.path)


class DecisionTable(tables.Table):
    """The decision log, the latest first."""

    decided_at = tables.Column(verbose_name=_("When"), attrs=NOWRAP)
    subscription = tables.Column(verbose_name=_("Subscription"))
    agency = tables.Column(verbose_name=_("Agency"), empty_values=())
    act = tables.Column(verbose_name=_("Act"))
    result = tables.Column(verbose_name=_("Result"))
    outcome = tables.Column(verbose_name=_("Outcome of the check"))
    decided_by = tables.Column(verbose_name=_("By"))

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Decisions")}
        orderable = False

    def render_decided_at(self, value: Any) -> str:
        return day(timezone.localdate(value))

    def render_subscription(self, record: Decision) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', record.subscription.get_absolute_url(), record.subscription.reference
        )

    def render_agency(self, record: Decision) -> str:
        return str(record.subscription.agency.short)

    def render_result(self, record: Decision) -> SafeString:
        state = "refused" if record.result == Decision.Result.REFUSED else "success"
        return badge(state, record.get_result_display())


@require_http_methods(["GET"])
def decisions(request: SignedInRequest) -> HttpResponseBase:
    """The decision log of the agencies in sight, as a page or a file."""
    visible = Decision.objects.visible_to(request.user).select_related("subscription__agency", "decided_by")
    filters = DecisionFilter(request.GET, queryset=visible, request=request)
    if "_export" in request.GET:
        if not filters.is_valid() or request.GET["_export"] not in FILES:
            return render(request, "subscriptions/export_refused.html", {"form": filters.form}, status=400)
        exported(request, filters.qs.order_by().count(), request.GET["_export"])
        return file_of(_decision_rows(filters.qs), "decisions", request.GET["_export"], gettext("Decisions"))
    table = DecisionTable(filters.qs if filters.is_valid() else visible.none())
    configure(request, table, PAGE_SIZE)
    return render(request, "subscriptions/decision_list.html", {"table": table, "filter": filters})


def _decision_rows(rows: QuerySet) -> Iterator[list[Any]]:
    """A header, then a row for each decision with the verdict of every policy that was in force."""
    yield [
        gettext("When"),
        gettext("Reference"),
        gettext("Agency code"),
        gettext("Act"),
        gettext("Result"),
        gettext("Outcome of the check"),
        gettext("By"),
        gettext("Reason"),
        gettext("Verdicts"),
    ]
    for decision in rows.iterator(chunk_size=2000):
        verdicts = "; ".join(f"{v['policy']} v{v['version']}: {v['verdict']}" for v in decision.verdicts)
        yield [
            timezone.localtime(decision.decided_at).isoformat(timespec="seconds"),
            decision.subscription.reference,
            decision.subscription.agency.code,
            str(decision.get_act_display()),
            str(decision.get_result_display()),
            str(decision.get_outcome_display()),
            str(decision.decided_by or ""),
            decision.reason,
            verdicts,
        ]
