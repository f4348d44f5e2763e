"""The facts of AI tools that policies judge, on a day: as flat columns, ready to be kept with each subscription."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from catalog.models import Certification, Product


def barred(codes: Iterable[str | None]) -> str:
    """A set of codes as one text column: `|kr|us|`; `|` when it is empty."""
    found = sorted({str(code) for code in codes if code})
    return f"|{'|'.join(found)}|" if found else "|"


def tool_facts(product_ids: Iterable[int], on: datetime.date) -> dict[int, dict[str, Any]]:
    """For each product, its columns of the policy vocabulary (see `policies.vocabulary`), with four queries in all.

    Models inside are followed through: what runs inside an engine runs inside the tool. The set is complete only when it is
    known to be at every step.
    """
    wanted = set(product_ids)
    inside: dict[int, list[int]] = defaultdict(list)
    for outer, inner in Product.engines.through.objects.values_list("from_product_id", "to_product_id"):
        inside[outer].append(inner)
    closures = {pk: _closure(pk, inside) for pk in wanted}
    everything = wanted.union(*closures.values()) if closures else wanted
    products = Product.objects.select_related("vendor", "category").in_bulk(everything)
    certified: dict[int, list[str]] = defaultdict(list)
    for certification in Certification.objects.filter(product__in=wanted, valid_from__lte=on):
        if certification.is_in_force(on):
            certified[certification.product_id].append(certification.scheme)
    return {
        pk: _columns(products[pk], [products[engine] for engine in sorted(closures[pk])], certified[pk])
        for pk in wanted
        if pk in products
    }


def proposed_facts(product: Product) -> dict[str, Any]:
    """The columns of a tool that is not saved yet: nothing is inside it and nothing certified, as far as is known."""
    return _columns(product, [], [])


def _closure(start: int, inside: dict[int, list[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(inside[start])
    while waiting:
        engine = waiting.pop()
        if engine not in found and engine != start:
            found.add(engine)
            waiting.extend(inside[engine])
    return found


def _code(country: Any) -> str | None:
    """The code of a country as the field holds it; an unknown one is a country too, without a code."""
    return country.code if country else None


def _columns(product: Product, engines: list[Product], schemes: list[str]) -> dict[str, Any]:
    engines_known = product.engines_known and all(engine.engines_known for engine in engines)
    return {
        "product": product.code,
        "vendor": product.vendor.code,
        "category": product.category.code if product.category else None,
        "vendor_country": _code(product.vendor.country),
        "engine_product": barred(engine.code for engine in engines),
        "engine_product_known": engines_known,
        "engine_vendor": barred(engine.vendor.code for engine in engines),
        "engine_vendor_known": engines_known,
        "engine_country": barred(_code(engine.vendor.country) for engine in engines),
        "engine_country_known": engines_known and all(engine.vendor.country for engine in engines),
        "processing_region": barred(_code(country) for country in product.processing_regions),
        "processing_region_known": product.regions_known,
        "trains_on_inputs": product.trains_on_inputs,
        "certification": barred(schemes),
        "certification_known": product.certifications_known,
        "product_reviewed": product.reviewed,
    }
