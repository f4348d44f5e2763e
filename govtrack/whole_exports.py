"""Who takes away everything that they see of more than one agency, or much of it, says first that it is still them.

One place for all pages that give a file: each is named here with what narrows it, or with why it never is everything. A test
finds those that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict

from agencies.models import Agency, User
from agencies.signed_in import SignedInRequest
from agencies.signing_in.fresh import asked_first, signed_in_just_now
from agencies.visibility import within_any
from govtrack.file_extent import is_much, was_much

GetResponse = Callable[[HttpRequest], HttpResponseBase]

FILE_PARAMETER = "_export"
# Pages of which a file is not everything, and why.
NEVER_WHOLE = {
    "oversight:spending": "published statements, and sums of 17 governments",
    "oversight:snapshot": "figures that were frozen",
    "oversight:round": "who has answered a round",
    "oversight:round-return": "one agency's return",
    "subscriptions:what-if": "what one policy hits",
    "subscriptions:attachment": "one file of one subscription",
    "subscriptions:import-example": "an example",
    "subscriptions:import-problems": "what is wrong in one's own file",
    "mfa_download_recovery_codes": "asks by itself",
}
# Pages whose every answer is a file; the others give one when FILE_PARAMETER asks for it.
ALWAYS_A_FILE = {
    "oversight:export-file",
    "subscriptions:attachment",
    "subscriptions:import-example",
    "subscriptions:import-problems",
    "subscriptions:import-records",
    "mfa_download_recovery_codes",
}
# What narrows nothing by itself: a period can be named that holds everything, and these say how a place is meant.
NO_NARROWING = {"first", "last", "since", "until", "alone", "country"}
# Pages that hand out, or make anew, what a job was begun with.
OF_A_JOB = {"oversight:export-file", "oversight:export-again"}


@cache
def narrowing() -> dict[str, Collection[str]]:
    """For each page whose file may be everything, the parameters that narrow it. Any other parameter leaves it whole.

    `agency` narrows where the reader sees something outside of it.
    """
    from audit.filters import ChangeFilter, EventFilter
    from oversight.explorer.question import Filters
    from subscriptions.filters import SubscriptionFilter
    from subscriptions.finding_views import DecisionFilter
    from subscriptions.payment_tables import PaymentFilter
    from subscriptions.renewals.listing import RenewalFilter

    question = {field.name for field in fields(Filters)}
    found: dict[str, Collection[str]] = {
        "subscriptions:list": SubscriptionFilter.base_filters.keys(),
        "subscriptions:payments": PaymentFilter.base_filters.keys(),
        "subscriptions:decisions": DecisionFilter.base_filters.keys(),
        "subscriptions:renewals": RenewalFilter.base_filters.keys(),
        "subscriptions:import-records": (),
        "oversight:explore": question,
        "oversight:records": question,
        "oversight:exports": question,
        "oversight:export-file": question,
        "oversight:export-again": question,
        "oversight:plan": {"agency"},
        "audit:events": EventFilter.base_fields.keys(),
        "audit:changes": ChangeFilter.base_fields.keys() - {"record"},
    }
    return {name: {*parameters} - NO_NARROWING for name, parameters in found.items()}


def asks_for_everything(request: SignedInRequest) -> bool:
    """Whether the answer to this request would be a file, or begin one, that no filter narrows, or that holds much all the same
    (`govtrack.file_extent`); of a reader who sees more than one agency."""
    match = request.resolver_match
    name = match.view_name if match else ""
    if name in NEVER_WHOLE:
        return False
    if name in OF_A_JOB:
        from oversight.models import ExportJob

        job = ExportJob.objects.filter(pk=match.kwargs["pk"], owner=request.user).first()  # type: ignore[union-attr]
        given = QueryDict(job.query if job else "")
        is_file = job is not None
    elif name == "oversight:exports":
        given = QueryDict(request.POST.get("query", ""))
        is_file = request.method == "POST"
    else:
        given = request.GET
        is_file = FILE_PARAMETER in given or name in ALWAYS_A_FILE
    if not is_file or not sees_more_than_one(request):
        return False
    if not any(narrows(given, one, request.user) for one in narrowing().get(name, ())):
        return True
    if name == "oversight:export-file":
        return was_much(job.rows_done, request, given)  # type: ignore[union-attr]
    return is_much(name, request, given)


def narrows(given: QueryDict, parameter: str, user: User) -> bool:
    """Whether what was given for a parameter leaves something of what the person sees outside."""
    values = [value.strip() for value in given.getlist(parameter) if value.strip()]
    if not values or parameter != "agency":
        return bool(values)
    paths = list(Agency.objects.filter(code__in=values).values_list("path", flat=True))
    if not paths:  # nowhere, which the page takes for everywhere or for nothing
        return False
    return Agency.objects.visible_to(user).exclude(within_any(paths)).order_by().exists()


def sees_more_than_one(request: SignedInRequest) -> bool:
    if request.user.sight().everything:
        return True
    return Agency.objects.visible_to(request.user).order_by()[:2].count() > 1


def asked_before_everything(get_response: GetResponse) -> GetResponse:
    """Middleware: ask for the password, a code, or the provider's word before such a file, unless it was given just now."""

    def process_view(request: Any, *view: Any) -> HttpResponse | None:
        if not request.user.is_authenticated or signed_in_just_now(request):
            return None
        return asked_first(request) if asks_for_everything(request) else None

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware
