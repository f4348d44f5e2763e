"""The steps in the life of a policy as pages offer them: on which versions, what each asks, and which function does it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import User
from figures.formatting import day
from policies import lifecycle
from policies.changing import draft_from
from policies.forms import RetireForm, StepForm
from policies.models import PolicyVersion
from policies.sentences import sentences_of

Status = PolicyVersion.Status
TWO_PERSONS = _(
    "You drafted this version yourself, so another policy officer puts it into force: two persons answer for each policy."
)


@dataclass(frozen=True)
class Act:
    """`does(version, by, data)` takes the cleaned data of `form` and returns the version to show next, if there is one."""

    title: Any
    text: Any
    form: type[forms.Form]
    does: Callable[[PolicyVersion, User, Mapping[str, Any]], PolicyVersion | None]
    offered: Callable[[PolicyVersion], bool]
    told: Callable[[PolicyVersion], list[str]] = lambda version: []
    danger: bool = False


def _what_happens(version: PolicyVersion) -> list[str]:
    """What putting a draft into force would do, before it is done."""
    told = sentences_of(version)
    for other in version.policy.versions.filter(status=Status.IN_FORCE):
        if other.effective_from < version.effective_from and (
            other.effective_until is None or other.effective_until >= version.effective_from
        ):
            last = version.effective_from - datetime.timedelta(days=1)
            told.append(
                gettext("Version %(number)s, in force until then, ends on %(day)s.")
                % {"number": other.number, "day": day(last)}
            )
    return told


def _discard(version: PolicyVersion, by: User, data: Mapping[str, Any]) -> PolicyVersion | None:
    others = version.policy.versions.exclude(pk=version.pk)
    stays = others.order_by("-number").first()
    lifecycle.discard(version, by=by, reason=data["reason"])
    return stays


ACTS: dict[str, Act] = {
    "put-into-force": Act(
        _("Put into force"),
        _(
            "From its first day on, every subscription in its scope is checked against it. It cannot be edited any more."
        ),
        StepForm,
        lambda version, by, data: lifecycle.put_into_force(version, by=by, reason=data["reason"]),
        lambda version: version.status == Status.DRAFT,
        _what_happens,
    ),
    "revise": Act(
        _("Make a new version"),
        _(
            "A draft that says the same is made for you to change. This version stays as it is and can always be read."
        ),
        StepForm,
        lambda version, by, data: draft_from(version, by=by, on=timezone.localdate(), reason=data["reason"]),
        lambda version: version.status != Status.DRAFT,
    ),
    "retire": Act(
        _("Retire"),
        _(
            "After its last day nothing is checked against it any more, and its findings close. It can always be read."
        ),
        RetireForm,
        lambda version, by, data: lifecycle.retire(
            version, by=by, reason=data["reason"], last_day=data["last_day"]
        ),
        lambda version: version.status == Status.IN_FORCE,
        danger=True,
    ),
    "discard": Act(
        _("Throw the draft away"),
        _("The draft is deleted. What was changed in it, by whom and why, stays in the history."),
        StepForm,
        _discard,
        lambda version: version.status == Status.DRAFT,
        danger=True,
    ),
}


def acts_for(user: User, version: PolicyVersion) -> list[tuple[str, Act]]:
    """What this person may do with a version now. The two-person rule leaves out putting one's own draft into force."""
    if not lifecycle.may_write_at(user, version.policy.owner):
        return []
    own = lifecycle.needs_another_officer(version, user)
    return [
        (name, act)
        for name, act in ACTS.items()
        if act.offered(version) and not (own and name == "put-into-force")
    ]
