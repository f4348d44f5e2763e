"""The facts of an AI tool in words, each with whether it is known: an empty list never reads as "none" by itself.

What a page says is read from the columns of `catalog.tool_facts`, so that it is what policies judge.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django_countries import countries

from catalog.models import Certification, Product
from catalog.tool_facts import tool_facts
from figures.formatting import day

VENDOR_COUNTRY = gettext_lazy("Country of jurisdiction")
ENGINES = gettext_lazy("Models inside")
REGIONS = gettext_lazy("Processing regions")
TRAINING = gettext_lazy("Inputs train models")
CERTIFICATIONS = gettext_lazy("Certifications")
FACT_COUNT = 5


@dataclass(frozen=True)
class KnownFact:
    """One fact. `state` is "known", "partly" (what is listed may not be all) or "unknown"."""

    label: object
    state: str
    text: str = ""


def unknown_facts(columns: dict[str, Any]) -> list[str]:
    """The labels of the facts that are not fully known, from a tool's columns of `tool_facts`."""
    known = [
        (VENDOR_COUNTRY, columns["vendor_country"] is not None),
        (ENGINES, columns["engine_product_known"]),
        (REGIONS, columns["processing_region_known"]),
        (TRAINING, columns["trains_on_inputs"] is not None),
        (CERTIFICATIONS, columns["certification_known"]),
    ]
    return [str(label) for label, is_known in known if not is_known]


def described(product: Product, on: datetime.date) -> list[KnownFact]:
    """The facts of `product` on a day."""
    columns = tool_facts([product.pk], on)[product.pk]
    engines = Product.objects.filter(code__in=_codes(columns["engine_product"]))
    in_force = [c for c in product.certifications.all() if c.is_in_force(on)]
    return [
        _one(VENDOR_COUNTRY, columns["vendor_country"], lambda code: str(countries.name(code))),
        _list(
            ENGINES,
            [str(engine) for engine in engines],
            columns["engine_product_known"],
            gettext("Its vendor's own models alone"),
        ),
        _list(
            REGIONS,
            [str(countries.name(code)) for code in _codes(columns["processing_region"])],
            columns["processing_region_known"],
            gettext("None"),
        ),
        _one(TRAINING, columns["trains_on_inputs"], lambda yes: gettext("Yes") if yes else gettext("No")),
        _list(
            CERTIFICATIONS,
            [_certified(certification) for certification in in_force],
            columns["certification_known"],
            gettext("None in force"),
        ),
    ]


def _codes(column: str) -> list[str]:
    return [code for code in column.split("|") if code]


def _one(label: object, value: Any, written: Callable[[Any], str]) -> KnownFact:
    return KnownFact(label, "unknown") if value is None else KnownFact(label, "known", written(value))


def _list(label: object, found: Sequence[str], complete: bool, none: str) -> KnownFact:
    text = ", ".join(found)
    if complete:
        return KnownFact(label, "known", text or none)
    return KnownFact(label, "partly", text) if text else KnownFact(label, "unknown")


def _certified(certification: Certification) -> str:
    scheme = certification.get_scheme_display()
    if certification.valid_until is None:
        return str(scheme)
    return gettext("%(scheme)s until %(day)s") % {"scheme": scheme, "day": day(certification.valid_until)}
