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
from django.db.models import Exists, OuterRef, QuerySet

from agencies.models import Role, User
from subscriptions.import_models import FileImport, ImportedRow
from subscriptions.material import MEASURED
from subscriptions.models import Facts, PriceLine, Status, Subscription

MEASURED_BY = ("agency_path", "product", *(f"{name}_{end}" for name in MEASURED for end in ("min", "max")))
WITHOUT_CONTRACT = ("plan", "started_on", "owner_department")
_KEY = ("pk", "agency_id", "product_id", "contract_number", *WITHOUT_CONTRACT)

Key = tuple[Any, ...]


def key_of(values: dict[str, Any], mapped: Collection[str]) -> Key:
    """The key of a new row's values: `agency_id`, `product_id` and what it has of the rest."""
    pair = (values["agency_id"], values["product_id"])
    if values.get("contract_number"):
        return (*pair, "contract", values["contract_number"])
    return (*pair, "none", *(values.get(name) for name in WITHOUT_CONTRACT if name in mapped))


def keys_of(record: Subscription, mapped: Collection[str]) -> set[Key]:
    """The keys by which rows may mean a record: its own, and the one that leaves out the contract number."""
    values = {name: getattr(record, name) for name in _KEY}
    return {key_of(values, mapped), key_of({**values, "contract_number": ""}, mapped)}


def changeable(by: User, run: FileImport) -> QuerySet[Subscription]:
    """The records that the person may change by this import: what it has made itself, a row further on does not mean."""
    own = ImportedRow.objects.filter(file_import=run, is_new=True, subscription=OuterRef("pk"))
    return Subscription.objects.visible_to(by, Role.ADMINISTRATOR).exclude(Exists(own))


def with_references(references: Iterable[str], rows: QuerySet[Subscription]) -> dict[str, Subscription]:
    """Those of the rows that have these references."""
    return {row.reference: row for row in rows.filter(reference__among=set(references)).order_by("pk")}


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


def with_keys(
    keys: Collection[Key], mapped: Collection[str], rows: QuerySet[Subscription]
) -> dict[Key, list[int]]:
    """For each key, the ids of those of the rows that it fits.

    Without a contract number it fits what has none; only where there is no such record, what has one.
    """
    pairs = _with_pairs({(key[0], key[1]) for key in keys}) if keys else []
    if not pairs:
        return {}
    rows = rows.exclude(status__in=[Status.VOID, Status.REFUSED]).filter(pk__among=pairs)
    found: dict[Key, list[int]] = defaultdict(list)
    loosely: dict[Key, list[int]] = defaultdict(list)
    for row in rows.order_by("pk").values(*_KEY):
        own, without_contract = key_of(row, mapped), key_of({**row, "contract_number": ""}, mapped)
        if own in keys:
            found[own].append(row["pk"])
        if without_contract != own and without_contract in keys:
            loosely[without_contract].append(row["pk"])
    return loosely | found


def flat_facts(ids: Sequence[int]) -> dict[int, Facts]:
    """Of the flat facts of these records what a change is measured by, apart from the records.

    Each would hold the other there, and both memory until somebody looks for such circles.
    """
    return {facts.pk: facts for facts in Facts.objects.filter(pk__among=ids).only(*MEASURED_BY)}


def price_lines(ids: Sequence[int]) -> dict[int, list[PriceLine]]:
    lines: dict[int, list[PriceLine]] = defaultdict(list)
    for line in PriceLine.objects.filter(subscription__among=ids).order_by("subscription", "position"):
        lines[line.subscription_id].append(line)
    return lines
