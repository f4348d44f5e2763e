"""The app's registration with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgenciesConfig(AppConfig):
    name = "agencies"
    verbose_name = _("Agencies")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.mfa import signals as factors
        from django.contrib.auth.signals import user_logged_in

        from agencies.signing_in import places, second_factor
        from agencies.signing_in.session_limits import begin

        user_logged_in.connect(begin)
        user_logged_in.connect(places.signed_in, dispatch_uid="agencies.places")
        factors.authenticator_added.connect(second_factor.added, dispatch_uid="agencies.factor_added")
        factors.authenticator_removed.connect(second_factor.removed, dispatch_uid="agencies.factor_removed")
        factors.authenticator_reset.connect(second_factor.reset, dispatch_uid="agencies.factor_reset")
        factors.authenticator_used.connect(second_factor.used, dispatch_uid="agencies.factor_used")
