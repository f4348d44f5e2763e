"""What is kept beside payments and prices: by whose rate a payment is in won, which form it came by, and budgets."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agencies.models import Agency
from agencies.visibility import VisibleQuerySet

# More than the nation's budget; see `models.LARGEST_PAYMENT`.
LARGEST_BUDGET = 10**15
FIRST_YEAR, LAST_YEAR = 2000, 2100


class PaymentSubmission(models.Model):
    """The mark of a form that recorded a payment: one sent twice does it once. `payment`: its key, also when it is gone."""

    submission = models.UUIDField(_("submission"), primary_key=True, editable=False)
    payment = models.BigIntegerField(_("payment"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="payments_sent", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("form of a payment")
        verbose_name_plural = _("forms of payments")

    def __str__(self) -> str:
        return str(self.submission)


class RegisterPricing(models.Model):
    """That a payment's won amount follows the register's exchange rate of its day, since no actual rate is known.

    `rate` is the one that it was worked out with, none while the register has none of the day.
    """

    payment = models.OneToOneField(
        "subscriptions.Payment",
        models.CASCADE,
        primary_key=True,
        related_name="register_pricing",
        verbose_name=_("payment"),
    )
    rate = models.ForeignKey(
        "subscriptions.ExchangeRate",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="payments_priced",
        verbose_name=_("exchange rate"),
    )

    class Meta:
        verbose_name = _("payment at the register's rate")
        verbose_name_plural = _("payments at the register's rate")

    def __str__(self) -> str:
        return str(self.payment_id)


class Budget(models.Model):
    """What an agency has for AI subscriptions in a calendar year, by itself: that of agencies below it is their own."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="budgets", verbose_name=_("agency"))
    year = models.PositiveSmallIntegerField(
        _("year"), validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    won = models.BigIntegerField(
        _("amount in won"),
        validators=[
            MinValueValidator(0, _("A budget is not negative.")),
            MaxValueValidator(LARGEST_BUDGET, _("This amount is too large to be right.")),
        ],
        help_text=_("VAT included."),
    )
    note = models.CharField(
        _("where it comes from"),
        max_length=300,
        blank=True,
        validators=[MaxLengthValidator(300)],
        help_text=_("Such as the page of the budget book, or the date of a supplementary budget."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="budgets_recorded",
        verbose_name=_("recorded by"),
    )

    objects = VisibleQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ["-year", "agency"]
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "year"],
                name="budget_once_a_year",
                violation_error_message=_("This agency has a budget of this year already. Correct that one."),
            ),
            models.CheckConstraint(
                name="budget_in_range",
                condition=Q(won__range=(0, LARGEST_BUDGET)),
                violation_error_message=_("A budget is not negative."),
            ),
            models.CheckConstraint(
                name="budget_year_in_range",
                condition=Q(year__range=(FIRST_YEAR, LAST_YEAR)),
                violation_error_message=_("Give a year such as 2026."),
            ),
        ]
        indexes = [models.Index(fields=["year", "agency"], name="budget_of_year")]

    def __str__(self) -> str:
        return f"{self.agency} {self.year}"

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:budget", args=[self.agency.code, self.year])
