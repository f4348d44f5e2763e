"""The steps that a version of a policy went through: when, by whom, what was done and why."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from figures.formatting import day
from policies.models import PolicyVersion

Status = PolicyVersion.Status
# One act saves the version and then what it cites, which is a second change of the same moment.
ONE_ACT = datetime.timedelta(seconds=5)


@dataclass(frozen=True)
class Step:
    when: datetime.datetime
    who: Any
    what: str
    why: str
    state: str


def steps(version: PolicyVersion) -> list[Step]:
    """All steps, the latest first. A version that came with the first data has none."""
    told: list[Step] = []
    before = None
    for change in version.history.select_related("history_user").order_by("history_id"):
        if before is not None and _same_act(before, change):
            before = change
            continue
        what, state = _what(before, change)
        told.append(
            Step(change.history_date, change.history_user, what, change.history_change_reason or "", state)
        )
        before = change
    return told[::-1]


def _same_act(before: Any, change: Any) -> bool:
    return bool(
        change.history_date - before.history_date < ONE_ACT
        and change.history_change_reason == before.history_change_reason
        and change.history_user_id == before.history_user_id
        and (change.status, change.effective_until) == (before.status, before.effective_until)
    )


def _what(before: Any, change: Any) -> tuple[str, str]:
    if before is None:
        return gettext("Drafted"), "draft"
    if before.status == Status.DRAFT and change.status == Status.IN_FORCE:
        return gettext("Put into force from %(day)s") % {"day": day(change.effective_from)}, "in_force"
    if change.status == Status.RETIRED and before.status != Status.RETIRED:
        return gettext("Retired"), "retired"
    if change.status != Status.DRAFT and change.effective_until != before.effective_until:
        return gettext("Last day in force: %(day)s") % {"day": day(change.effective_until)}, "ended"
    return gettext("Draft changed") if change.status == Status.DRAFT else gettext("Changed"), "draft"
