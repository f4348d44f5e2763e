"""The pages of an agency's return: what is recorded of it, the returns that it filed, and how it files one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from agencies.signed_in import SignedInRequest
from audit.events import exported
from catalog.models import Product
from figures.formatting import number
from figures.numbers import whole
from oversight.explorer.question import Filters, Measure, Question
from oversight.round_models import Answer, Return, RoundAgency
from oversight.rounds import returning
from oversight.rounds.coverage import TONES, state_of
from oversight.rounds.forms import CannotSayForm, ConfirmForm
from oversight.rounds.records import Records, records_of
from oversight.rounds.tables import period
from subscriptions.models import Subscription
from subscriptions.tables import SubscriptionTable

SHOWN = 50
RETURNS = 20


@require_safe
def return_page(request: SignedInRequest, pk: int, code: str) -> HttpResponse:
    """What is recorded of an agency for the round, its latest return beside it, and the ways to answer; `?_export=json` is the
    document of a return, of the latest unless `?number=` names another.
    """
    asked = _seen(request, pk, code)
    if "_export" in request.GET:
        return _document(request, asked)
    on = timezone.localdate()
    round_ = asked.round
    records = records_of(request.user, round_, [asked])[asked.agency_id]
    current = asked.current
    if current is not None:
        current.asked = asked
    state = state_of(asked, round_, on)
    returns = list(asked.returns.select_related("filed_by").order_by("-number")[:RETURNS])
    for filed in returns:
        filed.asked = asked
    context = {
        "asked": asked,
        "round": round_,
        "period": period(round_),
        "state": TONES[state],
        "state_text": state.label,
        "records": records,
        "figures": returning.figures(records),
        "gaps": returning.gaps(records),
        "programs": Product.objects.filter(code__in=records.programs).order_by("name_ko"),
        "subscriptions": _subscriptions(request, records),
        "more": max(0, len(records.subscriptions) - SHOWN),
        "links": _links(asked, records),
        "current": current,
        "frozen": _shown(current),
        "changed": returning.changed_since(current, records) if current and not _refuses(current) else [],
        "returns": [(filed, _shown(filed)) for filed in returns],
        "may_file": round_.is_open and asked.is_answered_by(request.user),
        "not_nil": returning.why_not_nil(records),
        "as_of": timezone.now(),
    }
    return render(request, "oversight/rounds/return.html", context)


def _refuses(filed: Return) -> bool:
    """Whether the return states no figure that records could differ from."""
    return filed.answer == Answer.CANNOT_SAY


def _shown(filed: Return | None) -> list[tuple[str, str]]:
    """The figures that a return states."""
    if filed is None or _refuses(filed):
        return []
    records = returning.frozen(filed)
    return returning.figures(records) if records else []


def _subscriptions(request: SignedInRequest, records: Records) -> SubscriptionTable | None:
    """The first of them, each leading to its record, where it is corrected."""
    references = records.subscriptions[:SHOWN]
    if not references:
        return None
    rows = Subscription.objects.visible_to(request.user).filter(reference__in=references)
    return SubscriptionTable(
        list(rows.with_list_columns().order_by("reference")),
        orderable=False,
        exclude=("findings",),
        attrs={"caption": _("Subscriptions in force in the period")},
    )


@dataclass(frozen=True)
class Link:
    """Where something is looked up or put right."""

    text: str
    url: str
    note: str = ""


def _links(asked: RoundAgency, records: Records) -> list[Link]:
    """The same figures elsewhere, and what a gap leads to."""
    round_ = asked.round
    filters = Filters(agency=asked.agency, first=round_.period_from, last=round_.period_until)
    query = Question(Measure.PAID, filters=filters).query_string()
    explorer, behind = reverse("oversight:explore"), reverse("oversight:records")
    below = gettext("With all agencies below it") if records.without else ""
    links = [
        Link(gettext("Spending paid in the explorer"), f"{explorer}?{query}", below),
        Link(gettext("Payments of the period"), f"{behind}?{query}", below),
    ]
    if records.unpaid:
        links.append(
            Link(gettext("Subscriptions without any payment"), f"{behind}?{query}&without_payment=on", below)
        )
    listed = urlencode({"agency": asked.agency.code})
    links.append(
        Link(gettext("All subscriptions of the agency"), f"{reverse('subscriptions:list')}?{listed}", below)
    )
    links.append(Link(gettext("The agency's page"), reverse("oversight:agency", args=[asked.agency.code])))
    return links


def _document(request: SignedInRequest, asked: RoundAgency) -> HttpResponse:
    wanted = request.GET.get("number", "")
    number = whole(wanted, digits=9)
    if request.GET["_export"] != "json" or (wanted and number is None):
        raise Http404
    returns = Return.objects.filter(asked=asked).order_by("-number")
    if number is not None:
        returns = returns.filter(number=number)
    filed = returns.first()
    if filed is None:
        raise Http404
    exported(request, 1, "json", about=filed)
    response = HttpResponse(filed.document, content_type="application/json; charset=utf-8")
    name = f"govtrack-return-{asked.round_id}-{asked.agency.code}-{filed.number}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@dataclass(frozen=True)
class Way:
    """A way to answer, as a page."""

    title: Any
    text: Any
    done: Any
    form: type[forms.Form]


WAYS: dict[str, Way] = {
    "confirm": Way(
        _("Confirm as it stands"),
        _("You confirm these figures for your agency. They are kept as they are now, with a hash."),
        _("The figures are confirmed."),
        ConfirmForm,
    ),
    "nil": Way(
        _("File a nil return"),
        _(
            "You say that in the period there was no subscription, no spending and no user: the figures are zero."
        ),
        _("The nil return is filed."),
        forms.Form,
    ),
    "cannot-say": Way(
        _("Say why you cannot say"),
        _("No figure is given for your agency: it stays unknown, and is never counted as zero."),
        _("The reason is filed."),
        CannotSayForm,
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def return_file(request: SignedInRequest, pk: int, code: str, way: str) -> HttpResponse:
    """Answer in one of the ways. Whoever may not, or comes when the round takes no answers, gets 403; who is late with a form
    that was open, is told so.
    """
    if way not in WAYS:
        raise Http404
    asked, chosen = _seen(request, pk, code), WAYS[way]
    if not asked.is_answered_by(request.user):
        raise PermissionDenied
    if not asked.round.is_open:
        if request.method == "POST":
            messages.error(request, returning.RoundNotOpen().messages[0])
            return redirect(asked)
        raise PermissionDenied
    records = records_of(request.user, asked.round, [asked])[asked.agency_id]
    digest = returning.digest(records)
    form = chosen.form(request.POST if request.method == "POST" else None, initial={"seen": digest})
    if request.method == "POST" and form.is_valid():
        try:
            _file(asked, way, request, form.cleaned_data)
        except returning.RecordsChanged as error:
            form = chosen.form(None, initial={"seen": digest})
            messages.error(request, error.messages[0])
        except returning.RoundNotOpen as error:
            messages.error(request, error.messages[0])
            return redirect(asked)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, chosen.done)
            return redirect(asked)
    items = [f"{label}: {value}" for label, value in returning.figures(records)] if way == "confirm" else []
    if way == "confirm":
        items += returning.gaps(records)
    if asked.current is not None:
        replaced = gettext(
            "It replaces the return of %(agency)s filed before (number %(number)s), which is kept."
        )
        items.append(replaced % {"agency": asked.agency, "number": number(asked.current.number)})
    context = {
        "title": f"{chosen.title} – {asked.agency}",
        "text": chosen.text,
        "items": items,
        "form": form,
        "submit_text": chosen.title,
        "cancel_url": asked.get_absolute_url(),
    }
    return render(request, "krds/confirm.html", context)


def _file(asked: RoundAgency, way: str, request: SignedInRequest, data: dict[str, Any]) -> Return:
    if way == "confirm":
        return returning.confirm(asked, by=request.user, seen=data["seen"])
    if way == "nil":
        return returning.file_nil(asked, by=request.user)
    return returning.cannot_say(asked, by=request.user, category=data["category"], reason=data["reason"])


def _seen(request: SignedInRequest, pk: int, code: str) -> RoundAgency:
    """The agency in the round, where the reader sees it; in a draft nobody is asked yet."""
    rows = RoundAgency.objects.visible_to(request.user)
    related = ("round__scope", "agency", "current__filed_by")
    return get_object_or_404(rows.select_related(*related), round=pk, agency__code=code)
