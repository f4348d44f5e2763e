"""Data entry for vendors, AI tools and their certifications. All agencies share these rows."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_countries.filters import CountryFilter

from agencies.admin_scope import HistoryAdmin, ScopedAdmin, ScopedTabularInline
from catalog.changing import product_changed, vendor_changed
from catalog.models import Category, Certification, Product, Vendor


@admin.register(Category)
class CategoryAdmin(ScopedAdmin):
    list_display = ["code", "name_ko", "name_en"]
    search_fields = ["code", "name_ko", "name_en"]
    fixed_after_creation = ["code"]
    prepopulated_fields = {"code": ["name_en"]}
    fields = ["name_ko", "name_en", "code"]


@admin.register(Vendor)
class VendorAdmin(HistoryAdmin):
    list_display = ["code", "name_ko", "name_en", "country", "website"]
    list_filter = [("country", CountryFilter)]
    search_fields = ["code", "name_ko", "name_en"]
    fixed_after_creation = ["code"]
    prepopulated_fields = {"code": ["name_en"]}
    fields = ["name_ko", "name_en", "code", "country", "website"]

    def tell(self, obj: Vendor) -> None:
        vendor_changed(obj)


class CertificationInline(ScopedTabularInline):
    model = Certification


@admin.register(Product)
class ProductAdmin(HistoryAdmin):
    list_display = [
        "code",
        "name_ko",
        "name_en",
        "vendor",
        "category",
        "trains_on_inputs",
        "reviewed",
        "proposed_by",
    ]
    list_filter = ["reviewed", "category", "trains_on_inputs", "engines_known", "certifications_known"]
    list_select_related = ["vendor", "category", "proposed_by"]
    search_fields = ["code", "name_ko", "name_en", "vendor__name_ko", "vendor__name_en"]
    autocomplete_fields = ["vendor", "category", "engines"]
    fixed_after_creation = ["code"]
    prepopulated_fields = {"code": ["name_en"]}
    readonly_fields = ["proposed_by"]
    inlines = [CertificationInline]
    fieldsets = [
        (None, {"fields": ["name_ko", "name_en", "code", "vendor", "category", "reference_url"]}),
        (_("Models inside"), {"fields": ["engines", "engines_known"]}),
        (
            _("What happens to inputs"),
            {"fields": ["trains_on_inputs", "processing_regions", "regions_known"]},
        ),
        (_("Certifications"), {"fields": ["certifications_known"]}),
        (_("Review"), {"fields": ["reviewed", "proposed_by"]}),
    ]

    def tell(self, obj: Product) -> None:
        product_changed(obj)


@admin.register(Certification)
class CertificationAdmin(HistoryAdmin):
    list_display = ["product", "scheme", "valid_from", "valid_until", "evidence"]
    list_display_links = ["product", "scheme"]
    list_filter = ["scheme"]
    list_select_related = ["product"]
    search_fields = ["product__code", "product__name_ko", "product__name_en", "evidence"]
    autocomplete_fields = ["product"]
    date_hierarchy = "valid_from"
    # A certificate does not pass to another tool; and the tool it left would have to be judged anew too.
    fixed_after_creation = ["product"]

    def tell(self, obj: Certification) -> None:
        product_changed(obj.product)
