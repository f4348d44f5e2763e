"""What is known of a figure: its standing, and how a source qualifies it."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Standing(models.TextChoices):
    """Why a figure is there, or why it is not. Only a stated figure has a value; none of the others is zero."""

    STATED = "stated", _("Stated")
    NOT_GIVEN = "not_given", _("Not given")
    # A figure that could not be determined, unlike a verdict, is a thing that nobody could find out.
    UNDETERMINED = "undetermined", pgettext_lazy("figure", "Undetermined")
    WITHHELD = "withheld", _("Withheld")
    NOT_APPLICABLE = "not_applicable", _("Not applicable")


class Gap(models.TextChoices):
    """Why a figure that is worked out from others is missing, where these are given. No record is kept with it."""

    RATE_MISSING = "rate_missing", _("Rate missing")


# Why there is no figure.
Missing = Standing | Gap
CALLED: dict[str, Missing] = {**{one.value: one for one in Standing}, **{one.value: one for one in Gap}}


def missing_called(code: str) -> Missing:
    """The standing or gap of that code. Raises KeyError."""
    return CALLED[code]


class Qualifier(models.TextChoices):
    """How closely a source stands by the value it states."""

    EXACT = "exact", _("Exact")
    ABOUT = "about", _("About")
    AT_LEAST = "at_least", _("At least")
    AT_MOST = "at_most", _("At most")


def value_matches_standing(value: str, standing: str, name: str) -> models.CheckConstraint:
    """The constraint that a value exists exactly when its standing is "stated"."""
    return models.CheckConstraint(
        name=name,
        condition=(
            models.Q(**{standing: Standing.STATED, f"{value}__isnull": False})
            | (~models.Q(**{standing: Standing.STATED}) & models.Q(**{f"{value}__isnull": True}))
        ),
        violation_error_message=_("Give a value when it is stated, and none when it is not."),
    )
