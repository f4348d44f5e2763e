"""The policies: what each says, since when, on what basis, what changed between versions, and which waivers the reader sees."""

import datetime

from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.models import Role, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from policies.acts import TWO_PERSONS, acts_for
from policies.comparing import differences
from policies.filters import PolicyFilter
from policies.history import steps
from policies.lifecycle import may_write_at, needs_another_officer
from policies.models import Policy, PolicyVersion, Waiver
from policies.reading import (
    EFFECT_MEANING,
    condition_groups,
    state_on,
    version_to_show,
    versions_readable_by,
    with_shown,
)
from policies.tables import PolicyTable, WaiverTable
from policies.verdicts import Effect
from sources.models import Statement

PER_PAGE = 50
WAIVERS_PER_PAGE = 20


@require_safe
def policy_list(request: SignedInRequest) -> HttpResponse:
    today = timezone.localdate()
    filterset = PolicyFilter(request.GET, versions_readable_by(request.user), request=request, on=today)
    readable = filterset.qs if filterset.is_valid() else filterset.qs.none()
    policies = with_shown(Policy.objects.all(), readable, today).prefetch_related(
        Prefetch("versions", readable.select_related("scope"), to_attr="readable")
    )
    table = PolicyTable(policies, on=today)
    configure(request, table, PER_PAGE)
    context = {
        "table": table,
        "filter": filterset,
        "may_write": request.user.has_role(Role.POLICY_OFFICER),
    }
    return render(request, "policies/policy_list.html", context)


@require_safe
def policy_detail(request: SignedInRequest, code: str) -> HttpResponse:
    """The version in force, or the one that `?version=` asks for, with the policy's other versions and its waivers."""
    today = timezone.localdate()
    policy = get_object_or_404(Policy.objects.select_related("owner"), code=code)
    versions = list(
        versions_readable_by(request.user)
        .filter(policy=policy)
        .select_related("scope")
        .prefetch_related("conditions")
        .order_by("-number")
    )
    if not versions:
        raise Http404
    version = _asked_for(request, versions) or version_to_show(versions, today)
    version.policy = policy
    own_draft = version.status == PolicyVersion.Status.DRAFT and needs_another_officer(version, request.user)
    context = {
        "policy": policy,
        "version": version,
        "acts": acts_for(request.user, version),
        "may_write": may_write_at(request.user, policy.owner),
        "two_persons": TWO_PERSONS if own_draft else "",
        "what_if": _what_if(version, today),
        "steps": steps(version),
        "follows": next((other for other in versions if other.number < version.number), None),
        "state": state_on(version, today),
        "listed": versions,
        "versions": [(other, state_on(other, today)) for other in versions],
        "effect_meaning": EFFECT_MEANING[Effect(version.effect)],
        "groups": condition_groups(version),
        "citations": _citations(version, request.user),
        "sees_waivers": bool(request.user.sight().everything or request.user.sight().paths),
        "waivers": _waivers(request, policy),
    }
    return render(request, "policies/policy_detail.html", context)


def _what_if(version: PolicyVersion, today: datetime.date) -> str:
    """The address of the page that shows what a draft, or a version to come, would hit."""
    coming = version.status == PolicyVersion.Status.IN_FORCE and version.effective_from > today
    if version.status != PolicyVersion.Status.DRAFT and not coming:
        return ""
    return reverse("subscriptions:what-if", args=[version.policy.code, version.number])


@require_safe
def compare(request: SignedInRequest, code: str) -> HttpResponse:
    """Two versions side by side; without a choice, the latest and the one before it."""
    versions = list(
        versions_readable_by(request.user)
        .filter(policy__code=code)
        .select_related("policy", "scope")
        .prefetch_related("conditions")
        .order_by("-number")
    )
    if not versions:
        raise Http404
    by_number = {str(version.number): version for version in versions}
    newest, before = versions[0], versions[min(1, len(versions) - 1)]
    later = by_number.get(request.GET.get("to") or str(newest.number))
    earlier = by_number.get(request.GET.get("from") or str(before.number))
    if later is None or earlier is None:
        raise Http404
    found = differences(earlier, later, request.user)
    context = {
        "policy": later.policy,
        "earlier": earlier,
        "later": later,
        "versions": versions,
        "differences": found,
        "changed": sum(1 for difference in found if difference.changed),
    }
    return render(request, "policies/compare.html", context)


def _asked_for(request: SignedInRequest, versions: list[PolicyVersion]) -> PolicyVersion | None:
    number = request.GET.get("version")
    if not number:
        return None
    for version in versions:
        if str(version.number) == number:
            return version
    raise Http404


def _citations(version: PolicyVersion, user: User) -> list[Statement]:
    statements = Statement.objects.all() if user.is_superuser else Statement.objects.published()
    return list(statements.filter(cited_by=version).select_related("source"))


def _waivers(request: SignedInRequest, policy: Policy) -> WaiverTable:
    waivers = (
        Waiver.objects.visible_to(request.user)
        .filter(policy=policy)
        .select_related("agency", "product", "vendor")
    )
    table = WaiverTable(waivers, on=timezone.localdate())
    configure(request, table, WAIVERS_PER_PAGE)
    return table
