"""What a reader can narrow the list of AI tools down to."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from catalog.models import Category, Product, Vendor
from figures.naming import named

UNKNOWN = "unknown"


def vendor_countries() -> list[tuple[str, str]]:
    """The countries that vendors are known to be in, by name in the reader's language."""
    vendors = Vendor.objects.exclude(country=None).order_by()
    codes = [str(code) for code in vendors.values_list("country", flat=True).distinct()]
    return sorted(((code, str(countries.name(code))) for code in codes), key=lambda choice: choice[1])


def categories(request: HttpRequest | None) -> QuerySet:
    """In the order of their names in the reader's language."""
    return Category.objects.order_by(named("name"))


def country_choices() -> list[tuple[str, object]]:
    return [*vendor_countries(), (UNKNOWN, _("Not known"))]


class ToolFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="search", label=_("Name of the tool or its vendor"), max_length=100)
    category = django_filters.ModelChoiceFilter(
        queryset=categories, to_field_name="code", label=_("Category"), empty_label=_("All")
    )
    country = django_filters.ChoiceFilter(
        method="of_country", choices=country_choices, label=_("Vendor country"), empty_label=_("All")
    )
    reviewed = django_filters.ChoiceFilter(
        method="of_review",
        choices=[("yes", _("Reviewed")), ("no", _("Not reviewed yet"))],
        label=_("Review"),
        empty_label=_("All"),
    )

    class Meta:
        model = Product
        fields: list[str] = []

    def search(self, tools: QuerySet, name: str, value: str) -> QuerySet:
        found = Q()
        for field in ("name_ko", "name_en", "vendor__name_ko", "vendor__name_en"):
            found |= Q(**{f"{field}__icontains": value})
        return tools.filter(found)

    def of_country(self, tools: QuerySet, name: str, value: str) -> QuerySet:
        if value == UNKNOWN:
            return tools.filter(vendor__country=None)
        return tools.filter(vendor__country=value)

    def of_review(self, tools: QuerySet, name: str, value: str) -> QuerySet:
        return tools.filter(reviewed=value == "yes")
