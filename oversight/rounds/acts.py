"""The acts on a round, each as a page that says what it does and asks for what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from agencies.models import User
from agencies.signed_in import SignedInRequest
from figures.formatting import day, number
from oversight.round_models import Round
from oversight.rounds import asking, closing, closing_jobs, reminding
from oversight.rounds.coverage import coverage, share
from oversight.rounds.forms import CloseForm, DueForm
from subscriptions.forms import ReasonForm


@dataclass(frozen=True)
class RoundAct:
    """An act on a round as a page: at which status it is offered, what it says, and what it does.

    `does` gives what to say when it is done.
    """

    title: Any
    text: Any
    does: Callable[[Round, User, dict[str, Any]], str]
    at: tuple[str, ...]
    form: Callable[..., Any] = forms.Form
    danger: bool = False
    primary: bool = False

    def offered(self, user: User, round_: Round) -> bool:
        return round_.status in self.at and round_.is_run_by(user)


class CloseAct(RoundAct):
    def offered(self, user: User, round_: Round) -> bool:
        job = closing_jobs.under_way(round_)
        return super().offered(user, round_) and not (job and job.is_going_on)


class PublishAct(RoundAct):
    def offered(self, user: User, round_: Round) -> bool:
        source = round_.source
        return source is not None and source.published_at is None and round_.is_published_by(user)


def _open(round_: Round, by: User, data: dict[str, Any]) -> str:
    asking.open_round(round_, by=by, on=timezone.localdate())
    return gettext("The round is open. The administrators of the agencies are told.")


def _due(round_: Round, by: User, data: dict[str, Any]) -> str:
    asking.change_due(round_, by=by, due_on=data["due_on"], reason=data["reason"], on=timezone.localdate())
    return gettext("The due date is now %(day)s. The administrators of the agencies are told.") % {
        "day": day(data["due_on"])
    }


def _remind(round_: Round, by: User, data: dict[str, Any]) -> str:
    count = reminding.remind(round_, by=by, on=timezone.localdate())
    text = ngettext("%(count)s person is reminded.", "%(count)s people are reminded.", count)
    return text % {"count": number(count)}


def _close(round_: Round, by: User, data: dict[str, Any]) -> str:
    if closing_jobs.is_large(round_):
        closing_jobs.start(round_, by=by, report=data["report"])
        return gettext("The round is being closed in the background. This page says when it is done.")
    closing.close(round_, by=by, on=timezone.localdate(), report=data["report"])
    return gettext("The round is closed. Its source is made and not published yet; look at it first.")


def _cancel(round_: Round, by: User, data: dict[str, Any]) -> str:
    asking.cancel(round_, by=by, reason=data["reason"])
    return gettext("The round is cancelled.")


def _publish(round_: Round, by: User, data: dict[str, Any]) -> str:
    closing.publish(round_, by=by)
    return gettext("The source is published. Everybody who signs in can read it.")


DRAFT, OPEN = Round.Status.DRAFT, Round.Status.OPEN
ACTS: dict[str, RoundAct] = {
    "open": RoundAct(
        _("Open the round"),
        _(
            "The agencies are asked, and their administrators are told. After this, period and agencies cannot be changed any"
            " more; the due date can."
        ),
        _open,
        (DRAFT,),
        primary=True,
    ),
    "remind": RoundAct(
        _("Remind those who have not answered"),
        _(
            "The administrators of every agency that has not answered get one notice each; of an agency without one, those of"
            " the nearest agency above. This can be done once a day."
        ),
        _remind,
        (OPEN,),
    ),
    "due": RoundAct(
        _("Change the due date"),
        _(
            "The administrators of the agencies are told, and everybody who sees the round can read the reason."
        ),
        _due,
        (OPEN,),
        DueForm,
    ),
    "close": CloseAct(
        _("Close the round"),
        _(
            "No answer is taken any more. What the agencies have answered becomes a source that only its committee sees until"
            " it is published. Who has not answered is named in it, without any figure. This cannot be undone."
        ),
        _close,
        (OPEN,),
        CloseForm,
        primary=True,
    ),
    "publish": PublishAct(
        _("Publish the source"),
        _(
            "Every person who signs in here can read the source and its statements, the reasons of those who cannot say among"
            " them. This cannot be undone."
        ),
        _publish,
        (),
        primary=True,
    ),
    "cancel": RoundAct(
        _("Cancel the round"),
        _("Nothing is made of it. What was answered is kept. This cannot be undone."),
        _cancel,
        (DRAFT, OPEN),
        ReasonForm,
        danger=True,
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def round_act(request: SignedInRequest, pk: int, name: str) -> HttpResponse:
    """Ask for what an act needs, then do it. One that is not offered to the reader is 403."""
    if name not in ACTS:
        raise Http404
    round_, act = seen(request, pk), ACTS[name]
    if not act.offered(request.user, round_):
        if request.method == "POST" and round_.is_run_by(request.user):
            # Somebody else was quicker: say so on the round's page instead of refusing.
            messages.error(
                request, gettext("The round does not allow this any more as it stands. Nothing was changed.")
            )
            return redirect(round_)
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    form = act.form(data, by=request.user) if act.form is CloseForm else act.form(data)
    if request.method == "POST" and form.is_valid():
        try:
            done = act.does(round_, request.user, form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, _whole(error, form))
        else:
            messages.success(request, done)
            return redirect(round_)
    context = {
        "title": f"{act.title} – {round_}",
        "text": act.text,
        "items": _items(name, round_, request.user),
        "form": form,
        "submit_text": act.title,
        "cancel_url": round_.get_absolute_url(),
        "danger": act.danger,
    }
    return render(request, "krds/confirm.html", context)


def _whole(error: ValidationError, form: forms.Form) -> ValidationError:
    """As the form can hold it: an error of a field that it does not have is one of the whole."""
    if hasattr(error, "error_dict") and not set(error.error_dict) <= set(form.fields):
        return ValidationError(error.messages)
    return error


def _items(name: str, round_: Round, user: User) -> list[str]:
    """What the act would do here."""
    on = timezone.localdate()
    if name == "open":
        count = asking.chosen(round_, on).count()
        return [
            gettext("Agencies that are asked: %(count)s") % {"count": number(count)},
            gettext("Due on: %(day)s") % {"day": day(round_.due_on)},
        ]
    if name in ("close", "remind"):
        covered = coverage(user, round_, on)
        return [
            f"{state.label}: {number(covered.total.counts.get(state, 0))}"
            f" ({share(covered.total.counts.get(state, 0), covered.total.whole)})"
            for state in covered.states
        ]
    return []


def seen(request: SignedInRequest, pk: int) -> Round:
    rounds = Round.objects.visible_to(request.user).select_related("scope", "created_by", "source__report")
    return get_object_or_404(rounds, pk=pk)
