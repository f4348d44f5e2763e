"""Where figures and legal bases come from: reports, the documents that tell of them, and what each states."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.models import Agency, Role, User
from catalog.models import ByCode, Product
from figures.figure import Figure
from figures.naming import InLanguage
from figures.standing import Qualifier, Standing, value_matches_standing


class Report(models.Model):
    """The thing told of. Sources of one report speak of the same figures."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    title_ko = models.CharField(_("title in Korean"), max_length=200)
    title_en = models.CharField(_("title in English"), max_length=200)
    note_ko = models.TextField(_("note in Korean"), blank=True)
    note_en = models.TextField(_("note in English"), blank=True)

    objects = ByCode()
    history = HistoricalRecords()
    title = InLanguage("title")
    note = InLanguage("note")

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["code"]

    def __str__(self) -> str:
        return str(self.title)

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class SourceQuerySet(models.QuerySet):
    def published(self) -> SourceQuerySet:
        """What every signed-in user may read."""
        return self.filter(published_at__isnull=False)

    def readable_by(self, user: User) -> SourceQuerySet:
        """What is not published yet is for system administrators, and for the committee that prepares it."""
        if user.is_superuser:
            return self.all()
        own = Agency.objects.visible_to(user, Role.COMMITTEE_MEMBER, Role.POLICY_OFFICER)
        return self.filter(Q(published_at__isnull=False) | Q(prepared_by__in=own.order_by().values("pk")))


class SourceManager(models.Manager.from_queryset(SourceQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, code: str) -> Source:
        return self.get(code=code)


class Source(models.Model):
    """A document. What it does not say of itself (title, author, publisher, date, address) is empty: not given."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    label_ko = models.CharField(_("short name in Korean"), max_length=100)
    label_en = models.CharField(_("short name in English"), max_length=100)
    report = models.ForeignKey(
        Report,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sources",
        verbose_name=_("report it tells of"),
    )
    title = models.CharField(_("title"), max_length=300, blank=True)
    author = models.CharField(_("author"), max_length=200, blank=True)
    publisher = models.CharField(_("publisher"), max_length=200, blank=True)
    dated = models.DateField(_("date of the document"), null=True, blank=True)
    url = models.URLField(_("address"), max_length=500, blank=True)
    note_ko = models.TextField(_("note in Korean"), blank=True)
    note_en = models.TextField(_("note in English"), blank=True)
    published_at = models.DateTimeField(
        _("published in the register at"),
        null=True,
        blank=True,
        help_text=_("Until it is published, only system administrators see the source and its statements."),
    )
    prepared_by = models.ForeignKey(
        Agency,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sources_prepared",
        verbose_name=_("prepared by"),
        help_text=_(
            "Until it is published, the committee members and policy officers of this agency, or of one above, see it too."
        ),
    )

    objects = SourceManager()
    history = HistoricalRecords()
    label = InLanguage("label")
    note = InLanguage("note")

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["code"]

    def __str__(self) -> str:
        return str(self.label)

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    natural_key.dependencies = ["sources.report"]  # type: ignore[attr-defined]


class StatementQuerySet(models.QuerySet):
    def published(self) -> StatementQuerySet:
        return self.filter(source__published_at__isnull=False)


class StatementManager(models.Manager.from_queryset(StatementQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, source: str, code: str) -> Statement:
        return self.get(source__code=source, code=code)


class Statement(models.Model):
    """What a source says of a subject: its explicit member agencies, together or each of them."""

    class Measure(models.TextChoices):
        SPENDING = "spending", _("Spending")
        USERS = "users", _("Users")
        GOVERNMENTS_SUBSCRIBING = "governments_subscribing", _("Governments subscribing")
        DISTINCT_PROGRAMS = "distinct_programs", _("Distinct programs")
        GOVERNMENTS_BLOCKING = "governments_blocking", _("Governments blocking")
        NOTICE = "notice", _("Notice given")

    class Reading(models.TextChoices):
        TOGETHER = "together", _("All members together")
        EACH = "each", _("Each member")

    source = models.ForeignKey(Source, models.PROTECT, related_name="statements", verbose_name=_("source"))
    code = models.CharField(_("code"), max_length=20)
    subject = models.ManyToManyField(
        Agency, related_name="statements", verbose_name=_("member agencies"), blank=True
    )
    reading = models.CharField(_("reading"), max_length=10, choices=Reading, default=Reading.TOGETHER)
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="statements", verbose_name=_("AI tool")
    )
    measure = models.CharField(_("measure"), max_length=30, choices=Measure)
    period_from = models.DateField(_("period from"), null=True, blank=True)
    period_until = models.DateField(
        _("period until"), null=True, blank=True, help_text=_("The last day, included.")
    )
    standing = models.CharField(_("standing"), max_length=20, choices=Standing, default=Standing.STATED)
    value = models.BigIntegerField(
        _("value"), null=True, blank=True, help_text=_("Whole won, people, governments or programs.")
    )
    precision = models.PositiveBigIntegerField(
        _("precision"),
        default=1,
        help_text=_("The unit that the value was rounded to: 100,000 for tenths of a million."),
    )
    qualifier = models.CharField(_("qualifier"), max_length=10, choices=Qualifier, default=Qualifier.EXACT)
    rank = models.PositiveSmallIntegerField(
        _("rank"), null=True, blank=True, help_text=_("1 for the highest among those that the source ranks.")
    )
    text_ko = models.TextField(_("in our words, in Korean"), blank=True)
    text_en = models.TextField(_("in our words, in English"), blank=True)
    note_ko = models.TextField(_("note in Korean"), blank=True)
    note_en = models.TextField(_("note in English"), blank=True)

    objects = StatementManager()
    history = HistoricalRecords(m2m_fields=[subject])
    text = InLanguage("text")
    note = InLanguage("note")

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["source", "pk"]
        indexes = [models.Index(fields=["measure", "period_until"], name="statement_by_measure")]
        constraints = [
            models.UniqueConstraint(fields=["source", "code"], name="statement_code_once_per_source"),
            value_matches_standing("value", "standing", "statement_value_matches_standing"),
            models.CheckConstraint(
                name="statement_value_not_negative", condition=Q(value__isnull=True) | Q(value__gte=0)
            ),
            models.CheckConstraint(name="statement_precision_positive", condition=Q(precision__gte=1)),
            models.CheckConstraint(
                name="statement_period_in_order",
                condition=Q(period_from__isnull=True)
                | Q(period_until__isnull=True)
                | Q(period_until__gte=F("period_from")),
                violation_error_message=_("The period ends before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.source})"

    def natural_key(self) -> tuple[str, str]:
        return (self.source.code, self.code)

    natural_key.dependencies = ["sources.source", "agencies.agency", "catalog.product"]  # type: ignore[attr-defined]

    @property
    def figure(self) -> Figure:
        """The stated value with what its rounding and qualifier leave open, or the reason why there is none."""
        if self.value is None:
            return Figure.missing(Standing(self.standing))
        return Figure.stated(self.value, self.precision, Qualifier(self.qualifier))

    @property
    def is_money(self) -> bool:
        return self.measure == self.Measure.SPENDING
