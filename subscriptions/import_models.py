"""Files of subscriptions that people import: how far each is, which records it wrote, and which columns it meant."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.visibility import VisibleQuerySet


class FileImport(models.Model):
    """An import of one file. Its rows are written all at once or not at all, so that `done` is the whole file."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Uploaded")
        CHECKED = "checked", _("Checked")
        RUNNING = "running", _("Running")
        DONE = "done", _("Imported")
        UNDONE = "undone", _("Undone")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="file_imports", verbose_name=_("by")
    )
    file_name = models.CharField(_("file"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UPLOADED)
    new = models.PositiveIntegerField(_("new records"), default=0)
    changed = models.PositiveIntegerField(_("changed records"), default=0)
    left = models.PositiveIntegerField(_("records left as they are"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("import of a file")
        verbose_name_plural = _("imports of files")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.file_name


class ImportedRowQuerySet(VisibleQuerySet):
    agency_lookup = "subscription__agency"


class ImportedRow(models.Model):
    """A record that an import wrote: the line it stands on, and the version that it got by it."""

    file_import = models.ForeignKey(
        FileImport, models.CASCADE, related_name="rows", verbose_name=_("import of a file")
    )
    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        models.CASCADE,
        related_name="imported_rows",
        verbose_name=_("subscription"),
    )
    line = models.PositiveIntegerField(_("line"))
    is_new = models.BooleanField(_("new"))
    version = models.PositiveIntegerField(_("version"))

    objects = ImportedRowQuerySet.as_manager()

    class Meta:
        verbose_name = _("imported record")
        verbose_name_plural = _("imported records")
        ordering = ["file_import", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["file_import", "subscription"], name="imported_row_once_a_file")
        ]

    def __str__(self) -> str:
        return f"{self.file_import_id} #{self.line}"


class RememberedColumn(models.Model):
    """What a person once said that a header means; empty: nothing."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="remembered_columns",
        verbose_name=_("by"),
    )
    header = models.CharField(_("header"), max_length=200)
    column = models.CharField(_("column"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("remembered column")
        verbose_name_plural = _("remembered columns")
        ordering = ["owner", "header"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "header"], name="remembered_column_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.header
