"""The tree of agencies: their names, codes and places in it over time."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.utils import bulk_update_with_history

from agencies.paths import TreePathField, below
from agencies.rechecking import Recheck
from agencies.visibility import VisibleQuerySet
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
        from agencies.duties import check_place, hold_duties

        hold_duties()
        if self.parent:
            self.parent.refresh_from_db(fields=["path"])
            own = (
                Agency.objects.filter(pk=self.pk).values_list("path", flat=True).first() if self.pk else None
            )
            if own and self.parent.path.startswith(own):
                raise ValidationError({"parent": _("An agency cannot be below itself.")})
        check_place(self)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the path equal to the place in the tree, for this agency and, after a move, for all below it.

        Where the parent stands is asked for once nobody else can move it.
        """
        from agencies.duties import hold_duties

        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "path"}
        with transaction.atomic():
            hold_duties()
            old = Agency.objects.filter(pk=self.pk).first() if self.pk else None
            above = Agency.objects.filter(pk=self.parent_id).values_list("path", flat=True).first()
            self.path = below(self.code, above or "")
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
