"""What the timeline tells of approvals that a change reopened, of officers' approvals, of waivers and of user counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext

from agencies.models import User
from catalog.models import Product
from figures.standing import Standing
from policies.models import Waiver
from policies.notices import policy_titles
from subscriptions.differences import Difference, field_of, shown
from subscriptions.material import labels
from subscriptions.models import Approval, Reopening, Subscription, UserCount
from subscriptions.timeline_parts import (
    Entry,
    Names,
    Source,
    in_bulk,
    want_user_of_history,
    wanting,
    with_before,
)


def _tell_reopened(one: Reopening, names: Names) -> Entry:
    what, causes = gettext("Approval reopened by a change"), "\n".join(labels(one.causes))
    return Entry(one.opened_at, names.of(User, one.opened_by_id), "waiting", what, causes)


def _tell_closed(one: Reopening, names: Names) -> Entry:
    assert one.closed_at is not None
    state = "refused" if one.closed_as == Reopening.Closing.REFUSED else "closed"
    what = gettext("Reopened approval closed: %(closing)s") % {"closing": one.get_closed_as_display()}
    return Entry(one.closed_at, "", state, what)


def _tell_given(approval: Approval, names: Names) -> Entry:
    what = gettext("Approved by a policy officer: %(policy)s") % {"policy": approval.policy_version.title}
    who = names.of(User, approval.approved_by_id)
    return Entry(approval.approved_at, who, "success", what, approval.reason)


def _tell_ended(approval: Approval, names: Names) -> Entry:
    assert approval.ended_at is not None
    what = gettext("Policy officer's approval ended: %(policy)s") % {"policy": approval.policy_version.title}
    return Entry(approval.ended_at, "", "ended", what)


def _waivers(subscription: Subscription) -> QuerySet:
    """The history of those of its own agency for a tool that it is or was for, for the tool's vendor, or for all tools.

    One of an agency above is not for everybody to see who sees the subscription.
    """
    once = Subscription.history.filter(id=subscription.pk).order_by().values("product_id")
    tools = Product.objects.filter(Q(pk=subscription.product_id) | Q(pk__in=once)).order_by()
    covered = Q(product__in=tools.values("pk")) | Q(vendor__in=tools.values("vendor"))
    covered |= Q(product=None, vendor=None)
    direct = Waiver.objects.filter(covered, agency=subscription.agency_id)
    return Waiver.history.filter(id__in=direct.order_by().values("pk"))


def _fetch_waivers(keys: list[int]) -> Iterable[tuple[int, tuple[Any, Any, str]]]:
    rows = with_before(Waiver.history.select_related("policy"), keys)
    titles = policy_titles({now.policy.code for _key, (now, _before) in rows})
    return [(key, (now, before, titles.get(now.policy.code, now.policy.code))) for key, (now, before) in rows]


def _want_waiver(row: tuple[Any, Any, str], names: Names) -> None:
    for key in (row[0].history_user_id, row[0].requested_by_id, row[0].decided_by_id):
        names.want(User, key)


def _tell_waiver(row: tuple[Any, Any, str], names: Names) -> Entry:
    now, before, title = row
    said = {"policy": title}
    url = reverse("subscriptions:waiver", args=[now.id])
    who = names.of(User, now.history_user_id)
    if before is None:
        who = who or names.of(User, now.requested_by_id)
        what = gettext("Waiver asked for: %(policy)s") % said
        return Entry(now.history_date, who, "requested", what, now.reason, url)
    if now.status == before.status:
        return Entry(now.history_date, who, "info", gettext("Waiver changed: %(policy)s") % said, "", url)
    what = {
        Waiver.Status.REQUESTED: gettext("Waiver asked for: %(policy)s"),
        Waiver.Status.GRANTED: gettext("Waiver granted: %(policy)s"),
        Waiver.Status.REFUSED: gettext("Waiver refused: %(policy)s"),
        Waiver.Status.REVOKED: gettext("Waiver revoked: %(policy)s"),
    }[Waiver.Status(now.status)] % said
    state = "waived" if now.status == Waiver.Status.GRANTED else "refused"
    who = who or names.of(User, now.decided_by_id)
    return Entry(now.history_date, who, state, what, now.decision_reason, url)


def _people(count: Any) -> str:
    return f"{count.value:,}" if count.value is not None else str(Standing(count.standing).label)


def _tell_count(row: tuple[Any, Any], names: Names) -> Entry:
    now, before = row
    what = {
        "+": gettext("User count recorded"),
        "~": gettext("User count corrected"),
        "-": gettext("User count removed"),
    }[now.history_type]
    day = shown(field_of(UserCount, "day"), now.day)
    text = gettext("%(people)s on %(day)s") % {"people": _people(now), "day": day}
    changed = []
    if before is not None and _people(before) != _people(now):
        label = str(field_of(UserCount, "value").verbose_name).capitalize()
        changed = [Difference(label, _people(before), _people(now))]
    return Entry(now.history_date, names.of(User, now.history_user_id), "info", what, text, "", changed)


SOURCES: dict[str, Source] = {
    "reopened": Source(
        lambda s: Reopening.objects.filter(subscription=s),
        "opened_at",
        "pk",
        in_bulk(Reopening.objects.all()),
        wanting("opened_by_id"),
        _tell_reopened,
    ),
    "closed": Source(
        lambda s: Reopening.objects.filter(subscription=s, closed_at__isnull=False),
        "closed_at",
        "pk",
        in_bulk(Reopening.objects.all()),
        wanting("opened_by_id"),
        _tell_closed,
    ),
    "approval": Source(
        lambda s: Approval.objects.filter(subscription=s),
        "approved_at",
        "pk",
        in_bulk(Approval.objects.select_related("policy_version")),
        wanting("approved_by_id"),
        _tell_given,
    ),
    "ended": Source(
        lambda s: Approval.objects.filter(subscription=s, ended_at__isnull=False),
        "ended_at",
        "pk",
        in_bulk(Approval.objects.select_related("policy_version")),
        wanting("approved_by_id"),
        _tell_ended,
    ),
    "waiver": Source(_waivers, "history_date", "history_id", _fetch_waivers, _want_waiver, _tell_waiver),
    "users": Source(
        lambda s: UserCount.history.filter(subscription_id=s.pk),
        "history_date",
        "history_id",
        lambda keys: with_before(UserCount.history, keys),
        want_user_of_history,
        _tell_count,
    ),
}
