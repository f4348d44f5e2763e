"""Which policies in force concern a tool, a vendor or a country: those with a condition that speaks of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.models import Product, Vendor
from catalog.tool_facts import tool_facts
from policies.explaining import Names, codes_of, condition_text
from policies.models import Condition, PolicyVersion
from policies.vocabulary import Operator

# What is known of something, by the fact that conditions ask: its codes; None among them is one that is not known.
Codes = Mapping[str, set[str | None]]
UNKNOWN = None


@dataclass(frozen=True)
class Concerning:
    """A policy with its conditions that speak of the thing, as phrases. `undecided`: none of them can be decided, since what
    they ask of it is not known.
    """

    version: PolicyVersion
    phrases: list[str]
    undecided: bool


def codes_of_tool(tool: Product, on: datetime.date) -> Codes:
    """Of a tool with its vendor and category fetched: itself, its vendor, their country, and the same of the models inside."""
    facts = tool_facts([tool.pk], on)[tool.pk]

    def inside(fact: str, *own: str | None) -> set[str | None]:
        known = set() if facts[f"{fact}_known"] else {UNKNOWN}
        return {*codes_of(facts[fact]), *own, *known}

    return {
        **{fact: {facts[fact]} for fact in ("product", "vendor", "category", "vendor_country")},
        # A rule on the models inside others is about the tool itself as well.
        "engine_product": inside("engine_product", facts["product"]),
        "engine_vendor": inside("engine_vendor", facts["vendor"]),
        "engine_country": inside("engine_country", *filter(None, [facts["vendor_country"]])),
    }


def codes_of_vendors(vendors: Iterable[Vendor], products: Iterable[Product], country: str | None) -> Codes:
    """Of vendors of one country with their tools: any of them, and the country."""
    tools: set[str | None] = {product.code for product in products}
    companies: set[str | None] = {vendor.code for vendor in vendors}
    return {
        "product": tools,
        "engine_product": tools,
        "vendor": companies,
        "engine_vendor": companies,
        "vendor_country": {country},
        "engine_country": {country} - {UNKNOWN},
    }


def codes_of_country(vendors: Iterable[Vendor], products: Iterable[Product], country: str | None) -> Codes:
    """The same, and where data are processed."""
    return {**codes_of_vendors(vendors, products, country), "processing_region": {country} - {UNKNOWN}}


def policies_concerning(codes: Codes, on: datetime.date) -> list[Concerning]:
    """The policies in force on the day, by their code. As many queries whatever there is."""
    versions = list(PolicyVersion.objects.in_force(on))
    spoken = {version.pk: _speaking(version, codes) for version in versions}
    names = Names().want(condition for conditions in spoken.values() for condition in conditions)
    return [
        Concerning(
            version,
            list(dict.fromkeys(condition_text(condition, names) for condition in conditions)),
            not any(_decided(condition, codes[condition.fact]) for condition in conditions),
        )
        for version in versions
        if (conditions := spoken[version.pk])
    ]


def _speaking(version: PolicyVersion, codes: Codes) -> list[Condition]:
    conditions = sorted(version.conditions.all(), key=lambda condition: (condition.group, condition.position))
    return [
        condition
        for condition in conditions
        if (known := codes.get(condition.fact)) and (UNKNOWN in known or _decided(condition, known))
    ]


def _decided(condition: Condition, known: set[str | None]) -> bool:
    """Whether the condition holds of a code that is known, or names it to spare it."""
    named = known & set(condition.values)
    if condition.operator == Operator.IS_UNKNOWN:
        return UNKNOWN in known
    if condition.operator in (Operator.IS_NOT, Operator.NONE_OF):
        return bool(known - {UNKNOWN})
    return bool(named)
