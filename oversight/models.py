"""What a committee keeps: figures frozen as they stood, and files that are made in the background."""

from __future__ import annotations

import datetime
import hashlib
import json
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from agencies.visibility import VisibleQuerySet
from oversight.closing_models import RoundClosing  # noqa: F401  Django looks here
from oversight.round_models import Return, Round, RoundAgency, RoundEvent  # noqa: F401  Django looks here


class SnapshotQuerySet(VisibleQuerySet):
    """Seen by whoever sees the whole scope: one without a scope is of everything."""

    agency_lookup = "scope"

    def update(self, **kwargs: Any) -> int:
        raise TypeError("snapshots are append-only")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("snapshots are append-only")


class Snapshot(models.Model):
    """A view of the explorer as it stood at an instant. Append-only, in the database too.

    `document` is canonical JSON (see `oversight.snapshots.document`), and `sha256` the hash of its UTF-8 text in hexadecimal.
    """

    title = models.CharField(_("title"), max_length=100)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="snapshots", verbose_name=_("frozen by")
    )
    frozen_at = models.DateTimeField(_("frozen at"))
    question = models.JSONField(_("question"), default=dict)
    scope = models.ForeignKey(
        Agency,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="snapshots",
        verbose_name=_("scope"),
        help_text=_("The agency with all below it; none: everything."),
    )
    document = models.TextField(_("document"))
    sha256 = models.CharField(_("hash"), max_length=64)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering = ["-frozen_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("oversight:snapshot", args=[self.pk])

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("snapshots are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("snapshots are append-only")

    @property
    def computed_hash(self) -> str:
        return hashlib.sha256(self.document.encode()).hexdigest()

    @property
    def is_intact(self) -> bool:
        """Whether the document still has the hash that was written down, and the rest of the row says what it does."""
        if self.computed_hash != self.sha256:
            return False
        return all(self.content.get(name) == value for name, value in self.repeated().items())

    def repeated(self) -> dict[str, Any]:
        """What the document repeats of its row, so that the hash covers it too. A person's name may change, the key does not."""
        return {
            "title": self.title,
            "as_of": self.frozen_at.astimezone(datetime.UTC).isoformat(),
            "frozen_by": self.frozen_by_id,
            "scope": self.scope.code if self.scope else None,
            "question": self.question,
        }

    @cached_property
    def content(self) -> dict[str, Any]:
        """The document, read; empty where it is not JSON any more."""
        try:
            content = json.loads(self.document)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


class ExportJob(models.Model):
    """A file of records too long to be made while somebody waits, with how far it has come.

    `query` is the address of the records' page, asked again in the owner's sight when the job runs. `attempt` counts its
    runs: a run that another has followed writes nothing more. `sight` holds the paths of the subtrees that its owner saw when
    the file was made, the empty path for the whole register: the file opens as long as they see all of these.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")
        REMOVED = "removed", _("Removed")

    class Problem(models.TextChoices):
        NONE = "", "–"
        TOO_LONG = "too_long", _("There are more records than a sheet can hold.")
        NOT_ALLOWED = "not_allowed", _("You may not see these records any more.")
        NOT_VALID = "not_valid", _("A filter is not valid any more.")
        INTERRUPTED = "interrupted", _("It was interrupted.")
        BROKEN = "broken", _("Something went wrong while the file was made.")

    # Without a sign of life for so long, the run is over: its worker was stopped.
    SILENT_AFTER = datetime.timedelta(seconds=30)
    EVERYTHING = "everything"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="export_jobs", verbose_name=_("owner")
    )
    query = models.TextField(_("filters"), blank=True)
    language = models.CharField(_("language"), max_length=10, default="ko")
    kind = models.CharField(_("kind of file"), max_length=10, default="xlsx")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    problem = models.CharField(_("problem"), max_length=12, choices=Problem, blank=True, default=Problem.NONE)
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    rows_done = models.PositiveIntegerField(_("rows written"), default=0)
    rows_total = models.PositiveIntegerField(_("rows in all"), default=0)
    file = models.CharField(_("file"), max_length=100, blank=True)
    # EVERYTHING, or the keys of the agencies: a path would follow the tree, and the file does not.
    sight = models.JSONField(_("what the owner saw"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    heard_of_at = models.DateTimeField(_("last sign of life"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("export in the background")
        verbose_name_plural = _("exports in the background")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="export_job_file_when_done",
                condition=(models.Q(state="done") & ~models.Q(file=""))
                | (~models.Q(state="done") & models.Q(file="")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("oversight:export", args=[self.pk])

    @property
    def is_interrupted(self) -> bool:
        """Whether it should be running, but its run has given no sign of life for long."""
        return self.state == self.State.RUNNING and self._is_silent

    @property
    def is_kept_waiting(self) -> bool:
        """Whether no worker has taken it for long."""
        return self.state == self.State.WAITING and self._is_silent

    @property
    def _is_silent(self) -> bool:
        return timezone.now() - self.heard_of_at > self.SILENT_AFTER

    @property
    def is_going_on(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING) and not self.is_interrupted

    @property
    def shown_state(self) -> str:
        """A word for the state, with which `krds/badge.html` knows its tone."""
        if self.is_interrupted:
            return "warning"
        return {"done": "success", "failed": "danger", "stopped": "danger", "running": "info"}.get(
            self.state, "waiting" if self.state == "waiting" else "none"
        )

    @property
    def percent(self) -> int:
        return min(100, 100 * self.rows_done // self.rows_total) if self.rows_total else 0

    @property
    def may_run_again(self) -> bool:
        return not self.is_going_on and (self.state != self.State.DONE or self.is_out_of_sight)

    @property
    def is_out_of_sight(self) -> bool:
        """Whether there is a file whose records the owner may not see any more, or of which that is not known."""
        if self.state != self.State.DONE:
            return False
        sight = self.owner.sight()
        if self.sight is None or sight.everything:
            return self.sight is None
        return self.sight == self.EVERYTHING or not set(self.sight).issubset(sight.agency_keys)
