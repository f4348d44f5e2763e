"""The ends of terms: when notice must be given, what was decided for each, and when its department is reminded."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agencies.visibility import VisibleQuerySet


class RenewalQuerySet(VisibleQuerySet):
    agency_lookup = "agency"

    def current(self) -> RenewalQuerySet:
        """Of each subscription that is approved or active, the end of the term that it is in."""
        return self.filter(state__in=Renewal.CURRENT)


class Renewal(models.Model):
    """The end of one term of a subscription, and what was decided about it.

    Flat and indexed, so that the list and the calendar are fast: the dates are those of the subscription, and `notice_by`
    follows from them (`subscriptions.notice_days`). Kept by `subscriptions.renewals.keeping` in every act; a term that was
    renewed stays as it was. `reminded` is the shortest lead time, in days, of the reminders that went out for `notice_by`.
    """

    class State(models.TextChoices):
        OPEN = "open", _("To be decided")
        ENDING = "ending", _("Not to be renewed")
        RENEWED = "renewed", _("Renewed")
        ENDED = "ended", _("Ended as decided")

    CURRENT = (State.OPEN, State.ENDING)

    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        models.CASCADE,
        related_name="renewals",
        verbose_name=_("subscription"),
    )
    agency = models.ForeignKey(
        "agencies.Agency", models.PROTECT, related_name="renewals", verbose_name=_("agency")
    )
    ends_on = models.DateField(_("ends on"), null=True)
    auto_renewal = models.BooleanField(_("automatic renewal"), null=True)
    notice_days = models.PositiveSmallIntegerField(_("notice days"), null=True)
    notice_by = models.DateField(_("last day to give notice"), null=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    renewed_until = models.DateField(_("renewed until"), null=True)
    notice_given_on = models.DateField(_("notice given on"), null=True)
    reason = models.TextField(_("reason"), blank=True, max_length=2000, validators=[MaxLengthValidator(2000)])
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="renewals_decided",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    reminded = models.PositiveSmallIntegerField(_("reminded, days before"), null=True)
    reminded_at = models.DateTimeField(_("reminded at"), null=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        verbose_name = _("end of a term")
        verbose_name_plural = _("ends of terms")
        ordering = ["notice_by", "pk"]
        indexes = [
            models.Index(fields=["notice_by", "id"], name="renewal_by_notice"),
            models.Index(fields=["state", "notice_by", "id"], name="renewal_by_state"),
            models.Index(fields=["agency", "state", "notice_by", "id"], name="renewal_of_agency"),
            models.Index(fields=["state", "ends_on", "notice_by"], name="renewal_by_end"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(state__in=["open", "ending"]),
                name="renewal_one_current",
            ),
            models.CheckConstraint(
                name="renewal_known_together",
                condition=Q(ends_on__isnull=True, notice_by__isnull=True)
                | Q(ends_on__isnull=False, notice_by__isnull=False, notice_by__lte=models.F("ends_on")),
            ),
            models.CheckConstraint(
                name="renewal_until_when_renewed",
                condition=~Q(state="renewed") | Q(renewed_until__gt=models.F("ends_on")),
            ),
            models.CheckConstraint(
                name="renewal_not_renewed_for_a_reason", condition=~Q(state="ending") | ~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.ends_on}"

    @property
    def is_exact(self) -> bool:
        """Whether the last day to give notice is known. Else it is at the latest `notice_by`."""
        return self.notice_days is not None or self.auto_renewal is False


class PlanQuerySet(VisibleQuerySet):
    agency_lookup = "subscription__agency"


class ReminderPlan(models.Model):
    """How many days before the last day to give notice a subscription's department is reminded. No row: as the settings say."""

    subscription = models.OneToOneField(
        "subscriptions.Subscription",
        models.CASCADE,
        primary_key=True,
        related_name="reminder_plan",
        verbose_name=_("subscription"),
    )
    days = models.JSONField(
        _("days before"), default=list, blank=True, help_text=_("The longest first. Empty: no reminders.")
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("plan of reminders")
        verbose_name_plural = _("plans of reminders")

    def __str__(self) -> str:
        return str(self.subscription_id)

    def clean(self) -> None:
        from subscriptions.renewals.plans import check_days

        check_days(self.days)
