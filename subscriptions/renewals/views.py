"""Pages of renewals: the list, the calendar, and the acts at the end of a term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from agencies.notices.departments import Responsible
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import XLSX_ROW_LIMIT
from subscriptions import recording
from subscriptions.evaluation import names_for
from subscriptions.listing import FILES, file_of, paginate
from subscriptions.models import PriceLine, Renewal, Subscription
from subscriptions.paging import count_of
from subscriptions.renewals import deciding
from subscriptions.renewals.calendar import drawn, month_of
from subscriptions.renewals.forms import LetEndForm, PlanForm, RenewForm
from subscriptions.renewals.listing import (
    STATES,
    RenewalFilter,
    RenewalTable,
    asked,
    file_rows,
    notice_text,
    passed,
    state_text,
    with_columns,
    without_end,
)
from subscriptions.renewals.plans import set_days
from subscriptions.renewals.prices import Prices, lines_of_next_term
from subscriptions.renewals.reminding import reminder_days


@require_GET
def renewal_list(request: SignedInRequest) -> HttpResponseBase:
    """The ends of terms in sight, by the last day to give notice; what is to be decided soon, unless asked otherwise."""
    visible, on = Renewal.objects.visible_to(request.user), timezone.localdate()
    filters = RenewalFilter(asked(request.GET), queryset=visible, request=request, on=on)
    rows = filters.qs if filters.is_valid() else visible.none()
    table = RenewalTable(rows, order_by=request.GET.get("sort") or None)
    if "_export" in request.GET:
        return _export(request, filters, table)
    paginate(request, table, filters, with_columns())
    context = {
        "table": table,
        "filter": filters,
        "passed": count_of(passed(visible, on)),
        "without_end": count_of(without_end(visible)),
        "as_of": timezone.now(),
    }
    return render(request, "subscriptions/renewals/list.html", context)


def _export(request: SignedInRequest, filters: RenewalFilter, table: RenewalTable) -> HttpResponseBase:
    kind, rows = request.GET["_export"], table.data.data
    refused: dict[str, Any] = {}
    if not filters.is_valid() or kind not in FILES:
        refused = {"form": filters.form}
    elif kind == "xlsx" and rows[:XLSX_ROW_LIMIT].count() >= XLSX_ROW_LIMIT:
        refused = {"too_many": True}
    if refused:
        return render(request, "subscriptions/export_refused.html", {**refused, "kind": kind}, status=400)
    exported(request, rows.order_by().count(), kind)
    return file_of(file_rows(rows), "renewals", kind, _("Renewals"))


@require_GET
def renewal_calendar(request: SignedInRequest) -> HttpResponse:
    """A month with what has its last day to give notice on each day; `?month=2026-07`, and the list's filters."""
    on = timezone.localdate()
    try:
        first = month_of(request.GET.get("month", ""), on)
    except ValueError as error:
        raise Http404(_("There is no such month.")) from error
    query = request.GET.copy()
    query.setdefault("state", Renewal.State.OPEN)
    visible = Renewal.objects.visible_to(request.user)
    filters = RenewalFilter(query, queryset=visible, request=request, on=on)
    for name in ("when", "since", "until"):  # the month says when
        filters.form.fields.pop(name)
    month = drawn(filters.qs if filters.is_valid() else visible.none(), first, on)
    kept = query.copy()
    for name in ("month", "page", "sort"):
        kept.pop(name, None)
    context = {"month": month, "filter": filters, "kept": kept.urlencode(), "today": on}
    return render(request, "subscriptions/renewals/calendar.html", context)


# --- one subscription -------------------------------------------------------------------------------------------------


def section(request: SignedInRequest, subscription: Subscription) -> dict[str, Any]:
    """What the page of a subscription says of its renewal: the current term, those before it, who is reminded and when."""
    renewals = list(subscription.renewals.select_related("decided_by").order_by("-ends_on", "-pk")[:20])
    current = next((one for one in renewals if one.state in Renewal.CURRENT), None)
    may_decide = deciding.may_decide(request.user, subscription)
    told = Responsible([subscription.agency]).of(subscription.agency, subscription.owner_department)
    return {
        "current": current,
        "notice_text": notice_text(current) if current else "",
        "state": STATES[current.state] if current else "",
        "state_text": state_text(current) if current else "",
        "earlier": [
            {"renewal": one, "text": state_text(one)} for one in renewals if one.state not in Renewal.CURRENT
        ],
        "reminders": reminder_days(subscription, current),
        "told": told.names,
        "by_department": told.of_department,
        "may_decide": may_decide and current is not None,
        "may_renew": deciding.may_renew(request.user, subscription),
        "may_let_end": deciding.may_let_end(request.user, subscription, current),
        "may_reconsider": deciding.may_reconsider(request.user, subscription, current),
        "late": bool(
            current
            and current.notice_by
            and current.notice_by < timezone.localdate()
            and current.state == Renewal.State.OPEN
        ),
        "needs_end": current is not None and current.ends_on is None,
    }


def _seen(request: SignedInRequest, reference: str) -> Subscription:
    visible = Subscription.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("agency", "product__vendor", "reminder_plan"), reference=reference
    )


@require_http_methods(["GET", "POST"])
def renew(request: SignedInRequest, reference: str) -> HttpResponse:
    """Ask what the next term is like, then let it follow."""
    subscription = _seen(request, reference)
    if not deciding.may_renew(request.user, subscription):
        raise PermissionDenied
    form = RenewForm(request.POST if request.method == "POST" else None, subscription=subscription)
    context: dict[str, Any] = {"subscription": subscription, "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            recorded = _renew(request, subscription, form)
        except recording.StaleEdit as stale:
            context["stale"] = stale.current
            sent = request.POST.copy()
            sent["version"] = str(stale.current.version)
            form.data = sent
        except recording.NotPossible:
            form.add_error(None, _("The subscription does not allow this as it stands. Nothing was changed."))
        except ValidationError as error:
            for name, problems in error.message_dict.items():
                form.add_error(name if name in form.fields else None, problems)
        else:
            if not recorded.refused:
                messages.success(request, _("The subscription is renewed."))
                return redirect(f"{subscription.get_absolute_url()}#renewal")
            failing = [judgement for judgement in recorded.judgements if not judgement.passes]
            names = names_for(failing)
            context["refused"] = [{"judgement": j, "sentence": j.explain(names)} for j in failing]
    context["lines"] = subscription.price_lines.order_by("position")
    return render(request, "subscriptions/renewals/renew.html", context)


def _renew(request: SignedInRequest, subscription: Subscription, form: RenewForm) -> recording.Recorded:
    data, ended_on = form.cleaned_data, subscription.ends_on
    assert ended_on is not None
    new = form.line.instance if form.wants_line else None

    def pricing(lines: Sequence[PriceLine]) -> list[PriceLine]:
        prices = Prices(data["prices"])
        return lines_of_next_term(lines, ended_on, data["ends_on"], prices, seats=data["seats"], line=new)

    return deciding.renew(
        subscription,
        by=request.user,
        version=data["version"],
        ends_on=data["ends_on"],
        pricing=pricing,
        terms={"auto_renewal": data["auto_renewal"], "notice_days": data["notice_days"]},
        reason=data["reason"],
    )


@require_http_methods(["GET", "POST"])
def let_end(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = _seen(request, reference)
    if not deciding.may_let_end(request.user, subscription, deciding.current(subscription)):
        raise PermissionDenied
    form = LetEndForm(request.POST if request.method == "POST" else None)

    def act(data: dict[str, Any]) -> None:
        deciding.let_end(
            subscription,
            by=request.user,
            reason=data["reason"],
            notice_given_on=data["notice_given_on"],
        )

    text = _("The term ends on its last day and none follows. You can decide anew until then.")
    return _confirm(request, subscription, form, act, _("Do not renew"), text)


@require_http_methods(["GET", "POST"])
def reconsider(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = _seen(request, reference)
    if not deciding.may_reconsider(request.user, subscription, deciding.current(subscription)):
        raise PermissionDenied

    def act(data: dict[str, Any]) -> None:
        deciding.reconsider(subscription, by=request.user)

    text = _("The decision not to renew is taken back, and reminders go on.")
    return _confirm(request, subscription, None, act, _("Decide anew"), text)


@require_http_methods(["GET", "POST"])
def reminder_plan(request: SignedInRequest, reference: str) -> HttpResponse:
    """When the department is reminded."""
    subscription = _seen(request, reference)
    if not deciding.may_decide(request.user, subscription):
        raise PermissionDenied
    form = PlanForm(request.POST if request.method == "POST" else None, subscription=subscription)

    def act(data: dict[str, Any]) -> None:
        set_days(subscription, None if data["as_usual"] else data["days"])

    text = _("The owner department is reminded so many days before the last day to give notice.")
    return _confirm(request, subscription, form, act, _("Reminders"), text, _("Save"))


def _confirm(
    request: SignedInRequest,
    subscription: Subscription,
    form: Any,
    act: Any,
    title: str,
    text: str,
    submit_text: str = "",
) -> HttpResponse:
    """Ask for what an act needs, then do it and return to the subscription."""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            act(form.cleaned_data if form else {})
        except recording.NotPossible:
            messages.error(
                request, _("The subscription does not allow this as it stands. Nothing was changed.")
            )
            return redirect(f"{subscription.get_absolute_url()}#renewal")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved."))
            return redirect(f"{subscription.get_absolute_url()}#renewal")
    context = {
        "title": f"{title} – {subscription.reference}",
        "text": text,
        "form": form,
        "submit_text": submit_text or title,
        "cancel_url": f"{subscription.get_absolute_url()}#renewal",
    }
    return render(request, "krds/confirm.html", context)
