"""How a person types a figure: thousands separators and decimals, read into whole numbers without a float on the way."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from figures.standing import Standing

# A comma stands before three digits each or nowhere, so that a decimal comma is not read as thousands.
_TYPED = re.compile(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?")
LARGEST = 2**63 - 1


def read_figure(text: str, decimals: int = 0) -> int:
    """The number that `text` means, in units of its last decimal: `read_figure("1,234.5", 2)` is 123450.

    Raises ValidationError for what is no number, has more decimals than that or is too large to be kept.
    """
    found = _TYPED.fullmatch(unicodedata.normalize("NFKC", text).strip().replace(" ", ""))
    if found is None:
        example = "1,234,567" + (f".{'5' * decimals}" if 0 < decimals <= 3 else "")
        raise ValidationError(
            gettext("Type a number such as %(example)s.") % {"example": example}, code="invalid"
        )
    sign, whole, rest = found[1], found[2].replace(",", ""), (found[3] or "").rstrip("0")
    if len(rest) > decimals:
        if not decimals:
            raise ValidationError(_("Type a whole number."), code="decimals")
        raise ValidationError(
            ngettext("Type at most %(count)s decimal.", "Type at most %(count)s decimals.", decimals)
            % {"count": decimals},
            code="decimals",
        )
    number = int(whole + rest.ljust(decimals, "0")) if len(whole) <= 19 else LARGEST + 1
    if number > LARGEST:
        raise ValidationError(_("This number is too large."), code="too_large")
    return -number if sign else number


def write_figure(number: int, decimals: int = 0) -> str:
    """As a person would type it; what `read_figure` reads back."""
    whole, rest = divmod(abs(number), 10**decimals)
    text = f"{'-' if number < 0 else ''}{whole:,}"
    return f"{text}.{rest:0{decimals}d}" if decimals else text


class FigureField(forms.CharField):
    """A whole number as people type it; with `decimals`, a number kept in units of its last decimal (a rate, for example)."""

    def __init__(self, *, decimals: int = 0, smallest: int | None = None, **kwargs: Any) -> None:
        self.decimals, self.smallest = decimals, smallest
        kwargs.setdefault("max_length", 40)
        kwargs.setdefault("widget", forms.TextInput(attrs={"class": "figure-input", "inputmode": "decimal"}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return write_figure(value, self.decimals) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if text == "":
            return None
        number = read_figure(text, self.decimals)
        if self.smallest is not None and number < self.smallest:
            raise ValidationError(
                gettext("Type %(smallest)s or more.")
                % {"smallest": write_figure(self.smallest, self.decimals)},
                code="too_small",
            )
        return number

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True


def check_standing(form: forms.BaseForm, value: str = "value", standing: str = "standing") -> None:
    """In a form's `clean`: say at the field in question that a value exists exactly when it is stated."""
    if value in form.errors or standing in form.errors:
        return
    given, is_stated = (
        form.cleaned_data.get(value) is not None,
        form.cleaned_data.get(standing) == Standing.STATED,
    )
    if is_stated and not given:
        form.add_error(value, _("Give the value, or say why there is none."))
    elif given and not is_stated:
        form.add_error(standing, _("There is a value, so it is stated. Otherwise take the value away."))
