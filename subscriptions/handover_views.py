"""Pages of handovers: the past ones, and one person's open work looked at before it goes to another."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from agencies.choosing import AgencyField
from agencies.models import Agency, Role
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from figures.formatting import day
from subscriptions.handover import Changed, givers, hand_over, open_work, takers
from subscriptions.listing import PAGE_SIZE
from subscriptions.models import LONG_TEXT, Finding, Handover, Subscription
from subscriptions.tables import NOWRAP, NUMBER


class HandoverTable(tables.Table):
    """Past handovers, the latest first."""

    decided_at = tables.Column(verbose_name=_("When"), attrs=NOWRAP)
    agency = tables.Column(verbose_name=_("Agency and all below"))
    given_by = tables.Column(verbose_name=_("From whom"))
    taken_by = tables.Column(verbose_name=_("To whom"))
    count = tables.Column(verbose_name=_("Pieces of work"), attrs=NUMBER)
    decided_by = tables.Column(verbose_name=_("By"))
    reason = tables.Column(verbose_name=_("Reason"), attrs={"th": {"class": "wrap"}})

    class Meta:
        template_name = "krds/table.html"
        attrs = {"caption": _("Handovers")}
        orderable = False

    def render_decided_at(self, value: Any) -> str:
        return day(timezone.localdate(value))

    def render_agency(self, record: Handover) -> str:
        return str(record.agency.short)


class BetweenForm(forms.Form):
    """Whose work at which agency goes to whom; `by` administers them."""

    agency = AgencyField(label=_("Agency and all below"))
    giver = forms.ChoiceField(
        label=_("From whom"), help_text=_("Also those who have left, while work of theirs is open.")
    )
    taker = forms.ChoiceField(
        label=_("To whom"), help_text=_("Somebody with a role in the same part of the tree.")
    )

    def __init__(self, *args: Any, by: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agency = self.fields["agency"]
        assert isinstance(agency, AgencyField)
        agency.offer(Agency.objects.visible_to(by, Role.ADMINISTRATOR))
        self.people = {}
        for name, people in (("giver", givers(by)), ("taker", takers(by))):
            choices = [(str(person.pk), f"{person} ({person.username})") for person in people]
            self.fields[name].choices = [("", _("Choose a person")), *choices]  # type: ignore[attr-defined]
            self.people.update({str(person.pk): person for person in people})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        giver, taker = cleaned.get("giver"), cleaned.get("taker")
        if giver and giver == taker:
            self.add_error("taker", _("Work is handed over to another person."))
        for name in ("giver", "taker"):
            if cleaned.get(name):
                cleaned[name] = self.people[cleaned[name]]
        return cleaned


class ReasonForHandoverForm(forms.Form):
    """Why, and which work the person has looked at."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": LONG_TEXT}),
        help_text=_("Such as “Transfer on 1 July”. It is kept with the handover."),
    )
    looked_at = forms.CharField(widget=forms.HiddenInput, max_length=64)


def _require_administrator(request: SignedInRequest) -> None:
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied


@require_GET
def handovers(request: SignedInRequest) -> HttpResponse:
    """The handovers in the parts of the tree that the reader administers."""
    _require_administrator(request)
    rows = (
        Handover.objects.visible_to(request.user, Role.ADMINISTRATOR)
        .select_related("agency", "given_by", "taken_by", "decided_by")
        .annotate(count=Count("pieces"))
    )
    table = HandoverTable(rows)
    configure(request, table, PAGE_SIZE)
    return render(request, "subscriptions/handover_list.html", {"table": table})


@require_http_methods(["GET", "POST"])
def hand_over_page(request: SignedInRequest) -> HttpResponse:
    """Choose between whom, look at what would move, then move it. The address holds the choice, so that a reload asks again."""
    _require_administrator(request)
    between = BetweenForm(request.GET or None, by=request.user)
    context: dict[str, Any] = {"between": between, "work": None}
    sent = request.method == "POST"
    if request.GET and between.is_valid():
        chosen = between.cleaned_data
        work = open_work(chosen["giver"], chosen["taker"], chosen["agency"], by=request.user)
        form = ReasonForHandoverForm(request.POST if sent else None, initial={"looked_at": work.digest})
        if sent and form.is_valid():
            try:
                done = hand_over(**chosen, by=request.user, **form.cleaned_data)
            except Changed:
                context["changed"] = True
                form = ReasonForHandoverForm(
                    initial={"reason": form.cleaned_data["reason"], "looked_at": work.digest}
                )
            else:
                count = done.pieces.count()
                said = ngettext(
                    "%(count)s piece of work was handed over to %(taker)s.",
                    "%(count)s pieces of work were handed over to %(taker)s.",
                    count,
                )
                messages.success(request, said % {"count": count, "taker": done.taken_by})
                return redirect("subscriptions:handovers")
        context.update(
            work=work, staying=[_in_words(piece) for piece in work.staying[:50]], form=form, **chosen
        )
    return render(request, "subscriptions/handover.html", context)


def _in_words(piece: Any) -> str:
    if isinstance(piece, Subscription):
        return f"{piece.reference}: {piece.product} – {piece.agency}"
    if isinstance(piece, Finding):
        return gettext("Finding on %(reference)s: %(policy)s") % {
            "reference": piece.subscription.reference,
            "policy": piece.policy_version.title,
        }
    return gettext("Waiver of %(policy)s for %(agency)s") % {"policy": piece.policy, "agency": piece.agency}
