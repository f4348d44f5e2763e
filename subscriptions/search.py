"""The search over subscriptions: words of any length found in the middle of text, as quick for rare words as for common ones.

Korean words are often two syllables long, which a trigram index cannot serve. So PostgreSQL indexes pairs of characters
(`govtrack_pairs`, see the migrations); SQLite reads the rows. An index is the worse way to a common word, though: a page of
those is full after reading a few rows in the order of the list. `search` tells the two apart before it asks.

The index holds only what a subscription says itself. The names of agencies, tools and vendors stand in the text as well, but they
are looked for where each of them stands once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import models
from django.db.models import Case, CharField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Lower

from agencies.models import Agency
from catalog.models import Product, Vendor

CharField.register_lookup(Lower)

# So many of the newest rows are looked at; a word in so many of them is common.
SAMPLE, COMMON = 2_000, 100
# Up to here all that the index finds is fetched. A word that more rows hold fills a page sooner by reading in order.
FEW = 2_000
# A register of up to so many is read as a whole to count what was found.
SMALL = 20_000
# Names that more agencies than this bear lead to more than a few subscriptions.
MANY_AGENCIES = 500
# In the text, between what a subscription says itself and the names that it shares with others; the index names it too.
SHARED = "\x1f"


class SearchField(models.TextField):
    """Text in small letters that `search` looks through."""


@SearchField.register_lookup
class HasWord(models.Lookup):
    """`search__has_word="드론"`: the text contains the word, which is in small letters. Reads the text."""

    lookup_name = "has_word"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"instr({lhs}, %s) > 0", (*params, self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"strpos({lhs}, %s) > 0", (*params, self.rhs)


@SearchField.register_lookup
class HasIndexedWord(HasWord):
    """`search__has_indexed_word="드론"`: the same from the index of pairs, where there is one and the word is a pair or more.

    The index does not know of words that stand in the shared names only.
    """

    lookup_name = "has_indexed_word"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        contains, params = super().as_postgresql(compiler, connection)
        if len(str(self.rhs)) < 2:
            return contains, params
        lhs, lhs_params = self.process_lhs(compiler, connection)
        # The index finds the rows that hold all pairs of the word, the second condition those that hold them in order.
        indexed = f"govtrack_pairs(split_part({lhs}, E'\\x1f', 1)) COLLATE \"C\" @> govtrack_bigrams(%s)"
        both = f"({indexed} AND {contains})"
        return both, (*lhs_params, self.rhs, *params)


class Found(NamedTuple):
    """`countable`: how many rows there are is known as quickly as which."""

    rows: QuerySet
    countable: bool


def search(rows: QuerySet, text: str) -> Found:
    """The subscriptions whose search text contains every word of `text`."""
    from subscriptions.models import Facts

    words = text.lower().split()
    keys = keys_of_few(words)
    if keys is not None:
        return Found(rows.filter(pk__in=keys), countable=True)
    register = Facts.objects.order_by()[: SMALL + 1].count()
    found = rows.filter(containing(words, "facts__search__has_word"))
    return Found(found, countable=register <= SMALL or not words)


def containing(words: list[str], lookup: str) -> Q:
    return Q(*((lookup, word) for word in words))


def keys_of_few(words: list[str]) -> list[int] | None:
    """The keys of all subscriptions that contain the words, whoever may see them; None when they are more than a few."""
    from subscriptions.models import Facts

    if not any(len(word) > 1 for word in words):
        return None
    hit = Case(When(containing(words, "search__has_word"), then=Value(1)), default=Value(0))
    newest = Facts.objects.order_by("-pk").annotate(hit=hit)[:SAMPLE]
    if (newest.aggregate(hits=Sum("hit"))["hits"] or 0) >= COMMON:
        return None
    found = Facts.objects.all()
    for word in words:
        bearing = _bearing(word)
        if bearing is None:
            return None
        found = found.filter(Q(search__has_indexed_word=word) | bearing & Q(search__has_word=word))
    keys = list(found.values_list("pk", flat=True)[: FEW + 1])
    return keys if len(keys) <= FEW else None


def _bearing(word: str) -> Q | None:
    """The facts of agencies and tools with the word in a name; None when they are many."""
    if len(word) < 2:
        return Q(pk=None)  # such a word is looked for in the text
    in_names = Q(name_ko__lower__contains=word) | Q(name_en__lower__contains=word)
    paths = list(
        Agency.objects.filter(in_names).order_by().values_list("path", flat=True)[: MANY_AGENCIES + 1]
    )
    if len(paths) > MANY_AGENCIES:
        return None
    vendors = Vendor.objects.filter(in_names)
    products = Product.objects.filter(in_names | Q(vendor__in=vendors)).order_by()
    return Q(agency_path__in=paths) | Q(product__in=list(products.values_list("code", flat=True)))
