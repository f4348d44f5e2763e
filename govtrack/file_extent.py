"""How much of what somebody sees a file would hold, whatever filter it has: there are some that leave nothing out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from agencies.signed_in import SignedInRequest
from agencies.visibility import VisibleQuerySet
from audit.auditors import may_audit

# More records than these, of more than one agency, are much, however small a part they are.
MANY = 1_000
# What a file holds, and what it would hold without a filter; None: it is refused, or holds what is published.
Extent = tuple[QuerySet, QuerySet] | None


def is_much(name: str, request: SignedInRequest, given: QueryDict) -> bool:
    """Whether the file of this page and filter holds records of several agencies, and more than half of all, or many.

    Four short queries at most: none counts beyond what it must know.
    """
    extent = EXTENTS[name](request, given) if name in EXTENTS else None
    if extent is None:
        return False
    rows, whole = (queryset.order_by() for queryset in extent)
    count = rows[: MANY + 1].count()
    return count > 0 and _of_several(rows) and _is_much_of(count, whole)


def was_much(count: int, request: SignedInRequest, given: QueryDict) -> bool:
    """The same of a file of `count` records that was made before: its filter may find others by now, or be none any more.

    Nothing tells of how many agencies these were.
    """
    if not count:
        return False
    extent = _records(request, given)
    return extent is None or _is_much_of(count, extent[1].order_by())


def _is_much_of(count: int, whole: QuerySet) -> bool:
    return count > MANY or whole[: 2 * count].count() < 2 * count


def _of_several(rows: QuerySet) -> bool:
    if not isinstance(rows, VisibleQuerySet):
        return True
    return len(rows.values_list(rows.agency_lookup).distinct()[:2]) > 1


def _subscriptions(request: SignedInRequest, given: QueryDict) -> Extent:
    from subscriptions.filters import SubscriptionFilter
    from subscriptions.models import Subscription

    visible = Subscription.objects.visible_to(request.user)
    found = SubscriptionFilter(given, queryset=visible, request=request)
    return (found.qs, visible) if found.is_valid() else None


def _payments(request: SignedInRequest, given: QueryDict) -> Extent:
    from subscriptions.models import Payment
    from subscriptions.payment_tables import PaymentFilter

    visible = Payment.objects.visible_to(request.user)
    found = PaymentFilter(given, queryset=visible, request=request)
    return (found.qs, visible) if found.is_valid() else None


def _decisions(request: SignedInRequest, given: QueryDict) -> Extent:
    from subscriptions.finding_views import DecisionFilter
    from subscriptions.models import Decision

    visible = Decision.objects.visible_to(request.user)
    found = DecisionFilter(given, queryset=visible, request=request)
    return (found.qs, visible) if found.is_valid() else None


def _renewals(request: SignedInRequest, given: QueryDict) -> Extent:
    from subscriptions.models import Renewal
    from subscriptions.renewals.listing import RenewalFilter, asked

    visible = Renewal.objects.visible_to(request.user)
    found = RenewalFilter(asked(given), queryset=visible, request=request, on=timezone.localdate())
    return (found.qs, visible) if found.is_valid() else None


def _records(request: SignedInRequest, given: QueryDict) -> Extent:
    """The records that the figures are counted from, also where the file holds only the figures."""
    from oversight.explorer.form import ExplorerForm
    from oversight.explorer.question import Filters
    from oversight.explorer.records import kind_asked, records

    form = ExplorerForm(given, request.user)
    if not form.is_valid() or form.question.measure.is_stated:
        return None
    kind = kind_asked(form.question, given)
    whole = replace(form.question, filters=Filters())
    return records(request.user, form.question, kind), records(request.user, whole, kind)


def _events(request: SignedInRequest, given: QueryDict) -> Extent:
    from audit.filters import EventFilter
    from audit.models import Event

    # Whether it is asked who somebody is would tell how much there is.
    if not may_audit(request.user):
        return None
    form = EventFilter(given)
    return (form.narrow(Event.objects.all()), Event.objects.all()) if form.is_valid() else None


def _changes(request: SignedInRequest, given: QueryDict) -> Extent:
    from audit.changes import history_of, kept
    from audit.filters import ChangeFilter

    if not may_audit(request.user):
        return None
    form = ChangeFilter(given)
    return (form.narrow(), history_of(kept(form.cleaned_data["record"]))) if form.is_valid() else None


EXTENTS: dict[str, Callable[[SignedInRequest, QueryDict], Extent]] = {
    "subscriptions:list": _subscriptions,
    "subscriptions:payments": _payments,
    "subscriptions:decisions": _decisions,
    "subscriptions:renewals": _renewals,
    "oversight:explore": _records,
    "oversight:records": _records,
    "oversight:exports": _records,
    "oversight:export-file": _records,
    "oversight:export-again": _records,
    "audit:events": _events,
    "audit:changes": _changes,
}
