"""Whole numbers that come as text from outside: an address, a form, a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

# Digits that the number of a row has at most, in either database.
LONGEST_NUMBER = 18


def whole(text: object, digits: int = LONGEST_NUMBER) -> int | None:
    """The number that a text is: up to so many of the digits 0 to 9 and nothing else; None otherwise.

    What `str.isdigit` takes is more: `int` refuses "²", databases refuse what is too large, and both would be a fault of ours.
    """
    typed = str(text)
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= digits else None


class RowsField(forms.ModelMultipleChoiceField):
    """Several rows by their numbers. Django asks the database for whatever was sent, which fails where a number is too large."""

    def clean(self, value: Any) -> Any:
        for one in value or []:
            if whole(one) is None:
                raise ValidationError(
                    self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": one}
                )
        return super().clean(value)


class JSONTyped(forms.JSONField):
    """JSON as it is typed. Python reads no number of more than 4,300 digits, which Django takes for a fault of ours."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValueError:
            raise ValidationError(
                self.error_messages["invalid"], "invalid", {"value": str(value)[:50]}
            ) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except ValueError:
            return InvalidJSONInput(data)
