"""Pages of what one is told: the notices, what of it comes by e-mail, what was sent, and whom to tell in departments."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage, Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agencies.going_back import way_back
from agencies.models import Agency, Delivery, DepartmentContact, Notice, Role
from agencies.notices.forms import DepartmentForm, NoticeFilter, PreferencesForm
from agencies.notices.telling import kind_of, texts_of
from agencies.paging import MissingPage, configure
from agencies.signed_in import SignedInRequest
from figures.formatting import day
from figures.numbers import whole

PAGE_SIZE = 30


@require_GET
def notices(request: SignedInRequest) -> HttpResponse:
    """What the reader was told, the newest first."""
    filters = NoticeFilter(
        request.GET, queryset=Notice.objects.filter(recipient=request.user), request=request
    )
    rows = filters.qs if filters.is_valid() else Notice.objects.none()
    try:
        page = Paginator(rows, PAGE_SIZE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise MissingPage(str(error)) from error
    shown = list(page.object_list)
    said = [
        {"notice": notice, "text": text, "kind": kind_of(notice.key)}
        for notice, text in zip(shown, texts_of(shown), strict=True)
    ]
    context = {
        "said": said,
        "page": page,
        "filter": filters,
        "in_use": sum(1 for value in filters.form.cleaned_data.values() if value)
        if filters.is_valid()
        else 0,
        "unread": request.user.unread_notices,
        "administers": request.user.has_role(Role.ADMINISTRATOR),
    }
    return render(request, "agencies/notices/notices.html", context)


@require_POST
def notice(request: SignedInRequest, pk: int) -> HttpResponse:
    """Open what a notice is about, which marks it as read; or only mark it as read, or as not read."""
    told = get_object_or_404(Notice, pk=pk, recipient=request.user)
    act = request.POST.get("act", "open")
    if act == "unread":
        told.read_at = None
    elif told.read_at is None:
        told.read_at = timezone.now()
    told.save(update_fields=["read_at"])
    if act == "open" and told.url:
        return redirect(told.url)
    return redirect(way_back(request, reverse("agencies:notices")))


@require_POST
def all_read(request: SignedInRequest) -> HttpResponse:
    """Mark as read what was there when the page was made, not what has come since."""
    last = whole(request.POST.get("last", ""))
    own = Notice.objects.filter(recipient=request.user, read_at=None)
    if last is not None:
        own = own.filter(pk__lte=last)
    own.update(read_at=timezone.now())
    messages.success(request, _("All notices are marked as read."))
    return redirect(way_back(request, reverse("agencies:notices")))


@require_http_methods(["GET", "POST"])
def preferences(request: SignedInRequest) -> HttpResponse:
    """What of it comes by e-mail, and in which language."""
    form = PreferencesForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("agencies:notice-preferences")
    return render(request, "agencies/notices/preferences.html", {"form": form})


class DeliveryTable(tables.Table):
    """E-mails that were sent or are to be sent, the latest first."""

    day = tables.Column(verbose_name=gettext_lazy("Day"), attrs={"th": {"class": "nowrap"}})
    address = tables.Column(verbose_name=gettext_lazy("To"))
    subject = tables.Column(verbose_name=gettext_lazy("Subject"))
    state = tables.Column(verbose_name=gettext_lazy("Outcome"))
    attempts = tables.Column(verbose_name=gettext_lazy("Attempts"), attrs={"th": {"class": "num"}})
    tried_at = tables.Column(
        verbose_name=gettext_lazy("Last tried at"), attrs={"th": {"class": "nowrap"}}, empty_values=()
    )

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": gettext_lazy("E-mails")}
        orderable = False

    def render_day(self, record: Delivery) -> SafeString:
        url = reverse("agencies:delivery", args=[record.pk])
        return format_html('<a href="{}">{}</a>', url, day(record.day))

    def render_state(self, record: Delivery) -> SafeString:
        return format_html(
            '<span class="krds-badge small state-{}">{}</span>',
            DELIVERY_STATES[Delivery.State(record.state)],
            record.get_state_display(),
        )

    def render_tried_at(self, record: Delivery) -> str:
        at = record.tried_at
        return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "–"


DELIVERY_STATES = {
    Delivery.State.READY: "pending",
    Delivery.State.SENDING: "warning",
    Delivery.State.SENT: "success",
    Delivery.State.FAILED: "warning",
    Delivery.State.GIVEN_UP: "danger",
}


@require_GET
def deliveries(request: SignedInRequest) -> HttpResponse:
    """The log of e-mails: one's own, and those to departments that one administers."""
    table = DeliveryTable(Delivery.objects.readable_by(request.user))
    configure(request, table, PAGE_SIZE)
    return render(request, "agencies/notices/deliveries.html", {"table": table})


@require_GET
def delivery(request: SignedInRequest, pk: int) -> HttpResponse:
    """One e-mail: its text, and what came of it."""
    found = get_object_or_404(
        Delivery.objects.readable_by(request.user).select_related("contact__agency"), pk=pk
    )
    context = {"delivery": found, "state": DELIVERY_STATES[Delivery.State(found.state)]}
    return render(request, "agencies/notices/delivery.html", context)


class DepartmentTable(tables.Table):
    """Whom to tell in each department."""

    department = tables.Column(verbose_name=gettext_lazy("Department"))
    agency = tables.Column(verbose_name=gettext_lazy("Agency"))
    email = tables.Column(verbose_name=gettext_lazy("E-mail address"), empty_values=())
    people = tables.Column(verbose_name=gettext_lazy("People"), empty_values=())

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": gettext_lazy("Contacts of departments")}
        orderable = False

    def render_department(self, record: DepartmentContact) -> SafeString:
        url = reverse("agencies:department", args=[record.pk])
        return format_html('<a href="{}">{}</a>', url, record.department)

    def render_email(self, record: DepartmentContact) -> str:
        return record.email or _("Not given")

    def render_people(self, record: DepartmentContact) -> str:
        return ", ".join(str(person) for person in record.people.all()) or "–"


def _administered(request: SignedInRequest) -> Any:
    """The contacts at agencies that the reader administers; who administers none has no business here."""
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    contacts = DepartmentContact.objects.visible_to(request.user, Role.ADMINISTRATOR)
    return contacts.select_related("agency").prefetch_related("people")


@require_GET
def departments(request: SignedInRequest) -> HttpResponse:
    table = DepartmentTable(_administered(request).order_by("agency__path", "department"))
    configure(request, table, PAGE_SIZE)
    return render(request, "agencies/notices/departments.html", {"table": table})


@require_http_methods(["GET", "POST"])
def new_department(request: SignedInRequest) -> HttpResponse:
    """Name whom to tell in a department; `?agency=` and `?department=` fill the form in."""
    _administered(request)
    asked = {name: request.GET.get(name, "").replace("\0", "")[:100] for name in ("agency", "department")}
    if not asked["agency"]:
        own = Agency.objects.filter(
            memberships__user=request.user, memberships__role=Role.ADMINISTRATOR
        ).order_by("pk")
        asked["agency"] = own[0].code if len(own[:2]) == 1 else ""
    return _department_form(request, DepartmentContact(), asked)


@require_http_methods(["GET", "POST"])
def department(request: SignedInRequest, pk: int) -> HttpResponse:
    return _department_form(request, get_object_or_404(_administered(request), pk=pk), {})


def _department_form(
    request: SignedInRequest, contact: DepartmentContact, asked: dict[str, str]
) -> HttpResponse:
    form = DepartmentForm(
        request.POST if request.method == "POST" else None, instance=contact, by=request.user, initial=asked
    )
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
        messages.success(request, _("Saved. Reminders go there from now on."))
        return redirect("agencies:departments")
    return render(request, "agencies/notices/department.html", {"form": form, "contact": contact})


@require_http_methods(["GET", "POST"])
def delete_department(request: SignedInRequest, pk: int) -> HttpResponse:
    contact = get_object_or_404(_administered(request), pk=pk)
    if request.method == "POST":
        contact._history_user = request.user
        contact.delete()
        messages.success(
            request, _("The contact is deleted. The agency's administrators are reminded from now on.")
        )
        return redirect("agencies:departments")
    context = {
        "title": _("Delete the contact of %(department)s") % {"department": contact},
        "text": _(
            "The agency's administrators are reminded instead. What was sent stays in the log of e-mails."
        ),
        "submit_text": _("Delete"),
        "cancel_url": reverse("agencies:department", args=[pk]),
        "danger": True,
    }
    return render(request, "krds/confirm.html", context)
