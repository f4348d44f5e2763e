"""Files uploaded on the pages of imports, on their way from their columns to the result; and what headers meant to whom."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subscriptions.import_models import FileImport


class Upload(models.Model):
    """A file that somebody uploaded, the step it has come to, and how that step stands. It belongs to its owner alone.

    `columns` says what each column of the file means, empty for none; `report` is what the last trial or import came to, see
    `subscriptions.importing.report`. `attempt` counts the runs of the worker: a run that another has followed keeps nothing.
    """

    class Step(models.TextChoices):
        COLUMNS = "columns", _("Columns")
        TRIAL = "trial", _("Dry run")
        IMPORT = "import", _("Import")
        UNDO = "undo", _("Undo")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    class Problem(models.TextChoices):
        NONE = "", "–"
        REFUSED = "refused", _("The file cannot be taken.")
        CHANGED = "changed", _("The register is no more as it was at the dry run.")
        TOUCHED = "touched", _("Records of the import were worked on since.")
        NOT_ALLOWED = "not_allowed", _("You may not do this any more.")
        GONE = "gone", _("The file has been deleted.")
        INTERRUPTED = "interrupted", _("It was interrupted.")
        BROKEN = "broken", _("Something went wrong.")

    # Without a sign of life for so long, the run is over: its worker was stopped.
    SILENT_AFTER = datetime.timedelta(seconds=30)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads", verbose_name=_("by")
    )
    kind = models.CharField(_("what it holds"), max_length=20, choices=FileImport.Kind)
    file_name = models.CharField(_("file"), max_length=200)
    file = models.CharField(_("stored as"), max_length=60, blank=True)
    language = models.CharField(_("language"), max_length=10, default="ko")
    header = models.JSONField(_("header"), default=list)
    samples = models.JSONField(_("first rows"), default=list)
    columns = models.JSONField(_("columns"), default=list)
    in_use = models.BooleanField(_("new records are in use already"), default=False)
    step = models.CharField(_("step"), max_length=10, choices=Step, default=Step.COLUMNS)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DONE)
    problem = models.CharField(_("problem"), max_length=12, choices=Problem, blank=True, default=Problem.NONE)
    detail = models.TextField(_("detail"), blank=True)
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    rows_total = models.PositiveIntegerField(_("rows in all"), default=0)
    report = models.JSONField(_("report"), null=True, blank=True)
    file_import = models.OneToOneField(
        FileImport,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="upload",
        verbose_name=_("import of a file"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    heard_of_at = models.DateTimeField(_("last sign of life"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:import", args=[self.pk])


class KnownHeader(models.Model):
    """What a person chose a header to mean, for the next file; an empty `column`: it is not imported."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="known_headers", verbose_name=_("user")
    )
    kind = models.CharField(_("what it holds"), max_length=20, choices=FileImport.Kind)
    header = models.CharField(_("header"), max_length=200)
    column = models.CharField(_("column"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("known header")
        verbose_name_plural = _("known headers")
        ordering = ["user", "kind", "header"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "header"], name="known_header_once_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.header} – {self.column}"


class WrittenRow(models.Model):
    """A payment, agency or exchange rate that an import wrote, and the row of its history that came of it.

    While that row is the last of the history, nobody has touched the record since. Records are known by their keys alone: those
    that are new go when the import is undone.
    """

    file_import = models.ForeignKey(
        FileImport, models.CASCADE, related_name="written", verbose_name=_("import of a file")
    )
    record = models.BigIntegerField(_("record"))
    line = models.PositiveIntegerField(_("line"))
    is_new = models.BooleanField(_("new"))
    history_row = models.BigIntegerField(_("row of the history"))

    class Meta:
        verbose_name = _("written row")
        verbose_name_plural = _("written rows")
        ordering = ["file_import", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["file_import", "record"], name="written_row_once_a_file")
        ]

    def __str__(self) -> str:
        return f"{self.file_import_id} #{self.line}"
