"""The pages of rounds: their list, one with its coverage, how it is prepared, and the acts on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from agencies.models import Role, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from audit.events import exported
from figures.files import csv_lines
from figures.formatting import number
from oversight.key_figures import Card
from oversight.round_models import Round, RoundAgency
from oversight.rounds import asking, closing, closing_jobs
from oversight.rounds.acts import ACTS, seen
from oversight.rounds.coverage import Coverage, State, coverage, share, states_of
from oversight.rounds.forms import CoverageFilter, RoundForm
from oversight.rounds.reminding import untold
from oversight.rounds.tables import (
    STATUS_TONES,
    AskedTable,
    CoverageTable,
    RoundTable,
    ToAnswerTable,
    asked_lines,
)
from oversight.rounds.wording import event_texts, explained

PER_PAGE = 50


@require_safe
def round_list(request: SignedInRequest) -> HttpResponse:
    """What the reader has to answer, and every round that concerns agencies in sight."""
    on = timezone.localdate()
    waiting = RoundAgency.objects.visible_to(request.user, Role.ADMINISTRATOR).awaiting(on)
    waiting = waiting.select_related("round", "agency").order_by("round__due_on", "agency__path")
    to_answer = ToAnswerTable(waiting, on)
    configure(request, to_answer, PER_PAGE)
    rounds = Round.objects.visible_to(request.user).select_related("scope").order_by("-pk")
    table = RoundTable(rounds)
    configure(request, table, PER_PAGE)
    table.count(request.user)
    context = {
        "to_answer": to_answer,
        "table": table,
        "answers": request.user.has_role(Role.ADMINISTRATOR),
        "may_ask": asking.may_ask(request.user),
    }
    return render(request, "oversight/rounds/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def round_new(request: SignedInRequest) -> HttpResponse:
    if not asking.may_ask(request.user):
        raise PermissionDenied
    form = RoundForm(request.POST if request.method == "POST" else None, by=request.user)
    if form.is_valid():
        round_ = asking.create(form.instance, by=request.user)
        messages.success(request, gettext("The round is kept as a draft. Open it to ask the agencies."))
        return redirect(round_)
    context = {
        "form": form,
        "title": gettext("New collection round"),
        "cancel_url": reverse("oversight:rounds"),
    }
    return render(request, "oversight/rounds/edit.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def round_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a draft; an open round changes by its acts alone."""
    round_ = seen(request, pk)
    if not round_.is_run_by(request.user) or not round_.is_draft:
        raise PermissionDenied
    version = round_.version
    form = RoundForm(request.POST if request.method == "POST" else None, by=request.user, instance=round_)
    if form.is_valid():
        try:
            asking.change(form.instance, by=request.user, version=form.cleaned_data["version"] or 0)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, gettext("The changes are saved."))
            return redirect("oversight:round", pk)
    context = {
        "form": form,
        "round": get_object_or_404(Round, pk=pk),
        "title": gettext("Change the round"),
        "cancel_url": reverse("oversight:round", args=[pk]),
        "version": version,
    }
    return render(request, "oversight/rounds/edit.html", context)


@require_safe
def round_page(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """How far a round has come over the agencies in sight. `?state=`, `kind` and `q` narrow them, `?_export=csv` is a file."""
    round_ = seen(request, pk)
    on = timezone.localdate()
    runs = round_.is_run_by(request.user)
    form = CoverageFilter(request.GET, states_of(round_, on))
    asked = RoundAgency.objects.visible_to(request.user).filter(round=round_)
    rows = form.keep(asked).select_related("agency", "current__filed_by")
    rows = rows.order_by("agency__path")
    export = request.GET.get("_export")
    if export is not None:
        if export != "csv" or not form.is_valid():
            return render(request, "oversight/export_refused.html", {"form": form}, status=400)
        exported(request, rows.order_by().count(), export, about=round_)
        lines = csv_lines(asked_lines(rows, round_, on))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"govtrack-round-{round_.pk}-{on.isoformat()}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
    context: dict[str, Any] = {
        "round": round_,
        "status_tone": STATUS_TONES[round_.status],
        "explained": explained(round_, on),
        "runs": runs,
        "acts": [(name, act) for name, act in ACTS.items() if act.offered(request.user, round_)],
        "events": event_texts(round_),
        "as_of": timezone.now(),
    }
    if round_.is_draft:
        context["chosen"] = asking.chosen(round_, on).count()
        return render(request, "oversight/rounds/draft.html", context)
    covered = coverage(request.user, round_, on)
    table = AskedTable(rows, round_, on)
    configure(request, table, PER_PAGE)
    context |= {
        "form": form,
        "cards": _cards(round_, covered),
        "coverage": CoverageTable(covered),
        "untold": untold(round_) if runs and round_.is_open else 0,
        "table": table,
        "own": _own(request.user, round_),
        "source": closing.source_of(round_, request.user),
        "closing": closing_jobs.under_way(round_) if runs else None,
        # Asked for by a page that was opened while the round was being closed.
        "just_closed": runs and not round_.is_open and request.headers.get("HX-Request") == "true",
    }
    return render(request, "oversight/rounds/round.html", context)


def _own(user: User, round_: Round) -> list[RoundAgency]:
    """The agencies that the reader answers for, where these are few enough for a button each."""
    own = RoundAgency.objects.visible_to(user, Role.ADMINISTRATOR).filter(round=round_)
    found = list(own.select_related("agency").order_by("agency__path")[:4]) if round_.is_open else []
    return found if len(found) < 4 else []


def _cards(round_: Round, covered: Coverage) -> list[Card]:
    """Each state as a card that leads to its agencies; how many have answered comes first."""
    total = covered.total
    cards = [
        Card(
            label=gettext("Answered"),
            value=share(total.answered, total.whole),
            note=gettext("%(answered)s of %(asked)s agencies")
            % {"answered": number(total.answered), "asked": number(total.whole)},
            known=total.answered,
            whole=total.whole,
        )
    ]
    for state in covered.states:
        count = total.counts.get(state, 0)
        cards.append(
            Card(
                label=str(state.label),
                value=number(count),
                note=share(count, total.whole),
                url=f"{round_.get_absolute_url()}?state={state.value}#agencies" if count else "",
                link_text=gettext("See the agencies") if count else "",
                tone="danger" if state == State.OVERDUE and count else "",
            )
        )
    return cards
