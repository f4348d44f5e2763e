"""How a tool that is not listed gets into the catalogue: proposed by whoever needs it, usable at once, unreviewed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from agencies.models import Membership, User
from catalog.models import Product, Vendor


def known_vendor(name: str) -> Vendor | None:
    """The vendor of this name in either language, or of this code."""
    name = name.strip()
    return Vendor.objects.filter(
        Q(name_en__iexact=name) | Q(name_ko__iexact=name) | Q(code__iexact=name)
    ).first()


def known_product(name: str) -> Product | None:
    """The tool of this name in either language, or of this code."""
    name = name.strip()
    return Product.objects.filter(
        Q(name_en__iexact=name) | Q(name_ko__iexact=name) | Q(code__iexact=name)
    ).first()


def unsaved(name: str, vendor_name: str) -> Product:
    """The tool as it would be proposed, for checking it before it is saved."""
    vendor = known_vendor(vendor_name) or Vendor(
        code=_free_code(Vendor, vendor_name), name_ko=vendor_name, name_en=vendor_name
    )
    return Product(code=_free_code(Product, name), name_ko=name, name_en=name, vendor=vendor)


@transaction.atomic
def propose(name: str, vendor_name: str, *, by: User) -> Product:
    """Add a tool, and its vendor if it is new; every fact about them stays unknown until somebody reviews them."""
    product = unsaved(name.strip(), vendor_name.strip())
    product.proposed_by = by
    if product.vendor.pk is None:
        product.vendor.save()
        product.vendor = product.vendor
    product.save()
    return product


def _free_code(model: Any, name: str) -> str:
    """A code that nobody has: from the name where it has Latin letters, else a number."""
    stem = slugify(name)[:50] or "tool"
    code, number = stem, 1
    while model.objects.filter(code=code).exists():
        number += 1
        code = f"{stem}-{number}"
    return code


def proposer_for(reader: User, tool: Product) -> User | None:
    """Who proposed the tool, for a reader who sees an agency where that person has a role; a name is no fact of the tool."""
    person = tool.proposed_by
    if person is None or not Membership.objects.visible_to(reader).filter(user=person).exists():
        return None
    return person
