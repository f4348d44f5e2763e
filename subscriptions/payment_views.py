"""Pages of payments: of all that a person sees, of one with its history, and the forms that record, correct and remove one."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from agencies.models import Role
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.figure import Figure, Total
from figures.files import XLSX_ROW_LIMIT
from figures.formatting import day
from figures.standing import Gap
from subscriptions import paying
from subscriptions.listing import FILES, file_of, paginate
from subscriptions.models import Payment, PaymentSubmission, Status, Subscription
from subscriptions.money import amount_text
from subscriptions.payment_forms import (
    PAYMENT,
    REFUND,
    CorrectionForm,
    PaymentForm,
    RemovalForm,
    a_payment_of,
)
from subscriptions.payment_tables import (
    WITH_ALL,
    PaymentFilter,
    PaymentTable,
    kind_of,
    payment_rows,
    rate_used,
    won_of,
)
from subscriptions.today import today

SHOWN = 10


@require_GET
def payment_list(request: SignedInRequest) -> HttpResponseBase:
    visible = Payment.objects.visible_to(request.user)
    filters = PaymentFilter(request.GET, queryset=visible, request=request)
    valid = filters.is_valid()
    rows = (filters.qs if valid else visible.none()).order_by("-paid_on", "-pk")
    if "_export" in request.GET:
        kind = request.GET["_export"]
        too_many = kind == "xlsx" and valid and rows[:XLSX_ROW_LIMIT].count() >= XLSX_ROW_LIMIT
        if not valid or kind not in FILES or too_many:
            refused = {"form": filters.form, "kind": kind, "too_many": too_many}
            return render(request, "subscriptions/export_refused.html", refused, status=400)
        exported(request, rows.order_by().count(), kind)
        return file_of(payment_rows(rows), "payments", kind, pgettext("list", "Payments"))
    table = PaymentTable(rows)
    paginate(request, table, filters, Payment.objects.select_related(*WITH_ALL))
    context = {
        "table": table,
        "filter": filters,
        "total": total_of(rows) if valid and filters.in_use else None,
        "may_record": request.user.has_role(Role.ADMINISTRATOR),
        "as_of": timezone.now(),
    }
    return render(request, "subscriptions/payment_list.html", context)


def total_of(rows: Any) -> Total:
    """What the payments come to in won, refunds taken off; void subscriptions' are left out, and those without a rate counted."""
    counted = rows.exclude(subscription__status=Status.VOID).order_by()
    sums = counted.aggregate(paid=Sum("won"), known=Count("won"), all=Count("pk"))
    return total(int(sums["paid"] or 0), sums["known"], sums["all"] - sums["known"])


def total(won: int, known: int, rateless: int) -> Total:
    missing = Total.of([Figure.missing(Gap.RATE_MISSING)] * rateless).missing
    # A refund may exceed what was paid, so this is no figure of its own but a balance.
    return Total(Figure.stated(won) if known else Figure.missing(), known, missing)


def payments_of(subscription: Subscription, request: SignedInRequest) -> dict[str, Any]:
    """What the subscription's page shows of its payments."""
    rows = subscription.payments.select_related(*WITH_ALL).order_by("-paid_on", "-pk")
    table = PaymentTable(
        rows[:SHOWN],
        exclude=("subscription", "agency", "product"),
        attrs={"caption": _("The latest payments")},
    )
    year = today().year
    return {
        "payments": table if rows.exists() else None,
        "paid": total_of(rows),
        "paid_this_year": total_of(rows.filter(paid_on__year=year)),
        "year": year,
        "payments_count": rows.count(),
        "payments_url": f"{reverse('subscriptions:payments')}?q={subscription.reference}",
        "removed": history_of(Payment.history.filter(subscription_id=subscription.pk, history_type="-")),
        "may_pay": paying.may_record(request.user, subscription),
        "payable": subscription.status in paying.PAYABLE,
    }


# --- one payment ------------------------------------------------------------------------------------------------------


def _seen(request: SignedInRequest, pk: int) -> Payment:
    rows = Payment.objects.visible_to(request.user).select_related(*WITH_ALL)
    return get_object_or_404(rows, pk=pk)


@require_GET
def payment_page(request: SignedInRequest, pk: int) -> HttpResponse:
    payment = _seen(request, pk)
    return render(
        request,
        "subscriptions/payment.html",
        {
            "payment": payment,
            "subscription": payment.subscription,
            "kind": kind_of(payment),
            "amount": amount_text(payment.amount, payment.currency),
            "won": won_of(payment),
            "rate": rate_used(payment),
            "history": history_of(payment.history.all()),
            "may_change": paying.may_pay_at(request.user, payment.subscription),
        },
    )


def history_of(entries: Any) -> list[dict[str, Any]]:
    """What was done to a payment, the latest first: who, when, why, and what it was after it."""
    acts = {"+": _("Recorded"), "~": _("Corrected"), "-": _("Removed")}
    states = {"-": "danger"}
    return [
        {
            "when": entry.history_date,
            "who": entry.history_user,
            "what": acts[entry.history_type],
            "state": states.get(entry.history_type, "info"),
            "text": _("%(kind)s of %(amount)s on %(day)s, in won: %(won)s. %(reason)s")
            % {
                "kind": kind_of(entry),
                "amount": amount_text(abs(entry.amount), entry.currency),
                "day": day(entry.paid_on),
                "won": _("rate missing") if entry.won is None else amount_text(entry.won, "KRW"),
                "reason": entry.history_change_reason or "",
            },
        }
        for entry in entries.select_related("history_user").order_by("-history_id")[:50]
    ]


@require_http_methods(["GET", "POST"])
def record_payment(request: SignedInRequest, reference: str) -> HttpResponse:
    visible = Subscription.objects.visible_to(request.user).select_related("agency", "product")
    subscription = get_object_or_404(visible, reference=reference)
    if not paying.may_record(request.user, subscription):
        raise PermissionDenied
    sent_before = _payment_of_mark(request.POST.get("submission", ""))
    if sent_before is not None:
        return _sent_before(request, subscription, sent_before)
    kind = REFUND if request.GET.get("kind") == REFUND else PAYMENT
    form = PaymentForm(request.POST or None, payment=a_payment_of(subscription), kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            payment = paying.record(
                form.payment, by=request.user, on=today(), submission=form.cleaned_data.get("submission")
            )
        except paying.SentBefore as sent:
            return _sent_before(request, subscription, sent.payment)
        except IntegrityError:
            sent_before = _payment_of_mark(request.POST.get("submission", ""))
            if sent_before is None:
                raise
            return _sent_before(request, subscription, sent_before)
        except ValidationError as problems:
            _show(form, problems)
        else:
            messages.success(request, _("%(kind)s recorded.") % {"kind": kind_of(payment)})
            if payment.won is None:
                messages.warning(
                    request, _("There is no exchange rate of that day, so its won amount is unknown.")
                )
            return redirect(f"{subscription.get_absolute_url()}#payments")
    title = _("Record a payment – %(reference)s") % {"reference": reference}
    return _form_page(request, form, subscription, title, _("Record"), subscription.get_absolute_url())


def _payment_of_mark(mark: str) -> int | None:
    """The key of the payment that a form with this mark has recorded."""
    try:
        sent = PaymentSubmission.objects.filter(pk=uuid.UUID(mark)).first()
    except ValueError:
        return None
    return sent.payment if sent else None


def _sent_before(request: HttpRequest, subscription: Subscription, payment: int) -> HttpResponse:
    """The form's mark names a payment; that of another subscription opens nothing."""
    messages.info(request, _("This form was sent before. Nothing was doubled."))
    own = subscription.payments.filter(pk=payment).exists()
    return redirect("subscriptions:payment", payment) if own else redirect(subscription)


@require_http_methods(["GET", "POST"])
def correct_payment(request: SignedInRequest, pk: int) -> HttpResponse:
    payment = _seen(request, pk)
    if not paying.may_pay_at(request.user, payment.subscription):
        raise PermissionDenied
    form = CorrectionForm(request.POST or None, payment=payment, version=paying.version_of(payment))
    stale = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            paying.correct(
                payment, by=request.user, on=today(), reason=data["reason"], version=data["version"] or 0
            )
        except paying.StalePayment as changed:
            if changed.current is None:
                return _gone(request, payment)
            stale = _stale(request, changed.current, form)
        except ValidationError as problems:
            _show(form, problems)
        else:
            messages.success(request, _("Corrected."))
            return redirect("subscriptions:payment", pk)
    title = _("Correct a payment – %(reference)s") % {"reference": payment.subscription.reference}
    back = reverse("subscriptions:payment", args=[pk])
    return _form_page(request, form, payment.subscription, title, _("Save the correction"), back, stale)


def _stale(request: HttpRequest, current: Payment, form: PaymentForm) -> dict[str, Any]:
    """What somebody else has made of the payment, beside what is typed; sent again, the form replaces it."""
    latest = current.history.select_related("history_user").order_by("-history_id").first()
    sent = request.POST.copy()
    sent["version"] = str(paying.version_of(current))
    form.data = sent
    theirs = {
        _("Paid on"): (day(current.paid_on), day(form.payment.paid_on)),
        _("Amount"): (
            amount_text(current.amount, current.currency),
            amount_text(form.payment.amount, form.payment.currency),
        ),
        _("Exchange rate"): (rate_used(current), rate_used(form.payment)),
        _("Document number"): (current.document_number or "–", form.payment.document_number or "–"),
    }
    return {
        "by": str(latest.history_user) if latest and latest.history_user else _("Somebody"),
        "at": date_format(timezone.localtime(latest.history_date), "DATETIME_FORMAT") if latest else "",
        "changes": [
            {"label": label, "before": "–", "theirs": one, "mine": mine}
            for label, (one, mine) in theirs.items()
            if one != mine
        ],
    }


def _gone(request: HttpRequest, payment: Payment) -> HttpResponse:
    messages.error(request, _("Somebody has removed this payment meanwhile. Nothing was changed."))
    return redirect(payment.subscription)


@require_http_methods(["GET", "POST"])
def remove_payment(request: SignedInRequest, pk: int) -> HttpResponse:
    payment = _seen(request, pk)
    if not paying.may_pay_at(request.user, payment.subscription):
        raise PermissionDenied
    form = RemovalForm(request.POST or None, initial={"version": paying.version_of(payment)})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            paying.remove(payment, by=request.user, reason=data["reason"], version=data["version"] or 0)
        except paying.StalePayment as changed:
            if changed.current is None:
                return _gone(request, payment)
            again = request.POST.copy()
            again["version"] = str(paying.version_of(changed.current))
            form.data = again
            form.add_error(
                None,
                _("Somebody has corrected this payment meanwhile. Look at it, and press again to remove it."),
            )
        else:
            messages.success(request, _("Removed. Its history is kept with the subscription."))
            return redirect(f"{payment.subscription.get_absolute_url()}#payments")
    return render(
        request,
        "krds/confirm.html",
        {
            "title": _("Remove a payment – %(reference)s") % {"reference": payment.subscription.reference},
            "text": _(
                "Only for one that was recorded in error. Money that came back is a refund: record that instead."
            ),
            "items": [f"{day(payment.paid_on)}, {amount_text(payment.amount, payment.currency)}"],
            "form": form,
            "submit_text": _("Remove"),
            "cancel_url": reverse("subscriptions:payment", args=[pk]),
            "danger": True,
        },
    )


def _show(form: PaymentForm, problems: ValidationError) -> None:
    """What is wrong, each at its field."""
    for name, errors in problems.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


def _form_page(
    request: HttpRequest,
    form: PaymentForm,
    subscription: Subscription,
    title: str,
    submit_text: str,
    back: str,
    stale: Any = None,
) -> HttpResponse:
    context = {
        "form": form,
        "subscription": subscription,
        "title": title,
        "submit_text": submit_text,
        "cancel_url": back,
        "stale": stale,
        "resembling": form.resembling,
    }
    return render(request, "subscriptions/payment_form.html", context)
