"""What has been paid, added up: tables that triggers of the database keep equal to the payments (`subscriptions.tallies`)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.visibility import VisibleQuerySet


class LeftOut(models.Manager):
    """What `dumpdata` writes of a tally: nothing. The payments that `loaddata` reads make it anew."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().none()


def key(model: str, **how: Any) -> models.ForeignKey:
    """The key of what a tally counts, which may be deleted before the tally that has come to nothing is."""
    return models.ForeignKey(
        model, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False, **how
    )


def own_key(model: str, related_name: str = "+") -> models.OneToOneField:
    return models.OneToOneField(
        model, models.DO_NOTHING, primary_key=True, related_name=related_name, db_constraint=False
    )


class Paid(models.Model):
    """Sums of payments, void subscriptions' left out.

    `won` adds up what is known, of so many `payments`; `unknown` counts the payments whose won are not known.
    """

    won = models.BigIntegerField(default=0)
    payments = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)

    left_out = LeftOut()

    class Meta:
        abstract = True
        default_manager_name = "left_out"
        base_manager_name = "left_out"


class Silent(Paid):
    """`silent` counts the subscriptions approved, active or ended without any payment: their spending is not given."""

    silent = models.IntegerField(default=0)

    class Meta(Paid.Meta):
        abstract = True


class PaidByAgency(Silent):
    """What an agency has paid by itself."""

    agency = own_key("agencies.Agency")

    objects = VisibleQuerySet.as_manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid by an agency")
        verbose_name_plural = _("paid by agencies")

    def __str__(self) -> str:
        return str(self.agency_id)


class PaidByAgencyMonth(Paid):
    """What an agency has paid by itself in a month, which is given by its first day."""

    agency = key("agencies.Agency")
    month = models.DateField()

    objects = VisibleQuerySet.as_manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid by an agency in a month")
        verbose_name_plural = _("paid by agencies in months")
        constraints = [
            models.UniqueConstraint(fields=["agency", "month"], name="paid_by_agency_once_a_month")
        ]
        # The months of a period lie together, as they came.
        indexes = [models.Index(fields=["month"], name="paid_by_agency_in_month")]

    def __str__(self) -> str:
        return f"{self.agency_id} {self.month}"


class PaidByProduct(Silent):
    """What has been paid for a tool."""

    product = own_key("catalog.Product")

    objects = models.Manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid for a tool")
        verbose_name_plural = _("paid for tools")

    def __str__(self) -> str:
        return str(self.product_id)


class PaidByProductMonth(Paid):
    """What has been paid for a tool in a month, which is given by its first day."""

    product = key("catalog.Product")
    month = models.DateField()

    objects = models.Manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid for a tool in a month")
        verbose_name_plural = _("paid for tools in months")
        constraints = [
            models.UniqueConstraint(fields=["product", "month"], name="paid_by_product_once_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.month}"


class PaidInDetail(Paid):
    """What has been paid for a tool in a month, told apart by what the subscriptions are today.

    Beside `PaidByProductMonth`, which has an eighth of its rows and is what most readers ask for. `data_class`: empty where
    it is not known.
    """

    product = key("catalog.Product")
    month = models.DateField()
    status = models.CharField(max_length=10)
    data_class = models.CharField(max_length=12)
    provenance = models.CharField(max_length=10)

    objects = models.Manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid for a tool in a month, in detail")
        verbose_name_plural = _("paid for tools in months, in detail")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "month", "status", "data_class", "provenance"],
                name="paid_in_detail_once_a_month",
            )
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.month} {self.status} {self.data_class} {self.provenance}"


class PaidBySubscription(Paid):
    """What has been paid for a subscription, whatever its status, and what it is tallied as.

    A payment is added under the agency, tool, status, data class (empty where it is not known) and provenance that stand here,
    and the row's lock puts a payment and a change of its subscription in order. All of them are null while a transaction has
    a payment without its subscription.
    """

    subscription = own_key("subscriptions.Subscription", related_name="paid")
    agency = key("agencies.Agency", null=True)
    product = key("catalog.Product", null=True)
    status = models.CharField(max_length=10, null=True)
    data_class = models.CharField(max_length=12, null=True)
    provenance = models.CharField(max_length=10, null=True)
    started_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta(Paid.Meta):
        verbose_name = _("paid for a subscription")
        verbose_name_plural = _("paid for subscriptions")
        # Few of a million: a question on a period asks each of these when it is in force.
        indexes = [
            models.Index(
                fields=["subscription"],
                include=["agency", "product", "data_class", "provenance", "status", "started_on", "ends_on"],
                name="subscription_without_payment",
                condition=models.Q(payments=0, unknown=0, status__in=["approved", "active", "ended"]),
            )
        ]

    def __str__(self) -> str:
        return str(self.subscription_id)


class PaidChange(Silent):
    """A change of what has been paid that is not in the tallies yet, appended by a trigger. Its numbers have signs.

    A change of `silent` has no month.
    """

    agency = key("agencies.Agency")
    product = key("catalog.Product")
    status = models.CharField(max_length=10)
    data_class = models.CharField(max_length=12)
    provenance = models.CharField(max_length=10)
    month = models.DateField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta(Paid.Meta):
        verbose_name = _("change of what is paid")
        verbose_name_plural = _("changes of what is paid")

    def __str__(self) -> str:
        return f"{self.agency_id} {self.product_id} {self.month}"
