"""What every template knows about the deployment it is shown in."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.http import HttpRequest

from agencies.models import Role
from agencies.signing_in.sso import provider as single_sign_on
from audit.auditors import may_audit
from govtrack.logs import number

# Pages that stand under another entry of the main menu than their app's.
SECTIONS = {
    "home": "home",
    "oversight:report": "sources",
    "oversight:tool-use": "catalog",
    "oversight:vendor": "catalog",
    "oversight:country": "catalog",
    "oversight:explore": "explorer",
    "oversight:explore-print": "explorer",
    "oversight:explore-save": "explorer",
    "oversight:explore-saved": "explorer",
    "oversight:records": "explorer",
    "oversight:freeze": "explorer",
    "oversight:snapshots": "explorer",
    "oversight:snapshot": "explorer",
    "oversight:snapshot-compare": "explorer",
    "oversight:exports": "explorer",
    "oversight:export": "explorer",
    "subscriptions:budgets": "oversight",
    "subscriptions:budget": "oversight",
    "subscriptions:enter-budget": "oversight",
    "subscriptions:correct-budget": "oversight",
    "subscriptions:remove-budget": "oversight",
    "oversight:rounds": "rounds",
    "oversight:round-new": "rounds",
    "oversight:round": "rounds",
    "oversight:round-edit": "rounds",
    "oversight:round-act": "rounds",
    "oversight:round-return": "rounds",
    "oversight:round-file": "rounds",
    "subscriptions:findings": "findings",
    "subscriptions:finding": "findings",
    "subscriptions:compliance": "findings",
    "subscriptions:waivers": "findings",
    "subscriptions:waiver": "findings",
    "subscriptions:waiver-act": "findings",
    "subscriptions:ask-waiver": "findings",
    "subscriptions:what-if": "policies",
}


def _administers_people(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.has_role(Role.ADMINISTRATOR)


def _audits(request: HttpRequest) -> bool:
    return request.user.is_authenticated and may_audit(request.user)


def deployment(request: HttpRequest) -> dict[str, bool | str | Callable[[], bool]]:
    """What the frame of every page asks.

    `official_deployment`: a government's own site. `demo`: the login page names the demonstration's accounts.
    `menu_section`: the entry of the main menu that the page stands under. `request_number`: what an error page tells to cite.
    `single_sign_on`: its provider's name, empty where it is off. `administers_people`, `audits`: what the account menu has.
    """
    match = request.resolver_match
    return {
        "official_deployment": settings.OFFICIAL_DEPLOYMENT,
        "demo": settings.GOVTRACK_DEMO,
        "single_sign_on": single_sign_on.name() if single_sign_on.is_on() else "",
        "administers_people": partial(_administers_people, request),  # asked only where the menu is drawn
        "audits": partial(_audits, request),
        "menu_section": SECTIONS.get(match.view_name, match.app_name) if match else "",
        "request_number": number(),
    }
