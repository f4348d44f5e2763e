"""Why a recorded figure has changed: subscriptions, prices, payments, counts of users and findings that are others now."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from oversight.explorer.grouping import conditions
from oversight.explorer.question import STATED_BY, Filters, Measure, Question
from oversight.snapshots.causes import Cause, Finder
from oversight.snapshots.history import Changed
from oversight.snapshots.places import Belongs, Group
from policies.verdicts import Verdict
from subscriptions.models import (
    COMMITTED,
    ExchangeRate,
    Finding,
    Payment,
    PriceLine,
    Status,
    Subscription,
    UserCount,
)

SUBSCRIPTION = (
    "agency_id",
    "product_id",
    "status",
    "data_class",
    "provenance",
    "started_on",
    "ends_on",
)
LINE = (
    "subscription_id",
    "starts_on",
    "ends_on",
    "seats",
    "basis",
    "standing",
    "amount",
    "currency",
    "vat",
    "cycle",
)
PAYMENT = ("subscription_id", "paid_on", "won")
COUNT = ("agency_id", "subscription_id", "day", "value")
FINDING = ("subscription_id", "verdict", "closed_at")
OVER = (Status.ENDED, Status.REFUSED, Status.VOID)


class RecordedCauses(Finder):
    """Of what the register itself records; a constant number of queries."""

    def __init__(self, question: Question, since: datetime.datetime, until: datetime.datetime) -> None:
        super().__init__(question, since)
        self.until = until
        measure = question.measure
        self.paid = measure in (Measure.PAID, Measure.PER_USER)
        self.priced = measure in (Measure.ANNUAL_COST, Measure.SEATS)
        self.used = measure in (Measure.USERS, Measure.PER_USER)
        self.timed = any(dimension.is_time for dimension in question.by)
        self.changes = {c.pk: c for c in self.changed(Subscription, SUBSCRIPTION, self._within("agency"))}
        self.lines = self._changed(PriceLine, LINE) if self.priced else []
        self.payments = self._changed(Payment, PAYMENT) if self.paid else []
        self.counts = self.changed(UserCount, COUNT, self._within("agency")) if self.used else []
        self.findings = self._changed(Finding, FINDING) if measure == Measure.FINDINGS else []
        self.now = self._subscriptions()
        self.days = self._days()
        self.fitting = self._fitting()
        self._find()

    def _within(self, to: str) -> Q | None:
        agency = self.question.filters.agency
        return Q(**{f"{to}__path__within": agency.path}) if agency else None

    def _changed(self, model: Any, names: Sequence[str]) -> list[Changed]:
        return self.changed(model, names, self._within("subscription__agency"))

    def _subscriptions(self) -> dict[int, dict[str, Any]]:
        """Those that anything that changed belongs to, as they are now."""
        touched = Q(pk__in=self._of(Subscription, "id"))
        if self.priced:
            touched |= Q(pk__in=self._of(PriceLine, "subscription_id"))
            touched |= Q(pk__in=self._repriced())
        if self.paid:
            touched |= Q(pk__in=self._of(Payment, "subscription_id"))
        if self.used:
            counts = self._of(UserCount, "subscription_id").exclude(subscription_id=None)
            touched |= Q(pk__in=counts)
        if self.question.measure == Measure.FINDINGS:
            touched |= Q(pk__in=self._of(Finding, "subscription_id"))
        if moved := self.world.moved_agencies:
            touched |= Q(agency__in=moved)
        if tools := self.world.changed_tools:
            touched |= Q(product__in=tools)
        if self.priced or self.used:
            touched |= self._dated()
        if agency := self.question.filters.agency:
            left = self._of(Subscription, "id")
            touched &= Q(agency__path__within=agency.path) | Q(pk__in=left)
        self.touched = Subscription.objects.order_by().filter(touched).values("pk")
        return {row["id"]: row for row in self.touched.values("id", *SUBSCRIPTION)}

    def _of(self, model: Any, name: str) -> QuerySet:
        return model.history.model.objects.filter(history_date__gt=self.since).order_by().values(name)

    def _repriced(self) -> QuerySet:
        rates = ExchangeRate.history.model.objects.filter(history_date__gt=self.since).values("currency")
        return PriceLine.objects.filter(currency__in=rates).order_by().values("subscription_id")

    def _dated(self) -> Q:
        """What started or ended between the two days by its own dates, or those of its prices."""
        filters = self.question.filters
        if filters.first or filters.last:
            return Q(pk__in=[])
        first, last = timezone.localdate(self.since), timezone.localdate(self.until)
        passed = Q(started_on__gt=first, started_on__lte=last) | Q(ends_on__gte=first, ends_on__lt=last)
        lines = PriceLine.objects.filter(
            Q(starts_on__gt=first, starts_on__lte=last) | Q(ends_on__gte=first, ends_on__lt=last)
        )
        if self.priced:
            passed |= Q(pk__in=lines.order_by().values("subscription_id"))
        return Q(passed, status__in=COMMITTED)

    def _days(self) -> dict[int, set[datetime.date]]:
        """The days of the payments of what changed, where a grouping goes by them."""
        days: dict[int, set[datetime.date]] = defaultdict(set)
        if self.timed:
            rows = Payment.objects.filter(subscription__in=self.touched).order_by()
            for subscription, day in rows.values_list("subscription_id", "paid_on"):
                days[subscription].add(day)
        return days

    def _fitting(self) -> set[int] | None:
        """Of these, the ones that the words and the standing asked for fit; None when neither is asked for."""
        filters = self.question.filters
        if not (filters.text or filters.standing):
            return None
        asked = conditions(Filters(text=filters.text, standing=filters.standing))
        return set(
            Subscription.objects.filter(asked, pk__in=self.touched).order_by().values_list("pk", flat=True)
        )

    def _find(self) -> None:
        for pk, subscription in self.now.items():
            self._of_record(pk, subscription)
        for line in self.lines:
            self._of_line(line)
        for payment in self.payments:
            self._of_payment(payment)
        for count in self.counts:
            self._of_count(count)
        for finding in self.findings:
            self._of_finding(finding)
        if self.priced or self.used:
            self._of_dates()

    def _fits(self, pk: int) -> bool:
        return self.fitting is None or pk in self.fitting or pk in self.changes

    def _states(self, pk: int) -> tuple[Belongs | None, Belongs]:
        """What a subscription belonged to, None while it was not there, and what it belongs to."""
        now, change = self.now[pk], self.changes.get(pk)
        if change is not None and change.is_new:
            return None, self.world.now(now)
        then = change.before if change is not None and change.before else now
        return self.world.then(then), self.world.now(now)

    def _where(self, pk: int, days: Iterable[datetime.date] | None = None) -> set[Group]:
        """The groups that a subscription is or was in."""
        if pk not in self.now or not self._fits(pk):
            return set()
        days = self.days[pk] if days is None else days
        then, now = self._states(pk)
        return self.groups(now, days) | (self.groups(then, days) if then else set())

    def _of_record(self, pk: int, subscription: dict[str, Any]) -> None:
        if not self._fits(pk):
            return
        then, now = self._states(pk)
        after = self.groups(now, self.days[pk])
        if then is None:
            self.note(after, Cause.NEW_RECORD, pk, pk)
            return
        before = self.groups(then, self.days[pk])
        change = self.changes.get(pk)
        if change is not None and change.before is None:  # how it was is not known
            self.note(after | before, Cause.CHANGED_RECORD, pk, pk)
        elif change is not None and change.differs("agency_id", "product_id"):
            self.note(before ^ after, Cause.MOVED_RECORD, pk, pk)
        elif then.agency != now.agency:
            self.note(before ^ after, Cause.MOVED_AGENCY, pk, pk)
        elif then.tool != now.tool:
            self.note(before ^ after, Cause.CHANGED_TOOL, pk, pk)
        if change is None or change.before is None:
            return
        if change.differs("status") and subscription["status"] in OVER:
            self.note(before | after, Cause.ENDED_RECORD, pk, pk)
        elif change.differs("status", "data_class", "started_on", "ends_on", "provenance"):
            self.note(before | after, Cause.CHANGED_RECORD, pk, pk)

    def _of_line(self, line: Changed) -> None:
        for pk in {state["subscription_id"] for state in line.states}:
            change = self.changes.get(pk)
            if line.differs(*LINE) and not (change and change.is_new):
                self.note(self._where(pk), Cause.PRICE, pk, pk)

    def _of_payment(self, payment: Changed) -> None:
        cause = (
            Cause.PAYMENT_REMOVED
            if payment.now is None
            else Cause.PAYMENT_ADDED
            if payment.is_new
            else Cause.PAYMENT_CHANGED
        )
        filters = self.question.filters
        for state in payment.states if payment.differs(*PAYMENT) else ():
            day, pk = state["paid_on"], state["subscription_id"]
            if not ((filters.first and day < filters.first) or (filters.last and day > filters.last)):
                self.note(self._where(pk, [day]), cause, payment.pk, pk)

    def _of_count(self, count: Changed) -> None:
        for state in count.states if count.differs(*COUNT) else ():
            if pk := state["subscription_id"]:
                self.note(self._where(pk), Cause.USER_COUNT, count.pk, pk)
            elif set(self.question.by) <= set(STATED_BY):
                at = Belongs(self.world.agencies[state["agency_id"]])
                self.note(self.groups(at), Cause.USER_COUNT, count.pk)

    def _of_finding(self, finding: Changed) -> None:
        open_then, open_now = _stands(finding.before), _stands(finding.now)
        if not finding.early:  # it was found before its history begins
            open_then = not open_now
        pk = finding.states[0]["subscription_id"]
        if open_now != open_then:
            cause = Cause.FINDING_OPENED if open_now else Cause.FINDING_CLOSED
            self.note(self._where(pk), cause, finding.pk, pk)

    def _of_dates(self) -> None:
        passed = Subscription.objects.filter(self._dated(), pk__in=self.touched).order_by()
        for pk in passed.values_list("pk", flat=True):
            self.note(self._where(pk), Cause.DATES, pk, pk)
        if self.priced:
            for pk in (
                self._repriced()
                .filter(subscription__in=self.touched)
                .values_list("subscription_id", flat=True)
            ):
                self.note(self._where(pk), Cause.RATE, pk, pk)


def _stands(finding: dict[str, Any] | None) -> bool:
    """Whether it needs attention."""
    return finding is not None and finding["closed_at"] is None and finding["verdict"] != Verdict.WAIVED
