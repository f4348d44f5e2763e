"""What needs a person's attention, by role: one named query for each card of the home page, and the latest decisions."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext

from agencies.models import Role, User
from catalog.models import Product
from figures.formatting import day, number
from oversight.round_models import Answer, Round, RoundAgency
from oversight.rounds.coverage import TONES, state_of
from policies.models import Waiver
from policies.verdicts import Effect, Verdict
from subscriptions.models import Decision, Finding, Status, Subscription
from subscriptions.reopening import reopened

SHOWN = 5
ENDING_WITHIN = datetime.timedelta(days=60)


@dataclass(frozen=True)
class Item:
    """One thing to look at: what, where, and a note with a state for its badge."""

    text: str
    url: str
    note: str = ""
    state: str = ""
    state_text: str = ""


@dataclass(frozen=True)
class Attention:
    """One card: how many there are, the first of them, and where all of them are."""

    title: str
    count: int
    items: list[Item]
    url: str
    link_text: str


def attention(user: User, on: datetime.date) -> list[Attention] | None:
    """The cards of the user's roles that have something on them; None for roles that only read, when there is nothing.

    Two queries for each card, whatever it holds.
    """
    functions = dict.fromkeys(function for role in CARDS if user.has_role(role) for function in CARDS[role])
    cards = [card for card in (function(user, on) for function in functions) if card.count]
    return cards if cards or user.has_role(*ACTING) else None


# --- administrators ---------------------------------------------------------------------------------------------------


def own_findings(user: User, on: datetime.date) -> Attention:
    """Open findings at the agencies that the user administers, which nothing excuses."""
    findings = Finding.objects.visible_to(user, Role.ADMINISTRATOR).needing_attention()
    return _findings(
        gettext("Findings at your agencies"), findings, reverse("subscriptions:findings") + "?state=open"
    )


def own_drafts(user: User, on: datetime.date) -> Attention:
    """Drafts that are not requested yet, or whose request a policy refused."""
    drafts = Subscription.objects.visible_to(user, Role.ADMINISTRATOR).filter(status=Status.DRAFT)
    refused = Decision.objects.filter(subscription=OuterRef("pk"), result=Decision.Result.REFUSED)
    return _subscriptions(
        gettext("Drafts that are not requested yet"),
        drafts.annotate(was_refused=Exists(refused)).order_by("-pk"),
        "status=draft",
        lambda draft: (
            ("refused", gettext("Refused by policy")) if draft.was_refused else ("draft", gettext("Draft"))
        ),
        lambda draft: draft.recorded_at.date(),
    )


def ending_soon(user: User, on: datetime.date) -> Attention:
    """Subscriptions in force whose last day is within 60 days."""
    ending = Subscription.objects.visible_to(user, Role.ADMINISTRATOR).in_force(on)
    # Both ends in one range, so that the index begins at today.
    ending = ending.filter(ends_on__range=(on, on + ENDING_WITHIN))
    return _subscriptions(
        gettext("Subscriptions that end within 60 days"),
        ending.order_by("ends_on", "pk"),
        "status=active",
        lambda subscription: (
            ("waiting", gettext("Renews by itself"))
            if subscription.auto_renewal
            else ("ended", gettext("Ends"))
        ),
        lambda subscription: subscription.ends_on,
    )


def rounds_to_answer(user: User, on: datetime.date) -> Attention:
    """Agencies that the user administers and that have not answered an open round, the one due first at the front."""
    waiting = RoundAgency.objects.visible_to(user, Role.ADMINISTRATOR).awaiting(on)
    shown = waiting.select_related("round", "agency").order_by("round__due_on", "agency__path")[:SHOWN]
    states = {asked.pk: state_of(asked, asked.round, on) for asked in shown}
    return Attention(
        title=gettext("Rounds that you have not answered"),
        count=waiting.count(),
        items=[
            Item(
                text=f"{asked.round} – {asked.agency}",
                url=asked.get_absolute_url(),
                note=gettext("due on %(day)s") % {"day": day(asked.round.due_on)},
                state=TONES[states[asked.pk]],
                state_text=str(states[asked.pk].label),
            )
            for asked in shown
        ],
        url=reverse("oversight:rounds"),
        link_text=gettext("See all of them"),
    )


# --- those who ask ----------------------------------------------------------------------------------------------------


def open_rounds(user: User, on: datetime.date) -> Attention:
    """Open rounds that the user runs, with how many agencies have answered, the one due first at the front."""
    rounds = Round.objects.run_by(user).open()
    counted = rounds.annotate(
        whole=Count("asked"), answered=Count("asked", filter=~Q(asked__answer=Answer.WAITING))
    )
    return Attention(
        title=gettext("Collection rounds that are open"),
        count=rounds.count(),
        items=[
            Item(
                text=str(round_),
                url=round_.get_absolute_url(),
                note=gettext("%(answered)s of %(asked)s answered, due on %(day)s")
                % {
                    "answered": number(round_.answered),
                    "asked": number(round_.whole),
                    "day": day(round_.due_on),
                },
                state="danger" if round_.due_on < on else "info",
                state_text=gettext("Overdue") if round_.due_on < on else str(round_.get_status_display()),
            )
            for round_ in counted.order_by("due_on", "pk")[:SHOWN]
        ],
        url=reverse("oversight:rounds"),
        link_text=gettext("See all of them"),
    )


# --- approvers --------------------------------------------------------------------------------------------------------


def requests_at_my_agencies(user: User, on: datetime.date) -> Attention:
    """Requests that wait for the agency's approver, the oldest first."""
    requests = Subscription.objects.visible_to(user, Role.APPROVER).filter(status=Status.REQUESTED)
    return _requests(gettext("Requests that wait for your approval"), requests)


def changes_at_my_agencies(user: User, on: datetime.date) -> Attention:
    """Changes of what is approved already that wait for the agency's approver, the oldest first."""
    changed = reopened(Subscription.objects.visible_to(user, Role.APPROVER))
    return _subscriptions(
        gettext("Changes that wait for your approval"),
        changed.order_by("recorded_at", "pk"),
        "reopened=yes",
        lambda subscription: ("waiting", gettext("Changed")),
        lambda subscription: subscription.recorded_at.date(),
    )


# --- policy officers --------------------------------------------------------------------------------------------------


def awaiting_officer(user: User, on: datetime.date) -> Attention:
    """Requests that no agency may approve alone: a policy asks for an officer, or a blocking one cannot be determined."""
    decisive = Q(effect=Effect.APPROVAL, verdict__in=[Verdict.VIOLATION, Verdict.UNDETERMINED])
    decisive |= Q(effect=Effect.BLOCK, verdict=Verdict.UNDETERMINED)
    findings = Finding.objects.open().filter(decisive, subscription=OuterRef("pk"))
    requests = Subscription.objects.visible_to(user, Role.POLICY_OFFICER).filter(status=Status.REQUESTED)
    return _requests(gettext("Requests that wait for a policy officer"), requests.filter(Exists(findings)))


def open_violations(user: User, on: datetime.date) -> Attention:
    """Violations that nothing excuses."""
    findings = Finding.objects.visible_to(user, Role.POLICY_OFFICER).open().filter(verdict=Verdict.VIOLATION)
    url = reverse("subscriptions:findings") + f"?state=open&verdict={Verdict.VIOLATION}"
    return _findings(gettext("Open violations"), findings, url)


def waiver_requests(user: User, on: datetime.date) -> Attention:
    """Waivers that are asked for and not decided."""
    waivers = Waiver.objects.visible_to(user, Role.POLICY_OFFICER).filter(status=Waiver.Status.REQUESTED)
    waivers = waivers.select_related("policy", "agency", "product", "vendor").order_by("requested_at", "pk")
    return Attention(
        title=gettext("Waiver requests"),
        count=waivers.count(),
        items=[
            Item(
                text=f"{waiver.policy} – {waiver.agency}",
                url=reverse("policies:detail", args=[waiver.policy.code]),
                note=str(waiver.product or waiver.vendor or gettext("All tools")),
                state="waiting",
                state_text=str(waiver.get_status_display()),
            )
            for waiver in waivers[:SHOWN]
        ],
        url=reverse("policies:list"),
        link_text=gettext("See the policies"),
    )


def unreviewed_tools(user: User, on: datetime.date) -> Attention:
    """Tools that somebody proposed and nobody reviewed yet."""
    tools = Product.objects.filter(reviewed=False).select_related("vendor").order_by("pk")
    return Attention(
        title=gettext("AI tools that are not reviewed yet"),
        count=tools.count(),
        items=[
            Item(str(tool), reverse("catalog:detail", args=[tool.code]), str(tool.vendor))
            for tool in tools[:SHOWN]
        ],
        url=reverse("catalog:list") + "?reviewed=no",
        link_text=gettext("See these tools"),
    )


CARDS: dict[str, tuple[Callable[[User, datetime.date], Attention], ...]] = {
    Role.APPROVER: (requests_at_my_agencies, changes_at_my_agencies),
    Role.POLICY_OFFICER: (awaiting_officer, open_violations, waiver_requests, unreviewed_tools, open_rounds),
    Role.ADMINISTRATOR: (rounds_to_answer, own_findings, own_drafts, ending_soon),
    Role.COMMITTEE_MEMBER: (open_rounds,),
}
# Whose page says so when nothing needs attention; the others only read.
ACTING = (Role.APPROVER, Role.POLICY_OFFICER, Role.ADMINISTRATOR)


# --- everybody --------------------------------------------------------------------------------------------------------


def recent_decisions(user: User, number: int = 8) -> list[Decision]:
    """The latest attempts on the subscriptions that the user sees, the newest first."""
    decisions = Decision.objects.visible_to(user)
    related = decisions.select_related("subscription__agency", "subscription__product", "decided_by")
    return list(related.order_by("-pk")[:number])


def _findings(title: str, findings: QuerySet[Finding], url: str) -> Attention:
    related = findings.select_related(
        "policy_version", "subscription__agency", "subscription__product"
    ).order_by("-first_seen", "-pk")
    return Attention(
        title=title,
        count=findings.count(),
        items=[
            Item(
                text=_of(finding.subscription),
                url=finding.subscription.get_absolute_url(),
                note=str(finding.policy_version.title),
                state=finding.verdict,
                state_text=str(finding.get_verdict_display()),
            )
            for finding in related[:SHOWN]
        ],
        url=url,
        link_text=gettext("See all findings"),
    )


def _requests(title: str, requests: QuerySet[Subscription]) -> Attention:
    return _subscriptions(
        title,
        requests.order_by("recorded_at", "pk"),
        "status=requested",
        lambda request: ("requested", gettext("Requested")),
        lambda request: request.recorded_at.date(),
    )


def _subscriptions(
    title: str,
    subscriptions: QuerySet[Subscription],
    filters: str,
    state: Callable[[Any], tuple[str, str]],
    dated: Callable[[Any], datetime.date],
) -> Attention:
    shown: Iterable[Subscription] = subscriptions.select_related("agency", "product")[:SHOWN]
    return Attention(
        title=title,
        count=subscriptions.count(),
        items=[
            Item(
                _of(subscription),
                subscription.get_absolute_url(),
                day(dated(subscription)),
                *state(subscription),
            )
            for subscription in shown
        ],
        url=reverse("subscriptions:list") + f"?{filters}",
        link_text=gettext("See all of them"),
    )


def _of(subscription: Subscription) -> str:
    return f"{subscription.product} – {subscription.agency}"
