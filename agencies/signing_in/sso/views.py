"""The pages of single sign-on: on the way to the provider, back from it, and one's own identities.

An attempt is begun by POST with the site's token and comes back to `callback`. It is `login` (sign in), `link` (one's own page),
`prove` (asked again who it is) or `accept` (an invitation). The page on the way is one of ours, not a redirect: the content
policy lets forms be sent to this site alone, and browsers count the redirects after a form.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.core import ratelimit
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from agencies import invitations
from agencies.models import User
from agencies.signed_in import SignedInRequest
from agencies.signing_in.fresh import ask_again
from agencies.signing_in.sso import identities
from agencies.signing_in.sso import provider as sso
from agencies.signing_in.sso.provider import Identity, Refused
from audit import events

logger = logging.getLogger(__name__)

# Why nobody was let in, as the person reads it.
REASONS = {
    "state": gettext_lazy(
        "This attempt took longer than ten minutes, was made in another window, or has been used. Start again."
    ),
    "token": gettext_lazy(
        "Its answer cannot be verified. Start again; if that does not help, tell a system administrator."
    ),
    "unreachable": gettext_lazy("The other side cannot be reached at the moment. Try again later."),
    "not_linked": gettext_lazy(
        "Your identity there is not linked to an account here. If you have an account, sign in with your user name and password "
        "and link it on the page “Single sign-on”. If you have none, ask the administrator of your agency for an invitation."
    ),
    "closed": gettext_lazy(
        "This account is closed. Ask the administrator of your agency if you still need it."
    ),
    "not_fresh": gettext_lazy(
        "The other side did not ask you anew who you are, which does not show that it is you. Start again and sign in there."
    ),
    "somebody_else": gettext_lazy("You signed in there as somebody else. Sign in as yourself."),
    "invitation": gettext_lazy("This invitation can no longer be used. Ask for a new one."),
}
STATUS = {"unreachable": 503}


def _on() -> None:
    if not sso.is_on():
        raise Http404


def _leave(request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
    """The page on the way, which goes on to the provider by itself."""
    if limited := ratelimit.consume_or_429(request, action="login"):
        return limited
    try:
        address = sso.leave(request, process, **kwargs)
    except Refused as refused:
        return refuse(request, refused)
    response = render(request, "sso/leaving.html", {"address": address, "provider": sso.name()})
    response["Cache-Control"] = "no-store"
    return response


def refuse(request: HttpRequest, refused: Refused, user: User | None = None) -> HttpResponse:
    """Say why nobody was let in, and keep it in the trail."""
    logger.warning("Single sign-on refused: %s (%s)", refused.why, refused)
    events.record(
        events.Kind.SIGN_IN_FAILED,
        about=user,
        name=user.username if user else "",
        after={"by": "single sign-on", "why": refused.why, "account": "known" if user else "unknown"},
        request=request,
    )
    context = {"reason": REASONS[refused.why], "provider": sso.name()}
    return render(request, "sso/refused.html", context, status=STATUS.get(refused.why, 403))


@never_cache
@login_not_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Sign in by the provider."""
    _on()
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    return _leave(request, "login", next_url=get_next_redirect_url(request) or "")


@never_cache
@login_not_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider, with a code or an error."""
    _on()
    if limited := ratelimit.consume_or_429(request, action="login", limit_get=True):
        return limited  # each refusal is a row in the trail
    state_id = request.GET.get("state", "")
    state = statekit.unstash_state(request, provider_id=sso.ID, state_id=state_id)
    if state is None or request.GET.get("iss", settings.SSO_ISSUER) != settings.SSO_ISSUER:
        return refuse(request, Refused("state"))
    if "code" not in request.GET:
        if request.GET.get("error") in ("access_denied", "login_required", "interaction_required"):
            messages.info(request, _("You did not sign in at %(provider)s.") % {"provider": sso.name()})
            return redirect(_back(state))
        return refuse(request, Refused("token", "the provider answered with an error"))
    try:
        identity = sso.Adapter(request, sso.ID).identity(
            request.GET["code"], state.get("pkce_code_verifier", ""), state["nonce"]
        )
        return PROCESSES[state["process"]](request, identity, state)
    except Refused as refused:
        return refuse(request, refused)


def _back(state: dict[str, Any]) -> str:
    """Where an attempt began."""
    if state["process"] == "accept":
        return reverse("agencies:accept", args=[state["data"]["token"]])
    if state["process"] == "login":
        return reverse("account_login")
    return reverse("sso")


def _login(request: HttpRequest, identity: Identity, state: dict[str, Any]) -> HttpResponse:
    user = identities.owner_of(identity)
    if user is None:
        raise Refused("not_linked")
    if not user.is_active:
        return refuse(request, Refused("closed"), user)
    if request.user.is_authenticated:
        logout(request)
    return _let_in(request, user, identity, state.get("next"))


def _let_in(request: HttpRequest, user: User, identity: Identity, next_url: str | None) -> HttpResponse:
    """With a session of its own; a second factor is asked for where the provider's does not count."""
    SocialAccount.objects.get(provider=identity.issuer, uid=identity.subject).save(
        update_fields=["last_login"]
    )
    _record(request, user, identity)
    return perform_login(request, user, redirect_url=next_url)


def _record(request: HttpRequest, user: User, identity: Identity, **told: Any) -> None:
    """What this session knows of who sits there; counted by `agencies.signing_in.fresh` and `…second_factor`."""
    record_authentication(
        request, user, "socialaccount", proved_at=identity.at, second_factor=identity.strong, **told
    )


def _fresh(identity: Identity, state: dict[str, Any]) -> None:
    if identity.at < state["at"] - sso.CLOCKS:
        raise Refused("not_fresh", "no auth_time after the attempt began")


def _prove(request: HttpRequest, identity: Identity, state: dict[str, Any]) -> HttpResponse:
    if not request.user.is_authenticated:
        raise Refused("state")
    _fresh(identity, state)
    if identities.owner_of(identity) != request.user:
        raise Refused("somebody_else")
    _record(request, request.user, identity, reauthenticated=True)
    # What was sent waits in the session for the address that it was sent to.
    request.GET = QueryDict(urlencode({"next": state.get("next", "")}))
    return resume_request(request) or redirect(settings.LOGIN_REDIRECT_URL)


def _link(request: HttpRequest, identity: Identity, state: dict[str, Any]) -> HttpResponse:
    if not request.user.is_authenticated or request.user.pk != state["data"]["user"]:
        raise Refused("state")
    _fresh(identity, state)
    try:
        identities.link(request.user, identity)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Done: you can sign in by %(provider)s now.") % {"provider": sso.name()})
    return redirect("sso")


def _accept(request: HttpRequest, identity: Identity, state: dict[str, Any]) -> HttpResponse:
    token, fields = state["data"]["token"], state["data"]["fields"]
    invitation = invitations.invited_by_link(token)
    if invitation is None:
        raise Refused("invitation")
    try:
        user = invitations.accept(invitation, **fields, identity=identity)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("agencies:accept", token)
    if request.user.is_authenticated:
        logout(request)
    return _let_in(request, user, identity, None)


PROCESSES = {"login": _login, "prove": _prove, "link": _link, "accept": _accept}


def begin_acceptance(request: HttpRequest, token: str, fields: dict[str, Any]) -> HttpResponse:
    """Accept an invitation by the provider: the account gets no password."""
    return _leave(request, "accept", data={"token": token, "fields": fields})


@never_cache
@require_http_methods(["GET", "POST"])
def prove(request: SignedInRequest) -> HttpResponse:
    """Asked again who it is: by the provider, for those who have linked it."""
    _on()
    linked = identities.of(request.user).filter(provider=settings.SSO_ISSUER)
    if not linked.exists():
        raise Http404
    next_url = get_next_redirect_url(request) or ""
    if request.method == "POST":
        return _leave(request, "prove", next_url=next_url)
    return render(request, "sso/prove.html", {"provider": sso.name(), "next": next_url})


@require_safe
def overview(request: SignedInRequest) -> HttpResponse:
    """One's own identities."""
    linked = list(identities.of(request.user))
    if not sso.is_on() and not linked:
        raise Http404
    rows = [
        {
            "linked": one,
            "label": one.extra_data.get("label") or one.uid,
            "works": one.provider == settings.SSO_ISSUER,
            "last": identities.is_last_way_in(one),
        }
        for one in linked
    ]
    context = {"rows": rows, "provider": sso.name() if sso.is_on() else "", "on": sso.is_on()}
    return render(request, "sso/overview.html", context)


@require_POST
def link(request: SignedInRequest) -> HttpResponse:
    _on()
    ask_again(request)
    return _leave(request, "link", data={"user": request.user.pk})


@require_http_methods(["GET", "POST"])
def unlink(request: SignedInRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(identities.of(request.user).select_related("user"), pk=pk)
    ask_again(request)
    if request.method == "POST":
        try:
            identities.unlink(one, by=request.user)
        except ValidationError as error:
            messages.error(request, error.messages[0])
        else:
            messages.success(request, _("The identity is no longer linked."))
        return redirect("sso")
    label = one.extra_data.get("label") or one.uid
    context = {
        "title": _("Unlink %(identity)s") % {"identity": label},
        "text": _("From then on nobody can sign in to your account with it. You can link it again later."),
        "submit_text": _("Unlink it"),
        "cancel_url": reverse("sso"),
        "danger": True,
        "form": None,
    }
    return render(request, "krds/confirm.html", context)


@never_cache
@login_not_required
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Signed out here; at the provider the person may still be signed in, and is told where to end that."""
    _on()
    try:
        address = str(sso.Adapter(request, sso.ID).openid_config.get("end_session_endpoint", ""))
    except Refused:
        address = ""
    if not address.startswith(("https://", "http://")):
        address = ""
    return render(request, "sso/signed_out.html", {"provider": sso.name(), "address": address})
