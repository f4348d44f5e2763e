"""That a large round is being closed in the background."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.visibility import VisibleQuerySet
from oversight.round_models import Round
from sources.models import Report


class RoundClosingQuerySet(VisibleQuerySet):
    agency_lookup = "round__scope"


class RoundClosing(models.Model):
    """The latest order to close a round in the background, by whom, into which report, and how it stands.

    `attempt` counts the orders: a run that another has followed does nothing. See `oversight.rounds.closing_jobs`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    # A run that takes longer was stopped with its worker.
    LONGEST = datetime.timedelta(minutes=10)

    round = models.OneToOneField(
        Round, models.PROTECT, related_name="closing", verbose_name=_("collection round")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="round_closings", verbose_name=_("by")
    )
    report = models.ForeignKey(Report, models.PROTECT, null=True, related_name="+", verbose_name=_("report"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    problem = models.TextField(_("problem"), blank=True)
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    language = models.CharField(_("language"), max_length=10, default="ko")
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)

    objects = RoundClosingQuerySet.as_manager()

    class Meta:
        verbose_name = _("closing of a round")
        verbose_name_plural = _("closings of rounds")
        constraints = [
            models.CheckConstraint(
                name="round_closing_state_known",
                condition=models.Q(state__in=["waiting", "running", "done", "failed"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.round} – {self.get_state_display()}"

    @property
    def is_interrupted(self) -> bool:
        """Whether it should be running, but has been for so long that its worker must have been stopped."""
        return self.state == self.State.RUNNING and timezone.now() - self.changed_at > self.LONGEST

    @property
    def is_going_on(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING) and not self.is_interrupted
