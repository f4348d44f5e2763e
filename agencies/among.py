"""Rows by thousands of keys at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

NUMBERS = ("smallint", "integer", "bigint")


@models.ForeignObject.register_lookup
@models.Field.register_lookup
class Among(models.Lookup):
    """`pk__among=keys`: as `pk__in`, with all the keys in one parameter: of thousands, that takes a fraction of the time.

    The keys are numbers or texts as the column has them.
    """

    lookup_name = "among"
    prepare_rhs = False

    @property
    def keys(self) -> Sequence[int | str]:
        return list(self.rhs)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} IN (SELECT value FROM json_each(%s))", (*params, json.dumps(self.keys))  # noqa: S608

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        kind = self.lhs.output_field.db_type(connection)
        if kind in NUMBERS:
            return f"{lhs} = ANY(%s::{kind}[])", (*params, array_of(self.keys))
        return f"{lhs} = ANY(%s::text[])", (*params, self.keys)


def array_of(numbers: Iterable[int | str]) -> str:
    """Numbers as PostgreSQL writes an array of them, which is quicker made than by its driver."""
    return f"{{{','.join(map(str, map(int, numbers)))}}}"
