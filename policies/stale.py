"""What a second officer's edit of a draft collides with: which values changed since the form was opened, by whom and when."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from figures.formatting import day
from policies.composing import Conditions
from policies.forms import PolicyForm, last_change, numbers
from policies.models import Condition, PolicyVersion
from policies.reading import grouped_phrases
from policies.sentences import conditions_sentence
from sources.models import Statement


def is_stale(version: PolicyVersion, opened: int | None) -> bool:
    """Whether somebody saved the draft after the form was opened, at its change number `opened`."""
    return last_change(version) != (opened or 0)


def changes_since(form: PolicyForm, conditions: Conditions) -> dict[str, Any]:
    """`by`, `at`, and for each value that somebody else changed: label, value before, stored now, typed here."""
    current = PolicyVersion.objects.select_related("scope").get(pk=form.instance.pk)
    later = current.history.filter(history_id__gt=form.cleaned_data.get("opened") or 0)
    first, latest = later.order_by("history_id").first(), later.order_by("-history_id").first()
    opened = current.history.filter(history_id=form.cleaned_data.get("opened") or 0).first()
    changes: list[dict[str, Any]] = []
    for name in form.Meta.fields:
        if name == "cites":
            continue
        field: Any = PolicyVersion._meta.get_field(name)
        before = getattr(opened, field.attname, None) if opened else None
        theirs = getattr(current, field.attname)
        if opened is not None and before == theirs:
            continue
        mine = form.cleaned_data.get(name)
        changes.append(
            {
                "label": form.fields[name].label,
                "before": _shown(field, before) if opened else "–",
                "theirs": _shown(field, theirs),
                "mine": _shown(field, getattr(mine, "pk", mine)),
            }
        )
    then = _conditions_before(current, first.history_date) if first else []
    changes += _if_changed(
        gettext("Conditions of a violation"),
        _clause(then),
        _clause(list(current.conditions.order_by("group", "position"))),
        _clause(conditions.saved()),
    )
    cited_then = [row.statement_id for row in opened.cites.all()] if opened else []
    changes += _if_changed(
        gettext("Statements cited"),
        _cited(cited_then),
        _cited(current.cites.values_list("pk", flat=True)),
        _cited(numbers(form["cites"].value() or [])),
    )
    who = latest.history_user if latest else None
    when = timezone.localtime(latest.history_date) if latest else timezone.localtime()
    return {
        "by": str(who) if who else gettext("Somebody"),
        "at": date_format(when, "DATETIME_FORMAT"),
        "changes": changes,
    }


def _if_changed(label: str, before: str, theirs: str, mine: str) -> list[dict[str, Any]]:
    if before == theirs:
        return []
    return [{"label": label, "before": before or "–", "theirs": theirs or "–", "mine": mine or "–"}]


def _conditions_before(version: PolicyVersion, moment: datetime.datetime) -> list[Condition]:
    """The conditions as they were just before a change: a draft's are replaced as a whole each time it is saved."""
    latest: dict[int, Any] = {}
    changes = Condition.history.filter(version_id=version.pk, history_date__lt=moment)
    for change in changes.order_by("history_id"):
        latest[change.id] = change
    rows = [change.instance for change in latest.values() if change.history_type != "-"]
    return sorted(rows, key=lambda condition: (condition.group, condition.position))


def _clause(conditions: list[Condition]) -> str:
    return conditions_sentence(grouped_phrases(conditions)) if conditions else ""


def _cited(keys: Any) -> str:
    return ", ".join(str(s) for s in Statement.objects.filter(pk__in=list(keys)).select_related("source"))


def _shown(field: Any, value: Any) -> str:
    if value is None or value == "":
        return gettext("Not given")
    if field.remote_field:
        return str(field.remote_field.model._base_manager.filter(pk=value).first() or "–")
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return day(value) if isinstance(value, datetime.date) else str(value)
