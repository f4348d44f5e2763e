"""What happened beside changes and decisions, and the seals over all that the register keeps of either."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AppendOnlyQuerySet(models.QuerySet):
    """Says before the database does that nothing is taken back."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError("the trail is append-only")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("the trail is append-only")


class AppendOnly(models.Model):
    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("the trail is append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("the trail is append-only")


class Event(AppendOnly):
    """Something that happened: who, when, from where, about what, what was before and after, and why. Append-only.

    It points to no row: who did it and what it was about are kept by number and name as they were, whatever becomes of them.
    """

    class Kind(models.TextChoices):
        SIGN_IN = "sign_in", _("Sign-in")
        SIGN_IN_FAILED = "sign_in_failed", _("Failed sign-in")
        SIGN_OUT = "sign_out", _("Sign-out")
        PASSWORD = "password", _("Password change")
        # Apart, since anybody may ask for one: strangers would fill the list of changes.
        PASSWORD_LINK = "password_link", _("Link for a new password")
        ACCOUNT = "account", _("Account change")
        ROLE = "role", _("Role change")
        EXPORT = "export", _("Export")
        IMPORT = "import", _("Import")
        SETTING = "setting", _("Setting change")
        ENTRY = (
            "entry",
            _("Data entry"),
        )  # in the administration, of records that keep no history of their own
        REQUEST = "request", _("Change on a page")  # from where the changes and decisions of one request came
        COMMAND = "command", _("Command")
        FAULT = "fault", _("Fault found")

    class Channel(models.TextChoices):
        WEB = "web", _("Page")
        COMMAND = "command", _("Command line or worker")

    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    channel = models.CharField(_("by way of"), max_length=10, choices=Channel)
    actor_id = models.BigIntegerField(_("number of the account"), null=True, blank=True)
    actor = models.CharField(_("by"), max_length=150, blank=True, help_text=_("The user name as it was."))
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    session = models.CharField(
        _("session"), max_length=16, blank=True, help_text=_("A hash that tells sessions apart.")
    )
    about_type = models.CharField(_("kind of object"), max_length=100, blank=True)
    about_id = models.CharField(_("number of the object"), max_length=100, blank=True)
    about = models.CharField(_("object"), max_length=200, blank=True)
    before = models.JSONField(_("before"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(_("after"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["kind", "-id"], name="event_of_kind"),
            models.Index(fields=["actor", "-id"], name="event_of_actor"),
            models.Index(fields=["about_type", "about_id", "-id"], name="event_about"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} – {self.actor or self.about}"


class Seal(AppendOnly):
    """A batch of rows of one table of the trail, sealed: a hash over each of them and over the seal before. Append-only.

    `rows` holds, for each row in the order of its number, that number in 8 bytes (big-endian) and its SHA-256 in 32. All seals
    are one chain, numbered from 1, whatever their table.
    """

    number = models.PositiveBigIntegerField(_("number"), unique=True)
    sealed_at = models.DateTimeField(_("sealed at"))
    begun = models.DateTimeField(
        _("begun"), null=True, help_text=_("When the run that made it had begun to look for rows.")
    )
    table = models.CharField(_("table"), max_length=100)
    form = models.CharField(
        _("form"), max_length=20, help_text=_("How a row is written before it is hashed.")
    )
    columns = models.JSONField(_("columns"))
    first_id = models.BigIntegerField(_("first row"))
    last_id = models.BigIntegerField(_("last row"))
    count = models.PositiveIntegerField(_("rows"))
    is_late = models.BooleanField(
        _("late"), help_text=_("Of rows whose transaction ended after that of rows with higher numbers.")
    )
    passed_over = models.JSONField(
        _("passed over"), default=list, help_text=_("Ranges of numbers, both ends included, that had no row.")
    )
    rows = models.BinaryField(_("rows"))
    previous = models.CharField(_("seal before"), max_length=64, blank=True)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        ordering = ["number"]
        indexes = [models.Index(fields=["table", "is_late", "-last_id"], name="seal_of_table")]

    def __str__(self) -> str:
        return f"#{self.number} {self.table} {self.first_id}–{self.last_id}"

    @property
    def looked_at(self) -> datetime.datetime:
        """What is not in it or before was not there then."""
        return self.begun or self.sealed_at

    def computed_hash(self) -> str:
        """The hash that belongs to this seal as it is stored, in hexadecimal."""
        parts = {
            "number": self.number,
            "sealed_at": self.sealed_at.astimezone(datetime.UTC).isoformat(timespec="microseconds"),
            "table": self.table,
            "form": self.form,
            "columns": self.columns,
            "first_id": self.first_id,
            "last_id": self.last_id,
            "count": self.count,
            "is_late": self.is_late,
            "passed_over": self.passed_over,
            "rows": hashlib.sha256(bytes(self.rows)).hexdigest(),
            "previous": self.previous,
        }
        if self.begun is not None:  # those made before have none
            parts["begun"] = self.begun.astimezone(datetime.UTC).isoformat(timespec="microseconds")
        return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
