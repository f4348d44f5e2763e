"""How an AI tool or a vendor is chosen in a form."""

from typing import Any

from agencies.choosing import ByCodeField


class ProductField(ByCodeField):
    """Chooses a tool of the catalogue by name or code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(url_name="catalog:options", **kwargs)


class VendorField(ByCodeField):
    """Chooses a vendor by name or code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(url_name="catalog:vendor_options", **kwargs)
