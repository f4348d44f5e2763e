"""What the lists of subscriptions and findings can be narrowed to."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agencies.choosing import AgencyField
from agencies.models import Agency
from catalog.choosing import ProductField, VendorField
from catalog.models import Product, Vendor
from policies.models import PolicyVersion
from policies.verdicts import Effect, Verdict
from policies.vocabulary import DataClass
from subscriptions.models import Finding, Status, Subscription
from subscriptions.reopening import reopened
from subscriptions.search import search

FAILING = [(v.value, v.label) for v in (Verdict.VIOLATION, Verdict.UNDETERMINED, Verdict.WAIVED)]


class SearchFilter(django_filters.CharFilter):
    """Words that a subscription's text must hold; at most a hundred characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, label=_("Search"), **kwargs)
        self.extra["widget"] = forms.TextInput(attrs={"type": "search", "autocomplete": "off"})


class AgencyFilter(django_filters.Filter):
    field_class = AgencyField


class ProductFilter(django_filters.Filter):
    field_class = ProductField


class VendorFilter(django_filters.Filter):
    field_class = VendorField


class OfferingFilterSet(django_filters.FilterSet):
    """A filter set whose choices of agencies, tools and vendors are what the reader sees."""

    # Whether counting the rows that it leaves is quick enough to be done for a page.
    countable = True

    def get_form_class(self) -> Any:
        form_class = super().get_form_class()
        user = self.request.user

        class OfferingForm(form_class):  # type: ignore[valid-type,misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                if "agency" in self.fields:
                    self.fields["agency"].offer(Agency.objects.visible_to(user))
                if "payer" in self.fields:
                    self.fields["payer"].offer(Agency.objects.visible_to(user))
                if "product" in self.fields:
                    self.fields["product"].offer(Product.objects.all())
                if "vendor" in self.fields:
                    self.fields["vendor"].offer(Vendor.objects.all())

        return OfferingForm

    @property
    def in_use(self) -> int:
        """How many filters narrow the list."""
        return sum(1 for name, value in self.form.cleaned_data.items() if value) if self.is_valid() else 0


def policy_choices() -> list[tuple[str, str]]:
    """Each policy under the title of its latest version that is or was in force."""
    versions = PolicyVersion.objects.readable().select_related("policy").order_by("policy__code", "number")
    return list({version.policy.code: str(version.title) for version in versions}.items())


class SubscriptionFilter(OfferingFilterSet):
    q = SearchFilter(method="search")
    agency = AgencyFilter(label=_("Agency and all below"), method="kept")
    product = ProductFilter(label=_("AI tool"), method="of_product")
    vendor = VendorFilter(label=_("Vendor"), method="of_vendor")
    status = django_filters.ChoiceFilter(label=_("Status"), choices=Status.choices)
    data_class = django_filters.ChoiceFilter(
        label=_("Highest data class"), choices=DataClass.choices, null_label=_("Not given"), null_value="none"
    )
    finding = django_filters.ChoiceFilter(label=_("Open finding"), choices=FAILING, method="with_finding")
    payer = AgencyFilter(label=_("Paid by another agency"), method="paid_by")
    reopened = django_filters.ChoiceFilter(
        label=_("Approval"), choices=[("yes", _("A change waits for approval"))], method="with_reopening"
    )

    class Meta:
        model = Subscription
        fields: list[str] = []

    def search(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        rows, self.countable = search(rows, text)
        return rows

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """An agency narrows what the reader sees, instead of being a second condition on agencies that misleads planners."""
        agency = self.form.cleaned_data.get("agency")
        if agency is not None:
            queryset = Subscription.objects.visible_to(self.request.user, within=agency)
        if not self.form.cleaned_data.get("status"):
            # What was recorded in error is counted nowhere, and listed only when it is asked for.
            queryset = queryset.exclude(status=Status.VOID)
        return super().filter_queryset(queryset)

    def kept(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows

    def of_product(self, rows: QuerySet, name: str, product: Product) -> QuerySet:
        return rows.filter(product=product)

    def of_vendor(self, rows: QuerySet, name: str, vendor: Vendor) -> QuerySet:
        return rows.filter(product__in=Product.objects.filter(vendor=vendor).values("pk"))

    def paid_by(self, rows: QuerySet, name: str, payer: Agency) -> QuerySet:
        return rows.filter(payer__path__within=payer.path)

    def with_reopening(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return reopened(rows)

    def with_finding(self, rows: QuerySet, name: str, verdict: str) -> QuerySet:
        findings = Finding.objects.open().filter(subscription=OuterRef("pk"), verdict=verdict)
        return rows.filter(Exists(findings))


class FindingFilter(OfferingFilterSet):
    agency = AgencyFilter(label=_("Agency and all below"), method="within")
    product = ProductFilter(label=_("AI tool"), method="of_product")
    policy = django_filters.ChoiceFilter(label=_("Policy"), choices=policy_choices, field_name="policy__code")
    verdict = django_filters.ChoiceFilter(label=_("Verdict"), choices=FAILING)
    effect = django_filters.ChoiceFilter(label=_("Effect"), choices=Effect.choices)
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[("open", _("Open")), ("closed", _("Closed"))],
        method="in_state",
        empty_label=_("Open and closed"),
    )

    following = django_filters.ChoiceFilter(
        label=_("Follow-up"),
        choices=[
            ("mine", _("Assigned to me")),
            ("nobody", _("Assigned to nobody")),
            ("overdue", _("Remedy overdue")),
        ],
        method="followed",
    )

    class Meta:
        model = Finding
        fields: list[str] = []

    def followed(self, rows: QuerySet, name: str, following: str) -> QuerySet:
        if following == "overdue":
            return rows.filter(remedy_due__lt=timezone.localdate(), closed_at=None).exclude(
                verdict=Verdict.WAIVED
            )
        return rows.filter(assigned_to=self.request.user if following == "mine" else None)

    def within(self, rows: QuerySet, name: str, agency: Agency) -> QuerySet:
        return rows.filter(subscription__agency__in=Agency.objects.within(agency).values("pk"))

    def of_product(self, rows: QuerySet, name: str, product: Product) -> QuerySet:
        return rows.filter(subscription__product=product)

    def in_state(self, rows: QuerySet, name: str, state: str) -> QuerySet:
        return rows.filter(closed_at__isnull=state == "open")
