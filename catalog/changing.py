"""What follows from a change of a vendor or a tool; to be called in the change's own transaction."""

from agencies.models import Recheck
from catalog.models import Product, Vendor


def vendor_changed(vendor: Vendor) -> None:
    """Its country is a fact of all its tools, and of the tools that run its models inside."""
    Recheck.ask(Recheck.About.VENDOR, vendor.code)


def product_changed(product: Product) -> None:
    """Its facts, models inside and certifications are what policies judge."""
    Recheck.ask(Recheck.About.PRODUCT, product.code)
