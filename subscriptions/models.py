"""Who pays for what, and how it stands with the rules."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.models import Agency
from agencies.paths import TreePathField
from agencies.visibility import VisibleQuerySet
from catalog.models import Product
from figures.standing import Standing, value_matches_standing
from policies.models import Policy, PolicyVersion, Waiver
from policies.verdicts import Effect, Outcome, Verdict
from policies.vocabulary import DataClass, PaymentRoute
from sources.models import Source, Statement
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
from subscriptions.search import SearchField
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


class Status(models.TextChoices):
    """Where a subscription is in its life. It records decisions; whether it is in force on a day follows from its dates."""

    DRAFT = "draft", _("Draft")
    REQUESTED = "requested", _("Requested")
    APPROVED = "approved", _("Approved")
    ACTIVE = "active", _("Active")
    ENDED = "ended", _("Ended")
    REFUSED = "refused", _("Refused")
    VOID = "void", _("Void")


# What policies judge, and what the register counts as recorded.
LIVE = (Status.REQUESTED, Status.APPROVED, Status.ACTIVE)
# What is approved to start: its cost is committed.
COMMITTED = (Status.APPROVED, Status.ACTIVE)

# The database holds people to these limits too, so that a 10 MB text is a message and not a row.
LONG_TEXT = 2000
# More than the nation's budget, and little enough that sums of thousands of such payments are whole numbers of 64 bits.
LARGEST_PAYMENT = 10**15


def in_force_on(day: datetime.date) -> Q:
    """Approved to start, started on or before the day, and not ended before it. An unknown start counts as started."""
    started = Q(started_on__isnull=True) | Q(started_on__lte=day)
    not_ended = Q(ends_on__isnull=True) | Q(ends_on__gte=day)
    return started & not_ended & Q(status__in=COMMITTED)


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


class OfSubscription(VisibleQuerySet):
    """Records that belong to a subscription: seen by whoever sees its agency."""

    agency_lookup = "subscription__agency"


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


class FactsQuerySet(OfSubscription):
    def judged(self) -> FactsQuerySet:
        """The rows that policies judge."""
        return self.filter(status__in=LIVE)


class Facts(models.Model):
    """The facts of one subscription on a day, flat and indexed: what policies judge and lists sort by.

    Derived, and always equal to its recomputation (`subscriptions.facts`). A null is an unknown fact; see
    `policies.vocabulary.Type` for the columns of each type. Won, seats and months are whole numbers.
    """

    subscription = models.OneToOneField(Subscription, models.CASCADE, primary_key=True, related_name="facts")
    day = models.DateField()
    status = models.CharField(max_length=10, choices=Status)
    agency_path = TreePathField()
    search = SearchField(blank=True)
    agency_kind = models.CharField(max_length=40)
    product = models.CharField(max_length=60)
    vendor = models.CharField(max_length=60)
    category = models.CharField(max_length=40, null=True)
    vendor_country = models.CharField(max_length=2, null=True)
    engine_product = models.TextField(default="|")
    engine_product_known = models.BooleanField(default=False)
    engine_vendor = models.TextField(default="|")
    engine_vendor_known = models.BooleanField(default=False)
    engine_country = models.TextField(default="|")
    engine_country_known = models.BooleanField(default=False)
    processing_region = models.TextField(default="|")
    processing_region_known = models.BooleanField(default=False)
    trains_on_inputs = models.BooleanField(null=True)
    certification = models.TextField(default="|")
    certification_known = models.BooleanField(default=False)
    product_reviewed = models.BooleanField(null=True)
    data_class = models.CharField(max_length=12, null=True)
    personal_data = models.BooleanField(null=True)
    seats_min = models.BigIntegerField(null=True)
    seats_max = models.BigIntegerField(null=True)
    seat_price_min = models.BigIntegerField(null=True)
    seat_price_max = models.BigIntegerField(null=True)
    monthly_cost_min = models.BigIntegerField(null=True)
    monthly_cost_max = models.BigIntegerField(null=True)
    annual_cost_min = models.BigIntegerField(null=True)
    annual_cost_max = models.BigIntegerField(null=True)
    term_min = models.BigIntegerField(null=True)
    term_max = models.BigIntegerField(null=True)
    auto_renewal = models.BooleanField(null=True)
    payment_route = models.CharField(max_length=24, null=True)
    owner_named = models.BooleanField(null=True)

    objects = FactsQuerySet.as_manager()

    class Meta:
        verbose_name = _("facts")
        verbose_name_plural = _("facts")
        indexes = [
            models.Index(
                lowest_if_unknown("annual_cost_min").desc(),
                F("subscription").desc(),
                name="facts_by_annual_cost",
            ),
            models.Index(
                lowest_if_unknown("seats_min").desc(), F("subscription").desc(), name="facts_by_seats"
            ),
            models.Index(fields=["vendor", "status"], name="facts_vendor_status"),
            models.Index(fields=["product"], name="facts_product"),
        ]

    def __str__(self) -> str:
        return str(self.subscription_id)


class FactsOrigin(models.Model):
    """What the flat facts of one subscription were made of, so that a check finds those that may be others now.

    Kept by `subscriptions.origins`. `holds_until` is the last day that they hold for by the dates alone; none: for good.
    """

    subscription = models.OneToOneField(
        Subscription,
        models.CASCADE,
        primary_key=True,
        related_name="facts_origin",
        verbose_name=_("subscription"),
    )
    digest = models.CharField(_("digest"), max_length=40)
    lines = models.TextField(_("digest of the price lines"), blank=True)
    rates = models.TextField(_("exchange rates used"), blank=True)
    holds_until = models.DateField(_("holds until"), null=True)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("origin of facts")
        verbose_name_plural = _("origins of facts")
        indexes = [
            models.Index(
                fields=["subscription"],
                name="facts_origin_rate_missing",
                condition=Q(rates__endswith="=") | Q(rates__contains="= "),
            )
        ]

    def __str__(self) -> str:
        return str(self.subscription_id)


class AgencyTotalsQuerySet(VisibleQuerySet):
    pass


class AgencyTotals(models.Model):
    """What the live subscriptions of an agency come to: its own, and those of the agency with all below it.

    Derived, and always equal to its recomputation (`subscriptions.totals`). The totals with all below are kept only for
    agencies that have live subscriptions of their own, since nothing else is judged by them. Whole won.
    """

    agency = models.OneToOneField(Agency, models.CASCADE, primary_key=True, related_name="totals")
    own_subscriptions = models.PositiveIntegerField(default=0)
    own_min = models.BigIntegerField(default=0)
    own_max = models.BigIntegerField(default=0)
    own_open = models.PositiveIntegerField(default=0)
    own_products = models.TextField(default="|")
    agency_annual_cost_min = models.BigIntegerField(null=True)
    agency_annual_cost_max = models.BigIntegerField(null=True)
    agency_products_min = models.BigIntegerField(null=True)
    agency_products_max = models.BigIntegerField(null=True)

    objects = AgencyTotalsQuerySet.as_manager()

    class Meta:
        verbose_name = _("totals of an agency")
        verbose_name_plural = _("totals of agencies")

    def __str__(self) -> str:
        return str(self.agency_id)


class Approval(models.Model):
    """A policy officer's approval of one subscription under one policy version, until a material change ends it."""

    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="approvals", verbose_name=_("subscription")
    )
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="approvals", verbose_name=_("policy version")
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="approvals", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), default=timezone.now)
    reason = models.TextField(_("reason"), max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)])
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = OfSubscription.as_manager()

    class Meta:
        verbose_name = _("officer's approval")
        verbose_name_plural = _("officers' approvals")
        ordering = ["-approved_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "policy_version"],
                condition=Q(ended_at__isnull=True),
                name="approval_once_until_it_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription} – {self.policy_version}"


class FindingQuerySet(OfSubscription):
    def open(self) -> FindingQuerySet:
        return self.filter(closed_at__isnull=True)

    def needing_attention(self) -> FindingQuerySet:
        """Open, and not excused by a waiver or an approval."""
        return self.open().exclude(verdict=Verdict.WAIVED)


class PolicyCheck(models.Model):
    """When the findings of a policy, all of them, were last made to follow its verdicts, or found to follow them."""

    policy = models.OneToOneField(
        Policy, models.CASCADE, primary_key=True, related_name="check_of_all", verbose_name=_("policy")
    )
    checked_at = models.DateTimeField(_("checked at"))

    class Meta:
        verbose_name = _("check of a policy")
        verbose_name_plural = _("checks of policies")

    def __str__(self) -> str:
        return str(self.policy_id)


class Finding(models.Model):
    """That a subscription does not pass a policy: one row for each pair, closed when it is over and never deleted."""

    class Cause(models.TextChoices):
        NONE = "", "–"
        WAIVER = "waiver", _("Waiver")
        APPROVED = "approved", _("Approved by a policy officer")

    class Closing(models.TextChoices):
        PASSES = "passes", _("It passes now")
        NOT_JUDGED = "not_judged", _("The subscription is not live any more")
        NOT_APPLICABLE = "not_applicable", _("The policy does not apply any more")

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="findings", verbose_name=_("policy"))
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="findings", verbose_name=_("policy version")
    )
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="findings", verbose_name=_("subscription")
    )
    verdict = models.CharField(_("verdict"), max_length=14, choices=Verdict)
    effect = models.CharField(_("effect"), max_length=10, choices=Effect)
    cause = models.CharField(
        _("waived because"), max_length=10, choices=Cause, blank=True, default=Cause.NONE
    )
    waiver = models.ForeignKey(
        Waiver, models.PROTECT, null=True, blank=True, related_name="findings", verbose_name=_("waiver")
    )
    unwaived_verdict = models.CharField(
        _("verdict without the waiver"),
        max_length=14,
        choices=Verdict,
        help_text=_("A waived finding keeps being evaluated."),
    )
    deciding_facts = models.JSONField(_("facts that decided"), default=dict)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    remedy_due = models.DateField(_("remedy due"), null=True, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="findings_assigned",
        verbose_name=_("assigned to"),
    )
    escalated_at = models.DateTimeField(_("escalated at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_because = models.CharField(_("closed because"), max_length=16, choices=Closing, blank=True)

    objects = FindingQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=["last_seen"], no_db_index=["policy", "policy_version", "waiver", "assigned_to"]
    )

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["-first_seen", "-pk"]
        indexes = [
            # A check opens many findings at one instant, so the key is part of each order.
            models.Index(fields=["-first_seen", "-id"], name="finding_newest"),
            models.Index(fields=["closed_at", "-first_seen", "-id"], name="finding_open"),
            models.Index(
                fields=["closed_at", "verdict", "-first_seen", "-id"], name="finding_open_by_verdict"
            ),
            models.Index(fields=["policy", "closed_at", "-first_seen", "-id"], name="finding_of_policy"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "subscription"], name="finding_once_per_policy_and_subscription"
            ),
            models.CheckConstraint(
                name="finding_never_passes", condition=Q(verdict__in=["violation", "waived", "undetermined"])
            ),
            models.CheckConstraint(
                name="finding_waived_has_cause",
                condition=Q(verdict="waived", cause__in=["waiver", "approved"])
                | (~Q(verdict="waived") & Q(cause="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} – {self.subscription}"

    @property
    def seen_at(self) -> datetime.datetime:
        """When it was last found to stand: what a check of everything finds unchanged is not written again."""
        check = PolicyCheck.objects.filter(policy=self.policy_id).first() if self.closed_at is None else None
        return max(self.last_seen, check.checked_at) if check else self.last_seen


class OfFinding(VisibleQuerySet):
    agency_lookup = "finding__subscription__agency"


class FindingNote(models.Model):
    """What somebody wrote about a finding. Kept; a correction is another note."""

    finding = models.ForeignKey(Finding, models.PROTECT, related_name="notes", verbose_name=_("finding"))
    text = models.TextField(_("comment"), max_length=LONG_TEXT, validators=[MaxLengthValidator(LONG_TEXT)])
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="finding_notes", verbose_name=_("by")
    )
    written_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = OfFinding.as_manager()

    class Meta:
        verbose_name = _("comment on a finding")
        verbose_name_plural = _("comments on findings")
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class DecisionQuerySet(OfSubscription):
    def update(self, **kwargs: Any) -> int:
        raise TypeError("decisions are append-only")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("decisions are append-only")


class Decision(models.Model):
    """An attempt to record, request, approve or otherwise decide on a subscription: verdicts and outcome. Append-only."""

    class Act(models.TextChoices):
        RECORD = "record", _("Record")
        DECLARE = "declare", _("Record as already in use")
        REQUEST = "request", _("Request")
        CHANGE = "change", _("Change")
        OFFICER_APPROVE = "officer_approve", _("Policy officer's approval")
        APPROVE = "approve", _("Approve")
        ACTIVATE = "activate", _("Activate")
        REFUSE = "refuse", _("Refuse")
        RENEW = "renew", _("Renew")
        LET_END = "let_end", _("Decide not to renew")
        RECONSIDER = "reconsider", _("Decide on the renewal anew")
        END = "end", _("End")
        VOID = "void", _("Declare void")
        WITHDRAW = "withdraw", _("Withdraw the request")
        REOPEN = "reopen", _("Bring back as a draft")

    class Result(models.TextChoices):
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="decisions", verbose_name=_("subscription")
    )
    act = models.CharField(_("act"), max_length=16, choices=Act)
    result = models.CharField(_("result"), max_length=8, choices=Result)
    outcome = models.CharField(_("outcome of the check"), max_length=14, choices=Outcome)
    verdicts = models.JSONField(
        _("verdicts"),
        default=list,
        help_text=_("For each policy in force: code, version, verdict, effect and deciding facts."),
    )
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name=_("by"),
    )
    decided_at = models.DateTimeField(_("at"), default=timezone.now)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.subscription} – {self.get_act_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise TypeError("decisions are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("decisions are append-only")
