"""The app's registration with Django: what it hears of signing in, and the triggers made anew after each migration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = _("Audit trail")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import signing_in, trail
        from audit.models import Event
        from audit.ties import restrict_deletes
        from audit.triggers import after_migrate

        trail.register(Event)
        signing_in.listen()
        restrict_deletes()
        # Not with a table's own migration: SQLite drops a table's triggers whenever a later one rebuilds it.
        post_migrate.connect(after_migrate, sender=self)
