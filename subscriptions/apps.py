"""The app's registration with Django, of the one function that drains pending re-checks, and of what only grows."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = _("Subscriptions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agencies import rechecking
        from audit import agreement, trail
        from subscriptions.attachments.storing import disagreements
        from subscriptions.checking import drain
        from subscriptions.life_models import APPEND_ONLY
        from subscriptions.models import Decision, FindingNote, ImportedRow, WrittenRow
        from subscriptions.notices import register_messages

        rechecking.register(drain)
        register_messages()
        agreement.compare_too(disagreements)
        for model in (Decision, FindingNote, *APPEND_ONLY, ImportedRow, WrittenRow):
            trail.register(model)
