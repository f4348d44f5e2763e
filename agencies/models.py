"""Who: the tree of agencies, its people and their roles, and what they are told."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.utils import bulk_update_with_history

from agencies.notice_models import (  # noqa: F401  Django looks for models here
    Delivery,
    DepartmentContact,
    NoticePreferences,
)
from agencies.paths import TreePathField, below
from agencies.visibility import Sight, VisibleQuerySet
from audit import events
from figures.naming import InLanguage


class AgencyQuerySet(VisibleQuerySet):
    agency_lookup = ""

    def within(self, agency: Agency) -> AgencyQuerySet:
        """The agency and all below it."""
        return self.filter(path__within=agency.path)

    def active_on(self, day: datetime.date) -> AgencyQuerySet:
        return self.filter(
            Q(active_from__isnull=True) | Q(active_from__lte=day),
            Q(active_until__isnull=True) | Q(active_until__gte=day),
        )


class AgencyManager(models.Manager.from_queryset(AgencyQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, code: str) -> Agency:
        return self.get(code=code)


class Agency(models.Model):
    """A public body that subscribes, pays or oversees. Its code never changes; its names may."""

    class Kind(models.TextChoices):
        NATION = "nation", _("National government")
        MINISTRY = "ministry", _("Ministry or central agency")
        SPECIAL_CITY = "special_city", _("Special city")
        METROPOLITAN_CITY = "metropolitan_city", _("Metropolitan city")
        SPECIAL_SELF_GOVERNING_CITY = "special_self_governing_city", _("Special self-governing city")
        PROVINCE = "province", _("Province")
        SPECIAL_SELF_GOVERNING_PROVINCE = (
            "special_self_governing_province",
            _("Special self-governing province"),
        )
        CITY = "city", _("City")
        COUNTY = "county", _("County")
        DISTRICT = "district", _("District")
        OFFICE = "office", _("Office")
        PUBLIC_INSTITUTION = "public_institution", _("Public institution")

    # The 17 governments below the nation: kinds that the report tells apart.
    METROPOLITAN_AND_PROVINCIAL = (
        Kind.SPECIAL_CITY,
        Kind.METROPOLITAN_CITY,
        Kind.SPECIAL_SELF_GOVERNING_CITY,
        Kind.PROVINCE,
        Kind.SPECIAL_SELF_GOVERNING_PROVINCE,
    )

    code = models.CharField(
        _("code"),
        max_length=20,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9-]*\Z", _("Use capital letters, digits and hyphens."))],
        help_text=_(
            "ISO 3166-2:KR for the 17 governments, any stable code below them. It cannot be changed later."
        ),
    )
    name_ko = models.CharField(_("full name in Korean"), max_length=100)
    name_en = models.CharField(_("full name in English"), max_length=100)
    short_ko = models.CharField(_("short name in Korean"), max_length=40)
    short_en = models.CharField(_("short name in English"), max_length=40)
    kind = models.CharField(_("kind"), max_length=40, choices=Kind, db_index=True)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent agency"),
    )
    path = TreePathField(_("place in the tree"), unique=True)
    active_from = models.DateField(_("active from"), null=True, blank=True)
    active_until = models.DateField(
        _("active until"), null=True, blank=True, help_text=_("The last day, included.")
    )
    successor = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("successor"),
        help_text=_("After a merger, the agency whose people see these records."),
    )

    objects = AgencyManager()
    history = HistoricalRecords()

    name = InLanguage("name")
    short = InLanguage("short")

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["path"]
        constraints = [
            models.CheckConstraint(
                name="agency_active_in_order",
                condition=Q(active_until__isnull=True)
                | Q(active_from__isnull=True)
                | Q(active_until__gte=F("active_from")),
                violation_error_message=_("The last active day is before the first."),
            ),
            models.CheckConstraint(
                name="agency_not_its_own_parent",
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                violation_error_message=_("An agency cannot be below itself."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    def clean(self) -> None:
        if self.pk and Agency.objects.filter(pk=self.pk).exclude(code=self.code).exists():
            raise ValidationError(
                {"code": _("An agency keeps its code. Record a new agency and name it the successor.")}
            )
        if self.pk and self.parent_id and self.parent.path.startswith(self.path or "\0"):  # type: ignore[union-attr]
            raise ValidationError({"parent": _("An agency cannot be below itself.")})
        from agencies.duties import check_place

        check_place(self)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the path equal to the place in the tree, for this agency and, after a move, for all below it."""
        old = Agency.objects.filter(pk=self.pk).first() if self.pk else None
        self.path = below(self.code, self.parent.path if self.parent else "")
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "path"}
        with transaction.atomic():
            super().save(*args, **kwargs)
            if old is None:
                return
            if old.path != self.path:
                below_it = list(Agency.objects.filter(path__within=old.path).exclude(pk=self.pk))
                for agency in below_it:
                    agency.path = self.path + agency.path[len(old.path) :]
                bulk_update_with_history(below_it, Agency, ["path"], batch_size=500)
            if any(
                getattr(old, name) != getattr(self, name) for name in ("path", "kind", "name_ko", "name_en")
            ):
                Recheck.ask(Recheck.About.AGENCY, self.code)

    def name_on(self, day: datetime.date) -> str:
        """The full name in force on `day`, in the reader's language."""
        former = self.former_names.filter(used_until__gte=day).order_by("used_until").first()
        return str(former.name if former else self.name)


class FormerNameManager(models.Manager["FormerName"]):
    def get_by_natural_key(self, agency: str, used_until: str) -> FormerName:
        return self.get(agency__code=agency, used_until=used_until)


class FormerName(models.Model):
    """A name that an agency bore until a day; the agency itself stays the same."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="former_names", verbose_name=_("agency"))
    name_ko = models.CharField(_("full name in Korean"), max_length=100)
    name_en = models.CharField(_("full name in English"), max_length=100)
    used_until = models.DateField(_("used until"), help_text=_("The last day, included."))

    objects = FormerNameManager()
    name = InLanguage("name")

    class Meta:
        verbose_name = _("former name")
        verbose_name_plural = _("former names")
        ordering = ["agency", "used_until"]
        constraints = [
            models.UniqueConstraint(fields=["agency", "used_until"], name="former_name_once_a_day")
        ]

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[str, str]:
        return (self.agency.code, str(self.used_until))

    natural_key.dependencies = ["agencies.agency"]  # type: ignore[attr-defined]


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


def mergers() -> list[tuple[str, str]]:
    """The path of every agency that has merged into another, and of that other."""
    return list(Agency.objects.exclude(successor=None).values_list("path", "successor__path"))


def with_predecessors(paths: list[str], merged: list[tuple[str, str]]) -> list[str]:
    """The subtrees with those that have merged into them, and into those in turn."""
    reached = list(paths)
    for reach in reached:  # grows while it is read
        reached += [
            path for path, into in merged if into.startswith(reach) and not path.startswith(tuple(reached))
        ]
    return reached


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
        User, models.CASCADE, null=True, blank=True, related_name="notices", verbose_name=_("recipient")
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


class Recheck(models.Model):
    """Verdicts that a change has made stale: written in that change's transaction, drained by `subscriptions`."""

    class About(models.TextChoices):
        AGENCY = "agency", _("Agency")
        VENDOR = "vendor", _("Vendor")
        PRODUCT = "product", _("Product")
        POLICY = "policy", _("Policy")
        WAIVER = "waiver", _("Waiver")
        EXCHANGE_RATE = "exchange_rate", _("Exchange rate")
        EVERYTHING = "everything", _("Everything")

    about = models.CharField(_("about"), max_length=20, choices=About)
    code = models.CharField(_("code"), max_length=100)
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)

    class Meta:
        verbose_name = _("pending re-check")
        verbose_name_plural = _("pending re-checks")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_about_display()} {self.code}"

    @classmethod
    def ask(cls, about: About, code: str) -> Recheck:
        """Note that everything that depends on the thing `code` must be judged anew, and say so after the commit."""
        from agencies.rechecking import announce

        recheck = cls.objects.create(about=about, code=code)
        announce()
        return recheck


from agencies.invitations import Invitation  # noqa: E402, F401  # models of this app, in modules of their own
from agencies.signing_in.places import KnownPlace  # noqa: E402, F401
