"""Choices that the admin looks up as one types: what was sent by hand and is no row's number is no choice, instead of a fault."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple

from figures.numbers import RowsField, whole


class ChoosesRows(BaseModelAdmin):
    """For an admin: of what was sent for several rows, what is no row's number is told at its field."""

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("form_class", RowsField)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class NumbersOnly(AutocompleteMixin):
    """Django's own widget asks the database for whatever was sent, which fails where that is no number."""

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        texts = [str(one) for one in value]
        numbers = [one for one in texts if whole(one) is not None]
        return super().optgroups(name, numbers, attrs)


class OneOfMany(NumbersOnly, AutocompleteSelect):
    pass


class SomeOfMany(NumbersOnly, AutocompleteSelectMultiple):
    pass
