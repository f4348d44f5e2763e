"""The facts of an AI tool in words, each with whether it is known: an empty list never reads as "none" by itself."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_lazy
from django_countries import countries

from catalog.models import Certification, Product
from figures.formatting import day


@dataclass(frozen=True)
class KnownFact:
    """One fact. `state` is "known", "partly" (what is listed may not be all) or "unknown"."""

    label: object
    state: str
    text: str = ""

    @property
    def is_known(self) -> bool:
        return self.state == "known"


VENDOR_COUNTRY = gettext_lazy("country of jurisdiction")
ENGINES = gettext_lazy("models inside")
REGIONS = gettext_lazy("processing regions")
TRAINING = gettext_lazy("inputs train models")
CERTIFICATIONS = gettext_lazy("certifications")


def unknown_facts(product: Product) -> list[str]:
    """The facts that are not fully known, by label; costs no query beyond the vendor."""
    known = [
        (VENDOR_COUNTRY, bool(product.vendor.country)),
        (ENGINES, product.engines_known),
        (REGIONS, product.regions_known),
        (TRAINING, product.trains_on_inputs is not None),
        (CERTIFICATIONS, product.certifications_known),
    ]
    return [str(label) for label, is_known in known if not is_known]


FACT_COUNT = 5


def described(product: Product, on: datetime.date) -> list[KnownFact]:
    """The facts of `product` on a day; reads its vendor, engines and certifications."""
    country = product.vendor.country
    engines = [str(engine) for engine in product.engines.all()]
    regions = [str(countries.name(region)) for region in product.processing_regions]
    in_force = [c for c in product.certifications.all() if c.is_in_force(on)]
    return [
        KnownFact(VENDOR_COUNTRY, "known", str(countries.name(country)))
        if country
        else KnownFact(VENDOR_COUNTRY, "unknown"),
        _list(ENGINES, engines, product.engines_known, gettext("its vendor's own models alone")),
        _list(REGIONS, regions, product.regions_known, gettext("none")),
        _yes_no(product.trains_on_inputs),
        _list(
            CERTIFICATIONS,
            [_certified(certification) for certification in in_force],
            product.certifications_known,
            gettext("none in force"),
        ),
    ]


def _list(label: object, found: Sequence[str], complete: bool, none: str) -> KnownFact:
    text = ", ".join(found)
    if complete:
        return KnownFact(label, "known", text or none)
    return KnownFact(label, "partly", text) if text else KnownFact(label, "unknown")


def _yes_no(value: bool | None) -> KnownFact:
    if value is None:
        return KnownFact(TRAINING, "unknown")
    return KnownFact(TRAINING, "known", gettext("yes") if value else gettext("no"))


def _certified(certification: Certification) -> str:
    scheme = certification.get_scheme_display()
    if certification.valid_until is None:
        return str(scheme)
    return gettext("%(scheme)s until %(day)s") % {"scheme": scheme, "day": day(certification.valid_until)}
