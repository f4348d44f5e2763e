"""What people are told of subscriptions, their renewals and their findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, DepartmentContact, Membership, Notice, Role, User
from agencies.notices.departments import Responsible
from agencies.notices.telling import Kind, days_in_words, register, tell_all
from subscriptions.models import Subscription

REQUESTS = {
    "subscription_requested": _("%(by)s asks for %(reference)s. It waits for a decision."),
    "subscription_approved": _("%(reference)s was approved by %(by)s."),
    "subscription_refused": _("%(reference)s was refused by %(by)s."),
    "approval_reopened": _("%(by)s has changed %(reference)s. The change waits for a decision."),
    "approvals_reopened": _(
        "%(by)s has changed approved subscriptions with a file. Changes that wait for a decision: %(count)s."
    ),
    "subscription_commented": _("%(by)s has commented on %(reference)s."),
    "work_handed_over": _("%(by)s has handed the open work of %(giver)s over to you."),
    "officer_approved": _("%(by)s has approved %(reference)s as a policy officer."),
    "subscription_declared": _(
        "%(by)s has recorded %(reference)s as already in use, which policies stand against."
    ),
}
FINDINGS = {
    "finding_assigned": _("%(by)s has assigned a finding on %(reference)s to you."),
    "finding_overdue": _("The finding on %(reference)s by “%(policy)s” is past its remedy date."),
    "finding_opened": _("%(reference)s does not pass the policy “%(policy)s”."),
    "findings_opened": _("Subscriptions that do not pass the policy “%(policy)s”: %(count)s."),
}
RENEWALS = {
    "renewal_by_itself": _(
        "%(reference)s renews by itself after %(ends_on)s unless notice is given by %(notice_by)s."
    ),
    "renewal_to_decide": _(
        "%(reference)s ends on %(ends_on)s. Decide by %(notice_by)s whether it is to be renewed."
    ),
    "renewal_unclear": _(
        "%(reference)s ends on %(ends_on)s; when notice must be given is not recorded. Decide by %(notice_by)s at the latest."
    ),
    "renewal_notice_missing": _(
        "%(reference)s is not to be renewed, but no notice is recorded yet. It must be given by %(notice_by)s."
    ),
}


def names_of_subscriptions(references: set[str]) -> dict[str, str]:
    """“ChatGPT (KR-49-2026-0001)” for each reference."""
    found = Subscription.objects.filter(reference__in=references).select_related("product")
    return {one.reference: f"{one.product} ({one.reference})" for one in found}


def register_messages() -> None:
    register(Kind.REQUEST, REQUESTS, {"reference": names_of_subscriptions})
    register(Kind.FINDING, FINDINGS)
    register(Kind.RENEWAL, RENEWALS, {"ends_on": days_in_words, "notice_by": days_in_words})


def tell_opened(policy: str, subscriptions: Sequence[int], by: User | None = None) -> None:
    """Tell whoever answers for these subscriptions, except `by`, that findings of a policy were opened on them.

    One notice for each person or department, however many findings: a new policy may open hundreds of thousands.
    """
    if not subscriptions:
        return
    counted: dict[Any, list[tuple[int, str]]] = defaultdict(list)
    some = Subscription.objects.filter(pk__among=subscriptions).order_by()
    groups = list(some.values_list("agency", "owner_department").annotate(Count("pk"), Min("reference")))
    concerned = Agency.objects.filter(pk__among={agency for agency, *_rest in groups})
    agencies = {agency.pk: agency for agency in concerned}
    responsible = Responsible(agencies.values())
    for agency, department, count, reference in groups:
        told = responsible.of(agencies[agency], department)
        for one in (*told.people, *told.contacts):
            if one != by:
                counted[one].append((count, reference))
    listed = f"{reverse('subscriptions:findings')}?{urlencode({'policy': policy, 'state': 'open'})}"
    tell_all(_opened(one, policy, groups, listed) for one, groups in counted.items())


def tell_reopened(reopened: Sequence[tuple[str, str]], by: User) -> None:
    """Tell the approvers, except `by`, that an import has reopened the approval of these: agencies' paths and references.

    One notice a person, however many there are.
    """
    if not reopened:
        return
    approvers: dict[str, list[User]] = defaultdict(list)
    memberships = Membership.objects.filter(role=Role.APPROVER, user__is_active=True).exclude(user=by)
    for membership in memberships.select_related("user", "agency"):
        approvers[membership.agency.code].append(membership.user)
    counted: dict[User, list[str]] = defaultdict(list)
    for path, reference in reopened:
        for one in {one for code in path.strip("/").split("/") for one in approvers.get(code, ())}:
            counted[one].append(reference)
    tell_all(_reopened(one, by, references) for one, references in counted.items())


def _reopened(one: User, by: User, references: list[str]) -> Notice:
    said: dict[str, Any] = {"recipient": one, "key": "approvals_reopened"}
    if len(references) == 1:
        url = reverse("subscriptions:detail", args=references)
        said |= {
            "key": "approval_reopened",
            "parameters": {"reference": references[0], "by": str(by)},
            "url": url,
        }
    else:
        url = f"{reverse('subscriptions:list')}?{urlencode({'reopened': 'yes'})}"
        said |= {"parameters": {"count": f"{len(references):,}", "by": str(by)}, "url": url}
    return Notice(**said)


def _opened(one: User | DepartmentContact, policy: str, groups: list[tuple[int, str]], listed: str) -> Notice:
    """`listed` is the address of all of them."""
    number = sum(count for count, _reference in groups)
    if number == 1:
        key, parameters = "finding_opened", {"policy": policy, "reference": groups[0][1]}
        url = reverse("subscriptions:detail", args=[groups[0][1]])
    else:
        key, parameters, url = "findings_opened", {"policy": policy, "count": f"{number:,}"}, listed
    notice = Notice(key=key, parameters=parameters, url=url)
    if isinstance(one, User):
        notice.recipient = one
    else:
        notice.contact = one
    return notice
