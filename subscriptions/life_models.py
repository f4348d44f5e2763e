"""What is kept of a subscription's life beside its decisions: what was decided on, said, filed and handed over."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from agencies.visibility import VisibleQuerySet
from policies.models import Waiver

LONG_TEXT = 2000


def long_text(label: Any) -> models.TextField:
    return models.TextField(label, max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)])


def by_whom(label: Any, related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name=related_name, verbose_name=label
    )


class OfDecision(VisibleQuerySet):
    agency_lookup = "decision__subscription__agency"


class DecidedRecord(models.Model):
    """The record as it was when somebody decided on it, so that the next one sees what differs. Append-only.

    Like all that is sealed it has a number of its own: seals take rows in the order in which they came.
    """

    decision = models.OneToOneField("subscriptions.Decision", models.PROTECT, related_name="record")
    content = models.JSONField(_("record"), help_text=_("See `subscriptions.differences`."))

    objects = OfDecision.as_manager()

    class Meta:
        verbose_name = _("record that was decided on")
        verbose_name_plural = _("records that were decided on")

    def __str__(self) -> str:
        return str(self.decision_id)


class OfSubscription(VisibleQuerySet):
    agency_lookup = "subscription__agency"


class Reopening(models.Model):
    """That a material change has reopened the approval of a subscription, which goes on meanwhile."""

    class Closing(models.TextChoices):
        APPROVED = "approved", _("The change was approved")
        REFUSED = "refused", _("The change was refused and put back")
        UNDONE = "undone", _("The change was taken back")
        OVER = "over", _("The subscription is over")

    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        models.PROTECT,
        related_name="reopenings",
        verbose_name=_("subscription"),
    )
    causes = models.JSONField(_("what grew"), default=list, help_text=_("See `subscriptions.material`."))
    before = models.JSONField(_("record before the change"))
    ended_approvals = models.JSONField(_("officers' approvals that the change ended"), default=list)
    opened_at = models.DateTimeField(_("opened at"), default=timezone.now)
    opened_by = by_whom(_("changed by"), "reopenings")
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_as = models.CharField(_("closed because"), max_length=8, choices=Closing, blank=True)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("reopened approval")
        verbose_name_plural = _("reopened approvals")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(closed_at__isnull=True),
                name="reopening_once_until_closed",
            ),
            models.CheckConstraint(
                name="reopening_closed_as_something",
                condition=Q(closed_at__isnull=True, closed_as="")
                | (Q(closed_at__isnull=False) & ~Q(closed_as="")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.subscription_id)


class Responsible(models.Model):
    """Who looks after a subscription's request in place of whoever made it, since a handover."""

    subscription = models.OneToOneField(
        "subscriptions.Subscription",
        models.CASCADE,
        primary_key=True,
        related_name="responsible",
        verbose_name=_("subscription"),
    )
    person = by_whom(_("looked after by"), "looks_after")
    since = models.DateTimeField(_("since"), default=timezone.now)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("person who looks after a request")
        verbose_name_plural = _("persons who look after requests")

    def __str__(self) -> str:
        return f"{self.subscription_id} – {self.person}"


class Comment(models.Model):
    """What somebody said about a subscription. Kept as it is; its author may strike it out. Append-only."""

    subscription = models.ForeignKey(
        "subscriptions.Subscription", models.PROTECT, related_name="comments", verbose_name=_("subscription")
    )
    text = long_text(_("comment"))
    written_by = by_whom(_("by"), "comments")
    written_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class OfComment(VisibleQuerySet):
    agency_lookup = "comment__subscription__agency"


class StruckComment(models.Model):
    """That the author of a comment struck it out, and why. The comment stays readable. Append-only."""

    comment = models.OneToOneField(Comment, models.PROTECT, related_name="struck", verbose_name=_("comment"))
    note = long_text(_("note"))
    struck_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = OfComment.as_manager()

    class Meta:
        verbose_name = _("comment struck out")
        verbose_name_plural = _("comments struck out")

    def __str__(self) -> str:
        return self.note[:60]


class AttachmentQuerySet(OfSubscription):
    def there(self) -> AttachmentQuerySet:
        """Those that nobody has removed."""
        return self.filter(removal=None)


class Attachment(models.Model):
    """A file filed with a subscription: what it was called, what its content is, and under which name it lies. Append-only."""

    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        models.PROTECT,
        related_name="attachments",
        verbose_name=_("subscription"),
    )
    name = models.CharField(_("file"), max_length=200)
    kind = models.CharField(_("kind of file"), max_length=8)
    size = models.PositiveBigIntegerField(_("size"), help_text=_("Bytes."))
    sha256 = models.CharField(_("hash"), max_length=64)
    stored_as = models.CharField(_("stored as"), max_length=80, unique=True)
    note = models.CharField(_("what it is"), max_length=200, blank=True)
    added_by = by_whom(_("by"), "attachments")
    added_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["-added_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class OfAttachment(VisibleQuerySet):
    agency_lookup = "attachment__subscription__agency"


class RemovedAttachment(models.Model):
    """That somebody removed an attachment, and why: its file is gone, its entry stays. Append-only."""

    attachment = models.OneToOneField(
        Attachment, models.PROTECT, related_name="removal", verbose_name=_("attachment")
    )
    reason = long_text(_("reason"))
    removed_by = by_whom(_("by"), "attachments_removed")
    removed_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = OfAttachment.as_manager()

    class Meta:
        verbose_name = _("attachment removed")
        verbose_name_plural = _("attachments removed")

    def __str__(self) -> str:
        return self.reason[:60]


class Handover(models.Model):
    """That one person's open work in a part of the tree went to another person in one act. Append-only."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="handovers", verbose_name=_("agency"))
    given_by = by_whom(_("from whom"), "handovers_given")
    taken_by = by_whom(_("to whom"), "handovers_taken")
    decided_by = by_whom(_("decided by"), "handovers_decided")
    decided_at = models.DateTimeField(_("at"), default=timezone.now)
    reason = long_text(_("reason"))

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("handover")
        verbose_name_plural = _("handovers")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="handover_to_somebody_else",
                condition=~Q(given_by=models.F("taken_by")),
                violation_error_message=_("Work is handed over to another person."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.given_by} – {self.taken_by}"


class OfHandover(VisibleQuerySet):
    agency_lookup = "handover__agency"


class HandedOver(models.Model):
    """One piece of work that a handover moved: a request, a finding or a request for a waiver. Append-only."""

    handover = models.ForeignKey(Handover, models.PROTECT, related_name="pieces", verbose_name=_("handover"))
    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        models.PROTECT,
        null=True,
        related_name="handed_over",
        verbose_name=_("subscription"),
        help_text=_("Of a finding, the one that it is about; of a waiver none."),
    )
    finding = models.ForeignKey(
        "subscriptions.Finding",
        models.PROTECT,
        null=True,
        related_name="handed_over",
        verbose_name=_("finding"),
    )
    waiver = models.ForeignKey(
        Waiver, models.PROTECT, null=True, related_name="handed_over", verbose_name=_("waiver")
    )

    objects = OfHandover.as_manager()

    class Meta:
        verbose_name = _("piece of work handed over")
        verbose_name_plural = _("pieces of work handed over")
        ordering = ["handover", "pk"]

    def __str__(self) -> str:
        return f"{self.handover_id} #{self.pk}"


APPEND_ONLY = (
    DecidedRecord,
    Comment,
    StruckComment,
    Attachment,
    RemovedAttachment,
    Handover,
    HandedOver,
)
