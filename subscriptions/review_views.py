"""The page on which a request, or a change that waits for approval, is looked at and decided on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from agencies.models import Role
from agencies.signed_in import SignedInRequest
from subscriptions.acts import ACTS
from subscriptions.deciders import askers_of
from subscriptions.evaluation import judge_saved, outcome
from subscriptions.material import labels
from subscriptions.models import LIVE, LONG_TEXT
from subscriptions.reviewing import peers, seat_price, since_last_decision, term_cost, waits
from subscriptions.seeing import seen, told
from subscriptions.tables import annual_cost, seats
from subscriptions.today import today

DECIDING = ("approve", "officer-approve", "refuse")
_TYPED = "reason_typed"  # in the session


class DecideForm(forms.Form):
    """One reason for whichever of the buttons is pressed, and the version that the person looked at."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=LONG_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONG_TEXT}),
        help_text=_("Needed to refuse, and for a policy officer's approval. Whoever asked sees it."),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


def keep_reason(request: SignedInRequest, reference: str, reason: str) -> None:
    """Have the page of the review give a reason back that was typed for a record which somebody has changed meanwhile."""
    request.session[_TYPED] = {"reference": reference, "reason": reason}


def _reason_kept(request: SignedInRequest, reference: str) -> str:
    """The reason that was kept for this record, once."""
    if _TYPED not in request.session:
        return ""
    typed = request.session.pop(_TYPED)
    return str(typed["reason"]) if typed["reference"] == reference else ""


@require_GET
def review(request: SignedInRequest, reference: str) -> HttpResponse:
    subscription = seen(request, reference)
    on, user = today(), request.user
    lines = list(subscription.price_lines.order_by("position"))
    judgements = judge_saved(subscription, on) if hasattr(subscription, "facts") else []
    acts = [(name, ACTS[name]) for name in DECIDING if ACTS[name].offered(user, subscription)]
    since = since_last_decision(subscription, lines)
    decides = user.has_role(Role.APPROVER, Role.POLICY_OFFICER, at=subscription.agency)
    context: dict[str, Any] = {
        "subscription": subscription,
        "tab": "review",
        "title": gettext("To be decided"),
        "waits": waits(subscription),
        "acts": acts,
        "form": DecideForm(initial={"seen": subscription.version, "reason": _reason_kept(request, reference)})
        if acts
        else None,
        "own": decides and user.pk in askers_of(subscription),
        "judgements": told(judgements),
        "outcome": outcome(judgements),
        "live": subscription.status in LIVE,
        "on": on,
        "annual_cost": annual_cost(subscription),
        "term_cost": term_cost(subscription, lines, on),
        "seats": seats(subscription),
        "seat_price": seat_price(subscription),
        "peers": peers(user, subscription, on),
        "peer_rows": [],
        "since": since,
        "causes": labels(since.waiting.causes) if since and since.waiting else [],
        "lines": lines,
    }
    context["peer_rows"] = [
        (other, seats(other), seat_price(other), annual_cost(other)) for other in context["peers"].rows
    ]
    return render(request, "subscriptions/review.html", context)
