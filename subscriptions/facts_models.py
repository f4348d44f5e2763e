"""What is derived of subscriptions so that policies and lists ask the database alone: flat facts, their origins, totals."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency
from agencies.paths import TreePathField
from agencies.visibility import VisibleQuerySet
from subscriptions.ordering import lowest_if_unknown
from subscriptions.search import SearchField
from subscriptions.status import LIVE, Status


class OfSubscription(VisibleQuerySet):
    """Records that belong to a subscription: seen by whoever sees its agency."""

    agency_lookup = "subscription__agency"


class FactsQuerySet(OfSubscription):
    def judged(self) -> FactsQuerySet:
        """The rows that policies judge."""
        return self.filter(status__in=LIVE)


class Facts(models.Model):
    """The facts of one subscription on a day, flat and indexed: what policies judge and lists sort by.

    Derived, and always equal to its recomputation (`subscriptions.facts`). A null is an unknown fact; see
    `policies.vocabulary.Type` for the columns of each type. Won, seats and months are whole numbers.
    """

    subscription = models.OneToOneField(
        "subscriptions.Subscription", models.CASCADE, primary_key=True, related_name="facts"
    )
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
        "subscriptions.Subscription",
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
