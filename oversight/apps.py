"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OversightConfig(AppConfig):
    name = "oversight"
    verbose_name = _("Oversight")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import trail
        from oversight.models import Snapshot
        from oversight.round_models import Return, RoundEvent
        from oversight.rounds.notices import register_messages

        register_messages()
        trail.register(Snapshot, batch=20)  # each holds a whole answer
        trail.register(Return, batch=200)  # each holds all that the agency answered
        trail.register(RoundEvent)
