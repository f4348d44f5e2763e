"""The app that holds the home page and the site's own static files."""

from django.apps import AppConfig


class GovtrackConfig(AppConfig):
    name = "govtrack"
