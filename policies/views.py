"""The policies: what each says, since when, on what basis, and which waivers the reader may see."""

from django.db.models import Exists, OuterRef, Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.models import User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from policies.models import Policy, PolicyVersion, Waiver
from policies.reading import EFFECT_MEANING, condition_groups, state_on, version_to_show, versions_readable_by
from policies.tables import PolicyTable, WaiverTable
from policies.verdicts import Effect
from sources.models import Statement

PER_PAGE = 50
WAIVERS_PER_PAGE = 20


@require_safe
def policy_list(request: SignedInRequest) -> HttpResponse:
    readable = versions_readable_by(request.user)
    policies = Policy.objects.filter(Exists(readable.filter(policy=OuterRef("pk")))).prefetch_related(
        Prefetch("versions", readable.select_related("scope"), to_attr="readable")
    )
    table = PolicyTable(policies, on=timezone.localdate())
    configure(request, table, PER_PAGE)
    return render(request, "policies/policy_list.html", {"table": table})


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
    context = {
        "policy": policy,
        "version": version,
        "state": state_on(version, today),
        "versions": [(other, state_on(other, today)) for other in versions],
        "effect_meaning": EFFECT_MEANING[Effect(version.effect)],
        "groups": condition_groups(version),
        "citations": _citations(version, request.user),
        "sees_waivers": bool(request.user.sight().everything or request.user.sight().paths),
        "waivers": _waivers(request, policy),
    }
    return render(request, "policies/policy_detail.html", context)


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
