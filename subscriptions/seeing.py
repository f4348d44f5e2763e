"""What every page of one subscription begins with: the subscription as far as the reader sees it, and its verdicts in words."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404

from agencies.signed_in import SignedInRequest
from policies.verdicts import Effect, Verdict
from subscriptions.evaluation import Judgement, names_for
from subscriptions.models import Subscription
from subscriptions.wording import missing_fields


def seen(request: SignedInRequest, reference: str) -> Subscription:
    """The subscription, if the reader may see it; 404 otherwise."""
    visible = Subscription.objects.visible_to(request.user).select_related(
        "agency", "payer", "product__vendor", "product__category", "statement__source", "recorded_by", "facts"
    )
    return get_object_or_404(visible, reference=reference)


def told(judgements: list[Judgement], page: str = "") -> list[dict[str, Any]]:
    """Judgements with their sentence, the strictest first. `page` is where the fields are that would supply what is missing."""
    names = names_for(judgements)
    order = [Verdict.VIOLATION, Verdict.UNDETERMINED, Verdict.WAIVED, Verdict.PASS, Verdict.NOT_APPLICABLE]
    weight = list(Effect)
    return [
        {
            "judgement": judgement,
            "sentence": judgement.explain(names),
            "missing": missing_fields(judgement, page),
        }
        for judgement in sorted(
            judgements, key=lambda j: (order.index(j.verdict), weight.index(Effect(j.version.effect)))
        )
    ]
