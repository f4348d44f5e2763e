"""Where a view of the explorer leads: to itself in another order, one level up or down, and to the records of a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from agencies.models import Agency, User
from oversight.explorer.answer import Key
from oversight.explorer.lines import SORT_KEYS
from oversight.explorer.question import Question

# The columns that a reader may choose beside the groups and the figure, in the table's order.
COLUMNS = ("share", "before", "change", "at_least", "at_most", "known", "missing")
USUAL = ("share", "before", "change")
FIGURE = "figure"  # in an address: the figure alone was chosen


@dataclass(frozen=True)
class Address:
    """A question with how its answer is laid out. `columns` None: the usual ones. `sort` is empty or one of `SORT_KEYS`."""

    question: Question
    compare: bool = False
    columns: tuple[str, ...] | None = None
    sort: str = ""

    @classmethod
    def read(cls, question: Question, compare: bool, given: QueryDict) -> Address:
        """From the address of a page; what it does not know is left out."""
        asked = given.getlist("columns")
        chosen = tuple(name for name in COLUMNS if name in asked)
        sort = given.get("sort", "")
        return cls(
            question,
            compare,
            chosen if chosen or FIGURE in asked else None,
            sort if sort.removeprefix("-") in SORT_KEYS else "",
        )

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """The columns of this view; those of a year earlier only where it is compared."""
        chosen = USUAL if self.columns is None else self.columns
        return tuple(name for name in chosen if self.compare or name not in ("before", "change"))

    def pairs(self, **changed: str) -> list[tuple[str, str]]:
        """The address's parameters, those of the question replaced by `changed` and left out where empty."""
        asked = {**self.question.parameters(), **changed}
        pairs = [(name, value) for name, value in asked.items() if value]
        if self.compare:
            pairs.append(("compare", "on"))
        if self.columns is not None:
            pairs += [("columns", name) for name in self.columns or (FIGURE,)]
        return [*pairs, *([("sort", self.sort)] if self.sort else [])]

    def query(self, **changed: str) -> str:
        return urlencode(self.pairs(**changed))

    def url(self, name: str = "oversight:explore", **changed: str) -> str:
        query = self.query(**changed)
        return f"{reverse(name)}?{query}" if query else reverse(name)

    def file_url(self, kind: str) -> str:
        return f"{reverse('oversight:explore')}?{urlencode([*self.pairs(), ('_export', kind)])}"

    def one_level_down(self, key: Key) -> str:
        """The same view of what lies below a group."""
        return self.url(agency=key.code, alone="", kind="")

    def everywhere(self) -> Address:
        return replace(self, question=self.question.within(agency=None, alone=False))


def records_url(question: Question, keys: Iterable[Key] = ()) -> str:
    """The records behind the number of a group, or of all groups without `keys`."""
    asked = {name: value for name, value in question.parameters().items() if name not in ("by", "then")}
    for key in keys:
        asked |= key.filters
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('oversight:records')}?{query}" if query else reverse("oversight:records")


def way_up(address: Address, user: User) -> list[tuple[str, str]]:
    """(name, address) of the same view further up, from everything down to the agency above the one chosen."""
    agency = address.question.filters.agency
    if agency is None:
        return []
    codes = agency.path.split("/")[:-2]
    above = Agency.objects.visible_to(user).filter(code__in=codes).order_by("path")
    return [(str(found), address.url(agency=found.code, alone="")) for found in above]
