"""How the ends of terms are kept equal to their subscriptions: by every act, and by the nightly check for what slipped past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from subscriptions.models import COMMITTED, Renewal, Status, Subscription
from subscriptions.notice_days import last_notice_day

CHUNK = 2_000
_DATES = ("agency_id", "ends_on", "auto_renewal", "notice_days", "notice_by")
_WRITTEN = [
    "agency",
    "ends_on",
    "auto_renewal",
    "notice_days",
    "notice_by",
    "state",
    "renewed_until",
    "notice_given_on",
    "reason",
    "decided_by",
    "decided_at",
    "reminded",
    "reminded_at",
]


def keep(subscription: Subscription) -> None:
    """Bring the end of its term in step with a subscription that was just saved, in the caller's transaction."""
    keep_many([subscription.pk])


NEW_TERM = ("subscription_id", *_DATES, "state", "reason")


def terms_of_new(subscriptions: Iterable[Subscription]) -> Iterator[list[Any]]:
    """The ends of the terms of subscriptions that were just inserted, in the order of NEW_TERM; what `keep` would add."""
    for subscription in subscriptions:
        if subscription.status in COMMITTED:
            dates = _dates(vars(subscription))
            yield [subscription.pk, *map(dates.__getitem__, _DATES), Renewal.State.OPEN.value, ""]


def keep_many(keys: Sequence[int]) -> int:
    """As `keep`, for many whose rows the caller's transaction holds; returns how many ends of terms were others."""
    changed = 0
    for start in range(0, len(keys), CHUNK):
        changed += _keep_chunk(keys[start : start + CHUNK])
    return changed


def _keep_chunk(keys: Sequence[int]) -> int:
    stored = Subscription.objects.filter(pk__in=keys).order_by("pk")
    rows = stored.values("pk", "agency_id", "status", "ends_on", "auto_renewal", "notice_days")
    kept = {r.subscription_id: r for r in Renewal.objects.current().filter(subscription__in=keys)}
    made: list[Renewal] = []
    written: list[Renewal] = []
    gone: list[int] = []
    for row in rows:
        renewal = kept.get(row["pk"])
        if row["status"] not in COMMITTED:
            if (
                renewal is not None
                and row["status"] == Status.ENDED
                and renewal.state == Renewal.State.ENDING
            ):
                renewal.state = Renewal.State.ENDED
                written.append(renewal)
            elif renewal is not None:
                gone.append(renewal.pk)
            continue
        dates = _dates(row)
        if renewal is None:
            made.append(Renewal(subscription_id=row["pk"], **dates))
        elif any(getattr(renewal, name) != dates[name] for name in _DATES):
            written.append(_follow(renewal, dates))
    Renewal.objects.filter(pk__in=gone).delete()
    Renewal.objects.bulk_update(written, _WRITTEN, batch_size=500)
    Renewal.objects.bulk_create(made, batch_size=1_000)
    return len(gone) + len(written) + len(made)


def _dates(row: dict[str, Any]) -> dict[str, Any]:
    dates = {name: row[name] for name in _DATES if name != "notice_by"}
    ends_on = row["ends_on"]
    return {**dates, "notice_by": last_notice_day(ends_on, row["notice_days"]) if ends_on else None}


def _follow(renewal: Renewal, dates: dict[str, Any]) -> Renewal:
    """Give a term its new dates. What was decided was about the old end; reminders are about the day to give notice."""
    if renewal.ends_on != dates["ends_on"]:
        # Back at the end of a term that was renewed until the end so far: the renewal was taken back.
        Renewal.objects.filter(
            subscription=renewal.subscription_id,
            state=Renewal.State.RENEWED,
            ends_on=dates["ends_on"],
            renewed_until=renewal.ends_on,
        ).delete()
        renewal.state, renewal.notice_given_on = Renewal.State.OPEN, None
        renewal.reason, renewal.decided_by, renewal.decided_at = "", None, None
    if renewal.notice_by != dates["notice_by"]:
        renewal.reminded = renewal.reminded_at = None
    for name, value in dates.items():
        setattr(renewal, name, value)
    return renewal


def keep_all() -> int:
    """Find what differs from its subscription, in the database, and put it right; returns how many that were."""
    changed = 0
    for keys in _chunks(_differing()):
        with transaction.atomic():
            held = Subscription.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
            list(held.values_list("pk", flat=True))
            changed += keep_many(keys)
    return changed


def _differing() -> list[int]:
    """The subscriptions whose current end of a term is missing, says something else, or should not be there."""
    current = Renewal.objects.current().filter(subscription=OuterRef("pk"))
    missing = Subscription.objects.filter(~Exists(current), status__in=COMMITTED)
    found = set(missing.order_by().values_list("pk", flat=True))
    other = ~Q(subscription__status__in=COMMITTED)
    for name in ("agency", "ends_on", "auto_renewal", "notice_days"):
        other |= _differ(name, f"subscription__{name}")
    rows = Renewal.objects.current()
    found.update(rows.filter(other).order_by().values_list("subscription", flat=True))
    found.update(_wrongly_computed())
    return sorted(found)


def _differ(one: str, other: str) -> Q:
    """That two columns differ, where two unknowns do not."""
    return (
        (~Q(**{one: F(other)}) & Q(**{f"{one}__isnull": False, f"{other}__isnull": False}))
        | Q(**{f"{one}__isnull": True, f"{other}__isnull": False})
        | Q(**{f"{one}__isnull": False, f"{other}__isnull": True})
    )


def _wrongly_computed() -> Iterator[int]:
    """Those whose last day to give notice is another one now, since a public holiday was added to the tables."""
    rows = Renewal.objects.current().filter(ends_on__isnull=False).order_by()
    for ends_on, days, kept in rows.values_list("ends_on", "notice_days", "notice_by").distinct():
        if last_notice_day(ends_on, days) != kept:
            wrong = rows.filter(ends_on=ends_on, notice_days=days, notice_by=kept)
            yield from wrong.values_list("subscription", flat=True)


def _chunks(keys: Iterable[int]) -> Iterator[list[int]]:
    chunk: list[int] = []
    for pk in keys:
        chunk.append(pk)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
