"""What policies say of subscriptions, and what people decide on that: approvals, findings, decisions."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.visibility import VisibleQuerySet
from policies.models import Policy, PolicyVersion, Waiver
from policies.verdicts import Effect, Outcome, Verdict
from subscriptions.facts_models import OfSubscription
from subscriptions.life_models import LONG_TEXT


class Approval(models.Model):
    """A policy officer's approval of one subscription under one policy version, until a material change ends it."""

    subscription = models.ForeignKey(
        "subscriptions.Subscription", models.CASCADE, related_name="approvals", verbose_name=_("subscription")
    )
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="approvals", verbose_name=_("policy version")
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="approvals", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), default=timezone.now)
    reason = models.TextField(_("reason"), max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)])
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("officer's approval")
        verbose_name_plural = _("officers' approvals")
        ordering = ["-approved_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "policy_version"],
                condition=Q(ended_at__isnull=True),
                name="approval_once_until_it_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription} – {self.policy_version}"


class FindingQuerySet(OfSubscription):
    def open(self) -> FindingQuerySet:
        return self.filter(closed_at__isnull=True)

    def needing_attention(self) -> FindingQuerySet:
        """Open, and not excused by a waiver or an approval."""
        return self.open().exclude(verdict=Verdict.WAIVED)

    def waiting_for_officer(self) -> FindingQuerySet:
        """Open, and to be settled by a policy officer's approval (as `evaluation.needs_officer` says of a judgement)."""
        asked = Q(verdict=Verdict.VIOLATION, effect=Effect.APPROVAL)
        return self.open().filter(asked | Q(verdict=Verdict.UNDETERMINED) & ~Q(effect=Effect.WARN))


class PolicyCheck(models.Model):
    """When the findings of a policy, all of them, were last made to follow its verdicts, or found to follow them."""

    policy = models.OneToOneField(
        Policy, models.CASCADE, primary_key=True, related_name="check_of_all", verbose_name=_("policy")
    )
    checked_at = models.DateTimeField(_("checked at"))

    class Meta:
        verbose_name = _("check of a policy")
        verbose_name_plural = _("checks of policies")

    def __str__(self) -> str:
        return str(self.policy_id)


class Finding(models.Model):
    """That a subscription does not pass a policy: one row for each pair, closed when it is over and never deleted."""

    class Cause(models.TextChoices):
        NONE = "", "–"
        WAIVER = "waiver", _("Waiver")
        APPROVED = "approved", _("Approved by a policy officer")

    class Closing(models.TextChoices):
        PASSES = "passes", _("It passes now")
        NOT_JUDGED = "not_judged", _("The subscription is not live any more")
        NOT_APPLICABLE = "not_applicable", _("The policy does not apply any more")

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="findings", verbose_name=_("policy"))
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="findings", verbose_name=_("policy version")
    )
    subscription = models.ForeignKey(
        "subscriptions.Subscription", models.PROTECT, related_name="findings", verbose_name=_("subscription")
    )
    verdict = models.CharField(_("verdict"), max_length=14, choices=Verdict)
    effect = models.CharField(_("effect"), max_length=10, choices=Effect)
    cause = models.CharField(
        _("waived because"), max_length=10, choices=Cause, blank=True, default=Cause.NONE
    )
    waiver = models.ForeignKey(
        Waiver, models.PROTECT, null=True, blank=True, related_name="findings", verbose_name=_("waiver")
    )
    unwaived_verdict = models.CharField(
        _("verdict without the waiver"),
        max_length=14,
        choices=Verdict,
        help_text=_("A waived finding keeps being evaluated."),
    )
    deciding_facts = models.JSONField(_("facts that decided"), default=dict)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    remedy_due = models.DateField(_("remedy due"), null=True, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="findings_assigned",
        verbose_name=_("assigned to"),
    )
    escalated_at = models.DateTimeField(_("escalated at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_because = models.CharField(_("closed because"), max_length=16, choices=Closing, blank=True)

    objects = FindingQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=["last_seen"], no_db_index=["policy", "policy_version", "waiver", "assigned_to"]
    )

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["-first_seen", "-pk"]
        indexes = [
            # A check opens many findings at one instant, so the key is part of each order.
            models.Index(fields=["-first_seen", "-id"], name="finding_newest"),
            models.Index(fields=["closed_at", "-first_seen", "-id"], name="finding_open"),
            models.Index(
                fields=["closed_at", "verdict", "-first_seen", "-id"], name="finding_open_by_verdict"
            ),
            models.Index(fields=["policy", "closed_at", "-first_seen", "-id"], name="finding_of_policy"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "subscription"], name="finding_once_per_policy_and_subscription"
            ),
            models.CheckConstraint(
                name="finding_never_passes", condition=Q(verdict__in=["violation", "waived", "undetermined"])
            ),
            models.CheckConstraint(
                name="finding_waived_has_cause",
                condition=Q(verdict="waived", cause__in=["waiver", "approved"])
                | (~Q(verdict="waived") & Q(cause="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} – {self.subscription}"

    @property
    def seen_at(self) -> datetime.datetime:
        """When it was last found to stand: what a check of everything finds unchanged is not written again."""
        check = PolicyCheck.objects.filter(policy=self.policy_id).first() if self.closed_at is None else None
        return max(self.last_seen, check.checked_at) if check else self.last_seen


class OfFinding(VisibleQuerySet):
    agency_lookup = "finding__subscription__agency"


class FindingNote(models.Model):
    """What somebody wrote about a finding. Kept; a correction is another note."""

    finding = models.ForeignKey(Finding, models.PROTECT, related_name="notes", verbose_name=_("finding"))
    text = models.TextField(_("comment"), max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)])
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="finding_notes", verbose_name=_("by")
    )
    written_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = OfFinding.as_manager()

    class Meta:
        verbose_name = _("comment on a finding")
        verbose_name_plural = _("comments on findings")
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class DecisionQuerySet(OfSubscription):
    def update(self, **kwargs: Any) -> int:
        raise TypeError("decisions are append-only")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("decisions are append-only")


class Decision(models.Model):
    """An attempt to record, request, approve or otherwise decide on a subscription: verdicts and outcome. Append-only."""

    class Act(models.TextChoices):
        RECORD = "record", _("Record")
        DECLARE = "declare", _("Record as already in use")
        REQUEST = "request", _("Request")
        CHANGE = "change", _("Change")
        OFFICER_APPROVE = "officer_approve", _("Policy officer's approval")
        APPROVE = "approve", _("Approve")
        ACTIVATE = "activate", _("Activate")
        REFUSE = "refuse", _("Refuse")
        RENEW = "renew", _("Renew")
        LET_END = "let_end", _("Decide not to renew")
        RECONSIDER = "reconsider", _("Decide on the renewal anew")
        END = "end", _("End")
        VOID = "void", _("Declare void")
        WITHDRAW = "withdraw", _("Withdraw the request")
        REOPEN = "reopen", _("Bring back as a draft")

    class Result(models.TextChoices):
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    subscription = models.ForeignKey(
        "subscriptions.Subscription", models.PROTECT, related_name="decisions", verbose_name=_("subscription")
    )
    act = models.CharField(_("act"), max_length=16, choices=Act)
    result = models.CharField(_("result"), max_length=8, choices=Result)
    outcome = models.CharField(_("outcome of the check"), max_length=14, choices=Outcome)
    verdicts = models.JSONField(
        _("verdicts"),
        default=list,
        help_text=_("For each policy in force: code, version, verdict, effect and deciding facts."),
    )
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name=_("by"),
    )
    decided_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.subscription} – {self.get_act_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("decisions are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("decisions are append-only")
