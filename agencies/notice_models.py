"""To whom and how notices go out by e-mail: the addresses of departments, what each person wants, and what was delivered."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.visibility import VisibleQuerySet

LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]


def department_key(name: str) -> str:
    """What two spellings of a department have in common: neither case nor spaces tell departments apart."""
    return "".join(name.split()).casefold()


class DepartmentContact(models.Model):
    """Who is told in a department of an agency: an address that the department shares, people, or both."""

    agency = models.ForeignKey(
        "agencies.Agency", models.CASCADE, related_name="department_contacts", verbose_name=_("agency")
    )
    department = models.CharField(
        _("department"),
        max_length=100,
        help_text=_("As subscriptions name it; capital letters and spaces make no difference."),
    )
    key = models.CharField(max_length=100, editable=False)
    email = models.EmailField(
        _("e-mail address"), blank=True, help_text=_("An address that the department shares.")
    )
    language = models.CharField(_("language of e-mail"), max_length=2, choices=LANGUAGES, default="ko")
    people = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="departments",
        verbose_name=_("people"),
        help_text=_("They are told here, and by e-mail where they wish so."),
    )

    objects = VisibleQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("contact of a department")
        verbose_name_plural = _("contacts of departments")
        ordering = ["agency", "department"]
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "key"],
                name="department_contact_once",
                violation_error_message=_("This department of the agency has a contact already."),
            )
        ]

    def __str__(self) -> str:
        return self.department

    def clean(self) -> None:
        self.key = department_key(self.department)
        others = DepartmentContact.objects.filter(agency=self.agency_id, key=self.key).exclude(pk=self.pk)
        if self.agency_id and others.exists():
            raise ValidationError({"department": _("This department of the agency has a contact already.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = department_key(self.department)
        super().save(*args, **kwargs)


class NoticePreferences(models.Model):
    """What a person wants by e-mail, and in which language. Without a row: everything, in Korean."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="notice_preferences",
        verbose_name=_("user"),
    )
    language = models.CharField(_("language of e-mail"), max_length=2, choices=LANGUAGES, default="ko")
    not_by_email = models.JSONField(_("not by e-mail"), default=list, blank=True)

    class Meta:
        verbose_name = _("preferences for notices")
        verbose_name_plural = _("preferences for notices")

    def __str__(self) -> str:
        return str(self.user)


class DeliveryQuerySet(VisibleQuerySet):
    agency_lookup = "contact__agency"

    def readable_by(self, user: Any) -> DeliveryQuerySet:
        """A person's own, and those to departments of the agencies that the person administers."""
        from agencies.models import Role

        to_departments = self.filter(contact__isnull=False).visible_to(user, Role.ADMINISTRATOR)
        return self.filter(Q(recipient=user) | Q(pk__in=to_departments.order_by().values("pk")))


class Delivery(models.Model):
    """One digest by e-mail: what was in it, to whom, when, and what came of it.

    Each is of one person or one department, at most one a day where they are reached. `sending` with no process left is in
    doubt: it may have arrived.
    """

    class State(models.TextChoices):
        READY = "ready", _("Waiting to be sent")
        SENDING = "sending", _("Being sent, or in doubt")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed, to be tried again")
        GIVEN_UP = "given_up", _("Given up")

    day = models.DateField(_("day"))
    address = models.EmailField(_("e-mail address"))
    language = models.CharField(_("language of e-mail"), max_length=2, choices=LANGUAGES)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="deliveries",
        verbose_name=_("recipient"),
    )
    contact = models.ForeignKey(
        DepartmentContact,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="deliveries",
        verbose_name=_("contact of a department"),
    )
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))
    message_id = models.CharField(_("message number"), max_length=200)
    notice_count = models.PositiveIntegerField(_("notices"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.READY)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    in_doubt = models.BooleanField(
        _("may have been received twice"),
        default=False,
        help_text=_("An attempt was broken off before its end was known, so it was made again and says so."),
    )
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    tried_at = models.DateTimeField(_("last tried at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["id"], condition=~Q(state__in=["sent", "given_up"]), name="delivery_to_do")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "recipient", "address", "language"], name="delivery_once_a_day_to_a_person"
            ),
            models.UniqueConstraint(
                fields=["day", "contact", "address", "language"], name="delivery_once_a_day_to_a_department"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.day}"


class Notice(models.Model):
    """Something that a person, or a department by its address, is told.

    It holds a message key with its parameters and an address, and points to nothing that it is about. `once` is the mark of
    what is said to each recipient only once; empty: whenever it happens. `mail` says whether it still has to go out by e-mail,
    `email` where to, whatever the recipient's address is by then; empty: there.
    """

    class Mail(models.TextChoices):
        WAITING = "waiting", _("Waiting for the next e-mail")
        SENDING = "sending", _("Being sent, or in doubt")
        TAKEN = "taken", _("In an e-mail")
        SKIPPED = "skipped", _("Not by e-mail")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="notices",
        verbose_name=_("recipient"),
    )
    contact = models.ForeignKey(
        DepartmentContact,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="notices",
        verbose_name=_("contact of a department"),
    )
    key = models.CharField(_("message"), max_length=60)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    url = models.CharField(_("address"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    once = models.CharField(_("mark of what is said once"), max_length=120, blank=True)
    mail = models.CharField(_("e-mail"), max_length=8, choices=Mail, default=Mail.WAITING)
    email = models.EmailField(_("e-mail address"), blank=True)
    mail_tried_at = models.DateTimeField(_("last tried at"), null=True, blank=True)
    delivery = models.ForeignKey(
        Delivery, models.SET_NULL, null=True, blank=True, related_name="notices", verbose_name=_("e-mail")
    )

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["recipient", "read_at", "-created_at"], name="notice_of_recipient"),
            models.Index(fields=["recipient", "-created_at", "-id"], name="notice_newest"),
            models.Index(fields=["id"], condition=Q(mail="waiting"), name="notice_waiting"),
            models.Index(fields=["id"], condition=Q(mail="sending"), name="notice_being_sent"),
        ]
        constraints = [
            models.CheckConstraint(
                name="notice_to_one",
                condition=Q(recipient__isnull=False, contact__isnull=True)
                | Q(recipient__isnull=True, contact__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["recipient", "once"], condition=~Q(once=""), name="notice_once_to_a_person"
            ),
            models.UniqueConstraint(
                fields=["contact", "once"], condition=~Q(once=""), name="notice_once_to_a_department"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.recipient or self.contact})"
