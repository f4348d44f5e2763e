"""Texts of Django that locale/ko words better than Django does; listed here so that `make messages` keeps them."""

from django.utils.translation import gettext_noop

REWORDED = [
    gettext_noop(
        "Please enter a correct %(username)s and password. Note that both fields may be case-sensitive."
    ),
    gettext_noop("Select a valid choice. %(value)s is not one of the available choices."),
    gettext_noop("Select a valid choice. That choice is not one of the available choices."),
    gettext_noop("View %s"),
    gettext_noop("None available"),
]
