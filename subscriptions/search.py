"""The search over subscriptions: words of any length found in the middle of text, from an index on PostgreSQL.

Korean words are often two syllables long, which a trigram index cannot serve. So PostgreSQL indexes pairs of characters
(`govtrack_bigrams`, see the migration); SQLite reads the rows.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import QuerySet


class SearchField(models.TextField):
    """Text in small letters that `matching` looks through."""


@SearchField.register_lookup
class HasWord(models.Lookup):
    """`search__has_word="드론"`: the text contains the word, which is in small letters."""

    lookup_name = "has_word"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"instr({lhs}, %s) > 0", (*params, self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        contains, word = f"strpos({lhs}, %s) > 0", self.rhs
        if len(str(word)) < 2:
            return contains, (*params, word)
        # The index finds the rows that hold all pairs of the word, the second condition those that hold them in order.
        both = f"(govtrack_bigrams({lhs}) @> govtrack_bigrams(%s) AND {contains})"
        return both, (*params, word, *params, word)


def matching(rows: QuerySet, text: str, lookup: str = "facts__search") -> QuerySet:
    """The rows whose search text contains every word of `text`."""
    for word in text.lower().split():
        rows = rows.filter(**{f"{lookup}__has_word": word})
    return rows
