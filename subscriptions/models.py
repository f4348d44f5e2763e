"""Who pays for what, and how it stands with the rules."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.core.validators import MaxLengthValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.models import Agency
from agencies.visibility import VisibleQuerySet
from catalog.models import Product
from figures.standing import Standing, value_matches_standing
from policies.vocabulary import DataClass, PaymentRoute
from sources.models import Source, Statement
from subscriptions.facts_models import (  # noqa: F401  Django looks here
    AgencyTotals,
    Facts,
    FactsOrigin,
    FactsQuerySet,
    OfSubscription,
)
from subscriptions.finding_models import (  # noqa: F401  Django looks here
    Approval,
    Decision,
    Finding,
    FindingNote,
    PolicyCheck,
)
from subscriptions.import_models import FileImport, ImportedRow  # noqa: F401  Django looks here
from subscriptions.life_models import (  # noqa: F401  Django looks here
    Attachment,
    Comment,
    DecidedRecord,
    HandedOver,
    Handover,
    RemovedAttachment,
    Reopening,
    Responsible,
    StruckComment,
)
from subscriptions.money_models import Budget, PaymentSubmission, RegisterPricing  # noqa: F401  Django looks here
from subscriptions.ordering import lowest_if_unknown
from subscriptions.renewal_models import ReminderPlan, Renewal  # noqa: F401  Django looks here
from subscriptions.status import COMMITTED, LIVE, Status, in_force_on  # noqa: F401  asked for here by all
from subscriptions.tally_models import (  # noqa: F401  Django looks for models here
    PaidByAgency,
    PaidByAgencyMonth,
    PaidByProduct,
    PaidByProductMonth,
    PaidBySubscription,
    PaidChange,
    PaidInDetail,
)
from subscriptions.upload_models import KnownHeader, Upload, WrittenRow  # noqa: F401  Django looks here

# The database holds people to these limits too, so that a 10 MB text is a message and not a row.
LONG_TEXT = 2000
# More than the nation's budget, and little enough that sums of thousands of such payments are whole numbers of 64 bits.
LARGEST_PAYMENT = 10**15


class SubscriptionQuerySet(VisibleQuerySet):
    def live(self) -> SubscriptionQuerySet:
        return self.filter(status__in=LIVE)

    def in_force(self, on: datetime.date) -> SubscriptionQuerySet:
        """See `in_force_on`."""
        return self.filter(in_force_on(on))

    def with_list_columns(self) -> SubscriptionQuerySet:
        """What a list shows of each, and nothing more: of about a hundred columns it shows ten."""
        return self.select_related("agency", "product", "facts", "facts_origin").only(
            "reference",
            "facts_origin__rates",
            "status",
            "started_on",
            "ends_on",
            *(f"agency__short_{language}" for language in ("ko", "en")),
            *(f"product__name_{language}" for language in ("ko", "en")),
            *(f"facts__{fact}_{end}" for fact in ("seats", "annual_cost") for end in ("min", "max")),
        )


class SubscriptionManager(models.Manager.from_queryset(SubscriptionQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, reference: str) -> Subscription:
        return self.get(reference=reference)


# By these nobody looks for a state that a record had, and ten indexes are dear to keep.
NOT_LOOKED_UP = [
    "reference",
    "submission",
    "started_on",
    "ends_on",
    "agency",
    "product",
    "payer",
    "recorded_by",
    "statement",
]


class Subscription(models.Model):
    """One agency's subscription to one AI tool."""

    class Provenance(models.TextChoices):
        BY_HAND = "by_hand", _("Entered by hand")
        IMPORTED = "imported", _("Imported from a file")
        STATEMENT = "statement", _("Taken from a source's statement")

    reference = models.CharField(
        _("reference"),
        max_length=40,
        unique=True,
        editable=False,
        help_text=_("Agency code, year and number; it never changes."),
    )
    agency = models.ForeignKey(
        Agency,
        models.PROTECT,
        related_name="subscriptions",
        verbose_name=_("agency"),
        help_text=_("The agency that uses the tool."),
    )
    payer = models.ForeignKey(
        Agency,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions_paid",
        verbose_name=_("payer"),
        help_text=_("Only when another agency pays."),
    )
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="subscriptions", verbose_name=_("AI tool")
    )
    plan = models.CharField(
        _("plan"), max_length=100, blank=True, help_text=_("As the vendor calls it, such as Team.")
    )
    reseller = models.CharField(_("reseller"), max_length=100, blank=True)
    contract_number = models.CharField(_("contract number"), max_length=60, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    owner_department = models.CharField(
        _("owner department"),
        max_length=100,
        blank=True,
        help_text=_("The department that answers for it and is reminded."),
    )
    purpose = models.TextField(
        _("purpose"), blank=True, max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)]
    )
    data_class = models.CharField(
        _("highest data class"),
        max_length=12,
        choices=DataClass,
        null=True,
        blank=True,
        help_text=_("The highest class of data put into the tool (N2SF)."),
    )
    personal_data = models.BooleanField(_("personal data"), null=True, blank=True)
    started_on = models.DateField(_("starts on"), null=True, blank=True, db_index=True)
    ends_on = models.DateField(
        _("ends on"), null=True, blank=True, db_index=True, help_text=_("The last day in force.")
    )
    auto_renewal = models.BooleanField(_("automatic renewal"), null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(
        _("notice days"),
        null=True,
        blank=True,
        help_text=_("How many days before the end notice must be given."),
    )
    payment_route = models.CharField(
        _("payment route"), max_length=24, choices=PaymentRoute, null=True, blank=True
    )
    declared = models.BooleanField(
        _("declared as already in use"),
        default=False,
        help_text=_("It was in use before it was recorded here."),
    )
    provenance = models.CharField(
        _("provenance"), max_length=10, choices=Provenance, default=Provenance.BY_HAND
    )
    statement = models.ForeignKey(
        Statement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions",
        verbose_name=_("statement it is taken from"),
    )
    imported_from = models.CharField(_("imported from"), max_length=200, blank=True)
    imported_line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions_recorded",
        verbose_name=_("recorded by"),
    )
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    submission = models.UUIDField(_("submission"), null=True, blank=True, unique=True, editable=False)

    objects = SubscriptionManager()
    history = HistoricalRecords(no_db_index=NOT_LOOKED_UP)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["-pk"]
        indexes = [
            # The newest of some agencies, read from the index alone; and how many some agencies have.
            models.Index(fields=["id", "agency", "status"], name="subscription_newest"),
            models.Index(fields=["agency", "status", "product"], name="subscription_of_agency"),
            models.Index(fields=["product", "status"], name="subscription_product_status"),
            models.Index(fields=["status", "id"], name="subscription_status"),
            models.Index(fields=["data_class", "id"], name="subscription_data_class"),
            models.Index(
                lowest_if_unknown("started_on").desc(), F("id").desc(), name="subscription_by_start"
            ),
            models.Index(lowest_if_unknown("ends_on").desc(), F("id").desc(), name="subscription_by_end"),
            models.Index(
                fields=["contract_number", "reseller"],
                condition=~Q(contract_number=""),
                name="subscription_of_contract",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="subscription_in_order",
                condition=Q(ends_on__isnull=True)
                | Q(started_on__isnull=True)
                | Q(ends_on__gte=F("started_on")),
                violation_error_message=_("The subscription ends before it starts."),
            ),
            models.CheckConstraint(
                name="subscription_start_known_when_active",
                condition=~Q(status__in=["approved", "active"])
                | Q(started_on__isnull=False)
                | Q(provenance="statement"),
                violation_error_message=_("Give the first day of a subscription that is approved or active."),
            ),
            models.CheckConstraint(
                name="subscription_statement_of_provenance",
                condition=~Q(provenance="statement") | Q(statement__isnull=False),
                violation_error_message=_("Name the statement that the subscription is taken from."),
            ),
            models.CheckConstraint(name="subscription_status_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="subscription_data_class_known",
                condition=Q(data_class__isnull=True) | Q(data_class__in=DataClass.values),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def natural_key(self) -> tuple[str]:
        return (self.reference,)

    natural_key.dependencies = ["agencies.agency", "catalog.product", "sources.statement"]  # type: ignore[attr-defined]

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:detail", args=[self.reference])

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class PriceLineManager(models.Manager["PriceLine"]):
    def get_by_natural_key(self, reference: str, position: int) -> PriceLine:
        return self.get(subscription__reference=reference, position=position)


class PriceLine(models.Model):
    """What is paid, for how many seats, during a period. Lines may overlap (base plus fee); the cost is their sum."""

    class Basis(models.TextChoices):
        PER_SEAT = "per_seat", _("Per seat")
        FLAT = "flat", _("Flat")

    class Vat(models.TextChoices):
        INCLUDED = "included", _("VAT included")
        EXCLUDED = "excluded", _("VAT excluded")
        NOT_GIVEN = "not_given", _("VAT not given")

    class Cycle(models.TextChoices):
        MONTHLY = "monthly", _("Monthly")
        QUARTERLY = "quarterly", _("Quarterly")
        ANNUAL = "annual", _("Annual")
        ONE_OFF = "one_off", _("One-off")
        USAGE = "usage", _("By usage, up to a yearly cap")

    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="price_lines", verbose_name=_("subscription")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    starts_on = models.DateField(
        _("from"), null=True, blank=True, help_text=_("Empty: from the subscription's first day.")
    )
    ends_on = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last day, included. Empty: until the end.")
    )
    seats = models.PositiveIntegerField(
        _("seats"),
        null=True,
        blank=True,
        validators=[
            MinValueValidator(1, _("Seats are 1 or more. Leave it empty when the number is not known."))
        ],
        help_text=_("Bought, not used. Empty: not given."),
    )
    basis = models.CharField(_("price"), max_length=8, choices=Basis, default=Basis.PER_SEAT)
    standing = models.CharField(_("amount is"), max_length=20, choices=Standing, default=Standing.STATED)
    amount = models.BigIntegerField(
        _("amount"),
        null=True,
        blank=True,
        help_text=_("In whole won, or in the smallest unit of another currency (cents)."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        default="KRW",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("Use the three letters of ISO 4217, such as KRW."))],
    )
    vat = models.CharField(_("VAT"), max_length=10, choices=Vat, default=Vat.NOT_GIVEN)
    cycle = models.CharField(_("billed"), max_length=10, choices=Cycle, default=Cycle.MONTHLY)

    objects = PriceLineManager.from_queryset(OfSubscription)()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("price line")
        verbose_name_plural = _("price lines")
        ordering = ["subscription", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "position"], name="price_line_position_once"),
            value_matches_standing("amount", "standing", "price_line_amount_matches_standing"),
            models.CheckConstraint(
                name="price_line_amount_not_negative",
                condition=Q(amount__isnull=True) | Q(amount__gte=0),
                violation_error_message=_("An amount is not negative."),
            ),
            models.CheckConstraint(
                name="price_line_amount_has_currency",
                condition=Q(amount__isnull=True) | ~Q(currency=""),
                violation_error_message=_("Say in which currency the amount is."),
            ),
            models.CheckConstraint(
                name="price_line_seats_positive",
                condition=Q(seats__isnull=True) | Q(seats__gte=1),
                violation_error_message=_(
                    "Seats are 1 or more. Leave it empty when the number is not known."
                ),
            ),
            models.CheckConstraint(
                name="price_line_in_order",
                condition=Q(ends_on__isnull=True)
                | Q(starts_on__isnull=True)
                | Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("The price line ends before it starts."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} #{self.position}"

    def natural_key(self) -> tuple[str, int]:
        return (self.subscription.reference, self.position)

    natural_key.dependencies = ["subscriptions.subscription"]  # type: ignore[attr-defined]


class UserCount(models.Model):
    """How many people use a tool, or any tool, on a day. Never summed across tools: one person uses several."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="user_counts", verbose_name=_("agency"))
    subscription = models.ForeignKey(
        Subscription,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="user_counts",
        verbose_name=_("subscription"),
    )
    day = models.DateField(_("day"))
    standing = models.CharField(_("standing"), max_length=20, choices=Standing, default=Standing.STATED)
    value = models.PositiveIntegerField(_("people"), null=True, blank=True)

    objects = VisibleQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("user count")
        verbose_name_plural = _("user counts")
        ordering = ["agency", "-day"]
        constraints = [
            models.UniqueConstraint(fields=["agency", "subscription", "day"], name="user_count_once_a_day"),
            # Nulls are distinct to a database, so the count over all tools needs a constraint of its own.
            models.UniqueConstraint(
                fields=["agency", "day"],
                condition=Q(subscription=None),
                name="user_count_over_all_once_a_day",
            ),
            value_matches_standing("value", "standing", "user_count_value_matches_standing"),
        ]

    def __str__(self) -> str:
        return f"{self.agency} {self.day}"


class Payment(models.Model):
    """Money that left. Spending comes from payments alone, never from prices."""

    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="payments", verbose_name=_("subscription")
    )
    paid_on = models.DateField(_("paid on"), db_index=True)
    amount = models.BigIntegerField(
        _("amount"), help_text=_("In the smallest unit of the currency; a refund is negative.")
    )
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    rate = models.BigIntegerField(
        _("rate used"), null=True, blank=True, help_text=_("Won per unit, times 1,000,000; empty for won.")
    )
    won = models.BigIntegerField(_("won amount"), null=True, blank=True, help_text=_("Empty: not known."))
    document_number = models.CharField(_("document number"), max_length=60, blank=True)

    objects = OfSubscription.as_manager()
    # A reason may need more than the hundred characters that a history has for it otherwise.
    history = HistoricalRecords(history_change_reason_field=models.TextField(null=True))

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-paid_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="payment_in_won_is_its_amount",
                condition=~Q(currency="KRW") | Q(won=F("amount")),
                violation_error_message=_("A payment in won is its own won amount."),
            ),
            models.CheckConstraint(
                name="payment_can_be_added_up",
                condition=Q(won__isnull=True) | Q(won__range=(-LARGEST_PAYMENT, LARGEST_PAYMENT)),
                violation_error_message=_("A payment is at most 1,000 trillion won."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.paid_on}"


class ExchangeRate(models.Model):
    """Won for one unit of a currency, as published on a day."""

    SCALE = 1_000_000
    DAYS_VALID = 7

    currency = models.CharField(_("currency"), max_length=3, validators=[RegexValidator(r"^[A-Z]{3}\Z")])
    day = models.DateField(_("day"))
    rate = models.BigIntegerField(
        _("rate"), help_text=_("Won per unit, times 1,000,000."), validators=[MinValueValidator(1)]
    )
    source = models.ForeignKey(
        Source, models.PROTECT, null=True, blank=True, related_name="exchange_rates", verbose_name=_("source")
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["currency", "-day"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(name="exchange_rate_positive", condition=Q(rate__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.day}"
