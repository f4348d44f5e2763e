"""What: vendors and AI tools, with the facts that policies judge. Every such fact can be unknown."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_countries.fields import CountryField
from simple_history.models import HistoricalRecords

from figures.naming import InLanguage

CODE_VALIDATOR = RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", _("Use small letters, digits and hyphens."))
CODE_HELP = _("A short, stable name used in policies and files. It cannot be changed later.")


class ByCode(models.Manager):
    """A manager whose records go by their code in fixtures."""

    def get_by_natural_key(self, code: str) -> models.Model:
        return self.get(code=code)


class Category(models.Model):
    """What a tool is for."""

    code = models.SlugField(
        _("code"), max_length=40, unique=True, validators=[CODE_VALIDATOR], help_text=CODE_HELP
    )
    name_ko = models.CharField(_("name in Korean"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60)

    objects = ByCode()
    name = InLanguage("name")

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["code"]

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class Vendor(models.Model):
    """A company that offers AI tools."""

    code = models.SlugField(
        _("code"), max_length=60, unique=True, validators=[CODE_VALIDATOR], help_text=CODE_HELP
    )
    name_ko = models.CharField(_("name in Korean"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    country = CountryField(
        _("country of jurisdiction"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("The country whose law binds the vendor. Leave it empty when it is not known."),
    )
    website = models.URLField(_("website"), blank=True)

    objects = ByCode()
    history = HistoricalRecords()
    name = InLanguage("name")

    class Meta:
        verbose_name = _("vendor")
        verbose_name_plural = _("vendors")
        ordering = ["name_en", "pk"]

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class Product(models.Model):
    """An AI tool that agencies subscribe to.

    A list of facts (engines, regions, certifications) says whether it is known to be complete: an empty list alone never
    means "none".
    """

    code = models.SlugField(
        _("code"), max_length=60, unique=True, validators=[CODE_VALIDATOR], help_text=CODE_HELP
    )
    name_ko = models.CharField(_("name in Korean"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="products", verbose_name=_("vendor"))
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="products", verbose_name=_("category")
    )
    reference_url = models.URLField(
        pgettext_lazy("of facts", "reference"), blank=True, help_text=_("Where these facts can be read.")
    )
    trains_on_inputs = models.BooleanField(
        _("inputs train models"),
        null=True,
        blank=True,
        help_text=_("Leave it unknown unless the vendor's terms say so."),
    )
    engines = models.ManyToManyField(
        "self",
        symmetrical=False,
        blank=True,
        related_name="runs_in",
        verbose_name=_("models inside"),
        help_text=_("The products of others whose models run inside this one."),
    )
    engines_known = models.BooleanField(
        _("models inside are all known"),
        default=False,
        help_text=_(
            "Tick only when the list is complete. Ticked with an empty list: it runs its vendor's own models alone."
        ),
    )
    processing_regions = CountryField(_("processing regions"), multiple=True, blank=True)
    regions_known = models.BooleanField(_("processing regions are all known"), default=False)
    certifications_known = models.BooleanField(_("certifications are all known"), default=False)
    reviewed = models.BooleanField(
        _("reviewed"),
        default=False,
        db_index=True,
        help_text=_("A proposed tool is usable at once, and unreviewed until this is ticked."),
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="proposed_products",
        verbose_name=_("proposed by"),
    )

    objects = ByCode()
    history = HistoricalRecords(m2m_fields=[engines])
    name = InLanguage("name")

    class Meta:
        verbose_name = _("AI tool")
        verbose_name_plural = _("AI tools")
        ordering = ["name_en", "pk"]

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    natural_key.dependencies = ["catalog.vendor", "catalog.category"]  # type: ignore[attr-defined]


class CertificationManager(models.Manager["Certification"]):
    def get_by_natural_key(self, product: str, scheme: str, valid_from: str) -> Certification:
        return self.get(product__code=product, scheme=scheme, valid_from=valid_from)


class Certification(models.Model):
    """A security certification of a product: from a day until a day, with evidence; never a permanent yes."""

    class Scheme(models.TextChoices):
        CSAP_HIGH = "csap-high", _("CSAP high grade")
        CSAP_MEDIUM = "csap-medium", _("CSAP medium grade")
        CSAP_LOW = "csap-low", _("CSAP low grade")
        ISMS_P = "isms-p", _("ISMS-P")
        ISO_27001 = "iso-27001", _("ISO/IEC 27001")
        SOC_2 = "soc-2", _("SOC 2 Type II")

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="certifications", verbose_name=_("AI tool")
    )
    scheme = models.CharField(_("scheme"), max_length=20, choices=Scheme)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(
        _("valid until"), null=True, blank=True, help_text=_("The last day, included.")
    )
    evidence = models.CharField(_("evidence"), max_length=300, help_text=_("Certificate number or address."))

    objects = CertificationManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("certification")
        verbose_name_plural = _("certifications")
        ordering = ["product", "scheme", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["product", "scheme", "valid_from"], name="certification_once"),
            models.CheckConstraint(
                name="certification_in_order",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                violation_error_message=_("The certification ends before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} – {self.get_scheme_display()}"

    def natural_key(self) -> tuple[str, str, str]:
        return (self.product.code, self.scheme, str(self.valid_from))

    natural_key.dependencies = ["catalog.product"]  # type: ignore[attr-defined]

    def is_in_force(self, on: datetime.date) -> bool:
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)
