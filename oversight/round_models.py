"""Collection rounds: who is asked for which period, each return that was filed, and what happened to a round."""

from __future__ import annotations

import datetime
import hashlib
import json
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agencies.models import Agency, Role, User
from agencies.visibility import VisibleQuerySet
from figures.naming import InLanguage
from figures.standing import Standing
from sources.models import Source

LONG_TEXT = 2000
# Who asks: they see and run the rounds of the part of the tree that they hold the role for.
OPENERS = (Role.COMMITTEE_MEMBER, Role.POLICY_OFFICER)


def long_text(name: Any, **options: Any) -> models.TextField:
    return models.TextField(name, max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)], **options)


class RoundQuerySet(VisibleQuerySet):
    """Seen by those who may run it, and, unless it is a draft, by whoever sees one of the agencies that are asked."""

    agency_lookup = "scope"

    def visible_to(self, user: Any, *roles: str, within: Agency | None = None) -> RoundQuerySet:
        if not user.is_authenticated:
            return self.none()
        run = Round.objects.run_by(user).order_by().values("pk")
        asked = RoundAgency.objects.visible_to(user, *roles, within=within).filter(round=OuterRef("pk"))
        told = ~Q(status=Round.Status.DRAFT) & Exists(asked.order_by())
        return self.filter(Q(pk__in=run) | told)

    def run_by(self, user: User) -> RoundQuerySet:
        """Those whose whole scope the user asks as a committee member or policy officer."""
        return super().visible_to(user, *OPENERS)

    def open(self) -> RoundQuerySet:
        return self.filter(status=Round.Status.OPEN)


class Round(models.Model):
    """A request to agencies to say, for a period, what they subscribe to, spend and use.

    `scope` with all below it, as far as their kind is among `kinds` (none named: every kind), is asked when it is opened.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", pgettext_lazy("round", "Open")
        CLOSED = "closed", pgettext_lazy("round", "Closed")
        CANCELLED = "cancelled", _("Cancelled")

    title_ko = models.CharField(_("title in Korean"), max_length=100)
    title_en = models.CharField(_("title in English"), max_length=100)
    explanation_ko = long_text(_("explanation in Korean"), blank=True)
    explanation_en = long_text(_("explanation in English"), blank=True)
    period_from = models.DateField(_("period from"))
    period_until = models.DateField(_("period until"), help_text=_("The last day, included."))
    due_on = models.DateField(_("due on"), help_text=_("The last day for an answer."))
    scope = models.ForeignKey(
        Agency, models.PROTECT, related_name="rounds", verbose_name=_("agency and all below")
    )
    kinds = models.JSONField(_("kinds of agency"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="rounds", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    source = models.OneToOneField(
        Source, models.PROTECT, null=True, blank=True, related_name="round", verbose_name=_("source")
    )
    asks_all_governments = models.BooleanField(
        _("asks all governments"),
        default=False,
        help_text=_("Only then pages may show its report first."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects = RoundQuerySet.as_manager()
    title = InLanguage("title")
    explanation = InLanguage("explanation")

    class Meta:
        verbose_name = _("collection round")
        verbose_name_plural = _("collection rounds")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="round_period_in_order",
                condition=Q(period_until__gte=F("period_from")),
                violation_error_message=_("The period ends before it begins."),
            ),
            models.CheckConstraint(
                name="round_status_known", condition=Q(status__in=["draft", "open", "closed", "cancelled"])
            ),
            models.CheckConstraint(
                name="round_source_when_closed",
                condition=Q(status="closed", source__isnull=False)
                | (~Q(status="closed") & Q(source__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.title)

    def get_absolute_url(self) -> str:
        return reverse("oversight:round", args=[self.pk])

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def kind_labels(self) -> list[str]:
        return [str(Agency.Kind(kind).label) for kind in self.kinds if kind in Agency.Kind.values]

    def is_run_by(self, user: User) -> bool:
        return user.has_role(*OPENERS, at=self.scope)

    def is_published_by(self, user: User) -> bool:
        """Publishing is the committee's act alone, whoever opened the round."""
        return user.has_role(Role.COMMITTEE_MEMBER, at=self.scope)


class Answer(models.TextChoices):
    """What an agency has answered so far."""

    WAITING = "waiting", _("Waiting")
    REPORTED = "reported", _("Reported")
    NIL = "nil", _("Nil return")
    CANNOT_SAY = "cannot_say", _("Cannot say")


class RoundAgencyQuerySet(VisibleQuerySet):
    def awaiting(self, on: datetime.date) -> RoundAgencyQuerySet:
        """The agencies of open rounds that have not answered; `is_overdue` where the last day for it was before `on`."""
        late = ExpressionWrapper(Q(round__due_on__lt=on), output_field=BooleanField())
        rows = self.filter(round__status=Round.Status.OPEN, answer=Answer.WAITING)
        return rows.annotate(is_overdue=late)


class RoundAgency(models.Model):
    """An agency that a round asks, with its answer as it stands: `current` is the latest return."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="asked", verbose_name=_("collection round"))
    agency = models.ForeignKey(
        Agency, models.PROTECT, related_name="asked_in_rounds", verbose_name=_("agency")
    )
    answer = models.CharField(_("answer"), max_length=10, choices=Answer, default=Answer.WAITING)
    current = models.OneToOneField(
        "oversight.Return",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="current_of",
        verbose_name=_("latest return"),
    )

    objects = RoundAgencyQuerySet.as_manager()

    class Meta:
        verbose_name = _("agency asked")
        verbose_name_plural = _("agencies asked")
        ordering = ["round", "agency__path"]
        indexes = [models.Index(fields=["round", "answer"], name="round_agency_by_answer")]
        constraints = [
            models.UniqueConstraint(fields=["round", "agency"], name="round_asks_an_agency_once"),
            models.CheckConstraint(
                name="round_agency_waits_without_return",
                condition=Q(answer="waiting", current__isnull=True)
                | Q(answer__in=["reported", "nil", "cannot_say"], current__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round} – {self.agency}"

    def get_absolute_url(self) -> str:
        return reverse("oversight:round-return", args=[self.round_id, self.agency.code])

    def is_answered_by(self, user: User) -> bool:
        """The agency's administrators, and those of the agencies above it, file for it."""
        return user.has_role(Role.ADMINISTRATOR, at=self.agency)


class AppendOnly(VisibleQuerySet):
    def update(self, **kwargs: Any) -> int:
        raise TypeError("these rows are append-only")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("these rows are append-only")


class ReturnQuerySet(AppendOnly):
    agency_lookup = "asked__agency"


class Return(models.Model):
    """What an agency answered at an instant. Append-only, in the database too: a later return replaces, and keeps, it.

    `document` is canonical JSON (see `oversight.rounds.returning`) with the figures as they stood; `sha256` its hash.
    """

    class Category(models.TextChoices):
        NONE = "", "–"
        INCOMPLETE = "incomplete", _("The records are not complete yet")
        UNDETERMINED = "undetermined", _("It cannot be found out any more")
        WITHHELD = "withheld", _("It may not be disclosed")
        OTHER = "other", _("Another reason")

    asked = models.ForeignKey(
        RoundAgency, models.PROTECT, related_name="returns", verbose_name=_("agency asked")
    )
    number = models.PositiveIntegerField(_("number"))
    answer = models.CharField(_("answer"), max_length=10, choices=Answer)
    category = models.CharField(
        _("kind of reason"), max_length=12, choices=Category, blank=True, default=Category.NONE
    )
    reason = long_text(_("reason"), blank=True)
    document = models.TextField(_("document"))
    sha256 = models.CharField(_("hash"), max_length=64)
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="returns", verbose_name=_("filed by")
    )
    filed_at = models.DateTimeField(_("filed at"))

    objects = ReturnQuerySet.as_manager()

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        ordering = ["asked", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["asked", "number"], name="return_number_once"),
            models.CheckConstraint(
                name="return_answer_known", condition=Q(answer__in=["reported", "nil", "cannot_say"])
            ),
            models.CheckConstraint(
                name="return_reason_when_it_cannot_say",
                condition=(Q(answer="cannot_say") & ~Q(category="") & ~Q(reason=""))
                | (~Q(answer="cannot_say") & Q(category="", reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked} #{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("returns are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("returns are append-only")

    @property
    def computed_hash(self) -> str:
        return hashlib.sha256(self.document.encode()).hexdigest()

    @property
    def is_intact(self) -> bool:
        """Whether the document has the hash that was written down, and says what the rest of the row says."""
        if self.computed_hash != self.sha256:
            return False
        return all(self.content.get(name) == value for name, value in self.repeated().items())

    def repeated(self) -> dict[str, Any]:
        """What the document repeats of its row, so that the hash covers it too."""
        return {
            "round": self.asked.round_id,
            "agency": self.asked.agency.code,
            "number": self.number,
            "answer": str(self.answer),
            "category": str(self.category),
            "reason": self.reason,
            "filed_by": self.filed_by_id,
            "filed_at": self.filed_at.astimezone(datetime.UTC).isoformat(),
        }

    @cached_property
    def content(self) -> dict[str, Any]:
        """The document, read; empty where it is not JSON any more."""
        try:
            content = json.loads(self.document)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def standing(self) -> Standing:
        """What a figure is that the agency cannot say, by its reason."""
        return {
            self.Category.UNDETERMINED: Standing.UNDETERMINED,
            self.Category.WITHHELD: Standing.WITHHELD,
        }.get(self.Category(self.category), Standing.NOT_GIVEN)


class RoundEventQuerySet(AppendOnly):
    agency_lookup = "round__scope"


class RoundEvent(models.Model):
    """Something that was done with a round, by whom and why. Append-only."""

    class Act(models.TextChoices):
        CREATED = "created", _("Created")
        CHANGED = "changed", _("Changed")
        OPENED = "opened", _("Opened")
        DUE_CHANGED = "due_changed", _("Due date changed")
        REMINDED = "reminded", _("Reminded")
        CLOSED = "closed", pgettext_lazy("round", "Closed")
        CANCELLED = "cancelled", _("Cancelled")
        PUBLISHED = "published", _("Published")

    round = models.ForeignKey(
        Round, models.PROTECT, related_name="events", verbose_name=_("collection round")
    )
    act = models.CharField(_("act"), max_length=12, choices=Act)
    reason = long_text(_("reason"), blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="round_events", verbose_name=_("by")
    )
    done_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = RoundEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event of a round")
        verbose_name_plural = _("events of rounds")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.round} – {self.get_act_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("events are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("events are append-only")
