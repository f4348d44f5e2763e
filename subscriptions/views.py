"""Pages of subscriptions and their findings: lists, record, check while typing, detail, and the acts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agencies.models import Role
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import XLSX_ROW_LIMIT
from figures.numbers import whole
from subscriptions import recording, reopening
from subscriptions.acts import ACTS, Act
from subscriptions.committed_page import committed_of
from subscriptions.contracts import has_contract
from subscriptions.deciders import may_record_at
from subscriptions.evaluation import judge_saved, outcome
from subscriptions.filters import SubscriptionFilter
from subscriptions.forms import PriceLineFormSet, SubscriptionForm
from subscriptions.listing import FILES, file_of, paginate
from subscriptions.material import labels
from subscriptions.models import COMMITTED, LIVE, Decision, Responsible, Status, Subscription
from subscriptions.payment_views import payments_of
from subscriptions.renewals.views import section as renewal_section
from subscriptions.review_views import keep_reason
from subscriptions.reviewing import waits
from subscriptions.seeing import seen, told
from subscriptions.stale import changes_since
from subscriptions.tables import SubscriptionTable, annual_cost, export_rows, seats
from subscriptions.today import today

EDITABLE = (Status.DRAFT, *LIVE)
# How many decisions a record's page shows; its timeline has all.
LATEST = 5
LINES = "lines"


@require_GET
def subscription_list(request: SignedInRequest) -> HttpResponseBase:
    visible = Subscription.objects.visible_to(request.user)
    filters = SubscriptionFilter(request.GET, queryset=visible, request=request)
    table = SubscriptionTable(
        filters.qs if filters.is_valid() else visible.none(), order_by=request.GET.get("sort") or None
    )
    if "_export" in request.GET:
        return _export(request, filters, table)
    paginate(request, table, filters, Subscription.objects.with_list_columns())
    table.count_findings()
    return render(
        request,
        "subscriptions/subscription_list.html",
        {
            "table": table,
            "filter": filters,
            "may_record": request.user.has_role(Role.ADMINISTRATOR),
            "as_of": timezone.now(),
        },
    )


def _export(
    request: SignedInRequest, filters: SubscriptionFilter, table: SubscriptionTable
) -> HttpResponseBase:
    """What the filter shows, as a file; a filter that is not valid is an error, not an empty file."""
    kind = request.GET["_export"]
    if not filters.is_valid() or kind not in FILES:
        return render(
            request, "subscriptions/export_refused.html", {"form": filters.form, "kind": kind}, status=400
        )
    rows = table.data.data
    count = rows.order_by().count()
    if kind == "xlsx" and count >= XLSX_ROW_LIMIT:
        return render(
            request, "subscriptions/export_refused.html", {"too_many": True, "kind": kind}, status=400
        )
    exported(request, count, kind)
    return file_of(export_rows(rows), "subscriptions", kind, _("Subscriptions"))


# --- one subscription -------------------------------------------------------------------------------------------------


@require_GET
def detail(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = seen(request, reference)
    on = today()
    judgements = judge_saved(subscription, on) if hasattr(subscription, "facts") else []
    may_edit = may_record_at(request.user, subscription.agency) and subscription.status in EDITABLE
    edit_page = reverse("subscriptions:edit", args=[reference]) if may_edit else ""
    decisions = list(subscription.decisions.select_related("decided_by")[:LATEST])
    waiting = reopening.open_reopening(subscription) if subscription.status in COMMITTED else None
    lines = list(subscription.price_lines.order_by("position"))
    return render(
        request,
        "subscriptions/detail.html",
        {
            "subscription": subscription,
            "lines": lines,
            "annual_cost": annual_cost(subscription),
            "seats": seats(subscription),
            "judgements": told(judgements, edit_page),
            "ask_url": reverse("subscriptions:ask-waiver", args=[reference]) if may_edit else "",
            "live": subscription.status in LIVE,
            "outcome": outcome(judgements),
            "decisions": decisions,
            "refusal": decisions[0] if decisions and decisions[0].result == Decision.Result.REFUSED else None,
            "tab": "record",
            "waits": waits(subscription),
            "reopened": labels(waiting.causes) if waiting else [],
            "contract": has_contract(subscription),
            "responsible": Responsible.objects.filter(subscription=subscription)
            .select_related("person")
            .first(),
            "acts": _acts_for(request, subscription),
            **payments_of(subscription, request),
            **committed_of(subscription, lines, on),
            "may_edit": may_edit,
            "renewal": renewal_section(request, subscription),
            "on": on,
        },
    )


@require_http_methods(["GET", "POST"])
def record(request: SignedInRequest) -> HttpResponse:
    """Record a subscription: as a draft, as a request, or as already in use."""
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    return _form_page(request, Subscription())


@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = seen(request, reference)
    if not may_record_at(request.user, subscription.agency) or subscription.status not in EDITABLE:
        raise PermissionDenied
    return _form_page(request, subscription)


def _form_page(request: SignedInRequest, subscription: Subscription) -> HttpResponse:
    """The record form of a new or an existing subscription, and what follows when it is sent."""
    data = request.POST if request.method == "POST" else None
    initial = {} if subscription.pk or data else _first_agency(request)
    form = SubscriptionForm(data, instance=subscription, by=request.user, initial=initial)
    formset = PriceLineFormSet(data, instance=subscription, prefix=LINES)
    context: dict[str, Any] = {
        "form": form,
        "formset": formset,
        "formsets": [formset],
        "subscription": subscription if subscription.pk else None,
    }
    if data is not None:
        act = data.get("act", "draft")
        answer = _submitted(request, form, formset, act, context)
        if answer is not None:
            return answer
        context["has_errors"] = bool(form.errors or context["formset"].total_error_count())
    return render(request, "subscriptions/record.html", context)


def _first_agency(request: SignedInRequest) -> dict[str, Any]:
    """A new record begins with the person's own agency, when it is one."""
    own = list(request.user.memberships.filter(role=Role.ADMINISTRATOR).select_related("agency")[:2])
    return {"agency": own[0].agency} if len(own) == 1 else {}


def _submitted(
    request: SignedInRequest, form: SubscriptionForm, formset: Any, act: str, context: dict[str, Any]
) -> HttpResponse | None:
    """Store what was sent; None when the form must be shown again, with what `context` then says."""
    again = _already_sent(request)
    if again is not None:
        return again
    valid = form.is_valid()
    valid = formset.is_valid() and valid
    if form.instance.pk and form.cleaned_data.get("version") != form.instance.version:
        current = Subscription.objects.get(pk=form.instance.pk)
        _came_second(request, current, form, formset, context)
        return None
    if valid and (act in ("request", "declare") or form.instance.status in LIVE):
        in_use = act == "declare" or form.instance.status == Status.ACTIVE
        if form.instance.provenance != Subscription.Provenance.STATEMENT:
            form.require_start(in_use=in_use)
        valid = not form.errors
    if not valid:
        return None
    try:
        recorded = _store(request, form, formset, act)
    except recording.StaleEdit as stale:
        _came_second(request, stale.current, form, formset, context)
        return None
    except IntegrityError:
        again = _already_sent(request)
        if again is not None:
            return again
        if not Subscription.objects.filter(submission=form.cleaned_data.get("submission")).exists():
            raise
        sent = request.POST.copy()
        sent["submission"] = str(uuid.uuid4())
        form.data = sent
        form.add_error(
            None, _("This form bore the mark of another one. Nothing was saved; please send it again.")
        )
        return None
    if recorded.refused and recorded.subscription.status != Status.DRAFT:
        context["refused"] = told([j for j in recorded.judgements if not j.passes], page="#")
        return None
    _say(request, recorded, act)
    return redirect(recorded.subscription)


def _came_second(
    request: SignedInRequest,
    current: Subscription,
    form: SubscriptionForm,
    formset: Any,
    context: dict[str, Any],
) -> None:
    """Show what somebody else has stored meanwhile beside what is typed; sent again, the form replaces it."""
    context["stale"] = changes_since(current, form, formset)
    sent = request.POST.copy()
    sent["version"] = str(current.version)
    # A line that is gone meanwhile comes back as a new one; the formset wants those last.
    stored = {str(pk) for pk in current.price_lines.values_list("pk", flat=True)}
    lines = [
        {name: (sent.pop(line.add_prefix(name), None) or [""])[-1] for name in line.fields}
        for line in formset.forms
    ]
    kept = [line for line in lines if line["id"] in stored]
    gone = [{**line, "id": ""} for line in lines if line["id"] not in stored]
    for number, line in enumerate(kept + gone):
        sent.update({f"{LINES}-{number}-{name}": value for name, value in line.items()})
    sent[f"{LINES}-INITIAL_FORMS"] = str(len(kept))
    form.data = sent
    context["formset"] = PriceLineFormSet(sent, instance=form.instance, prefix=LINES)
    context["formsets"] = [context["formset"]]


def _already_sent(request: SignedInRequest) -> HttpResponse | None:
    """The page of the record that this very form has made already, when it is sent twice."""
    try:
        submission = uuid.UUID(request.POST.get("submission", ""))
    except ValueError:
        return None
    made = Subscription.objects.visible_to(request.user)
    subscription = made.filter(recorded_by=request.user, submission=submission).first()
    if subscription is None:
        return None
    messages.info(
        request, _("This form was sent before. Here is the record that it made; nothing was doubled.")
    )
    return redirect(subscription)


@transaction.atomic
def _store(request: SignedInRequest, form: SubscriptionForm, formset: Any, act: str) -> recording.Recorded:
    form.save_proposed_tool()
    subscription, lines = form.instance, formset.lines()
    if subscription.pk is None:
        subscription.submission = form.cleaned_data.get("submission")
        acts: dict[str, Callable[..., recording.Recorded]] = {
            "request": recording.request,
            "declare": recording.declare,
        }
        return acts.get(act, recording.save_draft)(subscription, lines, by=request.user)
    version = form.cleaned_data.get("version") or 0
    current = Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    if current.version != version:
        raise recording.StaleEdit(current)
    if act == "declare" and current.status == Status.DRAFT:
        return recording.declare(subscription, lines, by=request.user)
    return recording.change(
        subscription, lines, by=request.user, version=version, requesting=act == "request"
    )


def _say(request: SignedInRequest, recorded: recording.Recorded, act: str) -> None:
    """Tell the person what came of it."""
    if recorded.refused:
        messages.error(
            request,
            _(
                "A policy does not allow this. What you typed is kept as a draft; the reasons and what can be done are below."
            ),
        )
    elif recorded.subscription.status == Status.REQUESTED and act == "request":
        messages.success(request, _("The request was sent to the approvers of your agency."))
    elif act == "declare" and recorded.subscription.status == Status.ACTIVE:
        messages.success(request, _("Recorded as already in use."))
    else:
        messages.success(request, _("Saved."))


@require_POST
def check(request: SignedInRequest) -> HttpResponse:
    """The verdicts of the form as it stands, for the panel beside it; writes nothing."""
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    subscription = Subscription()
    if reference := request.POST.get("reference"):
        subscription = seen(request, reference.replace("\0", ""))
        if not may_record_at(request.user, subscription.agency):
            raise PermissionDenied
    form = SubscriptionForm(request.POST, instance=subscription, by=request.user)
    formset: Any = PriceLineFormSet(request.POST, instance=subscription, prefix=LINES)
    form.is_valid()
    formset.is_valid()
    ready = form.cleaned_data.get("agency") and form.cleaned_data.get("product")
    judgements = []
    if ready:
        form.instance.agency = form.cleaned_data["agency"]
        form.instance.product = form.cleaned_data["product"]
        judgements = recording.check(form.instance, formset.lines())
    return render(
        request,
        "subscriptions/verdicts.html",
        {
            "judgements": told(judgements, page="#"),
            "ready": ready,
            "outcome": outcome(judgements),
            "on": today(),
            **(_of_change(subscription, formset) if ready and subscription.pk else {}),
        },
    )


def _of_change(subscription: Subscription, formset: Any) -> dict[str, Any]:
    """Whether the form as it stands would be refused, or else what of it would reopen the approval, in words."""
    lines = formset.lines()
    grown = recording.growth(subscription, lines) if subscription.status in LIVE else []
    if grown and not recording.may_grow_into(subscription, lines, grown):
        return {"not_grown": True}
    return {"reopens": labels(grown) if subscription.status in COMMITTED else []}


@require_GET
def price_line(request: SignedInRequest) -> HttpResponse:
    """One more empty price line for the form, with the count of lines that goes with it."""
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    number = min(whole(request.GET.get(f"{LINES}-TOTAL_FORMS", "0")) or 0, 49)
    formset = PriceLineFormSet(prefix=LINES)
    line = formset.form(prefix=f"{LINES}-{number}")
    formset.add_fields(line, None)
    return render(
        request,
        "subscriptions/price_line_added.html",
        {"line": line, "number": number + 1, "count": number + 1},
    )


# --- acts -------------------------------------------------------------------------------------------------------------


def _acts_for(request: SignedInRequest, subscription: Subscription) -> list[tuple[str, Act]]:
    return [(name, act) for name, act in ACTS.items() if act.offered(request.user, subscription)]


@require_http_methods(["GET", "POST"])
def act_page(request: SignedInRequest, reference: str, name: str) -> HttpResponse:
    """Ask for what an act needs, then do it. One that is not offered to the reader is 403."""
    if name not in ACTS:
        raise Http404
    subscription, act = seen(request, reference), ACTS[name]
    if not act.offered(request.user, subscription):
        raise PermissionDenied
    form = act.form(request.POST if request.method == "POST" else None)
    if act.decides:
        form.fields["seen"] = forms.IntegerField(
            widget=forms.HiddenInput, required=False, initial=subscription.version
        )
    if request.method == "POST" and form.is_valid():
        try:
            recorded = act.does(subscription, request.user, form.cleaned_data)
        except recording.StaleEdit:
            messages.error(
                request,
                _("The record was changed after you opened it. Nothing was decided; this is how it is now."),
            )
            keep_reason(request, reference, form.cleaned_data.get("reason", ""))
            return redirect("subscriptions:review", reference)
        except recording.NotPossible:
            form.add_error(
                None,
                _(
                    "The subscription does not allow this as it stands, or the day does not fit. Nothing was changed."
                ),
            )
        else:
            if recorded.refused:
                messages.error(
                    request,
                    _("The policies in force stand against this; see the check below. Nothing was started."),
                )
            else:
                messages.success(request, _("Done: %(act)s.") % {"act": act.title})
            return redirect(subscription)
    return render(
        request,
        "krds/confirm.html",
        {
            "title": f"{act.title} – {subscription.reference}",
            "text": act.text,
            "form": form,
            "submit_text": act.title,
            "cancel_url": subscription.get_absolute_url(),
            "danger": act.danger,
        },
    )
