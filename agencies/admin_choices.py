"""Choices that the admin looks up as one types: what was sent by hand and is no row's number is no choice, instead of a fault."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple

LONGEST_NUMBER = 18  # digits that either database's numbers of rows hold


class NumbersOnly(AutocompleteMixin):
    """Django's own widget asks the database for whatever was sent, which fails where that is no number."""

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        texts = [str(one) for one in value]
        numbers = [one for one in texts if one.isascii() and one.isdigit() and len(one) <= LONGEST_NUMBER]
        return super().optgroups(name, numbers, attrs)


class OneOfMany(NumbersOnly, AutocompleteSelect):
    pass


class SomeOfMany(NumbersOnly, AutocompleteSelectMultiple):
    def value_from_datadict(self, *sent: Any) -> Any:
        """What was sent; a number too long for the database becomes a text, which the field says is no choice."""
        return [
            one if len(one) <= LONGEST_NUMBER else f"{one[:LONGEST_NUMBER]}…"
            for one in super().value_from_datadict(*sent) or []
        ]
