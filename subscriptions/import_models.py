"""Files of subscriptions that were imported, and the records that each wrote."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.visibility import VisibleQuerySet


class FileImport(models.Model):
    """An import of one file, all of which was written in one transaction. It belongs to whoever imported it."""

    class Kind(models.TextChoices):
        SUBSCRIPTIONS = "subscriptions", _("Subscriptions with their prices")
        PAYMENTS = "payments", _("Payments of subscriptions")
        AGENCIES = "agencies", _("Agencies")
        RATES = "rates", _("Exchange rates")

    class State(models.TextChoices):
        DONE = "done", _("Imported")
        UNDONE = "undone", _("Undone")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="file_imports", verbose_name=_("by")
    )
    kind = models.CharField(_("what it holds"), max_length=20, choices=Kind, default=Kind.SUBSCRIPTIONS)
    file_name = models.CharField(_("file"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DONE)
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
