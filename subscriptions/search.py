"""The search over subscriptions: words of any length found in the middle of text, as quick for rare words as for common ones.

Korean words are often two syllables long, which a trigram index cannot serve. So PostgreSQL indexes pairs of characters
(`govtrack_pairs`, see the migrations); SQLite reads the rows. An index is the worse way to a common word, though: a page of
those is full after reading a few rows in the order of the list. `search` tells the two apart before it asks.

The index holds only what a subscription says itself. The names of agencies, tools and vendors stand in the text as well, but they
are looked for where each of them stands once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Case, Func, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Lower

from agencies.models import Agency, Recheck
from catalog.models import Product

# So many of the newest rows are looked at; a word in so many of them is common.
SAMPLE, COMMON = 2_000, 100
# Up to here all that the index finds is fetched. A word that more rows hold fills a page sooner by reading in order.
FEW = 2_000
# A register of up to so many is read as a whole to count what was found.
SMALL = 20_000
# Names that more agencies than this bear lead to more than a few subscriptions.
MANY_BEARERS = 500
# What is renamed or moved stands in the texts as it was until these are made anew.
RENAMING = (Recheck.About.AGENCY, Recheck.About.VENDOR, Recheck.About.PRODUCT, Recheck.About.EVERYTHING)
NONE = Q(pk__in=())
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
        word, word_params = self.process_rhs(compiler, connection)
        return f"strpos({lhs}, {word}) > 0", (*params, *word_params)


@SearchField.register_lookup
class HasIndexedWord(HasWord):
    """`search__has_indexed_word="드론"`: the same from the index of pairs, where there is one and the word is a pair or more.

    The index does not know of words that stand in the shared names only.
    """

    lookup_name = "has_indexed_word"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        contains, params = super().as_postgresql(compiler, connection)
        if isinstance(self.rhs, str) and len(self.rhs) < 2:
            return contains, params
        lhs, lhs_params = self.process_lhs(compiler, connection)
        word, word_params = self.process_rhs(compiler, connection)
        # The index finds the rows that hold all pairs of the word, the second condition those that hold them in order.
        indexed = f"govtrack_pairs(split_part({lhs}, E'\\x1f', 1)) COLLATE \"C\" @> govtrack_bigrams({word})"
        both = f"({indexed} AND {contains})"
        return both, (*lhs_params, *word_params, *params)


class Found(NamedTuple):
    """`countable`: how many rows there are is known as quickly as which."""

    rows: QuerySet
    countable: bool


def search(rows: QuerySet, text: str) -> Found:
    """The subscriptions whose search text contains every word of `text`."""
    from subscriptions.models import Facts

    words = text.split()
    keys = keys_of_few(words)
    if keys is not None:
        return Found(rows.filter(pk__in=keys), countable=True)
    register = Facts.objects.order_by()[: SMALL + 1].count()
    found = rows.filter(containing(words, "facts__search__has_word"))
    return Found(found, countable=register <= SMALL or not words)


def containing(words: list[str], lookup: str) -> Q:
    return Q(*((lookup, word.lower()) for word in words))


def keys_of_few(words: list[str]) -> list[int] | None:
    """The keys of all subscriptions that contain the words, whoever may see them; None when they are more than a few."""
    from subscriptions.models import Facts

    if not any(len(word) > 1 for word in words):
        return None
    hit = Case(When(containing(words, "search__has_word"), then=Value(1)), default=Value(0))
    newest = Facts.objects.order_by("-pk").annotate(hit=hit)[:SAMPLE]
    if (newest.aggregate(hits=Sum("hit"))["hits"] or 0) >= COMMON:
        return None
    if Recheck.objects.filter(about__in=RENAMING).exists():
        return None  # the names, or the places in the tree, are not yet those in the texts
    found, told_by_index = Facts.objects.all(), False
    bearing = _bearing([word for word in words if len(word) > 1])
    for word in words:
        bears, small = bearing.get(word), word.lower()
        if bears is None:
            found = found.filter(search__has_word=small)
        else:
            found = found.filter(Q(search__has_indexed_word=small) | bears & Q(search__has_word=small))
            told_by_index = True
    if not told_by_index:
        return None
    keys = list(found.values_list("pk", flat=True)[: FEW + 1])
    return keys if len(keys) <= FEW else None


def _bearing(words: list[str]) -> dict[str, Q | None]:
    """For each word, the facts of agencies and tools that have it in a name; None when they are many. Two statements."""
    if connection.vendor != "postgresql":
        return dict.fromkeys(words, NONE)  # the whole text is read there
    of_tool = Names("name_ko", "name_en", "vendor__name_ko", "vendor__name_en")
    paths: dict[str, list[str]] = {word: [] for word in words}
    codes: dict[str, list[str]] = {word: [] for word in words}
    agencies = Agency.objects.order_by().annotate(names=Names("name_ko", "name_en"))
    products = Product.objects.order_by().annotate(names=of_tool)
    for word, path in _of_each(agencies, "names__has_indexed_word", words, "path", MANY_BEARERS + 1):
        paths[word].append(path)
    for word, code in _of_each(products, "names__has_word", words, "code", None):
        codes[word].append(code)
    return {
        word: Q(agency_path__in=paths[word]) | Q(product__in=codes[word])
        if len(paths[word]) <= MANY_BEARERS
        else None
        for word in words
    }


def _of_each(
    rows: QuerySet, lookup: str, words: list[str], column: str, most: int | None
) -> QuerySet[Any, tuple[str, str]]:
    """(word, value of the column) of the rows of each word, `most` of each."""
    each = [
        # As the database makes letters small: it has made those of the names.
        rows.filter(**{lookup: Lower(Value(word))}).values_list(Value(word, models.TextField()), column)[
            :most
        ]
        for word in dict.fromkeys(words)
    ]
    return each[0].union(*each[1:], all=True)


class Names(Func):
    """The names in these columns as one text in small letters, as it stands in the index of agencies' names."""

    function = "LOWER"
    output_field = SearchField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, arg_joiner=" || E'\\n' || ", **extra)
