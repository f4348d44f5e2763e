"""Writes many new findings, with the beginning of their history, in two statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from subscriptions.models import Finding

# What differs between the new findings of one policy.
Opened = tuple[int, str, str, str, int | None, dict[str, Any]]
_EACH = ("subscription_id", "verdict", "unwaived_verdict", "cause", "waiver_id", "deciding_facts")
_UNPACKED = {
    "postgresql": (
        "(r->>0)::bigint, r->>1, r->>2, r->>3, (r->>4)::bigint, r->5 FROM jsonb_array_elements(%s::jsonb) AS r"
    ),
    "sqlite": ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(_EACH))) + " FROM json_each(%s)",
}
_KEYS = {
    "postgresql": "SELECT key::bigint FROM jsonb_array_elements_text(%s::jsonb) AS key",
    "sqlite": "SELECT value FROM json_each(%s)",
}


def open_many(like: Finding, each: Sequence[Opened]) -> None:
    """Insert new findings of one policy version, all first seen at the same time.

    `like` is one of them, for what is the same of all; `each` are the subscription, the verdict, the one before waivers, the
    cause, the waiver and the facts that decided. The same rows as `bulk_create_with_history` writes, at a tenth of its cost: a
    new policy may open hundreds of thousands.
    """
    meta, quote = Finding._meta, connection.ops.quote_name
    fields = {field.attname: field for field in meta.concrete_fields}
    same = [name for name, field in fields.items() if name not in _EACH and not field.primary_key]
    values = [fields[name].get_db_prep_save(getattr(like, name), connection) for name in same]
    rows, keys = json.dumps(each, cls=DjangoJSONEncoder), json.dumps([one[0] for one in each])
    columns = ", ".join(quote(str(fields[name].column)) for name in (*same, *_EACH))
    table, marks = quote(meta.db_table), ", ".join("%s" for _name in same)
    history = Finding.history.model._meta
    kept = [str(f.column) for f in history.concrete_fields if not f.name.startswith("history_")]
    kept_columns = ", ".join(quote(column) for column in kept)
    with connection.cursor() as cursor:
        # Only names of tables and columns of our own models are put into the text.
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {marks}, {_UNPACKED[connection.vendor]}", [*values, rows]
        )
        cursor.execute(
            f"INSERT INTO {quote(history.db_table)} ({kept_columns}, history_date, history_type)"
            f" SELECT {kept_columns}, %s, '+' FROM {table}"
            f" WHERE policy_id = %s AND subscription_id IN ({_KEYS[connection.vendor]})",
            [values[same.index("first_seen")], like.policy_id, keys],
        )  # fmt: skip
