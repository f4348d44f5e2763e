"""Which record of the register a row of a file means, by a key that stays: so the same file twice changes nothing.

A row that gives a reference means that record. Otherwise the key is the agency, the tool and the contract number; without a
contract number, the agency, the tool, the plan, the first day and the owner department, as far as the file has them. What is
void or was refused is never meant.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

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


# The records of these pairs of agency and tool, each looked up by itself: an agency may have very many.
_OF_PAIRS = {
    "postgresql": """
        SELECT s.id FROM unnest(%s::bigint[], %s::bigint[]) AS pair (agency, product)
        JOIN subscriptions_subscription AS s ON s.agency_id = pair.agency AND s.product_id = pair.product
    """,
    "sqlite": """
        SELECT s.id FROM json_each(%s) AS pair JOIN subscriptions_subscription AS s
        ON s.agency_id = json_extract(pair.value, '$[0]') AND s.product_id = json_extract(pair.value, '$[1]')
    """,
}


def _with_pairs(pairs: Collection[tuple[int, int]]) -> list[int]:
    given: list[Any] = [json.dumps(list(pairs))]
    if connection.vendor == "postgresql":
        given = [[agency for agency, _product in pairs], [product for _agency, product in pairs]]
    with connection.cursor() as cursor:
        cursor.execute(_OF_PAIRS[connection.vendor], given)
        return [pk for (pk,) in cursor.fetchall()]


def with_keys(keys: Collection[Key], mapped: Collection[str], by: User) -> dict[Key, list[int]]:
    """For each key, the ids of the records that it fits."""
    if not keys:
        return {}
    rows = (
        Subscription.objects.visible_to(by, Role.ADMINISTRATOR)
        .exclude(status__in=[Status.VOID, Status.REFUSED])
        .filter(pk__in=_with_pairs({(key[0], key[1]) for key in keys}))
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
