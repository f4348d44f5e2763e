"""The app's registration with Django, and of the one function that drains pending re-checks."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = _("Subscriptions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agencies import rechecking
        from subscriptions.checking import drain
        from subscriptions.notices import register_messages

        rechecking.register(drain)
        register_messages()
