"""Pages of waivers: asked for from a finding or a refused request, decided by policy officers, renewed by a new decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from agencies.models import Agency, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from agencies.signing_in.fresh import ask_again
from figures.formatting import day
from figures.numbers import whole
from policies import waiving
from policies.models import Policy, PolicyVersion, Waiver
from policies.reading import waiver_state_on
from subscriptions.evaluation import covering
from subscriptions.filters import AgencyFilter, OfferingFilterSet, policy_choices
from subscriptions.forms import DateInput, ReasonForm
from subscriptions.listing import PAGE_SIZE
from subscriptions.models import LONG_TEXT, Facts, Finding, Subscription
from subscriptions.tables import NOWRAP, badge


class WaiverFilter(OfferingFilterSet):
    agency = AgencyFilter(label=_("Agency and all below"), method="within")
    policy = django_filters.ChoiceFilter(label=_("Policy"), choices=policy_choices, field_name="policy__code")
    status = django_filters.ChoiceFilter(label=_("Status"), choices=Waiver.Status.choices)

    class Meta:
        model = Waiver
        fields: list[str] = []

    def within(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows.filter(agency__path__within=agency.path)


class WaiverTable(tables.Table):
    """Waivers, the latest request first."""

    policy = tables.Column(verbose_name=_("Policy"))
    agency = tables.Column(verbose_name=_("Agency"))
    covers = tables.Column(verbose_name=_("Covers"), empty_values=())
    status = tables.Column(verbose_name=_("Status"))
    valid_from = tables.Column(verbose_name=_("From"), attrs=NOWRAP)
    valid_until = tables.Column(verbose_name=_("Until"), attrs=NOWRAP)
    requested_by = tables.Column(verbose_name=_("Requested by"))

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Waivers")}
        orderable = False

    def render_policy(self, record: Waiver) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("subscriptions:waiver", args=[record.pk]), record.policy
        )

    def render_agency(self, record: Waiver) -> str:
        return str(record.agency.short)

    def render_covers(self, record: Waiver) -> str:
        return covered_text(record)

    def render_status(self, record: Waiver) -> SafeString:
        state = waiver_state_on(record, timezone.localdate())
        return badge(state.code, state.label)

    def render_valid_from(self, value: Any) -> str:
        return day(value)

    def render_valid_until(self, value: Any) -> str:
        return day(value)


def covered_text(waiver: Waiver) -> str:
    """What a waiver covers, in words."""
    if waiver.product:
        return gettext("The tool %(tool)s") % {"tool": waiver.product}
    if waiver.vendor:
        return gettext("All tools of %(vendor)s") % {"vendor": waiver.vendor}
    return gettext("All tools")


class AskForm(forms.Form):
    """What an administrator says when asking for a waiver for one subscription."""

    policy = forms.ChoiceField(label=_("Policy"))
    covers = forms.ChoiceField(
        label=_("Covers"),
        choices=[
            ("product", _("This tool")),
            ("vendor", _("All tools of its vendor")),
            ("agency", _("All tools of the agency")),
        ],
        widget=forms.RadioSelect,
        initial="product",
        help_text=_("At this agency and all below it. The narrower, the easier to grant."),
    )
    valid_from = forms.DateField(label=_("From"), widget=DateInput())
    valid_until = forms.DateField(
        label=_("Until"),
        widget=DateInput(),
        help_text=_("The last day. A waiver ends by itself; renewing it is a new decision."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": LONG_TEXT}),
        help_text=_("Why the tool is needed, and how the risk is kept small meanwhile."),
    )

    def __init__(self, *args: Any, policies: list[PolicyVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].choices = [(v.policy.code, str(v.title)) for v in policies]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("valid_from") and cleaned.get("valid_until"):
            try:
                waiving.check_dates(cleaned["valid_from"], cleaned["valid_until"])
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned


def _visible(request: SignedInRequest) -> Any:
    return Waiver.objects.visible_to(request.user).select_related(
        "policy__owner", "agency", "product", "vendor", "requested_by", "decided_by", "renews"
    )


@require_GET
def waiver_list(request: SignedInRequest) -> HttpResponse:
    filters = WaiverFilter(request.GET, queryset=_visible(request), request=request)
    table = WaiverTable(filters.qs if filters.is_valid() else Waiver.objects.none())
    configure(request, table, PAGE_SIZE)
    return render(request, "subscriptions/waiver_list.html", {"table": table, "filter": filters})


@require_http_methods(["GET", "POST"])
def ask(request: SignedInRequest, reference: str) -> HttpResponse:
    """Ask for a waiver for a subscription; `?policy=` names the policy, `?renews=` the waiver that it would follow."""
    visible = Subscription.objects.visible_to(request.user).select_related("agency", "product__vendor")
    subscription = get_object_or_404(visible, reference=reference)
    if not waiving.may_ask_for(request.user, subscription.agency):
        raise PermissionDenied
    today = timezone.localdate()
    versions = [v for v in PolicyVersion.objects.in_force(today) if v.applies_to(subscription.agency, today)]
    if not versions:
        raise Http404(gettext("No policy applies to this subscription."))
    renewed = _renewed(request, subscription)
    initial = {"policy": request.GET.get("policy"), "valid_from": today, **_of_renewed(renewed)}
    form = AskForm(request.POST or None, policies=versions, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        waiver = waiving.request(
            Policy.objects.get(code=data["policy"]),
            subscription.agency,
            by=request.user,
            reason=data["reason"],
            valid_from=data["valid_from"],
            valid_until=data["valid_until"],
            product=subscription.product if data["covers"] == "product" else None,
            vendor=subscription.product.vendor if data["covers"] == "vendor" else None,
            renews=renewed,
        )
        messages.success(
            request, gettext("The policy officers were asked for a waiver. You will see their decision here.")
        )
        return redirect("subscriptions:waiver", waiver.pk)
    context = {
        "title": gettext("Ask for a waiver – %(reference)s") % {"reference": reference},
        "text": gettext(
            "A waiver excuses from one policy until a day. A policy officer decides; until then nothing changes, and a"
            " request that a policy blocks may wait for the decision."
        ),
        "form": form,
        "submit_text": gettext("Ask for a waiver"),
        "cancel_url": subscription.get_absolute_url(),
    }
    return render(request, "krds/confirm.html", context)


def _renewed(request: SignedInRequest, subscription: Subscription) -> Waiver | None:
    number = whole(request.GET.get("renews", ""))
    if number is None:
        return None
    waivers = _visible(request).filter(agency=subscription.agency, status=Waiver.Status.GRANTED)
    return get_object_or_404(waivers, pk=number)


def _of_renewed(waiver: Waiver | None) -> dict[str, Any]:
    if waiver is None:
        return {}
    covers = "product" if waiver.product else "vendor" if waiver.vendor else "agency"
    return {"policy": waiver.policy.code, "covers": covers, "reason": waiver.reason}


@require_GET
def waiver_page(request: SignedInRequest, pk: int) -> HttpResponse:
    waiver = get_object_or_404(_visible(request), pk=pk)
    covered = Facts.objects.visible_to(request.user).filter(covering(waiver)).values("pk")
    findings = (
        Finding.objects.visible_to(request.user)
        .filter(policy=waiver.policy, subscription__in=covered, closed_at=None)
        .select_related("policy_version", "subscription__agency", "subscription__product")
    )
    context = {
        "waiver": waiver,
        "covered": covered_text(waiver),
        "state": waiver_state_on(waiver, timezone.localdate()),
        "findings": findings[:50],
        "history": waiver.history.select_related("history_user")[:50],
        "acts": [(name, act) for name, act in ACTS.items() if act.offered(request.user, waiver)],
        "renewal": _renewal_address(request.user, waiver, findings),
    }
    return render(request, "subscriptions/waiver.html", context)


def _renewal_address(user: User, waiver: Waiver, findings: Any) -> str:
    """Where a granted waiver can be asked for again: from a subscription that it covers."""
    finding = findings.filter(subscription__agency=waiver.agency).first()
    if (
        waiver.status != Waiver.Status.GRANTED
        or finding is None
        or not waiving.may_ask_for(user, waiver.agency)
    ):
        return ""
    return f"{reverse('subscriptions:ask-waiver', args=[finding.subscription.reference])}?renews={waiver.pk}"


@dataclass(frozen=True)
class WaiverAct:
    """A decision on a waiver as a page: when it is offered, what it says, and what it does."""

    title: Any
    text: Any
    done: Any
    does: Callable[..., Waiver]
    at: Waiver.Status
    danger: bool = False

    def offered(self, user: User, waiver: Waiver) -> bool:
        return waiver.status == self.at and waiving.may_decide(user, waiver)


ACTS: dict[str, WaiverAct] = {
    "grant": WaiverAct(
        _("Grant"),
        _(
            "What the waiver covers counts as waived until its last day. It stays visible and keeps being checked."
        ),
        _("The waiver is granted."),
        waiving.grant,
        Waiver.Status.REQUESTED,
    ),
    "refuse": WaiverAct(
        _("Refuse"),
        _("The agency sees your reason and may ask again."),
        _("The waiver is refused."),
        waiving.refuse,
        Waiver.Status.REQUESTED,
        danger=True,
    ),
    "revoke": WaiverAct(
        _("Revoke"),
        _("The waiver ends now. What it covered is judged as it stands; nothing is switched off."),
        _("The waiver is revoked."),
        waiving.revoke,
        Waiver.Status.GRANTED,
        danger=True,
    ),
}


@require_http_methods(["GET", "POST"])
def waiver_act(request: SignedInRequest, pk: int, name: str) -> HttpResponse:
    if name not in ACTS:
        raise Http404
    waiver, act = get_object_or_404(_visible(request), pk=pk), ACTS[name]
    if not act.offered(request.user, waiver):
        raise PermissionDenied
    if name == "grant":
        ask_again(request)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act.does(waiver, by=request.user, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, act.done)
            return redirect("subscriptions:waiver", pk)
    context = {
        "title": gettext("%(act)s: waiver for %(agency)s") % {"act": act.title, "agency": waiver.agency},
        "text": act.text,
        "form": form,
        "submit_text": act.title,
        "cancel_url": reverse("subscriptions:waiver", args=[pk]),
        "danger": act.danger,
    }
    return render(request, "krds/confirm.html", context)
