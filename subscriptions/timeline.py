"""Everything that happened to one subscription, the latest first: decisions, changes with before and after, what people said and
filed, findings, payments, handovers; approvals, waivers and user counts are told in `timeline_approvals`.

The tables are asked together which rows a page shows, then each once for its rows: a page takes the same number of queries
whatever it holds.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db import models
from django.db.models import CharField, F, QuerySet, Value
from django.utils.text import capfirst
from django.utils.translation import gettext

from agencies.models import User
from policies.verdicts import Verdict
from subscriptions import timeline_approvals
from subscriptions.differences import Difference, field_of, line_differences, line_text, shown
from subscriptions.models import (
    Attachment,
    Comment,
    Decision,
    Finding,
    FindingNote,
    HandedOver,
    Payment,
    PriceLine,
    RemovedAttachment,
    StruckComment,
    Subscription,
)
from subscriptions.money import amount_text
from subscriptions.timeline_parts import (
    Entry,
    Names,
    Source,
    in_bulk,
    want_user_of_history,
    wanting,
    with_before,
)

PAGE_SIZE = 30
# What changes with every act, and says nothing that the act does not say.
UNTOLD = ("id", "version", "submission", "recorded_at", "recorded_by", "approved_at", "reference")


class TimelinePaginator(Paginator):
    """Pages of `Entry`."""

    def __init__(self, subscription: Subscription, per_page: int = PAGE_SIZE) -> None:
        self.subscription = subscription
        super().__init__(_keys(subscription), per_page)

    def page(self, number: int | str) -> Any:
        page = super().page(number)
        page.object_list = entries(list(page.object_list))
        return page


def _keys(subscription: Subscription) -> QuerySet:
    """(when, source, key) of everything that happened, the latest first."""
    parts = [
        source.rows(subscription)
        .order_by()
        .annotate(happened_at=F(source.at), source=Value(name, CharField(max_length=12)), row=F(source.key))
        .values_list("happened_at", "source", "row")
        for name, source in SOURCES.items()
    ]
    return parts[0].union(*parts[1:], all=True).order_by("-happened_at", "source", "-row")


def entries(keys: Sequence[tuple[datetime.datetime, str, int]]) -> list[Entry]:
    """The entries of these keys, in their order."""
    names, rows = Names(), {}
    by_source: dict[str, list[int]] = defaultdict(list)
    for _at, name, key in keys:
        by_source[name].append(key)
    for name, source in SOURCES.items():
        for key, row in source.fetch(by_source[name]) if by_source[name] else ():
            rows[name, key] = row
            source.want(row, names)
    return [SOURCES[name].tell(rows[name, key], names) for _at, name, key in keys]


# --- records and their price lines ------------------------------------------------------------------------------------


def _told_fields() -> list[models.Field]:
    return [f for f in Subscription._meta.concrete_fields if f.name not in UNTOLD]


def _want_change(row: tuple[Any, Any], names: Names) -> None:
    now, before = row
    names.want(User, now.history_user_id)
    for column in _told_fields():
        if column.is_relation and before is not None:
            names.want(column.related_model, getattr(now, column.attname))  # type: ignore[arg-type]
            names.want(column.related_model, getattr(before, column.attname))  # type: ignore[arg-type]


def _tell_change(row: tuple[Any, Any], names: Names) -> Entry:
    now, before = row
    who = names.of(User, now.history_user_id)
    if before is None:
        text = now.history_change_reason or ""
        return Entry(now.history_date, who, "recorded", gettext("Recorded"), text)
    changed = []
    for column in _told_fields():
        was, value = getattr(before, column.attname), getattr(now, column.attname)
        if was != value:
            known = names.found.get(column.related_model) if column.is_relation else None  # type: ignore[arg-type]
            label = capfirst(str(column.verbose_name))
            changed.append(Difference(label, shown(column, was, known), shown(column, value, known)))
    what = gettext("Version %(number)s saved") % {"number": now.version}
    return Entry(now.history_date, who, "info", what, now.history_change_reason or "", "", changed)


def _tell_line(row: tuple[Any, Any], names: Names) -> Entry:
    now, before = row
    new = _line(now)
    position = {"number": now.position}
    changed: Sequence[Difference] = ()
    if now.history_type == "-":
        what, text = gettext("Price line %(number)s removed") % position, line_text(new)
    elif before is None:
        what, text = gettext("Price line %(number)s added") % position, line_text(new)
    else:
        what, text = gettext("Price line %(number)s changed") % position, ""
        changed = line_differences(now.position, _line(before), new)
    return Entry(now.history_date, names.of(User, now.history_user_id), "info", what, text, "", changed)


def _line(row: Any) -> PriceLine:
    """A price line as a row of its history has it; it is not to be saved."""
    return PriceLine(
        **{f.attname: getattr(row, f.attname) for f in PriceLine._meta.concrete_fields if f.name != "id"}
    )


def _tell_payment(row: tuple[Any, Any], names: Names) -> Entry:
    now, before = row
    what = {
        "+": gettext("Payment recorded"),
        "~": gettext("Payment corrected"),
        "-": gettext("Payment removed"),
    }[now.history_type]
    changed = []
    for name in ("paid_on", "amount", "currency", "document_number"):
        if before is not None and getattr(before, name) != getattr(now, name):
            column = field_of(Payment, name)
            was, value = getattr(before, name), getattr(now, name)
            if name == "amount":
                was, value = amount_text(was, before.currency), amount_text(value, now.currency)
            else:
                was, value = shown(column, was), shown(column, value)
            changed.append(Difference(capfirst(str(column.verbose_name)), was, value))
    text = gettext("%(amount)s, paid on %(day)s") % {
        "amount": amount_text(now.amount, now.currency),
        "day": shown(field_of(Payment, "paid_on"), now.paid_on),
    }
    return Entry(now.history_date, names.of(User, now.history_user_id), "info", what, text, "", changed)


# --- decisions, findings ----------------------------------------------------------------------------------------------


def _tell_decision(decision: Decision, names: Names) -> Entry:
    refused = decision.result == Decision.Result.REFUSED
    what = gettext("%(act)s: %(result)s (check: %(outcome)s)") % {
        "act": decision.get_act_display(),
        "result": decision.get_result_display(),
        "outcome": decision.get_outcome_display(),
    }
    state = "refused" if refused or decision.act == Decision.Act.REFUSE else "success"
    return Entry(decision.decided_at, names.of(User, decision.decided_by_id), state, what, decision.reason)


def _tell_finding(row: tuple[Any, Any], names: Names) -> Entry:
    now, before = row
    words = {"policy": now.policy_version.title, "verdict": Verdict(now.verdict).label}
    state = now.verdict
    if before is None:
        what = gettext("Finding opened: %(policy)s, %(verdict)s") % words
    elif now.closed_at and not before.closed_at:
        what, state = gettext("Finding closed: %(policy)s") % words, "closed"
    elif before.closed_at and not now.closed_at:
        what = gettext("Finding opened again: %(policy)s, %(verdict)s") % words
    elif now.verdict != before.verdict:
        what = gettext("Finding changed: %(policy)s, %(verdict)s") % words
    elif now.assigned_to_id != before.assigned_to_id:
        person = names.of(User, now.assigned_to_id) or gettext("nobody")
        what, state = (
            gettext("Finding assigned to %(person)s: %(policy)s") % {**words, "person": person},
            "info",
        )
    elif now.escalated_at != before.escalated_at:
        what, state = gettext("Finding overdue: %(policy)s") % words, "danger"
    else:
        what, state = gettext("Finding: the facts that decide changed: %(policy)s") % words, "info"
    text = str(now.get_closed_because_display()) if now.closed_at else ""
    url = f"/findings/{now.id}/"
    return Entry(now.history_date, names.of(User, now.history_user_id), state, what, text, url)


def _want_finding(row: tuple[Any, Any], names: Names) -> None:
    names.want(User, row[0].history_user_id)
    names.want(User, row[0].assigned_to_id)


# --- what people said, filed and handed over --------------------------------------------------------------------------


def _tell_comment(said: Comment, names: Names) -> Entry:
    struck = getattr(said, "struck", None)
    what = gettext("Comment, struck out later") if struck else gettext("Comment")
    return Entry(said.written_at, names.of(User, said.written_by_id), "info", what, said.text)


def _tell_struck(struck: StruckComment, names: Names) -> Entry:
    who = names.of(User, struck.comment.written_by_id)
    what = gettext("Comment struck out: %(comment)s") % {"comment": struck.comment.text}
    return Entry(struck.struck_at, who, "void", what, struck.note)


def _tell_attachment(attachment: Attachment, names: Names) -> Entry:
    what = gettext("File added: %(name)s") % {"name": attachment.name}
    who = names.of(User, attachment.added_by_id)
    return Entry(attachment.added_at, who, "info", what, attachment.note)


def _tell_removed(removed: RemovedAttachment, names: Names) -> Entry:
    what = gettext("File removed: %(name)s") % {"name": removed.attachment.name}
    return Entry(removed.removed_at, names.of(User, removed.removed_by_id), "void", what, removed.reason)


def _tell_handed_over(piece: HandedOver, names: Names) -> Entry:
    handover = piece.handover
    people = {
        "giver": names.of(User, handover.given_by_id),
        "taker": names.of(User, handover.taken_by_id),
    }
    what = (
        gettext("A finding was handed over from %(giver)s to %(taker)s")
        if piece.finding_id
        else gettext("The request was handed over from %(giver)s to %(taker)s")
    )
    who = names.of(User, handover.decided_by_id)
    return Entry(handover.decided_at, who, "info", what % people, handover.reason)


def _want_handed_over(piece: HandedOver, names: Names) -> None:
    for key in (piece.handover.given_by_id, piece.handover.taken_by_id, piece.handover.decided_by_id):
        names.want(User, key)


SOURCES: dict[str, Source] = {
    "decision": Source(
        lambda s: Decision.objects.filter(subscription=s),
        "decided_at",
        "pk",
        in_bulk(Decision.objects.all()),
        wanting("decided_by_id"),
        _tell_decision,
    ),
    "change": Source(
        lambda s: Subscription.history.filter(id=s.pk),
        "history_date",
        "history_id",
        lambda keys: with_before(Subscription.history, keys),
        _want_change,
        _tell_change,
    ),
    "line": Source(
        lambda s: PriceLine.history.filter(subscription_id=s.pk),
        "history_date",
        "history_id",
        lambda keys: with_before(PriceLine.history, keys),
        want_user_of_history,
        _tell_line,
    ),
    "payment": Source(
        lambda s: Payment.history.filter(subscription_id=s.pk),
        "history_date",
        "history_id",
        lambda keys: with_before(Payment.history, keys),
        want_user_of_history,
        _tell_payment,
    ),
    "finding": Source(
        lambda s: Finding.history.filter(subscription_id=s.pk),
        "history_date",
        "history_id",
        lambda keys: with_before(Finding.history.select_related("policy_version"), keys),
        _want_finding,
        _tell_finding,
    ),
    "note": Source(
        lambda s: FindingNote.objects.filter(finding__subscription=s),
        "written_at",
        "pk",
        in_bulk(FindingNote.objects.select_related("finding__policy_version")),
        wanting("written_by_id"),
        lambda note, names: Entry(
            note.written_at,
            names.of(User, note.written_by_id),
            "info",
            gettext("Comment on the finding: %(policy)s") % {"policy": note.finding.policy_version.title},
            note.text,
            f"/findings/{note.finding_id}/",
        ),
    ),
    "comment": Source(
        lambda s: Comment.objects.filter(subscription=s),
        "written_at",
        "pk",
        in_bulk(Comment.objects.select_related("struck")),
        wanting("written_by_id"),
        _tell_comment,
    ),
    "struck": Source(
        lambda s: StruckComment.objects.filter(comment__subscription=s),
        "struck_at",
        "pk",
        in_bulk(StruckComment.objects.select_related("comment")),
        wanting("comment.written_by_id"),
        _tell_struck,
    ),
    "attachment": Source(
        lambda s: Attachment.objects.filter(subscription=s),
        "added_at",
        "pk",
        in_bulk(Attachment.objects.all()),
        wanting("added_by_id"),
        _tell_attachment,
    ),
    "removed": Source(
        lambda s: RemovedAttachment.objects.filter(attachment__subscription=s),
        "removed_at",
        "pk",
        in_bulk(RemovedAttachment.objects.select_related("attachment")),
        wanting("removed_by_id"),
        _tell_removed,
    ),
    "handover": Source(
        lambda s: HandedOver.objects.filter(subscription=s),
        "handover__decided_at",
        "pk",
        in_bulk(HandedOver.objects.select_related("handover")),
        _want_handed_over,
        _tell_handed_over,
    ),
    **timeline_approvals.SOURCES,
}
