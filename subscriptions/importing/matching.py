"""Which record of the register a row of a file means, by a key that stays: so the same file twice changes nothing.

A row that gives a reference means that record. Otherwise the key is the agency, the tool and the contract number; without a
contract number, the agency, the tool, the plan, the first day and the owner department, as far as the file has them. What is
void or was refused is never meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from agencies.models import Role, User
from subscriptions.models import PriceLine, Status, Subscription

WITHOUT_CONTRACT = ("plan", "started_on", "owner_department")
_KEY = ("pk", "agency_id", "product_id", "contract_number", *WITHOUT_CONTRACT)

Key = tuple[Any, ...]


def key_of(values: dict[str, Any], mapped: Collection[str]) -> Key:
    """The key of a new row's values: `agency_id`, `product_id` and what it has of the rest."""
    pair = (values["agency_id"], values["product_id"])
    if values.get("contract_number"):
        return (*pair, "contract", values["contract_number"])
    return (*pair, "none", *(values.get(name) for name in WITHOUT_CONTRACT if name in mapped))


def with_references(references: Iterable[str], by: User) -> dict[str, Subscription]:
    """The records of these references that the person may change."""
    found = whole(
        Subscription.objects.visible_to(by, Role.ADMINISTRATOR).filter(reference__in=set(references))
    )
    return {row.reference: row for row in found}


def with_keys(keys: Collection[Key], mapped: Collection[str], by: User) -> dict[Key, list[int]]:
    """For each key, the ids of the records that it fits."""
    if not keys:
        return {}
    pairs = {f"{key[0]}-{key[1]}" for key in keys}
    rows = (
        Subscription.objects.visible_to(by, Role.ADMINISTRATOR)
        .exclude(status__in=[Status.VOID, Status.REFUSED])
        .filter(agency__in={key[0] for key in keys})
        .annotate(pair=Concat(Cast("agency_id", CharField()), Value("-"), Cast("product_id", CharField())))
        .filter(pair__in=pairs)
    )
    found: dict[Key, list[int]] = defaultdict(list)
    for row in rows.order_by("pk").values(*_KEY):
        fitting = {key_of(row, mapped), key_of({**row, "contract_number": ""}, mapped)}
        for key in fitting:
            if key in keys:
                found[key].append(row["pk"])
    return found


def whole(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """With all that a check of each reads."""
    return rows.select_related("agency", "product__vendor", "facts").order_by("pk")


def price_lines(ids: Sequence[int]) -> dict[int, list[PriceLine]]:
    lines: dict[int, list[PriceLine]] = defaultdict(list)
    for line in PriceLine.objects.filter(subscription__in=ids).order_by("subscription", "position"):
        lines[line.subscription_id].append(line)
    return lines
