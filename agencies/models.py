"""Who: the tree of agencies, its people and their roles, and what they are told."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

# Django looks for models here, also for those in modules of their own.
from agencies.agency_models import Agency, FormerName, mergers, with_predecessors  # noqa: F401
from agencies.notice_models import (  # noqa: F401
    Delivery,
    DepartmentContact,
    Notice,
    NoticePreferences,
)
from agencies.rechecking import Recheck  # noqa: F401
from agencies.visibility import Sight, VisibleQuerySet
from audit import events


class Role(models.TextChoices):
    """What a person does at an agency and all below it. System administrators are Django superusers instead."""

    ADMINISTRATOR = "administrator", _("Agency administrator")
    APPROVER = "approver", _("Approver")
    POLICY_OFFICER = "policy_officer", _("Policy officer")
    COMMITTEE_MEMBER = "committee_member", _("Committee member")


class GovtrackUserManager(UserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        # As names are found where one signs in; `createsuperuser` asks so whether one is taken.
        return self.get(username__iexact=username)


class User(AbstractUser):
    """A person with an account."""

    objects: ClassVar[GovtrackUserManager] = GovtrackUserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            # Whoever signs in need not mind capital letters; where two names differ in these alone, neither would get in. In
            # capitals, as the database compares then (`iexact`).
            models.UniqueConstraint(
                Upper("username"),
                name="user_name_once",
                violation_error_message=_("A user with that username already exists."),
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def validate_constraints(self, exclude: Any = None) -> None:
        """Its one constraint is of the name, and is told beside it: once, since a field in error is not asked for again."""
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            raise ValidationError({"username": error.messages}) from error

    # What an event tells of an account: its rights with their values, of a person's data only that it changed.
    TOLD = ("username", "is_active", "is_staff", "is_superuser")
    PERSONAL = ("first_name", "last_name", "email")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new account, a change of its rights or name, and a new password are events."""
        fields = kwargs.get("update_fields")
        if fields is not None and set(fields) <= {"last_login"}:
            super().save(*args, **kwargs)
            return
        names = {*self.TOLD, *self.PERSONAL}
        password = self._password is not None  # type: ignore[attr-defined]  # Django forgets it when it is saved
        with transaction.atomic():
            stored = User.objects.filter(pk=self.pk).first() if self.pk else None
            super().save(*args, **kwargs)
            before = events.values_of(stored, names) if stored else {}
            was, now = events.differing(before, events.values_of(self, names))
            if stored is None:
                now = {name: value for name, value in now.items() if value != ""}
            if now:
                for told in (was, now):
                    told.update({name: "…" for name in self.PERSONAL if told.get(name)})
                events.record(events.Kind.ACCOUNT, about=self, name=self.username, before=was, after=now)
            if password:
                events.record(events.Kind.PASSWORD, about=self, name=self.username)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            before = events.values_of(self, set(self.TOLD))
            events.record(events.Kind.ACCOUNT, about=self, name=self.username, before=before)
            return super().delete(*args, **kwargs)

    def sight(self, *roles: str) -> Sight:
        """The subtrees that this person's roles reach (only `roles`, when some are named); asked once a request."""
        sights: dict[tuple[str, ...], Sight] = self.__dict__.setdefault("_sights", {})
        if roles not in sights:
            sights[roles] = self._sight(roles)
        return sights[roles]

    def _sight(self, roles: tuple[str, ...]) -> Sight:
        if self.is_superuser:
            return Sight([], everything=True)
        paths = [path for role, path in self._roles() if not roles or role in roles]
        if not paths:
            return Sight([], everything=False)
        rooted = {path for path in paths if path.count("/") == 1}
        if rooted and rooted >= set(Agency.objects.filter(parent=None).values_list("path", flat=True)):
            return Sight(paths, everything=True)
        return Sight(with_predecessors(paths, mergers()), everything=False)

    def _roles(self) -> list[tuple[str, str]]:
        return [(membership.role, membership.agency.path) for membership in self._memberships]

    @cached_property
    def _memberships(self) -> list[Membership]:
        return list(self.memberships.select_related("agency").order_by("role", "agency__path"))

    @property
    def unread_notices(self) -> int:
        """How many notices the person has not read; known of whoever makes a request (`agencies.signing_in`)."""
        return int(self.__dict__.get("unread", 0))

    @property
    def roles_in_words(self) -> list[str]:
        """What the account menu shows, such as “Jeju · Agency administrator”."""
        if self.is_superuser:
            return [gettext("System administrator")]
        return [
            f"{membership.agency.short} · {membership.get_role_display()}" for membership in self._memberships
        ]

    def has_role(self, *roles: str, at: Agency | None = None) -> bool:
        """Whether the person holds one of `roles` at the agency `at` or above it (anywhere, when none is named)."""
        if self.is_superuser:
            return True
        if at is None:
            return any(role in roles for role, _path in self._roles())
        return self.sight(*roles).covers(at.path)


class MembershipQuerySet(VisibleQuerySet):
    agency_lookup = "agency"

    def delete(self) -> tuple[int, dict[str, int]]:
        """One by one, so that each is an event."""
        with transaction.atomic():
            rows: list[Any] = list(self.select_related("user", "agency"))
            for membership in rows:
                membership.delete()
        return len(rows), {Membership._meta.label: len(rows)} if rows else {}


class Membership(models.Model):
    """A role of a person at an agency; it holds for that agency and all below it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="memberships", verbose_name=_("agency"))
    role = models.CharField(_("role"), max_length=20, choices=Role)

    objects = MembershipQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["user", "agency", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "agency", "role"],
                name="membership_once",
                violation_error_message=_("This person already has this role at this agency."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.get_role_display()} – {self.agency}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A role that is given or changed is an event, beside the row's history."""
        with transaction.atomic():
            stored = Membership.objects.filter(pk=self.pk).select_related("user", "agency").first()
            super().save(*args, **kwargs)
            before, after = stored._told() if stored else {}, self._told()
            if before != after:
                self._tell(before, after)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            self._tell(self._told(), {})
            return super().delete(*args, **kwargs)

    def _told(self) -> dict[str, str]:
        return {"user": self.user.username, "agency": self.agency.code, "role": self.role}

    def _tell(self, before: dict[str, str], after: dict[str, str]) -> None:
        events.record(events.Kind.ROLE, about=self.user, name=self.user.username, before=before, after=after)


class SavedView(models.Model):
    """A page with its filters, kept under a name by one person or shared with a committee."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("owner"))
    title = models.CharField(_("title"), max_length=100)
    page = models.CharField(_("page"), max_length=100, help_text=_("The name of the page's address."))
    query = models.TextField(_("filters"), blank=True)
    shared_with = models.ForeignKey(
        Agency,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="shared_views",
        verbose_name=_("shared with"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "title"], name="saved_view_title_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.title


from agencies.invitations import Invitation  # noqa: E402, F401  # models of this app, in modules of their own
from agencies.signing_in.places import KnownPlace  # noqa: E402, F401
