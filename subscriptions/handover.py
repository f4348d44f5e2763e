"""When staff rotate: one person's open work in a part of the tree goes to another person in one act.

Open work is what waits for somebody: drafts and requests that the person made or has taken over, changes of theirs that wait for
approval, open findings assigned to them, and requests for waivers that nobody has decided on. Who made a request stays on record,
so that nobody comes to approve their own by handing it over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from simple_history.utils import bulk_update_with_history

from agencies.models import Agency, Membership, Notice, Role, User
from policies import waiving
from policies.models import Waiver
from subscriptions.following_up import FOLLOWERS
from subscriptions.models import (
    COMMITTED,
    Decision,
    Finding,
    HandedOver,
    Handover,
    Reopening,
    Responsible,
    Status,
    Subscription,
    SubscriptionQuerySet,
)


class Changed(Exception):
    """The open work is not any more what was looked at. Nothing was handed over."""


@dataclass
class Work:
    """Open work: what would move, and what would stay since whoever takes it has no role for it."""

    requests: list[Subscription] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    staying: list[Subscription | Finding | Waiver] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.requests) + len(self.findings) + len(self.waivers)

    @property
    def digest(self) -> str:
        """Tells whether it is the same work."""
        parts = [
            f"{type(piece).__name__}{piece.pk}"
            for pieces in (self.requests, self.findings, self.waivers, self.staying)
            for piece in sorted(pieces, key=lambda piece: (type(piece).__name__, piece.pk))
        ]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def may_hand_over(user: User, agency: Agency) -> bool:
    return user.has_role(Role.ADMINISTRATOR, at=agency)


def requests_of(person: User, rows: SubscriptionQuerySet) -> SubscriptionQuerySet:
    """The drafts, requests and changes that wait, among `rows`, of which `person` hears what becomes of them."""
    asked = Decision.objects.filter(
        act=Decision.Act.REQUEST, result=Decision.Result.DONE, subscription=OuterRef("pk")
    )
    changed = Reopening.objects.filter(closed_at=None, subscription=OuterRef("pk"))
    own = Q(status=Status.DRAFT, recorded_by=person)
    own |= Q(status=Status.REQUESTED) & (
        Exists(asked.filter(decided_by=person)) | (Q(recorded_by=person) & ~Exists(asked))
    )
    own |= Q(Exists(changed.filter(opened_by=person)), status__in=COMMITTED)
    waiting = Q(status__in=[Status.DRAFT, Status.REQUESTED]) | Q(Exists(changed), status__in=COMMITTED)
    taken = Q(pk__in=Responsible.objects.filter(person=person).values("pk"))
    others = Q(Exists(Responsible.objects.filter(pk=OuterRef("pk"))))
    return rows.filter((taken & waiting) | (own & ~others), pk__in=_concerned(person))


def _concerned(person: User) -> QuerySet:
    """The keys of the subscriptions that a person had to do with: few of the register's, each list of them read from an index."""
    recorded = Subscription.objects.filter(recorded_by=person).order_by().values_list("pk")
    asked = Decision.objects.filter(act=Decision.Act.REQUEST, decided_by=person).order_by()
    changed = Reopening.objects.filter(opened_by=person, closed_at=None).order_by()
    taken = Responsible.objects.filter(person=person).order_by()
    return recorded.union(
        asked.values_list("subscription"), changed.values_list("subscription"), taken.values_list("pk")
    )


def open_work(giver: User, taker: User, agency: Agency, *, by: User, hold: bool = False) -> Work:
    """The giver's open work at an agency and all below, as far as `by` administers it; locked for the transaction with `hold`."""
    rows = Subscription.objects.visible_to(by, Role.ADMINISTRATOR, within=agency)
    requests = requests_of(giver, rows).select_related("agency", "product").order_by("pk")
    findings = Finding.objects.visible_to(by, Role.ADMINISTRATOR, within=agency).open()
    findings = findings.filter(assigned_to=giver).select_related(
        "subscription__agency", "subscription__product", "policy_version", "policy"
    )
    waivers = Waiver.objects.visible_to(by, Role.ADMINISTRATOR, within=agency).filter(
        status=Waiver.Status.REQUESTED, requested_by=giver
    )
    waivers = waivers.select_related("agency", "policy", "product", "vendor")
    if hold:
        requests = requests.select_for_update(of=("self",), no_key=True)
        findings = findings.select_for_update(of=("self",), no_key=True)
        waivers = waivers.select_for_update(of=("self",), no_key=True)
    work = Work()
    for request in requests:
        _sort(work, work.requests, request, taker.has_role(Role.ADMINISTRATOR, at=request.agency))
    for finding in findings.order_by("pk"):
        _sort(work, work.findings, finding, taker.has_role(*FOLLOWERS, at=finding.subscription.agency))
    for waiver in waivers.order_by("pk"):
        _sort(work, work.waivers, waiver, taker.has_role(Role.ADMINISTRATOR, at=waiver.agency))
    return work


def _sort(work: Work, moving: list[Any], piece: Any, may_take: bool) -> None:
    (moving if may_take else work.staying).append(piece)


@transaction.atomic
def hand_over(
    giver: User, taker: User, agency: Agency, *, by: User, reason: str, looked_at: str | None = None
) -> Handover:
    """Move the giver's open work at an agency and all below to the taker, record it, and tell the taker.

    `looked_at` is the digest of the work that `by` has seen; raises Changed when it is other work now, or none.
    """
    if not may_hand_over(by, agency) or not taker.is_active or giver == taker:
        raise PermissionDenied
    work = open_work(giver, taker, agency, by=by, hold=True)
    if not work.count or (looked_at is not None and work.digest != looked_at):
        raise Changed
    handover = Handover.objects.create(
        agency=agency, given_by=giver, taken_by=taker, decided_by=by, reason=reason
    )
    now = timezone.now()
    Responsible.objects.bulk_create(
        (Responsible(subscription=request, person=taker, since=now) for request in work.requests),
        update_conflicts=True,
        unique_fields=["subscription"],
        update_fields=["person", "since"],
    )
    for finding in work.findings:
        finding.assigned_to = taker
    bulk_update_with_history(work.findings, Finding, ["assigned_to"], default_user=by)
    waiving.hand_over(work.waivers, to=taker, by=by)
    HandedOver.objects.bulk_create(
        [
            *(HandedOver(handover=handover, subscription=request) for request in work.requests),
            *(
                HandedOver(handover=handover, finding=finding, subscription=finding.subscription)
                for finding in work.findings
            ),
            *(HandedOver(handover=handover, waiver=waiver) for waiver in work.waivers),
        ],
        batch_size=500,
    )
    if taker != by:
        Notice.objects.create(
            recipient=taker,
            key="work_handed_over",
            parameters={"giver": str(giver), "count": work.count, "by": str(by)},
            url="/handovers/",
        )
    return handover


# --- between whom -----------------------------------------------------------------------------------------------------


def givers(user: User) -> list[User]:
    """Those who have a role in the parts of the tree that `user` administers, or who have left open work there."""
    rows = Subscription.objects.visible_to(user, Role.ADMINISTRATOR)
    open_requests = rows.filter(status__in=[Status.DRAFT, Status.REQUESTED])
    findings = Finding.objects.visible_to(user, Role.ADMINISTRATOR).open()
    waivers = Waiver.objects.visible_to(user, Role.ADMINISTRATOR).filter(status=Waiver.Status.REQUESTED)
    people = (
        Q(pk__in=Membership.objects.visible_to(user, Role.ADMINISTRATOR).values("user"))
        | Q(pk__in=open_requests.order_by().values("recorded_by"))
        | Q(pk__in=findings.order_by().values("assigned_to"))
        | Q(pk__in=waivers.order_by().values("requested_by"))
        | Q(pk__in=Responsible.objects.visible_to(user, Role.ADMINISTRATOR).values("person"))
    )
    return _by_name(User.objects.filter(people))


def takers(user: User) -> list[User]:
    """Those who work in the parts of the tree that `user` administers."""
    working = Membership.objects.visible_to(user, Role.ADMINISTRATOR).filter(role__in=FOLLOWERS)
    return _by_name(User.objects.filter(Q(pk__in=working.values("user")) | Q(pk=user.pk), is_active=True))


def _by_name(people: Iterable[User]) -> list[User]:
    return sorted(people, key=lambda person: (str(person), person.pk))
